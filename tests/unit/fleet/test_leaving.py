"""When a worker takes a sweep for gone, by what the scheduler says of its client."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from ingressdoctor.fleet import leaving

ADD, REMOVE = {"action": "add-client", "client": "c"}, {"action": "remove-client", "client": "c"}


@pytest.mark.parametrize(
    ("events", "left"),
    [
        pytest.param((), False, id="nothing-is-known"),
        pytest.param(((1.0, ADD),), False, id="it-came"),
        pytest.param(((1.0, ADD), (2.0, REMOVE)), True, id="it-came-and-went"),
        pytest.param(((1.0, ADD), (2.0, REMOVE), (3.0, ADD)), False, id="it-came-back"),
        pytest.param(((1.0, REMOVE), (2.0, {"action": "worker-status"})), True, id="something-else-happened-since"),
        pytest.param(((1.0, "a word"), (2.0, REMOVE)), True, id="not-every-event-is-an-object"),
    ],
)
def test_the_last_word_counts(events: Sequence[tuple[float, object]], left: bool) -> None:
    assert leaving._left(events) is left


class Scheduler:
    """What a worker asks: it fails first, then knows of the client, then says that it has left."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.removed: list[str] = []

    async def events(self, topic: str) -> tuple[tuple[float, object], ...]:
        self.asked.append(topic)
        if len(self.asked) == 1:
            raise OSError("away")
        return ((1.0, ADD),) if len(self.asked) == 2 else ((1.0, ADD), (2.0, REMOVE))

    async def unregister_worker_plugin(self, name: str) -> None:
        self.removed.append(name)
        if len(self.removed) == 1:
            raise ValueError("The worker plugin sweep does not exist")


class Worker:
    def __init__(self) -> None:
        self.scheduler = Scheduler()


async def test_a_scheduler_that_is_away_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaving, "_LOOK_S", 0.0)
    worker = Worker()
    async with asyncio.timeout(60):
        await leaving.leave_with_client(worker, "c", "sweep")

    assert worker.scheduler.asked == ["c"] * 3
    assert worker.scheduler.removed == ["sweep"]
