"""Which routes of a whole table take requests from which others: never reached, tied, taken by a wider one first.

Rules are compared within a host only, and within it only where one path begins with the other, so that a table of
many thousand routes takes seconds. What is said is sure; what cannot be told from the rules' text is not said.

Source: traefik: pkg/muxer/http/mux.go (first match over the sorted routes).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import msgspec
from msgspec.structs import replace

from ingressdoctor.evidence.controller import EntryPoint
from ingressdoctor.evidence.route_view import Clash, ClashKind
from ingressdoctor.routing.traefik.clash_index import Entry, Index
from ingressdoctor.routing.traefik.compiled import judge
from ingressdoctor.routing.traefik.request import Seen
from ingressdoctor.routing.traefik.settings import INGRESS_PROVIDER
from ingressdoctor.routing.traefik.table import LiveRouter, RouteTable
from ingressdoctor.routing.traefik.terms import MAX_TERMS, implied, terms_of, witness

__all__ = ["Clashes", "find_clashes"]

_MAX_PAIRS: Final = 500_000
_BESIDE: Final = "-other"
_MAX_INT: Final = 2**63 - 1
_MAX_FOUND: Final = 20  # of one kind for one router


class Clashes(msgspec.Struct, frozen=True):
    """All clashes, and what could not be compared."""

    found: tuple[Clash, ...]
    limits: tuple[str, ...] = ()


@dataclass(slots=True)
class _Lost:
    """What one router loses: (alternative, entry point) to the router that takes it, None for a redirection."""

    entries: tuple[Entry, ...] = ()
    points: tuple[str, ...] = ()
    shadowed: dict[tuple[int, str], LiveRouter | None] = field(default_factory=dict)


def find_clashes(table: RouteTable, routers: tuple[LiveRouter, ...]) -> Clashes:
    """Compare all live routers of a table with each other."""
    return _Search(table).run(routers)


class _Search:
    """One comparison of all routers; the pairs looked at are counted and bounded."""

    def __init__(self, table: RouteTable) -> None:
        self._table = table
        self._points = {point.name: point for point in table.static.entry_points}
        self._pairs = 0
        self._lost: list[_Lost] = []
        self._found: dict[tuple[ClashKind, int, int], Clash] = {}
        self._counted: Counter[tuple[ClashKind, int]] = Counter()
        self._limits: dict[str, None] = {}

    def run(self, routers: tuple[LiveRouter, ...]) -> Clashes:
        """Return every clash between the routers."""
        groups: dict[tuple[str, bool], list[Entry]] = {}
        for number, router in enumerate(routers):
            lost = _Lost(entries=self._entries(number, router), points=self._live_points(router))
            self._lost.append(lost)
            for name in lost.points:
                groups.setdefault((name, self._with_tls(router, name)), []).extend(lost.entries)
        for (name, _), entries in groups.items():
            self._compare(name, entries)
        whole = [clash for lost in self._lost if (clash := self._summary(lost))]
        return Clashes((*whole, *self._found.values()), tuple(self._limits))

    def _live_points(self, router: LiveRouter) -> tuple[str, ...]:
        names = tuple(dict.fromkeys(router.entry_points))
        return tuple(name for name in names if name in self._points) or names  # where assumed, all may exist

    def _with_tls(self, router: LiveRouter, name: str) -> bool:
        point = self._points.get(name)
        return router.draft.tls or (point is not None and point.tls)

    def _entries(self, number: int, router: LiveRouter) -> tuple[Entry, ...]:
        """Return the alternatives that can match at all; a router that has none of them is noted here."""
        syntax = router.draft.syntax if router.draft.syntax in ("v2", "v3") else self._table.syntax
        terms = terms_of(router.compiled, syntax, self._table.version)
        if terms is None:
            self._limits[f"{router.draft.ref}: the rule has more than {MAX_TERMS} alternatives, not compared"] = None
            return ()
        entries = [Entry(router, term, number, place) for place, term in enumerate(terms)]
        possible = tuple(entry for entry in entries if not entry.term.impossible)
        if not possible:
            self._add(ClashKind.NEVER_MATCHES, entries[0], f"no request can match: {terms[0].impossible}")
        return possible

    def _compare(self, point: str, entries: list[Entry]) -> None:
        index = Index.of(entries)
        redirect = _redirect_priority(self._table, self._points.get(point))
        for done, entry in enumerate(entries):
            if redirect is not None and redirect > entry.router.priority:
                self._lost[entry.number].shadowed[entry.place, point] = None
                continue
            for other in index.near(entry.term):
                self._pairs += 1
                if self._pairs > _MAX_PAIRS:
                    left = f"{len(entries) - done} rules on {point} were not compared with the others"
                    self._limits[f"{left}: more than {_MAX_PAIRS} pairs"] = None
                    return
                if other.number != entry.number and self._shadows(entry, other, point):
                    break

    def _shadows(self, entry: Entry, other: Entry, point: str) -> bool:
        """Compare one alternative with one that may come before it; True when the other takes all its requests."""
        if other.rank > entry.rank:
            self._note_sibling(entry, other, point)
            return False
        if not other.sure:
            return False
        if other.rank == entry.rank:
            self._note_tie(entry, other, point)
            return False
        if all(implied(leaf, other.term.syntax, entry.term) for leaf in other.term.leaves):
            self._lost[entry.number].shadowed[entry.place, point] = other.router
            return True
        self._note_wider(entry, other, point)
        return False

    def _note_tie(self, entry: Entry, other: Entry, point: str) -> None:
        mirrored = (entry.term.host, entry.term.path) == (other.term.host, other.term.path)
        if mirrored and entry.number > other.number:
            return  # the pair is met from the other side too
        if _both(entry, other):
            why = "both have the same priority: either may win, anew at each reload and in each replica"
            self._add(ClashKind.TIE, entry, why, other, point)

    def _note_wider(self, entry: Entry, other: Entry, point: str) -> None:
        """Note that a router for many hosts takes a part of what one for this very host would get."""
        exact = bool(entry.term.host) and not entry.term.wildcard
        if not exact or (other.term.host and not other.term.wildcard):
            return
        if other.term.path.startswith("/.well-known/"):
            return  # meant to come first: certificates, security.txt
        if _both(entry, other):
            whose = f"a route of the wildcard {other.term.host}" if other.term.host else "a route without a host"
            why = f"{whose} is tried first and takes a part of this host's requests"
            self._add(ClashKind.WIDER_FIRST, entry, why, other, point)

    def _note_sibling(self, entry: Entry, other: Entry, point: str) -> None:
        """Note that the prefix of an Ingress also takes paths that the Ingress specification leaves to another."""
        term = entry.term
        if term.exact or len(term.path) < 2 or term.path.endswith("/") or other.term.exact:
            return
        if entry.router.draft.provider != INGRESS_PROVIDER or other.term.path == term.path or not term.host:
            return
        beside = replace(witness(term), path=f"{term.path}{_BESIDE}")
        if all(judge(item.router.compiled, beside).matches for item in (entry, other)):
            why = (
                "prefixes are compared byte by byte, so it takes this path too, which by the Ingress rules is another's"
            )
            self._add(ClashKind.PREFIX_SIBLING, entry, why, other, point)
            key = (ClashKind.PREFIX_SIBLING, entry.number, other.number)
            if key in self._found:
                example = _url(beside, self._with_tls(entry.router, point))
                self._found[key] = replace(self._found[key], example=example)

    def _add(self, kind: ClashKind, entry: Entry, why: str, other: Entry | None = None, point: str = "") -> None:
        router = entry.router
        key = (kind, entry.number, other.number if other else -1)
        if known := self._found.get(key):
            if point not in known.entry_points:
                self._found[key] = replace(known, entry_points=(*known.entry_points, point))
            return
        self._counted[key[:2]] += 1
        if self._counted[key[:2]] > _MAX_FOUND:
            return
        made = self._clash(kind, entry, other.router if other else None, why, (point,) if point else ())
        example = _url(witness(entry.term, other.term), self._with_tls(router, point)) if other else ""
        self._found[key] = replace(made, example=example)

    def _summary(self, lost: _Lost) -> Clash | None:
        """Return what a router loses altogether: everything, everything to a redirection, or a part."""
        if not lost.shadowed:
            return None
        points = tuple(dict.fromkeys(point for _, point in lost.shadowed))
        (place, point), _ = next((item for item in lost.shadowed.items() if item[1]), next(iter(lost.shadowed.items())))
        entry = next(item for item in lost.entries if item.place == place)
        by = lost.shadowed[place, point]
        whole = len(lost.shadowed) == len(lost.entries) * len(lost.points)
        if by is None:
            why = "the entry point redirects every request before this route is tried"
            return self._clash(ClashKind.REDIRECTED, entry, None, why, points) if whole else None
        kind = ClashKind.UNREACHABLE if whole else ClashKind.PARTLY_SHADOWED
        made = self._clash(kind, entry, by, _reason(entry, by, whole=whole), points)
        return replace(made, example=_url(witness(entry.term), self._with_tls(entry.router, point)))

    def _clash(self, kind: ClashKind, entry: Entry, by: LiveRouter | None, why: str, points: tuple[str, ...]) -> Clash:
        return Clash(
            kind=kind,
            host=entry.term.host,
            route=entry.router.draft.ref,
            rule=entry.router.draft.rule,
            priority=entry.router.priority,
            entry_points=points or entry.router.entry_points,
            why=why,
            by=by.draft.ref if by else "",
            by_rule=by.draft.rule if by else "",
            by_priority=by.priority if by else 0,
        )


def _redirect_priority(table: RouteTable, point: EntryPoint | None) -> int | None:
    """Return the priority of the router that an entry point's redirection makes; None where it has none."""
    if point is None or not table.static.redirects(point):
        return None
    raw = table.static.flag(f"entrypoints.{point.name}.http.redirections.entrypoint.priority")
    return int(raw) if raw.lstrip("-").isdecimal() else _MAX_INT - 1


def _both(entry: Entry, other: Entry) -> bool:
    """Tell whether one request is known that both routers match."""
    seen = witness(entry.term, other.term)
    rules = (entry.router.compiled, other.router.compiled)
    return all(judge(rule, seen).matches is True for rule in rules)


def _url(seen: Seen, tls: bool) -> str:
    return f"{'https' if tls else 'http'}://{seen.host}{seen.path or '/'}"


def _reason(entry: Entry, by: LiveRouter, *, whole: bool) -> str:
    """Say why the other one comes first, where its rule tells."""
    what = "every request that it matches" if whole else "a part of what it matches"
    if by.draft.rule == entry.router.draft.rule:
        return f"{what} is taken first by a route with the same rule"
    if entry.router.priority == by.priority:
        return f"{what} is taken first by a route of the same priority, whose provider wins ties"
    default = len(by.draft.rule.encode("utf-8", "replace"))
    if by.draft.priority:
        return f"{what} is taken first by a route whose priority is set to {by.priority}"
    term, said = entry.term, f"{what} is taken first by a longer rule ({default} bytes, which is its priority)"
    if entry.router.draft.priority:
        said = f"its priority is set to {entry.router.priority}; {what} is taken first by a rule of {default} bytes"
    if term.exact and "PathPrefix" in by.draft.rule:
        said += "; Path is written shorter than PathPrefix, so an exact path loses to the same prefix"
    if "*" in by.draft.rule or "HostRegexp" in by.draft.rule:
        said += "; a host with a wildcard is no weaker than an exact one"
    return said
