"""Traefik's HTTP middlewares that change what a client sees; the others let requests pass.

Building one can fail, which disables the routers that use it: the error texts are Traefik's (pkg/server/middleware,
pkg/middlewares). Credentials are not known to the lab: basicAuth and digestAuth ask for some and accept any.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ingressdoctor.lab.cluster import mapping, sequence, text
from ingressdoctor.lab.serve.traefik.cors import Cors
from ingressdoctor.lab.serve.traefik.gateway_filters import MAKERS as FILTERS
from ingressdoctor.lab.serve.traefik.layers import BuildError, Layer, Visit, plain
from ingressdoctor.lab.serve.traefik.matchers import in_network, pattern, sanitize
from ingressdoctor.lab.serve.traefik.model import normalized
from ingressdoctor.lab.serve.traefik.rules import RuleError
from ingressdoctor.lab.serve.traefik.static import StaticError, networks
from ingressdoctor.lab.serve.wire import Response, reason, without

_PASSING = frozenset(
    (
        "buffering",
        "circuitBreaker",
        "compress",
        "contentType",
        "errors",
        "forwardAuth",
        "grpcWeb",
        "inFlightReq",
        "passTLSClientCert",
        "rateLimit",
        "retry",
    )
)
MAX_CHAIN = 50


def build(name: str, known: Mapping[str, Mapping[str, Any]], trail: tuple[str, ...] = ()) -> tuple[Layer, ...]:
    """The layers of a middleware, chains unrolled.

    Raises:
        BuildError: with Traefik's text.
    """
    spec = known.get(name)
    if spec is None:
        raise BuildError(f'middleware "{name}" does not exist')
    if name in trail or len(trail) > MAX_CHAIN:
        raise BuildError(f"could not instantiate middleware {name}: recursion detected in {'->'.join((*trail, name))}")
    kinds = [key for key in spec if not key.startswith("_")]
    if not kinds:
        raise BuildError(
            f'invalid middleware "{name}" configuration: invalid middleware type or middleware does not exist'
        )
    if len(kinds) > 1:
        raise BuildError(
            "cannot create middleware: multi-types middleware not supported, consider declaring two "
            "different pieces of middleware instead"
        )
    kind, options = kinds[0], mapping(spec[kinds[0]])
    if kind == "chain":
        return tuple(_chain(options, text(spec.get("_namespace")), known, (*trail, name)))
    if kind in _PASSING:
        return (Layer(name=name),)
    maker = _MAKERS.get(kind)
    if maker is None:
        raise BuildError(
            f'invalid middleware "{name}" configuration: invalid middleware type or middleware does not exist'
        )
    try:
        return (dataclasses.replace(maker(options), name=name),)
    except (RuleError, StaticError) as error:
        raise BuildError(str(error)) from error


def _chain(
    options: Mapping[str, Any],
    namespace: str,
    known: Mapping[str, Mapping[str, Any]],
    trail: tuple[str, ...],
) -> Iterator[Layer]:
    for entry in map(mapping, sequence(options.get("middlewares"))):
        name = text(entry.get("name"))
        home = text(entry.get("namespace")) or namespace
        key = name if "@" in name else normalized(f"{home}-{name}") + "@kubernetescrd"
        yield from build(key, known, trail)


def _moved(visit: Visit, location: str, *, permanent: bool) -> Response:
    get = visit.request.method == "GET"
    status = (301 if get else 308) if permanent else (302 if get else 307)
    return Response(status=status, headers=(("Location", location),), body=reason(status).encode())


def redirect_scheme(options: Mapping[str, Any]) -> Layer:
    """Redirect to a scheme and port; requests that already use the scheme pass."""
    scheme = text(options.get("scheme") or "https")
    port = text(options.get("port"))
    default = {"https": "443", "http": "80"}.get(scheme)

    def before(visit: Visit) -> Visit | Response:
        if visit.scheme == scheme:
            return visit
        host = visit.request.get("host")
        host = host.rpartition(":")[0] if re.search(r":\d+$", host) else host
        suffix = f":{port}" if port and port != default else ""
        location = f"{scheme}://{host}{suffix}{visit.request.target}"
        return _moved(visit, location, permanent=options.get("permanent") is True)

    return Layer(name="", before=before)


def _go_template(replacement: str) -> str:
    """A Go replacement ($1, ${1}) as a Python one."""
    escaped = replacement.replace("\\", "\\\\")
    return re.sub(r"\$\{(\w+)\}|\$(\w+)", lambda found: f"\\g<{found.group(1) or found.group(2)}>", escaped)


def _redirect_regex(options: Mapping[str, Any]) -> Layer:
    compiled = pattern(text(options.get("regex")), "redirectRegex")
    template = _go_template(text(options.get("replacement")))

    def before(visit: Visit) -> Visit | Response:
        url = f"{visit.scheme}://{visit.request.get('host')}{visit.request.target}"
        if not compiled.search(url):
            return visit
        location = compiled.sub(template, url)
        return visit if location == url else _moved(visit, location, permanent=options.get("permanent") is True)

    return Layer(name="", before=before)


def _retarget(visit: Visit, path: str, *added: tuple[str, str]) -> Visit:
    request = visit.request
    query = request.target.partition("?")[1:]
    target = path + "".join(query)
    headers = (*request.headers, *added)
    return dataclasses.replace(visit, request=dataclasses.replace(request, target=target, headers=headers))


def _strip_prefix(options: Mapping[str, Any]) -> Layer:
    prefixes = tuple(text(item).strip() for item in sequence(options.get("prefixes")))

    def before(visit: Visit) -> Visit | Response:
        for prefix in prefixes:
            if visit.request.path.startswith(prefix):
                rest = "/" + visit.request.path[len(prefix) :].removeprefix("/")
                if sanitize(rest) != rest:  # `/prefix//x` would leave `//x`
                    return plain(400, "Bad Request\n")
                return _retarget(visit, rest, ("X-Forwarded-Prefix", prefix))
        return visit

    return Layer(name="", before=before)


def _add_prefix(options: Mapping[str, Any]) -> Layer:
    prefix = text(options.get("prefix"))
    return Layer(name="", before=lambda visit: _retarget(visit, prefix + visit.request.path))


def _replace_path(options: Mapping[str, Any]) -> Layer:
    path = text(options.get("path"))
    return Layer(name="", before=lambda visit: _retarget(visit, path))


def _replace_path_regex(options: Mapping[str, Any]) -> Layer:
    compiled = pattern(text(options.get("regex")), "replacePathRegex")
    template = _go_template(text(options.get("replacement")))
    return Layer(name="", before=lambda visit: _retarget(visit, compiled.sub(template, visit.request.path)))


def _headers(options: Mapping[str, Any]) -> Layer:
    asked = {text(k): text(v) for k, v in mapping(options.get("customRequestHeaders")).items()}
    given = {text(k): text(v) for k, v in mapping(options.get("customResponseHeaders")).items()}
    if seconds := options.get("stsSeconds"):
        subdomains = "; includeSubDomains" if options.get("stsIncludeSubdomains") is True else ""
        preload = "; preload" if options.get("stsPreload") is True else ""
        given["Strict-Transport-Security"] = f"max-age={seconds}{subdomains}{preload}"
    if options.get("frameDeny") is True:
        given["X-Frame-Options"] = "DENY"
    if options.get("contentTypeNosniff") is True:
        given["X-Content-Type-Options"] = "nosniff"
    cors = Cors.of(options)

    def before(visit: Visit) -> Visit | Response:
        if cors and (preflight := cors.preflight(visit.request)):
            return preflight
        kept = without(visit.request.headers, (key.lower() for key in asked))
        headers = (*kept, *((k, v) for k, v in asked.items() if v))
        return dataclasses.replace(visit, request=dataclasses.replace(visit.request, headers=headers))

    def after(response: Response, visit: Visit) -> Response:
        kept = without(response.headers, (key.lower() for key in given))
        changed = dataclasses.replace(response, headers=(*kept, *((k, v) for k, v in given.items() if v)))
        return cors.marked(changed, visit.request) if cors else changed

    return Layer(name="", before=before, after=after)


def _ip_allow_list(options: Mapping[str, Any]) -> Layer:
    ranges = tuple(map(text, sequence(options.get("sourceRange"))))
    if not ranges:
        raise BuildError("sourceRange is empty, IPAllowLister not created")
    allowed = networks(ranges)
    status = options.get("rejectStatusCode")
    code = status if isinstance(status, int) and status else 403

    def before(visit: Visit) -> Visit | Response:
        ip = _client_ip(visit, mapping(options.get("ipStrategy")))
        return visit if any(in_network(ip, net) for net in allowed) else plain(code)

    return Layer(name="", before=before)


def _client_ip(visit: Visit, strategy: Mapping[str, Any]) -> str:
    chain = [ip.strip() for ip in visit.request.get("x-forwarded-for").split(",") if ip.strip()]
    depth = strategy.get("depth")
    if isinstance(depth, int) and depth > 0:
        return chain[-depth] if depth <= len(chain) else ""
    excluded = tuple(map(text, sequence(strategy.get("excludedIPs"))))
    if excluded:
        nets = networks(excluded)
        return next((ip for ip in reversed(chain) if not any(in_network(ip, net) for net in nets)), "")
    return visit.peer_ip


def _basic_auth(options: Mapping[str, Any]) -> Layer:
    realm = text(options.get("realm") or "traefik")

    def before(visit: Visit) -> Visit | Response:
        if visit.request.get("authorization"):
            return visit
        headers = (("Www-Authenticate", f'Basic realm="{realm}"'), ("Content-Type", "text/plain"))
        return Response(status=401, headers=headers, body=b"401 Unauthorized\n")

    return Layer(name="", before=before)


_MAKERS: Mapping[str, Callable[[Mapping[str, Any]], Layer]] = {
    "addPrefix": _add_prefix,
    "basicAuth": _basic_auth,
    "digestAuth": _basic_auth,
    "headers": _headers,
    "ipAllowList": _ip_allow_list,
    "ipWhiteList": _ip_allow_list,
    "redirectRegex": _redirect_regex,
    "redirectScheme": redirect_scheme,
    "replacePath": _replace_path,
    "replacePathRegex": _replace_path_regex,
    "stripPrefix": _strip_prefix,
    **FILTERS,
}


def tcp_allow_list(spec: Mapping[str, Any]) -> Callable[[str], bool]:
    """The test of a MiddlewareTCP on the peer's address; other kinds let everybody pass.

    Raises:
        BuildError: with Traefik's text.
    """
    options = next((spec[kind] for kind in ("ipAllowList", "ipWhiteList") if spec.get(kind) is not None), None)
    if options is None:
        return lambda ip: True
    ranges = tuple(map(text, sequence(mapping(options).get("sourceRange"))))
    if not ranges:
        raise BuildError("sourceRange is empty, IPAllowLister not created")
    try:
        allowed = networks(ranges)
    except StaticError as error:
        raise BuildError(str(error)) from error
    return lambda ip: any(in_network(ip, net) for net in allowed)
