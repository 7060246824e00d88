"""Compile a TCP rule for one syntax and version, and judge connections by it.

The grammar is that of HTTP rules (``rules.py``); the matchers are in ``tcp_matchers.py``. Which routers there are is
``tcp_table.py``'s business.

Source: traefik: pkg/muxer/tcp/mux.go (AddRoute, GetRulePriority, ParseHostSNI, addRule), pkg/rules/parser.go.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, TypeAlias

import msgspec

from ingressdoctor.routing.traefik.compiled import Verdict
from ingressdoctor.routing.traefik.errors import NestingError, RuleError
from ingressdoctor.routing.traefik.rules import AllOf, Matcher, Rule, leaves, parse_rule, spellings
from ingressdoctor.routing.traefik.tcp_matchers import TCP_V2, TCP_V3, Connection, TcpTested, go_quoted
from ingressdoctor.routing.traefik.version import Version

__all__ = ["CATCH_ALL_PRIORITY", "TcpLeaf", "TcpNode", "TcpRule", "compile_tcp_rule", "default_priority", "judge_tcp"]

CATCH_ALL_PRIORITY: Final = -1

_TABLES: Final = {"v2": TCP_V2, "v3": TCP_V3}
_NAMES: Final = spellings(tuple(TCP_V3))
_HOST_SNI_ONLY: Final = spellings(("HostSNI",))


class TcpLeaf(msgspec.Struct, frozen=True):
    """One matcher, ready to test."""

    matcher: Matcher
    tested: TcpTested

    @property
    def text(self) -> str:
        """The matcher as it could be written."""
        arguments = ", ".join(f"`{argument}`" for argument in self.matcher.arguments)
        return f"{'!' if self.matcher.negated else ''}{self.matcher.name}({arguments})"


class TcpNode(msgspec.Struct, frozen=True):
    """Parts joined by "and" (``every``) or "or"."""

    every: bool
    parts: tuple[TcpTree, ...]


TcpTree: TypeAlias = "TcpLeaf | TcpNode"


class TcpRule(msgspec.Struct, frozen=True):
    """A rule that Traefik takes.

    ``hosts`` are the values of every HostSNI, lower case, negated ones included, in order; ``catch_all`` tells that
    the rule is HostSNI(`*`) and nothing else; ``never`` says why no client can match it, empty when one can.
    """

    tree: TcpTree
    hosts: tuple[str, ...]
    catch_all: bool
    never: str = ""


def compile_tcp_rule(text: str, syntax: str, version: Version, *, tls: bool = True) -> TcpRule:
    """Compile a rule; an unknown *syntax* counts as v3. ``tls`` is whether its router has a tls section.

    Raises:
        RuleError: Traefik disables the router; the text is what its API says.
        NestingError: the rule nests deeper than the model follows.
    """
    try:
        rule = _parsed(text)
    except RuleError as error:
        raise RuleError(f"invalid rule: {go_quoted(text)} , {error.reason}", line=error.line) from None
    hosts = tuple(host.lower() for matcher in leaves(rule) if matcher.name == "HostSNI" for host in matcher.arguments)
    if hosts and not tls and hosts[0] != "*":
        raise RuleError(f"invalid rule: {go_quoted(text)} , has HostSNI matcher, but no TLS on router")
    try:
        tree = _compiled(text, syntax if syntax in _TABLES else "v3", version)
    except RuleError as error:
        raise RuleError(f"error while adding rule {text}: {error.reason}") from None
    return TcpRule(tree, hosts, _is_catch_all(rule), _never(tree))


@lru_cache(maxsize=20_000)
def _parsed(text: str) -> Rule:
    return parse_rule(text, _NAMES)


@lru_cache(maxsize=20_000)
def _compiled(text: str, syntax: str, version: Version) -> TcpTree:
    return _build(_parsed(text), syntax, version)


def default_priority(text: str) -> int:
    """Return the priority of a rule without one: its length in bytes, or -1 for HostSNI(`*`) alone."""
    length = len(text.encode("utf-8", "replace"))
    try:
        return CATCH_ALL_PRIORITY if _is_catch_all(parse_rule(text, _HOST_SNI_ONLY)) else length
    except (RuleError, NestingError):
        return length


def _is_catch_all(rule: Rule) -> bool:
    # Traefik looks at the one matcher and forgets whether it is negated.
    return isinstance(rule, Matcher) and rule.name == "HostSNI" and rule.arguments == ("*",)


def _build(rule: Rule, syntax: str, version: Version) -> TcpTree:
    if isinstance(rule, Matcher):
        if not rule.arguments:
            raise RuleError(f"no args for matcher {rule.name}")
        if "" in rule.arguments:
            raise RuleError(f"empty args for matcher {rule.name}, [{' '.join(rule.arguments)}]")
        return TcpLeaf(rule, _TABLES[syntax][rule.name](rule.arguments, version))
    return TcpNode(isinstance(rule, AllOf), tuple(_build(part, syntax, version) for part in rule.parts))


def _never(tree: TcpTree) -> str:
    if isinstance(tree, TcpLeaf):
        impossible = tree.tested.never and not tree.matcher.negated
        return f"{tree.text}: {tree.tested.never}" if impossible else ""
    reasons = [_never(part) for part in tree.parts]
    if tree.every:
        return next((reason for reason in reasons if reason), "")
    return reasons[0] if all(reasons) else ""


def judge_tcp(rule: TcpRule, connection: Connection) -> Verdict:
    """Say whether the rule matches the connection; None when that hangs on a client address nobody named."""
    return _judge(rule.tree, connection)


def _judge(tree: TcpTree, connection: Connection) -> Verdict:
    if isinstance(tree, TcpLeaf):
        return _judge_leaf(tree, connection)
    undecided: Verdict | None = None
    last = Verdict(matches=tree.every, why="")
    for part in tree.parts:
        last = _judge(part, connection)
        if last.matches is (not tree.every):
            return last
        if last.matches is None:
            undecided = undecided or last
    return undecided or last


def _judge_leaf(leaf: TcpLeaf, connection: Connection) -> Verdict:
    result = leaf.tested.test(connection)
    if result is None:
        return Verdict(matches=None, why=f"{leaf.text} depends on the address of the client")
    if result is not leaf.matcher.negated:
        return Verdict(matches=True, why=f"{leaf.text} matches")
    if leaf.tested.never and not leaf.matcher.negated:
        return Verdict(matches=False, why=f"{leaf.text} never matches: {leaf.tested.never}")
    return Verdict(matches=False, why=f"{leaf.text} does not match")
