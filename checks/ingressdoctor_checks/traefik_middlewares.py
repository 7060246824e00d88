"""Middlewares that were written and never used, and CORS headers that no browser accepts.

A middleware that is named and missing is judged in ``traefik_dropped``.
Source: Traefik's middleware reference; its headers middleware compares the Origin header as plain text; the Fetch
standard (an origin is scheme, host and port, nothing else).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    BackendView,
    CandidateRoute,
    Controller,
    Custom,
    Finding,
    Ingress,
    KnownHosts,
    Loaded,
    Outcome,
    Remedy,
    RouteDecision,
    RoutingObjects,
    Target,
    Unavailable,
    as_list,
    as_map,
    changes,
    check,
    look,
    ok,
    skip,
    unknown,
    warn,
)
from ingressdoctor_checks.traefik_common import API, STEP, describe, edit, names_host
from ingressdoctor_checks.traefik_objects import (
    PREFIX,
    kinds_of,
    middleware_id,
    middlewares_of,
    referenced_middlewares,
)
from ingressdoctor_checks.undecided import undecided

__all__ = ["cors_mismatch", "middleware_unattached"]

_LINK: Final = "Traefik → middlewares"
_PURPOSES: Final = {
    "ipAllowList": "an address list",
    "ipWhiteList": "an address list",
    "basicAuth": "a login",
    "digestAuth": "a login",
    "forwardAuth": "a login",
}
_MAX_SPEC: Final = 20_000
# Words that say what a Middleware does, or what every second object is called.
_GENERIC: Final = frozenset(
    (
        *("cors", "headers", "header", "auth", "basic", "forward", "login", "allow", "allowlist", "whitelist", "ip"),
        *("middleware", "default", "api", "app", "web", "www", "http", "https", "client", "server", "ingress", "route"),
        *("list", "service", "name", "kind", "match", "rule", "port", "path", "prod", "staging", "internal"),
    )
)
_ORIGIN: Final = re.compile(r"https?://[a-z0-9_.-]+(?::\d{1,5})?|null|\*")


@check(
    id="traefik.middleware-unattached",
    title="Middlewares that were written for the site are used",
    step=STEP,
    link=_LINK,
)
def middleware_unattached(
    decision: RouteDecision,
    objects: RoutingObjects,
    controller: Controller | Unavailable,
    view: BackendView | Unavailable,
) -> Iterator[Finding]:
    """Until a route names it a Middleware does nothing: CORS headers, address lists, logins are only intended."""
    kinds = (objects.middlewares, objects.ingress_routes, objects.ingresses)
    gap = next((kind for kind in kinds if isinstance(kind, Unavailable)), None)
    if gap is not None or not isinstance(objects.middlewares, Loaded):
        why = gap.reason if gap is not None else "they could not be read"
        yield unknown(
            f"Whether a middleware stands unused could not be seen: {why}.",
            enable_with="Allow list on middlewares, ingressroutes (traefik.io) and ingresses in all namespaces.",
        )
        return
    winner = decision.winner
    if winner is None or not winner.namespace:
        yield undecided(decision) or skip("No route takes the request, so no middleware is missing from it.")
        return
    loose = objects.derived(_unreferenced).get(winner.namespace, ())
    if loose:
        elsewhere = _named_elsewhere(controller, view)
        loose = tuple(item for item in loose if middleware_id(item.namespace, item.name) not in elsewhere)
    have = {_purpose(item) for item in middlewares_of(winner, objects)}
    meant = [
        item
        for item in loose
        if (purpose := _purpose(item)) and purpose not in have and not _is_another_routes(item, winner, objects)
    ]
    for item in meant:
        reference = f"name: {item.name}"
        if winner.ref.startswith("Ingress "):
            reference = f"{PREFIX}router.middlewares: {middleware_id(item.namespace, item.name)}"
        yield warn(
            f"{item.ref} sets {_purpose(item)}, but no route, Ingress or chain names it: it has no effect.",
            subject=item.ref,
            where=API,
            seen={
                "type": ", ".join(kinds_of(item)),
                "middlewares of the route": ", ".join(winner.middlewares) or "none",
            },
            remedy=Remedy(
                text=f"If it is meant for this host, name it in {winner.ref} ({reference}); if not, delete it.",
                commands=(describe(item.ref), describe(winner.ref), changes(*edit(winner.ref))),
                proof=describe(winner.ref),
            ),
        )
    if not meant:
        others = f" {len(loose)} of other types stand unused." if loose else ""
        yield ok(f"No CORS headers, address list or login of namespace {winner.namespace} stands unused.{others}")


def _unreferenced(objects: RoutingObjects) -> dict[str, tuple[Custom, ...]]:
    """Return by namespace the Middlewares that no route, Ingress or chain names."""
    found: dict[str, tuple[Custom, ...]] = {}
    used = referenced_middlewares(objects)
    for item in objects.middlewares.items if isinstance(objects.middlewares, Loaded) else ():
        if middleware_id(item.namespace, item.name) not in used:
            found[item.namespace] = (*found.get(item.namespace, ()), item)
    return found


def _is_another_routes(item: Custom, winner: CandidateRoute, objects: RoutingObjects) -> bool:
    """Tell by its name whether a Middleware was written for another route of the namespace than the winner."""
    telling = _words(item.name) - _GENERIC
    mine = _words(f"{winner.ref} {winner.rule} {' '.join(ref.name for ref in winner.backends)}")
    if not telling or telling & mine:
        return False
    routes: tuple[Custom | Ingress, ...] = (
        *(objects.ingress_routes.items if isinstance(objects.ingress_routes, Loaded) else ()),
        *(objects.ingresses.items if isinstance(objects.ingresses, Loaded) else ()),
    )
    others = (route for route in routes if route.namespace == winner.namespace and route.ref != winner.ref)
    return any(telling & _words(f"{route.name} {route.spec!r}"[:_MAX_SPEC]) for route in others)


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[a-z0-9]{2,}", text.lower()))


def _named_elsewhere(controller: Controller | Unavailable, view: BackendView | Unavailable) -> frozenset[str]:
    """Return the ids that entry points and the backend's Service name."""
    found: set[str] = set()
    if not isinstance(controller, Unavailable):
        found.update(name for point in controller.static.entry_points for name in point.middlewares)
    if not isinstance(view, Unavailable) and view.service is not None:
        text = view.service.annotations.get(PREFIX + "service.middlewares", "")
        found.update(word.strip() for word in text.split(","))
    return frozenset(found)


def _purpose(item: Custom) -> str:
    """Say what a Middleware was meant for, where its type tells; empty for types that only shape answers."""
    for kind in kinds_of(item):
        if kind in _PURPOSES:
            return _PURPOSES[kind]
        if kind == "headers" and any(key.startswith("accessControl") for key in as_map(item.spec.get(kind))):
            return "CORS headers"
    return ""


@check(
    id="traefik.cors-mismatch",
    title="The CORS headers can match a browser's origin",
    step=STEP,
    link=_LINK,
)
def cors_mismatch(
    decision: RouteDecision, objects: RoutingObjects | Unavailable, hosts: KnownHosts | Unavailable, target: Target
) -> Iterator[Finding]:
    """Browsers send scheme, host and port; an entry in any other form never equals that, and the preflight fails."""
    winner = decision.winner
    if winner is None or decision.outcome is not Outcome.ROUTED:
        yield undecided(decision) or skip("No single route takes the request, so no CORS headers are in question.")
        return
    allowing = [item for item in middlewares_of(winner, objects) if _purpose(item) == "CORS headers"]
    if not allowing:
        yield skip("The route has no middleware with CORS headers.")
        return
    known = () if isinstance(hosts, Unavailable) else tuple(hosts.hosts)
    wrong = {}
    for item in allowing:
        headers = as_map(item.spec.get("headers"))
        origins = [str(text) for text in as_list(headers.get("accessControlAllowOriginList"))]
        wrong = {text: why for text in origins if (why := _never_an_origin(text, known))}
        if "*" in origins and headers.get("accessControlAllowCredentials") is True:
            wrong["*"] = "browsers refuse the star together with credentials"
        if not wrong:
            continue
        first = next(iter(wrong))
        yield warn(
            f"{item.ref} allows the origin {first!r}, which no browser will be granted: {wrong[first]}.",
            subject=item.ref,
            where=API,
            seen={**wrong, "allowed": ", ".join(origins), "route": winner.ref},
            remedy=Remedy(
                text="Write each origin as the browser sends it: https://host, in lower case, with no path and no "
                "trailing slash; for a family of hosts use accessControlAllowOriginListRegex.",
                commands=(describe(item.ref), changes(*edit(item.ref))),
                proof=look(
                    *("curl", "-sS", "-o", "/dev/null", "-D", "-", "-X", "OPTIONS"),
                    *("-H", "Origin: https://ORIGIN", "-H", "Access-Control-Request-Method: GET", target.url),
                ),
            ),
        )
        return
    yield ok("Every origin that the CORS headers allow is one that a browser can send.", subject=allowing[0].ref)


def _never_an_origin(text: str, known: tuple[str, ...]) -> str:
    """Say why no browser sends this origin, or that it is probably misspelt; empty when it can be right."""
    if _ORIGIN.fullmatch(text):
        return _misspelt(text, known)
    scheme, separator, rest = text.partition("://")
    reasons = {
        "the scheme is missing": not separator,
        "an origin ends without a slash": rest.endswith("/"),
        "browsers send it in lower case": text != text.lower(),
        "the list is compared as plain text, so a star inside stands for itself": "*" in text,
        "an origin has no path, query or spaces": scheme in ("http", "https"),
    }
    # Other schemes are those of browser extensions and apps.
    return next((why for why, holds in reasons.items() if holds), "")


def _misspelt(origin: str, known: tuple[str, ...]) -> str:
    host = origin.partition("://")[2].partition(":")[0]
    if not host or not known or any(names_host(f"`{name}`", host) for name in known):
        return ""
    near = difflib.get_close_matches(host, known, n=1, cutoff=0.93)
    return f"no route of the cluster names {host}; did you mean {near[0]}" if near else ""
