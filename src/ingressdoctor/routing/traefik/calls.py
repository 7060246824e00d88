"""Evaluate one call in a rule, and its arguments, or refuse it in Traefik's words. ``rules.py`` says what it means.

Source: predicate: parse.go (evaluateExpr, callFunction), Go: reflect.Value.Call.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from ingressdoctor.routing.traefik.errors import RuleError
from ingressdoctor.routing.traefik.goast import Call, Expr, Index, Literal, Name, Select, go_type

__all__ = ["Foreign", "called", "value_of"]

_MAX_INT: Final = 2**63 - 1
_NO_NUMBER: Final = 'failed to parse argument: %s, error: strconv.Atoi: parsing "%s"'


class Foreign(msgspec.Struct, frozen=True):
    """An argument that is no string, by its type in Go."""

    kind: str


class _Calling(msgspec.Struct):
    call: Call
    name: str
    arguments: list[str | Foreign] = msgspec.field(default_factory=list)


def called(call: Call, names: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    """Return the declared name and the arguments of a call; one call may be another's argument, and is refused then."""
    above = [_Calling(call, _declared(call, names))]
    while True:
        top = above[-1]
        if len(top.arguments) < len(top.call.arguments):
            argument = top.call.arguments[len(top.arguments)]
            if isinstance(argument, Call):
                above.append(_Calling(argument, _declared(argument, names)))
            else:
                top.arguments.append(value_of(argument))
            continue
        # All arguments are evaluated before the first of a wrong type is refused.
        wrong = next((item for item in top.arguments if isinstance(item, Foreign)), None)
        if wrong is not None:
            raise RuleError(f"reflect: cannot use {wrong.kind} as type string in Call")
        above.pop()
        if not above:
            return top.name, tuple(item for item in top.arguments if isinstance(item, str))
        above[-1].arguments.append(Foreign("rules.TreeBuilder"))


def _declared(call: Call, names: Mapping[str, str]) -> str:
    written = _function_name(call.function)
    if written not in names:
        raise RuleError(f"unsupported function: {written}")
    return names[written]


def _function_name(function: Expr) -> str:
    match function:
        case Name(name):
            return name
        case Select(Name(left), name):
            return f"{left}.{name}"
        case Select(left, _):
            raise RuleError(f"expected selector identifier, got: {go_type(left)}")
        case _:
            raise RuleError(f"expected identifier, got: {go_type(function)}")


def value_of(expression: Expr) -> str | Foreign:
    """Return a literal's value; everything else is refused in Traefik's words."""
    match expression:
        case Literal("STRING", _, value):
            return value
        case Literal("INT", text, _):
            if not text.isdecimal():
                raise RuleError(f"{_NO_NUMBER % (text, text)}: invalid syntax")
            if len(text.lstrip("0")) > 19 or int(text) > _MAX_INT:
                raise RuleError(f"{_NO_NUMBER % (text, text)}: value out of range")
            return Foreign("int")
        case Literal("FLOAT"):
            return Foreign("float64")
        case Literal(kind, _, _):
            raise RuleError(f"unsupported function argument type: '{kind}'")
        case Name(name):
            raise RuleError(f"{name} is not defined")
        case Select():
            raise RuleError(f"{_dotted(expression)} is not defined")
        case Index():
            raise RuleError("properties are not supported")
        case _:
            raise RuleError(f"{go_type(expression)} is not supported")


def _dotted(expression: Expr) -> str:
    names: list[str] = []
    while isinstance(expression, Select):
        names.append(expression.name)
        expression = expression.left
    if not isinstance(expression, Name):
        raise RuleError(f"unsupported selector type: {go_type(expression)}")
    return ".".join(reversed([*names, expression.name]))
