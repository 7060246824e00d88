"""Read each kind of object once for many targets, and hand out parts of it by namespace, label and name.

A sweep gives collectors a ``Shelf`` in place of the cluster: they ask what they would ask the API server, and only the
first question about a kind costs requests. What may not be listed for the whole cluster is asked for as before, each
question once. It decides nothing about what the objects mean, and what it could not read stays a gap for everybody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar

from ingressdoctor.collect.kinds import CONFIG_MAPS, KINDS, Kind
from ingressdoctor.collect.kube import get_object, list_kind
from ingressdoctor.collect.once import Once
from ingressdoctor.collect.patient import Patient
from ingressdoctor.collect.shelved import Shelved
from ingressdoctor.evidence.kube import Loaded, Resource
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.routing.label_selector import LabelSelector, parse_selector
from ingressdoctor.sources.base import Answer, Kubernetes

__all__ = ["Shelf"]

T = TypeVar("T", bound=Resource)

_NAME_FIELD: Final = "metadata.name="
# ConfigMaps hold more than our subject, and no role of ours lists them.
_BY_NAME: Final = frozenset({CONFIG_MAPS.plural})


class Shelf(Shelved):
    """A cluster whose kinds are listed at most once; also a ``Kubernetes`` source, whose GETs are sent once each."""

    def __init__(self, kube: Kubernetes) -> None:
        self.context = kube.context
        self._kube = Patient(kube)
        self._once = Once()
        self._rows: dict[str, _Row] = {}

    async def get(self, path: str, query: Mapping[str, str]) -> Answer:
        """Send one GET, once for all who ask the same.

        Raises:
            SourceError: the API server could not be asked.
        """
        key = ("get", path, *sorted(query.items()))
        answer: Answer = await self._once.ask(key, lambda: self._kube.get(path, query))
        return answer

    async def fill(self, kinds: Sequence[Kind[Any]] = KINDS) -> None:
        """Read kinds before anybody asks, by default all; what cannot be read is a gap for whoever asks.

        Who asks waits as long as it takes, but only so long for one answer: a large cluster takes longer to read than
        any one target may take.
        """
        await asyncio.gather(*(self._row(kind) for kind in kinds), return_exceptions=True)

    async def listing(self, kind: Kind[T], namespace: str, labels: str, fields: str) -> Loaded[T] | Unavailable:
        """Return the objects of one kind that a question is about."""
        if _answerable(labels, fields):
            row = await self._row(kind)
            if not isinstance(row, Unavailable):
                return row.part(namespace, labels, fields.removeprefix(_NAME_FIELD) if fields else "")
            if not (namespace or labels or fields):
                return row
        # A part may be granted where the whole is not.
        key = ("list", kind.path(namespace), labels, fields)
        found: Loaded[T] | Unavailable = await self._once.ask(
            key, lambda: list_kind(self._kube, kind, namespace=namespace, labels=labels, fields=fields)
        )
        return found

    async def one(self, kind: Kind[T], namespace: str, name: str) -> T | Unavailable | None:
        """Return one object by name; None when it does not exist."""
        if kind.plural not in _BY_NAME:
            row = await self._row(kind)
            if not isinstance(row, Unavailable) and not row.broken:
                found: T | None = row.named(namespace, name)
                return found
        key = ("object", kind.path(namespace, name))
        read: T | Unavailable | None = await self._once.ask(key, lambda: get_object(self._kube, kind, namespace, name))
        return read

    async def _row(self, kind: Kind[T]) -> _Row | Unavailable:
        path = kind.path()
        if (ready := self._rows.get(path)) is not None:
            return ready
        row: _Row | Unavailable = await self._once.ask(("kind", path), lambda: self._listed(kind))
        if isinstance(row, _Row):
            self._rows[path] = row
        return row

    async def _listed(self, kind: Kind[T]) -> _Row | Unavailable:
        loaded = await list_kind(self._kube, kind)
        return loaded if isinstance(loaded, Unavailable) else _Row(loaded)


def _answerable(labels: str, fields: str) -> bool:
    """Tell whether a question can be answered from a whole list: other fields than the name are not decoded."""
    return (not fields or (fields.startswith(_NAME_FIELD) and "," not in fields)) and (
        not labels or parse_selector(labels) is not None
    )


class _Row:
    """All objects of one kind, with indexes that grow as they are asked for."""

    def __init__(self, loaded: Loaded[Any]) -> None:
        self._loaded = loaded
        self._spaces: dict[str, list[Any]] = {}
        self._wholes: dict[str, Loaded[Any]] = {}
        for item in loaded.items:
            self._spaces.setdefault(item.namespace, []).append(item)
        self._named: dict[tuple[str, str], Any] = {}
        self._labelled: dict[tuple[str, str], dict[str, list[Any]]] = {}

    @property
    def broken(self) -> bool:
        """Whether some object of the kind does not decode: one that is not here may still exist."""
        return bool(self._loaded.broken)

    def named(self, namespace: str, name: str) -> Any:  # noqa: ANN401 - one row holds one kind
        """Return one object, or None."""
        if not self._named:
            self._named = {(item.namespace, item.name): item for item in self._loaded.items}
        return self._named.get((namespace, name))

    def part(self, namespace: str, labels: str, name: str) -> Loaded[Any]:
        """Return the objects of a namespace (empty: of all) that match."""
        if not (namespace or labels or name):
            return self._loaded
        if name:
            if namespace:
                found = self.named(namespace, name)
                items = [] if found is None else [found]
            else:
                items = [item for item in self._loaded.items if item.name == name]
        elif labels:
            items = self._selected(namespace, labels)
        else:
            return self._whole(namespace)
        return Loaded(items=tuple(items), broken=self._broken_in(namespace), installed=self._loaded.installed)

    def _whole(self, namespace: str) -> Loaded[Any]:
        """Return the objects of a namespace: one value for all who ask."""
        found = self._wholes.get(namespace)
        if found is None:
            items = tuple(self._spaces.get(namespace, ()))
            found = Loaded(items=items, broken=self._broken_in(namespace), installed=self._loaded.installed)
            self._wholes[namespace] = found
        return found

    def _broken_in(self, namespace: str) -> tuple[str, ...]:
        """Return the broken objects that may be of a namespace: those whose name says another one are not."""
        if not namespace or not self._loaded.broken:
            return self._loaded.broken
        return tuple(text for text in self._loaded.broken if "/" not in text.split(":")[0] or f" {namespace}/" in text)

    def _selected(self, namespace: str, labels: str) -> list[Any]:
        selector = parse_selector(labels) or LabelSelector()
        if len(selector.requirements) == 1:
            key, word, values = selector.requirements[0]
            if word == "in" and len(values) == 1:
                (value,) = values
                return self._by(namespace, key).get(value, [])
        exact = [
            (key, next(iter(values)))
            for key, word, values in selector.requirements
            if word == "in" and len(values) == 1
        ]
        if not exact:
            return [item for item in self._of(namespace) if selector.matches(item.labels)]
        lists = [self._by(namespace, key).get(value, []) for key, value in exact]
        return [item for item in min(lists, key=len) if selector.matches(item.labels)]

    def _of(self, namespace: str) -> list[Any]:
        return self._spaces.get(namespace, []) if namespace else list(self._loaded.items)

    def _by(self, namespace: str, key: str) -> dict[str, list[Any]]:
        index = self._labelled.get((namespace, key))
        if index is None:
            index = self._labelled[namespace, key] = {}
            for item in self._of(namespace):
                value = (item.metadata.labels or {}).get(key, _ABSENT)
                if value is not _ABSENT:
                    index.setdefault(value or "", []).append(item)
        return index


_ABSENT: Final = object()
