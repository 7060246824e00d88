"""Short words for tests of the history: minutes since a beginning, and looks at a host."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from build.sweep import STARTED, degraded, healthy, outcome, unknown
from ingressdoctor.history import History
from ingressdoctor.model.sweep import Counts, Outcome, SweepReport

HOST = "shop001.example.org"
KINDS = {"up": healthy, "warn": degraded, "down": outcome, "unknown": unknown}


def at(minutes: float) -> datetime:
    """So many minutes after the beginning."""
    return STARTED + timedelta(minutes=minutes)


def look(
    kind: str, minutes: float, name: str = HOST, facts: Mapping[str, str] | None = None, **over: object
) -> Outcome:
    """One look at a host: up, warn, down or unknown."""
    return KINDS[kind](name, started=at(minutes), facts=dict(facts or {}), **over)


def sweep(history: History, *outcomes: Outcome, vantage: str = "eu") -> int:
    """One whole sweep that came back with *outcomes*."""
    first = min((one.started for one in outcomes), default=STARTED)
    number = history.begin(first, vantage)
    for one in outcomes:
        history.record(number, one)
    history.finish(number, report(first, len(outcomes)))
    assert history.trouble is None
    return number


def report(started: datetime, targets: int = 1, **over: object) -> SweepReport:
    """The end of a sweep."""
    given: dict[str, object] = {"started": started, "elapsed_s": 2.0, "counts": Counts(healthy=targets)}
    return SweepReport(**given | over)  # type: ignore[arg-type]
