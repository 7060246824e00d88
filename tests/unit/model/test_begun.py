"""A coroutine is taken one step; what needed no waiting is there."""

from __future__ import annotations

import asyncio

import pytest

from ingressdoctor.model.begun import begin


async def test_what_needs_no_waiting_is_there_at_once() -> None:
    async def ready() -> int:
        return 7

    assert begin(ready()) == (7, None)


async def test_what_waits_is_taken_to_its_end_by_who_began_it() -> None:
    async def waits() -> asyncio.Task[object] | None:
        await asyncio.sleep(0)
        async with asyncio.timeout(60):
            await asyncio.sleep(0.001)
        return asyncio.current_task()

    value, rest = begin(waits())
    assert value is None
    assert rest is not None
    assert await rest is asyncio.current_task()


async def test_a_failure_in_either_half_comes_through() -> None:
    async def fails(wait: bool) -> None:
        if wait:
            await asyncio.sleep(0)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        begin(fails(wait=False))
    _, rest = begin(fails(wait=True))
    assert rest is not None
    with pytest.raises(ValueError, match="no"):
        await rest
