"""Waiting that a stop cuts short. Whatever hangs here hangs for good: no test waits for a clock."""

from __future__ import annotations

import asyncio
import threading

import pytest

from ingressdoctor.sweeping.waiting import aside, heard, unless_stopped


async def test_what_ends_by_itself_is_returned() -> None:
    async def answer() -> str:
        await asyncio.sleep(0)
        return "all"

    assert await unless_stopped(answer(), asyncio.Event()) == "all"


async def test_what_fails_fails() -> None:
    async def fail() -> str:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await unless_stopped(fail(), asyncio.Event())


async def test_what_hangs_is_given_up_when_stopped() -> None:
    stop, given_up = asyncio.Event(), asyncio.Event()

    async def hang() -> str:
        stop.set()
        try:
            await asyncio.Event().wait()
        finally:
            given_up.set()
        return "never"

    assert await unless_stopped(hang(), stop) is None
    assert given_up.is_set()


async def test_an_answer_of_a_thread_is_heard_also_after_a_stop() -> None:
    stop = asyncio.Event()
    assert await heard(aside(lambda: 1, "test"), stop) == 1
    stop.set()
    assert await heard(aside(lambda: 2, "test"), stop) == 2


async def test_a_thread_that_hangs_is_left_behind() -> None:
    stop, gate = asyncio.Event(), threading.Event()
    try:
        assert await heard(aside(gate.wait, "test"), stop, 0.01) is None
        stop.set()
        assert await heard(aside(gate.wait, "test"), stop) is None
    finally:
        gate.set()


async def test_a_thread_that_fails_fails_here() -> None:
    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await heard(aside(fail, "test"), asyncio.Event())
