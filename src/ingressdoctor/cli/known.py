"""The targets that an installation names, as a sweep finds them, each with what names it."""

from __future__ import annotations

from ingressdoctor.cli.asking import ask, refuse_unseen
from ingressdoctor.config import Settings
from ingressdoctor.errors import SourceError
from ingressdoctor.evidence.discovery import Discovered
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.sweeping.targets import from_discovered
from ingressdoctor.wiring import Session

__all__ = ["known_names"]


def known_names(settings: Settings) -> tuple[dict[str, tuple[str, ...]], tuple[str, ...]]:
    """Return every target by the name that sweeps give it, with what names it; and what could not be searched.

    Raises:
        SourceError: nothing that names targets could be read at all; the exit code is 3.
    """

    async def look(session: Session) -> tuple[object, ...]:
        return await session.evidence((Discovered,))

    (found,) = ask(settings, look)
    if isinstance(found, Unavailable):
        raise refuse_unseen(found)
    if not isinstance(found, Discovered):
        raise SourceError("No target could be looked for.")
    if found.gaps and not found.names:
        raise refuse_unseen(found.gaps[0])
    limits = tuple(dict.fromkeys(f"{gap.wanted}: {gap.reason}" for gap in found.gaps))
    return {item.name: item.sources for item in from_discovered(found).items}, limits
