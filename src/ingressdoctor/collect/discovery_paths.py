"""Which path of a host to ask for, where none of its routes takes "/". Pure.

A host that serves only ``/api`` is well when ``/api`` answers; asked for "/" it would look broken. Where something
takes "/", or no path can be told from the rules (regular expressions), it is "/".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from ingressdoctor.evidence.kube import Ingress, Loaded
from ingressdoctor.evidence.routes import RoutingObjects
from ingressdoctor.model.untyped import as_list, as_map, as_text
from ingressdoctor.routing.traefik.hosts import hosts_in

__all__ = ["paths_to_ask"]

_PATHS: Final = re.compile(r"(?P<not>!\s*)?\b(?P<call>Path|PathPrefix|PathRegexp)\s*\((?P<inside>[^()]{0,2000})\)")
_LITERAL: Final = re.compile(r"`([^`]{1,300})`|\"([^\"\\]{1,300})\"|'([^'\\]{1,300})'")
_PLAIN: Final = re.compile(r"/[A-Za-z0-9._~!$&',;=:@%/-]*")
_REGEX: Final = ("nginx.ingress.kubernetes.io/use-regex", "nginx.ingress.kubernetes.io/rewrite-target")
_MAX_RULE: Final = 20_000


def paths_to_ask(objects: RoutingObjects) -> Mapping[str, str]:
    """Return a path for every host that serves something, but not "/"."""
    found: dict[str, set[str]] = {}
    for host, path in _served(objects):
        found.setdefault(host, set()).add(path)
    return {host: min(paths, key=lambda path: (len(path), path)) for host, paths in found.items() if "/" not in paths}


def _served(objects: RoutingObjects) -> Iterator[tuple[str, str]]:
    if isinstance(objects.ingresses, Loaded):
        for ingress in objects.ingresses.items:
            yield from _of_ingress(ingress)
    if isinstance(objects.ingress_routes, Loaded):
        for item in objects.ingress_routes.items:
            for route in as_list(item.spec.get("routes")):
                yield from _of_rule(as_text(as_map(route).get("match"))[:_MAX_RULE])
    for kind in (objects.http_routes, objects.grpc_routes):
        for item in kind.items if isinstance(kind, Loaded) else ():
            names = [as_text(name).lower() for name in as_list(item.spec.get("hostnames"))]
            for rule in as_list(item.spec.get("rules")):
                yield from ((name, path) for name in names for path in _of_matches(as_map(rule).get("matches")))


def _of_ingress(ingress: Ingress) -> Iterator[tuple[str, str]]:
    by_regex = any(key in ingress.annotations for key in _REGEX)
    for rule in ingress.spec.rules or ():
        if not rule.host:
            continue
        for path in (rule.http.paths if rule.http else None) or ():
            yield rule.host.lower(), "/" if by_regex else _plain(path.path or "/")


def _of_rule(rule: str) -> Iterator[tuple[str, str]]:
    calls = list(_PATHS.finditer(rule))
    plain = bool(calls) and all(call["call"] != "PathRegexp" and not call["not"] for call in calls)
    paths = [_plain(next(filter(None, word.groups()))) for call in calls for word in _LITERAL.finditer(call["inside"])]
    for host in hosts_in(rule):
        yield from ((host, path) for path in (paths if plain and paths else ["/"]))


def _of_matches(raw: object) -> Iterator[str]:
    matches = as_list(raw)
    if not matches:
        yield "/"
    for match in matches:
        path = as_map(as_map(match).get("path"))
        yield "/" if path.get("type") == "RegularExpression" else _plain(as_text(path.get("value")) or "/")


def _plain(path: str) -> str:
    return path if _PLAIN.fullmatch(path) else "/"
