"""Checks and collectors as they are asked about one target after the other: what was just asked is not asked again.

Both are functions of what they are handed. A sweep hands many of them the very same for one host as for the last, so
each remembers the last answer; nothing else is kept. Content-free.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from operator import itemgetter
from typing import Any

from ingressdoctor.engine.broker import for_want_of
from ingressdoctor.engine.runner import could_not_look, verdict
from ingressdoctor.model.check import Check, Collector
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.finding import Status
from ingressdoctor.model.needs import Need
from ingressdoctor.model.report import CheckResult

__all__ = ["Inputs", "Question", "Source", "alike"]


class Inputs:
    """What a function is called with, looked up at once where all of it is there already.

    ``order`` holds each kind of evidence with those before it whose gaps make it useless; ``strict`` are the kinds
    whose gaps are not tolerated. ``of`` raises ``KeyError`` where something has to be collected first, or only if the
    function asks for it. ``blocked`` is the gap that stood in the way last, with its kind and the strict ones before.
    """

    __slots__ = ("blocked", "call", "needs", "of", "order", "plain", "strict")

    def __init__(self, needs: tuple[Need, ...], function: Callable[..., Any]) -> None:
        self.needs = needs
        self.plain = not any(need.later or need.seen for need in needs)
        self.of = _lookup(needs) if self.plain else _not_there
        self.call = _by_position(function, tuple(need.parameter for need in needs))
        self.strict = frozenset(need.wanted for need in needs if not need.tolerant)
        self.order = tuple(
            (need.wanted, frozenset(item.wanted for item in needs[:number] if not item.tolerant))
            for number, need in enumerate(needs)
        )
        self.blocked: tuple[type, frozenset[type], Unavailable] | None = None

    def gap(self, values: Mapping[type, object]) -> Unavailable:
        """Return the first gap among *values* that the function does not tolerate; there must be one."""
        for wanted, before in self.order:
            if wanted in self.strict and isinstance(value := values.get(wanted), Unavailable):
                self.blocked = (wanted, before, value)
                return value
        raise LookupError("nothing is missing")

    def known_gap(self, values: Mapping[type, object], gaps: AbstractSet[type]) -> Unavailable | None:
        """Return the gap that stood in the way last where it does again: nothing has to be looked up or collected."""
        if self.blocked is None:
            return None
        wanted, before, gap = self.blocked
        again = values.get(wanted) is gap and before.isdisjoint(gaps) and values.keys() >= before
        return gap if again else None


class Question(Inputs):
    """A check as it is asked of one target after the other: what it needs is worked out once.

    Checks are functions of their evidence alone: one that sees what it saw of the last target says the same again.
    """

    __slots__ = ("check", "result", "seen")

    def __init__(self, check: Check) -> None:
        super().__init__(check.needs, check.function)
        self.check = check
        self.result = CheckResult(check=check, findings=(), status=Status.SKIP)
        self.seen: object = None

    def judge(self, seen: tuple[object, ...] | Unavailable) -> None:
        """Judge *seen*: one value for each need, or the gap that keeps the check from looking."""
        if not isinstance(seen, Unavailable):
            self.result = verdict(self.check, self.call, seen)
        elif seen != self.seen:
            self.result = could_not_look(self.check, seen)
        if self.blocked is not None and self.blocked[2] is not seen:
            self.blocked = None
        self.seen = seen


class Source(Inputs):
    """A collector as it is asked for one target after the other.

    What it is handed is all that it knows of a target, so equal arguments are the same question, which a sweep asks
    once where it comes twice in a row.
    """

    __slots__ = ("_gap", "_want", "collector", "seen", "value")

    def __init__(self, collector: Collector) -> None:
        super().__init__(collector.needs, collector.function)
        self.collector = collector
        self.seen: object = None
        self.value: object = None
        self._gap: Unavailable | None = None
        self._want: Unavailable | None = None

    def wanting(self, gap: Unavailable) -> Unavailable:
        """Return what becomes of the evidence for want of what *gap* stands for."""
        if self._want is None or gap != self._gap:
            self._gap, self._want = gap, for_want_of(gap, self.collector)
        return self._want

    def keep(self, seen: tuple[object, ...], value: object) -> object:
        """Keep *value* for the next target; return the one object that stands for equal values in a row."""
        if alike(value, self.value):
            value = self.value
        self.seen, self.value = seen, value
        return value


def alike(one: object, other: object) -> bool:
    """Tell whether two pieces of evidence are equal."""
    try:
        return bool(one == other)
    except Exception:  # noqa: BLE001 - evidence of a plugin that cannot be compared is never alike
        return False


def _by_position(function: Callable[..., Any], names: tuple[str, ...]) -> Callable[..., Any]:
    """Return *function* to be called with its arguments in the order of its parameters, which costs less."""
    code = getattr(function, "__code__", None)
    if code is not None and code.co_varnames[: len(names)] == names and not code.co_kwonlyargcount:
        return function
    return lambda *values: function(**dict(zip(names, values, strict=True)))


def _lookup(needs: tuple[Need, ...]) -> Callable[[Mapping[type, object]], tuple[object, ...]]:
    """Return what looks up all *needs* by type."""
    wanted = [need.wanted for need in needs]
    if len(wanted) > 1:
        return itemgetter(*wanted)
    if not wanted:
        return _nothing
    only = wanted[0]
    return lambda values: (values[only],)


def _nothing(_: Mapping[type, object]) -> tuple[object, ...]:
    return ()


def _not_there(_: Mapping[type, object]) -> tuple[object, ...]:
    raise KeyError
