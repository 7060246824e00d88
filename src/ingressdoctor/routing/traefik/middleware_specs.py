"""What is wrong with one HTTP Middleware by itself: types, values, Secrets it needs. Who uses it is not looked at here.

What the provider refuses makes the Middleware vanish; what only its constructor refuses leaves it in the API as
disabled. Either way every router that uses it is gone.

Source: traefik: pkg/provider/kubernetes/crd/kubernetes.go (create*Middleware), pkg/server/middleware/middlewares.go
(buildConstructor), pkg/middlewares/*/ (New).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from ingressdoctor.evidence.routes import SecretShape
from ingressdoctor.model.untyped import as_list, as_map
from ingressdoctor.routing.traefik.durations import duration_problem
from ingressdoctor.routing.traefik.errors import RuleError
from ingressdoctor.routing.traefik.ip_checker import IpChecker
from ingressdoctor.routing.traefik.regex import compile_pattern
from ingressdoctor.routing.traefik.version import Version

__all__ = ["MULTI_TYPES", "Secrets", "constructor_problem", "provider_problem", "types_of"]

MULTI_TYPES: Final = (
    "cannot create middleware: multi-types middleware not supported, "
    "consider declaring two different pieces of middleware instead"
)
Secrets: TypeAlias = "Mapping[tuple[str, str], SecretShape]"
_TYPES: Final = (
    *("addPrefix", "stripPrefix", "stripPrefixRegex", "replacePath", "replacePathRegex", "redirectRegex"),
    *("redirectScheme", "chain", "ipWhiteList", "ipAllowList", "headers", "errors", "rateLimit", "inFlightReq"),
    *("basicAuth", "digestAuth", "forwardAuth", "buffering", "circuitBreaker", "compress", "passTLSClientCert"),
    *("retry", "contentType", "plugin"),
)
_LATER_TYPES: Final = {"grpcWeb": (3, 0, 0), "encodedCharacters": (3, 7, 0)}
_COUNTED_WHEN_ZERO: Final = ("stsSeconds", "accessControlMaxAge")
_NOT_HEADERS: Final = ("sslForceHost",)
_DURATIONS: Final = (
    ("rateLimit", "rateLimit", ("period",)),
    ("retry", "retry", ("initialInterval",)),
    ("circuitBreaker", "circuit breaker", ("checkPeriod", "fallbackDuration", "recoveryDuration")),
)
_OK_STATUS: Final = frozenset([*range(100, 104), *range(200, 209), 226, *range(300, 309), *range(400, 419)])
_MORE_STATUS: Final = frozenset([*range(421, 427), 428, 429, 431, 451, *range(500, 509), 510, 511])


def types_of(spec: Mapping[str, Any], version: Version, *, plugins: bool) -> tuple[str, ...]:
    """Return the types that a Middleware has in this version; others are pruned or ignored."""
    known = {*_TYPES, *(name for name, since in _LATER_TYPES.items() if version.since(since))}
    if not plugins:
        known.discard("plugin")
    return tuple(name for name, value in spec.items() if name in known and value is not None)


def provider_problem(spec: Mapping[str, Any], namespace: str, secrets: Secrets | None) -> str:
    """Return why the provider leaves a Middleware out, apart from references to other objects with routes."""
    for name, what in (("basicAuth", "basic auth"), ("digestAuth", "digest auth")):
        if isinstance(spec.get(name), dict):
            said = _credentials(spec[name], namespace, secrets, basic=name == "basicAuth")
            if said:
                return f"Error while reading {what} middleware: {said}"
    forward = spec.get("forwardAuth")
    if isinstance(forward, dict) and (said := _forward_auth(forward, namespace, secrets)):
        return f"Error while reading forward auth middleware: {said}"
    for name, what, fields in _DURATIONS:
        section = as_map(spec.get(name))
        values = (section[field] for field in fields if section.get(field) is not None)
        said = next((problem for value in values if (problem := duration_problem(value))), "")
        if said:
            return f"Error while reading {what} middleware: {said}"
    return ""


def _forward_auth(spec: Mapping[str, Any], namespace: str, secrets: Secrets | None) -> str:
    if not spec.get("address"):
        return "forward authentication requires an address"
    tls = as_map(spec.get("tls"))
    authority, pair = str(tls.get("caSecret") or ""), str(tls.get("certSecret") or "")
    if secrets is None:
        return ""
    if authority and (said := _authority(authority, namespace, secrets)):
        return f"failed to load auth ca secret: {said}"
    said = _key_pair(pair, namespace, secrets) if pair else ""
    return said and f"failed to load auth secret: {said}"


def _authority(name: str, namespace: str, secrets: Secrets) -> str:
    shape = secrets.get((namespace, name))
    if shape is None:
        return f"secret '{namespace}/{name}' not found"
    if len(shape.keys) == 1 or {"tls.ca", "ca.crt"} & set(shape.keys):
        return ""
    return f"secret '{namespace}/{name}' has no CA block: secret {namespace}/{name} contains neither tls.ca nor ca.crt"


def _key_pair(name: str, namespace: str, secrets: Secrets) -> str:
    shape = secrets.get((namespace, name))
    if shape is None:
        return f"secret '{namespace}/{name}' does not exist"
    for there, said in ((shape.keys, "is missing the following"), (shape.filled, "contains the following empty")):
        lacking = [key for key in ("tls.crt", "tls.key") if key not in there]
        if lacking:
            return f"secret {namespace}/{name} {said} TLS data entries: {', '.join(lacking)}"
    return ""


def _credentials(spec: Mapping[str, Any], namespace: str, secrets: Secrets | None, *, basic: bool) -> str:
    name = str(spec.get("secret") or "")
    if not name:
        return "auth secret must be set"
    if secrets is None:
        return ""
    shape = secrets.get((namespace, name))
    quoted = f"'{namespace}/{name}'"
    if shape is None:
        return f"secret {quoted} not found"
    if basic and shape.type == "kubernetes.io/basic-auth":
        there = {"username", "password"} <= set(shape.keys)
        missing = f"secret {quoted} must contain both username and password keys"
        return "" if there else f"failed to load basic auth credentials: {missing}"
    said = ""
    if len(shape.keys) != 1:
        said = f"found {len(shape.keys)} elements for secret {quoted}, must be single element exactly"
    elif not shape.filled:
        said = f"secret {quoted} does not contain any credentials"
    kind = "basic" if basic else "digest"
    return said and f"failed to load {kind} auth credentials: {said}"


def constructor_problem(kind: str, spec: Mapping[str, Any]) -> str:
    """Return why Traefik cannot build a Middleware of this type; empty when it can, or when that is not modelled."""
    check = _CHECKS.get(kind)
    return check(spec) if check else ""


def _allow_list(spec: Mapping[str, Any]) -> str:
    ranges = tuple(str(item) for item in as_list(spec.get("sourceRange")))
    if not ranges:
        return "sourceRange is empty, IPAllowLister not created"
    status = spec.get("rejectStatusCode") or 403
    if status not in _OK_STATUS | _MORE_STATUS:
        return f"invalid HTTP status code {status}"
    said = _ranges(ranges)
    return f"cannot parse CIDRs [{' '.join(ranges)}]: {said}" if said else _strategy(as_map(spec.get("ipStrategy")))


def _white_list(spec: Mapping[str, Any]) -> str:
    ranges = tuple(str(item) for item in as_list(spec.get("sourceRange")))
    if not ranges:
        return "sourceRange is empty, IPWhiteLister not created"
    said = _ranges(ranges)
    return (
        f"cannot parse CIDR whitelist [{' '.join(ranges)}]: {said}"
        if said
        else _strategy(as_map(spec.get("ipStrategy")))
    )


def _ranges(ranges: tuple[str, ...]) -> str:
    try:
        IpChecker.parse(ranges)
    except RuleError as error:
        return error.reason
    return ""


def _strategy(spec: Mapping[str, Any]) -> str:
    excluded = tuple(str(item) for item in as_list(spec.get("excludedIPs")))
    depth = spec.get("depth")
    return _ranges(excluded) if excluded and not (isinstance(depth, int) and depth > 0) else ""


def _source(spec: Mapping[str, Any]) -> str:
    source = as_map(spec.get("sourceCriterion"))
    strategy, header, host = source.get("ipStrategy"), source.get("requestHeaderName"), source.get("requestHost")
    if strategy is not None and header:
        return "iPStrategy and RequestHeaderName are mutually exclusive"
    if strategy is not None and host:
        return "iPStrategy and RequestHost are mutually exclusive"
    if header and host:
        return "requestHost and RequestHeaderName are mutually exclusive"
    return _strategy(as_map(strategy))


def _rate_limit(spec: Mapping[str, Any]) -> str:
    said = _source(spec)
    return said and f"getting source extractor: {said}"


def _in_flight(spec: Mapping[str, Any]) -> str:
    said = _source(spec)
    return said and f"error creating requests limiter: {said}"


def _add_prefix(spec: Mapping[str, Any]) -> str:
    return "" if spec.get("prefix") else "prefix cannot be empty"


def _redirect_scheme(spec: Mapping[str, Any]) -> str:
    return "" if spec.get("scheme") else "you must provide a target scheme"


def _headers(spec: Mapping[str, Any]) -> str:
    said = any(
        name not in _NOT_HEADERS and (bool(value) or (name in _COUNTED_WHEN_ZERO and value is not None))
        for name, value in spec.items()
    )
    if not said:
        return "headers configuration not valid"
    for pattern in as_list(spec.get("accessControlAllowOriginListRegex")):
        if problem := _pattern(str(pattern)):
            return f"error occurred during origin parsing: {problem}"
    return ""


def _redirect_regex(spec: Mapping[str, Any]) -> str:
    return _pattern(str(spec.get("regex") or ""))


def _replace_regex(spec: Mapping[str, Any]) -> str:
    regex = str(spec.get("regex") or "").strip()
    problem = _pattern(regex)
    return f"error compiling regular expression {regex}: {problem}" if problem else ""


def _strip_regex(spec: Mapping[str, Any]) -> str:
    patterns = (str(pattern).strip() for pattern in as_list(spec.get("regex")))
    return next((problem for pattern in patterns if (problem := _pattern(pattern))), "")


def _pattern(text: str) -> str:
    try:
        compile_pattern(text)
    except RuleError as error:
        return error.reason
    return ""


def _retry(spec: Mapping[str, Any]) -> str:
    if spec.get("disableRetryOnNetworkError") and not as_list(spec.get("status")):
        return "retry middleware requires at least HTTP status codes or retry on TCP"
    attempts = spec.get("attempts") or 0
    if isinstance(attempts, int) and attempts <= 0:
        return f"incorrect (or empty) value for attempt ({attempts})"
    return ""


def _compress(spec: Mapping[str, Any]) -> str:
    if as_list(spec.get("excludedContentTypes")) and as_list(spec.get("includedContentTypes")):
        return "excludedContentTypes and includedContentTypes options are mutually exclusive"
    encodings = spec.get("encodings")
    if isinstance(encodings, list):
        if not encodings:
            return "at least one encoding must be specified"
        odd = next((item for item in encodings if item not in ("gzip", "br", "zstd")), None)
        if odd is not None:
            return f"unsupported encoding: {odd}"
    chosen = spec.get("defaultEncoding")
    offered = encodings if isinstance(encodings, list) else ["gzip", "br", "zstd"]
    return f"unsupported default encoding: {chosen}" if chosen and chosen not in offered else ""


_CHECKS: Final[dict[str, Callable[[Mapping[str, Any]], str]]] = {
    "ipAllowList": _allow_list,
    "ipWhiteList": _white_list,
    "rateLimit": _rate_limit,
    "inFlightReq": _in_flight,
    "addPrefix": _add_prefix,
    "redirectScheme": _redirect_scheme,
    "headers": _headers,
    "redirectRegex": _redirect_regex,
    "replacePathRegex": _replace_regex,
    "stripPrefixRegex": _strip_regex,
    "retry": _retry,
    "compress": _compress,
}
