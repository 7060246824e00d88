"""What the checks about Traefik's rules and middlewares read out of routing objects. Holds no check and judges nothing.

A spec may hold anything: what is not of the expected form counts as absent.
Source: Traefik's CRD reference (IngressRoute, Middleware) and its Ingress annotations.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from ingressdoctor.api import (
    CandidateRoute,
    Custom,
    HttpExchange,
    Ingress,
    Loaded,
    OriginProbe,
    OutsideProbe,
    RouteDecision,
    RoutingObjects,
    Service,
    Unavailable,
    as_list,
    as_map,
)
from ingressdoctor_checks.outside_view import came_through

__all__ = [
    "PREFIX",
    "SERVICE_KEYS",
    "Observed",
    "PathPart",
    "backends_text",
    "extra_conditions",
    "ingress_route_of",
    "ingresses_of",
    "kinds_of",
    "middleware_id",
    "middlewares_of",
    "misspelt_service_keys",
    "names_exactly",
    "observed",
    "path_part",
    "referenced_middlewares",
]

PREFIX: Final = "traefik.ingress.kubernetes.io/"
SERVICE_KEYS: Final = (
    *("service.serversscheme", "service.serverstransport", "service.passhostheader", "service.nativelb"),
    *("service.nodeportlb", "service.middlewares", "service.sticky", "service.sticky.cookie"),
    *(
        f"service.sticky.cookie.{part}"
        for part in ("name", "secure", "httponly", "samesite", "maxage", "path", "domain")
    ),
)
_CRD: Final = "@kubernetescrd"
_CALL: Final = re.compile(r"(!\s*)?\b([A-Za-z]+)\s*\(((?:\s*(?:,\s*)?(?:`[^`]*`|\"(?:[^\"\\]|\\.)*\"))*)\s*\)")
_LITERAL: Final = re.compile(r"`([^`]*)`|\"((?:[^\"\\]|\\.)*)\"")
_HOST: Final = frozenset(["host", "hostheader", "hostregexp"])
_PATH: Final = frozenset(["path", "pathprefix"])
_MAX_RULE: Final = 20_000
_MAX_CHAIN: Final = 10
_NOT_ALNUM: Final = re.compile(r"[^0-9A-Za-z]+")


def misspelt_service_keys(service: Service) -> tuple[str, ...]:
    """Return the annotations below Traefik's ``service.`` that it does not know; one drops every Ingress path to it."""
    if not service.metadata.annotations:
        return ()
    keys = ((key, key.removeprefix(PREFIX).lower()) for key in service.annotations if key.startswith(PREFIX))
    return tuple(key for key, option in keys if option.startswith("service.") and option not in SERVICE_KEYS)


class PathPart(msgspec.Struct, frozen=True):
    """The part of a rule that narrows the path, as far as it takes one request: matcher and text; both may be empty."""

    matcher: str = ""
    text: str = ""

    @property
    def narrowness(self) -> int:
        """How much of the path is fixed; the root narrows nothing."""
        return 0 if self.text == "/" and self.matcher == "pathprefix" else len(self.text)

    def __str__(self) -> str:
        return {"path": f"exactly {self.text}", "pathprefix": f"{self.text}…"}.get(self.matcher, "any path")


def _calls(rule: str) -> Iterator[tuple[bool, str, tuple[str, ...]]]:
    for match in _CALL.finditer(rule[:_MAX_RULE]):
        values = tuple(raw or quoted for raw, quoted in _LITERAL.findall(match.group(3)))
        yield bool(match.group(1)), match.group(2).lower(), values


def path_part(rule: str, path: str) -> PathPart:
    """Return the narrowest Path or PathPrefix of a rule that takes *path*."""
    found = [
        PathPart(name, value)
        for negated, name, values in _calls(rule)
        for value in values
        if not negated and name in _PATH and (path == value if name == "path" else path.startswith(value))
    ]
    return max(found, key=lambda part: (part.narrowness, part.matcher == "path"), default=PathPart())


def extra_conditions(rule: str) -> frozenset[str]:
    """Return the matchers of a rule beyond host, path and prefix: a route with more of them is meant to win."""
    return frozenset(
        ("!" if negated else "") + name
        for negated, name, _ in _calls(rule)
        if negated or (name not in _HOST and name not in _PATH)
    )


def names_exactly(rule: str, hostname: str) -> bool:
    """Tell whether a rule names the host itself, not only a wildcard over it."""
    return any(
        name in ("host", "hostheader")
        and not negated
        and hostname in (value.lower().removesuffix(".") for value in values)
        for negated, name, values in _calls(rule)
    )


def backends_text(route: CandidateRoute) -> str:
    """Return a route's backends in words."""
    return ", ".join([f"{item.kind} {item.namespace}/{item.name}:{item.port}" for item in route.backends]) or "none"


def middleware_id(namespace: str, name: str) -> str:
    """Return the id under which Traefik holds a Middleware."""
    return _NOT_ALNUM.sub("-", f"{namespace}-{name}").strip("-") + _CRD


def _middlewares(objects: RoutingObjects | Unavailable) -> tuple[Custom, ...]:
    if isinstance(objects, Unavailable) or not isinstance(objects.middlewares, Loaded):
        return ()
    return objects.middlewares.items


def middlewares_of(route: CandidateRoute, objects: RoutingObjects | Unavailable) -> tuple[Custom, ...]:
    """Return the Middlewares of a route in order, chains resolved; those that are not known are left out."""
    if not route.middlewares:
        return ()
    by_id = {} if isinstance(objects, Unavailable) else objects.derived(_middlewares_by_id)
    found: list[Custom] = []
    todo = [(name, 0) for name in route.middlewares]
    while todo and len(found) < 100:
        name, depth = todo.pop(0)
        item = by_id.get(name)
        if item is None or depth > _MAX_CHAIN:
            continue
        inner = [
            (_chained(entry, item.namespace), depth + 1)
            for entry in as_list(as_map(item.spec.get("chain")).get("middlewares"))
        ]
        todo[:0] = inner
        if not inner:
            found.append(item)
    return tuple(found)


def _middlewares_by_id(objects: RoutingObjects) -> dict[str, Custom]:
    return {middleware_id(item.namespace, item.name): item for item in _middlewares(objects)}


def _chained(entry: object, namespace: str) -> str:
    reference = as_map(entry)
    name = str(reference.get("name") or "")
    return name if "@" in name else middleware_id(str(reference.get("namespace") or namespace), name)


def kinds_of(item: Custom) -> tuple[str, ...]:
    """Return the types that a Middleware sets (``headers``, ``stripPrefix``)."""
    return tuple(key for key, value in item.spec.items() if value is not None)


def referenced_middlewares(objects: RoutingObjects) -> frozenset[str]:
    """Return the ids of all Middlewares that some route, Ingress, Service reference or chain names."""
    return objects.derived(_referenced)


def _referenced(objects: RoutingObjects) -> frozenset[str]:
    found: set[str] = set()
    if isinstance(objects.ingress_routes, Loaded):
        for item in objects.ingress_routes.items:
            for raw in as_list(item.spec.get("routes")):
                route = as_map(raw)
                inner = (
                    entry
                    for service in as_list(route.get("services"))
                    for entry in as_list(as_map(service).get("middlewares"))
                )
                found.update(_chained(entry, item.namespace) for entry in (*as_list(route.get("middlewares")), *inner))
    if isinstance(objects.ingresses, Loaded):
        for ingress in objects.ingresses.items:
            for key, value in ingress.annotations.items():
                if key.lower().startswith(PREFIX) and key.lower().endswith(".middlewares"):
                    found.update(word.strip() for word in value.split(","))
    for item in _middlewares(objects):
        found.update(
            _chained(entry, item.namespace) for entry in as_list(as_map(item.spec.get("chain")).get("middlewares"))
        )
    return frozenset(found)


def ingress_route_of(ref: str, objects: RoutingObjects | Unavailable) -> Custom | None:
    """Return the IngressRoute that a reference names."""
    return None if isinstance(objects, Unavailable) else objects.derived(_routes_by_ref).get(ref)


def _routes_by_ref(objects: RoutingObjects) -> dict[str, Custom]:
    found = objects.ingress_routes
    return {item.ref: item for item in reversed(found.items)} if isinstance(found, Loaded) else {}


def ingresses_of(refs: Iterable[str], objects: RoutingObjects | Unavailable) -> tuple[Ingress, ...]:
    """Return the Ingresses that references name, in their order; none when they could not be read."""
    if isinstance(objects, Unavailable):
        return ()
    known = objects.derived(_ingresses_by_ref)
    return tuple([known[ref] for ref in dict.fromkeys(refs) if ref in known])


def _ingresses_by_ref(objects: RoutingObjects) -> dict[str, Ingress]:
    found = objects.ingresses
    return {item.ref: item for item in reversed(found.items)} if isinstance(found, Loaded) else {}


class Observed(msgspec.Struct, frozen=True):
    """What the request was answered by the controller or what stands behind it; ``exchange`` is None: nothing seen.

    ``where`` is empty when nobody was asked.
    """

    exchange: HttpExchange | None = None
    where: str = ""

    @property
    def status(self) -> int:
        """The status, 0 when nothing was seen."""
        return self.exchange.status if self.exchange else 0

    @property
    def bad(self) -> bool:
        """Whether an answer came and is an error."""
        return self.status >= 400

    def __str__(self) -> str:
        return f"{self.status} {self.where}" if self.status else "none seen"


def observed(
    decision: RouteDecision, outside: OutsideProbe | Unavailable, origin: OriginProbe | Unavailable
) -> Observed:
    """Return the answer of the controller or the application: asked directly where possible, else through the edge."""
    if not isinstance(origin, Unavailable):
        exchange = origin.https if decision.request.tls else origin.http
        if exchange.status:
            return Observed(exchange, "at the origin")
    if not isinstance(outside, Unavailable) and came_through(outside) and not outside.left_host:
        return Observed(outside.last, "from outside")
    asked = not (isinstance(origin, Unavailable) and isinstance(outside, Unavailable))
    return Observed(where="no answer came") if asked else Observed()
