"""Decode a tree of YAML nodes into the types of a schema, as cloudflared's library does: merges, duplicates, nulls.

Bounded: aliases are counted as often as they are used and may be only a part of the whole, and no list of errors grows
without end. What the values mean is decided elsewhere.

Source: gopkg.in/yaml.v3 decode.go.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from ingressdoctor.model.text import shorten
from ingressdoctor.routing.cloudflared.fitting import fitted
from ingressdoctor.routing.cloudflared.nodes import Alias, Document, Mapping, Node, Scalar, Sequence
from ingressdoctor.routing.cloudflared.scalars import BadScalarError, resolve
from ingressdoctor.routing.cloudflared.schema import ListOf, Optional, Plain, Record, Type, name_of

__all__ = ["Decoded", "Mistake", "Unknown", "decode"]

_MAX_MISTAKES: Final = 50
_MAX_UNKNOWN: Final = 200
_LOW: Final = 400_000
_HIGH: Final = 4_000_000


class Mistake(msgspec.Struct, frozen=True):
    """One error; ``line`` and ``column`` count from 1 and are 0 where the library names no place."""

    text: str
    line: int
    column: int = 0


class Unknown(msgspec.Struct, frozen=True):
    """A key that is read and ignored: its place and the type that does not have it."""

    key: str
    record: str
    line: int
    column: int


class Decoded(msgspec.Struct, frozen=True):
    """What a document holds; mistakes make the rest unusable, as one is enough for cloudflared to refuse the file."""

    value: dict[str, Any]
    mistakes: tuple[Mistake, ...]
    unknown: tuple[Unknown, ...]


class _StopError(Exception):
    def __init__(self, mistake: Mistake) -> None:
        super().__init__(mistake.text)
        self.mistake = mistake


def decode(document: Document, record: Record) -> Decoded:
    """Decode a document; every record also has its place under the key ``""``."""
    decoder = _Decoder(document)
    out: dict[str, Any] = {}
    stop: tuple[Mistake, ...] = ()
    if document.root is not None:
        try:
            decoder.value(document.root, record, out)
        except _StopError as error:
            stop = (error.mistake,)
    return Decoded(out, stop or tuple(decoder.mistakes), tuple(decoder.unknown))


class _Decoder:
    """State of one decoding; lives for one call of ``decode``."""

    def __init__(self, document: Document) -> None:
        self._anchors = document.anchors
        self._open: set[int] = set()
        self._steps = 0
        self._through_aliases = 0
        self._alias_depth = 0
        self._merged: set[str] | None = None
        self.mistakes: list[Mistake] = []
        self.unknown: list[Unknown] = []

    def value(self, node: Node, kind: Type, current: Any) -> tuple[bool, Any]:  # noqa: ANN401
        """Return whether the node fits, and its value; ``current`` is what the place already holds."""
        self._count(node)
        if isinstance(node, Alias):
            return self._alias(node, kind, current)
        if isinstance(node, Scalar):
            return self._scalar(node, kind, current)
        if isinstance(kind, Optional):
            kind = kind.inner
            current = {} if isinstance(kind, Record) and current is None else current
        if kind is Plain.DURATION:
            self._count(node)
        return self._sequence(node, kind, current) if isinstance(node, Sequence) else self._mapping(node, kind, current)

    def _count(self, node: Node) -> None:
        self._steps += 1
        self._through_aliases += self._alias_depth > 0
        if self._through_aliases > 100 and self._steps > 1_000:
            allowed = 0.99 - 0.89 * max(0, self._steps - _LOW) / (_HIGH - _LOW)
            if self._through_aliases / self._steps > allowed:
                raise _StopError(Mistake("document contains excessive aliasing", 0))

    def _wrong(self, text: str, node: Node) -> None:
        if len(self.mistakes) < _MAX_MISTAKES:
            self.mistakes.append(Mistake(f"line {node.line}: {text}", node.line, node.column))

    def _misfit(self, node: Node, kind: Type, tag: str) -> None:
        shown = ""
        if isinstance(node, Scalar):
            raw = node.value.encode("utf-8", "surrogatepass")
            cut = raw[:7].decode("utf-8", "replace") + "..." if len(raw) > 10 else node.value
            shown = f" `{cut}`"
        self._wrong(f"cannot unmarshal {tag}{shown} into {name_of(kind)}", node)

    def _alias(self, node: Alias, kind: Type, current: Any) -> tuple[bool, Any]:  # noqa: ANN401
        if node.target in self._open:
            raise _StopError(Mistake(f"anchor '{shorten(node.name, 80)}' value contains itself", 0))
        self._open.add(node.target)
        self._alias_depth += 1
        found = self.value(self._anchors[node.target], kind, current)
        self._alias_depth -= 1
        self._open.discard(node.target)
        return found

    def _scalar(self, node: Scalar, kind: Type, current: Any) -> tuple[bool, Any]:  # noqa: ANN401
        try:
            tag, value = resolve(node)
        except BadScalarError as error:
            raise _StopError(Mistake(shorten(str(error), 300), 0)) from None
        if value is None:
            empties = isinstance(kind, (Optional, ListOf)) or kind is Plain.ANY
            return empties, None if empties else current
        kind = kind.inner if isinstance(kind, Optional) else kind
        if kind is Plain.DURATION:
            self._count(node)
        if isinstance(kind, Plain):
            fits, found = fitted(node, tag, value, kind)
            if fits:
                return True, found
        self._misfit(node, kind, tag)
        return False, current

    def _sequence(self, node: Sequence, kind: Type, current: Any) -> tuple[bool, Any]:  # noqa: ANN401
        if not isinstance(kind, ListOf) and kind is not Plain.ANY:
            self._misfit(node, kind, "!!seq")
            return False, current
        item = kind.item if isinstance(kind, ListOf) else Plain.ANY
        found = []
        for each in node.items:
            fits, value = self.value(each, item, {} if isinstance(item, Record) else None)
            if fits:
                found.append(value)
        return True, found

    def _mapping(self, node: Mapping, kind: Type, current: Any) -> tuple[bool, Any]:  # noqa: ANN401
        if self._has_duplicates(node):
            return False, current
        if kind is Plain.ANY:
            return True, self._free(node)
        if not isinstance(kind, Record):
            self._misfit(node, kind, "!!map")
            return False, current
        current.setdefault("", (node.line, node.column))
        self._record(node, kind, current)
        return True, current

    def _has_duplicates(self, node: Mapping) -> bool:
        seen: dict[tuple[type, str], int] = {}
        twice = False
        for key, _ in node.pairs:
            name = (type(key), key.value if isinstance(key, Scalar) else key.name if isinstance(key, Alias) else "")
            if name in seen:
                twice = True
                self._wrong(f'mapping key "{shorten(name[1], 100)}" already defined at line {seen[name]}', key)
            seen.setdefault(name, key.line)
        return twice

    def _free(self, node: Mapping) -> dict[str, Any]:
        found: dict[str, Any] = {}
        merged: list[Node] = []
        for key, value in node.pairs:
            if _is_merge(key):
                merged = [value]
                continue
            _, name = self.value(key, Plain.ANY, None)
            if isinstance(name, (dict, list)):
                raise _StopError(Mistake("invalid map key", 0))
            _, found[str(name)] = self.value(value, Plain.ANY, None)
        for value in merged:
            for each in self._sources(value):
                _, content = self.value(each, Plain.ANY, None)
                found = {**content, **found} if isinstance(content, dict) else found
        return found

    def _record(self, node: Mapping, record: Record, out: dict[str, Any]) -> None:
        skipped, self._merged = self._merged, None
        source: Node | None = None
        done: set[str] = set()
        for key, value in node.pairs:
            if _is_merge(key):
                source = value
                continue
            fits, name = self.value(key, Plain.TEXT, "")
            if not fits:
                continue
            if skipped is not None:
                if name in skipped:
                    continue
                skipped.add(name)
            if name in record.fields and name in done:
                self._wrong(f"field {name} already set in type {record.name}", key)
                continue
            done.add(name)
            self._field(key, name, value, record, out)
        self._merged = skipped
        if source is not None:
            self._merge(node, source, record, out)

    def _field(self, key: Node, name: str, value: Node, record: Record, out: dict[str, Any]) -> None:
        kind = record.fields.get(name)
        if kind is None:
            if record.rest:
                _, content = self.value(value, Plain.ANY, None)
                out.setdefault("rest", {})[name] = (content, key.line, key.column)
            elif len(self.unknown) < _MAX_UNKNOWN:
                self.unknown.append(Unknown(shorten(name, 100), record.name, key.line, key.column))
            return
        before = out.get(name)
        if before is None and isinstance(kind, Record):
            before = {}
        _, out[name] = self.value(value, kind, before)

    def _merge(self, parent: Mapping, source: Node, record: Record, out: dict[str, Any]) -> None:
        before = self._merged
        if before is None:
            self._merged = set()
            for key, _ in parent.pairs:
                _, name = self.value(key, Plain.ANY, None)
                if isinstance(name, (dict, list)):
                    raise _StopError(Mistake("a key is a list or a mapping", key.line, key.column))
                self._merged.add(name if isinstance(name, str) else "")
        for each in self._sources(source):
            self.value(each, record, out)
        self._merged = before

    def _sources(self, source: Node) -> tuple[Node, ...]:
        """Return the mappings that a merge key names."""
        items = source.items if isinstance(source, Sequence) else (source,)
        for item in items:
            target = self._anchors[item.target] if isinstance(item, Alias) else item
            if not isinstance(target, Mapping):
                raise _StopError(Mistake("map merge requires map or sequence of maps as the value", 0))
        return items


def _is_merge(key: Node) -> bool:
    return (
        isinstance(key, Scalar)
        and key.value == "<<"
        and (key.tag in ("!!merge", "tag:yaml.org,2002:merge") or (key.plain and key.tag in ("", "!")))
    )
