"""The rule and priority that Traefik gives to one match of an HTTPRoute or GRPCRoute.

Source: traefik: pkg/provider/kubernetes/gateway/httproute.go (buildMatchRule, buildHostRule), grpcroute.go
(buildGRPCMatchRule), v3.7.9.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final

from ingressdoctor.routing.gateway.shapes import Match

__all__ = ["rule_of"]

_CATCH_ALL: Final = 'PathPrefix("/")'


def rule_of(hostnames: tuple[str, ...], match: Match, *, grpc: bool) -> tuple[str, int]:
    """Return the rule of a router, and its priority without the share that the rule's place in the route adds."""
    path, priority = (_grpc_path(match), 0) if grpc else _path(match)
    parts = [path, *_further(match)]
    text = " && ".join(parts)
    if grpc:
        priority = len(text)
    else:
        priority += 1000 * bool(match.verb) + 100 * len(match.headers) + 10 * len(match.queries)
    hosts = [_host(name) for name in hostnames]
    if hosts:
        text = f"{hosts[0] if len(hosts) == 1 else '(' + ' || '.join(hosts) + ')'} && {text}"
    return text, priority + max((len(name) for name in hostnames), default=0)


def _host(name: str) -> str:
    if "*" not in name:
        return f"Host({_quoted(name)})"
    pattern = re.escape(name).replace(r"\-", "-").replace(r"\*\.", r"[a-z0-9-\.]+\.", 1)
    return f"HostRegexp({_quoted(f'^{pattern}$')})"


def _path(match: Match) -> tuple[str, int]:
    weight = 10_000 + len(match.path) * 100
    if match.path_type == "Exact":
        return f"Path({_quoted(match.path)})", 100_000
    if match.path_type == "RegularExpression":
        return f"PathRegexp({_quoted(match.path)})", weight
    if match.path_type != "PathPrefix" or match.path == "/":
        return _CATCH_ALL, 1
    path = match.path.removesuffix("/")
    return f"(Path({_quoted(path)}) || PathPrefix({_quoted(path + '/')}))", weight


def _grpc_path(match: Match) -> str:
    if not match.grpc:
        return _CATCH_ALL
    if match.path_type == "RegularExpression":
        return f"PathRegexp({_quoted(match.path)})"
    service, method = (re.escape(part).replace(r"\-", "-") or "[^/]+" for part in (match.service, match.method))
    return f"PathRegexp({_quoted(f'/{service}/{method}')})"


def _further(match: Match) -> Iterator[str]:
    if match.verb:
        yield f"Method({_quoted(match.verb)})"
    for word, pairs in (("Header", match.headers), ("Query", match.queries)):
        for name, value, regex in pairs:
            yield f"{word}{'Regexp' if regex else ''}({_quoted(name)},{_quoted(value)})"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
