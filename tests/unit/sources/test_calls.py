"""The log of calls: who asked what, how long it took, and how it ended."""

from __future__ import annotations

import asyncio
import threading

import pytest

from ingressdoctor.errors import SourceError
from ingressdoctor.sources.calls import CallLog, current_collector


async def test_calls_of_concurrent_collectors_are_told_apart(calls: CallLog) -> None:
    async def collect(name: str) -> None:
        current_collector.set(name)
        with calls.call("dns", f"{name} asks"):
            await asyncio.sleep(0.01)

    await asyncio.gather(collect("records"), collect("routes"))

    assert {(who, call.what) for who, call in calls.calls} == {("records", "records asks"), ("routes", "routes asks")}
    assert all(call.elapsed_s >= 0.009 and call.started_s >= 0 and call.outcome == "ok" for _, call in calls.calls)


def test_a_source_error_is_the_outcome_without_its_secret(calls: CallLog) -> None:
    with pytest.raises(SourceError), calls.call("kubernetes", "GET /version"):
        raise SourceError("refused with Bearer abcdefghijklmnop")

    ((_, call),) = calls.calls
    assert call.outcome == "refused with Bearer ***"


async def test_a_cancelled_call_is_logged_as_such(calls: CallLog) -> None:
    async def forever() -> None:
        with calls.call("tcp", "x:1"):
            await asyncio.sleep(60)

    task = asyncio.create_task(forever())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    ((_, call),) = calls.calls
    assert call.outcome == "cancelled"


def test_threads_may_log_at_once(calls: CallLog) -> None:
    def work() -> None:
        for _ in range(200):
            with calls.call("hetzner", "GET /servers"):
                pass

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert len(calls.calls) == 800
