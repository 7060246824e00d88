"""Parse the part of Go's expression language in which rules are written, refusing what Go refuses.

Only expressions that Traefik can use become a tree; composite literals, types and functions are refused at once,
because Traefik refuses every one of them later anyway. What the calls mean is decided in ``rules.py``. Nothing here
calls itself: Go follows 100,000 levels, more than Python's stack holds, so what is open waits in a list.

Source: go/parser/parser.go (ParseExpr), go/token precedences.
"""

from __future__ import annotations

from typing import Final

import msgspec

from ingressdoctor.routing.traefik.errors import RuleError
from ingressdoctor.routing.traefik.goast import Call, Chain, Expr, Index, Literal, Name, Paren, Select, Star, Unary
from ingressdoctor.routing.traefik.golex import Token, position_of, scan

__all__ = ["parse_expression"]

_MAX_NESTING: Final = 100_000
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


class _Open(msgspec.Struct):
    """Something begun and not ended: a ``prefix``, a ``chain`` of operands, a ``paren``, a ``call`` or an ``index``.

    ``levels`` is how deep Go nests for it. ``operands`` are those of a chain, or the arguments of a call, so far;
    ``left`` is what is called or indexed, ``repeats`` how many calls, indices and selectors it has, this one included.
    """

    kind: str
    operator: str = ""
    levels: int = 1
    left: Expr | None = None
    repeats: int = 0
    operands: list[Expr] = msgspec.field(default_factory=list)


def parse_expression(text: str) -> Expr:
    """Parse a whole rule.

    Raises:
        RuleError: Go's parser refuses it; the text is Go's own.
    """
    tokens, found = scan(text)
    try:
        expression = _Parser(text, tokens).whole()
    except RuleError as error:
        # A scanner error on the same line hides what the parser makes of it, as in Go.
        first = found if found and found.line <= max(error.line, 1) else error
        before = first.line == error.line and 0 < error.column < first.column
        raise (error if before else first) from None
    if found:
        raise found
    return expression


class _Parser:
    """A cursor over the tokens of one rule; lives for one call of ``parse_expression``."""

    def __init__(self, text: str, tokens: tuple[Token, ...]) -> None:
        self._text = text
        self._tokens = tokens
        self._at = 0
        self._open: list[_Open] = []
        self._levels = 0
        self._repeats = 0

    @property
    def token(self) -> Token:
        return self._tokens[self._at]

    def whole(self) -> Expr:
        while True:
            value: Expr | None = self._operand()
            while value is not None:
                value = self._repeated(value)
                value = None if value is None else self._joined(value)
                if value is None:
                    break
                if not self._open:
                    self._end()
                    return value
                value = self._closed(value)

    def _end(self) -> None:
        if self.token.kind == ";" and self.token.text == "\n":
            self._next()
        self._expect("EOF")

    def _next(self) -> Token:
        token = self.token
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def _fail(self, message: str) -> RuleError:
        line, column = position_of(self._text, self.token.offset)
        return RuleError(f"{line}:{column}: {message}", line=line, column=column)

    def _expect(self, kind: str) -> None:
        if self.token.kind != kind:
            raise self._fail(f"expected '{kind}', found {self.token.found}")
        self._next()

    def _push(self, item: _Open) -> None:
        self._next()
        self._open.append(item)
        self._levels += item.levels

    def _pop(self) -> _Open:
        item = self._open.pop()
        self._levels -= item.levels
        return item

    def _nest(self, levels: int) -> None:
        if self._levels + levels > _MAX_NESTING:
            raise self._fail("exceeded max nesting depth")

    def _operand(self) -> Expr:
        """Read the next operand, and open everything that stands before it."""
        while True:
            self._nest(1)
            kind = self.token.kind
            if kind == "(":
                self._push(_Open("paren"))
            elif kind in _UNARY or kind == "*":
                self._push(_Open("prefix", kind))
            else:
                break
        self._repeats = 0
        if kind == "IDENT":
            return Name(self._next().text)
        if kind in _LITERALS:
            token = self._next()
            return Literal(kind, token.text, token.value)
        if kind in _TYPES:
            raise RuleError(f"{_TYPES[kind]} is not supported")
        raise self._fail(f"expected operand, found {self.token.found}")

    def _repeated(self, value: Expr) -> Expr | None:
        """Read selectors and empty calls behind a value; None when it opened a call or an index."""
        while True:
            self._repeats += 1
            self._nest(self._repeats + 1)
            match self.token.kind:
                case "(":
                    self._push(_Open("call", "", self._repeats + 1, value, self._repeats))
                    if self.token.kind not in (")", "EOF"):
                        return None
                    value = self._called()
                case ".":
                    self._next()
                    value = Select(value, self._selector())
                case "[":
                    self._push(_Open("index", "", self._repeats + 1, value, self._repeats))
                    return None
                case "{" if isinstance(value, (Name, Select, Index)):
                    raise RuleError("*ast.CompositeLit is not supported")
                case _:
                    return value

    def _selector(self) -> str:
        if self.token.kind == "(":
            self._next()
            if self.token.kind == "IDENT" or self.token.kind in _TYPES:
                raise RuleError("*ast.TypeAssertExpr is not supported")
            raise self._fail(f"expected type, found {self.token.found}")
        if self.token.kind != "IDENT":
            raise self._fail(f"expected selector or type assertion, found {self.token.found}")
        return self._next().text

    def _joined(self, value: Expr) -> Expr | None:
        """Apply the prefixes of a value and end the chains that it ends; None when an operator follows."""
        while self._on("prefix"):
            operator = self._pop().operator
            value = Star(value) if operator == "*" else Unary(operator, value)
        self._nest(1)
        operator = self.token.kind
        if operator == "=":
            raise self._fail("expected '==', found '='")
        precedence, levels = _PRECEDENCE.get(operator, 0), 1
        while self._on("chain"):
            top = self._open[-1]
            if top.operator == operator:
                top.operands.append(value)
                top.levels += 1
                self._levels += 1
                self._next()
                return None
            if _PRECEDENCE[top.operator] < precedence:
                break
            levels = self._pop().levels + 1
            value = Chain(top.operator, (*top.operands, value))
        if not precedence:
            return value
        self._push(_Open("chain", operator, levels, operands=[value]))
        return None

    def _on(self, kind: str) -> bool:
        return bool(self._open) and self._open[-1].kind == kind

    def _closed(self, value: Expr) -> Expr | None:
        """Close the bracket around a value; None when another argument follows."""
        top = self._open[-1]
        if top.kind == "call":
            top.operands.append(value)
            return self._called() if self._last_argument() else None
        self._expect(")" if top.kind == "paren" else "]")
        self._pop()
        self._repeats = top.repeats
        return Paren(value) if top.left is None else Index(top.left)

    def _last_argument(self) -> bool:
        """Tell whether the arguments end; a trailing comma and one ellipsis may stand there, a line end may not."""
        spread = self.token.kind == "..."
        if spread:
            self._next()
        if self.token.kind == ")":
            return True
        if self.token.kind != ",":
            at_line_end = self.token.kind == ";" and self.token.text == "\n"
            raise self._fail(f"missing ','{' before newline' if at_line_end else ''} in argument list")
        self._next()
        return spread or self.token.kind in (")", "EOF")

    def _called(self) -> Expr:
        self._expect(")")
        top = self._pop()
        self._repeats = top.repeats
        return Call(top.left or Name(""), tuple(top.operands))
