"""Ask an API server again that is restarting or busy: one page lost would cost every target its kind.

Only for sweeps: who diagnoses one target waits for nobody's restart. A page is asked for again by its own token, so
that what was read before is kept. Decides nothing about what the answers mean.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Final

from ingressdoctor.errors import SourceError
from ingressdoctor.sources.base import Answer, Kubernetes

__all__ = ["Patient"]

_PAUSES_S: Final = (0.2, 1.0, 3.0)
_BUSY: Final = frozenset({429, 500, 502, 503, 504})
_MOST_S: Final = 10.0
# Who restarts refuses at once. What takes as long as this is a dead address, and asking again costs as much again.
_SILENCE_S: Final = 4.0
_BELIEVED_S: Final = 30.0


class Patient:
    """A ``Kubernetes`` source that asks up to three times more when an answer says "not now", or none came.

    A server that answered nobody all the while is not asked for some time: every kind would cost its own time limit,
    and where connections are refused its own pauses.
    """

    def __init__(self, kube: Kubernetes) -> None:
        self.context = kube.context
        self._kube = kube
        self._dead: SourceError | None = None
        self._until = 0.0
        self._answered = 0.0

    async def get(self, path: str, query: Mapping[str, str]) -> Answer:
        """GET *path*; the last answer counts, whatever it is.

        Raises:
            SourceError: no answer came, at the last try either.
        """
        if self._dead is not None and time.monotonic() < self._until:
            raise SourceError(self._dead.message, hint=self._dead.hint, transient=True, unreached=self._dead.unreached)
        first = time.monotonic()
        for pause in _PAUSES_S:
            began = time.monotonic()
            try:
                answer = await self._asked(path, query)
            except SourceError as error:
                if not error.transient or time.monotonic() - began > _SILENCE_S:
                    raise
                await asyncio.sleep(pause)
                continue
            if answer.status not in _BUSY:
                return answer
            await asyncio.sleep(_asked_to_wait(answer, pause))
        try:
            return await self._asked(path, query)
        except SourceError as error:
            # One refusal is a restart, and waited for; a server that refuses all tries refuses every other kind too.
            if error.unreached and self._answered < first:
                self._believe(error)
            raise

    async def _asked(self, path: str, query: Mapping[str, str]) -> Answer:
        began = time.monotonic()
        try:
            answer = await self._kube.get(path, query)
        except SourceError as error:
            if error.transient and time.monotonic() - began > _SILENCE_S and self._answered < began:
                self._believe(error)
            raise
        self._dead, self._answered = None, time.monotonic()
        return answer

    def _believe(self, error: SourceError) -> None:
        self._dead, self._until = error, time.monotonic() + _BELIEVED_S


def _asked_to_wait(answer: Answer, pause: float) -> float:
    """Return how long to wait: what the server asks for, within reason, and never less than our own pause."""
    wanted = answer.headers.get("retry-after", "")
    return max(pause, min(float(wanted), _MOST_S)) if wanted.isascii() and wanted.isdigit() else pause
