"""The history of a command that sweeps: opened and closed without holding up Ctrl-C, and its troubles told once.

Loads SQLAlchemy only where something is to be remembered.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Final, Protocol, Self

from ingressdoctor.cli.output import tell
from ingressdoctor.config import Settings
from ingressdoctor.errors import HistoryError
from ingressdoctor.sweeping.options import Memory
from ingressdoctor.sweeping.waiting import aside, heard

__all__ = ["OpenMemory"]

_THREAD: Final = "history"


class _History(Memory, Protocol):
    def close(self) -> None: ...


class OpenMemory:
    """An open history, or none: an async context manager.

    Args:
        settings: Which one.
        stop: Is set by Ctrl-C: then nothing is waited for any more, but for a moment.
        wanted: Whether anything is to be remembered.

    Raises:
        HistoryError: on entering, where it cannot be opened and a place was asked for. A sweep that cannot remember in
            the usual place still sweeps.
    """

    def __init__(self, settings: Settings, stop: asyncio.Event, *, wanted: bool = True) -> None:
        self.history: _History | None = None
        self._settings = settings
        self._stop = stop
        self._wanted = wanted
        self._told = ""

    async def __aenter__(self) -> Self:
        """Open it; says so where there will be no memory."""
        if not self._wanted:
            return self
        settings = self._settings
        try:
            self.history = await heard(aside(lambda: _opened(settings), _THREAD), self._stop)
        except HistoryError as error:
            if settings.history.url:
                raise
            tell(f"Error: {error.message} Nothing is remembered of this sweep.")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write what still waits, close it, and say what could not be written."""
        if self.history is not None:
            await heard(aside(self.history.close, _THREAD), self._stop)
            self.complain(last=True)

    def complain(self, *, last: bool = False) -> None:
        """Say on standard error why not everything is remembered: the same reason once, and at last what is lost."""
        trouble = self.history.trouble if self.history is not None else None
        if trouble is None:
            self._told = ""
            return
        lost = trouble.lost + (trouble.waiting if last else 0)
        if trouble.message == self._told and not (last and lost):
            return
        self._told = trouble.message
        number = f" {lost} result{' is' if lost == 1 else 's are'} lost." if lost else ""
        tell(f"Error: {trouble.message}{number}" + (f" {trouble.hint}" if trouble.hint else ""))


def _opened(settings: Settings) -> _History:
    from ingressdoctor.cli.history_place import open_configured

    return open_configured(settings, create=True)
