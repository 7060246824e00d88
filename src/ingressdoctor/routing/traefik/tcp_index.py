"""TCP routers by the host that their rule asks for, so that a connection is judged by few of many.

It only leaves out routers that cannot match; the order of priority stays.
"""

from __future__ import annotations

from typing import Final

import msgspec

from ingressdoctor.routing.traefik.tcp_rules import TcpLeaf, TcpTree
from ingressdoctor.routing.traefik.tcp_table import TcpRouter
from ingressdoctor.routing.traefik.trees import fold

__all__ = ["TcpIndex"]

_MAX_ANCHORS: Final = 10_000


class TcpIndex(msgspec.Struct, frozen=True):
    """Routers with their place in the order of priority, by host and for any host."""

    by_host: dict[str, tuple[tuple[int, TcpRouter], ...]]
    anywhere: tuple[tuple[int, TcpRouter], ...]

    @classmethod
    def of(cls, routers: tuple[TcpRouter, ...]) -> TcpIndex:
        """Index routers that are in order already."""
        by_host: dict[str, list[tuple[int, TcpRouter]]] = {}
        anywhere: list[tuple[int, TcpRouter]] = []
        for placed in enumerate(routers):
            rule = placed[1].rule
            hosts = _anchors(rule.tree)
            for host in hosts or ():
                by_host.setdefault(host, []).append(placed)
            if hosts is None:
                anywhere.append(placed)
        return cls({host: tuple(items) for host, items in by_host.items()}, tuple(anywhere))

    def candidates(self, server_name: str) -> tuple[TcpRouter, ...]:
        """Return the routers that may match an SNI, in order of priority."""
        named = self.by_host.get(server_name)
        if named is None:
            return tuple([router for _, router in self.anywhere])
        placed = sorted((*named, *self.anywhere), key=lambda item: item[0])
        return tuple(router for _, router in placed)


def _anchors(tree: TcpTree) -> frozenset[str] | None:
    """Return hosts of which one must be the SNI for the rule to match; None when no such set is known."""
    return fold(tree, _leaf_anchors, _joined)


def _leaf_anchors(leaf: TcpLeaf) -> frozenset[str] | None:
    matcher = leaf.matcher
    if matcher.name != "HostSNI" or matcher.negated or any(host.startswith("*") for host in matcher.arguments):
        return None
    return frozenset(form for host in matcher.arguments for form in (host.lower(), host.lower().removesuffix(".")))


def _joined(every: bool, found: list[frozenset[str] | None]) -> frozenset[str] | None:
    known = [hosts for hosts in found if hosts is not None]
    if every:
        return min(known, key=len) if known else None
    hosts = frozenset[str]().union(*known)
    # A deep rule would copy its hosts once for every level.
    return hosts if len(known) == len(found) and len(hosts) <= _MAX_ANCHORS else None
