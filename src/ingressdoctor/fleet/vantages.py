"""The same target seen from several places: one outcome, with their disagreement as a finding of its own. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from msgspec.structs import replace

from ingressdoctor.model.report import Verdict
from ingressdoctor.model.sweep import Outcome, SweptCause

__all__ = ["Gathering", "merged"]

_WORST_LAST: Final = (Verdict.UNKNOWN, Verdict.HEALTHY, Verdict.DEGRADED, Verdict.BROKEN)


def merged(seen: Sequence[Outcome]) -> Outcome:
    """Return what several places found about one target as one outcome.

    The worst that some place saw counts; a place that could not see says nothing against one that could. Where places
    disagree, a warning names who saw what.
    """
    worst = max(seen, key=lambda item: _WORST_LAST.index(item.verdict))
    outcome = replace(
        worst,
        vantage=",".join(item.vantage for item in seen),
        causes=_without_doubles(cause for item in seen if item.verdict is worst.verdict for cause in item.causes),
        warnings=_without_doubles(cause for item in seen for cause in item.warnings),
        unseen=tuple(dict.fromkeys(text for item in seen for text in item.unseen)),
        symptoms=tuple(dict.fromkeys(symptom for item in seen for symptom in item.symptoms)),
    )
    told = [item for item in seen if item.verdict is not Verdict.UNKNOWN]
    if len({_view(item) for item in told}) < 2:
        return outcome
    return replace(outcome, warnings=(_disagreement(told), *outcome.warnings))


def _view(outcome: Outcome) -> str:
    return f"{outcome.verdict} {outcome.causes[0].key if outcome.causes else ''}"


def _disagreement(told: Sequence[Outcome]) -> SweptCause:
    words = []
    for item in told:
        why = f" ({item.causes[0].check_id})" if item.causes else ""
        words.append(f"{item.verdict} from {item.vantage}{why}")
    return SweptCause(
        check_id="vantage.disagreement",
        subject=told[0].name,
        summary=f"{told[0].name} is {', '.join(words)}.",
        hop="between the vantage points",
        remedy="Look from the place that sees it broken: a route, a resolver or a point of presence differs there.",
    )


def _without_doubles(causes: Iterable[SweptCause]) -> tuple[SweptCause, ...]:
    return tuple({cause.key: cause for cause in causes}.values())


class Gathering:
    """Holds outcomes back until every vantage point has told its own."""

    def __init__(self, vantages: Sequence[str], take: Callable[[Outcome], None]) -> None:
        self._vantages = tuple(vantages)
        self._take = take
        self._waiting: dict[str, list[Outcome]] = {}

    def add(self, outcome: Outcome) -> None:
        """Take one outcome of one place; hand on all of a target as one when they are there."""
        seen = self._waiting.setdefault(outcome.name, [])
        seen.append(outcome)
        if len(seen) == len(self._vantages):
            self._hand_on(self._waiting.pop(outcome.name))

    def rest(self) -> None:
        """Hand on what only some places told, when nothing more will come."""
        waiting, self._waiting = self._waiting, {}
        for seen in waiting.values():
            self._hand_on(seen)

    def _hand_on(self, seen: Sequence[Outcome]) -> None:
        # In the order asked for, not of arrival: the history tells places apart by that name.
        self._take(merged(sorted(seen, key=lambda item: self._vantages.index(item.vantage))))
