"""What a sweep comes to, in sentences that every form of its report shares. Text from outside becomes one safe line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from ingressdoctor.model.finding import Status
from ingressdoctor.model.report import Verdict
from ingressdoctor.model.sweep import Incident, IncidentState, Outcome, SweepReport, SweptCause
from ingressdoctor.render.sheet import safe
from ingressdoctor.render.words import in_words, listed

__all__ = [
    "Gap",
    "about",
    "blamed",
    "gaps_of",
    "headline",
    "hostnames",
    "in_order",
    "members_of",
    "standing",
    "status_of_sweep",
    "tally",
    "warned",
]

_SHOWN_MEMBERS = 3


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """Why targets could not be judged, and which."""

    reason: str
    members: tuple[str, ...]


def headline(report: SweepReport) -> str:
    """Return what is broken, in one sentence."""
    told = [item for item in report.incidents if item.active and not item.suppressed]
    if report.offline:
        return f"Nothing can be said from here: {safe(report.offline)}"
    if report.blind:
        return "The sweep ended before any hostname was judged"
    return _of_incidents(in_order(told), report.counts.total) if told else _without_incidents(report)


def _without_incidents(report: SweepReport) -> str:
    counts, all_of = report.counts, hostnames(report.counts.total)
    if not counts.total:
        return "There was no hostname to judge"
    if counts.broken > _excused(report):
        return f"{counts.broken} of {all_of} {_are(counts.broken)} broken; no incident is open"
    if counts.unknown:
        return f"{counts.unknown} of {all_of} could not be judged"
    if counts.broken:
        return f"All that is broken is excused: {counts.broken} of {all_of}"
    whole = f"All {all_of}" if counts.total > 1 else all_of
    if counts.degraded:
        return f"{whole} {'work' if counts.total > 1 else 'works'}, {counts.degraded} with warnings"
    return f"{whole} {_are(counts.total)} healthy"


def status_of_sweep(report: SweepReport) -> Status:
    """Return the status whose sign and colour the headline wears."""
    match report.exit_code():
        case 1:
            return Status.FAIL
        case 3:
            return Status.UNKNOWN
        case _:
            return Status.WARN if report.counts.degraded or report.counts.broken else Status.PASS


def _of_incidents(told: Sequence[Incident], total: int) -> str:
    first = told[0]
    broken = len({name for item in told for name in item.members})
    if len(told) == 1:
        return f"1 incident: {blamed(first.cause)} breaks {broken} of {hostnames(total)}"
    largest = f"{blamed(first.cause)} ({len(first.members)})"
    return f"{len(told)} incidents break {broken} of {hostnames(total)}; the largest is {largest}"


def _excused(report: SweepReport) -> int:
    """How many broken targets nobody is told of: they, or the incidents that they are members of, are excused."""
    names = {name for item in report.incidents if item.active and item.suppressed for name in item.members}
    return len(names | {item.name for item in report.outcomes if item.suppressed and item.verdict is Verdict.BROKEN})


def hostnames(count: int) -> str:
    """Return the number with its noun."""
    return f"{count} hostname{'' if count == 1 else 's'}"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def blamed(cause: SweptCause) -> str:
    """Return the check and the object to blame."""
    return f"{safe(cause.check_id)} on {safe(cause.subject)}" if cause.subject else safe(cause.check_id)


def about(cause: SweptCause) -> str:
    """Return where it breaks and how."""
    hop, summary = safe(cause.hop), safe(cause.summary).rstrip(".")
    return summary if summary.startswith(hop) else f"{hop}: {summary}"


def warned(cause: SweptCause) -> str:
    """Return the check and what it warns of, with the object where the sentence does not name it."""
    summary, subject = safe(cause.summary).rstrip("."), safe(cause.subject)
    of = "" if not subject or subject in summary else f" ({subject})"
    return f"{safe(cause.check_id)}: {summary}{of}"


_RANKS = (
    IncidentState.OPEN,
    IncidentState.FLAPPING,
    IncidentState.RECOVERING,
    IncidentState.PENDING,
    IncidentState.CLOSED,
)


def in_order(incidents: Iterable[Incident]) -> tuple[Incident, ...]:
    """Return incidents as they are read: what people are told of first, then by state, size and age."""
    return tuple(
        sorted(
            incidents,
            key=lambda item: (
                bool(item.suppressed),
                item.state is IncidentState.CLOSED,
                not item.active,
                -len(item.members),
                _RANKS.index(item.state),
                item.first_seen,
                item.id,
            ),
        )
    )


def members_of(names: Sequence[str], *, verbose: bool = False) -> str:
    """Return the first few names and how many more there are."""
    return listed(map(safe, names), limit=0 if verbose else _SHOWN_MEMBERS)


def standing(incident: Incident, report: SweepReport) -> str:
    """Return since when an incident is there and how it stands; in a report that learnt nothing, as it was last."""
    now = report.started
    since = f"since {_moment(incident.first_seen)} ({_lasting(now - incident.first_seen)})"
    match incident.state:
        case IncidentState.PENDING:
            text = f"seen {_times(incident.failing)}, not open yet; {since}"
        case IncidentState.RECOVERING:
            text = f"{since}, well {_times(incident.well)}, not closed yet"
        case IncidentState.FLAPPING:
            text = f"flapping: it came or went {_times(len(incident.flips))}, {since}"
        case IncidentState.CLOSED:
            end = incident.closed or incident.last_seen
            text = f"over: it lasted {_lasting(end - incident.first_seen)}, from {_moment(incident.first_seen)}"
        case IncidentState.OPEN:
            text = since
    seen = listed(in_words(symptom) for symptom in incident.symptoms)
    text = f"{text}; visitors see {seen}" if seen else text
    return f"last seen {_moment(incident.last_seen)}, not looked at now; {text}" if report.blind else text


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _lasting(span: timedelta) -> str:
    minutes = max(int(span.total_seconds()), 0) // 60
    days, hours = minutes // 1440, minutes // 60 % 24
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes % 60} min" if minutes % 60 else f"{hours} h"
    return f"{minutes} min" if minutes else "just now"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def gaps_of(outcomes: Iterable[Outcome]) -> tuple[Gap, ...]:
    """Return why targets could not be judged, the most frequent reason first."""
    found: dict[str, list[str]] = {}
    for outcome in outcomes:
        if outcome.verdict is Verdict.UNKNOWN:
            for reason in [outcome.error] if outcome.error else (outcome.unseen or (outcome.headline,)):
                found.setdefault(safe(reason), []).append(outcome.name)
    ranked = sorted(found.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    return tuple(Gap(reason=reason, members=tuple(members)) for reason, members in ranked)


def tally(report: SweepReport) -> str:
    """Return the counts and the time that it took, in one line."""
    counts = report.counts
    parts = Counter(healthy=counts.healthy, degraded=counts.degraded, broken=counts.broken, unknown=counts.unknown)
    told = ", ".join(f"{number} {name}" for name, number in parts.items() if number) or "nothing judged"
    excused = f" ({counts.suppressed} excused)" if counts.suppressed else ""
    per_second = counts.total / report.elapsed_s if report.elapsed_s >= 1 else 0.0
    rate = f" ({per_second:.0f}/s)" if per_second >= 1 else ""
    return f"{hostnames(counts.total)}: {told}{excused} in {report.elapsed_s:.1f} s{rate}"
