"""The targets that an installation names, as a sweep finds them, each with what names it and the walk it takes."""

from __future__ import annotations

from ingressdoctor.cli.asking import ask, refuse_unseen
from ingressdoctor.config import Settings
from ingressdoctor.evidence.discovery import Discovered
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.sweep import SweepTarget
from ingressdoctor.sweeping.walks import discover
from ingressdoctor.wiring import Session

__all__ = ["known_targets"]


def known_targets(settings: Settings) -> tuple[tuple[tuple[SweepTarget, str], ...], tuple[str, ...]]:
    """Return every target with its walk ("" where nothing tells which), and what could not be searched.

    Raises:
        SourceError: nothing that names targets could be read at all; the exit code is 3.
        UsageError: a pattern of the configuration names a walk that does not exist.
    """

    async def look(session: Session) -> tuple[Discovered | Unavailable, tuple[tuple[SweepTarget, str], ...]]:
        found, targets, walks = await discover(session, dict(settings.walks.patterns))
        return found, tuple((item, walks.get(item.target, "")) for item in targets.items)

    found, targets = ask(settings, look)
    if isinstance(found, Unavailable):
        raise refuse_unseen(found)
    if found.gaps and not found.names:
        raise refuse_unseen(found.gaps[0])
    return targets, tuple(dict.fromkeys(f"{gap.wanted}: {gap.reason}" for gap in found.gaps))
