"""Targets of a list, from a file or standard input: told one by one, kept in a few bytes each.

Lists are one target a line, ``#`` begins a comment. A line that is no target costs itself and nothing else; what is
left out is said, each with its reason. A list is read once, as it was when the program started, and packed: a million
names are megabytes. A ``SweepTarget`` is made when its turn comes.
"""

from __future__ import annotations

import errno
import os
import sys
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from ingressdoctor.errors import UsageError
from ingressdoctor.model.sweep import SweepTarget
from ingressdoctor.model.target import Target
from ingressdoctor.model.text import clean
from ingressdoctor.sweeping.seen import Seen

__all__ = ["Listed", "Told", "name_of", "read_lines"]

_MOST_BYTES: Final = 256 * 1024 * 1024
_MOST_TOLD: Final = 20
_LONGEST_LINE: Final = 4_000
_READ_AT_ONCE: Final = 65_536
_BLOCK: Final = 1_000
_LEVEL: Final = 1

_Lines = list[tuple[int, str]]


def name_of(target: Target) -> str:
    """Return how a target is called in reports: its hostname where it is asked by plain https, its URL otherwise."""
    plain = target.scheme == "https" and target.port == 443 and target.path == "/"
    return target.hostname if plain and target.protocol.value == "http" else target.url


class Told:
    """Lines for the report: the first few, and how many there are more."""

    def __init__(self) -> None:
        self.count = 0
        self._first: list[str] = []

    def add(self, line: str) -> None:
        """Take one."""
        self.count += 1
        if len(self._first) < _MOST_TOLD:
            self._first.append(line)

    def __iter__(self) -> Iterator[str]:
        """Return what is told."""
        yield from self._first
        if self.count > _MOST_TOLD:
            yield f"and {self.count - _MOST_TOLD} more like this"


class Listed(Collection[SweepTarget]):
    """The targets of a list, in its order; each pass makes them anew.

    Args:
        where: What the list is called.
        lines: The lines that hold a target, each by its number.
    """

    def __init__(self, where: str, lines: Iterable[tuple[int, str]]) -> None:
        self._where = where
        self._count = 0
        self._blocks: list[bytes] = []
        waiting = iter(lines)
        while block := list(islice(waiting, _BLOCK)):
            self._count += len(block)
            self._blocks.append(zlib.compress(msgspec.msgpack.encode(block), _LEVEL))

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[SweepTarget]:
        for number, text in self._lines():
            yield self._target(number, text)

    def __contains__(self, item: object) -> bool:
        return any(item == each for each in self)

    def kept(self, keeps: Callable[[SweepTarget], bool]) -> Listed:
        """Return a list of those that *keeps* keeps."""
        return Listed(self._where, (line for line in self._lines() if keeps(self._target(*line))))

    def _lines(self) -> Iterator[tuple[int, str]]:
        for block in self._blocks:
            yield from msgspec.msgpack.decode(zlib.decompress(block), type=_Lines)

    def _target(self, number: int, text: str) -> SweepTarget:
        target = Target.parse(text)
        return SweepTarget(name=name_of(target), target=target, sources=(f"{self._where} line {number}",))


def read_lines(path: str) -> tuple[Listed, tuple[str, ...]]:
    """Read targets from a file, ``-`` being standard input; returns them, and what was left out, in words.

    Raises:
        UsageError: it cannot be read, or holds no target at all.
    """
    where = "standard input" if path == "-" else path
    odd, twice, seen = Told(), Told(), Seen()

    def targets() -> Iterator[tuple[int, str]]:
        for number, line in _lines(path):
            text = line.partition("#")[0].strip()
            if not text:
                continue
            place = f"{where} line {number}"
            if len(text) > _LONGEST_LINE:
                odd.add(f"{place}: it has more than {_LONGEST_LINE} characters.")
                continue
            try:
                name = name_of(Target.parse(text))
            except UsageError as error:
                odd.add(f"{place}: {error.message}")
                continue
            before = seen.before(name, number)
            if before:
                twice.add(f"{place}: {name} stands on {where} line {before} already.")
            else:
                yield number, text

    listed = Listed(where, targets())
    if not listed:
        why = f" ({next(iter(odd))})" if odd.count else ""
        raise UsageError(
            f"There is no target in {clean(where, 200)}{why}.", hint="Write one hostname or URL on each line."
        )
    return listed, (*odd, *twice)


def _lines(path: str) -> Iterator[tuple[int, str]]:
    """Yield the lines with their numbers; of an endless one the beginning."""
    try:
        with _standard_input() if path == "-" else Path(path).open("rb") as file:
            yield from _lines_of(file, path)
    except OSError as error:
        raise UsageError(
            f"Cannot read the list of targets {clean(path, 200)}: {error.strerror or error}.",
            hint="Give a readable file with one hostname or URL on each line, or - for standard input.",
        ) from None


def _standard_input() -> BinaryIO:
    """Open standard input once more: a thread that waits for it at the end of the program must not hold Python's own.

    Raises:
        OSError: it is closed.
    """
    if sys.stdin is None or sys.stdin.closed:
        raise OSError(errno.EBADF, "it is closed")
    return os.fdopen(os.dup(sys.stdin.fileno()), "rb")


def _lines_of(file: BinaryIO, path: str) -> Iterator[tuple[int, str]]:
    number, size, goes_on = 0, 0, False
    while raw := file.readline(_READ_AT_ONCE):
        size += len(raw)
        if size > _MOST_BYTES:
            most = f"{_MOST_BYTES // 1_048_576} MiB"
            raise UsageError(f"{clean(path, 200)} has more than {most}; that is no list of targets.")
        if not goes_on:
            number += 1
            yield number, raw.decode("utf-8-sig" if number == 1 else "utf-8", "replace")
        goes_on = not raw.endswith(b"\n")
