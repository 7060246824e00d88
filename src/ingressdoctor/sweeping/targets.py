"""Which targets a sweep has: from a list, from what the installation names, and after the filters.

Lists are one target a line, ``#`` begins a comment. A line that is no target costs itself and nothing else; what is
left out is said, each with its reason.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

import msgspec

from ingressdoctor.errors import UsageError
from ingressdoctor.evidence.discovery import Discovered
from ingressdoctor.model.sweep import SweepTarget
from ingressdoctor.model.target import Target
from ingressdoctor.model.text import clean

__all__ = ["Filters", "Targets", "from_discovered", "name_of", "read_list"]

_MOST_BYTES: Final = 256 * 1024 * 1024
_MOST_TOLD: Final = 20
_LONGEST_LINE: Final = 4_000


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """Patterns (``*``, ``?``) of hostnames to keep and to leave, and namespaces of the objects that name them."""

    match: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()

    def keeps(self, target: SweepTarget) -> bool:
        """Tell whether a target is to be judged. A namespace keeps only what some object in it names."""
        host = target.target.hostname
        if self.match and not any(fnmatchcase(host, pattern.lower()) for pattern in self.match):
            return False
        if any(fnmatchcase(host, pattern.lower()) for pattern in self.exclude):
            return False
        if not self.namespaces:
            return True
        return any(fnmatchcase(space, pattern) for space in target.namespaces for pattern in self.namespaces)


class Targets(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be judged, each name once, and what was left out, in words."""

    items: tuple[SweepTarget, ...]
    skipped: tuple[str, ...] = ()

    def filtered(self, filters: Filters) -> Targets:
        """Return those that the filters keep; what they leave was asked for and is not reported."""
        return msgspec.structs.replace(self, items=tuple(item for item in self.items if filters.keeps(item)))


def name_of(target: Target) -> str:
    """Return how a target is called in reports: its hostname where it is asked by plain https, its URL otherwise."""
    plain = target.scheme == "https" and target.port == 443 and target.path == "/"
    return target.hostname if plain and target.protocol.value == "http" else target.url


def from_discovered(found: Discovered) -> Targets:
    """Turn names that the installation holds into targets; a name that no resolver could answer is left out."""
    skipped: list[str] = [*found.left_out, *(f"{gap.wanted}: {gap.reason}" for gap in found.gaps)]
    items: dict[str, SweepTarget] = {}
    odd: list[str] = []
    for each in found.names:
        try:
            target = Target.parse(each.text)
        except UsageError as error:
            odd.append(f"{clean(each.text, 80)} of {each.sources[0]}: {error.message}")
            continue
        item = SweepTarget(
            name=name_of(target),
            target=target,
            sources=each.sources,
            namespaces=each.namespaces,
            only_record=each.only_record,
        )
        items.setdefault(item.name, item)
    return Targets(items=tuple(items.values()), skipped=(*skipped, *_told(odd)))


def read_list(path: str) -> Targets:
    """Read targets from a file, ``-`` being standard input.

    Raises:
        UsageError: it cannot be read, or holds no target at all.
    """
    where = "standard input" if path == "-" else path
    items: dict[str, SweepTarget] = {}
    odd: list[str] = []
    twice: list[str] = []
    for number, line in _lines(path):
        text = line.partition("#")[0].strip() if not line.lstrip().startswith("#") else ""
        if not text:
            continue
        place = f"{where} line {number}"
        try:
            target = Target.parse(text) if len(text) <= _LONGEST_LINE else None
        except UsageError as error:
            odd.append(f"{place}: {error.message}")
            continue
        if target is None:
            odd.append(f"{place}: it has more than {_LONGEST_LINE} characters.")
            continue
        name = name_of(target)
        if name in items:
            twice.append(f"{place}: {name} stands on {items[name].sources[0]} already.")
            continue
        items[name] = SweepTarget(name=name, target=target, sources=(place,))
    if not items:
        why = f" ({odd[0]})" if odd else ""
        raise UsageError(
            f"There is no target in {clean(where, 200)}{why}.", hint="Write one hostname or URL on each line."
        )
    return Targets(items=tuple(items.values()), skipped=(*_told(odd), *_told(twice)))


def _told(lines: Sequence[str]) -> Iterator[str]:
    """Return the first lines, and how many there are more."""
    yield from lines[:_MOST_TOLD]
    if len(lines) > _MOST_TOLD:
        yield f"and {len(lines) - _MOST_TOLD} more like this"


def _lines(path: str) -> Iterable[tuple[int, str]]:
    try:
        raw = sys.stdin.buffer.read(_MOST_BYTES + 1) if path == "-" else _bytes(Path(path))
    except OSError as error:
        raise UsageError(
            f"Cannot read the list of targets {clean(path, 200)}: {error.strerror or error}.",
            hint="Give a readable file with one hostname or URL on each line, or - for standard input.",
        ) from None
    if len(raw) > _MOST_BYTES:
        raise UsageError(
            f"{clean(path, 200)} has more than {_MOST_BYTES // 1_048_576} MiB; that is no list of targets."
        )
    text = raw.decode("utf-8-sig", "replace")
    return enumerate(text.split("\n"), start=1)


def _bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_MOST_BYTES + 1)
