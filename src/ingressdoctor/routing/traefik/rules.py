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

from ingressdoctor.routing.traefik.errors import RuleError
from ingressdoctor.routing.traefik.golang import (
    Call,
    Chain,
    Expr,
    Index,
    Literal,
    Name,
    Paren,
    Select,
    Star,
    Unary,
    parse_expression,
)

__all__ = ["AllOf", "AnyOf", "Matcher", "Rule", "leaves", "parse_rule", "print_rule", "spellings"]


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
    if isinstance(rule, Matcher):
        yield rule
        return
    for part in rule.parts:
        yield from leaves(part)


def print_rule(rule: Rule) -> str:
    """Write a rule so that parsing it again gives the same; the text, and so its length, may differ from the first."""
    if isinstance(rule, Matcher):
        arguments = ", ".join(quote_literal(argument) for argument in rule.arguments)
        return f"{'!' if rule.negated else ''}{rule.name}({arguments})"
    word = " && " if isinstance(rule, AllOf) else " || "
    return word.join(
        f"({print_rule(part)})" if not isinstance(part, Matcher) else print_rule(part) for part in rule.parts
    )


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
        NestingError: it nests deeper than the model follows.
    """
    plain = _plain(text, names)
    if plain is not None:
        return plain
    expression = _parsed(text)
    if isinstance(expression, RuleError):
        raise expression
    rule = _convert(expression, names, negated=False)
    if isinstance(rule, str):
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


def _convert(expression: Expr, names: Mapping[str, str], *, negated: bool) -> Rule | str:
    """Return the rule that an expression stands for, or the string of a literal."""
    match expression:
        case Paren(inner):
            return _convert(inner, names, negated=negated)
        case Unary(operator, inner):
            if operator != "!":
                raise RuleError(f"{operator} is not supported")
            return _rule(_convert(inner, names, negated=not negated))
        case Chain(operator, operands):
            # Go joins to the left: the first two operands are converted before their operator is judged.
            first = [_convert(item, names, negated=negated) for item in operands[:2]]
            if operator not in _OPERATORS:
                raise RuleError(f"{operator} is not supported")
            parts = [_rule(item) for item in first]
            parts += [_rule(_convert(item, names, negated=negated)) for item in operands[2:]]
            return AllOf(tuple(parts)) if (operator == "&&") is not negated else AnyOf(tuple(parts))
        case Call():
            return _call(expression, names, negated=negated)
        case _:
            return _value(expression)


def _rule(converted: Rule | str) -> Rule:
    if isinstance(converted, str):
        raise RuleError("reflect: Call using string as type rules.TreeBuilder")
    return converted


def _call(call: Call, names: Mapping[str, str], *, negated: bool) -> Matcher:
    written = _function_name(call.function)
    declared = names.get(written)
    if declared is None:
        raise RuleError(f"unsupported function: {written}")
    return Matcher(declared, tuple(_argument(item, names) for item in call.arguments), negated)


def _function_name(function: Expr) -> str:
    match function:
        case Name(name):
            return name
        case Select(Name(left), name):
            return f"{left}.{name}"
        case Select(left, _):
            raise RuleError(f"expected selector identifier, got: {_go_type(left)}")
        case _:
            raise RuleError(f"expected identifier, got: {_go_type(function)}")


def _argument(expression: Expr, names: Mapping[str, str]) -> str:
    if isinstance(expression, Call):
        _call(expression, names, negated=False)
        raise RuleError("reflect: cannot use rules.TreeBuilder as type string in Call")
    if isinstance(expression, Literal) and expression.kind in ("INT", "FLOAT"):
        _number(expression)
        kind = "int" if expression.kind == "INT" else "float64"
        raise RuleError(f"reflect: cannot use {kind} as type string in Call")
    return _value(expression)


def _value(expression: Expr) -> str:
    """Return a string literal's value; everything else is refused in Traefik's words."""
    match expression:
        case Literal("STRING", _, value):
            return value
        case Literal("INT" | "FLOAT", _, _):
            _number(expression)
            return expression.text
        case Literal(kind, _, _):
            raise RuleError(f"unsupported function argument type: '{kind}'")
        case Name(name):
            raise RuleError(f"{name} is not defined")
        case Select():
            raise RuleError(f"{_dotted(expression)} is not defined")
        case Index():
            raise RuleError("properties are not supported")
        case _:
            raise RuleError(f"{_go_type(expression)} is not supported")


def _number(literal: Literal) -> None:
    if literal.kind == "INT" and not literal.text.isdecimal():
        raise RuleError(
            f'failed to parse argument: {literal.text}, error: strconv.Atoi: parsing "{literal.text}": invalid syntax'
        )


def _dotted(expression: Expr) -> str:
    match expression:
        case Name(name):
            return name
        case Select(left, name):
            return f"{_dotted(left)}.{name}"
        case _:
            raise RuleError(f"unsupported selector type: {_go_type(expression)}")


_GO_TYPES: Final = {
    Literal: "*ast.BasicLit",
    Name: "*ast.Ident",
    Select: "*ast.SelectorExpr",
    Index: "*ast.IndexExpr",
    Call: "*ast.CallExpr",
    Paren: "*ast.ParenExpr",
    Star: "*ast.StarExpr",
    Unary: "*ast.UnaryExpr",
    Chain: "*ast.BinaryExpr",
}


def _go_type(expression: Expr) -> str:
    """Name an expression as Go's %T prints it."""
    return _GO_TYPES[type(expression)]
