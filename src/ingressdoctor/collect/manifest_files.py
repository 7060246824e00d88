"""Read the texts of files, folders and standard input, capped; what cannot be read is named, never raised.

Nothing is parsed here and nothing else is touched: no network, no process, no writing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from ingressdoctor.evidence.route_view import Skipped
from ingressdoctor.model.text import clean

__all__ = ["STDIN", "TextFile", "read_files"]

STDIN: Final = "standard input"
_DASH: Final = "-"
_SUFFIXES: Final = frozenset((".yaml", ".yml", ".json"))
# YAML is read at some 2 MB a second; JSON, which is what a cluster of that size is written in, at fifty times that.
_MAX_YAML: Final = 10_000_000
_MAX_JSON: Final = 100_000_000
_MAX_TOTAL: Final = 200_000_000
_MAX_FILES: Final = 20_000


class TextFile(msgspec.Struct, frozen=True, kw_only=True):
    """One text and the name it goes by in messages."""

    name: str
    text: str


def read_files(paths: Sequence[str], stdin: BinaryIO | None = None) -> Iterator[TextFile | Skipped]:
    """Yield the text of every file; ``-`` is standard input, a folder stands for the YAML and JSON files below it."""
    left = _MAX_TOTAL
    for number, (name, path) in enumerate(_named(paths)):
        if number >= _MAX_FILES or left <= 0:
            yield Skipped(where=clean(name, 300), what="more files than are read at once; name fewer")
            return
        if isinstance(path, Skipped):
            yield path
            continue
        found = _read(name, path, stdin)
        if isinstance(found, TextFile):
            left -= len(found.text)
        yield found


def _named(paths: Sequence[str]) -> Iterator[tuple[str, Path | Skipped | None]]:
    """Yield (name, path) of every file to read; standard input has no path, what cannot be listed is Skipped."""
    for given in dict.fromkeys(paths):
        if given == _DASH:
            yield STDIN, None
            continue
        path = Path(given)
        try:
            is_folder = path.is_dir()
        except (OSError, ValueError):
            is_folder = False
        if not is_folder:
            yield given, path
            continue
        problems: list[OSError] = []
        for folder, folders, names in os.walk(path, onerror=problems.append):
            folders[:] = sorted(item for item in folders if not item.startswith("."))
            for item in sorted(names):
                if Path(item).suffix.lower() in _SUFFIXES and not item.startswith("."):
                    yield str(Path(folder) / item), Path(folder) / item
        for problem in problems:
            name = str(problem.filename or given)
            yield name, Skipped(where=clean(name, 300), what=f"cannot be listed: {problem.strerror}")


def _read(name: str, path: Path | None, stdin: BinaryIO | None) -> TextFile | Skipped:
    where = clean(name, 300)
    try:
        if path is None:
            raw = (stdin or sys.stdin.buffer).read(_MAX_JSON + 1)
        else:
            with path.open("rb") as file:
                raw = file.read(_MAX_JSON + 1)
    except FileNotFoundError:
        return Skipped(where=where, what="there is no such file or folder")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        return Skipped(where=where, what=f"cannot be read: {clean(str(reason), 200)}")
    return _text(name, raw)


def _text(name: str, raw: bytes) -> TextFile | Skipped:
    where = clean(name, 300)
    is_json = raw[:1_000].lstrip()[:1] in (b"{", b"[")
    if len(raw) > (_MAX_JSON if is_json else _MAX_YAML):
        limit = (_MAX_JSON if is_json else _MAX_YAML) // 1_000_000
        hint = "" if is_json else "; split it, or write it as JSON"
        return Skipped(where=where, what=f"larger than {limit} MB{hint}")
    if b"\0" in raw[:8_000]:
        return Skipped(where=where, what="a binary file")
    try:
        return TextFile(name=name, text=raw.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        return Skipped(where=where, what=f"not UTF-8 text (byte {error.start})")
