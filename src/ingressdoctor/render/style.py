"""How statuses look: glyph and colour. The model knows neither."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ingressdoctor.model.finding import Status
from ingressdoctor.model.report import Verdict
from ingressdoctor.render.page import Page

__all__ = ["colour_of", "glyph_of", "status_of"]

_GLYPHS: Final[Mapping[Status, tuple[str, str]]] = MappingProxyType(
    {
        Status.PASS: ("✔", "+"),
        Status.WARN: ("‼", "!"),
        Status.FAIL: ("✖", "x"),
        Status.UNKNOWN: ("?", "?"),
        Status.SKIP: ("–", "-"),  # noqa: RUF001 - an en dash is meant
    }
)
_COLOURS: Final[Mapping[Status, str]] = MappingProxyType(
    {
        Status.PASS: "green",
        Status.WARN: "yellow",
        Status.FAIL: "bold red",
        Status.UNKNOWN: "magenta",
        Status.SKIP: "dim",
    }
)
_VERDICTS: Final[Mapping[Verdict, Status]] = MappingProxyType(
    {
        Verdict.HEALTHY: Status.PASS,
        Verdict.DEGRADED: Status.WARN,
        Verdict.BROKEN: Status.FAIL,
        Verdict.UNKNOWN: Status.UNKNOWN,
    }
)


def glyph_of(status: Status, page: Page) -> str:
    """Return the one-column sign of a status."""
    return _GLYPHS[status][0 if page.unicode else 1]


def colour_of(status: Status) -> str:
    """Return the rich style of a status."""
    return _COLOURS[status]


def status_of(verdict: Verdict) -> Status:
    """Return the status whose sign and colour a verdict wears."""
    return _VERDICTS[verdict]
