"""Ask an API server again that is restarting or busy: one page lost would cost every target its kind.

Only for sweeps: who diagnoses one target waits for nobody's restart. A page is asked for again by its own token, so
that what was read before is kept. Decides nothing about what the answers mean.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from ingressdoctor.errors import SourceError
from ingressdoctor.sources.base import Answer, Kubernetes

__all__ = ["Patient"]

_PAUSES_S: Final = (0.2, 1.0, 3.0)
_BUSY: Final = frozenset({429, 500, 502, 503, 504})
_MOST_S: Final = 10.0


class Patient:
    """A ``Kubernetes`` source that asks up to three times more when an answer says "not now", or none came."""

    def __init__(self, kube: Kubernetes) -> None:
        self.context = kube.context
        self._kube = kube

    async def get(self, path: str, query: Mapping[str, str]) -> Answer:
        """GET *path*; the last answer counts, whatever it is.

        Raises:
            SourceError: no answer came, at the last try either.
        """
        for pause in _PAUSES_S:
            try:
                answer = await self._kube.get(path, query)
            except SourceError as error:
                if not error.transient:
                    raise
                await asyncio.sleep(pause)
                continue
            if answer.status not in _BUSY:
                return answer
            await asyncio.sleep(_asked_to_wait(answer, pause))
        return await self._kube.get(path, query)


def _asked_to_wait(answer: Answer, pause: float) -> float:
    """Return how long to wait: what the server asks for, within reason, and never less than our own pause."""
    wanted = answer.headers.get("retry-after", "")
    return max(pause, min(float(wanted), _MOST_S)) if wanted.isascii() and wanted.isdigit() else pause
