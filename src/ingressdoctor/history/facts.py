"""Which facts are worth remembering, and what is different between two sets of them. Pure.

Facts that change with every look would drown the one that matters. Three rules keep them out (docs/history.md):

* by name: a fact that is called a time, an age, a latency, a Ray ID or the like is never kept;
* by value: "12 s ago", "in 31 ms", "1.32 s" are measurements. A duration without fraction ("60s") is a setting: kept;
* by experience: a fact that changes in three looks in a row while the target is well is restless, and no longer kept.

A list in another order is the same list.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Final

import msgspec

from ingressdoctor.model.history import Change
from ingressdoctor.model.text import shorten

__all__ = ["Learned", "canonical", "changes", "learn", "steady"]

RESTLESS_AFTER: Final = 3
_MAX_FACTS, _MAX_NAME, _MAX_VALUE, _MAX_RESTLESS = 400, 200, 1_000, 200

_WORD: Final = re.compile(r"[a-z]+")
_MOMENTS: Final = frozenset(
    (
        *("age", "ago", "after", "clock", "date", "duration", "elapsed", "etag", "latency", "nonce", "now", "ray"),
        *("rtt", "time", "times", "took", "trace", "ttl", "uptime"),
    )
)
_MEASURED: Final = re.compile(r"\b(?:\d+(?:\.\d+)?\s?(?:ms|µs|us)|\d+\.\d+\s?(?:s|sec|seconds))\b|\b(?:ago|left)\b")


class Learned(msgspec.Struct, frozen=True, kw_only=True):
    """What the looks at one target taught: how often each fact changed in a row, and which are restless for good.

    ``span`` and ``looks`` are the look at which the facts last changed.
    """

    span: int = 0
    looks: int = 0
    streak: dict[str, int] = {}
    restless: tuple[str, ...] = ()


def steady(facts: Mapping[str, str], restless: Collection[str] = ()) -> dict[str, str]:
    """Return the facts that are worth remembering, sorted by name and cut to a sane size."""
    # One look at all values at once: most targets have no measurement among their facts.
    measured = _MEASURED.search("\n".join(value[:_MAX_VALUE] for value in facts.values())) is not None
    kept = {
        name: value
        for name, value in facts.items()
        if name not in restless and not _is_moment(name) and not (measured and _MEASURED.search(value[:_MAX_VALUE]))
    }
    if len(kept) > _MAX_FACTS or any(len(name) > _MAX_NAME or len(kept[name]) > _MAX_VALUE for name in kept):
        kept = {
            shorten(name, _MAX_NAME): shorten(value, _MAX_VALUE) for name, value in sorted(kept.items())[:_MAX_FACTS]
        }
    return dict(sorted(kept.items()))


@functools.lru_cache(maxsize=4_096)
def _is_moment(name: str) -> bool:
    """Tell whether the fact's own name, after the check's id, has a word for a moment or a measurement."""
    return not _MOMENTS.isdisjoint(_WORD.findall(name.rpartition("/")[2].lower()))


def canonical(value: str) -> str:
    """Return a value in the form in which two are compared: lists sorted."""
    return ", ".join(sorted(value.split(", "))) if ", " in value else value


def changes(was: Mapping[str, str], now: Mapping[str, str], first: Iterable[str] = ()) -> tuple[Change, ...]:
    """Return what is different: changed facts, then new ones, then gone ones.

    A check that says nothing now (or said nothing then) was not asked; its facts are no difference. Facts of the checks
    named in *first* come first. What several checks say in the same words is told once.
    """
    asked_now, asked_then = _checks(now), _checks(was)
    ahead = frozenset(first)
    found: list[tuple[tuple[bool, int, str], Change]] = []
    for name in was.keys() | now.keys():
        before, after = was.get(name, ""), now.get(name, "")
        check = _check(name)
        if canonical(before) == canonical(after) or check not in asked_now or check not in asked_then:
            continue
        kind = 0 if name in was and name in now else 1 if name in now else 2
        found.append(((check not in ahead, kind, name), (name, before, after)))
    once: dict[tuple[str, str, str], Change] = {}
    for _, (name, before, after) in sorted(found):
        once.setdefault((name.partition("/")[2], canonical(before), canonical(after)), (name, before, after))
    return tuple(once.values())


def learn(before: Learned, changed: Iterable[str], span: int, looks: int) -> Learned:
    """Return what is known after the facts named in *changed* changed at the look number *looks* of the span *span*."""
    in_a_row = before.span == span and before.looks == looks - 1
    streak = {name: (before.streak.get(name, 0) if in_a_row else 0) + 1 for name in changed}
    tired = tuple(sorted(name for name, count in streak.items() if count >= RESTLESS_AFTER))
    restless = (*before.restless, *tired)[-_MAX_RESTLESS:]
    kept = {name: count for name, count in streak.items() if name not in tired}
    return Learned(span=span, looks=looks, streak=kept, restless=restless)


def _check(name: str) -> str:
    return name.partition("/")[0]


def _checks(facts: Iterable[str]) -> frozenset[str]:
    return frozenset(map(_check, facts))
