"""Readers for maintenance windows and suppressions: TOML tables in, values of the model out.

Each names a reason and an end, so that nothing is silenced for ever or by nobody. Times need an offset: a window that
moves with the machine's time zone would be open at another hour on the next machine.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from ingressdoctor.config.quoting import quoted
from ingressdoctor.config.values import UnfitError
from ingressdoctor.model.excuses import DAYS, Suppression, Weekly, Window

__all__ = ["excuse_toml", "suppressions", "windows"]

_WEEKLY: Final = re.compile(
    r"(?P<day>[A-Za-z]{3})[a-z]*\s+(?P<h1>\d{1,2}):(?P<m1>\d\d)\s*-\s*(?P<h2>\d{1,2}):(?P<m2>\d\d)(?:\s+(?P<zone>\S+))?"
)
_MOST: Final = 1_000


def windows(raw: object, base: Path) -> tuple[Window, ...]:
    """Maintenance windows, each a table."""
    del base
    return tuple(_each(raw, _window))


def suppressions(raw: object, base: Path) -> tuple[Suppression, ...]:
    """Suppressions, each a table."""
    del base
    return tuple(_each(raw, _suppression))


def excuse_toml(excuse: Window | Suppression) -> str:
    """Return a window or a suppression as it is written in the configuration file."""
    words: dict[str, str] = {"reason": quoted(excuse.reason)}
    if isinstance(excuse, Window):
        if excuse.start is not None:
            words["from"] = excuse.start.isoformat()
        words["until"] = excuse.end.isoformat()
        if excuse.weekly is not None:
            words["weekly"] = quoted(_weekly_words(excuse.weekly))
        words |= {"hosts": _list(excuse.hosts), "namespaces": _list(excuse.namespaces)}
    else:
        words |= {"until": excuse.until.isoformat(), "check": quoted(excuse.check), "subject": quoted(excuse.subject)}
        words["hosts"] = _list(excuse.hosts)
    return "{ " + ", ".join(f"{key} = {value}" for key, value in words.items()) + " }"


def _list(items: tuple[str, ...]) -> str:
    return "[" + ", ".join(map(quoted, items)) + "]"


def _weekly_words(weekly: Weekly) -> str:
    hours = "-".join(f"{minute // 60:02}:{minute % 60:02}" for minute in (weekly.first, weekly.last))
    return f"{DAYS[weekly.day].capitalize()} {hours} {weekly.zone}"


def _each(raw: object, read: Callable[[Mapping[str, Any]], Any]) -> list[Any]:
    if not isinstance(raw, list) or len(raw) > _MOST or not all(isinstance(item, dict) for item in raw):
        raise UnfitError(f"a list of at most {_MOST} tables")
    found = []
    for number, item in enumerate(raw, start=1):
        try:
            found.append(read(item))
        except UnfitError as error:
            raise UnfitError(f"right in every table, but in number {number} {error}") from None
    return found


def _window(item: Mapping[str, Any]) -> Window:
    _only(item, ("reason", "from", "until", "weekly", "hosts", "namespaces"))
    start = _moment(item, "from") if "from" in item else None
    end = _moment(item, "until")
    if start is not None and end <= start:
        raise UnfitError("until must come after from")
    return Window(
        reason=_reason(item),
        start=start,
        end=end,
        weekly=_weekly(item["weekly"]) if "weekly" in item else None,
        hosts=_patterns(item, "hosts"),
        namespaces=_patterns(item, "namespaces"),
    )


def _suppression(item: Mapping[str, Any]) -> Suppression:
    _only(item, ("reason", "until", "check", "subject", "hosts"))
    until = item.get("until")
    if isinstance(until, datetime):
        until = until.date()
    if not isinstance(until, date):
        raise UnfitError("until must be a date without quotes, as in 2026-12-31")
    if "check" not in item and "subject" not in item and "hosts" not in item:
        raise UnfitError("check, subject or hosts must say what is suppressed")
    return Suppression(
        reason=_reason(item),
        until=until,
        check=_pattern(item, "check"),
        subject=_pattern(item, "subject"),
        hosts=_patterns(item, "hosts"),
    )


def _only(item: Mapping[str, Any], known: tuple[str, ...]) -> None:
    strange = next((key for key in item if key not in known), None)
    if strange is not None:
        raise UnfitError(f"there is no key {strange[:40]!r} (known: {', '.join(known)})")


def _reason(item: Mapping[str, Any]) -> str:
    reason = item.get("reason")
    if not isinstance(reason, str) or not reason.strip() or not reason.isprintable():
        raise UnfitError("reason must say why, as a text of one line")
    return reason.strip()


def _moment(item: Mapping[str, Any], key: str) -> datetime:
    value = item.get(key)
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise UnfitError(f"{key} must be a time with its offset and without quotes, as in 2026-12-01T22:00:00+02:00")
    return value


def _weekly(value: object) -> Weekly:
    match = _WEEKLY.fullmatch(value.strip()) if isinstance(value, str) else None
    day = match["day"].lower() if match else ""
    if match is None or day not in DAYS:
        raise UnfitError('weekly must be a day, hours and a time zone, as in "Sun 02:00-04:00 Europe/Athens"')
    first, last = (int(match[h]) * 60 + int(match[m]) for h, m in (("h1", "m1"), ("h2", "m2")))
    if first >= 1440 or last > 1440 or first == last or any(int(match[m]) > 59 for m in ("m1", "m2")):
        raise UnfitError("weekly must have hours from 00:00 to 24:00 that differ")
    zone = match["zone"] or "UTC"
    try:
        ZoneInfo(zone)
    except (KeyError, OSError, ValueError):
        raise UnfitError(f"weekly must name a time zone that exists (not {zone[:40]!r})") from None
    return Weekly(day=DAYS.index(day), first=first, last=last, zone=zone)


def _pattern(item: Mapping[str, Any], key: str) -> str:
    value = item.get(key, "*")
    if not isinstance(value, str) or not value:
        raise UnfitError(f"{key} must be a pattern in quotes")
    return value


def _patterns(item: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = item.get(key, [])
    if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
        raise UnfitError(f"{key} must be a list of patterns in quotes")
    return tuple(value)
