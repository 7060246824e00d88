"""What is kept of a sweep until its report is made: folded causes, and the outcomes that are not healthy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Final

from msgspec.structs import replace

from ingressdoctor.engine.incidents import Fold
from ingressdoctor.model.excuses import excuse_of
from ingressdoctor.model.report import Verdict
from ingressdoctor.model.sweep import Counts, Outcome, SweepReport, SweepTarget
from ingressdoctor.model.target import Target
from ingressdoctor.sweeping.options import SweepOptions
from ingressdoctor.sweeping.targets import Targets

__all__ = ["Kept"]

_MOST_KEPT: Final = 10_000
_MOST_GAPS: Final = 5
_PARKED: Final = "nothing but a DNS record names it, and it never worked"


class Kept:
    """What is kept of a sweep's outcomes until its report is made."""

    def __init__(
        self, options: SweepOptions, named: Iterable[SweepTarget], started: datetime, parked: AbstractSet[str]
    ) -> None:
        """*named* are targets that objects name, *parked* names that nothing but a record holds, and never worked."""
        self.fold = Fold()
        self._options = options
        self._parked = parked
        self._namespaces = {item.name: item.namespaces for item in named} if options.maintenance else {}
        self._started = started
        self._outcomes: list[Outcome] = []
        self._dropped = 0

    def take(self, outcome: Outcome) -> tuple[Outcome, Outcome]:
        """Fold one outcome; return it with its excuse as it is reported, and as it is remembered."""
        if self._options.maintenance:
            hostname, namespaces = Target.parse(outcome.name).hostname, self._namespaces.get(outcome.name, ())
            reason = excuse_of(self._options.maintenance, hostname, namespaces, outcome.started)
            outcome = replace(outcome, suppressed=reason)
        if outcome.broken and outcome.name in self._parked:
            # Remembered as what it is: a name that works with warnings would count as one that has worked.
            remembered, outcome = replace(outcome, suppressed=outcome.suppressed or _PARKED), _dangling(outcome)
        else:
            remembered = outcome
        self.fold.add(outcome)
        if self._options.keep_all or outcome.verdict is not Verdict.HEALTHY:
            if self._options.keep_all or len(self._outcomes) < _MOST_KEPT:
                self._outcomes.append(outcome if self._options.keep_all else replace(outcome, facts={}))
            else:
                self._dropped += 1
        return outcome, remembered

    def report(
        self, targets: Targets, elapsed_s: float, requests: Mapping[str, int], *, stop: bool, cut: str = ""
    ) -> SweepReport:
        """Return the report, still without incidents; *cut* is why the sweep ended early where nobody stopped it."""
        counts, fold = self.fold.counts, self.fold
        done = sum(counts.values())
        skipped = list(targets.skipped)
        if done < len(targets.items):
            reason = cut or "the sweep was stopped before their turn"
            skipped.append(f"{len(targets.items) - done} targets: {reason}")
        skipped += fold.gaps(_MOST_GAPS)
        if self._dropped:
            skipped.append(f"{self._dropped} outcomes are counted, but not listed one by one")
        if fold.unlisted:
            skipped.append(f"{fold.unlisted} warnings of single targets are not listed one by one")
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
            interrupted=stop or bool(cut),
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
