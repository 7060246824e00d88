"""What the objects of mariadb-operator tell of the last day: made, edited, became ready or stopped being so. Pure.

Of accounts and grants only those of the user that the target names count: a namespace may have thousands.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from ingressdoctor.collect.changes_day import Day, change
from ingressdoctor.collect.changes_edits import edits_of
from ingressdoctor.evidence.clock import Clock
from ingressdoctor.evidence.database_objects import DatabaseObjects, Operated
from ingressdoctor.evidence.timelines import DatabaseTimeline
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.needs import Seen
from ingressdoctor.model.target import Target
from ingressdoctor.model.timeline import Change

__all__ = ["collect_database_timeline", "database_changes"]

T = TypeVar("T")


@collector(wanted="what changed about the databases")
async def collect_database_timeline(target: Target, clock: Clock, objects: Seen[DatabaseObjects]) -> DatabaseTimeline:
    """Tell what the objects say that the run has read anyway."""
    known = () if objects.value is None else database_changes(objects.value, target, Day.of(clock))
    return DatabaseTimeline(changes=tuple(known))


def database_changes(objects: DatabaseObjects, target: Target, day: Day) -> Iterator[Change]:
    """Yield what happened to the target's MaxScale and MariaDB, its user, the user's grants, and its schema."""
    users = (item for item in _read(objects.users) if item.user == target.sql_user)
    grants = (item for item in _read(objects.grants) if item.user == target.sql_user)
    schemas = (item for item in _read(objects.databases) if item.database == target.database)
    servers = (item for item in (objects.target, objects.mariadb) if item is not None)
    for group in (servers, users, grants, schemas):
        for item in group:
            yield from _of(item, day)


def _read(items: tuple[T, ...] | Unavailable) -> Iterable[T]:
    return () if isinstance(items, Unavailable) else items


def _of(item: Operated, day: Day) -> Iterator[Change]:
    yield from edits_of(item.ref, item.created, item.managed, day)
    ready = item.ready
    at = day.at(ready.last_transition_time) if ready is not None else ""
    if ready is not None and at:
        what = "became ready" if item.is_ready else "stopped being ready"
        yield change(at, what, item.ref, detail="" if item.is_ready else ready.message or ready.reason or "")
