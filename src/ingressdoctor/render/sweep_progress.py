"""How far a sweep is, while it runs: one small block that is redrawn in place, on a terminal only.

Writes to the stream it is given, which is standard error; never to the report. Memory does not grow with the sweep.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from types import MappingProxyType, TracebackType
from typing import Final, Self, TextIO

import msgspec
from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.text import Text

from ingressdoctor.model.report import Verdict
from ingressdoctor.model.sweep import Outcome
from ingressdoctor.render.page import Page
from ingressdoctor.render.sheet import safe
from ingressdoctor.render.style import colour_of, glyph_of, status_of

__all__ = ["SweepProgress", "SweepSnapshot"]

_BAR: Final = 24
_LAST_BROKEN: Final = 3
_RATE_OVER_S: Final = 10.0


class SweepSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """How far it is. ``total`` is 0 as long as nobody knows; ``rate`` is hostnames a second, lately."""

    page: Page
    counts: Mapping[Verdict, int]
    total: int = 0
    elapsed_s: float = 0.0
    rate: float = 0.0
    broken: tuple[Outcome, ...] = ()

    @property
    def done(self) -> int:
        """How many hostnames are judged."""
        return sum(self.counts.values())

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw a bar with rate and time left, the counts, and what broke last."""
        of = f" of {self.total}" if self.total else ""
        known = f"{self.rate:.0f}/s" if self.rate >= 10 else f"{self.rate:.1f}/s"
        left = (self.total - self.done) / self.rate if self.total and self.rate else 0.0
        eta = f"  {_span(left)} left" if left else ""
        line = Text(f"{self.done}{of} hostnames  ", style="bold", no_wrap=True, overflow="ellipsis")
        if self.total:
            full = min(_BAR, _BAR * self.done // self.total)
            line += Text(("━" if self.page.unicode else "=") * full, style="green")
            line += Text(("─" if self.page.unicode else "-") * (_BAR - full) + "  ", style="dim")
        yield line + Text(f"{_span(self.elapsed_s)}  {known}{eta}", style="dim")
        told = Text("  ", no_wrap=True, overflow="ellipsis")
        for verdict in Verdict:
            if self.counts.get(verdict, 0):
                status = status_of(verdict)
                sign = f"{glyph_of(status, self.page)} {self.counts[verdict]} {verdict}  "
                told.append(sign, style=colour_of(status))
        yield told
        for outcome in self.broken:
            yield Text(f"  {safe(outcome.headline)}", style="red", no_wrap=True, overflow="ellipsis")


class SweepProgress:
    """Redraws the block while a sweep runs and leaves nothing behind; on what is no terminal it writes nothing."""

    def __init__(self, stream: TextIO, page: Page, total: int = 0) -> None:
        self._page, self._total = page, total
        self._counts: dict[Verdict, int] = {}
        self._broken: tuple[Outcome, ...] = ()
        self._started = time.monotonic()
        self._marks: deque[tuple[float, int]] = deque(((self._started, 0),), maxlen=128)
        self._live: Live | None = None
        if stream.isatty():
            console = Console(file=stream, width=page.width, no_color=not page.colour, highlight=False, markup=False)
            self._live = Live(console=console, transient=True, refresh_per_second=8, get_renderable=self.snapshot)

    def __enter__(self) -> Self:
        """Begin to draw."""
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wipe the block, also when a sweep ends with an error."""
        if self._live is not None:
            self._live.stop()

    def expect(self, total: int) -> None:
        """Say how many hostnames there are, once that is known."""
        self._total = total

    def done(self, outcome: Outcome) -> None:
        """Count one hostname."""
        self._counts[outcome.verdict] = self._counts.get(outcome.verdict, 0) + 1
        if outcome.verdict is Verdict.BROKEN:
            self._broken = (*self._broken, outcome)[-_LAST_BROKEN:]

    def snapshot(self) -> SweepSnapshot:
        """Return how far it is now."""
        now, counts = time.monotonic(), dict(self._counts)
        done = sum(counts.values())
        while len(self._marks) > 1 and now - self._marks[1][0] > _RATE_OVER_S:
            self._marks.popleft()
        since, before = self._marks[0]
        self._marks.append((now, done))
        return SweepSnapshot(
            page=self._page,
            counts=MappingProxyType(counts),
            total=self._total,
            elapsed_s=now - self._started,
            rate=(done - before) / (now - since) if now > since else 0.0,
            broken=self._broken,
        )


def _span(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60} s" if whole < 3600 else f"{whole // 3600} h {whole // 60 % 60} min"
