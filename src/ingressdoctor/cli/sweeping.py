"""Run sweeps and write their reports, once or on a schedule.

The first Ctrl-C or SIGTERM takes no more targets, lets those under way end, and reports; the second ends the process.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

from ingressdoctor.cli.options import RunChoice
from ingressdoctor.cli.output import tell
from ingressdoctor.cli.running import stopping
from ingressdoctor.cli.sweep_memory import OpenMemory
from ingressdoctor.cli.sweep_options import SweepChoice, SweepOutput, SweepRepeat, WhichTargets
from ingressdoctor.cli.sweep_report import Screen, write_report
from ingressdoctor.cli.version import version
from ingressdoctor.config import Settings, override, state_folder
from ingressdoctor.engine.incidents import Lifecycle
from ingressdoctor.engine.sweep import SweepSpec
from ingressdoctor.errors import IngressDoctorError, SourceError, UsageError
from ingressdoctor.notify import Notifier
from ingressdoctor.render.sweep_format import SweepFormat
from ingressdoctor.sweeping.metrics import SweepMetrics
from ingressdoctor.sweeping.options import Judging, Memory, SweepOptions
from ingressdoctor.sweeping.schedule import alone, interval_of, repeat
from ingressdoctor.sweeping.sweeper import Sweeper
from ingressdoctor.sweeping.targets import Filters, Targets, read_list
from ingressdoctor.sweeping.waiting import aside, heard
from ingressdoctor.wiring import Session, open_session

__all__ = ["SweepRequest", "run_sweeps"]

_COULD_NOT_TELL: Final = 3
_EVERY_OUTCOME: Final = frozenset({SweepFormat.JUNIT, SweepFormat.PROMETHEUS})


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
        if "," in (choice.vantage or chosen.vantage) and not choice.dask:
            raise UsageError(
                "One machine is one vantage point.",
                hint="Several are workers of a Dask cluster: --dask tcp://host:8786",
            )
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
    code = 0
    async with contextlib.AsyncExitStack() as stack:
        if request.repeat.no_overlap:
            stack.enter_context(alone(_lock_path()))
        stop = await stack.enter_async_context(_stopping())
        listed = await _listed(request.which.file or request.settings.sweep.targets, stop)
        memory = await stack.enter_async_context(_memory(request, stop))
        history = memory.history
        notifier = await stack.enter_async_context(_notifier(request, every, history))
        session = await stack.enter_async_context(open_session(request.settings, version=version()))
        metrics = stack.enter_context(_metrics(request.output, every))
        others = _others(request, session, options)
        sweeper = Sweeper(session, options, listed=listed, memory=history, teller=notifier, others=others)

        async def once() -> None:
            nonlocal code
            with Screen(request.output, metrics) as screen:
                report = await sweeper.once(screen, stop)
            code = write_report(report, request.output, strict=request.strict)
            try:
                metrics.publish(report, sent=notifier.sent, failed=notifier.failed)
            except IngressDoctorError as error:
                tell(f"Error: {error.message}")
            if every:
                memory.complain()
            _complain(notifier)

        async def again() -> None:
            nonlocal code
            try:
                await once()
            except SourceError as error:
                # What could not be reached now may be there again next time: who keeps watch does not leave.
                code = _COULD_NOT_TELL
                tell(f"Error: {error.message} Trying again.")

        if every:
            await repeat(every, again, stop, lambda missed: tell(_late(missed)))
        else:
            try:
                await once()
            except SourceError as error:
                error.exit_code = _COULD_NOT_TELL
                raise
    # Notifications may have needed longer than the sweep.
    with contextlib.suppress(IngressDoctorError):
        metrics.recount(sent=notifier.sent, failed=notifier.failed)
    _complain(notifier)
    return code


async def _listed(path: str, stop: asyncio.Event) -> Targets | None:
    """Read the list of targets, if there is one; whoever types it, or waits for it, may press Ctrl-C."""
    if not path:
        return None
    reading = aside(lambda: read_list(path), "list")
    stopped = Targets(items=(), skipped=("all targets: the sweep was stopped before their list was read",))
    return await heard(reading, stop) or stopped


def _others(request: SweepRequest, session: Session, options: SweepOptions) -> Judging | None:
    """Return who judges instead of this process; what starts them is loaded only here."""
    choice = request.choice
    if choice.workers == 1 and not choice.dask:
        return None
    if choice.workers > 1 and choice.dask:
        raise UsageError("--workers and --dask are two ways to spread a sweep.", hint="Give one of them.")
    from ingressdoctor.fleet.work import Job

    job = Job(
        settings=request.settings,
        spec=options.spec,
        per_origin=options.per_origin,
        probes=options.probes,
        inside=options.inside,
        version=version(),
    )
    if not choice.dask:
        from ingressdoctor.fleet.processes import Processes

        return Processes(session, job, choice.workers)
    try:
        from ingressdoctor.fleet.cluster import DaskCluster
    except ImportError:
        raise UsageError(
            "--dask needs a library that is not installed.", hint="Install it: pip install 'ingressdoctor[fleet]'"
        ) from None
    return DaskCluster(session, job, choice.dask, _vantages(request))


def _vantages(request: SweepRequest) -> tuple[str, ...]:
    named = request.choice.vantage or request.settings.sweep.vantage
    return tuple(dict.fromkeys(word.strip() for word in named.split(",") if word.strip()))


def _metrics(output: SweepOutput, every_s: float) -> SweepMetrics:
    if output.metrics and not every_s:
        raise UsageError("--metrics serves while sweeps repeat.", hint="Add --every 5m, or use --prometheus-textfile.")
    return SweepMetrics(textfile=output.prometheus_textfile, listen=output.metrics, every_s=every_s)


def _late(missed: int) -> str:
    times = "once" if missed == 1 else f"{missed} times"
    return f"A sweep took longer than its interval: the next one was left out {times}."


def _lock_path() -> Path:
    return Path(state_folder(os.environ)) / "sweep.lock"


def _memory(request: SweepRequest, stop: asyncio.Event) -> OpenMemory:
    settings = request.settings
    if request.repeat.history:
        settings = override(settings, {"history.url": ("--history", request.repeat.history)})
    return OpenMemory(settings, stop, wanted=not request.repeat.no_history)


def _notifier(request: SweepRequest, every_s: float, history: Memory | None) -> Notifier:
    channels = () if request.repeat.no_notify else request.settings.notify
    return Notifier(channels, sent=None if history is None else history.receipts, every_s=every_s)


def _complain(notifier: Notifier) -> None:
    """Say on standard error who cannot be told, once, and who can be again."""
    for line in notifier.news():
        tell(line)


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
