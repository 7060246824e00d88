"""Compile a TCP rule for one syntax and version, and judge connections by it.

The grammar is that of HTTP rules (``rules.py``); the matchers are in ``tcp_matchers.py``. Which routers there are is
``tcp_table.py``'s business.

Source: traefik: pkg/muxer/tcp/mux.go (AddRoute, GetRulePriority, ParseHostSNI, addRule), pkg/rules/parser.go.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, TypeAlias

import msgspec

from ingressdoctor.routing.traefik.compiled import never_of
from ingressdoctor.routing.traefik.errors import RuleError
from ingressdoctor.routing.traefik.rules import MAX_KEPT, Matcher, Rule, leaves, parse_rule, spellings
from ingressdoctor.routing.traefik.tcp_matchers import TCP_V2, TCP_V3, Connection, TcpTested, go_quoted
from ingressdoctor.routing.traefik.trees import Node, Verdict, build_tree, fold, judge_tree
from ingressdoctor.routing.traefik.version import Version

__all__ = ["CATCH_ALL_PRIORITY", "TcpLeaf", "TcpRule", "TcpTree", "compile_tcp_rule", "default_priority", "judge_tcp"]

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


TcpTree: TypeAlias = "TcpLeaf | Node[TcpLeaf]"


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
    """
    try:
        rule = parse_rule(text, _NAMES)
    except RuleError as error:
        raise RuleError(f"invalid rule: {go_quoted(text)} , {error.reason}", line=error.line) from None
    hosts = tuple(host.lower() for matcher in leaves(rule) if matcher.name == "HostSNI" for host in matcher.arguments)
    if hosts and not tls and hosts[0] != "*":
        raise RuleError(f"invalid rule: {go_quoted(text)} , has HostSNI matcher, but no TLS on router")
    try:
        build = _compiled if len(text) <= MAX_KEPT else _compiled.__wrapped__
        tree = build(text, syntax if syntax in _TABLES else "v3", version)
    except RuleError as error:
        raise RuleError(f"error while adding rule {text}: {error.reason}") from None
    return TcpRule(tree, hosts, _is_catch_all(rule), fold(tree, _leaf_never, never_of))


@lru_cache(maxsize=20_000)
def _compiled(text: str, syntax: str, version: Version) -> TcpTree:
    return build_tree(parse_rule(text, _NAMES), lambda matcher: _leaf(matcher, syntax, version))


def default_priority(text: str) -> int:
    """Return the priority of a rule without one: its length in bytes, or -1 for HostSNI(`*`) alone."""
    length = len(text.encode("utf-8", "replace"))
    try:
        return CATCH_ALL_PRIORITY if _is_catch_all(parse_rule(text, _HOST_SNI_ONLY)) else length
    except RuleError:
        return length


def _is_catch_all(rule: Rule) -> bool:
    # Traefik looks at the one matcher and forgets whether it is negated.
    return isinstance(rule, Matcher) and rule.name == "HostSNI" and rule.arguments == ("*",)


def _leaf(matcher: Matcher, syntax: str, version: Version) -> TcpLeaf:
    if not matcher.arguments:
        raise RuleError(f"no args for matcher {matcher.name}")
    if "" in matcher.arguments:
        raise RuleError(f"empty args for matcher {matcher.name}, [{' '.join(matcher.arguments)}]")
    return TcpLeaf(matcher, _TABLES[syntax][matcher.name](matcher.arguments, version))


def _leaf_never(leaf: TcpLeaf) -> str:
    impossible = leaf.tested.never and not leaf.matcher.negated
    return f"{leaf.text}: {leaf.tested.never}" if impossible else ""


def judge_tcp(rule: TcpRule, connection: Connection) -> Verdict:
    """Say whether the rule matches the connection; None when that hangs on a client address nobody named."""
    return judge_tree(rule.tree, lambda leaf: _judge_leaf(leaf, connection))


def _judge_leaf(leaf: TcpLeaf, connection: Connection) -> Verdict:
    result = leaf.tested.test(connection)
    if result is None:
        return Verdict(matches=None, why=f"{leaf.text} depends on the address of the client")
    if result is not leaf.matcher.negated:
        return Verdict(matches=True, why=f"{leaf.text} matches")
    if leaf.tested.never and not leaf.matcher.negated:
        return Verdict(matches=False, why=f"{leaf.text} never matches: {leaf.tested.never}")
    return Verdict(matches=False, why=f"{leaf.text} does not match")
