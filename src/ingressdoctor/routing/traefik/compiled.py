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
from ingressdoctor.routing.traefik.rules import MAX_KEPT, Matcher, parse_rule, spellings
from ingressdoctor.routing.traefik.trees import Node, Verdict, build_tree, fold, judge_tree, leaves_of
from ingressdoctor.routing.traefik.version import Version

__all__ = ["Compiled", "Leaf", "anchors", "compile_rule", "judge", "named_hosts", "never_of", "never_reason"]

_TABLES: Final = {"v2": V2, "v3": V3}
_WRAPS: Final = ("error while adding rule or: ", "error while adding rule and: ")
_MAX_ANCHORS: Final = 5_000
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


Compiled: TypeAlias = "Leaf | Node[Leaf]"


@lru_cache(maxsize=20_000)
def _compiled(text: str, syntax: str, version: Version) -> Compiled | RuleError:
    try:
        rule = parse_rule(text, _NAMES[syntax])
        wraps = _WRAPS if version.major >= 3 else ("", "")
        return build_tree(rule, lambda matcher: _leaf(matcher, syntax, version), wraps)
    except RuleError as error:
        return error


def compile_rule(text: str, syntax: str, version: Version) -> Compiled:
    """Compile a rule; an unknown *syntax* counts as v3, as in Traefik.

    Raises:
        RuleError: Traefik refuses the rule.
    """
    build = _compiled if len(text) <= MAX_KEPT else _compiled.__wrapped__
    result = build(text, syntax if syntax in _TABLES else "v3", version)
    if isinstance(result, RuleError):
        raise result
    return result


def _leaf(matcher: Matcher, syntax: str, version: Version) -> Leaf:
    words = "" if version.major < 3 else f"rule {matcher.name}: "  # Traefik 2 gives the reason alone
    checking, adding = (f"error while {what} {words}" if words else "" for what in ("checking", "adding"))
    if not matcher.arguments:
        raise RuleError(f"{checking}no args for matcher {matcher.name}")
    if not all(matcher.arguments):
        shown = " ".join(matcher.arguments)
        raise RuleError(f"{checking}empty args for matcher {matcher.name}, [{shown}]")
    try:
        return Leaf(matcher, _TABLES[syntax][matcher.name](matcher.arguments, version))
    except RuleError as error:
        raise RuleError(f"{adding}{error.reason}") from None


def judge(rule: Compiled, seen: Seen) -> Verdict:
    """Say whether the rule matches the request, with the first reason."""
    if isinstance(rule, Leaf):
        return _judge_leaf(rule, seen)
    if rule.every and (last := _last_of_all(rule.parts, seen)) is not None:
        return Verdict(matches=True, why=f"{last.text} matches")
    tree: Compiled = rule
    return judge_tree(tree, lambda leaf: _judge_leaf(leaf, seen))


def _last_of_all(parts: tuple[Compiled, ...], seen: Seen) -> Leaf | None:
    """Return the last of matchers that all match, as those of most routes do; None where it takes a closer look."""
    last: Leaf | None = None
    for part in parts:
        if not isinstance(part, Leaf):
            return None
        result = part.tested.test(seen)
        if result is None or result is part.matcher.negated:
            return None
        last = part
    return last


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
    return tuple(dict.fromkeys(host for leaf in leaves_of(rule) for host in _hosts(leaf)))


def _hosts(leaf: Leaf) -> tuple[str, ...]:
    is_host = leaf.matcher.name in ("Host", "HostHeader") and not leaf.matcher.negated
    return tuple(host.lower().removesuffix(".") for host in leaf.matcher.arguments) if is_host else ()


def anchors(rule: Compiled) -> tuple[str, ...] | None:
    """Return hosts of which one must be the request's for the rule to match; None when no such set is known."""
    return fold(rule, lambda leaf: _hosts(leaf) or None, _anchored)


def _anchored(every: bool, found: list[tuple[str, ...] | None]) -> tuple[str, ...] | None:
    known = [hosts for hosts in found if hosts is not None]
    if every:
        return min(known, key=len) if known else None
    hosts = tuple(dict.fromkeys(host for part in known for host in part))
    # A deep rule would copy its hosts once for every level.
    return hosts if len(known) == len(found) and len(hosts) <= _MAX_ANCHORS else None


def never_reason(rule: Compiled) -> str:
    """Say why a rule that Traefik accepts cannot match any request; empty when it can."""
    return fold(rule, _leaf_never, never_of)


def _leaf_never(leaf: Leaf) -> str:
    impossible = leaf.tested.never and not leaf.matcher.negated
    return f"{leaf.text}: {leaf.tested.never}" if impossible else ""


def never_of(every: bool, reasons: list[str]) -> str:
    """Return why a node can never match, by the reasons of its parts; empty for a part that can."""
    if every:
        return next((reason for reason in reasons if reason), "")
    return reasons[0] if all(reasons) else ""
