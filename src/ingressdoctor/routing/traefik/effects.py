"""Say in a few words what a middleware does to a request. It decides nothing and knows no secrets.

Source: traefik: pkg/config/dynamic/middlewares.go (fields, defaults), pkg/middlewares/redirect (status codes).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from ingressdoctor.evidence.route_view import MiddlewareSight
from ingressdoctor.evidence.routes import Custom
from ingressdoctor.routing.traefik.middlewares import Problem, as_list, as_map, resolve
from ingressdoctor.routing.traefik.naming import normalize
from ingressdoctor.routing.traefik.settings import CRD_PROVIDER, ProviderSettings

__all__ = ["effect_of", "sights_of"]

_SUFFIX: Final = f"@{CRD_PROVIDER}"
_MAX_DEPTH: Final = 8
_MAX_SIGHTS: Final = 100
_SHOWN: Final = 6


def sights_of(
    names: tuple[str, ...],
    middlewares: tuple[Custom, ...] | None,
    settings: ProviderSettings,
    filters: Mapping[str, Custom] | None = None,
) -> tuple[MiddlewareSight, ...]:
    """Describe middlewares by qualified id, chains unfolded; *middlewares* is None when they may not be read.

    *filters* are those of HTTPRoutes, by qualified id.
    """
    by_id = {normalize(f"{item.namespace}-{item.name}") + _SUFFIX: item for item in middlewares or ()}
    by_id.update(filters or {})
    found: list[MiddlewareSight] = []
    for name in names:
        for sight in _sights(name, by_id, settings, 0):
            if len(found) >= _MAX_SIGHTS:
                return tuple(found)
            found.append(sight)
    return tuple(found)


def _sights(
    name: str, by_id: Mapping[str, Custom], settings: ProviderSettings, depth: int
) -> Iterator[MiddlewareSight]:
    item = by_id.get(name)
    if item is None:
        elsewhere = f"defined by the provider {name.rpartition('@')[2]}" if not name.endswith(_SUFFIX) else "not read"
        yield MiddlewareSight(ref=name, type="", effect=f"{elsewhere}: what it does is not known here", depth=depth)
        return
    kind = next((key for key, value in item.spec.items() if value is not None), "")
    yield MiddlewareSight(ref=item.ref, type=kind, effect=effect_of(kind, as_map(item.spec.get(kind))), depth=depth)
    if kind == "chain" and depth < _MAX_DEPTH:
        for raw in as_list(as_map(item.spec[kind]).get("middlewares")):
            inner = resolve(as_map(raw), item.namespace, settings)
            if not isinstance(inner, Problem):
                yield from _sights(inner, by_id, settings, depth + 1)


def effect_of(kind: str, spec: Mapping[str, Any]) -> str:
    """Return what a middleware of this type and with these options does; the type's name for an unknown one."""
    say = _EFFECTS.get(kind)
    return say(spec) if say is not None else (f"{kind} (no words for this type)" if kind else "has no type")


def _words(value: object) -> str:
    items = [str(item) for item in as_list(value)]
    more = f" and {len(items) - _SHOWN} more" if len(items) > _SHOWN else ""
    return (", ".join(items[:_SHOWN]) + more) or "nothing"


def _status(spec: Mapping[str, Any]) -> str:
    return "301 for GET, else 308" if spec.get("permanent") is True else "302 for GET, else 307"


def _redirect_scheme(spec: Mapping[str, Any]) -> str:
    port = f" on port {spec['port']}" if spec.get("port") else ""
    scheme = spec.get("scheme") or "https"
    return f"redirects to {scheme}{port} what does not come by {scheme} ({_status(spec)})"


def _redirect_regex(spec: Mapping[str, Any]) -> str:
    return f"redirects URLs that match {spec.get('regex')} to {spec.get('replacement')} ({_status(spec)})"


def _headers(spec: Mapping[str, Any]) -> str:
    said: list[str] = []
    for key, name in (("customRequestHeaders", "request"), ("customResponseHeaders", "response")):
        if names := list(as_map(spec.get(key))):
            said.append(f"sets {name} headers {_words(names)}")
    if origins := [*as_list(spec.get("accessControlAllowOriginList"))]:
        said.append(f"allows CORS from {_words(origins)}")
    if patterns := as_list(spec.get("accessControlAllowOriginListRegex")):
        said.append(f"allows CORS from origins like {_words(patterns)}")
    if spec.get("stsSeconds"):
        said.append(f"sends HSTS for {spec['stsSeconds']} s")
    if spec.get("sslRedirect") is True:
        said.append("redirects to https")
    return ", ".join(said) or f"sets security options: {_words(list(spec))}"


def _allow_list(spec: Mapping[str, Any]) -> str:
    code = spec.get("rejectStatusCode") or 403
    strategy = as_map(spec.get("ipStrategy"))
    whose = f" (address {strategy['depth']} from the right in X-Forwarded-For)" if strategy.get("depth") else ""
    return f"answers {code} to clients outside {_words(spec.get('sourceRange'))}{whose}"


def _rate_limit(spec: Mapping[str, Any]) -> str:
    period = spec.get("period") or "1s"
    return f"answers 429 above {spec.get('average', 0)} requests in {period}, bursts of {spec.get('burst', 1)}"


def _errors(spec: Mapping[str, Any]) -> str:
    name = as_map(spec.get("service")).get("name") or "no service"
    return f"replaces answers {_words(spec.get('status'))} by {spec.get('query') or '/'} of {name}"


def _changed(spec: Mapping[str, Any]) -> str:
    named = [as_map(item).get("name") for key in ("set", "add") for item in as_list(spec.get(key))]
    return _words([*named, *as_list(spec.get("remove"))])


def _auth(kind: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda spec: f"asks for {kind} credentials (Secret {spec.get('secret') or 'not named'}), else 401"


_EFFECTS: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "addPrefix": lambda spec: f"puts {spec.get('prefix') or 'nothing'} before the path",
    "basicAuth": _auth("basic"),
    "buffering": lambda spec: f"buffers bodies, 413 above {spec.get('maxRequestBodyBytes') or 'no limit'} bytes",
    "chain": lambda spec: f"a chain of {len(as_list(spec.get('middlewares')))}",
    "circuitBreaker": lambda spec: f"answers {spec.get('responseCode') or 503} while {spec.get('expression')}",
    "compress": lambda _: "compresses answers",
    "contentType": lambda _: "lets Traefik guess a missing Content-Type",
    "digestAuth": _auth("digest"),
    "errors": _errors,
    "forwardAuth": lambda spec: f"asks {spec.get('address') or 'no address'} whether the request may pass",
    "grpcWeb": lambda spec: f"translates gRPC-Web, origins {_words(spec.get('allowOrigins'))}",
    "headers": _headers,
    "inFlightReq": lambda spec: f"answers 429 above {spec.get('amount', 0)} requests at a time",
    "ipAllowList": _allow_list,
    "ipWhiteList": _allow_list,
    "noBackend": lambda spec: f"answers 500: {spec.get('why')}",
    "passTLSClientCert": lambda _: "passes the client's certificate on in a header",
    "plugin": lambda spec: f"plugin {_words(list(spec))}",
    "rateLimit": _rate_limit,
    "redirectRegex": _redirect_regex,
    "redirectScheme": _redirect_scheme,
    "replacePath": lambda spec: f"replaces the path by {spec.get('path')}",
    "replacePathRegex": lambda spec: f"replaces {spec.get('regex')} in the path by {spec.get('replacement')}",
    "requestHeaderModifier": lambda spec: f"changes request headers {_changed(spec)}",
    "requestRedirect": lambda spec: f"redirects with {spec.get('statusCode') or 302}",
    "responseHeaderModifier": lambda spec: f"changes response headers {_changed(spec)}",
    "retry": lambda spec: f"tries up to {spec.get('attempts', 0)} times",
    "stripPrefix": lambda spec: f"strips {_words(spec.get('prefixes'))} from the start of the path",
    "stripPrefixRegex": lambda spec: f"strips what matches {_words(spec.get('regex'))} from the path",
    "urlRewrite": lambda spec: "rewrites " + " and ".join(key for key in ("hostname", "path") if spec.get(key)),
}
