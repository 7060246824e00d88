"""What the matchers of rules mean, for HTTP and TCP. Pure functions of one request or connection.

Source of the rules: traefik pkg/muxer/http/matcher.go, pkg/muxer/tcp/matcher.go (v3 syntax), and
pkg/middlewares/requestdecorator for the host. The routing path decodes every escape but the reserved ones.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import posixpath
import re
from collections.abc import Callable, Mapping
from functools import partial
from urllib.parse import parse_qsl

from ingressdoctor.lab.serve.traefik.rules import Both, Call, Either, Node, Not, RuleError, parse, spellings
from ingressdoctor.lab.serve.wire import Headers

_RESERVED = frozenset(f"{ord(char):02X}" for char in ":/?#[]@!$&'()*+,;=%") - {"27"}
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_SNI = re.compile(r"^(\*\.)?[\w.:-]+$")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a rule can look at."""

    host: str = ""
    path: str = "/"
    method: str = "GET"
    query: tuple[tuple[str, str], ...] = ()
    headers: Headers = ()
    client_ip: str = ""
    sni: str = ""
    alpn: tuple[str, ...] = ()


Test = Callable[[Facts], bool]
_Builder = Callable[[tuple[str, ...]], Test]


def host_of(header: str) -> str:
    """Lower-case host without port and brackets."""
    host = header.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0] if host.count(":") == 1 else host


def facts_of(method: str, target: str, headers: Headers, client_ip: str) -> Facts:
    """The facts of an HTTP request; *target* is the path with its query."""
    path, _, query = target.partition("?")
    host = next((value for key, value in headers if key.lower() == "host"), "")
    return Facts(
        host=host_of(host),
        path=routing_path(path),
        method=method,
        query=tuple(parse_qsl(query, keep_blank_values=True, max_num_fields=1000)),
        headers=headers,
        client_ip=client_ip,
    )


def sanitize(path: str) -> str:
    """The path with unreserved escapes decoded, then `//`, `/./` and `/../` collapsed; a final slash stays."""

    def decode(found: re.Match[str]) -> str:
        char = chr(int(found.group(1), 16))
        return char if char in _UNRESERVED else "%" + found.group(1).upper()

    path = re.sub(r"%([0-9A-Fa-f]{2})", decode, path)
    clean = posixpath.normpath("/" + path.lstrip("/"))
    return clean + "/" if path.endswith(("/", "/.", "/..")) and clean != "/" else clean


def routing_path(path: str) -> str:
    """The path that rules see."""

    def decode(found: re.Match[str]) -> str:
        escapes = re.findall(r"%([0-9A-Fa-f]{2})", found.group())
        parts = [
            f"%{code.upper()}".encode() if code.upper() in _RESERVED else bytes([int(code, 16)]) for code in escapes
        ]
        return b"".join(parts).decode("utf-8", "replace")

    return re.sub(r"(?:%[0-9A-Fa-f]{2})+", decode, sanitize(path))


def pattern(text: str, matcher: str) -> re.Pattern[str]:
    """A Go regular expression; what RE2 lacks is refused."""
    if found := re.search(r"\(\?(?:[=!>]|<[=!])", text):
        raise RuleError(
            f"compiling {matcher} matcher: error parsing regexp: invalid or unsupported Perl syntax: `{found.group()}`"
        )
    if re.search(r"(?<!\\)(?:\\\\)*\\[1-9]", text):
        raise RuleError(f"compiling {matcher} matcher: error parsing regexp: invalid escape sequence")
    try:
        return re.compile(text)
    except re.error as error:
        raise RuleError(f"compiling {matcher} matcher: error parsing regexp: {error}") from error


def _host(args: tuple[str, ...]) -> Test:
    wanted = args[0]
    if not wanted.isascii():
        raise RuleError(f"invalid value {wanted!r} for Host matcher, non-ASCII characters are not allowed")
    wanted = wanted.lower().rstrip(".")
    if wanted == "*":
        return lambda facts: True
    if wanted.startswith("*."):
        return lambda facts: facts.host.rstrip(".").partition(".")[2] == wanted[2:]
    return lambda facts: bool(facts.host) and facts.host.rstrip(".") == wanted


def _plain_host(args: tuple[str, ...]) -> Test:
    """Host before v3.7: a star is a letter like any other, and no host has it."""
    _host(args)
    wanted = args[0].lower().rstrip(".")
    return lambda facts: bool(facts.host) and facts.host.rstrip(".") == wanted


def _host_regexp(args: tuple[str, ...]) -> Test:
    compiled = pattern(args[0], "HostRegexp")
    return lambda facts: compiled.search(facts.host) is not None


def _path(args: tuple[str, ...], *, prefix: bool) -> Test:
    wanted = args[0]
    if not wanted.startswith("/"):
        raise RuleError(f"path \"{wanted}\" does not start with a '/'")
    if prefix:
        return lambda facts: facts.path.startswith(wanted)
    return lambda facts: facts.path == wanted


def _path_regexp(args: tuple[str, ...]) -> Test:
    compiled = pattern(args[0], "PathPrefix")  # sic: Traefik names the wrong matcher
    return lambda facts: compiled.search(facts.path) is not None


def _method(args: tuple[str, ...]) -> Test:
    wanted = args[0].upper()
    return lambda facts: facts.method == wanted


def _lines(facts: Facts, key: str) -> tuple[str, ...]:
    # Go keeps Host out of the header map, so a rule never sees it here.
    key = key.lower()
    return tuple(value for name, value in facts.headers if name.lower() == key != "host")


def _header(args: tuple[str, ...]) -> Test:
    return lambda facts: args[1] in _lines(facts, args[0])


def _header_regexp(args: tuple[str, ...]) -> Test:
    compiled = pattern(args[1], "HeaderRegexp")
    return lambda facts: any(compiled.search(line) for line in _lines(facts, args[0]))


def _query(args: tuple[str, ...]) -> Test:
    wanted = args[1] if len(args) > 1 else ""
    return lambda facts: (args[0], wanted) in facts.query


def _query_regexp(args: tuple[str, ...]) -> Test:
    if len(args) == 1:
        return _query(args)
    compiled = pattern(args[1], "QueryRegexp")
    return lambda facts: any(compiled.search(value) for key, value in facts.query if key == args[0])


def _client_ip(args: tuple[str, ...]) -> Test:
    try:
        net = ipaddress.ip_network(args[0], strict=False)
    except ValueError as error:
        raise RuleError(f"initializing IP checker for ClientIP matcher: {error}") from error
    return lambda facts: in_network(facts.client_ip, net)


def in_network(ip: str, net: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    """Whether an address lies in a network; an IPv4-mapped one counts as IPv4."""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return address in net


def _host_sni(args: tuple[str, ...]) -> Test:
    wanted = args[0]
    if wanted == "*":
        return lambda facts: True
    if not _SNI.match(wanted):
        raise RuleError(f"invalid value for HostSNI matcher, {wanted!r} is not a valid hostname")
    wanted = wanted.lower().rstrip(".")
    if wanted.startswith("*."):
        return lambda facts: facts.sni.partition(".")[2] == wanted[2:]
    return lambda facts: facts.sni.rstrip(".") == wanted


def _host_sni_regexp(args: tuple[str, ...]) -> Test:
    compiled = pattern(args[0], "HostSNIRegexp")
    return lambda facts: compiled.search(facts.sni) is not None


def _alpn(args: tuple[str, ...]) -> Test:
    if args[0] == "acme-tls/1":
        raise RuleError('invalid protocol value for ALPN matcher, "acme-tls/1" is not allowed')
    return lambda facts: args[0] in facts.alpn


HTTP: Mapping[str, tuple[_Builder, tuple[int, ...]]] = {
    "Host": (_host, (1,)),
    "HostRegexp": (_host_regexp, (1,)),
    "Path": (partial(_path, prefix=False), (1,)),
    "PathPrefix": (partial(_path, prefix=True), (1,)),
    "PathRegexp": (_path_regexp, (1,)),
    "Method": (_method, (1,)),
    "Header": (_header, (2,)),
    "HeaderRegexp": (_header_regexp, (2,)),
    "Query": (_query, (1, 2)),
    "QueryRegexp": (_query_regexp, (1, 2)),
    "ClientIP": (_client_ip, (1,)),
}
HTTP_WITHOUT_WILDCARDS: Mapping[str, tuple[_Builder, tuple[int, ...]]] = {**HTTP, "Host": (_plain_host, (1,))}
TCP: Mapping[str, tuple[_Builder, tuple[int, ...]]] = {
    "HostSNI": (_host_sni, (1,)),
    "HostSNIRegexp": (_host_sni_regexp, (1,)),
    "ClientIP": (_client_ip, (1,)),
    "ALPN": (_alpn, (1,)),
}


def compile_rule(rule: str, matchers: Mapping[str, tuple[_Builder, tuple[int, ...]]]) -> tuple[Test, Node]:
    """A rule's test and tree.

    Raises:
        RuleError: with Traefik's wording.
    """
    try:
        tree = parse(rule)
        known = {form: name for name in matchers for form in spellings(name)}
        return _build(tree, matchers, known), tree
    except RuleError as error:
        raise RuleError(f"error while parsing rule {rule}: {error}") from error


def _build(node: Node, matchers: Mapping[str, tuple[_Builder, tuple[int, ...]]], known: Mapping[str, str]) -> Test:
    match node:
        case Call():
            return _build_call(node, matchers, known)
        case Not():
            inner = _build(node.of, matchers, known)
            return lambda facts: not inner(facts)
        case Both():
            left, right = _build(node.left, matchers, known), _build(node.right, matchers, known)
            return lambda facts: left(facts) and right(facts)
        case Either():
            one, other = _build(node.left, matchers, known), _build(node.right, matchers, known)
            return lambda facts: one(facts) or other(facts)


def _build_call(call: Call, matchers: Mapping[str, tuple[_Builder, tuple[int, ...]]], known: Mapping[str, str]) -> Test:
    if call.name not in known:
        raise RuleError(f"unsupported function: {call.name}")
    if not call.args:
        raise RuleError(f"no args for matcher {call.name}")
    if not all(call.args):
        raise RuleError(f"empty args for matcher {call.name}, {list(call.args)}")
    builder, counts = matchers[known[call.name]]
    if len(call.args) not in counts:
        allowed = " ".join(map(str, counts))
        raise RuleError(f"unexpected number of parameters; got {len(call.args)}, expected one of [{allowed}]")
    return builder(call.args)
