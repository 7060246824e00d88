"""Bring a line of any program into the one form that signatures are written for. Pure; lines are data, never trusted.

Colours go, and so do backslashes, so that a pattern need not know how often a message was quoted. An object (JSON) is
told in the order message, error, rest. Source: zerolog, logrus, klog, zap, and the container runtimes' JSON.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

__all__ = ["MAX_LINE", "looks_like_trouble", "prepared"]

MAX_LINE: Final = 8_000
_MAX_FIELDS: Final = 60
_ANSI: Final = re.compile(r"\x1b\[[0-9;]{0,20}[A-Za-z]")
_MESSAGES: Final = ("message", "msg", "Message", "MESSAGE", "log")
_ERRORS: Final = ("error", "err", "Error", "reason")
_TROUBLE: Final = re.compile(
    r"\b(level=(error|fatal|panic|err|warn|warning)\b|(ERR|FTL|PNC|WRN|ERROR|FATAL|CRITICAL|PANIC|WARN|WARNING)\b"
    r"|\[(error|crit|alert|emerg|warn|Error)\]|(error|alert|warning) {0,3}: )|^[^A-Za-z]{0,3}[EFW]\d{4} \d\d:"
    r"|\[(error|crit|alert|emerg|Error|FATAL)\]|\b[Ww]arning +[A-Z]|^Error[ :(]|\b(panic|fatal error): "
)


def prepared(line: str) -> str:
    """Return the line as patterns see it."""
    text = line[:MAX_LINE]
    if "\x1b" in text:
        text = _ANSI.sub("", text)
    start = text.find("{")
    if start >= 0 and text.rstrip().endswith("}"):
        text = _flat(text, start)
    return text.replace("\\", "")


def _flat(text: str, start: int) -> str:
    try:
        entry = msgspec.json.decode(text[start:].encode("utf-8", "replace"))
    except (msgspec.MsgspecError, RecursionError):
        return text
    if not isinstance(entry, dict) or not any(name in entry for name in (*_MESSAGES, *_ERRORS)):
        return text
    return text[:start] + _told(entry)


def _told(entry: dict[str, Any]) -> str:
    parts = [str(entry[name]) for name in _MESSAGES if isinstance(entry.get(name), str)]
    parts += [f'error="{entry[name]}"' for name in _ERRORS if isinstance(entry.get(name), str)]
    known = {*_MESSAGES, *_ERRORS}
    rest = [item for item in entry.items() if item[0] not in known][:_MAX_FIELDS]
    parts += [f"{name}={value}" for name, value in rest]
    return " ".join(parts)[:MAX_LINE]


def looks_like_trouble(text: str) -> bool:
    """Tell whether a prepared line is marked as a warning or an error by the program that wrote it."""
    return _TROUBLE.search(text) is not None
