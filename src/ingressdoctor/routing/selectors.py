"""Decide whether labels satisfy a selector, and how near they come when they do not.

Pure. Answers are True, False or None (not decidable: a label that was not read, or a selector the API server
would have refused); callers must not turn None into either of the others.
Source: kubernetes/api meta/v1 LabelSelector.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

__all__ = [
    "Difference",
    "all_of",
    "any_of",
    "differences",
    "keys_of",
    "labels_match",
    "selector_matches",
    "selector_words",
]


def all_of(answers: Iterable[bool | None]) -> bool | None:
    """Three-valued AND: False wins, then None; nothing at all is True."""
    result: bool | None = True
    for answer in answers:
        if answer is False:
            return False
        result = None if answer is None else result
    return result


def any_of(answers: Iterable[bool | None]) -> bool | None:
    """Three-valued OR: True wins, then None; nothing at all is False."""
    result: bool | None = False
    for answer in answers:
        if answer:
            return True
        result = None if answer is None else result
    return result


def labels_match(selector: Mapping[str, str | None], labels: Mapping[str, str]) -> bool:
    """Whether *labels* carry every pair of a plain (Service) selector; an empty one selects nothing."""
    return bool(selector) and all(labels.get(key) == (value or "") for key, value in selector.items())


def selector_matches(selector: object, labels: Mapping[str, str], *, complete: bool = True) -> bool | None:
    """Whether *labels* satisfy a LabelSelector.

    Args:
        selector: ``matchLabels`` and ``matchExpressions`` as decoded; empty or null selects everything.
        labels: What is known of the object's labels.
        complete: False when the object may have more labels than *labels*; keys it lacks are then undecided.
    """
    if selector is None:
        return True
    if not isinstance(selector, Mapping):
        return None
    wanted, expressions = selector.get("matchLabels") or {}, selector.get("matchExpressions") or ()
    if not isinstance(wanted, Mapping) or not isinstance(expressions, list | tuple):
        return None
    return all_of(
        (
            *(
                _requirement(str(key), "In", ("" if value is None else value,), labels, complete)
                for key, value in wanted.items()
            ),
            *(_expression(item, labels, complete) for item in expressions),
        )
    )


def _expression(item: object, labels: Mapping[str, str], complete: bool) -> bool | None:
    if not isinstance(item, Mapping):
        return None
    values = item.get("values") or ()
    if not isinstance(values, list | tuple):
        return None
    return _requirement(str(item.get("key")), item.get("operator"), tuple(values), labels, complete)


def _requirement(
    key: str, operator: object, values: tuple[object, ...], labels: Mapping[str, str], complete: bool
) -> bool | None:
    if key not in labels and not complete:
        return None
    present, value = key in labels, labels.get(key)
    match operator:
        case "In":
            return present and value in values
        case "NotIn":
            return not present or value not in values
        case "Exists":
            return present
        case "DoesNotExist":
            return not present
        case _:
            return None


def keys_of(selector: object) -> frozenset[str]:
    """Every label key that a LabelSelector asks about."""
    if not isinstance(selector, Mapping):
        return frozenset()
    wanted, expressions = selector.get("matchLabels"), selector.get("matchExpressions")
    keys = {str(key) for key in wanted} if isinstance(wanted, Mapping) else set[str]()
    for item in expressions if isinstance(expressions, list | tuple) else ():
        if isinstance(item, Mapping):
            keys.add(str(item.get("key")))
    return frozenset(keys)


def selector_words(selector: object) -> str:
    """Return a LabelSelector in words, as ``app=web, tier NotIn (db)``; "any" when it selects everything."""
    if not isinstance(selector, Mapping):
        return "any"
    wanted, expressions = selector.get("matchLabels"), selector.get("matchExpressions")
    words = [f"{key}={value}" for key, value in wanted.items()] if isinstance(wanted, Mapping) else []
    for item in expressions if isinstance(expressions, list | tuple) else ():
        if isinstance(item, Mapping):
            values = item.get("values")
            listed = f" ({', '.join(map(str, values))})" if isinstance(values, list | tuple) and values else ""
            words.append(f"{item.get('key')} {item.get('operator')}{listed}")
    return ", ".join(words) or "any"


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One label that keeps an object from being selected; ``found`` is None when it has no such label."""

    key: str
    wanted: str
    found: str | None


def differences(selector: Mapping[str, str | None], labels: Mapping[str, str]) -> tuple[Difference, ...]:
    """Return the pairs of a plain selector that *labels* do not carry, in the selector's order."""
    return tuple(
        Difference(key=key, wanted=value or "", found=labels.get(key))
        for key, value in selector.items()
        if labels.get(key) != (value or "")
    )
