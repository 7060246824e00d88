"""One sweep after the other over one session: targets, outcomes, incidents, and what is remembered and told of them.

Knows no target and no product. What the history or a notification cannot take costs the sweep nothing but a line.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

from msgspec.structs import replace

from ingressdoctor.engine.incidents import Fold, advance
from ingressdoctor.engine.session import ask
from ingressdoctor.engine.sweep import sweep_targets
from ingressdoctor.errors import SourceError, UsageError
from ingressdoctor.evidence.discovery import Discovered
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.sweep import Incident, Outcome, SweepReport
from ingressdoctor.sweeping.garbage import spared
from ingressdoctor.sweeping.kept import Kept
from ingressdoctor.sweeping.options import Elsewhere, Judging, Memory, SweepOptions, Teller, Watcher
from ingressdoctor.sweeping.remembering import Remembering
from ingressdoctor.sweeping.sources import ROUTES, read_ahead, shared_sources, without
from ingressdoctor.sweeping.targets import Targets, from_discovered
from ingressdoctor.sweeping.waiting import unless_stopped
from ingressdoctor.wiring import Session

__all__ = ["Sweeper"]

_DISCOVERY_S: Final = 120.0
_STOPPED: Final = Targets(items=(), skipped=("all targets: the sweep was stopped before they were known",))


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
        self._listed = listed and listed.filtered(options.filters)
        self._memory = memory
        self._teller = teller
        self._others = others
        self._incidents: tuple[Incident, ...] = ()
        session.sources.calls.only_count()

    async def once(self, watcher: Watcher, stop: asyncio.Event) -> SweepReport:
        """Sweep once, and say what was found; also when stopped half-way, or before the targets were known.

        Raises:
            UsageError: there is no target, or a walk or check that does not exist was asked for.
            SourceError: targets were to be looked for, and nothing that names any could be read.
        """
        started, began = datetime.now(UTC), time.monotonic()
        counted = self._session.sources.calls.counts
        instead = self._begun()
        chosen = self._listed or await unless_stopped(self._discovered(instead), stop) or _STOPPED
        watcher.expect(len(chosen.items))
        remembering = Remembering(self._memory, stop)
        remembering.begin(started, self._options.spec.vantage)
        recorded = [item.name for item in chosen.named if item.only_record]
        kept = Kept(self._options, chosen.named, started, {*recorded} - await remembering.worked(recorded))

        def take(outcome: Outcome) -> None:
            outcome, remembered = kept.take(outcome)
            remembering.record(remembered)
            watcher.done(outcome)

        theirs = await self._judged(instead, chosen, take, stop)
        requests = dict(Counter(self._requests(counted)) + Counter(theirs.requests))
        chosen = replace(chosen, skipped=(*chosen.skipped, *theirs.notes))
        report = kept.report(chosen, time.monotonic() - began, requests, stop=stop.is_set(), cut=theirs.cut)
        known = await remembering.incidents(self._incidents)
        report = self._with_incidents(replace(report, version=self._session.version), kept.fold, known)
        await remembering.end(report)
        if self._teller:
            self._teller.tell(report)
        return report

    async def _judged(
        self, instead: Mapping[type, object], chosen: Targets, take: Callable[[Outcome], None], stop: asyncio.Event
    ) -> Elsewhere:
        """Judge here, or have it judged, until *stop* is set."""
        if not chosen.items:
            return Elsewhere()
        if self._others is not None:
            return await self._others.judge(chosen.items, take, stop)
        left = without(instead, probes=self._options.probes, inside=self._options.inside)
        await unless_stopped(read_ahead(left), stop)
        with spared():
            await sweep_targets(self._session.run(stop=stop, instead=left), chosen.items, self._options.spec, take)
        return Elsewhere()

    def _begun(self) -> Mapping[type, object]:
        if self._others is not None:
            return self._others.sources()
        options = self._options
        return shared_sources(self._session.sources, overall=options.spec.at_once, each=options.per_origin)

    async def _discovered(self, instead: Mapping[type, object]) -> Targets:
        await read_ahead(instead, ROUTES)
        (found,) = await ask(self._session.run(instead=instead), (Discovered,), _DISCOVERY_S)
        if isinstance(found, Unavailable) or not isinstance(found, Discovered):
            raise SourceError(f"No target could be looked for: {getattr(found, 'reason', found)}.")
        targets = from_discovered(found)
        if not targets.items:
            why = f": {found.gaps[0].wanted} could not be read, {found.gaps[0].reason}" if found.gaps else ""
            hint = found.gaps[0].enable_with if found.gaps else "Give a list of targets: ingressdoctor sweep -f FILE"
            raise (SourceError if found.gaps else UsageError)(f"No target was found{why}.", hint=hint)
        return targets.filtered(self._options.filters)

    def _requests(self, before: dict[str, int]) -> dict[str, int]:
        now = self._session.sources.calls.counts
        return {name: count - before.get(name, 0) for name, count in now.items() if count > before.get(name, 0)}

    def _with_incidents(self, report: SweepReport, fold: Fold, known: tuple[Incident, ...]) -> SweepReport:
        if report.offline:
            # Who cannot see anything neither opens nor closes anything.
            return replace(report, incidents=known)
        ended = datetime.now(UTC)
        incidents, transitions = advance(
            known, fold.causes(), fold.judged, ended, self._options.lifecycle, self._options.suppress
        )
        self._incidents = incidents
        return replace(report, incidents=incidents, transitions=transitions)
