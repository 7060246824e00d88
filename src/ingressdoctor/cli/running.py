"""Run diagnoses and write their reports: what ``diagnose``, ``lab run`` and ``demo`` share.

The first Ctrl-C stops a run, and what is known by then is reported; the second ends the process.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field

from ingressdoctor.cli.interrupts import NotedInterrupts
from ingressdoctor.cli.options import WATCH_S, Format, Output, Repeat, RunChoice
from ingressdoctor.cli.output import is_rich, page_for, tell, write
from ingressdoctor.cli.version import version
from ingressdoctor.config import Settings
from ingressdoctor.engine.observer import Observer
from ingressdoctor.model.report import Report
from ingressdoctor.model.target import Target
from ingressdoctor.wiring import RunOptions, Session, open_session

__all__ = ["Request", "run_request", "stopping"]

_INTERRUPTED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One command to diagnose. ``environ`` is where tokens are looked up, in place of the process's environment."""

    target: Target
    settings: Settings
    run: RunChoice
    output: Output
    repeat: Repeat = field(default_factory=Repeat)
    environ: Mapping[str, str] | None = field(default=None, repr=False)

    @property
    def strict(self) -> bool:
        """Whether warnings count as broken."""
        return self.run.strict or self.settings.run.strict

    def options(self) -> RunOptions:
        """What the session is asked."""
        return RunOptions(
            walk=self.run.walk,
            only=tuple(self.run.only or ()),
            skip=tuple(self.run.skip or ()),
            timeout_s=self.settings.run.timeout_s,
        )


def run_request(request: Request) -> int:
    """Diagnose, write the report (or, with ``--watch``, one after the other), and return the exit code.

    Raises:
        UsageError: a walk or check that does not exist was asked for.
        PluginError: a plugin is broken.
    """
    return asyncio.run(_run(request))


async def _run(request: Request) -> int:
    async with stopping() as stop, _opened(request) as session:
        if request.repeat.wait:
            return await _until_healthy(request, session, stop)
        code = await _once(request, session, stop)
        while request.repeat.watch is not None and not stop.is_set():
            if await _slept(request.repeat.watch, stop):
                break
            code = await _once(request, session, stop)
        return code


def _opened(request: Request) -> Session:
    return open_session(request.settings, version=version(), environ=request.environ)


async def _once(request: Request, session: Session, stop: asyncio.Event) -> int:
    report = await _report(request, session, stop)
    return _written(request, report)


async def _until_healthy(request: Request, session: Session, stop: asyncio.Event) -> int:
    pause, end = request.repeat.watch or WATCH_S, time.monotonic() + request.repeat.timeout_total
    while True:
        report = await _report(request, session, stop)
        left = end - time.monotonic()
        done = _code(request, report) == 0 or stop.is_set() or left <= 0
        if done or await _slept(min(pause, left), stop):
            return _written(request, report)
        tell(f"{report.diagnosis.headline} Trying again.")


async def _report(request: Request, session: Session, stop: asyncio.Event) -> Report:
    with contextlib.ExitStack() as stack:
        return await session.diagnose(request.target, request.options(), _observer(request, stack), stop)


def _observer(request: Request, stack: contextlib.ExitStack) -> Observer | None:
    """Return what shows the progress, if anybody looks: what draws is loaded only then."""
    page = page_for(sys.stderr)
    if is_rich(sys.stderr):
        from ingressdoctor.render.progress import LiveProgress

        return stack.enter_context(LiveProgress(sys.stderr, page, request.target.hostname))
    if request.output.verbose and sys.stderr is not None:
        from ingressdoctor.render.progress import PlainProgress

        return stack.enter_context(PlainProgress(sys.stderr, page))
    return None


def _code(request: Request, report: Report) -> int:
    return _INTERRUPTED if report.interrupted else report.exit_code(strict=request.strict)


def _written(request: Request, report: Report) -> int:
    code = _code(request, report)
    page = page_for(sys.stdout, verbose=request.output.verbose)
    match request.output.form:
        case Format.JSON:
            from ingressdoctor.render.json_v1 import report_to_json

            write(report_to_json(report, exit_code=code, compact=request.repeat.watch is not None))
        case Format.MARKDOWN:
            from ingressdoctor.render.markdown import report_to_markdown

            write(report_to_markdown(report, page))
        case Format.TERMINAL:
            from ingressdoctor.render.terminal import report_to_terminal

            write(report_to_terminal(report, page))
    return code


async def _slept(seconds: float, stop: asyncio.Event) -> bool:
    """Wait; True when it was cut short by Ctrl-C."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
    return stop.is_set()


@contextlib.asynccontextmanager
async def stopping() -> AsyncIterator[asyncio.Event]:
    """Turn the first Ctrl-C into an event; the second ends the process, whatever it is doing.

    Raises:
        KeyboardInterrupt: the first came before there was anything to stop.
    """
    stop, loop, before = asyncio.Event(), asyncio.get_running_loop(), signal.getsignal(signal.SIGINT)

    def pressed() -> None:
        stop.set()
        loop.remove_signal_handler(signal.SIGINT)
        # Not KeyboardInterrupt: raised inside an import or a destructor it shows as a traceback.
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    # Only the main thread of a POSIX process can listen for signals like this.
    with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
        loop.add_signal_handler(signal.SIGINT, pressed)
    try:
        if isinstance(before, NotedInterrupts) and before.pressed:
            raise KeyboardInterrupt
        yield stop
    finally:
        if not stop.is_set():
            with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
                loop.remove_signal_handler(signal.SIGINT)
                signal.signal(signal.SIGINT, before)
