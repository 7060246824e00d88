"""Build the matchers of TCP rules: HostSNI, HostSNIRegexp, ClientIP, ALPN, in rule syntax v3 and v2.

A matcher sees what is known before a byte is decrypted: SNI, ALPN and the peer's address. Each builder refuses
arguments in Traefik's words; what Traefik accepts although no client can match it is said in ``never``.

Source: traefik: pkg/muxer/tcp/matcher.go, matcher_v2.go (v3.0 to v3.7.9), pkg/muxer/tcp/mux.go (v2.10, v2.11).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeAlias

import msgspec

from ingressdoctor.routing.traefik.errors import RuleError
from ingressdoctor.routing.traefik.ip_checker import IpChecker
from ingressdoctor.routing.traefik.matchers_v2 import template_pattern
from ingressdoctor.routing.traefik.regex import compile_pattern
from ingressdoctor.routing.traefik.version import Version

__all__ = ["ACME_PROTOCOL", "TCP_V2", "TCP_V3", "Connection", "TcpTest", "TcpTested", "go_quoted", "is_sni_name"]

ACME_PROTOCOL: Final = "acme-tls/1"
_WORD_NAMES: Final = ((3, 3, 5), (2, 11, 22))  # the releases that first allowed underscores
_WILDCARDS: Final = (3, 7, 0)


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """A connection before it is handled.

    ``server_name`` is the SNI, lower case, empty without one; ``client_ip`` the peer after inbound PROXY protocol,
    empty when not known; ``protocols`` what the client offers by ALPN.
    """

    server_name: str = ""
    client_ip: str = ""
    protocols: tuple[str, ...] = ()


TcpTest: TypeAlias = "Callable[[Connection], bool | None]"


class TcpTested(msgspec.Struct, frozen=True):
    """A matcher ready to test; ``never`` says why no client can match it, empty otherwise."""

    test: TcpTest
    never: str = ""


_Build: TypeAlias = "Callable[[tuple[str, ...], Version], TcpTested]"


def _single(build: Callable[[str, Version], TcpTested]) -> _Build:
    def checked(arguments: tuple[str, ...], version: Version) -> TcpTested:
        if len(arguments) != 1:
            raise RuleError(f"unexpected number of parameters; got {len(arguments)}, expected 1")
        return build(arguments[0], version)

    return checked


def _expression_matches(name: str, expression: str) -> bool:
    """Compare an SNI with a host or a one-label wildcard, in any case (3.7 and later)."""
    if expression.startswith("*"):
        name = ".".join(["*", *name.split(".")[1:]])
    return name.lower() == expression.lower()


def _host_sni(host: str, version: Version) -> TcpTested:
    if host == "*":
        return TcpTested(lambda _: True)
    wildcards = version.since(_WILDCARDS)
    if not is_sni_name(host, version, wildcards=wildcards):
        raise RuleError(f"invalid value for HostSNI matcher, {go_quoted(host)} is not a valid hostname")
    plain = host.removesuffix(".")
    if wildcards:
        return TcpTested(
            lambda seen: bool(seen.server_name) and _expression_matches(seen.server_name, plain), _port_never(host)
        )
    never = "" if host == host.lower() else f"Traefik {version} compares it with the lower-case SNI as written"
    return TcpTested(
        lambda seen: bool(seen.server_name) and seen.server_name in (host, plain), never or _port_never(host)
    )


def is_sni_name(host: str, version: Version, *, wildcards: bool) -> bool:
    """Tell whether HostSNI accepts a value other than ``*``."""
    text = host.removeprefix("*.") if wildcards else host
    allowed = r"[0-9A-Za-z_.:-]+" if version.since(*_WORD_NAMES) else r"[0-9A-Za-z.:-]+"
    return re.fullmatch(allowed, text) is not None


def _port_never(host: str) -> str:
    is_port = host.count(":") == 1 and re.search(r":\d+$", host) is not None
    return "no client sends a port in its SNI" if is_port else ""


def _host_sni_regexp(pattern: str, _: Version) -> TcpTested:
    if not pattern.isascii():
        raise RuleError(f"invalid value for HostSNIRegexp matcher, {go_quoted(pattern)} is not a valid hostname")
    try:
        search = compile_pattern(pattern)
    except RuleError as error:
        raise RuleError(f"compiling HostSNIRegexp matcher: {error.reason}") from None
    return TcpTested(lambda seen: search(seen.server_name), _template_never(pattern))


def _template_never(pattern: str) -> str:
    if re.search(r"(?<!\\[pPx])\{[A-Za-z_][\w-]*(?::|\})", pattern):
        return "{...} placeholders are rule syntax v2; in v3 the braces are compared literally"
    return ""


def _client_ip(written: str, _: Version) -> TcpTested:
    try:
        checker = IpChecker.parse((written,))
    except RuleError as error:
        raise RuleError(f"initializing IP checker for ClientIP matcher: {error.reason}") from None
    return TcpTested(_ip_test(checker))


def _ip_test(checker: IpChecker) -> TcpTest:
    return lambda seen: checker.contains(seen.client_ip) if seen.client_ip else None


def _alpn(protocol: str, _: Version) -> TcpTested:
    if protocol == ACME_PROTOCOL:
        raise RuleError(f"invalid protocol value for ALPN matcher, {go_quoted(protocol)} is not allowed")
    return TcpTested(lambda seen: protocol in seen.protocols)


def _host_sni_v2(hosts: tuple[str, ...], version: Version) -> TcpTested:
    for host in hosts:
        if host != "*" and not is_sni_name(host, version, wildcards=False):
            raise RuleError(f'invalid value for "HostSNI" matcher, {go_quoted(host)} is not a valid hostname or IP')
    if hosts[0] == "*":
        return TcpTested(lambda _: True)
    lowered = tuple(host.lower() for host in hosts)
    names = frozenset((*lowered, *(host.removesuffix(".") for host in lowered)))
    return TcpTested(lambda seen: bool(seen.server_name) and ("*" in names or seen.server_name in names))


def _host_sni_regexp_v2(templates: tuple[str, ...], _: Version) -> TcpTested:
    searches = []
    for template in templates:
        try:
            pattern = template_pattern(template, "host")
        except RuleError as error:
            said = f'invalid pattern value for "HostSNIRegexp" matcher, {go_quoted(template)} is not a valid pattern: '
            raise RuleError(said + error.reason) from None
        searches.append(compile_pattern(pattern))
    return TcpTested(lambda seen: any(search(seen.server_name) for search in searches))


def _client_ip_v2(ranges: tuple[str, ...], _: Version) -> TcpTested:
    try:
        checker = IpChecker.parse(ranges)
    except RuleError as error:
        raise RuleError(f'could not initialize IP Checker for "ClientIP" matcher: {error.reason}') from None
    return TcpTested(_ip_test(checker))


def _alpn_v2(protocols: tuple[str, ...], _: Version) -> TcpTested:
    if ACME_PROTOCOL in protocols:
        raise RuleError(f'invalid protocol value for "ALPN" matcher, {go_quoted(ACME_PROTOCOL)} is not allowed')
    return TcpTested(lambda seen: any(protocol in protocols for protocol in seen.protocols))


def go_quoted(text: str) -> str:
    r"""Quote a string as Go's %q does: escapes for quotes, backslashes and control characters."""
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\a": "\\a", "\b": "\\b"}
    escapes |= {"\f": "\\f", "\v": "\\v"}
    return '"' + "".join(escapes.get(char) or (char if char.isprintable() else _hex(char)) for char in text) + '"'


def _hex(char: str) -> str:
    code = ord(char)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


TCP_V3: Final[dict[str, _Build]] = {
    "ALPN": _single(_alpn),
    "ClientIP": _single(_client_ip),
    "HostSNI": _single(_host_sni),
    "HostSNIRegexp": _single(_host_sni_regexp),
}
TCP_V2: Final[dict[str, _Build]] = {
    "ALPN": _alpn_v2,
    "ClientIP": _client_ip_v2,
    "HostSNI": _host_sni_v2,
    "HostSNIRegexp": _host_sni_regexp_v2,
}
