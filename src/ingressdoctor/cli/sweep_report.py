"""What a sweep shows while it goes on, and the report that it writes when it has ended."""

from __future__ import annotations

import contextlib
import sys
from types import TracebackType
from typing import Final, Self

from ingressdoctor.cli.output import is_rich, page_for, write
from ingressdoctor.cli.sweep_options import SweepOutput
from ingressdoctor.model.sweep import Outcome, SweepReport
from ingressdoctor.render.sweep import render_sweep
from ingressdoctor.render.sweep_format import SweepFormat
from ingressdoctor.sweeping.metrics import SweepMetrics

__all__ = ["Screen", "write_report"]

_INTERRUPTED: Final = 3


class Screen:
    """Shows progress on a terminal, and writes outcomes as they come where that is the form."""

    def __init__(self, output: SweepOutput, metrics: SweepMetrics) -> None:
        self._metrics = metrics
        self._lines = output.form is SweepFormat.JSONL
        self._stack = contextlib.ExitStack()
        self._progress = None
        if is_rich(sys.stderr):
            from ingressdoctor.render.sweep_progress import SweepProgress

            self._progress = SweepProgress(sys.stderr, page_for(sys.stderr))

    def __enter__(self) -> Self:
        """Begin to show."""
        if self._progress is not None:
            self._stack.enter_context(self._progress)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wipe what was shown."""
        self._stack.close()

    def expect(self, total: int) -> None:
        """Say how many targets there are."""
        self._metrics.expect(total)
        if self._progress is not None:
            self._progress.expect(total)

    def done(self, outcome: Outcome) -> None:
        """Take one outcome."""
        self._metrics.done(outcome)
        if self._lines:
            from ingressdoctor.render.sweep_lines import outcome_line

            write(outcome_line(outcome))
        if self._progress is not None:
            self._progress.done(outcome)


def write_report(report: SweepReport, output: SweepOutput, *, strict: bool) -> int:
    """Write the report in the form asked for, and return the exit code that goes with it."""
    code = report.exit_code(strict=strict)
    if report.interrupted and code == 0:
        code = _INTERRUPTED
    if output.form is SweepFormat.NAGIOS:
        from ingressdoctor.render.sweep_nagios import nagios_code

        code = nagios_code(report)
    page = page_for(sys.stdout, verbose=output.verbose)
    write(render_sweep(report, format=output.form, page=page, exit_code=code))
    return code
