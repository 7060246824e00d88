"""Run sweeps and write their reports, once or on a schedule.

The first Ctrl-C or SIGTERM takes no more targets, lets those under way end, and reports; the second ends the process.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final, Self

from msgspec.structs import replace

from ingressdoctor.cli.options import RunChoice
from ingressdoctor.cli.output import is_rich, page_for, tell, write
from ingressdoctor.cli.running import stopping
from ingressdoctor.cli.sweep_options import SweepChoice, SweepOutput, SweepRepeat, WhichTargets
from ingressdoctor.cli.version import version
from ingressdoctor.config import Settings
from ingressdoctor.engine.incidents import Lifecycle
from ingressdoctor.engine.sweep import SweepSpec
from ingressdoctor.errors import UsageError
from ingressdoctor.model.sweep import Outcome, SweepReport
from ingressdoctor.render.sweep_format import SweepFormat
from ingressdoctor.sweeping.schedule import alone, interval_of, repeat
from ingressdoctor.sweeping.sweeper import Sweeper, SweepOptions
from ingressdoctor.sweeping.targets import Filters, read_list
from ingressdoctor.wiring import open_session

__all__ = ["SweepRequest", "run_sweeps"]

_INTERRUPTED: Final = 3
_EVERY_OUTCOME: Final = frozenset({SweepFormat.JUNIT})


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRequest:
    """One command to sweep."""

    settings: Settings
    which: WhichTargets = field(default_factory=WhichTargets)
    choice: SweepChoice = field(default_factory=SweepChoice)
    output: SweepOutput = field(default_factory=SweepOutput)
    repeat: SweepRepeat = field(default_factory=SweepRepeat)
    run: RunChoice = field(default_factory=RunChoice)

    @property
    def strict(self) -> bool:
        """Whether warnings count as broken."""
        return self.run.strict or self.settings.run.strict

    def options(self) -> SweepOptions:
        """What the sweeper is told.

        Raises:
            UsageError: two options exclude each other.
        """
        if self.choice.no_probe and self.choice.probe_only:
            raise UsageError("--no-probe and --probe-only leave nothing to look at.", hint="Give one of them, or none.")
        chosen, choice = self.settings.sweep, self.choice
        return SweepOptions(
            spec=SweepSpec(
                walk=self.run.walk,
                only=tuple(self.run.only or ()),
                skip=tuple(self.run.skip or ()),
                patterns=dict(self.settings.walks.patterns),
                at_once=choice.at_once or chosen.at_once,
                timeout_s=self.run.timeout or chosen.timeout_s,
                jitter_s=0.0 if choice.no_probe else chosen.jitter,
                vantage=choice.vantage or chosen.vantage,
            ),
            filters=Filters(
                match=tuple(self.which.match or chosen.match),
                exclude=(*chosen.exclude, *(self.which.exclude or ())),
                namespaces=tuple(self.which.namespace or chosen.namespaces),
            ),
            lifecycle=Lifecycle(
                open_after=chosen.open_after,
                close_after=chosen.close_after,
                flap_flips=chosen.flap_flips,
                flap_within=timedelta(seconds=chosen.flap_within),
            ),
            maintenance=chosen.maintenance,
            suppress=chosen.suppress,
            per_origin=choice.per_origin or chosen.per_origin,
            probes=not choice.no_probe,
            inside=not choice.probe_only,
            keep_all=self.output.verbose or self.output.form in _EVERY_OUTCOME,
        )


def run_sweeps(request: SweepRequest) -> int:
    """Sweep, write the report (or one after the other), and return the exit code of the last one.

    Raises:
        UsageError: an option, the list of targets, a walk or a check is wrong.
        SourceError: no target could be looked for.
    """
    return asyncio.run(_run(request))


async def _run(request: SweepRequest) -> int:
    options = request.options()
    every = interval_of(request.repeat.every) if request.repeat.every else 0.0
    path = request.which.file or request.settings.sweep.targets
    listed = read_list(path) if path else None
    code = 0
    async with contextlib.AsyncExitStack() as stack:
        if request.repeat.no_overlap:
            stack.enter_context(alone(_lock_path(request)))
        stop = await stack.enter_async_context(_stopping())
        session = await stack.enter_async_context(open_session(request.settings, version=version()))
        sweeper = Sweeper(session, options, listed=listed)

        async def once() -> None:
            nonlocal code
            with _Screen(request) as screen:
                report = await sweeper.once(screen, stop)
            code = _written(request, replace(report, version=version()))

        if every:
            await repeat(every, once, stop, lambda missed: tell(_late(missed)))
        else:
            await once()
    return code


def _late(missed: int) -> str:
    times = "once" if missed == 1 else f"{missed} times"
    return f"A sweep took longer than its interval: the next one was left out {times}."


def _lock_path(request: SweepRequest) -> Path:
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "ingressdoctor" / "sweep.lock"


class _Screen:
    """Shows progress on a terminal, and writes outcomes as they come where that is the form."""

    def __init__(self, request: SweepRequest) -> None:
        self._lines = request.output.form is SweepFormat.JSONL
        self._stack = contextlib.ExitStack()
        self._progress = None
        if is_rich(sys.stderr):
            from ingressdoctor.render.sweep_progress import SweepProgress

            self._progress = SweepProgress(sys.stderr, page_for(sys.stderr))

    def __enter__(self) -> Self:
        if self._progress is not None:
            self._stack.enter_context(self._progress)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def expect(self, total: int) -> None:
        """Say how many targets there are."""
        if self._progress is not None:
            self._progress.expect(total)

    def done(self, outcome: Outcome) -> None:
        """Take one outcome."""
        if self._lines:
            from ingressdoctor.render.sweep_lines import outcome_line

            write(outcome_line(outcome))
        if self._progress is not None:
            self._progress.done(outcome)


def _written(request: SweepRequest, report: SweepReport) -> int:
    from ingressdoctor.render.sweep import render_sweep

    code = _INTERRUPTED if report.interrupted and not report.exit_code() else report.exit_code(strict=request.strict)
    page = page_for(sys.stdout, verbose=request.output.verbose)
    write(render_sweep(report, format=request.output.form, page=page, exit_code=code))
    return code


@contextlib.asynccontextmanager
async def _stopping() -> AsyncIterator[asyncio.Event]:
    """Turn the first Ctrl-C or SIGTERM into an event; the second ends the process."""
    loop = asyncio.get_running_loop()
    async with stopping() as stop:
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(signal.SIGTERM, stop.set)
        try:
            yield stop
        finally:
            with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
                loop.remove_signal_handler(signal.SIGTERM)
