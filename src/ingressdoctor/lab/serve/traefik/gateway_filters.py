"""Filters of HTTPRoutes as middlewares: redirects, rewrites, headers. Source: traefik pkg/middlewares/gatewayapi."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from ingressdoctor.lab.cluster import dig, mapping, sequence, text
from ingressdoctor.lab.serve.traefik.layers import Layer, Visit
from ingressdoctor.lab.serve.wire import Response, reason, without


def _path(options: Mapping[str, Any], path: str) -> str:
    """The path after a replacement; without one, as it was."""
    kind = dig(options, "path", "type")
    if kind == "ReplaceFullPath":
        return text(dig(options, "path", "replaceFullPath"))
    if kind != "ReplacePrefixMatch":
        return path
    rest = path.removeprefix(text(options.get("matched"))).strip("/")
    start = text(dig(options, "path", "replacePrefixMatch")).rstrip("/")
    joined = f"{start}/{rest}" if rest else start or "/"
    return f"{joined}/" if path.endswith("/") and not joined.endswith("/") else joined


def request_redirect(options: Mapping[str, Any]) -> Layer:
    """Answers with a redirect, always."""

    def before(visit: Visit) -> Visit | Response:
        path, mark, query = visit.request.target.partition("?")
        host = visit.request.get("host").partition(":")[0]
        scheme = text(options.get("scheme")) or visit.scheme
        port = f":{options['port']}" if isinstance(options.get("port"), int) else ""
        where = f"{scheme}://{text(options.get('hostname')) or host}{port}{_path(options, path)}{mark}{query}"
        code = int(options.get("statusCode") or 302)
        return Response(status=code, headers=(("Location", where),), body=reason(code).encode())

    return Layer(name="", before=before)


def url_rewrite(options: Mapping[str, Any]) -> Layer:
    """Another path, or another Host."""

    def before(visit: Visit) -> Visit | Response:
        path, mark, query = visit.request.target.partition("?")
        headers = visit.request.headers
        if host := text(options.get("hostname")):
            headers = (*without(headers, ("host",)), ("Host", host))
        target = _path(options, path) + mark + query
        return dataclasses.replace(visit, request=dataclasses.replace(visit.request, target=target, headers=headers))

    return Layer(name="", before=before)


def _changed(headers: tuple[tuple[str, str], ...], options: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    pairs = {key: [mapping(item) for item in sequence(options.get(key))] for key in ("set", "add")}
    gone = [*map(text, sequence(options.get("remove"))), *(text(item.get("name")) for item in pairs["set"])]
    kept = without(headers, tuple(name.lower() for name in gone))
    return (*kept, *((text(one.get("name")), text(one.get("value"))) for key in pairs for one in pairs[key]))


def request_headers(options: Mapping[str, Any]) -> Layer:
    """Headers on the way to the backend."""

    def before(visit: Visit) -> Visit | Response:
        headers = _changed(visit.request.headers, options)
        return dataclasses.replace(visit, request=dataclasses.replace(visit.request, headers=headers))

    return Layer(name="", before=before)


def response_headers(options: Mapping[str, Any]) -> Layer:
    """Headers on the way back."""
    return Layer(
        name="", after=lambda response, _: dataclasses.replace(response, headers=_changed(response.headers, options))
    )


MAKERS: Mapping[str, Callable[[Mapping[str, Any]], Layer]] = {
    "requestHeaderModifier": request_headers,
    "requestRedirect": request_redirect,
    "responseHeaderModifier": response_headers,
    "urlRewrite": url_rewrite,
}
