"""What may be told while a run is going on. Progress never enters a report."""

from __future__ import annotations

from typing import Protocol

from ingressdoctor.model.report import CheckResult
from ingressdoctor.model.walk import Walk

__all__ = ["Observer", "Silent"]


class Observer(Protocol):
    """Told of events in the order they happen, from the event loop's thread; must not block."""

    def walk_chosen(self, walk: Walk, ground: str) -> None:
        """A walk was chosen, on *ground*."""

    def evidence_started(self, wanted: str) -> None:
        """Collecting *wanted* begins."""

    def evidence_done(self, wanted: str, ok: bool) -> None:
        """Collecting *wanted* ended; *ok* False means it is unavailable."""

    def check_done(self, result: CheckResult) -> None:
        """A check has judged."""


class Silent:
    """An observer that tells nobody."""

    def walk_chosen(self, walk: Walk, ground: str) -> None:
        """Say nothing."""

    def evidence_started(self, wanted: str) -> None:
        """Say nothing."""

    def evidence_done(self, wanted: str, ok: bool) -> None:
        """Say nothing."""

    def check_done(self, result: CheckResult) -> None:
        """Say nothing."""
