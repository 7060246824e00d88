"""Durations as Go writes them (``1m30s``), for the programs written in it. Nothing else is read here.

Source: Go time.ParseDuration.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["duration_error", "parse_duration"]

_MAX_INT: Final = 2**63 - 1
_MAX_DURATION: Final = 200  # characters; longer ones hold nothing but zeros
_UNITS: Final = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3_600 * 10**9,
}
_SPLIT: Final = re.compile(r"([0-9]*(?:\.[0-9]*)?)([^.0-9]*)(.*)", re.DOTALL)
_PART: Final = re.compile(r"(?P<whole>[0-9]*)(?:\.(?P<rest>[0-9]*))?(?P<unit>[^.0-9]+)")


def parse_duration(text: str) -> int | None:
    """Return a Go duration (``1m30s``) in nanoseconds, or None where Go refuses it."""
    body = text[1:] if text[:1] in ("-", "+") else text
    if body == "0":
        return 0
    if not body or len(body) > _MAX_DURATION:
        return None
    total, place = 0, 0
    while place < len(body):
        part = _PART.match(body, place)
        nanoseconds = None if part is None else _one_duration(part)
        if part is None or nanoseconds is None:
            return None
        total += nanoseconds
        if total > _MAX_INT + 1:
            return None
        place = part.end()
    if text[0] == "-":
        return -total
    return total if total <= _MAX_INT else None


def _one_duration(part: re.Match[str]) -> int | None:
    whole, rest, unit = part["whole"], part["rest"] or "", part["unit"]
    scale = _UNITS.get(unit)
    if scale is None or not (whole or rest):
        return None
    if int(whole or "0") > (_MAX_INT + 1) // scale:
        return None
    return int(whole or "0") * scale + (int(rest) * scale // 10 ** len(rest) if rest else 0)


def duration_error(text: str) -> str:
    """Return Go's words for a text that is no duration, and the empty string for one that is."""
    if parse_duration(text) is not None:
        return ""
    shown = f'"{text[:_MAX_DURATION]}"'
    body = text[1:] if text[:1] in ("-", "+") else text
    while body and len(body) <= _MAX_DURATION:
        number, unit, rest = _SPLIT.findall(body)[0]
        if not number.strip("."):
            break
        if not unit:
            return f"time: missing unit in duration {shown}"
        if unit not in _UNITS:
            return f'time: unknown unit "{unit}" in duration {shown}'
        body = rest
    return f"time: invalid duration {shown}"
