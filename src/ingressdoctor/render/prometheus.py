"""A sweep in Prometheus' text format: stable metric names, all documented in docs/metrics.md.

Pure: a registry of its own is filled and written out, nothing global is touched and nothing is served. The values of
labels are names of targets, ids of checks, and names of sources and channels, so that their number stays bounded.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Final

import msgspec
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from ingressdoctor.model.report import Verdict
from ingressdoctor.model.sweep import SweepReport
from ingressdoctor.model.text import clean

__all__ = ["MAX_TARGETS", "Totals", "exposition", "totals_from"]

MAX_TARGETS: Final = 20_000
_MAX_TEXT: Final = 50_000_000
_NOTHING: Final[Mapping[str, int]] = MappingProxyType({})
_VALUES: Final[Mapping[Verdict, int]] = MappingProxyType(
    {Verdict.HEALTHY: 0, Verdict.DEGRADED: 1, Verdict.BROKEN: 2, Verdict.UNKNOWN: 3}
)


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """What only grows, over all sweeps so far; mappings are from a source or channel to a number.

    ``last_success`` is the end of the last sweep that could see and was not cut short, in seconds since 1970.
    """

    sweeps: int = 0
    requests: Mapping[str, int] = _NOTHING
    sent: Mapping[str, int] = _NOTHING
    failed: Mapping[str, int] = _NOTHING
    last_success: float = 0.0

    def after(self, report: SweepReport) -> Totals:
        """Return the totals with one more sweep; notifications are counted where they are sent."""
        whole = not report.offline and not report.interrupted
        return msgspec.structs.replace(
            self,
            sweeps=self.sweeps + 1,
            requests=MappingProxyType(dict(Counter(self.requests) + Counter(report.requests))),
            last_success=_end_of(report) if whole else self.last_success,
        )


def exposition(
    report: SweepReport, totals: Totals | None = None, *, verdicts: Mapping[str, Verdict] | None = None
) -> str:
    """Return the metrics of the last sweep.

    Args:
        report: The sweep.
        totals: What was counted until then, this sweep included; default: this sweep only.
        verdicts: Of all targets by name; default: of those in ``report.outcomes``, which has no healthy ones. Of more
            than ``MAX_TARGETS`` only so many are written, those that are not healthy first.
    """
    if verdicts is None:
        verdicts = {outcome.name: outcome.verdict for outcome in report.outcomes}
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Sweep(report, totals or Totals().after(report), verdicts))
    return generate_latest(registry).decode()


def totals_from(text: str) -> Totals:
    """Read totals out of metrics that were written before, so that counters go on after a restart; junk counts 0."""
    found: dict[str, dict[str, int]] = {"requests": {}, "sent": {}, "failed": {}}
    sweeps, last = 0, 0.0
    try:
        for family in text_string_to_metric_families(text[:_MAX_TEXT]):
            for sample in family.samples:
                if not math.isfinite(sample.value) or sample.value < 0:
                    continue
                match sample.name:
                    case "ingressdoctor_sweeps_total":
                        sweeps = int(sample.value)
                    case "ingressdoctor_sweep_last_success_timestamp_seconds":
                        last = sample.value
                    case "ingressdoctor_requests_total":
                        found["requests"][sample.labels.get("source", "")] = int(sample.value)
                    case "ingressdoctor_notifications_total" if sample.labels.get("result") in ("sent", "failed"):
                        found[sample.labels["result"]][sample.labels.get("channel", "")] = int(sample.value)
    except (ValueError, KeyError, IndexError, TypeError):
        # A file that somebody else wrote, or half of one. Counters may start anew at any time; that is their contract.
        return Totals()
    return Totals(sweeps=sweeps, last_success=last, **{name: MappingProxyType(pairs) for name, pairs in found.items()})


def _end_of(report: SweepReport) -> float:
    return round((report.started + timedelta(seconds=report.elapsed_s)).timestamp(), 3)


class _Sweep(Collector):
    """The metrics of one sweep, handed to a registry that lives as long as one page of text."""

    def __init__(self, report: SweepReport, totals: Totals, verdicts: Mapping[str, Verdict]) -> None:
        self._report, self._totals, self._verdicts = report, totals, verdicts

    def collect(self) -> Iterator[Metric]:
        """Return all metrics in the order of docs/metrics.md."""
        yield from self._of_the_sweep()
        yield from self._of_targets()
        yield from self._of_incidents()
        yield from self._of_totals()

    def _of_the_sweep(self) -> Iterator[Metric]:
        report, totals = self._report, self._totals
        build = GaugeMetricFamily("ingressdoctor_build_info", "The program; always 1.", labels=["version", "vantage"])
        build.add_metric([_label(report.version), _label(report.vantage)], 1)
        yield build
        yield _gauge("sweep_duration_seconds", "How long the last sweep took.", round(report.elapsed_s, 4))
        yield _gauge("sweep_last_timestamp_seconds", "When the last sweep ended.", _end_of(report))
        last = "When the last sweep ended that could see and was not cut short; 0: none yet."
        yield _gauge("sweep_last_success_timestamp_seconds", last, totals.last_success)
        yield _gauge("sweep_offline", "1 when nothing could be seen from here.", bool(report.offline))
        yield _gauge("sweep_interrupted", "1 when the last sweep was cut short.", report.interrupted)
        yield _gauge("sweep_skipped", "Targets, lines and kinds that were left out.", len(report.skipped))

    def _of_targets(self) -> Iterator[Metric]:
        counts = self._report.counts
        by_verdict = {
            "healthy": counts.healthy,
            "degraded": counts.degraded,
            "broken": counts.broken,
            "unknown": counts.unknown,
        }
        yield _labelled("targets", "Targets of the last sweep by verdict.", "verdict", by_verdict.items())
        yield _gauge("targets_suppressed", "Targets in maintenance or excused.", counts.suppressed)
        ranked = sorted(self._verdicts.items(), key=lambda pair: (-_VALUES[pair[1]], pair[0]))
        shown = sorted(ranked[:MAX_TARGETS])
        known = ((name, verdict is not Verdict.BROKEN) for name, verdict in shown if verdict is not Verdict.UNKNOWN)
        up = "1 when the target works, 0 when it is broken; none when that is not known."
        yield _labelled("target_up", up, "target", known)
        coded = "0 healthy, 1 degraded, 2 broken, 3 unknown."
        yield _labelled("target_verdict", coded, "target", ((name, _VALUES[verdict]) for name, verdict in shown))
        yield _gauge("targets_left_out", "Targets without metrics of their own.", counts.total - len(shown))

    def _of_incidents(self) -> Iterator[Metric]:
        active = [item for item in self._report.incidents if item.active]
        told = [item for item in active if not item.suppressed]
        number = Counter(item.cause.check_id for item in told)
        members: Counter[str] = Counter()
        for item in told:
            members[item.cause.check_id] += len(item.members)
        yield _labelled(
            "incident_active", "Incidents that are open, by the check that found the cause.", "check", number.items()
        )
        yield _labelled("incident_members", "Targets that these incidents break.", "check", members.items())
        yield _gauge("incidents_suppressed", "Open incidents that nobody is told of.", len(active) - len(told))

    def _of_totals(self) -> Iterator[Metric]:
        totals = self._totals
        sweeps = CounterMetricFamily("ingressdoctor_sweeps", "Sweeps so far.")
        sweeps.add_metric([], totals.sweeps)
        yield sweeps
        requests = CounterMetricFamily("ingressdoctor_requests", "Requests so far by source.", labels=["source"])
        for source, count in sorted(totals.requests.items()):
            requests.add_metric([_label(source)], count)
        yield requests
        about = "Notifications so far by channel and result."
        told = CounterMetricFamily("ingressdoctor_notifications", about, labels=["channel", "result"])
        for result, counted in (("sent", totals.sent), ("failed", totals.failed)):
            for channel, count in sorted(counted.items()):
                told.add_metric([_label(channel), result], count)
        yield told


def _gauge(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(f"ingressdoctor_{name}", about, value=float(value))


def _labelled(name: str, about: str, label: str, pairs: Iterable[tuple[str, float]]) -> Metric:
    family = GaugeMetricFamily(f"ingressdoctor_{name}", about, labels=[label])
    for value, number in pairs:
        family.add_metric([_label(value)], float(number))
    return family


def _label(text: str) -> str:
    return clean(text, 300)
