"""Fold outcomes into incidents, one for each cause, and take those from sweep to sweep. Pure: the time is handed in.

A cause that breaks five hundred targets is one incident. What was not judged in a sweep (filtered away, unknown, this
machine offline) neither opens nor closes anything. A cause that comes and goes is one incident that flaps.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec
from msgspec.structs import replace

from ingressdoctor.model.excuses import Suppression, suppression_of
from ingressdoctor.model.report import Verdict
from ingressdoctor.model.sweep import Incident, IncidentState, Outcome, SweptCause, Transition
from ingressdoctor.model.symptom import Symptom

__all__ = ["Fold", "Folded", "Lifecycle", "advance"]

_FAMILY: Final = uuid.UUID("6f0c5d1e-7d0b-4f0e-9b60-9f4c2f1b8a11")
_MOST_FLIPS: Final = 50
_MOST_GAPS: Final = 1_000
_MOST_WARNINGS: Final = 10_000
_LONGEST_GAP: Final = 200


class Lifecycle(msgspec.Struct, frozen=True, kw_only=True):
    """How many sweeps in a row open and close an incident, and how many flips within which time make it flap."""

    open_after: int = 1
    close_after: int = 1
    flap_flips: int = 4
    flap_within: timedelta = timedelta(hours=1)


class Folded(msgspec.Struct, frozen=True, kw_only=True):
    """One cause in one sweep: the targets that it breaks, sorted, and why they may all be broken, if so."""

    cause: SweptCause
    members: tuple[str, ...]
    symptoms: tuple[Symptom, ...] = ()
    excused: str = ""


class Fold:
    """Takes outcomes one by one and keeps what they have in common."""

    def __init__(self) -> None:
        self._members: dict[str, set[str]] = {}
        self._excused: dict[str, dict[str, str]] = {}
        # Several checks may blame the same thing: whichever most targets name speaks for all.
        self._causes: dict[str, dict[str, tuple[int, SweptCause]]] = {}
        self._symptoms: dict[str, dict[Symptom, None]] = {}
        self._warned: dict[str, set[str]] = {}
        self._warnings: dict[str, SweptCause] = {}
        self.judged: set[str] = set()
        self.counts = dict.fromkeys(Verdict, 0)
        self.excused = 0
        self.unlisted = 0
        self.blind: dict[str, int] = {}
        self._gaps: dict[str, int] = {}

    def add(self, outcome: Outcome) -> None:
        """Take one outcome."""
        self.counts[outcome.verdict] += 1
        self.excused += bool(outcome.suppressed)
        for cause in outcome.warnings:
            named = cause.named
            if named in self._warned:
                self._warned[named].add(outcome.name)
            elif len(self._warned) < _MOST_WARNINGS:
                self._warnings[named], self._warned[named] = cause, {outcome.name}
            else:
                self.unlisted += 1
        if outcome.verdict is Verdict.UNKNOWN:
            seen = next((item.summary for item in outcome.causes if item.vantage), "")
            if seen:
                self.blind[seen] = self.blind.get(seen, 0) + 1
            return
        # What a broken target leaves unseen follows from its cause.
        for gap in () if outcome.broken else outcome.unseen:
            if gap in self._gaps or len(self._gaps) < _MOST_GAPS:
                self._gaps[gap] = self._gaps.get(gap, 0) + 1
        self.judged.add(outcome.name)
        if not outcome.broken:
            return
        for cause in outcome.causes or (_unexplained(outcome),):
            if cause.vantage:
                continue
            voices = self._causes.setdefault(cause.key, {})
            votes, first = voices.get(cause.named, (0, cause))
            voices[cause.named] = (votes + 1, first)
            self._members.setdefault(cause.key, set()).add(outcome.name)
            self._symptoms.setdefault(cause.key, {}).update(dict.fromkeys(outcome.symptoms))
            self._excused.setdefault(cause.key, {})[outcome.name] = outcome.suppressed

    def causes(self) -> dict[str, Folded]:
        """Return every cause by its key, those that break most first."""
        order = sorted(self._causes, key=lambda key: (-len(self._members[key]), key))
        return {
            key: Folded(
                cause=_loudest(self._causes[key]),
                members=tuple(sorted(self._members[key])),
                symptoms=tuple(self._symptoms[key]),
                excused=_common(self._excused[key].values()),
            )
            for key in order
        }

    def warnings(self) -> tuple[tuple[SweptCause, tuple[str, ...]], ...]:
        """Return every cause of warnings with the targets it concerns, those of most targets first."""
        order = sorted(self._warnings, key=lambda key: (-len(self._warned[key]), key))
        return tuple((self._warnings[key], tuple(sorted(self._warned[key]))) for key in order)

    def gaps(self, most: int) -> list[str]:
        """Return what could not be looked at of targets that were judged all the same, what concerns most first."""
        order = sorted(self._gaps, key=lambda text: (-self._gaps[text], text))
        lines = [f"{text.rstrip('.')[:_LONGEST_GAP]} (targets: {self._gaps[text]})" for text in order[:most]]
        return [*lines, f"and {len(order) - most} more like this"] if len(order) > most else lines

    def offline(self) -> str:
        """Return why nothing could be seen from here; empty where something could."""
        blind = sum(self.blind.values())
        if not blind or blind * 2 < sum(self.counts.values()) or self.judged:
            return ""
        return max(self.blind, key=lambda text: self.blind[text])


def _loudest(voices: Mapping[str, tuple[int, SweptCause]]) -> SweptCause:
    name = min(voices, key=lambda item: (-voices[item][0], item))
    return voices[name][1]


def _unexplained(outcome: Outcome) -> SweptCause:
    """Stand in for a cause where a target is down and nothing explains it: it is an incident of its own."""
    symptom = str(outcome.symptoms[0]) if outcome.symptoms else "unexplained"
    return SweptCause(check_id=f"symptom.{symptom}", subject=outcome.name, summary=outcome.headline, hop="")


def _common(reasons: Iterable[str]) -> str:
    """Return the first reason where every target has one."""
    known = list(reasons)
    return known[0] if known and all(known) else ""


def advance(
    before: Sequence[Incident],
    found: Mapping[str, Folded],
    judged: frozenset[str] | set[str],
    now: datetime,
    rules: Lifecycle,
    suppressions: Sequence[Suppression] = (),
) -> tuple[tuple[Incident, ...], tuple[Transition, ...]]:
    """Take incidents one sweep further.

    Args:
        before: What was known, with those that closed lately.
        found: What this sweep found, by the causes' keys.
        judged: Names of the targets about which this sweep can tell.
        now: When it ended.
        rules: Thresholds.
        suppressions: Causes that nobody is told of.

    Returns:
        All incidents that matter from now on, and those that changed their state or their members.
    """
    latest = {item.key: item for item in sorted(before, key=lambda item: item.last_seen)}
    after: list[Incident] = []
    changed: list[Transition] = []
    for key in dict.fromkeys((*found, *latest)):
        was = latest.get(key)
        cause = found.get(key)
        item = _seen(was, cause, judged, now, rules) if cause else was and _not_seen(was, judged, now, rules)
        if item is None:
            continue
        reason = suppression_of(suppressions, item.cause.check_id, item.cause.subject, item.members, now)
        item = replace(item, suppressed=(cause.excused if cause else "") or reason)
        after.append(item)
        moved = _transition(was, item)
        if moved is not None:
            changed.append(moved)
    return tuple(after), tuple(changed)


def _transition(was: Incident | None, item: Incident) -> Transition | None:
    same = was is not None and was.id == item.id
    members = set(was.members) if was is not None and same else set()
    joined = tuple(sorted(set(item.members) - members))
    left = tuple(sorted(members - set(item.members)))
    state = was.state if was is not None and same else None
    if state is item.state and not (joined or left):
        return None
    return Transition(incident=item, was=state, joined=joined, left=left)


def _seen(
    was: Incident | None, cause: Folded, judged: frozenset[str] | set[str], now: datetime, rules: Lifecycle
) -> Incident:
    if was is None or (was.state is IncidentState.CLOSED and not _recent(was, now, rules)):
        was = Incident(
            id=str(uuid.uuid5(_FAMILY, f"{cause.cause.key}\n{now.isoformat()}")),
            key=cause.cause.key,
            cause=cause.cause,
            state=IncidentState.PENDING,
            members=(),
            first_seen=now,
            last_seen=now,
        )
    unjudged = (name for name in was.members if name not in judged)
    came_back = was.well > 0 or was.state is IncidentState.CLOSED
    item = replace(
        was,
        cause=cause.cause,
        members=tuple(sorted({*cause.members, *unjudged})),
        symptoms=cause.symptoms,
        last_seen=now,
        failing=was.failing + 1 if not came_back else 1,
        well=0,
        flips=_flips(was, now, rules) if came_back else _lately(was.flips, now, rules),
        closed=None,
    )
    if len(item.flips) >= rules.flap_flips:
        return replace(item, state=IncidentState.FLAPPING, opened=item.opened or now)
    if item.failing >= rules.open_after or was.active:
        return replace(item, state=IncidentState.OPEN, opened=item.opened or now)
    return replace(item, state=IncidentState.PENDING)


def _not_seen(was: Incident, judged: frozenset[str] | set[str], now: datetime, rules: Lifecycle) -> Incident | None:
    """Return what becomes of an incident whose cause this sweep did not find; None when it is to be forgotten."""
    if was.state is IncidentState.CLOSED:
        return was if _recent(was, now, rules) else None
    unjudged = tuple(name for name in was.members if name not in judged)
    if unjudged:
        # What nobody looked at may still be broken: only those that were seen well leave.
        return was if len(unjudged) == len(was.members) else replace(was, members=unjudged)
    if was.state is IncidentState.PENDING:
        return None
    well = was.well + 1
    flips = _flips(was, now, rules) if was.failing else _lately(was.flips, now, rules)
    item = replace(was, well=well, failing=0, flips=flips)
    if well < rules.close_after:
        return replace(item, state=IncidentState.RECOVERING)
    if len(flips) >= rules.flap_flips:
        return replace(item, state=IncidentState.FLAPPING)
    return replace(item, state=IncidentState.CLOSED, closed=now)


def _flips(was: Incident, now: datetime, rules: Lifecycle) -> tuple[datetime, ...]:
    return (*_lately(was.flips, now, rules), now)[-_MOST_FLIPS:]


def _lately(flips: Sequence[datetime], now: datetime, rules: Lifecycle) -> tuple[datetime, ...]:
    return tuple(item for item in flips if now - item <= rules.flap_within)


def _recent(was: Incident, now: datetime, rules: Lifecycle) -> bool:
    return was.closed is not None and now - was.closed <= rules.flap_within
