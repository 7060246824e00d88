"""A target's time runs out, and stands still while somebody waits for a turn; the clock is moved by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from ingressdoctor.engine.limits import Limits, begin_limits, standing_still


class Clock(asyncio.SelectorEventLoop):
    """A loop whose time goes on when it is told to, and hardly by itself."""

    ahead_s = 0.0

    def time(self) -> float:
        return super().time() + self.ahead_s


def run(test: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=Clock) as runner:
        runner.run(test)


async def later(seconds: float) -> None:
    """Move the clock, and let whatever is due then happen."""
    clock = asyncio.get_running_loop()
    assert isinstance(clock, Clock)
    clock.ahead_s += seconds
    for _ in range(5):
        await asyncio.sleep(0)


async def runs_out(limits: Limits, seconds: float, body: Coroutine[Any, Any, None], beyond_s: float = 0.0) -> bool:
    """Run *body* within a limit, and tell whether its time ran out."""
    try:
        async with limits.within(seconds, beyond_s=beyond_s):
            await body
    except TimeoutError:
        return True
    return False


@pytest.mark.parametrize(
    ("seconds", "beyond_s", "after_s", "over"),
    [
        pytest.param(100, 0, 90, False, id="in-time"),
        pytest.param(100, 0, 110, True, id="too-late"),
        pytest.param(5_000, 0, 1_010, True, id="the-targets-time-is-over"),
        pytest.param(5_000, 100, 1_010, False, id="a-little-beyond-it"),
        pytest.param(5_000, 100, 1_110, True, id="too-far-beyond-it"),
    ],
)
def test_time_runs_out(seconds: float, beyond_s: float, after_s: float, over: bool) -> None:
    async def test() -> None:
        assert await runs_out(Limits(1_000), seconds, later(after_s), beyond_s) is over

    run(test())


def test_waiting_for_a_turn_takes_no_time() -> None:
    async def waiting_then(seconds: float) -> None:
        with standing_still():
            await later(5_000)
        await later(seconds)

    async def test() -> None:
        limits = begin_limits(1_000)
        assert not await runs_out(limits, 100, waiting_then(90))
        assert await runs_out(limits, 100, waiting_then(110))
        assert not await runs_out(limits, 5_000, later(700))
        assert await runs_out(limits, 5_000, later(110))

    run(test())


async def waiting_for(turn: asyncio.Event) -> None:
    with standing_still():
        await turn.wait()


def test_time_goes_on_when_the_last_has_its_turn() -> None:
    reached: list[str] = []

    async def body() -> None:
        first, second = asyncio.Event(), asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(waiting_for(first))
            group.create_task(waiting_for(second))
            await later(0)
            await later(200)
            first.set()
            await later(0)
            await later(200)
            second.set()
            await later(0)
            await later(90)
            reached.append("the turn")
            await later(20)

    async def test() -> None:
        assert await runs_out(begin_limits(1_000), 100, body())

    run(test())

    assert reached == ["the turn"]


def test_a_limit_that_begins_while_another_waits_counts_from_when_it_began() -> None:
    reached: list[str] = []

    async def body(turn: asyncio.Event) -> None:
        await later(5_000)
        turn.set()
        await later(0)
        await later(90)
        reached.append("the turn")
        await later(20)

    async def test() -> None:
        limits, turn = begin_limits(1_000), asyncio.Event()
        other = asyncio.ensure_future(waiting_for(turn))
        await later(0)
        await later(300)
        assert await runs_out(limits, 100, body(turn))
        await other

    run(test())

    assert reached == ["the turn"]


def test_without_limits_nothing_stands_still() -> None:
    async def test() -> None:
        with standing_still():
            await later(1)

    run(test())
