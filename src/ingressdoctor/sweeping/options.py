"""How sweeps are done, and whom a sweep works with: what remembers, tells, watches, and judges elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from ingressdoctor.engine.incidents import Lifecycle
from ingressdoctor.engine.sweep import SweepSpec
from ingressdoctor.model.excuses import Suppression, Window
from ingressdoctor.model.sweep import Incident, Outcome, SweepReport, SweepTarget
from ingressdoctor.notify.sent import SentLog
from ingressdoctor.sweeping.targets import Filters

__all__ = ["Elsewhere", "Judging", "Memory", "SweepOptions", "Teller", "Trouble", "Watcher"]


class Trouble(Protocol):
    """Why not everything is remembered: ``history.Trouble``."""

    @property
    def message(self) -> str: ...  # noqa: D102 - see Trouble
    @property
    def hint(self) -> str: ...  # noqa: D102
    @property
    def waiting(self) -> int: ...  # noqa: D102
    @property
    def lost(self) -> int: ...  # noqa: D102


class Memory(Protocol):
    """What remembers sweeps: ``history.History``. ``announce``, ``record`` and ``save_incidents`` return at once."""

    @property
    def trouble(self) -> Trouble | None: ...  # noqa: D102 - see History
    @property
    def receipts(self) -> SentLog: ...  # noqa: D102

    def announce(self, started: datetime, vantage: str) -> int: ...  # noqa: D102 - see History
    def record(self, sweep: int, outcome: Outcome) -> None: ...  # noqa: D102
    def incidents(self) -> tuple[Incident, ...]: ...  # noqa: D102
    def save_incidents(self, sweep: int, incidents: Sequence[Incident]) -> None: ...  # noqa: D102
    def finish(self, sweep: int, report: SweepReport) -> None: ...  # noqa: D102
    def worked(self, names: Sequence[str]) -> frozenset[str]: ...  # noqa: D102


class Teller(Protocol):
    """What tells of changes: ``notify.Notifier``."""

    def tell(self, report: SweepReport) -> None: ...  # noqa: D102 - see Notifier


class Watcher(Protocol):
    """Told of a sweep while it goes on; must not block."""

    def expect(self, total: int) -> None: ...  # noqa: D102 - how many targets there are
    def done(self, outcome: Outcome) -> None: ...  # noqa: D102 - one has ended


class Elsewhere(msgspec.Struct, frozen=True, kw_only=True):
    """What came of judging elsewhere, beside the outcomes.

    ``requests`` were sent there, by source; ``notes`` belong into the report; ``cut`` is why it ended before every
    target had its outcome, where nobody stopped it.
    """

    requests: Mapping[str, int] = msgspec.field(default_factory=dict)
    notes: tuple[str, ...] = ()
    cut: str = ""


class Judging(Protocol):
    """Who judges targets instead of this process: ``fleet``."""

    def sources(self) -> Mapping[type, object]:
        """Begin a sweep: return what this process reads from, where it has to look itself."""
        ...

    async def judge(
        self, targets: Collection[SweepTarget], take: Callable[[Outcome], None], stop: asyncio.Event
    ) -> Elsewhere:
        """Hand *take* one outcome for each target, until *stop* is set."""
        ...


class SweepOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How sweeps are done. ``keep_all`` keeps healthy outcomes in the report too."""

    spec: SweepSpec = SweepSpec()
    filters: Filters = Filters()
    lifecycle: Lifecycle = Lifecycle()
    maintenance: tuple[Window, ...] = ()
    suppress: tuple[Suppression, ...] = ()
    per_origin: int = 8
    probes: bool = True
    inside: bool = True
    keep_all: bool = False
