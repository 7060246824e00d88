"""Filters of HTTPRoutes as Traefik's middlewares: where a redirect leads, what a rewrite makes of a path, 500 for none.

Source: traefik: pkg/provider/kubernetes/gateway/httproute.go (loadMiddlewares), pkg/middlewares/gatewayapi/redirect,
pkg/middlewares/gatewayapi/urlrewrite (v3.7.9).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from ingressdoctor.evidence.routes import Custom
from ingressdoctor.model.untyped import as_list, as_map, as_text
from ingressdoctor.routing.gateway.shapes import Match, Route, Rule
from ingressdoctor.routing.traefik.naming import normalize
from ingressdoctor.routing.traefik.redirects import Asked, Redirect
from ingressdoctor.routing.traefik.settings import CRD_PROVIDER, GATEWAY_PROVIDER

__all__ = ["filters_of", "no_backend", "request_redirect", "rewritten"]

_CODES: Final = (301, 302, 303, 307, 308)
_PREFIX: Final = "matchedPrefix"
_PLAIN: Final = {
    "RequestHeaderModifier": "requestHeaderModifier",
    "ResponseHeaderModifier": "responseHeaderModifier",
}


def filters_of(route: Route, rule: Rule, match: Match, name: str) -> tuple[tuple[str, Custom | None], ...] | str:
    """Return the middlewares of a rule by qualified id, None where the id is that of a Middleware object.

    What Traefik cannot use makes the whole rule answer 500: then its reason is returned instead.
    """
    found: list[tuple[str, Custom | None]] = []
    for number, raw in enumerate(rule.filters):
        kind = as_text(raw.get("type"))
        if kind == "ExtensionRef":
            reference = as_map(raw.get("extensionRef"))
            if (reference.get("group"), reference.get("kind")) != ("traefik.io", "Middleware"):
                return f"unsupported filter extension ref {as_text(reference.get('kind'))}"
            found.append((normalize(f"{route.namespace}-{as_text(reference.get('name'))}") + f"@{CRD_PROVIDER}", None))
            continue
        spec = _spec(kind, raw, match, grpc=route.kind == "GRPCRoute")
        if isinstance(spec, str):
            return spec
        found.append((f"{name}-{kind.lower()}-{number}@{GATEWAY_PROVIDER}", _filter(route, spec)))
    return tuple(found)


def _filter(route: Route, spec: Mapping[str, Any]) -> Custom:
    metadata = {"name": route.name, "namespace": route.namespace}
    return msgspec.convert({"kind": route.kind, "metadata": metadata, "spec": dict(spec)}, Custom)


def no_backend(route: Route, name: str, why: str) -> tuple[str, Custom]:
    """Return the stand-in for a rule of which no backend can be used: it answers 500."""
    return f"{name}-err-wrr@{GATEWAY_PROVIDER}", _filter(route, {"noBackend": {"why": why}})


def _spec(kind: str, raw: Mapping[str, Any], match: Match, *, grpc: bool) -> Mapping[str, Any] | str:
    if kind in _PLAIN and not (grpc and kind == "ResponseHeaderModifier"):
        return {_PLAIN[kind]: dict(as_map(raw.get(_PLAIN[kind])))}
    if grpc or kind not in ("RequestRedirect", "URLRewrite", "CORS"):
        return f"unsupported filter {kind}"
    if kind == "CORS":
        return {"headers": {"accessControlAllowOriginList": list(as_list(as_map(raw.get("cors")).get("allowOrigins")))}}
    name = "urlRewrite" if kind == "URLRewrite" else "requestRedirect"
    options = as_map(raw.get(name))
    if name == "urlRewrite" and not options:
        return "empty configuration"
    code = options.get("statusCode", 302)
    return {name: {**options, _PREFIX: match.path}} if code in _CODES else f"unsupported status code: {code}"


def request_redirect(spec: Mapping[str, Any], asked: Asked) -> Redirect:
    """Return where a RequestRedirect leads."""
    path, mark, query = asked.uri.partition("?")
    scheme = as_text(spec.get("scheme")) or ("https" if asked.tls else "http")
    host, _, port = asked.host.partition(":")
    if spec.get("scheme") in ("http", "https"):
        port = ""
    if isinstance(spec.get("port"), int):
        port = str(spec["port"])
    authority = (as_text(spec.get("hostname")) or host) + (f":{port}" if port else "")
    code = spec.get("statusCode")
    status = code if isinstance(code, int) else 302
    return Redirect(status=status, location=f"{scheme}://{authority}{rewritten(spec, path)}{mark}{query}")


def rewritten(spec: Mapping[str, Any], path: str) -> str:
    """Return what a redirect or rewrite makes of a path."""
    modifier = as_map(spec.get("path"))
    if modifier.get("type") == "ReplaceFullPath":
        return as_text(modifier.get("replaceFullPath")) or path
    if modifier.get("type") != "ReplacePrefixMatch":
        return path
    rest = path.removeprefix(as_text(spec.get(_PREFIX)))
    joined = posixpath.normpath("/".join(_parts(as_text(modifier.get("replacePrefixMatch")), rest)) or "/")
    joined = joined.replace("//", "/")
    return f"{joined}/" if path.endswith("/") and not joined.endswith("/") else joined


def _parts(*texts: str) -> Iterator[str]:
    yield from (text for text in texts if text)
