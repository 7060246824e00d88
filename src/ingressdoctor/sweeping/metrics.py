"""Metrics of sweeps: what every target came to, written to a file and served while sweeps repeat.

Watches a sweep as progress does, and publishes its report. Knows neither sources nor checks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Final, Self

from msgspec.structs import replace

from ingressdoctor.model.report import Verdict
from ingressdoctor.model.sweep import Outcome, SweepReport
from ingressdoctor.notify.scrape import MetricsServer, listen_address, write_textfile
from ingressdoctor.render.prometheus import Totals, exposition, totals_from

__all__ = ["SweepMetrics"]

_MISSED: Final = 3
_GRACE_S: Final = 60.0
_MAX_FILE: Final = 50_000_000
_NOBODY: Final[Mapping[str, int]] = MappingProxyType({})


class SweepMetrics:
    """Where metrics go. A context manager; does nothing where neither a file nor an address is given.

    Args:
        textfile: The file to write; counters go on from what stands there.
        listen: ``HOST:PORT`` to serve ``/metrics`` and ``/healthz`` at, as the user wrote it; "" serves nothing.
        every_s: Seconds between sweeps: ``/healthz`` turns bad when three of them did not end.

    Raises:
        UsageError: *listen* is no address, or, on entering, cannot be listened on.
    """

    def __init__(self, *, textfile: str = "", listen: str = "", every_s: float = 0.0) -> None:
        self._textfile = textfile
        self._verdicts: dict[str, Verdict] = {}
        stale = _MISSED * every_s + _GRACE_S if every_s else 0.0
        self._server = MetricsServer(listen_address(listen), stale_after_s=stale) if listen else None
        self._totals = _read(textfile) if textfile else Totals()
        self._before = self._totals
        self._last: SweepReport | None = None

    @property
    def address(self) -> tuple[str, int] | None:
        """Where it listens, if it does."""
        return None if self._server is None else self._server.address

    @property
    def wanted(self) -> bool:
        """Whether anybody reads metrics."""
        return bool(self._textfile) or self._server is not None

    def expect(self, total: int) -> None:
        """Begin a sweep."""
        del total
        self._verdicts = {}

    def done(self, outcome: Outcome) -> None:
        """Take what one target came to."""
        if self.wanted:
            self._verdicts[outcome.name] = outcome.verdict

    def publish(
        self, report: SweepReport, *, sent: Mapping[str, int] = _NOBODY, failed: Mapping[str, int] = _NOBODY
    ) -> None:
        """Write and serve the metrics of a sweep; *sent* and *failed* count this process's notifications by channel.

        Raises:
            IngressDoctorError: the file cannot be written.
        """
        if not self.wanted:
            return
        self._totals = replace(
            self._totals.after(report), sent=_sum(self._before.sent, sent), failed=_sum(self._before.failed, failed)
        )
        self._last = report
        text = exposition(report, self._totals, verdicts=self._verdicts)
        if self._server is not None:
            self._server.publish(text)
        if self._textfile:
            write_textfile(self._textfile, text)

    def recount(self, *, sent: Mapping[str, int], failed: Mapping[str, int]) -> None:
        """Write the file once more at the end of the program, when it is known what became of the notifications.

        Raises:
            IngressDoctorError: the file cannot be written.
        """
        if self._last is None or not self._textfile:
            return
        totals = replace(self._totals, sent=_sum(self._before.sent, sent), failed=_sum(self._before.failed, failed))
        if totals != self._totals:
            self._totals = totals
            write_textfile(self._textfile, exposition(self._last, totals, verdicts=self._verdicts))

    def __enter__(self) -> Self:
        """Listen, if that was asked for."""
        if self._server is not None:
            self._server.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening; the file stays."""
        if self._server is not None:
            self._server.__exit__(kind, error, trace)


def _sum(before: Mapping[str, int], now: Mapping[str, int]) -> Mapping[str, int]:
    return MappingProxyType(dict(Counter(before) + Counter(now)))


def _read(path: str) -> Totals:
    """Return what was counted until now; no file, or another kind of file, counts nothing."""
    try:
        with Path(path).open("rb") as file:
            return totals_from(file.read(_MAX_FILE).decode("utf-8", "replace"))
    except OSError:
        return Totals()
