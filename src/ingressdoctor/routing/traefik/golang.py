"""Parse the part of Go's expression language in which rules are written, refusing what Go refuses.

Only expressions that Traefik can use become a tree; composite literals, types and functions are refused at once,
because Traefik refuses every one of them later anyway. What the calls mean is decided in ``rules.py``.

Source: go/parser/parser.go (ParseExpr), go/token precedences.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec

from ingressdoctor.routing.traefik.errors import NestingError, RuleError
from ingressdoctor.routing.traefik.golex import Token, position_of, scan

__all__ = ["Call", "Chain", "Expr", "Index", "Literal", "Name", "Paren", "Select", "Star", "Unary", "parse_expression"]

_MAX_DEPTH: Final = 120
_PRECEDENCE: Final = {
    "||": 1,
    "&&": 2,
    **dict.fromkeys(["==", "!=", "<", "<=", ">", ">="], 3),
    **dict.fromkeys(["+", "-", "|", "^"], 4),
    **dict.fromkeys(["*", "/", "%", "<<", ">>", "&", "&^"], 5),
}
_LITERALS: Final = frozenset(["INT", "FLOAT", "IMAG", "CHAR", "STRING"])
_UNARY: Final = frozenset(["+", "-", "!", "^", "&", "~", "<-"])
_TYPES: Final = {
    "[": "*ast.ArrayType",
    "struct": "*ast.StructType",
    "func": "*ast.FuncType",
    "interface": "*ast.InterfaceType",
    "map": "*ast.MapType",
    "chan": "*ast.ChanType",
}


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
    """``function(arguments)``; ``offset`` is where it starts in the rule."""

    function: Expr
    arguments: tuple[Expr, ...]
    offset: int


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


def parse_expression(text: str) -> Expr:
    """Parse a whole rule.

    Raises:
        RuleError: Go's parser refuses it; the text is Go's own.
        NestingError: more than 120 levels of parentheses or prefixes.
    """
    tokens, errors = scan(text)
    parser = _Parser(text, tokens)
    try:
        expression = parser.whole()
    except RuleError as error:
        # A scanner error on the same line hides what the parser makes of it, as in Go.
        first = errors[0] if errors and errors[0].line <= max(error.line, 1) else error
        before = first.line == error.line and 0 < error.column < first.column
        raise (error if before else first) from None
    if errors:
        raise errors[0]
    return expression


class _Parser:
    """A cursor over the tokens of one rule; lives for one call of ``parse_expression``."""

    def __init__(self, text: str, tokens: tuple[Token, ...]) -> None:
        self._text = text
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    @property
    def token(self) -> Token:
        return self._tokens[self._at]

    def whole(self) -> Expr:
        expression = self._binary(1)
        if self.token.kind == ";" and self.token.text == "\n":
            self._next()
        self._expect("EOF")
        return expression

    def _next(self) -> Token:
        token = self.token
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def _fail(self, message: str) -> RuleError:
        line, column = position_of(self._text, self.token.offset)
        return RuleError(f"{line}:{column}: {message}", line=line, column=column)

    def _expect(self, kind: str) -> Token:
        if self.token.kind != kind:
            raise self._fail(f"expected '{kind}', found {self.token.found}")
        return self._next()

    def _binary(self, lowest: int) -> Expr:
        left = self._unary()
        while True:
            operator = self.token.kind
            if operator == "=":
                raise self._fail("expected '==', found '='")
            precedence = _PRECEDENCE.get(operator, 0)
            if precedence < lowest:
                return left
            self._next()
            operands = [self._binary(precedence + 1)]
            while self.token.kind == operator:
                self._next()
                operands.append(self._binary(precedence + 1))
            left = Chain(operator, (left, *operands))

    def _unary(self) -> Expr:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise NestingError(f"more than {_MAX_DEPTH} levels of nesting")
        try:
            if self.token.kind in _UNARY:
                operator = self._next().kind
                return Unary(operator, self._unary())
            if self.token.kind == "*":
                self._next()
                return Star(self._unary())
            return self._primary()
        finally:
            self._depth -= 1

    def _primary(self) -> Expr:
        start = self.token.offset
        expression = self._operand()
        while True:
            match self.token.kind:
                case "(":
                    expression = Call(expression, self._arguments(), start)
                case ".":
                    self._next()
                    expression = Select(expression, self._selector())
                case "[":
                    self._next()
                    self._binary(1)
                    self._expect("]")
                    expression = Index(expression)
                case "{" if isinstance(expression, (Name, Select, Index)):
                    raise RuleError("*ast.CompositeLit is not supported")
                case _:
                    return expression

    def _selector(self) -> str:
        if self.token.kind != "IDENT":
            raise self._fail(f"expected selector or type assertion, found {self.token.found}")
        return self._next().text

    def _operand(self) -> Expr:
        token = self.token
        if token.kind == "IDENT":
            return Name(self._next().text)
        if token.kind in _LITERALS:
            self._next()
            return Literal(token.kind, token.text, token.value)
        if token.kind == "(":
            self._next()
            inner = self._binary(1)
            if self.token.kind != ")":
                raise self._fail(f"expected ')', found {self.token.found}")
            self._next()
            return Paren(inner)
        if token.kind in _TYPES:
            raise RuleError(f"{_TYPES[token.kind]} is not supported")
        raise self._fail(f"expected operand, found {token.found}")

    def _arguments(self) -> tuple[Expr, ...]:
        """Read ``(a, b...)``; a trailing comma and one ellipsis are allowed, a line end before ``)`` is not."""
        self._next()
        arguments: list[Expr] = []
        while self.token.kind not in (")", "EOF"):
            arguments.append(self._binary(1))
            if self.token.kind == "...":
                self._next()
                if self.token.kind == ",":
                    self._next()
                break
            if self.token.kind == ")":
                break
            self._comma()
        self._expect(")")
        return tuple(arguments)

    def _comma(self) -> None:
        if self.token.kind != ",":
            at_line_end = self.token.kind == ";" and self.token.text == "\n"
            raise self._fail(f"missing ','{' before newline' if at_line_end else ''} in argument list")
        self._next()
