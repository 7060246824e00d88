"""Each question once: who asks again waits for the one answer, and nobody takes it from the others."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

from ingressdoctor.collect.once import Once
from ingressdoctor.errors import SourceError


class Oracle:
    """Answers when it is let, and counts."""

    def __init__(self, error: SourceError | None = None) -> None:
        self.calls = 0
        self.let = asyncio.Event()
        self.error = error

    async def __call__(self) -> int:
        self.calls += 1
        await self.let.wait()
        if self.error is not None:
            raise self.error
        return 42


async def test_many_who_ask_are_answered_by_one_call() -> None:
    once, oracle = Once(), Oracle()
    asking = [asyncio.ensure_future(once.ask(("life",), oracle)) for _ in range(20)]
    await asyncio.sleep(0)
    oracle.let.set()

    assert set(await asyncio.gather(*asking)) == {42}
    assert await once.ask(("life",), oracle) == 42
    assert oracle.calls == 1


async def test_another_question_is_another_call() -> None:
    once, oracle = Once(), Oracle()
    oracle.let.set()

    await asyncio.gather(once.ask(("a",), oracle), once.ask(("b",), oracle))

    assert oracle.calls == 2


async def test_a_failure_is_everybodys_and_an_exception_of_each() -> None:
    once, oracle = Once(), Oracle(SourceError("refused", hint="look"))
    oracle.let.set()
    found = await asyncio.gather(*(once.ask(("a",), oracle) for _ in range(3)), return_exceptions=True)

    assert [str(item) for item in found] == ["refused"] * 3
    assert len({id(item) for item in found}) == 3
    assert {item.hint for item in found if isinstance(item, SourceError)} == {"look"}
    assert oracle.calls == 1


async def test_who_gives_up_takes_the_answer_from_nobody() -> None:
    once, oracle = Once(), Oracle()
    first, second = (asyncio.ensure_future(once.ask(("a",), oracle)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    oracle.let.set()

    assert await second == 42
    assert oracle.calls == 1


async def test_a_failure_that_nobody_waits_for_any_more_is_not_complained_of() -> None:
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    once, oracle = Once(), Oracle(SourceError("refused"))
    asking = asyncio.ensure_future(once.ask(("a",), oracle))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    oracle.let.set()
    for _ in range(5):
        await asyncio.sleep(0)
    del once, asking
    gc.collect()

    assert told == []


async def test_what_is_kept_is_bounded_and_what_is_under_way_stays() -> None:
    once, oracle, quick = Once(most=2), Oracle(), Oracle()
    quick.let.set()
    slow = asyncio.ensure_future(once.ask(("slow",), oracle))
    await asyncio.sleep(0)
    for number in range(5):
        await once.ask((number,), quick)
    again = asyncio.ensure_future(once.ask(("slow",), oracle))
    await asyncio.sleep(0)
    oracle.let.set()

    assert (await slow, await again, oracle.calls) == (42, 42, 1)
    assert await once.ask((0,), quick) == 42
    assert quick.calls == 6
