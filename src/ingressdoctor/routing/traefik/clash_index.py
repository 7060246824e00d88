"""The alternatives of all rules on one entry point, found by host and path. Nothing is compared here."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import msgspec

from ingressdoctor.routing.traefik.table import LiveRouter
from ingressdoctor.routing.traefik.terms import Term

__all__ = ["Entry", "Index"]


class Entry(msgspec.Struct, frozen=True):
    """One alternative of one router; ``number`` is the router's, ``place`` the alternative's among its own."""

    router: LiveRouter
    term: Term
    number: int
    place: int

    @property
    def rank(self) -> tuple[int, int]:
        """What decides who is tried first: the smaller one."""
        return -self.router.priority, self.router.order

    @property
    def sure(self) -> bool:
        """Whether the router is known to be there and to take what its rule says."""
        return not (self.router.draft.uncertain or self.router.draft.parents)


@dataclass(slots=True)
class _Paths:
    """The alternatives of one host by path; ``ordered`` are the paths, sorted."""

    entries: dict[str, list[Entry]] = field(default_factory=dict)
    ordered: list[str] = field(default_factory=list)


class Index:
    """Alternatives by host, then by path."""

    def __init__(self, hosts: dict[str, _Paths]) -> None:
        self._hosts = hosts

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Index:
        """Sort alternatives by host and path."""
        hosts: dict[str, _Paths] = {}
        for entry in entries:
            hosts.setdefault(entry.term.host, _Paths()).entries.setdefault(entry.term.path, []).append(entry)
        for paths in hosts.values():
            paths.ordered = sorted(paths.entries)
        return cls(hosts)

    def near(self, term: Term) -> Iterator[Entry]:
        """Yield alternatives whose host may be the term's, and whose path begins it or, for wider hosts, goes on."""
        hosts = dict.fromkeys((term.host, "*", ""))
        if term.host and not term.wildcard:
            hosts = dict.fromkeys((term.host, "*." + term.host.partition(".")[2], "*", ""))
        for host in hosts:
            paths = self._hosts.get(host)
            if paths is None:
                continue
            for end in range(len(term.path), -1, -1):  # the longest first: the best example of what comes before
                yield from paths.entries.get(term.path[:end], ())
            if host == term.host or term.exact:
                continue
            for place in range(bisect_right(paths.ordered, term.path), len(paths.ordered)):
                if not paths.ordered[place].startswith(term.path):
                    break
                yield from paths.entries[paths.ordered[place]]
