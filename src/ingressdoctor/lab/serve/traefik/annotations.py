"""Traefik's annotations on Ingresses and Services, decoded as strictly as Traefik decodes them.

Keys below `router.` count on the Ingress, keys below `service.` on the Service; the prefix is matched by case, the
rest is not, and whatever stands on the other kind is ignored. A key below the own section that does not exist, or a
value of the wrong type, fails the whole object. Source: traefik pkg/provider/kubernetes/ingress/annotations.go,
paerser parser (error texts).
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Mapping

from ingressdoctor.lab.cluster import Object, dig, mapping, text
from ingressdoctor.lab.serve.traefik.model import DropError, Sticky

PREFIX = "traefik.ingress.kubernetes.io/"
_TRUE, _FALSE = frozenset(("1", "t", "true")), frozenset(("0", "f", "false"))
_ROUTER = {
    "entrypoints": "text",
    "middlewares": "text",
    "priority": "int",
    "rulesyntax": "text",
    "pathmatcher": "text",
    "tls": "switch",
    "tls.options": "text",
    "tls.certresolver": "text",
    "tls.domains.N.main": "text",
    "tls.domains.N.sans": "text",
    "observability.accesslogs": "bool",
    "observability.metrics": "bool",
    "observability.tracing": "bool",
    "observability.traceverbosity": "text",
}
_COOKIE = {
    "": "switch",
    ".name": "text",
    ".secure": "bool",
    ".httponly": "bool",
    ".samesite": "text",
    ".maxage": "int",
    ".path": "text",
    ".domain": "text",
}
_SERVICE = {
    "serversscheme": "text",
    "serverstransport": "text",
    "passhostheader": "bool",
    "middlewares": "text",
    "nativelb": "bool",
    "nodeportlb": "bool",
    "sticky": "switch",
    **{f"sticky.cookie{key}": kind for key, kind in _COOKIE.items()},
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ServiceMarks:
    """What a Service's annotations say."""

    scheme: str = ""
    transport: str = ""
    pass_host: bool = True
    native: bool = False
    sticky: Sticky | None = None


def router_marks(ingress: Object) -> Mapping[str, str]:
    """The router annotations of an Ingress: `router.priority` and so on, in lower case.

    Raises:
        DropError: one cannot be decoded, which costs the whole Ingress.
    """
    return {f"router.{key}": value for key, value in _decoded(ingress, "router.", _ROUTER).items()}


def service_marks(service: Object, name: str) -> ServiceMarks:
    """What a Service's annotations say; a sticky cookie without a name is called after *name*.

    Raises:
        DropError: one cannot be decoded, which costs the paths that use the Service.
    """
    found = _decoded(service, "service.", _SERVICE)
    cookie = {key.removeprefix("sticky.cookie").lstrip("."): v for key, v in found.items() if "sticky.cookie" in key}
    switched_off = cookie.get("", "true").lower() in _FALSE and len(cookie) == 1
    return ServiceMarks(
        scheme=found.get("serversscheme", ""),
        transport=found.get("serverstransport", ""),
        pass_host=found.get("passhostheader", "true").lower() in _TRUE,
        native=found.get("nativelb", "").lower() in _TRUE,
        sticky=_sticky(cookie, name) if cookie and not switched_off else None,
    )


def cookie_name(service: str) -> str:
    """What Traefik calls a sticky cookie that has no name."""
    return "_" + hashlib.sha1(service.encode(), usedforsecurity=False).hexdigest()[:5]


def _sticky(cookie: Mapping[str, str], name: str) -> Sticky:
    return Sticky(
        name=cookie.get("name") or cookie_name(name),
        secure=cookie.get("secure", "").lower() in _TRUE,
        http_only=cookie.get("httponly", "").lower() in _TRUE,
        same_site=cookie.get("samesite", ""),
        max_age=int(cookie.get("maxage") or 0),
        path=cookie.get("path", "/"),
        domain=cookie.get("domain", ""),
    )


def _decoded(item: Object, section: str, known: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in sorted(mapping(dig(item, "metadata", "annotations")).items()):
        short = text(key).removeprefix(PREFIX)
        if short == text(key) or not short.lower().startswith(section):
            continue
        name = short[len(section) :]
        kind = known.get(_listed(name.lower()))
        if kind is None:
            raise DropError(_stray(name, known))
        if not _is_valid(text(value), kind):
            raise DropError(_complaint(text(value), kind))
        found[name.lower()] = text(value)
    return found


def _listed(name: str) -> str:
    """A key with the index of a list's element as N."""
    return re.sub(r"^(tls\.domains)\.\d+", r"\1.N", name)


def _stray(name: str, known: Mapping[str, str]) -> str:
    """The complaint about the first part of a key that leads nowhere, or that leads on behind a plain value."""
    parts = name.split(".")
    for count in range(1, len(parts) + 1):
        path = _listed(".".join(parts[:count]).lower())
        kind = known.get(path, "")
        if kind in {"int", "bool", "text"}:
            return f"invalid node {parts[count - 1]}: {'string' if kind == 'text' else kind}"
        if not kind and not any(key.startswith(path + ".") for key in known):
            return f"field not found, node: {parts[count - 1]}"
    return f"field not found, node: {parts[-1]}"


def _is_valid(value: str, kind: str) -> bool:
    if kind == "bool":
        return value.lower() in _TRUE | _FALSE
    if kind == "int":
        return re.fullmatch(r"[+-]?\d{1,19}", value) is not None and -(2**63) <= int(value) < 2**63
    return True


def _complaint(value: str, kind: str) -> str:
    what = "ParseBool" if kind == "bool" else "ParseInt"
    why = "value out of range" if re.fullmatch(r"[+-]?\d+", value) and kind == "int" else "invalid syntax"
    return f'strconv.{what}: parsing "{value}": {why}'
