"""Spans of time as they are typed: 90s, 5m, 12h, 7d, 2w. Parsing only."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

from ingressdoctor.errors import UsageError
from ingressdoctor.model.text import clean

__all__ = ["duration"]

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_FORM: Final = re.compile(r"(\d{1,7})\s?([smhdw])")
_MOST: Final = timedelta(days=3650)


def duration(text: str, option: str) -> timedelta:
    """Read a span of time.

    Raises:
        UsageError: it is none, or not between a second and ten years; the message names *option*.
    """
    found = _FORM.fullmatch(text.strip().lower())
    span = timedelta(seconds=int(found[1]) * _UNITS[found[2]]) if found else timedelta(0)
    if not timedelta(0) < span <= _MOST:
        raise UsageError(
            f"{option} {clean(text, 40)!r} is not a span of time.", hint="A number and s, m, h, d or w: 90s, 12h, 7d."
        )
    return span
