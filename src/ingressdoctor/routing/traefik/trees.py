"""Trees of matchers, and how to walk them: Traefik takes rules that nest deeper than Python's stack, so nothing recurs.

What a matcher is, and what it compares, is the caller's business.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

import msgspec

from ingressdoctor.routing.traefik.errors import RuleError
from ingressdoctor.routing.traefik.rules import AllOf, Matcher, Rule

__all__ = ["Node", "Verdict", "build_tree", "fold", "judge_tree", "leaves_of"]

LeafT = TypeVar("LeafT", bound=msgspec.Struct)
FoundT = TypeVar("FoundT")


class Node(msgspec.Struct, Generic[LeafT], frozen=True):
    """Parts joined by "and" (``every``) or "or"."""

    every: bool
    parts: tuple[LeafT | Node[LeafT], ...]


class Verdict(msgspec.Struct, frozen=True):
    """Whether a rule matches, and the first thing that decided it; None when that is not known."""

    matches: bool | None
    why: str


class _Building(msgspec.Struct, Generic[LeafT]):
    every: bool
    source: tuple[Rule, ...]
    parts: list[LeafT | Node[LeafT]] = msgspec.field(default_factory=list)


class _Judging(msgspec.Struct, Generic[LeafT]):
    node: Node[LeafT]
    next: int = 0
    undecided: Verdict | None = None


class _Folding(msgspec.Struct, Generic[LeafT, FoundT]):
    node: Node[LeafT]
    found: list[FoundT] = msgspec.field(default_factory=list)


def build_tree(rule: Rule, leaf: Callable[[Matcher], LeafT], wraps: tuple[str, str] = ("", "")) -> LeafT | Node[LeafT]:
    """Build every matcher of a rule, in the order written.

    ``wraps`` is what Traefik puts before an error for each "or", and for each "and", that it comes through.

    Raises:
        RuleError: a matcher is refused.
    """
    above: list[_Building[LeafT]] = []
    current = rule
    while True:
        if not isinstance(current, Matcher):
            above.append(_Building(isinstance(current, AllOf), current.parts))
            current = current.parts[0]
            continue
        try:
            built: LeafT | Node[LeafT] = leaf(current)
        except RuleError as error:
            raise RuleError("".join(_wrapping(one, wraps) for one in above) + error.reason, line=error.line) from None
        while above:
            top = above[-1]
            top.parts.append(built)
            if len(top.parts) < len(top.source):
                current = top.source[len(top.parts)]
                break
            above.pop()
            built = Node(top.every, tuple(top.parts))
        else:
            return built


def _wrapping(item: _Building[LeafT], wraps: tuple[str, str]) -> str:
    """Return what stands before the error of the next part: chains are left-associative, only left branches wrap."""
    index = len(item.parts)
    return wraps[item.every] * (len(item.source) - 1 - max(index - 1, 0) - (1 if index else 0))


def judge_tree(tree: LeafT | Node[LeafT], judge_leaf: Callable[[LeafT], Verdict]) -> Verdict:
    """Say whether a rule matches, with the first reason; it asks no more matchers than that takes."""
    if not isinstance(tree, Node):
        return judge_leaf(tree)
    above = [_Judging(tree)]
    verdict = Verdict(matches=None, why="")
    while above:
        top = above[-1]
        part = top.node.parts[top.next]
        top.next += 1
        if isinstance(part, Node):
            above.append(_Judging(part))
            continue
        verdict = judge_leaf(part)
        while above and (settled := _settled(above[-1], verdict)) is not None:
            verdict = settled
            above.pop()
    return verdict


def _settled(judging: _Judging[LeafT], last: Verdict) -> Verdict | None:
    """Return what a node comes to after one more of its parts; None when that hangs on the next part."""
    if last.matches is (not judging.node.every):
        return last
    if last.matches is None:
        judging.undecided = judging.undecided or last
    return (judging.undecided or last) if judging.next == len(judging.node.parts) else None


def fold(
    tree: LeafT | Node[LeafT], leaf: Callable[[LeafT], FoundT], join: Callable[[bool, list[FoundT]], FoundT]
) -> FoundT:
    """Return what ``leaf`` makes of the matchers, joined node by node; ``join`` also gets the kind of the node."""
    if not isinstance(tree, Node):
        return leaf(tree)
    above: list[_Folding[LeafT, FoundT]] = [_Folding(tree)]
    while True:
        top = above[-1]
        part = top.node.parts[len(top.found)]
        if isinstance(part, Node):
            above.append(_Folding(part))
            continue
        found = leaf(part)
        above[-1].found.append(found)
        while len(above[-1].found) == len(above[-1].node.parts):
            done = above.pop()
            found = join(done.node.every, done.found)
            if not above:
                return found
            above[-1].found.append(found)


def leaves_of(tree: LeafT | Node[LeafT]) -> Iterator[LeafT]:
    """Yield every matcher, in the order written."""
    waiting: list[LeafT | Node[LeafT]] = [tree]
    while waiting:
        item = waiting.pop()
        if isinstance(item, Node):
            waiting += reversed(item.parts)
        else:
            yield item
