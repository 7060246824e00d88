"""Histories for the terminal: all hosts as a table, or one host with what was different when it last worked.

Uptime never stands without how much of the time was seen: what nobody looked at is neither up nor down.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from ingressdoctor.model.finding import Status
from ingressdoctor.model.history import Health, HostHistory, HostSummary, Span, State, Uptime
from ingressdoctor.model.sweep import Incident
from ingressdoctor.render.page import Page
from ingressdoctor.render.sheet import Sheet, safe
from ingressdoctor.render.style import colour_of, glyph_of, status_of
from ingressdoctor.render.words import in_short, listed

__all__ = ["history_to_terminal", "hosts_to_terminal", "span_of_time"]

_FIXED, _RECOVERS = 51, 12
_LEAST_NAME = 12
_MOST_SPANS, _MOST_CHANGES, _MOST_INCIDENTS = 12, 12, 6
_ORDER = (Health.FAILING, Health.UNKNOWN, Health.WELL)


def hosts_to_terminal(hosts: Sequence[HostSummary], since: datetime, until: datetime, page: Page) -> str:
    """Return one line per host, those that fail first."""
    sheet = Sheet(page)
    if not hosts:
        sheet.say((f"{glyph_of(Status.UNKNOWN, page)} no sweep has recorded a host yet", colour_of(Status.UNKNOWN)))
        return sheet.text()
    widest = max(len(safe(item.state.name)) for item in hosts)
    column = max(_LEAST_NAME, min(widest, page.width - _FIXED + (0 if _is_wide(page) else _RECOVERS)))
    head = f"  {'host':<{column}}  {'for':<11} {'up':>8} {'seen':>6} {'outages':>7}{' recovers':>{_RECOVERS}}"
    sheet.row((head if _is_wide(page) else head[:-_RECOVERS], "dim"))
    for item in sorted(hosts, key=lambda one: (_rank(one.state), one.state.name)):
        _add_host(sheet, item, column, until)
    sheet.say((f"from {_moment(since)} to {_moment(until)} UTC; up: of the time seen up or down", "dim"))
    return sheet.text()


def _rank(state: State) -> int:
    """Those that fail first; those that nobody is told of come after all that anybody should look at."""
    return 2 * _ORDER.index(Health.UNKNOWN) + 1 if _is_excused(state) else 2 * _ORDER.index(state.health)


def _is_excused(state: State) -> bool:
    return bool(state.suppressed) and state.health is not Health.WELL


def _add_host(sheet: Sheet, item: HostSummary, column: int, until: datetime) -> None:
    state = item.state
    status = Status.SKIP if _is_excused(state) else status_of(state.verdict)
    name = safe(state.name)
    name = name if len(name) <= column else name[: column - 1] + "…"
    strong = colour_of(status) if status is not Status.PASS else ""
    recovery = "" if item.mean_recovery_s is None else span_of_time(item.mean_recovery_s)
    sheet.row(
        (f"{glyph_of(status, sheet.page)} ", colour_of(status)),
        (f"{name:<{column}}  ", strong),
        (f"{span_of_time((until - state.since).total_seconds()):<11} ", strong),
        (f"{_share(item.uptime):>8} {_percent(item.uptime.seen_share):>6} ", ""),
        (f"{item.outages or '':>7}" + (f" {recovery:>11}" if _is_wide(sheet.page) else ""), ""),
    )
    if _is_excused(state):
        sheet.say((f"  suppressed, nobody is told: {safe(state.suppressed)}", "dim"), indent=4)


def _is_wide(page: Page) -> bool:
    """Whether there is room for how long recovering takes; a narrow page shows names instead."""
    return page.width >= _FIXED + _LEAST_NAME + _RECOVERS


def history_to_terminal(history: HostHistory, page: Page) -> str:
    """Return everything about one host."""
    sheet = Sheet(page)
    _add_state(sheet, history)
    _add_different(sheet, history)
    _add_uptime(sheet, history)
    sheet.blank()
    _add_spans(sheet, history)
    _add_incidents(sheet, history.incidents)
    return sheet.text()


def _add_state(sheet: Sheet, history: HostHistory) -> None:
    state, status = history.state, status_of(history.state.verdict)
    lasted = span_of_time((history.until - state.since).total_seconds())
    words = f"{glyph_of(status, sheet.page)} {safe(state.name)}: {state.verdict} for {lasted}"
    looks = f", since {_moment(state.since)} UTC ({_count(state.looks, 'look')}{_from(state)})"
    sheet.say((words, colour_of(status)), (looks, ""), indent=2)
    if state.headline:
        sheet.say((f"  {safe(state.headline)}", ""), indent=4)
    if state.suppressed:
        sheet.say((f"  nobody is told: {safe(state.suppressed)}", "dim"), indent=4)
    if history.until > state.last_seen:
        ago = span_of_time((history.until - state.last_seen).total_seconds())
        sheet.say((f"  last look {_moment(state.last_seen)} UTC, {ago} ago", "dim"), indent=4)


def _from(state: State) -> str:
    return f" from {safe(state.vantage)}" if state.vantage else ""


def _add_different(sheet: Sheet, history: HostHistory) -> None:
    state = history.state
    if state.health is not Health.FAILING:
        return
    if state.last_well is None:
        sheet.say(("  never seen well", "yellow"), indent=4)
        return
    sheet.say((f"  last well {_moment(state.last_well)} UTC", ""), indent=4)
    if not history.different:
        sheet.say(("  no fact was different then", "dim"), indent=4)
        return
    sheet.say(("  what was different then:", ""), indent=4)
    limit = len(history.different) if sheet.page.verbose else _MOST_CHANGES
    for fact, was, now in history.different[:limit]:
        check, _, name = fact.partition("/")
        sheet.say(
            (f"    {safe(name) or safe(check)}: ", "bold"),
            (f"{safe(was) or 'nothing'} {_arrow(sheet.page)} {safe(now) or 'nothing'}", ""),
            (f"  {safe(check)}" if name else "", "dim"),
            indent=6,
        )
    if len(history.different) > limit:
        sheet.say((f"    {len(history.different) - limit} more with -v", "dim"))


def _add_uptime(sheet: Sheet, history: HostHistory) -> None:
    periods = zip(("24 h", "7 d", "30 d"), history.uptime, strict=True)
    told = [f"{label} {_share(one)} (of {_percent(one.seen_share)} seen)" for label, one in periods]
    sheet.say((f"  up: {listed(told)}", ""), indent=6)
    one = history.period
    parts = {
        "down": one.down_s,
        "could not tell": one.unknown_s,
        "nobody looked": one.unwatched_s,
        "suppressed": one.suppressed_s,
    }
    rest = [f"{name} {span_of_time(seconds)}" for name, seconds in parts.items() if seconds >= 1]
    since = f"since {_moment(history.since)} UTC"
    outages = f"{_count(history.outages, 'outage')} {since}" if history.outages else f"no outage {since}"
    if history.mean_recovery_s is not None:
        outages += f", recovered after {span_of_time(history.mean_recovery_s)} on average"
    sheet.say((f"  {outages}" + (f"; {listed(rest)}" if rest else ""), ""), indent=4)


def _add_spans(sheet: Sheet, history: HostHistory) -> None:
    limit = len(history.spans) if sheet.page.verbose else _MOST_SPANS
    hidden = len(history.spans) - limit
    if hidden > 0:
        sheet.say((f"  {hidden} earlier ones with -v", "dim"))
    several = len({span.vantage for span in history.spans}) > 1
    for span in history.spans[-limit:]:
        _add_span(sheet, span, several)


def _add_span(sheet: Sheet, span: Span, several: bool) -> None:
    status = status_of(span.verdict)
    causes = listed((f"{safe(cause.check_id)} {safe(cause.subject)}".rstrip() for cause in span.causes), limit=2)
    seen = listed(in_short(symptom) for symptom in span.symptoms[:2])
    what = causes or safe(span.error) or seen or span.verdict.value
    place = f" from {safe(span.vantage)}" if several else ""
    excused = " (suppressed)" if span.suppressed else ""
    lasted = span_of_time((span.ended - span.started).total_seconds())
    sheet.row(
        (f"{glyph_of(status, sheet.page)} ", colour_of(status)),
        (f"{_moment(span.started)}  ", ""),
        (f"{lasted:<11} {_count(span.looks, 'look'):>9}  ", "dim"),
        (f"{what}{excused}{place}", colour_of(status) if status is not Status.PASS else ""),
    )


def _add_incidents(sheet: Sheet, incidents: Sequence[Incident]) -> None:
    if not incidents:
        return
    sheet.blank()
    sheet.say(("incidents", "bold"))
    limit = len(incidents) if sheet.page.verbose else _MOST_INCIDENTS
    for incident in incidents[-limit:]:
        others = _count(len(incident.members), "host")
        sheet.row(
            (f"  {_moment(incident.first_seen)}  {incident.state.value:<10} ", ""),
            (f"{safe(incident.cause.summary)} ({safe(incident.cause.subject)}), {others}", ""),
        )


def span_of_time(seconds: float) -> str:
    """Return a span in at most two units, as "2 h 5 min"; never negative."""
    whole = max(0, round(seconds))
    days, hours, minutes = whole // 86_400, whole // 3600, whole // 60
    if days:
        return f"{days} d {hours % 24} h" if hours % 24 else f"{days} d"
    if hours:
        return f"{hours} h {minutes % 60} min" if minutes % 60 else f"{hours} h"
    return f"{minutes} min" if minutes else f"{whole} s"


def _share(uptime: Uptime) -> str:
    """Return uptime with two digits, and never rounded up to a whole that it is not."""
    share = uptime.share
    if share is None:
        return "?"
    return "100 %" if share == 1 else f"{min(share * 100, 99.99):.2f} %"


def _percent(share: float) -> str:
    if 0 < share < 0.01:
        return "<1 %"
    return "100 %" if share >= 0.9995 else f"{min(share * 100, 99):.0f} %"


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _arrow(page: Page) -> str:
    return "→" if page.unicode else "->"
