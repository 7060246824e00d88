"""Who made or edited an object, and which of its upper fields, by its managedFields. Pure.

An entry holds every field that one manager owns, and when it last set any of them: which of them it changed then,
nobody keeps. What controllers report (the subresource "status") is no edit.

Source: Kubernetes documentation, "Server-Side Apply"; structured-merge-diff (keys f:, k:, v: and ".").
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.collect.changes_day import Day, change
from ingressdoctor.evidence.clock import parse_time
from ingressdoctor.evidence.kube import ManagedFields, Resource
from ingressdoctor.model.timeline import Change

__all__ = ["edits", "edits_of", "fields_of"]

_SHOWN: Final = 4
_MOST: Final = 50
_SAME_S: Final = 2.0  # the API server writes both times; a slow admission webhook lies between them
# What controllers keep for themselves in metadata says nothing of what an object does.
_OWN: Final = frozenset({"finalizers", "ownerReferences", "generateName", "name", "namespace"})
_LEFT_OUT: Final = frozenset({"f:status", "f:operation"})


def edits(item: Resource, day: Day, *, only: str = "") -> Iterator[Change]:
    """Yield who made or edited *item* in the last day; with *only*, edits of fields that begin so."""
    meta = item.metadata
    yield from edits_of(item.ref, meta.creation_timestamp or "", meta.managed_fields or (), day, only=only)


def edits_of(
    ref: str, created: str, entries: tuple[ManagedFields, ...], day: Day, *, only: str = ""
) -> Iterator[Change]:
    """Yield the same for an object of which only this is known."""
    maker = ""
    for entry in entries[:_MOST]:
        names = () if entry.subresource == "status" else fields_of(entry, only)
        if not names:
            continue
        if _same(entry.time, created):
            maker = maker or entry.manager or ""
        elif at := day.at(entry.time):
            scaled = "scaled" if entry.subresource == "scale" else "edited"
            yield change(at, scaled, ref, by=entry.manager or "", detail=_listed(names))
    if (at := day.at(created)) and not only:
        yield change(at, "created", ref, by=maker)


def fields_of(entry: ManagedFields, only: str = "") -> tuple[str, ...]:
    """Return the fields that a manager owns, as ``spec.routes``, without those that say nothing of the object."""
    names: list[str] = []
    for top, below in (entry.fields or {}).items():
        if top in _LEFT_OUT or not top.startswith("f:"):
            continue
        inner = [key[2:] for key in below if key.startswith("f:")]
        if top == "f:metadata":
            inner = [name for name in inner if name not in _OWN]
            names += [f"metadata.{name}" for name in inner]
        else:
            names += [f"{top[2:]}.{name}" for name in inner] or [top[2:]]
    return tuple(name for name in names if name.startswith(only))


def _same(text: str | None, other: str) -> bool:
    first, second = parse_time(text or ""), parse_time(other)
    return first is not None and second is not None and abs((first - second).total_seconds()) <= _SAME_S


def _listed(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
