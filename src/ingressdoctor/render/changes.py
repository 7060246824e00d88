"""What changed lately on the path of a target that fails: one line each, newest first. Decides nothing about causes.

Times are told as ages at the begin of the run. That something happened shortly before it broke is a hint and no proof.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

import msgspec

from ingressdoctor.model.report import Report
from ingressdoctor.model.timeline import Change
from ingressdoctor.render.sheet import Sheet, safe

__all__ = ["HEADING", "ToldChange", "add_changes", "nothing_line", "told_changes", "unread_line"]

HEADING: Final = "What changed in the last 24 h:"
_NOTHING: Final = "No change of the last 24 h was seen on this path."
_NOTHING_THERE: Final = "No change of the last 24 h was seen in what could be looked at of this path."
_MOST: Final = 4
_SHORTLY_S: Final = 3_600
_AGE: Final = 6
_BEFORE: Final = "before it broke"
_PLACE: Final = re.compile(r"^(\w+ )[^\s/]+/(?=\S+$)")


class ToldChange(msgspec.Struct, frozen=True, kw_only=True):
    """One change in words: its age, the sentence, and when it was in relation to the break (empty: it says nothing).

    ``short`` is the sentence without the object's namespace.
    """

    age: str
    text: str
    short: str
    hint: str = ""


def add_changes(sheet: Sheet, report: Report) -> None:
    """Add the newest changes, or all of them on a verbose page; nothing where nobody looked."""
    timeline, verbose = report.timeline, sheet.page.verbose
    if not timeline.looked:
        return
    told = told_changes(report)
    if told:
        sheet.say((HEADING, "bold"), indent=2)
    elif not timeline.unread:
        sheet.say((nothing_line(report), "dim"), indent=2)
    for item in told if verbose else _first(told):
        age = (f"  {item.age:<{_AGE}}  ", "dim")
        if verbose:
            hint = f", {item.hint}" if item.hint else ""
            sheet.say(age, (item.text, ""), (hint, "yellow"), indent=_AGE + 4)
        else:
            sheet.row(age, (item.short, ""), right=(item.hint, "yellow"))
    hidden = 0 if verbose else max(0, len(told) - _MOST)
    rest = "; ".join(filter(None, (f"{hidden} more with -v" if hidden else "", unread_line(report))))
    if rest:
        (sheet.say if verbose else sheet.row)((f"  {rest}", "dim"))


def _first(told: tuple[ToldChange, ...]) -> list[ToldChange]:
    """Choose the few to show: what came shortly before the break first, then the newest; in their order."""
    hinted = [item for item in told if item.hint.endswith(_BEFORE)][: _MOST - 1]
    others = [item for item in told if item not in hinted][: _MOST - len(hinted)]
    return [item for item in told if item in hinted or item in others]


def told_changes(report: Report) -> tuple[ToldChange, ...]:
    """Return the changes of a report in words, newest first."""
    timeline = report.timeline
    now, broke = _moment(report.started), _moment(timeline.broke_at)
    return tuple(
        ToldChange(
            age=_age(item, now),
            text=_sentence(item, item.object),
            short=_sentence(item, _PLACE.sub(r"\1", item.object)),
            hint=_hint(item, broke),
        )
        for item in timeline.changes
    )


def nothing_line(report: Report) -> str:
    """Say that no change was seen; where hops were not looked at, that speaks of the others only."""
    return _NOTHING_THERE if report.diagnosis.unseen_hops else _NOTHING


def unread_line(report: Report) -> str:
    """Say in one line what may hold more and could not be read; empty when everything could."""
    gaps = [f"{safe(gap.wanted)} ({safe(gap.reason)})" for gap in report.timeline.unread]
    return f"could not read {', '.join(gaps)}" if gaps else ""


def _sentence(item: Change, ref: str) -> str:
    by = f" by {safe(item.by)}" if item.by else ""
    detail = f": {safe(item.detail)}" if item.detail else ""
    return f"{safe(ref)}: {safe(item.what)}{by}{detail}"


def _age(item: Change, now: datetime | None) -> str:
    at = _moment(item.at)
    if at is None or now is None:
        return ""
    return _span((now - at).total_seconds()) or "now"


def _hint(item: Change, broke: datetime | None) -> str:
    at = _moment(item.at)
    seconds = (broke - at).total_seconds() if at is not None and broke is not None else -1.0
    if not 0 <= seconds <= _SHORTLY_S:
        return ""
    if not seconds:
        return "when it broke"
    return f"{_span(seconds) or 'just'} {_BEFORE}"


def _span(seconds: float) -> str:
    """Return a duration in minutes or hours; empty below a minute."""
    minutes = int(seconds // 60)
    if minutes < 1:
        return ""
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h"


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
