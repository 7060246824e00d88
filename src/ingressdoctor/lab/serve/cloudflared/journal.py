"""cloudflared's log lines: zerolog's console form, or JSON with `--output json`.

Source: logger/console.go, and zerolog's ConsoleWriter: time, level, message, then error and the other fields by name.
An event without a message leaves two spaces.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime

from ingressdoctor.lab.serve.buffer import Buffer

LEVELS = {"debug": 0, "info": 1, "warn": 2, "error": 3, "fatal": 4}
_SHORT = {"debug": "DBG", "info": "INF", "warn": "WRN", "error": "ERR", "fatal": "FTL"}


class Journal:
    """Writes one process's events into its container's buffer."""

    def __init__(self, buffer: Buffer, *, level: str = "info", as_json: bool = False) -> None:
        self._buffer = buffer
        self._least = LEVELS.get(level, LEVELS["info"])
        self._as_json = as_json

    def write(self, level: str, message: str = "", *, at: datetime | None = None, **fields: object) -> None:
        """One event, stamped *at* or now, unless the level hides it."""
        self.event(level, fields, message, at=at)

    def event(self, level: str, fields: Mapping[str, object], message: str = "", *, at: datetime | None = None) -> None:
        """As write, with the fields in one piece."""
        if LEVELS[level] < self._least:
            return
        stamp = (at or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")
        if self._as_json:
            said = {"message": message} if message else {}
            self._buffer.append(json.dumps({"level": level, **fields, "time": stamp, **said}, default=str))
            return
        ordered = sorted(fields.items(), key=lambda item: (item[0] != "error", item[0]))
        shown = "".join(f" {key}={_quoted(value)}" for key, value in ordered)
        self._buffer.append(f"{stamp} {_SHORT[level]} {message}{shown}")

    def plain(self, text: str) -> None:
        """What cloudflared prints past its log: the error it ends with."""
        self._buffer.append(text)


def _quoted(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    plain = str(value)
    needs = any(char <= " " or char > "~" or char in '"\\' for char in plain)
    return json.dumps(plain, ensure_ascii=False) if needs else plain
