"""Read untyped parts of objects without trusting their types. Nothing here knows what they mean, and nothing raises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["as_list", "as_map", "as_text"]


def as_map(value: object) -> Mapping[str, Any]:
    """Return a JSON object as a mapping, and anything else as an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> tuple[Any, ...]:
    """Return a JSON array as a tuple, and anything else as an empty one."""
    return tuple(value) if isinstance(value, (list, tuple)) else ()


def as_text(value: object) -> str:
    """Return a JSON string, and anything else as an empty one."""
    return value if isinstance(value, str) else ""
