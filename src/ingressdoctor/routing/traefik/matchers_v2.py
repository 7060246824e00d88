"""Build the HTTP matchers of rule syntax v2: several values per matcher, and gorilla/mux templates.

v2 is what Traefik 2 speaks, and what Traefik 3 still speaks where ``core.defaultRuleSyntax`` or a route's ``syntax``
says so. Templates become RE2 patterns exactly as mux writes them.

Source: traefik: pkg/muxer/http/matcher_v2.go; containous/mux: regexp.go, route.go.
"""

from __future__ import annotations

import re
from typing import Final

from ingressdoctor.routing.traefik.errors import RuleError
from ingressdoctor.routing.traefik.matchers import Build, Tested, client_ip_test, host_test, quoted
from ingressdoctor.routing.traefik.regex import compile_pattern
from ingressdoctor.routing.traefik.request import Seen, canonical_header
from ingressdoctor.routing.traefik.version import Version

__all__ = ["V2", "template_pattern"]

_DEFAULTS: Final = {"host": "[^.]+", "path": "[^/]+", "prefix": "[^/]+", "query": ".*"}


def template_pattern(template: str, kind: str) -> str:
    """Return the RE2 pattern of a mux template; *kind* is host, path, prefix or query.

    Raises:
        RuleError: braces do not balance, or a placeholder lacks a name or pattern.
    """
    out = ["(?i)^" if kind == "host" else "^"]
    end = 0
    for start, stop in _braces(template):
        out.append(re.escape(template[end:start]))
        name, colon, pattern = template[start + 1 : stop - 1].partition(":")
        pattern = pattern if colon else _DEFAULTS[kind]
        if not name or not pattern:
            raise RuleError(f"mux: missing name or pattern in {quoted(template[start:stop])}")
        out.append(f"({pattern})")
        end = stop
    out.append(re.escape(template[end:]))
    if kind == "query" and template.endswith("=") and end != len(template):
        out.append(_DEFAULTS["query"])
    if kind != "prefix":
        out.append("$")
    return "".join(out)


def _braces(template: str) -> list[tuple[int, int]]:
    pairs: list[tuple[int, int]] = []
    level = start = 0
    for index, char in enumerate(template):
        if char == "{":
            level += 1
            start = index if level == 1 else start
        elif char == "}":
            level -= 1
            if level == 0:
                pairs.append((start, index + 1))
            elif level < 0:
                break
    if level != 0:
        raise RuleError(f"mux: unbalanced braces in {quoted(template)}")
    return pairs


def _host(arguments: tuple[str, ...], _: Version) -> Tested:
    for host in arguments:
        if not host.isascii():
            raise RuleError(f'invalid value {quoted(host)} for "Host" matcher, non-ASCII characters are not allowed')
    never = "wildcards are compared literally in rule syntax v2" if all("*" in host for host in arguments) else ""
    tests = [host_test(host.lower(), wildcards=False) for host in arguments]
    return Tested(lambda seen: any(test(seen) for test in tests), never)


def _host_regexp(arguments: tuple[str, ...], _: Version) -> Tested:
    for host in arguments:
        if not host.isascii():
            raise RuleError(
                f"invalid value {quoted(host)} for HostRegexp matcher, non-ASCII characters are not allowed"
            )
    searches = [compile_pattern(template_pattern(host, "host")) for host in arguments]
    return Tested(lambda seen: any(search(seen.host) for search in searches))


def _path(arguments: tuple[str, ...], _: Version) -> Tested:
    return _paths(arguments, "path")


def _path_prefix(arguments: tuple[str, ...], _: Version) -> Tested:
    return _paths(arguments, "prefix")


def _paths(arguments: tuple[str, ...], kind: str) -> Tested:
    searches = []
    for path in arguments:
        if not path.startswith("/"):
            raise RuleError(f"mux: path must start with a slash, got {quoted(path)}")
        searches.append(compile_pattern(template_pattern(path, kind)))
    return Tested(lambda seen: seen.path is not None and any(search(seen.path) for search in searches))


def _method(arguments: tuple[str, ...], _: Version) -> Tested:
    methods = frozenset(method.upper() for method in arguments)
    return Tested(lambda seen: seen.method in methods)


def _headers(arguments: tuple[str, ...], _: Version) -> Tested:
    pairs = _pairs(arguments)

    def test(seen: Seen) -> bool:
        return all(
            key in seen.headers and (not value or value in seen.headers[key])
            for key, value in ((canonical_header(key), value) for key, value in pairs)
        )

    return Tested(test)


def _headers_regexp(arguments: tuple[str, ...], _: Version) -> Tested:
    searches = [(canonical_header(key), compile_pattern(pattern)) for key, pattern in _pairs(arguments)]
    return Tested(
        lambda seen: all(any(search(value) for value in seen.headers.get(key, ())) for key, search in searches)
    )


def _pairs(arguments: tuple[str, ...]) -> list[tuple[str, str]]:
    if len(arguments) % 2:
        raise RuleError(f"mux: number of parameters must be multiple of 2, got [{' '.join(arguments)}]")
    return list(zip(arguments[::2], arguments[1::2], strict=True))


def _query(arguments: tuple[str, ...], _: Version) -> Tested:
    flat = tuple(part for argument in arguments for part in argument.split("=", 1))
    wanted, variables = [], set[str]()
    for key, value in _pairs(flat):
        template = f"{key}={value}"
        wanted.append((key, compile_pattern(template_pattern(template, "query"))))
        names = [template[start + 1 : stop - 1].partition(":")[0] for start, stop in _braces(template)]
        if again := next((name for name in names if name in variables), None):
            raise RuleError(f"mux: duplicated route variable {quoted(again)}")
        variables.update(names)

    def test(seen: Seen) -> bool:
        return all(any(search(f"{key}={value}") for value in seen.query.get(key, ())[:1]) for key, search in wanted)

    return Tested(test)


def _client_ip(arguments: tuple[str, ...], _: Version) -> Tested:
    try:
        return Tested(client_ip_test(arguments))
    except RuleError as error:
        raise RuleError(f'could not initialize IP Checker for "ClientIP" matcher: {error.reason}') from None


V2: Final[dict[str, Build]] = {
    "Host": _host,
    "HostHeader": _host,
    "HostRegexp": _host_regexp,
    "ClientIP": _client_ip,
    "Path": _path,
    "PathPrefix": _path_prefix,
    "Method": _method,
    "Headers": _headers,
    "HeadersRegexp": _headers_regexp,
    "Query": _query,
}
