"""The expressions of Go that a rule can hold, as values. ``golang.py`` makes them, ``rules.py`` reads them."""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec

__all__ = ["Call", "Chain", "Expr", "Index", "Literal", "Name", "Paren", "Select", "Star", "Unary", "go_type"]


class Literal(msgspec.Struct, frozen=True):
    """A literal: its token kind, its text, and for strings its value."""

    kind: str
    text: str
    value: str


class Name(msgspec.Struct, frozen=True):
    """A bare identifier."""

    name: str


class Select(msgspec.Struct, frozen=True):
    """``x.name``."""

    left: Expr
    name: str


class Index(msgspec.Struct, frozen=True):
    """``x[...]``."""

    left: Expr


class Call(msgspec.Struct, frozen=True):
    """``function(arguments)``."""

    function: Expr
    arguments: tuple[Expr, ...]


class Paren(msgspec.Struct, frozen=True):
    """``(x)``."""

    inner: Expr


class Star(msgspec.Struct, frozen=True):
    """``*x``."""

    inner: Expr


class Unary(msgspec.Struct, frozen=True):
    """A prefix operator."""

    operator: str
    inner: Expr


class Chain(msgspec.Struct, frozen=True):
    """Operands joined by one left-associative operator: ``a && b && c``."""

    operator: str
    operands: tuple[Expr, ...]


Expr: TypeAlias = "Literal | Name | Select | Index | Call | Paren | Star | Unary | Chain"


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


def go_type(expression: Expr) -> str:
    """Name an expression as Go's %T prints it."""
    return _GO_TYPES[type(expression)]
