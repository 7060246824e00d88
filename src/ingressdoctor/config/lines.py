"""Find the line on which a key of a TOML text stands; tomllib does not tell.

Only for texts that tomllib has accepted. Keys inside inline tables are reported at the line where their outermost key
stands. Source of the grammar: toml.io, TOML 1.0.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

__all__ = ["line_of"]

_PART: Final = re.compile(r"""\s*(?:"((?:[^"\\\n]|\\.)*)"|'([^'\n]*)'|([A-Za-z0-9_-]+))\s*""")
_STRINGS: Final = ('"""', "'''", '"', "'")


def line_of(text: str, path: tuple[str, ...]) -> int:
    """Return the 1-based line of *path*, or of the longest part of it that is there.

    A path is as ``("hetzner", "token")``; in an array of tables the number of the table, from 0, follows its name.
    """
    best_length, best_line = 0, 1
    for found, line in _keys_of(text):
        shared = next(
            (i for i, (a, b) in enumerate(zip(found, path, strict=False)) if a != b), min(len(found), len(path))
        )
        is_there = shared == min(len(found), len(path)) and shared > 0
        if is_there and shared > best_length:
            best_length, best_line = shared, line
    return best_line


@lru_cache(maxsize=1)
def _keys_of(text: str) -> tuple[tuple[tuple[str, ...], int], ...]:
    """Return all of them, read once for all the keys of one file that are asked about."""
    return tuple(_keys(text))


def _keys(text: str) -> Iterator[tuple[tuple[str, ...], int]]:
    """Every table header and every key with its table, in file order."""
    at = 0
    table: tuple[str, ...] = ()
    arrays: dict[tuple[str, ...], int] = {}
    text = text.replace("\r\n", "\n")
    while at < len(text):
        char = text[at]
        if char in " \t\n":
            at += 1
        elif char == "#":
            at = _end_of_line(text, at)
        elif char == "[":
            line = text.count("\n", 0, at) + 1
            is_array = text.startswith("[[", at)
            name, _ = _dotted(text, at + 2 if is_array else at + 1)
            if is_array:
                arrays[name] = arrays.get(name, -1) + 1
            table = _numbered(name, arrays)
            yield table, line
            at = _end_of_line(text, at)
        else:
            line = text.count("\n", 0, at) + 1
            key, at = _dotted(text, at)
            yield (*table, *key), line
            at = _after_value(text, at)


def _numbered(name: tuple[str, ...], arrays: dict[tuple[str, ...], int]) -> tuple[str, ...]:
    """Return a table's name with the number of the current table after each name of an array."""
    parts: list[str] = []
    for end, part in enumerate(name, start=1):
        parts.append(part)
        if name[:end] in arrays:
            parts.append(str(arrays[name[:end]]))
    return tuple(parts)


def _dotted(text: str, at: int) -> tuple[tuple[str, ...], int]:
    parts: list[str] = []
    while (match := _PART.match(text, at)) is not None:
        parts.append(next(group for group in match.groups() if group is not None))
        at = match.end()
        if not text.startswith(".", at):
            break
        at += 1
    return tuple(parts), max(at, 0)


def _end_of_line(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end + 1


def _after_value(text: str, at: int) -> int:
    """Skip from after a key to the end of its value: a line break outside of strings and brackets."""
    depth = 0
    while at < len(text):
        char = text[at]
        if char == "\n" and depth == 0:
            return at + 1
        quote = next((mark for mark in _STRINGS if text.startswith(mark, at)), None)
        if quote is not None:
            at = _after_string(text, at + len(quote), quote)
            continue
        if char == "#":
            at = _end_of_line(text, at) - 1 if depth == 0 else _end_of_line(text, at)
            if depth == 0 and not text.startswith("\n", at):
                return len(text)
            continue
        depth += (char in "[{") - (char in "]}")
        at += 1
    return at


def _after_string(text: str, at: int, quote: str) -> int:
    while at < len(text) and not text.startswith(quote, at):
        at += 2 if text[at] == "\\" and quote[0] == '"' else 1
    at += len(quote)
    # Up to two quotes may stand directly before the closing three.
    while len(quote) == 3 and text.startswith(quote[0], at):
        at += 1
    return at
