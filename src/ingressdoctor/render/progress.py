"""What is going on, while it is going on: a live tree on a terminal, plain lines elsewhere.

Writes to the stream it is given, which is standard error; never to the report. Told of events by the engine from the
event loop's thread; drawing happens in rich's own thread, from a snapshot.
"""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self, TextIO

import msgspec
from msgspec.structs import replace
from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.text import Text

from ingressdoctor.model.finding import Status
from ingressdoctor.model.report import CheckResult
from ingressdoctor.model.walk import Walk
from ingressdoctor.render.page import Page
from ingressdoctor.render.sheet import safe
from ingressdoctor.render.style import colour_of, glyph_of

__all__ = ["LiveProgress", "PlainProgress", "Snapshot"]

_MAX_PENDING = 4


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What is known so far; every event makes a new one."""

    page: Page
    target: str
    walk: Walk | None = None
    results: tuple[CheckResult, ...] = ()
    pending: tuple[str, ...] = ()
    started: float = msgspec.field(default_factory=time.monotonic)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw one line per step and one for what is being looked at."""
        elapsed = f"{time.monotonic() - self.started:.1f} s"
        yield Text(f"{safe(self.target)}  {elapsed}", style="bold", no_wrap=True, overflow="ellipsis")
        for number, step in enumerate(self.walk.steps if self.walk else (), start=1):
            done = [result.status for result in self.results if result.check.step == step.id]
            worst = max(done, key=lambda status: status.severity, default=None)
            sign = Text("  … " if self.page.unicode else "  . ", style="dim")
            if worst is not None:
                sign = Text(f"  {glyph_of(worst, self.page)} ", style=colour_of(worst))
            yield sign + Text(f"{number} {safe(step.question)}", no_wrap=True, overflow="ellipsis")
        if self.pending:
            more = f" and {len(self.pending) - _MAX_PENDING} more" if len(self.pending) > _MAX_PENDING else ""
            looking = ", ".join(safe(name) for name in self.pending[:_MAX_PENDING])
            yield Text(f"  looking at {looking}{more}", style="dim", no_wrap=True, overflow="ellipsis")


class LiveProgress:
    """Redraws a small tree in place and leaves nothing behind."""

    def __init__(self, stream: TextIO, page: Page, target: str) -> None:
        self._now = Snapshot(page=page, target=target)
        console = Console(file=stream, width=page.width, no_color=not page.colour, highlight=False, markup=False)
        self._live = Live(console=console, transient=True, refresh_per_second=8, get_renderable=lambda: self._now)

    def __enter__(self) -> Self:
        """Begin to draw."""
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wipe the tree, also when a run ends with an error."""
        self._live.stop()

    def walk_chosen(self, walk: Walk, ground: str) -> None:
        """Show the walk's steps."""
        del ground
        self._now = replace(self._now, walk=walk)

    def evidence_started(self, wanted: str) -> None:
        """Show what is being looked at."""
        self._now = replace(self._now, pending=(*self._now.pending, wanted))

    def evidence_done(self, wanted: str, ok: bool) -> None:
        """Take it off the list."""
        del ok
        self._now = replace(self._now, pending=tuple(name for name in self._now.pending if name != wanted))

    def check_done(self, result: CheckResult) -> None:
        """Show the step's state so far."""
        self._now = replace(self._now, results=(*self._now.results, result))


class PlainProgress:
    """Writes one line per event, for logs and pipes."""

    def __init__(self, stream: TextIO, page: Page) -> None:
        self._stream, self._page, self._started = stream, page, time.monotonic()

    def __enter__(self) -> Self:
        """Nothing to prepare."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing to wipe."""

    def walk_chosen(self, walk: Walk, ground: str) -> None:
        """Say which walk was chosen, and why."""
        self._line(f"walk {walk.id}: {ground}")

    def evidence_started(self, wanted: str) -> None:
        """Say nothing: the end of it is what matters in a log."""

    def evidence_done(self, wanted: str, ok: bool) -> None:
        """Say that something was looked at, or could not be."""
        self._line(f"looked at {wanted}" if ok else f"could not look at {wanted}")

    def check_done(self, result: CheckResult) -> None:
        """Say how a check ended, unless it does not apply."""
        if result.status is not Status.SKIP:
            self._line(f"{glyph_of(result.status, self._page)} {result.check.id}")

    def _line(self, text: str) -> None:
        self._stream.write(f"{time.monotonic() - self._started:6.2f} s  {safe(text)}\n")
