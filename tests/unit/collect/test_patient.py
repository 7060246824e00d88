from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from build.kube import TableKube, a_list, an_object, text
from ingressdoctor.collect import patient
from ingressdoctor.collect.kinds import PODS, SERVICES
from ingressdoctor.collect.kube import list_kind
from ingressdoctor.collect.patient import Patient
from ingressdoctor.errors import SourceError
from ingressdoctor.evidence.kube import Loaded
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.sources.base import Answer

PODS_PATH = "/api/v1/pods"


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patient, "_PAUSES_S", (0.0, 0.0, 0.0))


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_a_restart_in_the_middle_of_a_list_loses_nothing(status: int) -> None:
    pages = [a_list(an_object("a"), token="t"), text("busy", status=status), a_list(an_object("b"))]
    kube = TableKube({PODS_PATH: pages})

    loaded = await list_kind(Patient(kube), PODS)

    assert isinstance(loaded, Loaded)
    assert [item.name for item in loaded.items] == ["a", "b"]
    assert [query.get("continue") for _, query in kube.calls] == [None, "t", "t"]


async def test_what_stays_busy_is_given_up() -> None:
    kube = TableKube({PODS_PATH: text("busy", status=503)})

    loaded = await list_kind(Patient(kube), PODS)

    assert isinstance(loaded, Unavailable)
    assert "503" in loaded.reason
    assert len(kube.calls) == 4


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_refusal_is_not_asked_again(status: int) -> None:
    kube = TableKube({PODS_PATH: text("{}", status=status)})

    await list_kind(Patient(kube), PODS)

    assert len(kube.calls) == 1


class Failing:
    """Raises so often, then answers."""

    context = "test"

    def __init__(self, times: int, *, transient: bool) -> None:
        self.left = times
        self.transient = transient
        self.calls = 0

    async def get(self, path: str, query: Mapping[str, str]) -> Answer:
        del path, query
        self.calls += 1
        if self.left:
            self.left -= 1
            raise SourceError("connection refused", transient=self.transient)
        return a_list(an_object("a"))


async def test_a_connection_that_fails_is_tried_again() -> None:
    kube = Failing(3, transient=True)

    assert isinstance(await list_kind(Patient(kube), PODS), Loaded)
    assert kube.calls == 4


async def test_a_connection_that_keeps_failing_is_told() -> None:
    with pytest.raises(SourceError, match="connection refused"):
        await list_kind(Patient(Failing(9, transient=True)), PODS)


async def test_what_asking_again_cannot_help_is_not_asked_again() -> None:
    kube = Failing(1, transient=False)

    with pytest.raises(SourceError):
        await list_kind(Patient(kube), PODS)
    assert kube.calls == 1


class Silent(Failing):
    """Takes its time before it says nothing; answers one path all the while."""

    async def get(self, path: str, query: Mapping[str, str]) -> Answer:
        if path == PODS_PATH:
            return a_list(an_object("a"))
        await asyncio.sleep(0.02)
        return await super().get(path, query)


async def test_a_server_that_is_silent_is_not_asked_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patient, "_SILENCE_S", 0.01)
    kube = Silent(99, transient=True)
    asking = Patient(kube)
    for _ in range(5):
        with pytest.raises(SourceError, match="connection refused"):
            await list_kind(asking, SERVICES)

    assert kube.calls == 1


async def test_a_server_that_answers_others_is_only_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patient, "_SILENCE_S", 0.01)
    kube = Silent(1, transient=True)
    asking = Patient(kube)
    slow = asyncio.ensure_future(list_kind(asking, SERVICES))
    await asyncio.sleep(0)
    assert isinstance(await list_kind(asking, PODS), Loaded)
    with pytest.raises(SourceError):
        await slow

    assert isinstance(await list_kind(asking, SERVICES), Loaded)
    assert kube.calls == 2


async def test_a_server_that_is_back_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patient, "_SILENCE_S", 0.01)
    monkeypatch.setattr(patient, "_BELIEVED_S", 0.0)
    asking = Patient(Silent(1, transient=True))
    with pytest.raises(SourceError):
        await list_kind(asking, SERVICES)

    assert isinstance(await list_kind(asking, SERVICES), Loaded)


class Refusing(Failing):
    """Refuses the connection so often, then answers."""

    async def get(self, path: str, query: Mapping[str, str]) -> Answer:
        try:
            return await super().get(path, query)
        except SourceError as error:
            raise SourceError(error.message, transient=True, unreached=True) from None


async def test_a_server_that_refuses_all_tries_of_one_question_is_not_asked_by_the_next() -> None:
    kube = Refusing(99, transient=True)
    asking = Patient(kube)
    for path in ("/api/v1/services", PODS_PATH, "/api/v1/services"):
        with pytest.raises(SourceError, match="connection refused") as told:
            await asking.get(path, {})
        assert told.value.unreached

    assert kube.calls == 4


async def test_a_server_that_restarts_is_waited_for_however_often_it_refuses_before() -> None:
    kube = Refusing(3, transient=True)
    asking = Patient(kube)

    assert isinstance(await list_kind(asking, SERVICES), Loaded)
    assert isinstance(await list_kind(asking, PODS), Loaded)
    assert kube.calls == 5


async def test_a_server_that_refused_is_asked_again_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patient, "_BELIEVED_S", 0.0)
    asking = Patient(Refusing(4, transient=True))
    with pytest.raises(SourceError):
        await list_kind(asking, SERVICES)

    assert isinstance(await list_kind(asking, SERVICES), Loaded)


async def test_an_answer_that_breaks_off_says_nothing_about_other_kinds() -> None:
    kube = Failing(4, transient=True)
    asking = Patient(kube)
    with pytest.raises(SourceError):
        await list_kind(asking, SERVICES)

    assert isinstance(await list_kind(asking, PODS), Loaded)
