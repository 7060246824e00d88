"""A YAML document as a tree of nodes with places, as the parser leaves it. What the nodes mean is decided elsewhere.

An alias names its anchor by number, so that a document that contains itself is still a finite value. This module
reads no text: the collector does, because the models know no library for YAML.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

__all__ = ["Alias", "Document", "Mapping", "Node", "Scalar", "Sequence"]


class Scalar(msgspec.Struct, frozen=True):
    """One scalar; ``tag`` is empty where none was written, ``plain`` is False for quoted and block scalars."""

    value: str
    tag: str
    plain: bool
    line: int
    column: int


class Sequence(msgspec.Struct, frozen=True):
    """A list."""

    items: tuple[Node, ...]
    line: int
    column: int


class Mapping(msgspec.Struct, frozen=True):
    """Keys and values in the order they are written, duplicates included."""

    pairs: tuple[tuple[Node, Node], ...]
    line: int
    column: int


class Alias(msgspec.Struct, frozen=True):
    """A reference to ``anchors[target]`` of the document."""

    name: str
    target: int
    line: int
    column: int


Node: TypeAlias = "Scalar | Sequence | Mapping | Alias"


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """The first document of a text; ``root`` is None for a text without any. Lines and columns count from 1."""

    root: Node | None
    anchors: tuple[Node, ...] = ()
