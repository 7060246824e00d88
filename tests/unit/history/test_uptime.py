"""From spans to time: what a look speaks for, and who wins where looks overlap."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from ingressdoctor.history.recording import GAP_MS
from ingressdoctor.history.uptime import Kind, Outage, Piece, divide, mean_recovery, outages_in, timeline_of

UP, DOWN, UNKNOWN, OFF = Kind.UP, Kind.DOWN, Kind.UNKNOWN, Kind.SUPPRESSED
SECOND = 1_000


def piece(first: int, last: int, kind: Kind, place: str = "eu") -> Piece:
    """A span, in seconds."""
    return Piece(place=place, first=first * SECOND, last=last * SECOND, kind=kind)


def seconds(*pieces: Piece, until: int, since: int = 0) -> dict[str, float]:
    """Seconds of each kind, where there are any."""
    told = divide(timeline_of(pieces, until * SECOND), since * SECOND, until * SECOND)
    names = ("up_s", "down_s", "unknown_s", "unwatched_s", "suppressed_s")
    return {name[:-2]: getattr(told, name) for name in names if getattr(told, name)}


@pytest.mark.parametrize(
    ("pieces", "until", "expected"),
    [
        pytest.param([], 100, {"unwatched": 100}, id="never"),
        pytest.param([piece(0, 0, UP)], 100, {"up": 100}, id="one-look-speaks-until-now"),
        pytest.param([piece(0, 0, UP)], 10_000, {"unwatched": 10_000}, id="but-not-for-hours"),
        pytest.param([piece(0, 60, UP), piece(90, 90, DOWN)], 100, {"up": 90, "down": 10}, id="until-the-next-look"),
        pytest.param(
            [piece(0, 60, UP), piece(9_000, 9_000, DOWN)], 9_010, {"up": 60, "down": 10, "unwatched": 8_940}, id="gap"
        ),
        pytest.param([piece(50, 60, UNKNOWN)], 100, {"unknown": 50, "unwatched": 50}, id="could-not-tell"),
        pytest.param([piece(0, 50, UP), piece(50, 99, OFF)], 100, {"up": 50, "suppressed": 50}, id="maintenance"),
        pytest.param(
            [piece(0, 90, UP, "eu"), piece(20, 30, DOWN, "us"), piece(40, 40, UP, "us")],
            100,
            {"up": 80, "down": 20},
            id="down-from-somewhere",
        ),
        pytest.param([piece(0, 90, UNKNOWN, "eu"), piece(0, 90, UP, "us")], 100, {"up": 100}, id="seen-from-somewhere"),
        pytest.param([piece(0, 90, DOWN, "eu"), piece(0, 90, OFF, "us")], 100, {"suppressed": 100}, id="excused"),
        pytest.param(
            [piece(10, 20, UP), piece(5, 30, DOWN)], 40, {"unwatched": 5, "down": 35}, id="two-at-once-overlap"
        ),
        pytest.param(
            [piece(10, 20, UP), piece(-(10**9), -(10**9), UP), piece(30, 30, UP)],
            40,
            {"up": 20, "unwatched": 20},
            id="clock-far-back",
        ),
        pytest.param(
            [piece(10, 20, UP), piece(10**9, 10**9, DOWN), piece(30, 30, UP)],
            40,
            {"up": 20, "unwatched": 20},
            id="clock-far-ahead",
        ),
        pytest.param([piece(-100, 20, UP)], 20, {"up": 20}, id="begins-before-the-period"),
    ],
)
def test_how_time_divides_up(pieces: list[Piece], until: int, expected: dict[str, float]) -> None:
    assert seconds(*pieces, until=until) == expected


def test_every_second_is_of_one_kind_whatever_the_clocks_said() -> None:
    dice = random.Random(7)
    for _ in range(400):
        pieces = []
        for _ in range(dice.randrange(12)):
            first = dice.randrange(-5_000, 40_000)
            place, kind = dice.choice(("eu", "us")), dice.choice(list(Kind))
            pieces.append(piece(first, first + dice.randrange(3_000), kind, place))
        stretches = timeline_of(pieces, 30_000 * SECOND)
        told = divide(stretches, 0, 30_000 * SECOND)
        parts = (told.up_s, told.down_s, told.unknown_s, told.unwatched_s, told.suppressed_s)

        assert min(parts) >= 0
        assert sum(parts) == told.period_s
        assert all(a[1] <= b[0] for a, b in pairwise(stretches))


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        pytest.param([UP, UP], [], id="none"),
        pytest.param([UP, DOWN, DOWN, UP], [(10, 30)], id="one"),
        pytest.param([UP, DOWN, UNKNOWN, DOWN, UP], [(10, 40)], id="a-look-that-could-not-tell-ends-nothing"),
        pytest.param([DOWN, OFF, UP], [(0, 20)], id="neither-does-maintenance"),
        pytest.param([UP, OFF, UP], [], id="nor-does-it-begin-one"),
        pytest.param([UP, DOWN, UP, DOWN], [(10, 20), (30, None)], id="one-is-not-over"),
    ],
)
def test_outages(kinds: list[Kind], expected: list[tuple[int, int | None]]) -> None:
    pieces = [piece(number * 10, number * 10, kind) for number, kind in enumerate(kinds)]
    until = len(kinds) * 10 * SECOND
    found = outages_in(timeline_of(pieces, until), 0, until)

    assert [(one.began // SECOND, None if one.ended is None else one.ended // SECOND) for one in found] == expected


def test_an_outage_before_the_period_is_not_of_it() -> None:
    stretches = timeline_of([piece(0, 0, DOWN), piece(10, 10, UP), piece(50, 50, UP)], 60 * SECOND)

    assert outages_in(stretches, 20 * SECOND, 60 * SECOND) == ()
    assert len(outages_in(stretches, 5 * SECOND, 60 * SECOND)) == 1


def test_mean_recovery() -> None:
    over = [Outage(began=0, ended=10_000), Outage(began=20_000, ended=50_000), Outage(began=60_000)]

    assert mean_recovery(over) == 20
    assert mean_recovery(over[2:]) is None
    assert GAP_MS == 2 * 3600 * SECOND
