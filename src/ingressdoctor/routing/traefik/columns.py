"""Where in a rule the mistake is that Traefik complains about, as a column for the eye. Pure text work.

Go's parser gives a position itself; for matchers that Traefik refuses later, it is the place of their name.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["fault_column"]

_POSITION: Final = re.compile(r"(?:^|[: ])(\d{1,5}):(\d{1,6}): ")
_LITERAL: Final = re.compile(r"`[^`]*`|\"(?:[^\"\\]|\\.)*\"")
_NAMED: Final = re.compile(r"(?:unsupported function: |for matcher |adding rule |checking rule )([A-Za-z]{1,40})")
_VALUE: Final = re.compile(r'(?:path|invalid value) "([^"]{1,300})"')
_UNDEFINED: Final = re.compile(r"(\S{1,100}) is not defined")
_OPERATOR: Final = re.compile(r"(\S{1,2}) is not supported")


def fault_column(rule: str, detail: str) -> int | None:
    """Return the column in *rule*, counted from 1 in characters, that *detail* is about; None when it names none."""
    position = _POSITION.search(detail)
    if position is not None and position.group(1) == "1":
        return _characters(rule, int(position.group(2)))
    if found := _VALUE.search(detail):
        place = rule.find(found.group(1))
        return place + 1 if place >= 0 else None
    code = _LITERAL.sub(lambda match: "`" * len(match.group()), rule)  # so that nothing is found within literals
    if names := [name for name in _NAMED.findall(detail) if name not in ("and", "or")]:
        call = re.search(rf"\b{re.escape(names[-1])}\s*\(", code, re.IGNORECASE)
        return call.start() + 1 if call else None
    for pattern in (_UNDEFINED, _OPERATOR):
        if found := pattern.search(detail):
            place = code.find(found.group(1))
            return place + 1 if place >= 0 else None
    return None


def _characters(rule: str, column: int) -> int:
    """Turn a column in bytes into one in characters."""
    return len(rule.encode("utf-8", "replace")[: column - 1].decode("utf-8", "ignore")) + 1
