"""Ask each question once: whoever asks it again gets the same answer, or waits for it. Knows no system."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from ingressdoctor.errors import SourceError

__all__ = ["Once"]

_MOST: Final = 5_000


class Once:
    """Answers by question, for one event loop; so many are kept, and those still under way besides."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._answers: dict[tuple[object, ...], asyncio.Future[Any]] = {}

    async def ask(self, question: tuple[object, ...], call: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ANN401
        """Return the answer; *call* gets it for the first who asks.

        Raises:
            SourceError: *call* raised it, for everybody who asked.
        """
        answer = self._answers.get(question)
        if answer is None:
            if len(self._answers) >= self._most:
                self._answers = {key: item for key, item in self._answers.items() if not item.done()}
            answer = self._answers[question] = asyncio.ensure_future(_called(call))
            answer.add_done_callback(_heard)
        if answer.done() and not answer.cancelled() and answer.exception() is None:
            return answer.result()
        try:
            # One target that gives up must not take the answer from the others.
            return await asyncio.shield(answer)
        except SourceError as error:
            # Raised anew: many tasks wait for the one call, and a shared exception would collect their tracebacks.
            raise type(error)(error.message, hint=error.hint) from None


def _heard(answer: asyncio.Future[Any]) -> None:
    """Take note of a failure: where all who asked gave up before it, nobody else does."""
    if not answer.cancelled():
        answer.exception()


async def _called(call: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ANN401 - whatever the question asks for
    return await call()
