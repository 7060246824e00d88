"""Ctrl-C: noted from the first line on, answered where it does no harm."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator

import pytest

from ingressdoctor.cli.app import run
from ingressdoctor.cli.interrupts import NotedInterrupts, interrupts_raise, refuse_if_interrupted


@pytest.fixture
def noted() -> Iterator[NotedInterrupts]:
    """The handler of a program that has just started."""
    handler = NotedInterrupts()
    previous = signal.signal(signal.SIGINT, handler)
    try:
        yield handler
    finally:
        signal.signal(signal.SIGINT, previous)


def test_the_key_is_noted_and_nothing_is_raised(noted: NotedInterrupts) -> None:
    refuse_if_interrupted()
    signal.raise_signal(signal.SIGINT)

    assert noted.pressed
    with pytest.raises(KeyboardInterrupt):
        refuse_if_interrupted()


def test_around_what_takes_long_it_raises_at_once(noted: NotedInterrupts) -> None:
    with pytest.raises(KeyboardInterrupt), interrupts_raise():
        signal.raise_signal(signal.SIGINT)

    assert not noted.pressed
    assert signal.getsignal(signal.SIGINT) is noted


def test_a_key_pressed_before_keeps_the_body_from_starting(noted: NotedInterrupts) -> None:
    signal.raise_signal(signal.SIGINT)
    begun = False

    with pytest.raises(KeyboardInterrupt), interrupts_raise():
        begun = True

    assert not begun
    assert signal.getsignal(signal.SIGINT) is noted


def test_a_question_to_a_session_is_cancelled_rather_than_torn(noted: NotedInterrupts) -> None:
    ended = []

    async def question() -> None:
        signal.raise_signal(signal.SIGINT)
        try:
            await asyncio.sleep(30)
        finally:
            ended.append("cleanly")

    with pytest.raises(KeyboardInterrupt), interrupts_raise():
        asyncio.run(question())

    assert ended == ["cleanly"]
    assert signal.getsignal(signal.SIGINT) is noted


def test_a_program_that_calls_this_one_keeps_its_own_handler() -> None:
    before = signal.getsignal(signal.SIGINT)
    with interrupts_raise():
        assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("words", [["walks", "list"], ["schema"], ["www.example.org"], []])
def test_pressed_while_loading_it_is_told_before_anything_runs(
    noted: NotedInterrupts, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    signal.raise_signal(signal.SIGINT)

    assert run(words, "ingressdoctor") == 3
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == "Error: Interrupted before anything was known.\n"
