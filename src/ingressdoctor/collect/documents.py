"""Read YAML and JSON texts of any number of documents, bounded in depth and size; a broken document costs only itself.

Values are built from the parser's events, so that aliases share one value and a bomb of anchors is counted, not
expanded. Scalars mean what Kubernetes' own reader makes of them (YAML 1.1 without dates and base-60 numbers). What
the values mean is nobody's business here.

Source: yaml.org/spec/1.1; sigs.k8s.io/yaml (keys set twice are refused, dates stay text).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any, Final

import msgspec

from ingressdoctor.model.text import clean

__all__ = ["Document", "Fault", "read_documents"]

_MAX_VALUES: Final = 2_000_000  # of one document, aliases counted as often as they are used
_MAX_DEPTH: Final = 100  # msgspec and the models walk values recursively
_SPLIT: Final = re.compile(r"^---(?=\s|$)", re.MULTILINE)
_SOURCE: Final = re.compile(r"^# Source: (\S{1,300})\s*$", re.MULTILINE)
_NOT_BLANK: Final = re.compile(r"\S")
_ABOVE: Final = re.compile(r"(?:[ \t\r]*(?:#[^\n]*)?\n)*")  # blank lines and comments
_TEMPLATE: Final = re.compile(r"\{\{")
_INT: Final = re.compile(r"[-+]?(?:0|[1-9][0-9_]{0,40})")
_ODD_INT: Final = re.compile(r"([-+]?)0(?:x([0-9a-fA-F_]{1,30})|b([01_]{1,70})|o?([0-7_]{1,30}))")
_FLOAT: Final = re.compile(r"[-+]?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:[eE][-+]?[0-9]{1,3})?")
_WORDS: Final[dict[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
}
_TAG: Final = "tag:yaml.org,2002:"


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """One document; ``line`` counts from 1 and is where it begins, ``source`` the template that Helm names."""

    value: Any
    number: int
    line: int
    source: str = ""


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """A document that cannot be read: where in the text, and why."""

    number: int
    line: int
    reason: str
    source: str = ""


class _RefusedError(Exception):
    """What a document holds is refused; ``line`` counts from 0 within it."""

    def __init__(self, reason: str, line: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


def read_documents(text: str) -> Iterator[Document | Fault]:
    """Yield every document of a text in order; empty ones are left out, broken ones become faults."""
    if text.lstrip()[:1] in ("{", "["):
        values = _json(text)
        if values:
            yield from (Document(value=value, number=i, line=line) for i, (line, value) in enumerate(values, start=1))
            return
    import yaml  # only here: most commands read no YAML

    number = 0
    for line, chunk in _chunks(text):
        if not chunk.strip():
            continue
        number += 1
        found = _SOURCE.search(chunk[:2_000])
        source = found.group(1) if found else ""
        try:
            value = _Builder(yaml, chunk).document()
        except (_RefusedError, yaml.YAMLError, ValueError, RecursionError) as error:
            yield _fault(error, chunk, number, line, source)
            continue
        if value is None:
            number -= 1  # nothing but comments
            continue
        above = _ABOVE.match(chunk)
        yield Document(
            value=value, number=number, line=line + (above.group().count("\n") if above else 0), source=source
        )


def _json(text: str) -> list[tuple[int, Any]]:
    """Return (line, value) of every JSON value of a text; nothing when it is something else, as YAML in flow style."""
    try:
        return [(1, msgspec.json.decode(text))]
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        pass
    found: list[tuple[int, Any]] = []
    decoder, place, line, last = json.JSONDecoder(), 0, 1, 0
    try:
        while start := _NOT_BLANK.search(text, place):
            value, place = decoder.raw_decode(text, start.start())
            line += text.count("\n", last, start.start())
            last = start.start()
            found.append((line, value))
    except (ValueError, RecursionError):
        return []
    return found


def _chunks(text: str) -> Iterator[tuple[int, str]]:
    """Yield (first line, text) of each document, so that a broken one does not hide those after it."""
    line, start = 1, 0
    marks = [*(found.start() for found in _SPLIT.finditer(text)), len(text)]
    for mark in marks:
        chunk = text[start:mark]
        lines = chunk.count("\n")
        # A directive stands before the mark of its document and says nothing that matters here.
        body = "" if chunk.lstrip().startswith("%") else chunk.removeprefix("---")
        yield line, body
        line += lines
        start = mark


def _fault(error: Exception, chunk: str, number: int, line: int, source: str) -> Fault:
    template = _TEMPLATE.search(chunk)
    if template is not None:
        place = line + chunk[: template.start()].count("\n")
        reason = "a template that was not rendered ('{{'); give the output of 'helm template' instead"
        return Fault(number=number, line=place, reason=reason, source=source)
    if isinstance(error, _RefusedError):
        return Fault(number=number, line=line + error.line, reason=error.reason, source=source)
    mark = getattr(error, "problem_mark", None)
    said = getattr(error, "problem", None) or str(error).partition("\n")[0] or type(error).__name__
    place = line + (mark.line if mark is not None else 0)
    return Fault(number=number, line=place, reason=f"not YAML: {clean(str(said), 200)}", source=source)


class _Builder:
    """Builds one document from the events of a parser."""

    def __init__(self, yaml: ModuleType, text: str) -> None:
        # The parser on libyaml is ten times as fast; the other one is there where PyYAML was built without it.
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        self._yaml = yaml
        self._next = loader(text).get_event
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._open: set[str] = set()
        self._count = 0

    def document(self) -> Any:  # noqa: ANN401 - whatever the document holds
        """Return the value of the only document of the text; None for an empty one."""
        value = None
        while True:
            event = self._next()
            if event is None or isinstance(event, self._yaml.StreamEndEvent):
                return value
            if isinstance(
                event, (self._yaml.StreamStartEvent, self._yaml.DocumentStartEvent, self._yaml.DocumentEndEvent)
            ):
                continue
            value = self._value(event, 0)

    def _value(self, event: Any, depth: int) -> Any:  # noqa: ANN401
        self._count += 1
        if self._count > _MAX_VALUES or depth > _MAX_DEPTH:
            what = f"more than {_MAX_VALUES} values" if depth <= _MAX_DEPTH else f"nested deeper than {_MAX_DEPTH}"
            raise _RefusedError(f"{what}, aliases counted in full", event.start_mark.line)
        if isinstance(event, self._yaml.ScalarEvent):
            value = _scalar(event)
            if event.anchor:
                self._anchors[event.anchor] = (value, 1)
            return value
        if isinstance(event, self._yaml.AliasEvent):
            return self._alias(event)
        before, anchor = self._count, event.anchor
        if anchor:
            self._open.add(anchor)
        is_map = isinstance(event, self._yaml.MappingStartEvent)
        value = self._mapping(depth) if is_map else self._sequence(depth)
        if anchor:
            self._open.discard(anchor)
            self._anchors[anchor] = (value, self._count - before + 1)
        return value

    def _alias(self, event: Any) -> Any:  # noqa: ANN401
        name, line = event.anchor, event.start_mark.line
        if name in self._open:
            raise _RefusedError(f"the anchor {clean(name, 40)!r} contains itself", line)
        if name not in self._anchors:
            raise _RefusedError(f"the anchor {clean(name, 40)!r} is not defined", line)
        value, size = self._anchors[name]
        self._count += size
        if self._count > _MAX_VALUES:
            raise _RefusedError(f"more than {_MAX_VALUES} values, aliases counted in full", line)
        return value

    def _sequence(self, depth: int) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := self._next(), self._yaml.SequenceEndEvent):
            items.append(self._value(event, depth + 1))
        return items

    def _mapping(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        merged: list[dict[str, Any]] = []
        while not isinstance(event := self._next(), self._yaml.MappingEndEvent):
            line = event.start_mark.line
            key = self._key(event)
            value = self._value(self._next(), depth + 1)
            if key == "<<" and event.implicit[0]:
                merged += [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, dict)]
            elif key in found:
                raise _RefusedError(f"the key {clean(key, 60)!r} is set twice", line)
            else:
                found[key] = value
        for item in merged:
            found = {**item, **found}
        return found

    def _key(self, event: Any) -> str:  # noqa: ANN401
        if not isinstance(event, self._yaml.ScalarEvent):
            raise _RefusedError("a key is a list, a mapping or an alias", event.start_mark.line)
        if event.anchor:
            self._anchors[event.anchor] = (event.value, 1)
        return str(event.value)


def _scalar(event: Any) -> Any:  # noqa: ANN401
    text: str = event.value
    tag = event.tag or ""
    if tag:
        return _tagged(text, tag.removeprefix(_TAG).removeprefix("!"))
    return _plain(text) if event.implicit[0] else text


def _tagged(text: str, tag: str) -> Any:  # noqa: ANN401
    value = _plain(text)
    kinds: dict[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "bool": (bool,)}
    return value if isinstance(value, kinds.get(tag, ())) else (None if tag == "null" else text)


def _plain(text: str) -> Any:  # noqa: ANN401
    """Return what an unquoted scalar means."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789":
        return text
    if _INT.fullmatch(text):
        return int(text.replace("_", ""))
    if odd := _ODD_INT.fullmatch(text):
        sign, *digits = odd.groups()
        for base, found in zip((16, 2, 8), digits, strict=True):
            if found and found.strip("_"):
                return int(sign + found.replace("_", ""), base)
    return float(text) if _FLOAT.fullmatch(text) else text
