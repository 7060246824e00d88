"""What happened lately, told after a failure: values that any collector may bring. Knows no product, judges nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from ingressdoctor.model.evidence import Unavailable

__all__ = ["Change", "Timeline", "join_timelines"]

_MOST: Final = 200


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened to one object.

    ``at`` is RFC 3339 in UTC to the second, so that texts sort as times do; ``what`` says in one or two words what
    happened ("edited", "restarted"); ``object`` is named as in findings; ``by`` is who did it, empty where nothing
    tells; ``detail`` is one line.
    """

    at: str
    what: str
    object: str
    by: str = ""
    detail: str = ""


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """What one or all sources tell of the last day on the path of one target.

    Evidence of a type derived from this one is collected after a run in which something failed, and never otherwise.
    ``changes`` are newest first; ``unread`` is what may hold more and could not be read; ``broke_at`` is when that
    which is broken now was last seen to work, in the form of ``Change.at``, empty where nothing tells; ``looked`` is
    False where nobody looked, because nothing failed or the run was cut short.
    """

    changes: tuple[Change, ...] = ()
    unread: tuple[Unavailable, ...] = ()
    broke_at: str = ""
    looked: bool = False


def join_timelines(parts: Iterable[Timeline]) -> Timeline:
    """Return all of *parts* as one: each change once, newest first, at most a few hundred; the earliest break."""
    known = tuple(parts)
    changes = dict.fromkeys(change for part in known for change in part.changes)
    broke = [part.broke_at for part in known if part.broke_at]
    return Timeline(
        changes=tuple(sorted(changes, key=lambda item: item.at, reverse=True)[:_MOST]),
        unread=tuple(dict.fromkeys(gap for part in known for gap in part.unread)),
        broke_at=min(broke, default=""),
        looked=bool(known),
    )
