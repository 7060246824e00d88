"""Ask a session one thing and close it again: what ``route``, ``targets`` and ``access`` share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from ingressdoctor.cli.interrupts import interrupts_raise
from ingressdoctor.cli.version import version
from ingressdoctor.config import Settings
from ingressdoctor.errors import SourceError
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.wiring import Session, open_session

__all__ = ["ask", "refuse_unseen"]

_Answer = TypeVar("_Answer")


def ask(settings: Settings, question: Callable[[Session], Awaitable[_Answer]]) -> _Answer:
    """Open a session, ask, close it, and return the answer."""

    async def run() -> _Answer:
        async with open_session(settings, version=version()) as session:
            return await question(session)

    with interrupts_raise():
        return asyncio.run(run())


def refuse_unseen(missing: Unavailable) -> SourceError:
    """Return the error for an answer that could not be had; its exit code is 3, "could not tell"."""
    error = SourceError(f"Could not look at {missing.wanted}: {missing.reason}.", hint=missing.enable_with)
    error.exit_code = 3
    return error
