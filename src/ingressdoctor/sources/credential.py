"""A credential that is fetched when it is first needed: from the environment, a file, or a password manager."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeAlias

from ingressdoctor.errors import SourceError
from ingressdoctor.model.text import Secret
from ingressdoctor.sources.workers import Workers

__all__ = ["Credential", "TokenSource"]

TokenSource: TypeAlias = "Secret | Callable[[], Secret] | None"
"""A token, a function that fetches it (it may block, and raises SourceError when there is none), or nothing."""


class Credential:
    """Fetches a token once, in a thread, however many calls wait for it."""

    def __init__(self, source: TokenSource, *, missing: SourceError) -> None:
        self._source = source
        self._missing = missing
        self._lock = asyncio.Lock()

    async def get(self, workers: Workers) -> Secret:
        """Return the token.

        Raises:
            SourceError: there is none; the hint says what would provide it.
        """
        async with self._lock:
            if self._source is None:
                raise SourceError(self._missing.message, hint=self._missing.hint)
            if not isinstance(self._source, Secret):
                self._source = await workers.run(self._source)
            return self._source
