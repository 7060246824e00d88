"""What can be proven about path patterns without running them: everything, nothing, one inside another.

A path of a real request begins with a slash and has no query. Where nothing can be proven, nothing is said: patterns
are only compared in the simple shapes in which people write them.

Source: Go regexp/syntax; cloudflared ingress/rule.go (an unanchored search in the decoded path).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

import msgspec

__all__ = ["covers", "is_everything", "never_matches", "wants_query", "weight_of"]

_META: Final = frozenset("\\.+*?()|[]{}^$")
_TRAILING: Final = re.compile(r"(?:\.[*]\??|\(\.\*\)|\(/\.\*\)\?|[A-Za-z0-9/_-][*?])\Z")
_ESCAPED: Final = re.compile(r"\\([^A-Za-z0-9])")
_ATOM: Final = re.compile(r"\\[^A-Za-z0-9]|[^\\]")
_LITERAL: Final = re.compile(r"\A((?:\\[^A-Za-z0-9]|[^\\.+*?()|\[\]{}^$])*).*\Z", re.DOTALL)
_COUNT: Final = re.compile(r"\{(?:[0-9]{1,4},)?([0-9]{1,4})")
_UNICODE: Final = 300  # how much heavier a class of Unicode is than one of ASCII
_QUERY: Final = re.compile(r"(?:\\\?|\[\?\])[A-Za-z_]")


def weight_of(pattern: str) -> int:
    """Estimate what it costs to compile a pattern, in characters of a plain one."""
    repeated = max((int(count) for count in _COUNT.findall(pattern)), default=1)
    return len(pattern) * max(repeated, 1) * (_UNICODE if "\\p" in pattern or "\\P" in pattern else 1)


class _Shape(msgspec.Struct, frozen=True):
    """A pattern that needs just one literal: at the beginning (``start``), up to the end (``end``), or anywhere."""

    text: str
    start: bool
    end: bool


def is_everything(pattern: str) -> bool:
    """Tell whether a pattern matches every path, proven."""
    shape = _shape(pattern)
    if shape is None:
        return False
    return not (shape.start and shape.end) if not shape.text else shape.text == "/" and not shape.end


def covers(wide: str, narrow: str) -> bool:
    """Tell whether every path that *narrow* matches is matched by *wide*, proven. An empty pattern is no filter."""
    if not wide or wide == narrow or is_everything(wide):
        return True
    outer = _shape(wide)
    if outer is None or not narrow:
        return False
    inner = _shape(narrow) or _demanded(narrow)
    return inner is not None and _contains(outer, inner)


def _contains(outer: _Shape, inner: _Shape) -> bool:
    """Tell whether a text that has *inner* has *outer*: both ends demanded by the outer must be fixed by the inner."""
    if outer.start and outer.end:
        return inner.start and inner.end and inner.text == outer.text
    if outer.start:
        return inner.start and inner.text.startswith(outer.text)
    if outer.end:
        return inner.end and inner.text.endswith(outer.text)
    return outer.text in inner.text


def never_matches(pattern: str) -> bool:
    """Tell whether a pattern is anchored to a beginning that no path has, proven."""
    body = pattern[1:]
    if not pattern.startswith("^") or not body or "|" in body:
        return False
    literal = _ESCAPED.sub(r"\1", body[:2]) if body[0] == "\\" else body[:1]
    if len(literal) != 1 or literal in "/*" or (body[0] in _META and body[0] != "\\"):
        return False
    following = body[2:3] if body[0] == "\\" else body[1:2]
    return following not in ("?", "*", "{")


def wants_query(pattern: str) -> bool:
    """Tell whether a pattern looks for a query string, which cloudflared does not show it."""
    return _QUERY.search(pattern) is not None


@lru_cache(maxsize=8_192)
def _shape(pattern: str) -> _Shape | None:
    """Return the shape of a pattern that is one literal, apart from optional rests; None for all others."""
    start = pattern.startswith("^")
    body = pattern[1:] if start else pattern
    end = body.endswith("$") and not body.endswith("\\$")
    if end:
        body = body[:-1]
    else:
        while (found := _TRAILING.search(body)) and not _is_escaped(body, found.start()):
            body = body[: found.start()]
    if not start:
        body = body.removeprefix(".*")
    literal = _ESCAPED.sub("", body)
    if _META.intersection(literal):
        return None
    return _Shape(_ESCAPED.sub(r"\1", body), start, end)


def _is_escaped(body: str, place: int) -> bool:
    before = body[:place]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 1


def _demanded(pattern: str) -> _Shape | None:
    """Return the literal at the beginning of a pattern that every match has, or None where there is none to see."""
    if "|" in pattern or "(?" in pattern:
        return None
    start = pattern.startswith("^")
    body = pattern[1:] if start else pattern
    atoms: list[str] = _ATOM.findall(_LITERAL.sub(r"\1", body, count=1))
    following = body[sum(map(len, atoms)) :][:1]
    if following in ("?", "*", "{"):
        atoms = atoms[:-1]  # what is optional is not demanded
    return _Shape("".join(atom[-1] for atom in atoms), start, end=False) if atoms else None
