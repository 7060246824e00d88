"""Send a request through middlewares: which of them answers it, what they make of the path, what remains unknown.

Only what configuration decides is decided: counters, credentials and other servers are not known here.

Source: traefik: pkg/middlewares/{ipallowlist,auth,stripprefix,addprefix,replacepath*,headers,redirect}, each as of
v3.7.9; pkg/server/middleware/middlewares.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote, unquote

import msgspec
from msgspec.structs import replace

from ingressdoctor.evidence.answer import AnswerSource, PredictedAnswer
from ingressdoctor.evidence.routes import Custom
from ingressdoctor.routing.traefik.errors import RuleError
from ingressdoctor.routing.traefik.forwarded import client_address, strategy_problem
from ingressdoctor.routing.traefik.gateway_filters import request_redirect, rewritten
from ingressdoctor.routing.traefik.ip_checker import IpChecker
from ingressdoctor.routing.traefik.middlewares import Problem, as_list, as_map, resolve
from ingressdoctor.routing.traefik.redirects import Asked, Redirect, redirect_regex, redirect_scheme, status_text
from ingressdoctor.routing.traefik.regex import replace_all
from ingressdoctor.routing.traefik.settings import CRD_PROVIDER, GATEWAY_PROVIDER, ProviderSettings
from ingressdoctor.routing.traefik.version import Version

__all__ = ["Passing", "Step", "send_through"]

_SUFFIX: Final = f"@{CRD_PROVIDER}"
_KNOWN: Final = (_SUFFIX, f"@{GATEWAY_PROVIDER}")
_MAX_DEPTH: Final = 8
_CLEAN_PATHS: Final = ((3, 7, 3), (3, 6, 19), (2, 11, 48))
_PATH_SAFE: Final = "/%!$&'()*+,;=:@-._~"


class Passing(msgspec.Struct, frozen=True, kw_only=True):
    """A request on its way to the backend: how it was asked, and what the middlewares so far made of it."""

    asked: Asked
    version: Version
    response_headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    limits: tuple[str, ...] = ()


Step = Passing | PredictedAnswer


def send_through(
    names: tuple[str, ...],
    passing: Passing,
    middlewares: Mapping[str, Custom] | None,
    settings: ProviderSettings,
    depth: int = 0,
) -> Step:
    """Apply middlewares by qualified id, in order, until one answers; *middlewares* is None when they were not read."""
    for name in names:
        item = (middlewares or {}).get(name.removesuffix(_SUFFIX)) if name.endswith(_KNOWN) else None
        if item is None or depth > _MAX_DEPTH:
            passing = _noted(passing, f"what the middleware {name} does is not known")
            continue
        kind = next((key for key, value in item.spec.items() if value is not None), "")
        spec = as_map(item.spec.get(kind))
        step = (
            _chain(spec, passing, middlewares, settings, item, depth) if kind == "chain" else _one(item, kind, passing)
        )
        if isinstance(step, PredictedAnswer):
            return step
        passing = step
    return passing


def _chain(
    spec: Mapping[str, Any],
    passing: Passing,
    middlewares: Mapping[str, Custom] | None,
    settings: ProviderSettings,
    item: Custom,
    depth: int,
) -> Step:
    found = [resolve(as_map(raw), item.namespace, settings) for raw in as_list(spec.get("middlewares"))]
    names = tuple(name for name in found if not isinstance(name, Problem))
    return send_through(names, passing, middlewares, settings, depth + 1)


def _one(item: Custom, kind: str, passing: Passing) -> Step:
    spec = as_map(item.spec.get(kind))
    apply = _KINDS.get(kind)
    if apply is None:
        return _noted(passing, f"what {item.ref} ({kind or 'no type'}) does is not known")
    try:
        return apply(item.ref, spec, passing)
    except RuleError as error:
        return _noted(passing, f"{item.ref} cannot be built: {error.reason}")


def _noted(passing: Passing, limit: str) -> Passing:
    return replace(passing, limits=(*passing.limits, limit))


def _answer(passing: Passing, status: int, why: str, body: str = "", log: str = "") -> PredictedAnswer:
    return PredictedAnswer(
        source=AnswerSource.CONTROLLER,
        status=status,
        why=why,
        body=body or status_text(status),
        headers=passing.response_headers,
        log=log,
        limits=passing.limits,
    )


def _allow_list(ref: str, spec: Mapping[str, Any], passing: Passing) -> Step:
    strategy = as_map(spec.get("ipStrategy"))
    if problem := strategy_problem(strategy):
        raise RuleError(problem)
    checker = IpChecker.parse(tuple(str(text) for text in as_list(spec.get("sourceRange"))))
    address = client_address(strategy, passing.asked.client)
    if address is None:
        return _noted(passing, f"{ref} lets only some clients through, and the client's address is not known")
    if checker.contains(address):
        return passing
    code = spec.get("rejectStatusCode")
    reason = f'"{address}" matched none of the trusted IPs' if address else "empty IP address"
    status = code if isinstance(code, int) and code else 403
    return _answer(passing, status, f"{ref} rejects the client: {reason}", log=f"Rejecting IP {address}: {reason}")


def _auth(scheme: str) -> Callable[[str, Mapping[str, Any], Passing], Step]:
    def ask(ref: str, spec: Mapping[str, Any], passing: Passing) -> Step:
        if passing.asked.client.headers.get("Authorization", ""):
            return _noted(passing, f"{ref} answers 401 if it does not take the credentials")
        challenge = f'{scheme} realm="{spec.get("realm") or "traefik"}"'
        headers = {**passing.response_headers, "Www-Authenticate": challenge}
        asking = replace(passing, response_headers=headers)
        return _answer(asking, 401, f"{ref} asks for credentials", body="401 Unauthorized\n")

    return ask


def _redirected(redirect: Redirect | None, ref: str, passing: Passing) -> Step:
    if redirect is None:
        return passing
    headers = {**passing.response_headers, "Location": redirect.location}
    leading = replace(passing, response_headers=headers)
    return _answer(leading, redirect.status, f"{ref} redirects to {redirect.location}")


def _scheme(ref: str, spec: Mapping[str, Any], passing: Passing) -> Step:
    unsure = passing.asked.client.trusted is None
    step = _redirected(redirect_scheme(spec, passing.asked), ref, passing)
    note = f"{ref} goes by X-Forwarded-Proto if the peer is trusted, and the peer is not known"
    return replace(step, limits=(*step.limits, note)) if unsure else step


def _regex(ref: str, spec: Mapping[str, Any], passing: Passing) -> Step:
    return _redirected(redirect_regex(spec, passing.asked), ref, passing)


def _path_to(passing: Passing, path: str) -> Passing:
    """Go on with another path, given encoded."""
    _, mark, rest = passing.asked.uri.partition("?")
    uri = path + mark + rest
    return replace(passing, asked=replace(passing.asked, uri=uri))


def _path_of(passing: Passing) -> str:
    return passing.asked.uri.partition("?")[0]


def _strip_prefix(ref: str, spec: Mapping[str, Any], passing: Passing) -> Step:
    raw = _path_of(passing)
    decoded = unquote(raw, errors="surrogateescape")
    for prefix in (str(text).strip() for text in as_list(spec.get("prefixes"))):
        if not decoded.startswith(prefix):
            continue
        if spec.get("forceSlash") is True:
            return _clean_path_to(ref, passing, _stripped(raw, decoded, prefix, always="/"))
        return _clean_path_to(ref, passing, _stripped(raw, decoded, prefix))
    return passing


def _stripped(raw: str, decoded: str, prefix: str, always: str = "") -> str:
    """Return a path without a prefix, encoded; Go drops an encoded form that no longer means the decoded one."""
    rest = _slashed(decoded.removeprefix(prefix), always)
    encoded = _slashed(raw[_encoded_length(raw, prefix) :], always)
    same = unquote(encoded, errors="surrogateescape") == rest
    return encoded if same else quote(rest.encode("utf-8", "surrogateescape"), safe=_PATH_SAFE.replace("%", ""))


def _slashed(path: str, always: str) -> str:
    return path if path.startswith("/") or not (path or always) else f"/{path}"


def _clean_path_to(ref: str, passing: Passing, path: str) -> Step:
    unclean = "//" in path or any(part in (".", "..") for part in path.split("/"))
    if unclean and passing.version.since(*_CLEAN_PATHS):
        return _answer(passing, 400, f"{ref} leaves a path that is not clean", body="Bad Request\n")
    return _path_to(passing, path or "/")


def _encoded_length(raw: str, prefix: str) -> int:
    """Count the characters of an encoded path that stand for a decoded prefix."""
    length = 0
    for _ in prefix.encode("utf-8", "surrogateescape"):
        length += 3 if raw[length : length + 1] == "%" else 1
    return length


def _add_prefix(_: str, spec: Mapping[str, Any], passing: Passing) -> Step:
    prefix = str(spec.get("prefix") or "")
    path = quote(prefix, safe=_PATH_SAFE) + _path_of(passing)
    return _path_to(passing, path if path.startswith("/") else f"/{path}")


def _replace_path(_: str, spec: Mapping[str, Any], passing: Passing) -> Step:
    return _path_to(passing, quote(str(spec.get("path") or ""), safe=_PATH_SAFE))


def _replace_path_regex(ref: str, spec: Mapping[str, Any], passing: Passing) -> Step:
    pattern, template = str(spec.get("regex") or "").strip(), str(spec.get("replacement") or "").strip()
    before = _path_of(passing)
    after = replace_all(pattern, template, before)
    return passing if after == before else _clean_path_to(ref, passing, after)


def _strip_prefix_regex(ref: str, spec: Mapping[str, Any], passing: Passing) -> Step:
    raw = _path_of(passing)
    decoded = unquote(raw, errors="surrogateescape")
    for pattern in (str(text).strip() for text in as_list(spec.get("regex"))):
        after = replace_all(f"^(?:{pattern})", "", decoded)
        if after != decoded:
            prefix = decoded[: len(decoded) - len(after)]
            return _clean_path_to(ref, passing, _stripped(raw, decoded, prefix))
    return passing


def _headers(ref: str, spec: Mapping[str, Any], passing: Passing) -> Step:
    if as_list(spec.get("allowedHosts")):
        passing = _noted(passing, f"{ref} answers 500 to hosts outside allowedHosts")
    given = passing.asked.client.headers
    cors = any(spec.get(key) for key in spec if key.startswith("accessControl") or key == "addVaryHeader")
    preflight = given.get("Access-Control-Request-Method") and given.get("Origin")
    if cors and preflight and passing.asked.method == "OPTIONS":
        return replace(_answer(passing, 200, f"{ref} answers the CORS preflight itself"), body="")
    custom = as_map(spec.get("customResponseHeaders"))
    changed = {**passing.response_headers, **{str(name): str(value) for name, value in custom.items()}}
    return replace(passing, response_headers=changed)


def _may(what: str) -> Callable[[str, Mapping[str, Any], Passing], Step]:
    return lambda ref, _, passing: _noted(passing, f"{ref} {what}")


def _nothing(_: str, __: Mapping[str, Any], passing: Passing) -> Step:
    return passing


_KINDS: Final[Mapping[str, Callable[[str, Mapping[str, Any], Passing], Step]]] = {
    "addPrefix": _add_prefix,
    "basicAuth": _auth("Basic"),
    "buffering": _may("answers 413 to larger bodies than it allows"),
    "circuitBreaker": _may("answers 503 while it is open"),
    "compress": _nothing,
    "contentType": _nothing,
    "digestAuth": _auth("Digest"),
    "errors": _may("may replace an error answer by its own page"),
    "forwardAuth": _may("asks another server, whose refusal is the answer (500 if it cannot be reached)"),
    "grpcWeb": _nothing,
    "headers": _headers,
    "noBackend": lambda ref, spec, passing: replace(
        _answer(passing, 500, f"{ref} has no backend that can be used: {spec.get('why')}"), body=""
    ),
    "inFlightReq": _may("answers 429 above its number of requests at a time"),
    "ipAllowList": _allow_list,
    "ipWhiteList": _allow_list,
    "passTLSClientCert": _nothing,
    "rateLimit": _may("answers 429 above its rate"),
    "redirectRegex": _regex,
    "redirectScheme": _scheme,
    "replacePath": _replace_path,
    "replacePathRegex": _replace_path_regex,
    "requestHeaderModifier": _nothing,
    "requestRedirect": lambda ref, spec, passing: _redirected(request_redirect(spec, passing.asked), ref, passing),
    "responseHeaderModifier": _nothing,
    "retry": _nothing,
    "stripPrefix": _strip_prefix,
    "stripPrefixRegex": _strip_prefix_regex,
    "urlRewrite": lambda _, spec, passing: _path_to(passing, rewritten(spec, _path_of(passing))),
}
