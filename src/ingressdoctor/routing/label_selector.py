"""Read a label selector as kubectl and controllers take it on their command lines (``a=b,c in (d, e),!f``).

The other form of a selector, an object with matchLabels, is the business of ``selectors.py``.

Source: kubernetes/apimachinery: pkg/labels/selector.go (Parse, Matches).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

import msgspec

__all__ = ["LabelSelector", "parse_selector"]

_KEY: Final = r"(?:[A-Za-z0-9.-]+/)?[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_VALUE: Final = r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)?"
_REQUIREMENT: Final = re.compile(
    rf"\s*(?:"
    rf"(?P<absent>!)\s*(?P<without>{_KEY})"
    rf"|(?P<key>{_KEY})(?:"
    rf"\s*(?P<compare>==|=|!=|<|>)\s*(?P<value>{_VALUE})"
    rf"|\s+(?P<set>in|notin)\s*\((?P<values>[^()]*)\)"
    rf")?)\s*(?P<end>,|$)"
)
_MAX_TEXT: Final = 10_000
_WORDS: Final = {"=": "in", "==": "in", "!=": "notin"}


class LabelSelector(msgspec.Struct, frozen=True):
    """Requirements that must all hold: key, operator (in, notin, exists, absent, <, >) and values."""

    requirements: tuple[tuple[str, str, frozenset[str]], ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Tell whether the labels satisfy every requirement; none at all is satisfied by anything."""
        return all(_holds(labels.get(key), operator, values) for key, operator, values in self.requirements)


def _holds(value: str | None, operator: str, values: frozenset[str]) -> bool:
    match operator:
        case "in":
            return value in values
        case "notin":
            return value not in values
        case "exists":
            return value is not None
        case "absent":
            return value is None
        case _:
            limit = next(iter(values))
            if value is None or not value.lstrip("+-").isdecimal() or not limit.isdecimal():
                return False
            return int(value[:30]) > int(limit[:30]) if operator == ">" else int(value[:30]) < int(limit[:30])


def parse_selector(text: str) -> LabelSelector | None:
    """Return the selector of a text, None when it is none that Kubernetes accepts."""
    if not text.strip():
        return LabelSelector()
    return _parsed(text) if len(text) <= _MAX_TEXT else None


# A sweep asks twice for each: whether a list can answer it, and what it selects.
@lru_cache(maxsize=1_024)
def _parsed(text: str) -> LabelSelector | None:
    found: list[tuple[str, str, frozenset[str]]] = []
    position = 0
    while True:
        match = _REQUIREMENT.match(text, position)
        if match is None:
            return None
        found.append(_requirement(match))
        position = match.end()
        if not match["end"]:
            return LabelSelector(tuple(found))


def _requirement(match: re.Match[str]) -> tuple[str, str, frozenset[str]]:
    if match["absent"]:
        return match["without"], "absent", frozenset()
    if match["compare"]:
        return match["key"], _WORDS.get(match["compare"], match["compare"]), frozenset([match["value"]])
    if match["set"]:
        return match["key"], match["set"], frozenset(word.strip() for word in match["values"].split(","))
    return match["key"], "exists", frozenset()
