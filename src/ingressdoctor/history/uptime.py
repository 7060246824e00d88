"""From looks to time: how long up, down, unknown, unwatched, suppressed; and how long until recovery. Pure.

A look speaks for its target until the next one, and at most for ``GAP_MS``; beyond that nobody watched. Where looks
from several places overlap, suppressed goes first, then down, then up: down from somewhere is down. Pieces come in the
order in which they were recorded; one whose clock ran backwards has no length, never a negative one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from itertools import pairwise

import msgspec

from ingressdoctor.history.recording import GAP_MS
from ingressdoctor.model.history import Uptime

__all__ = ["Kind", "Outage", "Piece", "divide", "mean_recovery", "outages_in", "timeline_of"]


class Kind(IntEnum):
    """What a stretch of time was; where two overlap, the greater one holds."""

    UNKNOWN = 1
    UP = 2
    DOWN = 3
    SUPPRESSED = 4


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """A span as time: of one place, from its first to its last look (milliseconds)."""

    place: str
    first: int
    last: int
    kind: Kind


class Outage(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch from the first look that saw it down to the first that saw it up; ``ended`` None: not yet."""

    began: int
    ended: int | None = None


def timeline_of(pieces: Sequence[Piece], until: int) -> tuple[tuple[int, int, Kind], ...]:
    """Return stretches (from, to, kind) in the order of time, without overlap; where none is, nobody watched."""
    places: dict[str, list[Piece]] = {}
    for piece in pieces:
        places.setdefault(piece.place, []).append(piece)
    held = [stretch for own in places.values() for stretch in _held(own, until)]
    if len(places) == 1 and all(a[1] <= b[0] for a, b in pairwise(held)):
        return tuple(held)
    return tuple(_merged(held))


def _held(pieces: Sequence[Piece], until: int) -> Iterator[tuple[int, int, Kind]]:
    """Let each piece last until the next look of its place, if that came soon enough."""
    for number, piece in enumerate(pieces):
        end = max(piece.first, piece.last)
        next_look = pieces[number + 1].first if number + 1 < len(pieces) else until
        if 0 <= next_look - end <= GAP_MS:
            end = next_look
        yield piece.first, end, piece.kind


def _merged(stretches: Sequence[tuple[int, int, Kind]]) -> Iterator[tuple[int, int, Kind]]:
    """Cut overlapping stretches at every border and keep the greatest kind of each part."""
    borders = sorted({moment for start, end, _ in stretches for moment in (start, end)})
    opening = sorted(stretches)
    active: list[tuple[int, int, Kind]] = []
    place = 0
    for start, end in pairwise(borders):
        while place < len(opening) and opening[place][0] <= start:
            active.append(opening[place])
            place += 1
        active = [stretch for stretch in active if stretch[1] > start]
        if active:
            yield start, end, max(kind for _, _, kind in active)


def divide(stretches: Iterable[tuple[int, int, Kind]], since: int, until: int) -> Uptime:
    """Return how the time from *since* to *until* divides up."""
    sums = dict.fromkeys(Kind, 0)
    for start, end, kind in stretches:
        sums[kind] += max(0, min(end, until) - max(start, since))
    period = max(0, until - since)
    return Uptime(
        period_s=period / 1000,
        up_s=sums[Kind.UP] / 1000,
        down_s=sums[Kind.DOWN] / 1000,
        unknown_s=sums[Kind.UNKNOWN] / 1000,
        suppressed_s=sums[Kind.SUPPRESSED] / 1000,
        unwatched_s=max(0, period - sum(sums.values())) / 1000,
    )


def outages_in(stretches: Iterable[tuple[int, int, Kind]], since: int, until: int) -> tuple[Outage, ...]:
    """Return the outages that touch the time from *since* to *until*, whole.

    What is unknown, unwatched or suppressed neither begins nor ends one.
    """
    found: list[Outage] = []
    began: int | None = None
    for start, _, kind in stretches:
        if kind is Kind.DOWN and began is None:
            began = start
        if kind is Kind.UP and began is not None:
            found.append(Outage(began=began, ended=start))
            began = None
    if began is not None:
        found.append(Outage(began=began))
    return tuple(one for one in found if one.began < until and (one.ended is None or one.ended > since))


def mean_recovery(outages: Iterable[Outage]) -> float | None:
    """Return the mean seconds from the first look that failed to the first that was well; None without an end."""
    took = [(one.ended - one.began) / 1000 for one in outages if one.ended is not None]
    return sum(took) / len(took) if took else None
