"""Count what the lines of a log mean, in bounded memory however long it is.

Holds one entry for each signature and a few examples of what is not known. Must not: read files, or judge a cluster.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import msgspec

from ingressdoctor.knowledge.book import Book, whole_book
from ingressdoctor.knowledge.lines import MAX_LINE, looks_like_trouble, prepared
from ingressdoctor.knowledge.signatures import Signature
from ingressdoctor.model.text import clean

__all__ = ["Known", "Tally", "split_lines"]

VAGUE: Final = 45
_SHOWN: Final = 400
_EXAMPLES: Final = 5


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """A meaning that was found: how often, in which lines (from 1), and the first of them, cleaned and cut."""

    signature: Signature
    count: int
    first: int
    last: int
    line: str


@dataclass(slots=True)
class Tally:
    """What was counted so far; ``program`` names the component whose log it is known to be."""

    program: str = ""
    lines: int = 0
    recognised: int = 0
    unknown: int = 0
    examples: list[str] = field(default_factory=list)
    _at: int = 0
    _known: dict[str, Known] = field(default_factory=dict)

    def take(self, line: str) -> None:
        """Count one line; empty ones only move the numbers of those after them."""
        self._at += 1
        if not line or line.isspace():
            return
        self.lines += 1
        found = self._book().recognise(line)
        if found is None:
            self._note_unknown(line)
            return
        self.recognised += 1
        before = self._known.get(found.id)
        self._known[found.id] = Known(
            signature=found,
            count=1 if before is None else before.count + 1,
            first=self._at if before is None else before.first,
            last=self._at,
            line=clean(line.strip(), _SHOWN) if before is None else before.line,
        )

    def known(self) -> tuple[Known, ...]:
        """Return what was found: faults before noise, the specific before the vague, the frequent before the rare."""
        return tuple(
            sorted(
                self._known.values(),
                key=lambda item: (item.signature.harmless, item.signature.rank < VAGUE, -item.count, item.first),
            )
        )

    def _book(self) -> Book:
        return whole_book(self.program)

    def _note_unknown(self, line: str) -> None:
        if not looks_like_trouble(prepared(line)):
            return
        self.unknown += 1
        if len(self.examples) < _EXAMPLES:
            shown = clean(line.strip(), _SHOWN)
            if shown not in self.examples:
                self.examples.append(shown)


def split_lines(chunks: Iterator[bytes]) -> Iterator[str]:
    """Yield the lines of a stream; what a line holds beyond the limit is thrown away as it is read."""
    rest = b""
    for chunk in chunks:
        *whole, tail = chunk.split(b"\n")
        if not whole:
            rest = (rest + tail)[: MAX_LINE + 1]
            continue
        yield _text(rest + whole[0])
        yield from map(_text, whole[1:])
        rest = tail[: MAX_LINE + 1]
    if rest:
        yield _text(rest)


def _text(line: bytes) -> str:
    return line[: MAX_LINE + 1].decode("utf-8", "replace")
