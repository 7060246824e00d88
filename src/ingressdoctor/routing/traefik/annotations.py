"""Read Traefik's annotations of an Ingress (``router.*``) and of a Service (``service.*``).

One unknown or malformed key costs the whole Ingress, or every path to the Service. Later keys came with later
releases; an older Traefik refuses them.

Source: traefik: pkg/provider/kubernetes/ingress/annotations.go (v2.11, v3.0 to v3.7).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

import msgspec

from ingressdoctor.evidence.routes import DropReason
from ingressdoctor.routing.traefik.labels import LabelError, Leaf, Optional, Repeated, Schema, Value, decode
from ingressdoctor.routing.traefik.middlewares import Problem
from ingressdoctor.routing.traefik.version import Version

__all__ = ["RouterOptions", "ServiceOptions", "read_router_options", "read_service_options"]

_PREFIX: Final = "traefik.ingress.kubernetes.io/"
_DOMAIN: Final[Schema] = {"main": Leaf.STRING, "sans": Leaf.WORDS}
_TLS: Final[Schema] = {"options": Leaf.STRING, "certresolver": Leaf.STRING, "domains": Repeated(_DOMAIN)}
_OBSERVABILITY: Final[Schema] = {
    "accesslogs": Leaf.BOOL_POINTER,
    "metrics": Leaf.BOOL_POINTER,
    "tracing": Leaf.BOOL_POINTER,
}
_ROUTER: Final[Schema] = {
    "pathmatcher": Leaf.STRING,
    "entrypoints": Leaf.WORDS,
    "middlewares": Leaf.WORDS,
    "priority": Leaf.INT,
}
_COOKIE: Final[Schema] = {
    "name": Leaf.STRING,
    "secure": Leaf.BOOL,
    "httponly": Leaf.BOOL,
    "samesite": Leaf.STRING,
}
_LATER_COOKIE: Final = (
    ("maxage", Leaf.INT, (3, 0, 0)),
    ("path", Leaf.STRING, (3, 3, 0)),
    ("domain", Leaf.STRING, (3, 4, 0)),
)
_SERVICE: Final[Schema] = {
    "serversscheme": Leaf.STRING,
    "serverstransport": Leaf.STRING,
    "passhostheader": Leaf.BOOL_POINTER,
    "nativelb": Leaf.BOOL_POINTER,
}


class RouterOptions(msgspec.Struct, frozen=True):
    """The router options that decide about routing; defaults as in Traefik."""

    path_matcher: str = "PathPrefix"
    entry_points: tuple[str, ...] = ()
    middlewares: tuple[str, ...] = ()
    priority: int = 0
    rule_syntax: str = ""
    tls: bool = False
    tls_options: str = ""


class ServiceOptions(msgspec.Struct, frozen=True):
    """The options on a Service; ``native_lb`` is None when it leaves that to the provider."""

    scheme: str = ""
    transport: str = ""
    pass_host_header: bool = True
    native_lb: bool | None = None
    node_port_lb: bool = False
    middlewares: tuple[str, ...] = ()


def read_router_options(annotations: Mapping[str, str], version: Version | None = None) -> RouterOptions | Problem:
    """Return the options of an Ingress, or why Traefik skips it as a whole."""
    own = _own(annotations)
    return _router_options(tuple(sorted(own.items())), version or Version()) if own else RouterOptions()


@lru_cache(maxsize=1_024)
def _router_options(items: tuple[tuple[str, str], ...], version: Version) -> RouterOptions | Problem:
    own = dict(items)
    try:
        found = decode(own, "router", _router_schema(version)) or {}
    except LabelError as error:
        key = _culprit(own, "router", _router_schema(version))
        return Problem(DropReason.ANNOTATION, f"Failed to parse annotations: {error}", related=key)
    tls = found.get("tls")
    priority = found.get("priority")
    return RouterOptions(
        path_matcher=_text(found, "pathmatcher") or "PathPrefix",
        entry_points=_words(found, "entrypoints"),
        middlewares=_words(found, "middlewares"),
        priority=priority if isinstance(priority, int) else 0,
        rule_syntax=_text(found, "rulesyntax"),
        tls=tls is not None,
        tls_options=_text(tls, "options") if isinstance(tls, dict) else "",
    )


def read_service_options(annotations: Mapping[str, str], version: Version | None = None) -> ServiceOptions | str:
    """Return the options of a Service, or the parser's words for why nothing is served from it."""
    if not any(key.startswith(_PREFIX) for key in annotations):
        return ServiceOptions()
    try:
        found = decode(_own(annotations), "service", _service_schema(version or Version())) or {}
    except LabelError as error:
        return str(error)
    native = found.get("nativelb")
    return ServiceOptions(
        scheme=_text(found, "serversscheme"),
        transport=_text(found, "serverstransport"),
        pass_host_header=found.get("passhostheader") is not False,
        native_lb=native if isinstance(native, bool) else None,
        node_port_lb=found.get("nodeportlb") is True,
        middlewares=_words(found, "middlewares"),
    )


def _own(annotations: Mapping[str, str]) -> dict[str, str]:
    return {key.removeprefix(_PREFIX): value for key, value in annotations.items() if key.startswith(_PREFIX)}


def _router_schema(version: Version) -> Schema:
    schema = {**_ROUTER, "tls": Optional(_tls_schema(version))}
    if version.since((3, 1, 0)):
        schema["rulesyntax"] = Leaf.STRING
    if version.since((3, 3, 0)):
        fields: dict[str, Leaf | Optional | Repeated] = dict(_OBSERVABILITY)
        if version.since((3, 5, 0)):
            fields["traceverbosity"] = Leaf.STRING
        if version.since((3, 7, 0)):
            fields["metadata"] = Optional({"ingress": Leaf.IGNORED})
        schema["observability"] = Optional(fields)
    return schema


def _tls_schema(version: Version) -> Schema:
    # A field of Traefik's own bookkeeping: its parser knows the name and ignores the value.
    return {**_TLS, "resolvedoptions": Leaf.IGNORED} if version.since((3, 7, 0)) else _TLS


def _service_schema(version: Version) -> Schema:
    cookie = {**_COOKIE, **{name: leaf for name, leaf, since in _LATER_COOKIE if version.since(since)}}
    schema = {**_SERVICE, "sticky": Optional({"cookie": Optional(cookie)})}
    if version.since((3, 1, 0)):
        schema["nodeportlb"] = Leaf.BOOL
    if version.since((3, 7, 0)):
        schema["middlewares"] = Leaf.WORDS
    return schema


def _culprit(own: Mapping[str, str], root: str, schema: Schema) -> str:
    """Return the first annotation that is refused on its own."""
    return next((_PREFIX + key for key in sorted(own) if _refused({key: own[key]}, root, schema)), "")


def _refused(own: Mapping[str, str], root: str, schema: Schema) -> bool:
    try:
        decode(own, root, schema)
    except LabelError:
        return True
    return False


def _text(found: Mapping[str, Value], name: str) -> str:
    value = found.get(name)
    return value if isinstance(value, str) else ""


def _words(found: Mapping[str, Value], name: str) -> tuple[str, ...]:
    value = found.get(name)
    return value if isinstance(value, tuple) else ()
