"""Match lines against all signatures of the chosen components (RE2 sets), and say which one counts.

Linear in the length of a line whatever it holds. The library is loaded with the first book, never before.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

from ingressdoctor.knowledge.lines import prepared
from ingressdoctor.knowledge.signatures import COMPONENTS, Signature, signatures_of

__all__ = ["Book", "book_of", "whole_book"]

# One automaton over everything would have a state for each mixture of half-matched patterns, and hostile lines would
# make many. Over some forty patterns each, lines made up from pieces of all others cost no more than ordinary ones.
_PATTERNS_PER_SET: Final = 40
_MEMORY_PER_SET: Final = 4 * 1024 * 1024


class Book:
    """The signatures of some components, ready to be matched; ``own`` is the component whose own patterns count."""

    __slots__ = ("_sets",)

    def __init__(self, signatures: Iterable[Signature], own: str = "") -> None:
        pairs = [
            (pattern, item)
            for item in signatures
            for pattern in (*item.patterns, *(item.own if item.component == own else ()))
        ]
        parts = (pairs[at : at + _PATTERNS_PER_SET] for at in range(0, len(pairs), _PATTERNS_PER_SET))
        self._sets = tuple((_compiled(pattern for pattern, _ in part), [item for _, item in part]) for part in parts)

    def matching(self, line: str) -> tuple[Signature, ...]:
        """Return every signature that is in the line, the one that counts first."""
        text = prepared(line).encode("utf-8", "replace")
        found: dict[str, Signature] = {}
        for compiled, owners in self._sets:
            for index in sorted(compiled.Match(text) or ()):
                found[owners[index].id] = owners[index]
        return tuple(sorted(found.values(), key=lambda item: -item.rank))

    def recognise(self, line: str) -> Signature | None:
        """Return the most specific signature of the line, or None for a line that means nothing here."""
        return next(iter(self.matching(line)), None)


def _compiled(patterns: Iterable[str]) -> Any:  # noqa: ANN401 - re2 has no types
    import re2  # a C++ library, loaded only where lines are read

    options = re2.Options()
    options.max_mem = _MEMORY_PER_SET
    options.log_errors = False
    made = re2.Set.SearchSet(options)
    for pattern in patterns:
        made.Add(pattern)
    made.Compile()
    return made


@lru_cache(maxsize=len(COMPONENTS))
def book_of(component: str) -> Book:
    """Return the book for a log that is known to be this component's: its signatures, and no others."""
    return Book(signatures_of(component), own=component)


@lru_cache(maxsize=len(COMPONENTS) + 1)
def whole_book(own: str = "") -> Book:
    """Return the book of all components; *own* is the one whose log is read, where that is known."""
    return Book((item for component in COMPONENTS for item in signatures_of(component)), own=own)
