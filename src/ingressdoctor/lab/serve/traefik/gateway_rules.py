"""Matches of HTTPRoutes and GRPCRoutes as rules of Traefik, with the numbers that order them. Pure.

Source: traefik pkg/provider/kubernetes/gateway/{httproute,grpcroute}.go (v3.7).
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ingressdoctor.lab.cluster import dig, mapping, sequence, text


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule with its priority; *path* is what a prefix replacement replaces."""

    text: str
    priority: int
    path: str = "/"


Hosts = tuple[str, int]


def host_rule(names: Sequence[str]) -> Hosts:
    """The hosts' part of a rule ("" for any) and what it adds to the priority."""
    parts = []
    for name in names:
        if name.startswith("*."):
            parts.append(f"HostRegexp({json.dumps('^[a-z0-9-.]+' + re.escape(name[1:]) + '$')})")
        else:
            parts.append(f"Host({json.dumps(name)})")
    longest = max(map(len, names), default=0)
    return (f"({' || '.join(parts)})" if len(parts) > 1 else "".join(parts)), longest


def http_rule(match: Mapping[str, Any], hosts: Hosts, bonus: int) -> Rule:
    """One match of an HTTPRoute."""
    path = text(dig(match, "path", "value")) or "/"
    kind = text(dig(match, "path", "type")) or "PathPrefix"
    number = 10000 + 100 * len(path)
    if kind == "Exact":
        where, number = f"Path({json.dumps(path)})", 100000
    elif kind == "RegularExpression":
        where = f"PathRegexp({json.dumps(path)})"
    elif path == "/":
        where, number = 'PathPrefix("/")', 1
    else:
        bare = path.removesuffix("/")
        where = f"(Path({json.dumps(bare)}) || PathPrefix({json.dumps(bare + '/')}))"
    parts = [hosts[0], where]
    if method := text(match.get("method")):
        parts.append(f"Method({json.dumps(method)})")
        number += 1000
    headers = list(_pairs("Header", match.get("headers")))
    queries = list(_pairs("Query", match.get("queryParams")))
    number += 100 * len(headers) + 10 * len(queries) + hosts[1] + bonus
    return Rule(text=" && ".join(filter(None, [*parts, *headers, *queries])), priority=number, path=path)


def grpc_rule(match: Mapping[str, Any], hosts: Hosts) -> Rule:
    """One match of a GRPCRoute; its length orders it."""
    method = mapping(match.get("method"))
    where = 'PathPrefix("/")'
    if method:
        literal = text(method.get("type") or "Exact") == "Exact"
        service, name = (text(method.get(key)) for key in ("service", "method"))
        shown = [(re.escape(part) if literal else part) or "[^/]+" for part in (service, name)]
        where = f"PathRegexp({json.dumps('/' + '/'.join(shown))})"
    inner = " && ".join([where, *_pairs("Header", match.get("headers"))])
    return Rule(text=" && ".join(filter(None, [hosts[0], inner])), priority=len(inner) + hosts[1])


def _pairs(word: str, raw: object) -> Iterator[str]:
    for item in map(mapping, sequence(raw)):
        suffix = "Regexp" if item.get("type") == "RegularExpression" else ""
        yield f"{word}{suffix}({json.dumps(text(item.get('name')))},{json.dumps(text(item.get('value')))})"
