"""A coroutine that has taken its first step: what needed no waiting is there, and the rest can be awaited.

Many answers are at hand when they are asked for (a sweep reads everything once): a task for each would cost more than
the answer. The coroutine must be taken to its end by the task that began it, since what it holds (a timeout) may be
bound to that task. Knows no event loop.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

__all__ = ["Begun", "begin"]


class Begun:
    """A coroutine that waits for something: awaiting it takes it to its end."""

    __slots__ = ("_call", "_waits_for")

    def __init__(self, call: Coroutine[Any, Any, Any], waits_for: object) -> None:
        self._call = call
        self._waits_for = waits_for

    def __await__(self) -> Any:  # noqa: ANN401 - the protocol between a task and what it awaits
        waits_for = self._waits_for
        while True:
            failure: BaseException | None = None
            sent: object = None
            try:
                sent = yield waits_for
            except BaseException as error:  # noqa: BLE001 - a cancellation is the coroutine's to handle
                failure = error
            try:
                waits_for = self._call.send(sent) if failure is None else self._call.throw(failure)
            except StopIteration as done:
                return done.value

    def close(self) -> None:
        """Give it up without awaiting it."""
        self._call.close()


def begin(call: Coroutine[Any, Any, Any]) -> tuple[Any, Begun | None]:
    """Take the first step of *call*: return (its result, None) if that was all, else (None, what is left to await).

    Whatever *call* raises in its first step comes through.
    """
    try:
        waits_for = call.send(None)
    except StopIteration as done:
        return done.value, None
    return None, Begun(call, waits_for)
