"""Why Traefik cannot build one HTTP Middleware: its types and values. Who uses it is not looked at here.

What only the constructor refuses leaves the Middleware in the API as disabled, and every router that uses it is gone.
What the provider refuses already is the business of ``middleware_refusals.py``.

Source: traefik: pkg/server/middleware/middlewares.go (buildConstructor), pkg/middlewares/*/ (New), v2.11 to v3.7.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from ingressdoctor.model.untyped import as_list, as_map
from ingressdoctor.routing.traefik.errors import RuleError
from ingressdoctor.routing.traefik.ip_checker import IpChecker
from ingressdoctor.routing.traefik.regex import compile_pattern
from ingressdoctor.routing.traefik.version import Version

__all__ = ["MULTI_TYPES", "constructor_problem", "types_of"]

MULTI_TYPES: Final = (
    "cannot create middleware: multi-types middleware not supported, "
    "consider declaring two different pieces of middleware instead"
)
_TYPES: Final = (
    *("addPrefix", "stripPrefix", "stripPrefixRegex", "replacePath", "replacePathRegex", "redirectRegex"),
    *("redirectScheme", "chain", "ipWhiteList", "ipAllowList", "headers", "errors", "rateLimit", "inFlightReq"),
    *("basicAuth", "digestAuth", "forwardAuth", "buffering", "circuitBreaker", "compress", "passTLSClientCert"),
    *("retry", "contentType", "plugin"),
)
_LATER_TYPES: Final = {"grpcWeb": (3, 0, 0), "encodedCharacters": (3, 7, 0)}
_LATER_FIELDS: Final = {
    ("ipAllowList", "rejectStatusCode"): (3, 0, 0),
    ("compress", "includedContentTypes"): (3, 0, 0),
    ("compress", "encodings"): (3, 2, 0),
    ("compress", "defaultEncoding"): (3, 2, 0),
    ("retry", "disableRetryOnNetworkError"): (3, 7, 0),
}
_SOURCE: Final = "getting source extractor: "
_SOURCE_IS_NAMED: Final = (3, 4, 0)
_ZERO_COUNTS: Final = {"stsSeconds": ((3, 6, 10),), "accessControlMaxAge": ((3, 7, 6), (3, 6, 22))}
_SUBNETS: Final = (3, 2, 0)
_SUBNET_LIMITS: Final = "should be greater to 0 and lower or equal to 128"
_OK_STATUS: Final = frozenset([*range(100, 104), *range(200, 209), 226, *range(300, 309), *range(400, 419)])
_MORE_STATUS: Final = frozenset([*range(421, 427), 428, 429, 431, 451, *range(500, 509), 510, 511])


def types_of(spec: Mapping[str, Any], version: Version, *, plugins: bool) -> tuple[str, ...]:
    """Return the types that a Middleware has in this version; others are pruned or ignored."""
    known = {*_TYPES, *(name for name, since in _LATER_TYPES.items() if version.since(since))}
    if not plugins:
        known.discard("plugin")
    return tuple(name for name, value in spec.items() if name in known and value is not None)


def constructor_problem(kind: str, spec: Mapping[str, Any], version: Version) -> str:
    """Return why Traefik cannot build a Middleware of this type; empty when it can, or when that is not modelled."""
    check = _CHECKS.get(kind)
    # What a release does not know is pruned, or ignored; a zero was the same as nothing once.
    known = {
        name: value
        for name, value in spec.items()
        if version.since(_LATER_FIELDS.get((kind, name), (0, 0, 0)))
        and (value != 0 or version.since(*_ZERO_COUNTS.get(name, ((0, 0, 0),))))
    }
    said = check(known) if check else ""
    if said.endswith(_SUBNET_LIMITS) and not version.since(_SUBNETS):
        return ""
    return said if version.since(_SOURCE_IS_NAMED) else said.removeprefix(_SOURCE)


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
    subnet = spec.get("ipv6Subnet")
    if isinstance(subnet, int) and not 0 < subnet <= 128:
        return f"invalid IPv6 subnet {subnet} value, {_SUBNET_LIMITS}"
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
    return said and f"{_SOURCE}{said}"


def _in_flight(spec: Mapping[str, Any]) -> str:
    said = _source(spec)
    return said and f"error creating requests limiter: {said}"


def _add_prefix(spec: Mapping[str, Any]) -> str:
    return "" if spec.get("prefix") else "prefix cannot be empty"


def _redirect_scheme(spec: Mapping[str, Any]) -> str:
    return "" if spec.get("scheme") else "you must provide a target scheme"


def _headers(spec: Mapping[str, Any]) -> str:
    said = any(bool(value) or (name in _ZERO_COUNTS and value is not None) for name, value in spec.items())
    if not said:
        return "headers configuration not valid"
    for pattern in as_list(spec.get("accessControlAllowOriginListRegex")):
        if problem := _pattern(str(pattern)):
            return f"error occurred during origin parsing: {problem}"
    return ""


def _forward_answer(spec: Mapping[str, Any]) -> str:
    regex = str(spec.get("authResponseHeadersRegex") or "")
    problem = _pattern(regex) if regex else ""
    return f"error compiling regular expression {regex}: {problem}" if problem else ""


def _circuit_breaker(spec: Mapping[str, Any]) -> str:
    return "" if spec.get("expression") else "1:1: expected operand, found 'EOF'"


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
    "forwardAuth": _forward_answer,
    "circuitBreaker": _circuit_breaker,
    "compress": _compress,
}
