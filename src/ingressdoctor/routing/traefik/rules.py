"""Turn a rule into a tree of matchers, or say why Traefik refuses it.

Negation is pushed down to the matchers (De Morgan), as Traefik does when it builds the tree. Which names exist and
what they compare is the matchers' business (``matchers.py``, ``matchers_v2.py``); nothing is compared here.

Source: traefik: pkg/rules/parser.go, pkg/muxer/http/mux.go (addRule); predicate: parse.go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final, TypeAlias

import msgspec

from ingressdoctor.routing.traefik.calls import Foreign, called, value_of
from ingressdoctor.routing.traefik.errors import RuleError
from ingressdoctor.routing.traefik.goast import Call, Chain, Expr, Paren, Unary
from ingressdoctor.routing.traefik.golang import parse_expression

__all__ = ["MAX_KEPT", "AllOf", "AnyOf", "Matcher", "Rule", "leaves", "parse_rule", "print_rule", "spellings"]


class Matcher(msgspec.Struct, frozen=True):
    """One call: the declared name, its string arguments, and whether it is negated."""

    name: str
    arguments: tuple[str, ...]
    negated: bool = False


class AllOf(msgspec.Struct, frozen=True):
    """Parts that must all match."""

    parts: tuple[Rule, ...]


class AnyOf(msgspec.Struct, frozen=True):
    """Parts of which one must match."""

    parts: tuple[Rule, ...]


Rule: TypeAlias = "Matcher | AllOf | AnyOf"

MAX_KEPT: Final = 10_000  # characters; what was made of longer rules is not remembered
_OPERATORS: Final = frozenset(["&&", "||"])
# Nearly all rules there are: a cluster has thousands, and the grammar of Go is slow to follow.
_RAW: Final = re.compile(r"[ -_a-~]*")
_LITERAL_SAFE: Final = frozenset(chr(code) for code in range(0x20, 0x7F) if chr(code) not in '"\\')
_CALL: Final = r"([A-Za-z]{1,20})\((`[ !-_a-~]{0,300}`|\"[ !#-\[\]-~]{0,300}\")\)"
_PLAIN_CALL: Final = re.compile(_CALL)
_PLAIN: Final = re.compile(rf"{_CALL}(?: {{0,3}}&& {{0,3}}{_CALL}){{0,5}}")


def spellings(names: tuple[str, ...]) -> dict[str, str]:
    """Return every accepted spelling of the matcher names: as declared, lower, UPPER and Title-of-lower case."""
    return {form: name for name in names for form in (name.lower(), name.upper(), name.lower().title(), name)}


def leaves(rule: Rule) -> Iterator[Matcher]:
    """Yield all matchers of a rule, in the order they are written."""
    waiting = [rule]
    while waiting:
        item = waiting.pop()
        if isinstance(item, Matcher):
            yield item
        else:
            waiting += reversed(item.parts)


def print_rule(rule: Rule) -> str:
    """Write a rule so that parsing it again gives the same; the text, and so its length, may differ from the first."""
    written: list[str] = []
    waiting: list[Rule | str] = [rule]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            written.append(item)
        elif isinstance(item, Matcher):
            arguments = ", ".join(quote_literal(argument) for argument in item.arguments)
            written.append(f"{'!' if item.negated else ''}{item.name}({arguments})")
        else:
            waiting += reversed(list(_pieces(item)))
    return "".join(written)


def _pieces(rule: AllOf | AnyOf) -> Iterator[Rule | str]:
    """Yield the parts with what stands around and between them."""
    for index, part in enumerate(rule.parts):
        if index:
            yield " && " if isinstance(rule, AllOf) else " || "
        if isinstance(part, Matcher):
            yield part
        else:
            yield from ("(", part, ")")


def quote_literal(text: str) -> str:
    """Write a string as a Go literal, raw where that is possible."""
    if _RAW.fullmatch(text):
        return f"`{text}`"
    encoded = text.encode("utf-8", "surrogateescape")
    return '"' + "".join(chr(byte) if chr(byte) in _LITERAL_SAFE else f"\\x{byte:02x}" for byte in encoded) + '"'


def parse_rule(text: str, names: Mapping[str, str]) -> Rule:
    """Parse a rule; *names* maps accepted spellings to declared names.

    Raises:
        RuleError: Traefik refuses it.
    """
    plain = _plain(text, names)
    if plain is not None:
        return plain
    expression = _parsed(text) if len(text) <= MAX_KEPT else _parsed.__wrapped__(text)
    if isinstance(expression, RuleError):
        raise expression
    rule = _convert(expression, names)
    if isinstance(rule, (str, Foreign)):
        raise RuleError("obtaining build tree")
    return rule


def _plain(text: str, names: Mapping[str, str]) -> Rule | None:
    """Return a rule of the usual form, matchers of one plain argument joined by &&; None for any other text."""
    if not _PLAIN.fullmatch(text):
        return None
    found: list[Matcher] = []
    for match in _PLAIN_CALL.finditer(text):
        declared = names.get(match[1])
        if declared is None:
            return None
        found.append(Matcher(declared, (match[2][1:-1],)))
    return found[0] if len(found) == 1 else AllOf(tuple(found))


@lru_cache(maxsize=20_000)
def _parsed(text: str) -> Expr | RuleError:
    try:
        return parse_expression(text)
    except RuleError as error:
        return error


class _Joining(msgspec.Struct):
    chain: Chain
    negated: bool
    parts: list[Rule | str | Foreign] = msgspec.field(default_factory=list)

    def take(self, value: Rule | str | Foreign) -> None:
        """Add a part; Go joins to the left, so the first two are converted before their operator is judged."""
        self.parts.append(value)
        if len(self.parts) == 2:
            if self.chain.operator not in _OPERATORS:
                raise RuleError(f"{self.chain.operator} is not supported")
            _rule(self.parts[0])
        if len(self.parts) > 1:
            _rule(value)

    @property
    def rule(self) -> Rule:
        parts = tuple(_rule(part) for part in self.parts)
        return AllOf(parts) if (self.chain.operator == "&&") is not self.negated else AnyOf(parts)


def _convert(expression: Expr, names: Mapping[str, str]) -> Rule | str | Foreign:
    """Return the rule that an expression stands for, or the string of a literal."""
    above: list[_Joining] = []
    current, negated = expression, False
    while True:
        inner, inverted, prefixed = _stripped(current, negated=negated)
        if isinstance(inner, Chain):
            above.append(_Joining(inner, inverted))
            current, negated = inner.operands[0], inverted
            continue
        value: Rule | str | Foreign = (
            Matcher(*called(inner, names), inverted) if isinstance(inner, Call) else value_of(inner)
        )
        value = _rule(value) if prefixed else value
        while above:
            top = above[-1]
            top.take(value)
            if len(top.parts) < len(top.chain.operands):
                current, negated = top.chain.operands[len(top.parts)], top.negated
                break
            value = above.pop().rule
        else:
            return value


def _stripped(expression: Expr, *, negated: bool) -> tuple[Expr, bool, bool]:
    """Return what stands in parentheses and behind prefixes, whether it is negated, and whether prefixes were there."""
    prefixed = False
    while isinstance(expression, (Paren, Unary)):
        if isinstance(expression, Unary):
            if expression.operator != "!":
                raise RuleError(f"{expression.operator} is not supported")
            negated, prefixed = not negated, True
        expression = expression.inner
    return expression, negated, prefixed


def _rule(converted: Rule | str | Foreign) -> Rule:
    if isinstance(converted, (str, Foreign)):
        kind = "string" if isinstance(converted, str) else converted.kind
        raise RuleError(f"reflect: Call using {kind} as type rules.TreeBuilder")
    return converted
