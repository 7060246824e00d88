"""Which server takes a name, and which of its locations a path: nginx's own rules, on what the controller writes.

Source: nginx ngx_http_core_module (server_name, location), ngx_http_parse.c (ngx_http_parse_complex_uri);
ingress-nginx template.go (buildServerName, buildLocation).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

import msgspec

from ingressdoctor.routing.ingress_nginx.servers import CATCH_ALL, Location, NginxTable, Server
from ingressdoctor.routing.traefik.errors import RuleError
from ingressdoctor.routing.traefik.regex import compile_pattern

__all__ = ["BadPathError", "Judged", "choose_server", "judge_locations", "normal_path", "pattern_of"]

_HEX: Final = re.compile(r"%([0-9A-Fa-f]{2})")
_BAD_HEX: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")


class BadPathError(ValueError):
    """nginx answers the path with 400."""


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """One location and whether it takes the path; None when its pattern is outside of what can be judged."""

    location: Location
    takes: bool | None
    why: str


def normal_path(raw: str) -> str:
    """Return the path as locations are compared with it: decoded, slashes merged, dot segments resolved.

    Raises:
        BadPathError: it does not begin with a slash, leaves the root, or holds a broken or null escape.
    """
    if not raw.startswith("/") or _BAD_HEX.search(raw) or "%00" in raw:
        raise BadPathError("not a path that nginx takes")
    decoded = _HEX.sub(lambda match: chr(int(match.group(1), 16)), raw)
    kept: list[str] = []
    parts = decoded.split("/")[1:]
    for part in parts:
        if part == "..":
            if not kept:
                raise BadPathError("it leads above the root")
            kept.pop()
        elif part not in {"", "."}:
            kept.append(part)
    tail = "/" if kept and parts[-1] in {"", ".", ".."} else ""
    # Bytes of UTF-8 came out one by one; they are put together again where they are text.
    return ("/" + "/".join(kept) + tail).encode("latin-1", "replace").decode("utf-8", "replace")


def choose_server(table: NginxTable, host: str) -> tuple[Server, str]:
    """Return the server that takes a host, and why: its name, an alias, a wildcard, or nobody else."""
    name = host.lower().removesuffix(".")
    if name in table.servers and name != CATCH_ALL:
        return table.servers[name], f"the server {name} has that very name"
    ordered = [table.servers[key] for key in sorted(table.servers)]
    for server in ordered:
        if name in server.aliases:
            return server, f"{name} is an alias of the server {server.host}"
    for front in (True, False):
        fitting = [(len(alias), server, alias) for server, alias in _wild(ordered, front=front) if _fits(alias, name)]
        if fitting:
            _, server, alias = max(fitting, key=lambda item: item[0])
            return server, f"the alias {alias} of the server {server.host} covers it"
    for server in ordered:
        for shown, takes in _regexes(server):
            if takes(name):
                return server, f"the server {server.host} covers it with {shown}"
    return table.servers[CATCH_ALL], "no server has that name"


def _wild(servers: Iterable[Server], *, front: bool) -> Iterator[tuple[Server, str]]:
    for server in servers:
        for alias in server.aliases:
            if alias.startswith(("*.", ".")) if front else alias.endswith(".*"):
                yield server, alias


def _fits(alias: str, name: str) -> bool:
    if alias.startswith("."):
        return name == alias[1:] or name.endswith(alias)
    return name.endswith(alias[1:]) if alias.startswith("*.") else name.startswith(alias[:-1])


def _regexes(server: Server) -> Iterator[tuple[str, Callable[[str], bool]]]:
    """Yield what a server's wildcard name and its aliases that begin with ``~`` take."""
    if server.host.startswith("*."):
        rest = re.escape(server.host[2:])
        yield server.host, re.compile(rf"[\w-]+\.{rest}", re.ASCII).fullmatch  # type: ignore[misc]
    for alias in server.aliases:
        if alias.startswith("~"):
            try:
                yield alias, compile_pattern(alias.removeprefix("~").removeprefix("*"))
            except RuleError:
                continue


def pattern_of(location: Location) -> str:
    """Return the regular expression that a location is, where its server has any."""
    return f"(?i)^{location.path}"


def judge_locations(server: Server, path: str) -> tuple[Judged, ...]:
    """Judge every location in the order nginx looks at them; the first that takes the path is the one.

    Without regular expressions the exact ones come first, then the longest prefix.
    """
    if server.regex:
        return tuple(_judge_pattern(item, path) for item in server.locations)
    exact = [item for item in server.locations if item.exact]
    prefixes = sorted((item for item in server.locations if not item.exact), key=lambda item: -len(item.path))
    return tuple(_judge_plain(item, path) for item in (*exact, *prefixes))


def _judge_plain(location: Location, path: str) -> Judged:
    if location.exact:
        takes = path == location.path
        return Judged(location=location, takes=takes, why=f"the path {'is' if takes else 'is not'} {location.path}")
    takes = path.startswith(location.path)
    return Judged(
        location=location, takes=takes, why=f"the path {'begins' if takes else 'does not begin'} with {location.path}"
    )


def _judge_pattern(location: Location, path: str) -> Judged:
    shown = f'~* "^{location.path}"'
    try:
        takes = compile_pattern(pattern_of(location))(path)
    except RuleError as error:
        return Judged(location=location, takes=None, why=f"{shown} cannot be judged: {error}")
    return Judged(location=location, takes=takes, why=f"{shown} {'takes' if takes else 'does not take'} the path")
