"""Build and evaluate the HTTP matchers of rule syntax v3.

Each builder validates its arguments as Traefik does and returns a test; what Traefik accepts although it can never
match is said in ``never``. Versions differ, so every builder is told the version.

Source: traefik: pkg/muxer/http/matcher.go, pkg/muxer/muxer.go, pkg/ip/checker.go (v3.0 to v3.7.9).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Final, TypeAlias

import msgspec

from ingressdoctor.routing.traefik.errors import RuleError
from ingressdoctor.routing.traefik.regex import compile_pattern
from ingressdoctor.routing.traefik.request import Seen, canonical_header
from ingressdoctor.routing.traefik.version import Version

__all__ = ["V3", "Build", "Test", "Tested", "client_ip_test", "host_test", "quoted", "require_count"]

Test: TypeAlias = "Callable[[Seen], bool | None]"


class Tested(msgspec.Struct, frozen=True):
    """A matcher ready to test; ``never`` says why it cannot match anything, empty otherwise."""

    test: Test
    never: str = ""


_SHORT_ESCAPES: Final = {
    "\\": "\\\\",
    '"': '\\"',
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
}
Build: TypeAlias = "Callable[[tuple[str, ...], Version], Tested]"


def require_count(arguments: tuple[str, ...], *counts: int) -> None:
    """Refuse a wrong number of arguments in Traefik's words."""
    if len(arguments) not in counts:
        expected = " ".join(str(count) for count in counts)
        raise RuleError(f"unexpected number of parameters; got {len(arguments)}, expected one of [{expected}]")


def quoted(text: str) -> str:
    """Quote a string as Go's %q does."""
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return '"' + "".join(_quoted_char(char) for char in text) + '"'


def _quoted_char(char: str) -> str:
    if char in _SHORT_ESCAPES:
        return _SHORT_ESCAPES[char]
    if char.isprintable():
        return char
    number = ord(char)
    if number < 0x80:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def _host(arguments: tuple[str, ...], version: Version) -> Tested:
    require_count(arguments, 1)
    written = arguments[0]
    if written == "*" and version.since((3, 7, 7)):
        return Tested(lambda _: True)
    if not written.isascii():
        raise RuleError(f"invalid value {quoted(written)} for Host matcher, non-ASCII characters are not allowed")
    return Tested(host_test(written.lower(), wildcards=version.since((3, 7, 0))), _host_never(written, version))


def host_test(expression: str, *, wildcards: bool) -> Test:
    """Return the comparison of one lower-case host expression, a trailing dot tolerated on either side."""

    def test(seen: Seen) -> bool:
        host = seen.host
        if not host:
            return False
        return (
            _host_equal(host, expression, wildcards=wildcards)
            or (expression.endswith(".") and _host_equal(host, expression[:-1], wildcards=wildcards))
            or (host.endswith(".") and _host_equal(host[:-1], expression, wildcards=wildcards))
        )

    return test


def _host_equal(host: str, expression: str, *, wildcards: bool) -> bool:
    if wildcards and expression.startswith("*"):
        return expression == ".".join(["*", *host.split(".")[1:]])
    return host == expression


def _host_never(written: str, version: Version) -> str:
    if "://" in written or "/" in written:
        return "a host never holds a scheme or a path"
    if re.search(r":\d*$", written) and written.count(":") == 1:
        return "the port is cut off the request's host before the comparison"
    if written.startswith("*"):
        if not version.since((3, 7, 0)):
            return f"Traefik {version} compares a wildcard literally; Host wildcards came with 3.7"
        if written != "*" and not written.startswith("*."):
            return "the whole first label is replaced by * before the comparison"
    return ""


def _host_regexp(arguments: tuple[str, ...], _: Version) -> Tested:
    require_count(arguments, 1)
    pattern = arguments[0]
    if not pattern.isascii():
        raise RuleError(f"invalid value {quoted(pattern)} for HostRegexp matcher, non-ASCII characters are not allowed")
    search = _compiled(pattern, "HostRegexp")
    return Tested(lambda seen: search(seen.host) or search(""), _template_never(pattern))


# \p{L} and \x{2f} are RE2's own.
_TEMPLATE: Final = re.compile(r"(?<!\\[pPx])\{[A-Za-z_][\w-]*(?::|\})")


def _template_never(text: str) -> str:
    if _TEMPLATE.search(text):
        return "{...} placeholders are rule syntax v2; in v3 the braces are compared literally"
    return ""


def _compiled(pattern: str, matcher: str) -> Callable[[str], bool]:
    try:
        return compile_pattern(pattern)
    except RuleError as error:
        raise RuleError(f"compiling {matcher} matcher: {error.reason}") from None


def _path(arguments: tuple[str, ...], _: Version) -> Tested:
    require_count(arguments, 1)
    path = _absolute(arguments[0])
    return Tested(lambda seen: seen.path == path, _template_never(path))


def _path_prefix(arguments: tuple[str, ...], _: Version) -> Tested:
    require_count(arguments, 1)
    path = _absolute(arguments[0])
    return Tested(lambda seen: seen.path is not None and seen.path.startswith(path), _template_never(path))


def _absolute(path: str) -> str:
    if not path.startswith("/"):
        raise RuleError(f"path {quoted(path)} does not start with a '/'")
    return path


def _path_regexp(arguments: tuple[str, ...], _: Version) -> Tested:
    require_count(arguments, 1)
    search = _compiled(arguments[0], "PathPrefix")  # Traefik names the wrong matcher here
    return Tested(lambda seen: seen.path is not None and search(seen.path))


def _method(arguments: tuple[str, ...], _: Version) -> Tested:
    require_count(arguments, 1)
    method = arguments[0].upper()
    return Tested(lambda seen: seen.method == method)


def _header(arguments: tuple[str, ...], _: Version) -> Tested:
    require_count(arguments, 2)
    key, value = canonical_header(arguments[0]), arguments[1]
    return Tested(lambda seen: value in seen.headers.get(key, ()), _header_never(key))


def _header_regexp(arguments: tuple[str, ...], _: Version) -> Tested:
    require_count(arguments, 2)
    key, search = canonical_header(arguments[0]), _compiled(arguments[1], "HeaderRegexp")
    return Tested(lambda seen: any(search(value) for value in seen.headers.get(key, ())), _header_never(key))


def _header_never(key: str) -> str:
    return "Go keeps the Host header out of the headers that matchers see" if key == "Host" else ""


def _query(arguments: tuple[str, ...], _: Version) -> Tested:
    require_count(arguments, 1, 2)
    key, value = arguments[0], arguments[1] if len(arguments) == 2 else ""
    never = "key=value in one argument is rule syntax v2" if len(arguments) == 1 and "=" in key else ""
    return Tested(lambda seen: value in seen.query.get(key, ()), never)


def _query_regexp(arguments: tuple[str, ...], version: Version) -> Tested:
    require_count(arguments, 1, 2)
    if len(arguments) == 1:
        return _query(arguments, version)
    key, search = arguments[0], _compiled(arguments[1], "QueryRegexp")
    return Tested(lambda seen: any(search(value) for value in seen.query.get(key, ())))


def _client_ip(arguments: tuple[str, ...], _: Version) -> Tested:
    require_count(arguments, 1)
    try:
        return Tested(client_ip_test(arguments))
    except RuleError as error:
        raise RuleError(f"initializing IP checker for ClientIP matcher: {error.reason}") from None


def client_ip_test(ranges: tuple[str, ...]) -> Test:
    """Return the test of the peer address against addresses and CIDRs; None while the peer is not known."""
    networks = tuple(_network(text) for text in ranges)

    def test(seen: Seen) -> bool | None:
        if not seen.client_ip:
            return None
        try:
            address = ipaddress.ip_address(seen.client_ip)
        except ValueError:
            return False
        mapped = getattr(address, "ipv4_mapped", None)
        return any((mapped or address) in network for network in networks)

    return test


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        if "%" in text or not re.fullmatch(r"[^/]+(?:/\d{1,3})?", text):
            raise ValueError(text)  # noqa: TRY301 - Go refuses zones and dotted masks, Python does not
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise RuleError(f"parsing CIDR trusted IPs <nil>: invalid CIDR address: {text}") from None


V3: Final[dict[str, Build]] = {
    "ClientIP": _client_ip,
    "Method": _method,
    "Host": _host,
    "HostRegexp": _host_regexp,
    "Path": _path,
    "PathRegexp": _path_regexp,
    "PathPrefix": _path_prefix,
    "Header": _header,
    "HeaderRegexp": _header_regexp,
    "Query": _query,
    "QueryRegexp": _query_regexp,
}
