"""One sweep after the other over one session: targets, outcomes, incidents, and what is remembered and told of them.

Knows no target and no product. What the history or a notification cannot take costs the sweep nothing but a line.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, Protocol

import msgspec
from msgspec.structs import replace

from ingressdoctor.engine.incidents import Fold, Lifecycle, advance
from ingressdoctor.engine.session import ask
from ingressdoctor.engine.sweep import SweepSpec, sweep_targets
from ingressdoctor.errors import SourceError, UsageError
from ingressdoctor.evidence.discovery import Discovered
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.excuses import Suppression, Window, excuse_of
from ingressdoctor.model.history import State
from ingressdoctor.model.report import Verdict
from ingressdoctor.model.sweep import Counts, Incident, Outcome, SweepReport, SweepTarget
from ingressdoctor.notify.sent import SentLog
from ingressdoctor.sweeping.sources import shared_sources, without
from ingressdoctor.sweeping.targets import Filters, Targets, from_discovered
from ingressdoctor.wiring import Session

__all__ = ["Judging", "Memory", "SweepOptions", "Sweeper", "Teller", "Trouble", "Watcher"]

_DISCOVERY_S: Final = 120.0
_MOST_KEPT: Final = 10_000


class Trouble(Protocol):
    """Why not everything is remembered: ``history.Trouble``."""

    @property
    def message(self) -> str: ...  # noqa: D102 - see Trouble
    @property
    def hint(self) -> str: ...  # noqa: D102
    @property
    def lost(self) -> int: ...  # noqa: D102


class Memory(Protocol):
    """What remembers sweeps: ``history.History``."""

    @property
    def trouble(self) -> Trouble | None: ...  # noqa: D102 - see History
    @property
    def receipts(self) -> SentLog: ...  # noqa: D102

    def begin(self, started: datetime, vantage: str) -> int: ...  # noqa: D102 - see History
    def record(self, sweep: int, outcome: Outcome) -> None: ...  # noqa: D102
    def incidents(self) -> tuple[Incident, ...]: ...  # noqa: D102
    def save_incidents(self, sweep: int, incidents: Sequence[Incident]) -> None: ...  # noqa: D102
    def finish(self, sweep: int, report: SweepReport) -> None: ...  # noqa: D102
    def since(self, name: str, vantage: str | None = None) -> State | None: ...  # noqa: D102


class Teller(Protocol):
    """What tells of changes: ``notify.Notifier``."""

    def tell(self, report: SweepReport) -> None: ...  # noqa: D102 - see Notifier


class Watcher(Protocol):
    """Told of a sweep while it goes on; must not block."""

    def expect(self, total: int) -> None: ...  # noqa: D102 - how many targets there are
    def done(self, outcome: Outcome) -> None: ...  # noqa: D102 - one has ended


class Judging(Protocol):
    """Who judges targets instead of this process: ``fleet``."""

    def sources(self) -> Mapping[type, object]:
        """Begin a sweep: return what this process reads from, where it has to look itself."""
        ...

    async def judge(
        self, targets: Sequence[SweepTarget], take: Callable[[Outcome], None], stop: asyncio.Event
    ) -> Mapping[str, int]:
        """Hand *take* one outcome for each target; return how many requests were sent, by source."""
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


class Sweeper:
    """Sweeps over one session.

    Args:
        session: Open sources and a loaded catalog.
        options: How it is done.
        listed: The targets; None to look for them before every sweep.
        memory: Where results are kept; None keeps incidents from sweep to sweep in this process only.
        teller: Who tells of changes; None tells nobody.
        others: Who judges in place of this process, if anybody does.
    """

    def __init__(
        self,
        session: Session,
        options: SweepOptions,
        *,
        listed: Targets | None = None,
        memory: Memory | None = None,
        teller: Teller | None = None,
        others: Judging | None = None,
    ) -> None:
        self._session = session
        self._options = options
        self._listed = listed
        self._memory = memory
        self._teller = teller
        self._others = others
        self._incidents: tuple[Incident, ...] | None = None
        session.sources.calls.only_count()

    async def once(self, watcher: Watcher, stop: asyncio.Event) -> SweepReport:
        """Sweep once, and say what was found; also when stopped half-way.

        Raises:
            UsageError: there is no target, or a walk or check that does not exist was asked for.
            SourceError: targets were to be looked for, and nothing that names any could be read.
        """
        started, began = datetime.now(UTC), time.monotonic()
        counted = self._session.sources.calls.counts
        instead = self._begun()
        targets = self._listed if self._listed is not None else await self._discovered(instead)
        chosen = targets.filtered(self._options.filters)
        watcher.expect(len(chosen.items))
        sweep = self._memory.begin(started, self._options.spec.vantage) if self._memory else 0
        kept = _Kept(self._options, chosen.items, started, self._memory)

        def take(outcome: Outcome) -> None:
            outcome = kept.take(outcome)
            if self._memory:
                self._memory.record(sweep, outcome)
            watcher.done(outcome)

        theirs: Mapping[str, int] = {}
        if self._others is not None:
            theirs = await self._others.judge(chosen.items, take, stop)
        else:
            left = without(instead, probes=self._options.probes, inside=self._options.inside)
            await sweep_targets(self._session.run(stop=stop, instead=left), chosen.items, self._options.spec, take)
        requests = dict(Counter(self._requests(counted)) + Counter(theirs))
        report = kept.report(chosen, time.monotonic() - began, requests, stop.is_set())
        report = self._with_incidents(report, kept.fold)
        if self._memory:
            self._memory.save_incidents(sweep, report.incidents)
            self._memory.finish(sweep, report)
        if self._teller:
            self._teller.tell(report)
        return report

    def _begun(self) -> Mapping[type, object]:
        if self._others is not None:
            return self._others.sources()
        options = self._options
        return shared_sources(self._session.sources, overall=options.spec.at_once, each=options.per_origin)

    async def _discovered(self, instead: Mapping[type, object]) -> Targets:
        (found,) = await ask(self._session.run(instead=instead), (Discovered,), _DISCOVERY_S)
        if isinstance(found, Unavailable) or not isinstance(found, Discovered):
            raise SourceError(f"No target could be looked for: {getattr(found, 'reason', found)}.")
        targets = from_discovered(found)
        if not targets.items:
            why = f": {found.gaps[0].wanted} could not be read, {found.gaps[0].reason}" if found.gaps else ""
            hint = found.gaps[0].enable_with if found.gaps else "Give a list of targets: ingressdoctor sweep -f FILE"
            raise (SourceError if found.gaps else UsageError)(f"No target was found{why}.", hint=hint)
        return targets

    def _requests(self, before: dict[str, int]) -> dict[str, int]:
        now = self._session.sources.calls.counts
        return {name: count - before.get(name, 0) for name, count in now.items() if count > before.get(name, 0)}

    def _with_incidents(self, report: SweepReport, fold: Fold) -> SweepReport:
        if report.offline:
            # Who cannot see anything neither opens nor closes anything.
            known = self._known()
            return replace(report, incidents=known)
        ended = datetime.now(UTC)
        incidents, transitions = advance(
            self._known(), fold.causes(), fold.judged, ended, self._options.lifecycle, self._options.suppress
        )
        self._incidents = incidents
        return replace(report, incidents=incidents, transitions=transitions)

    def _known(self) -> tuple[Incident, ...]:
        """Return what is remembered; another sweep may have changed it since the last one of ours."""
        if self._memory is not None:
            return self._memory.incidents()
        return self._incidents or ()


class _Kept:
    """What is kept of a sweep's outcomes until its report is made."""

    def __init__(
        self, options: SweepOptions, targets: Sequence[SweepTarget], started: datetime, memory: Memory | None
    ) -> None:
        self.fold = Fold()
        self._options = options
        self._memory = memory
        self._recorded = {item.name for item in targets if item.only_record}
        self._asked = {item.name: item for item in targets} if options.maintenance else {}
        self._started = started
        self._outcomes: list[Outcome] = []
        self._dropped = 0

    def take(self, outcome: Outcome) -> Outcome:
        """Fold one outcome, and return it with its excuse."""
        item = self._asked.get(outcome.name)
        if item is not None:
            reason = excuse_of(self._options.maintenance, item.target.hostname, item.namespaces, outcome.started)
            outcome = replace(outcome, suppressed=reason)
        if outcome.broken and outcome.name in self._recorded and not self._worked(outcome.name):
            outcome = _dangling(outcome)
        self.fold.add(outcome)
        if self._options.keep_all or outcome.verdict is not Verdict.HEALTHY:
            if self._options.keep_all or len(self._outcomes) < _MOST_KEPT:
                self._outcomes.append(outcome if self._options.keep_all else replace(outcome, facts={}))
            else:
                self._dropped += 1
        return outcome

    def report(self, targets: Targets, elapsed_s: float, requests: dict[str, int], interrupted: bool) -> SweepReport:
        """Return the report, still without incidents."""
        counts, fold = self.fold.counts, self.fold
        done = sum(counts.values())
        skipped = list(targets.skipped)
        if done < len(targets.items):
            skipped.append(f"{len(targets.items) - done} targets: the sweep was stopped before their turn")
        if self._dropped:
            skipped.append(f"{self._dropped} outcomes are counted, but not listed one by one")
        return SweepReport(
            started=self._started,
            elapsed_s=elapsed_s,
            counts=Counts(
                healthy=counts[Verdict.HEALTHY],
                degraded=counts[Verdict.DEGRADED],
                broken=counts[Verdict.BROKEN],
                unknown=counts[Verdict.UNKNOWN],
                suppressed=fold.excused,
            ),
            outcomes=tuple(sorted(self._outcomes, key=lambda item: item.name)),
            warnings=fold.warnings(),
            offline=fold.offline(),
            requests=requests,
            skipped=tuple(skipped),
            vantage=self._options.spec.vantage,
            interrupted=interrupted,
        )


def _dangling(outcome: Outcome) -> Outcome:
    """Turn the failure of a name that nothing but a record holds, and that never worked, into warnings.

    Zones are full of names that were parked or forgotten; none of them is a reason to wake somebody.
    """
    return replace(
        outcome,
        verdict=Verdict.DEGRADED,
        headline=f"{outcome.name}: nothing but a DNS record names it, and it does not work. {outcome.headline}",
        causes=(),
        warnings=(*outcome.causes, *outcome.warnings),
    )
