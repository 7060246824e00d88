"""Decode flat keys with dots (Ingress and Service annotations) into a typed tree, as Traefik's label parser does.

One key that is unknown or holds a value of the wrong type fails the whole set, with the parser's own words. Which keys
there are is the caller's business.

Source: paerser: parser/labels_decode.go, nodes_metadata.go, element_fill.go; Go: strconv.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, TypeAlias

import msgspec

__all__ = ["LabelError", "Leaf", "Optional", "Repeated", "Schema", "Value", "decode"]

_TRUE: Final = frozenset(["1", "t", "T", "TRUE", "true", "True"])
_FALSE: Final = frozenset(["0", "f", "F", "FALSE", "false", "False"])
_INDEX_DOTS: Final = re.compile(r"(.+)\.(\w+)\.(\d+)\.(.+)", re.ASCII)
_INTEGER: Final = re.compile(r"[+-]?[0-9]+", re.ASCII)
_MAX_INTEGER: Final = 2**63


class LabelError(ValueError):
    """The parser refuses the labels; the text is its own."""


class Leaf(Enum):
    """What a value is: Go's kind, as its errors print it, and whether the value is ever looked at."""

    STRING = ("string", True)
    INT = ("int", True)
    BOOL = ("bool", True)
    BOOL_POINTER = ("ptr", True)
    WORDS = ("slice", True)
    IGNORED = ("string", False)


class Optional(msgspec.Struct, frozen=True):
    """A group that may also stand alone: empty or ``true`` switches it on, any other value drops it as a whole."""

    fields: Schema


class Repeated(msgspec.Struct, frozen=True):
    """A numbered list of groups."""

    fields: Schema


Schema: TypeAlias = "Mapping[str, Leaf | Optional | Repeated]"
Value: TypeAlias = "str | int | bool | tuple[str, ...] | dict[str, Value]"


@dataclass(slots=True)
class _Node:
    name: str
    value: str = ""
    children: list[_Node] = field(default_factory=list)

    def child(self, name: str) -> _Node:
        for known in self.children:
            if known.name.lower() == name.lower():
                return known
        self.children.append(_Node(name))
        return self.children[-1]


def decode(labels: Mapping[str, str], root: str, schema: Schema) -> dict[str, Value] | None:
    """Return the values below ``root.`` by lower-case name; None when there is no such key.

    Raises:
        LabelError: the parser refuses a key or a value.
    """
    found = _tree({_indexed(key): value for key, value in labels.items()}, root)
    if found is None:
        return None
    _check(found, schema)
    return _fill(found, schema)


def _indexed(key: str) -> str:
    """Write ``domains.0.main`` as ``domains[0].main``: annotation keys cannot hold brackets."""
    return _INDEX_DOTS.sub(r"\1.\2[\3].\4", key)


def _tree(labels: Mapping[str, str], root: str) -> _Node | None:
    top: _Node | None = None
    for key in sorted(labels):
        if not key.lower().startswith(root + "."):
            continue
        node = top = top or _Node(root)
        for part in _parts(key):
            node = node.child(part)
        node.value = labels[key]
    return top


def _parts(key: str) -> Iterator[str]:
    for part in key.split(".")[1:]:
        if not part:
            raise LabelError(f"invalid element: traefik.{key}")
        name, bracket, index = part.partition("[")
        yield name
        if bracket:
            yield bracket + index


def _check(node: _Node, schema: Schema) -> None:
    for child in node.children:
        expected = schema.get(child.name.lower())
        match expected:
            case None:
                raise LabelError(f"field not found, node: {child.name}")
            case Optional(fields):
                _check(child, fields)
            case Repeated(fields):
                for item in child.children:
                    _check(item, fields)
            case Leaf.WORDS:
                for item in child.children:
                    _check(item, {})
            case _:
                if child.children:
                    raise LabelError(f"invalid node {child.name}: {expected.value[0]}")


def _fill(node: _Node, schema: Schema) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for child in node.children:
        name = child.name.lower()
        expected = schema[name]
        match expected:
            case Optional(fields):
                if not child.value or child.value.lower() == "true":
                    found[name] = _fill(child, fields)
            case Repeated(fields):
                for item in child.children:
                    _fill(item, fields)
            case _:
                if expected is not Leaf.IGNORED:
                    found[name] = _value(child.value, expected)
    return found


def _value(text: str, kind: Leaf) -> Value:
    match kind:
        case Leaf.INT:
            return _integer(text)
        case Leaf.BOOL | Leaf.BOOL_POINTER:
            if text not in _TRUE | _FALSE:
                raise LabelError(f'strconv.ParseBool: parsing "{text}": invalid syntax')
            return text in _TRUE
        case Leaf.WORDS:
            return tuple(word.strip() for word in text.split(",")) if text else ()
        case _:
            return text


def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise LabelError(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    # Python refuses to read numbers of thousands of digits.
    number = int(text) if len(text.lstrip("+-0")) < len(str(_MAX_INTEGER)) + 1 else _MAX_INTEGER
    if not -_MAX_INTEGER <= number < _MAX_INTEGER:
        raise LabelError(f'strconv.ParseInt: parsing "{text}": value out of range')
    return number
