"""Writes a string as TOML; reading it is tomllib's business."""

from __future__ import annotations

import json

__all__ = ["quoted"]


def quoted(text: str) -> str:
    """Return *text* as a basic string of TOML, whatever it holds; JSON escapes as TOML does, all but DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
