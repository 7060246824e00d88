"""Say what Traefik makes of a duration in an object: a number of seconds, or Go's own form. No default is known here.

Source: paerser: types/duration.go (Set); Go: time.ParseDuration.
"""

from __future__ import annotations

import re
from typing import Final

from ingressdoctor.routing.durations import parse_duration

__all__ = ["duration_problem"]

_SECONDS: Final = re.compile(r"[+-]?[0-9]{1,19}")
_PARTS: Final = re.compile(r"[+-]?(?:(?:\d+\.?\d*|\.\d+)[^.\d]+)*?(?:\d+\.?\d*|\.\d+)(?P<unit>[^.\d]*)", re.ASCII)
_UNITS: Final = frozenset(["ns", "us", "µs", "μs", "ms", "s", "m", "h"])
_MAX_TEXT: Final = 200


def duration_problem(value: object) -> str:
    """Return why a duration is refused, in Go's words; empty when it is taken."""
    text = str(value)
    if _SECONDS.fullmatch(text) or parse_duration(text) is not None:
        return ""
    shown = f'"{text[:_MAX_TEXT]}"'
    found = _PARTS.match(text) if len(text) <= _MAX_TEXT else None
    if found is not None and not found["unit"]:
        return f"time: missing unit in duration {shown}"
    if found is not None and found["unit"] not in _UNITS:
        return f'time: unknown unit "{found["unit"]}" in duration {shown}'
    return f"time: invalid duration {shown}"
