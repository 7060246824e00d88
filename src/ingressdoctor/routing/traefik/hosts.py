"""Which hostnames the routing objects name, and which of them look like a misspelt one. No routing is decided here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from ingressdoctor.evidence.kube import Loaded
from ingressdoctor.evidence.routes import RoutingObjects
from ingressdoctor.routing.traefik.middlewares import as_list, as_map

__all__ = ["hosts_in", "hosts_of", "near", "plain_hosts"]

_CALL: Final = re.compile(r"\b(?:host|hostheader)\s*\(([^()]{0,4000})\)", re.IGNORECASE)
_LITERAL: Final = re.compile(r"`([^`]{1,300})`|\"([^\"\\]{1,300})\"|'([^'\\]{1,300})'")
# Labels end at the 63 bytes of DNS: without a limit, a long word costs the square of its length.
_HOSTLIKE: Final = re.compile(r"(?:\*\.)?[A-Za-z0-9_][A-Za-z0-9_-]{0,62}(?:\.[A-Za-z0-9_-]{1,63})+")
_SPLIT: Final = re.compile(r"[-_.]")
_MAX_RULE: Final = 20_000
_MAX_NEAR: Final = 5
_MAX_DISTANCE: Final = 2


def hosts_in(rule: str) -> tuple[str, ...]:
    """Return the hosts that a rule names by Host, even one that Traefik refuses; lower case, in order."""
    found: dict[str, None] = {}
    for call in _CALL.finditer(rule[:_MAX_RULE]):
        for match in _LITERAL.finditer(call.group(1)):
            text = next(group for group in match.groups() if group is not None)
            found[text.strip().lower().removesuffix(".")] = None
    return tuple(found)


def plain_hosts(text: str) -> tuple[str, ...]:
    """Return everything in a text that looks like a hostname, however broken the text is."""
    found = dict.fromkeys(hosts_in(text))
    found.update((match.group().lower(), None) for match in _HOSTLIKE.finditer(text[:_MAX_RULE]))
    return tuple(found)


def hosts_of(objects: RoutingObjects) -> Mapping[str, tuple[str, ...]]:
    """Return every hostname that an IngressRoute, Ingress or route of the Gateway API names, with the objects."""
    found: dict[str, dict[str, None]] = {}
    if isinstance(objects.ingress_routes, Loaded):
        for item in objects.ingress_routes.items:
            for route in as_list(item.spec.get("routes")):
                for host in hosts_in(str(as_map(route).get("match") or "")):
                    found.setdefault(host, {})[item.ref] = None
    for host, ref in _by_field(objects):
        found.setdefault(host, {})[ref] = None
    return {host: tuple(refs) for host, refs in found.items()}


def _by_field(objects: RoutingObjects) -> Iterator[tuple[str, str]]:
    """Yield the hosts that kinds name in a field of their own, with the objects."""
    if isinstance(objects.ingresses, Loaded):
        for ingress in objects.ingresses.items:
            yield from ((rule.host.lower(), ingress.ref) for rule in ingress.spec.rules or () if rule.host)
    for kind in (objects.http_routes, objects.grpc_routes):
        for item in kind.items if isinstance(kind, Loaded) else ():
            names = (name for name in as_list(item.spec.get("hostnames")) if isinstance(name, str) and name)
            yield from ((name.lower().removesuffix("."), item.ref) for name in names)


def near(hostname: str, known: Iterable[str]) -> tuple[str, ...]:
    """Return up to five known hostnames that *hostname* may have meant, nearest first.

    Near are names within two typing slips, and names made of the same words in another order.
    """
    scored = []
    words = sorted(_SPLIT.split(hostname))
    for candidate in known:
        if candidate == hostname or candidate.startswith("*"):
            continue
        if sorted(_SPLIT.split(candidate)) == words:
            scored.append((0.5, candidate))
        elif abs(len(candidate) - len(hostname)) <= _MAX_DISTANCE:
            distance = _distance(hostname, candidate)
            if distance <= _MAX_DISTANCE:
                scored.append((float(distance), candidate))
        elif _same_but_www(hostname, candidate):
            scored.append((2.5, candidate))
    return tuple(candidate for _, candidate in sorted(scored)[:_MAX_NEAR])


def _same_but_www(one: str, other: str) -> bool:
    return one.removeprefix("www.") == other.removeprefix("www.")


def _distance(one: str, other: str) -> int:
    """Count insertions, deletions, replacements and swaps of neighbours; stops above the limit."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, char in enumerate(one, start=1):
        following = [i]
        for j, against in enumerate(other, start=1):
            cost = min(row[j] + 1, following[j - 1] + 1, row[j - 1] + (char != against))
            if i > 1 and j > 1 and char == other[j - 2] and one[i - 2] == against:
                cost = min(cost, before[j - 2] + 1)
            following.append(cost)
        if min(following) > _MAX_DISTANCE:
            return _MAX_DISTANCE + 1
        before, row = row, following
    return row[-1]
