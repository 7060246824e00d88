"""Compile a rule for one syntax and version, and judge requests by it.

The three-valued answer is True, False or None (a matcher that cannot be decided from what is known of the request).
Which routes there are, and which of them wins, is ``table.py``'s business.

Source: traefik: pkg/muxer/http/mux.go (addRule, match), pkg/rules/parser.go (CheckRule).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, TypeAlias

import msgspec

from ingressdoctor.routing.traefik.errors import RuleError
from ingressdoctor.routing.traefik.matchers import V3, Tested
from ingressdoctor.routing.traefik.matchers_v2 import V2
from ingressdoctor.routing.traefik.request import Seen
from ingressdoctor.routing.traefik.rules import AllOf, Matcher, Rule, parse_rule, spellings
from ingressdoctor.routing.traefik.version import Version

__all__ = ["Compiled", "Leaf", "Node", "Verdict", "anchors", "compile_rule", "judge", "named_hosts", "never_reason"]

_TABLES: Final = {"v2": V2, "v3": V3}
_NAMES: Final = {syntax: spellings(tuple(table)) for syntax, table in _TABLES.items()}


class Leaf(msgspec.Struct, frozen=True):
    """One matcher, ready to test."""

    matcher: Matcher
    tested: Tested

    @property
    def text(self) -> str:
        """The matcher as it could be written."""
        arguments = ", ".join(f"`{argument}`" for argument in self.matcher.arguments)
        return f"{'!' if self.matcher.negated else ''}{self.matcher.name}({arguments})"


class Node(msgspec.Struct, frozen=True):
    """Parts joined by "and" (``every``) or "or"."""

    every: bool
    parts: tuple[Compiled, ...]


Compiled: TypeAlias = "Leaf | Node"


class Verdict(msgspec.Struct, frozen=True):
    """Whether a rule matches, and the first thing that decided it."""

    matches: bool | None
    why: str


@lru_cache(maxsize=20_000)
def _compiled(text: str, syntax: str, version: Version) -> Compiled | RuleError:
    try:
        return _build(parse_rule(text, _NAMES[syntax]), syntax, version)
    except RuleError as error:
        return error


def compile_rule(text: str, syntax: str, version: Version) -> Compiled:
    """Compile a rule; an unknown *syntax* counts as v3, as in Traefik.

    Raises:
        RuleError: Traefik refuses the rule.
        NestingError: it nests deeper than the model follows.
    """
    result = _compiled(text, syntax if syntax in _TABLES else "v3", version)
    if isinstance(result, RuleError):
        raise result
    return result


def _build(rule: Rule, syntax: str, version: Version) -> Compiled:
    if isinstance(rule, Matcher):
        return _leaf(rule, syntax, version)
    every = isinstance(rule, AllOf)
    word = "and" if every else "or"
    parts = []
    for index, part in enumerate(rule.parts):
        try:
            parts.append(_build(part, syntax, version))
        except RuleError as error:
            # Chains are left-associative trees in Traefik, and only the left branch wraps its error.
            depth = len(rule.parts) - 1 - max(index - 1, 0) - (1 if index else 0)
            raise RuleError(f"error while adding rule {word}: " * depth + error.reason) from None
    return Node(every, tuple(parts))


def _leaf(matcher: Matcher, syntax: str, version: Version) -> Leaf:
    if not matcher.arguments:
        raise RuleError(f"error while checking rule {matcher.name}: no args for matcher {matcher.name}")
    if not all(matcher.arguments):
        shown = " ".join(matcher.arguments)
        reason = f"empty args for matcher {matcher.name}, [{shown}]"
        raise RuleError(f"error while checking rule {matcher.name}: {reason}")
    try:
        return Leaf(matcher, _TABLES[syntax][matcher.name](matcher.arguments, version))
    except RuleError as error:
        raise RuleError(f"error while adding rule {matcher.name}: {error.reason}") from None


def judge(rule: Compiled, seen: Seen) -> Verdict:
    """Say whether the rule matches the request, with the first reason."""
    if isinstance(rule, Leaf):
        return _judge_leaf(rule, seen)
    undecided: Verdict | None = None
    last = Verdict(matches=rule.every, why="")
    for part in rule.parts:
        last = judge(part, seen)
        if last.matches is (not rule.every):
            return last
        if last.matches is None:
            undecided = undecided or last
    return undecided or last


def _judge_leaf(leaf: Leaf, seen: Seen) -> Verdict:
    result = leaf.tested.test(seen)
    if result is None:
        return Verdict(matches=None, why=f"{leaf.text} depends on the address of the client")
    matches = result is not leaf.matcher.negated
    if matches:
        return Verdict(matches=True, why=f"{leaf.text} matches")
    if leaf.tested.never and not leaf.matcher.negated:
        return Verdict(matches=False, why=f"{leaf.text} never matches: {leaf.tested.never}")
    return Verdict(matches=False, why=f"{leaf.text} does not match")


def named_hosts(rule: Compiled) -> tuple[str, ...]:
    """Return the hosts that the rule names by Host, lower case, in the order written; negated ones do not count."""
    if isinstance(rule, Leaf):
        is_host = rule.matcher.name in ("Host", "HostHeader") and not rule.matcher.negated
        return tuple(host.lower().removesuffix(".") for host in rule.matcher.arguments) if is_host else ()
    found: dict[str, None] = {}
    for part in rule.parts:
        found.update(dict.fromkeys(named_hosts(part)))
    return tuple(found)


def anchors(rule: Compiled) -> tuple[str, ...] | None:
    """Return hosts of which one must be the request's for the rule to match; None when no such set is known."""
    if isinstance(rule, Leaf):
        return named_hosts(rule) or None
    found = [anchors(part) for part in rule.parts]
    if rule.every:
        known = [hosts for hosts in found if hosts is not None]
        return min(known, key=len) if known else None
    if any(hosts is None for hosts in found):
        return None
    return tuple(dict.fromkeys(host for hosts in found for host in hosts or ()))


def never_reason(rule: Compiled) -> str:
    """Say why a rule that Traefik accepts cannot match any request; empty when it can."""
    if isinstance(rule, Leaf):
        impossible = rule.tested.never and not rule.matcher.negated
        return f"{rule.text}: {rule.tested.never}" if impossible else ""
    reasons = [never_reason(part) for part in rule.parts]
    if rule.every:
        return next((reason for reason in reasons if reason), "")
    return reasons[0] if all(reasons) else ""
