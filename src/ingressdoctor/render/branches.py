"""Draw a tree: every node a wrapped paragraph, with lines that join it to its parent however narrow the page is."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ingressdoctor.render.sheet import Sheet, Span

__all__ = ["Branch", "draw"]


class Branch(msgspec.Struct, frozen=True, kw_only=True):
    """One node: what stands in its line, further lines of it, and the nodes below."""

    spans: tuple[Span, ...]
    lines: tuple[tuple[Span, ...], ...] = ()
    below: tuple[Branch, ...] = ()


def draw(sheet: Sheet, branches: Sequence[Branch], before: str = "") -> None:
    """Add the nodes, those below them indented; *before* is what stands left of them all."""
    tee, end, bar = ("├─ ", "└─ ", "│  ") if sheet.page.unicode else ("|- ", "`- ", "|  ")
    for number, branch in enumerate(branches, start=1):
        is_last = number == len(branches)
        under = before + ("   " if is_last else bar)
        own = under + (bar if branch.below else "   ")
        sheet.hang(*branch.spans, first=before + (end if is_last else tee), rest=own)
        for line in branch.lines:
            sheet.hang(*line, first=own, rest=own + "  ")
        draw(sheet, branch.below, under)
