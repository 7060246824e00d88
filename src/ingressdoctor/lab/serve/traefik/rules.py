"""Traefik's rule language: text to tree. What a matcher means is not known here (see matchers.py).

Traefik hands rules to Go's expression parser and then restricts the result (vulcand/predicate parse.go, traefik
pkg/rules/parser.go): calls with string literals, `!`, `&&`, `||` and parentheses; `!` binds closest, then `&&`.
Error texts keep the substrings by which Go's messages are known.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator

MAX_RULE = 65_536
MAX_DEPTH = 100


class RuleError(ValueError):
    """The rule does not parse, or names something that does not exist."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A matcher with its string arguments."""

    name: str
    args: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Not:
    """Negation."""

    of: Node


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Both:
    """left && right."""

    left: Node
    right: Node


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Either:
    """left || right."""

    left: Node
    right: Node


Node = Call | Not | Both | Either

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r]+)|(?P<newline>\n)|(?P<raw>`[^`]*`)|(?P<quoted>"(?:[^"\\\n]|\\.)*")
    |(?P<rune>'[^'\n]*'?)|(?P<name>[^\W\d]\w*(?:\.\w+)*)|(?P<number>\d[\w.]*)|(?P<op>&&|\|\||[!(),&|.;])|(?P<bad>.)""",
    re.VERBOSE | re.DOTALL,
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Token:
    kind: str
    text: str
    at: int


def _tokens(rule: str) -> Iterator[_Token]:
    previous = ""
    for found in _TOKEN.finditer(rule):
        kind, text, at = str(found.lastgroup), found.group(), found.start() + 1
        if kind == "space":
            continue
        if kind == "newline":
            # Go puts a semicolon at a line's end after an operand; one at the very end does no harm.
            if previous in {")", "literal"} and rule[at:].strip():
                yield _Token(kind="op", text=";", at=at)
            continue
        if kind == "rune":
            raise RuleError(f"1:{at}: illegal rune literal")
        if kind == "bad" or text == "|":
            raise RuleError(f"1:{at}: illegal character or operator {text!r}")
        previous = "literal" if kind in {"raw", "quoted", "name", "number"} else text
        yield _Token(kind=kind, text=text, at=at)
    yield _Token(kind="end", text="EOF", at=len(rule) + 1)


class _Parser:
    def __init__(self, rule: str) -> None:
        self._tokens = list(_tokens(rule))
        self._next = 0

    def parse(self) -> Node:
        node = self._either(0)
        if self._peek().kind != "end":
            token = self._peek()
            if token.text == "&":
                raise RuleError("& is not supported")
            raise RuleError(f"1:{token.at}: expected 'EOF', found {token.text!r}")
        return node

    def _peek(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        token = self._peek()
        self._next += 1
        return token

    def _either(self, depth: int) -> Node:
        node = self._both(depth)
        while self._peek().text == "||":
            self._take()
            node = Either(left=node, right=self._both(depth))
        return node

    def _both(self, depth: int) -> Node:
        node = self._unary(depth)
        while self._peek().text == "&&":
            self._take()
            node = Both(left=node, right=self._unary(depth))
        return node

    def _unary(self, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise RuleError("rule is nested too deeply")
        token = self._take()
        if token.text == "!":
            return Not(of=self._unary(depth + 1))
        if token.text == "(":
            node = self._either(depth + 1)
            self._expect(")")
            return node
        if token.kind != "name":
            raise RuleError(f"1:{token.at}: expected operand, found {token.text!r}")
        if self._peek().text != "(":
            raise RuleError(f"{token.text} is not defined")
        return self._call(token.text)

    def _call(self, name: str) -> Call:
        self._expect("(")
        args: list[str] = []
        while self._peek().text != ")":
            token = self._take()
            if token.kind == "name":
                raise RuleError(f"{token.text} is not defined")
            if token.kind not in {"raw", "quoted"}:
                raise RuleError(f"1:{token.at}: expected operand, found {token.text!r}")
            args.append(_literal(token))
            if self._peek().text == ",":
                self._take()
            elif self._peek().text != ")":
                raise RuleError(f"1:{self._peek().at}: missing ',' in argument list")
        self._take()
        return Call(name=name, args=tuple(args))

    def _expect(self, text: str) -> None:
        token = self._take()
        if token.text != text or token.kind != "op":
            raise RuleError(f"1:{token.at}: expected {text!r}, found {token.text!r}")


def _literal(token: _Token) -> str:
    if token.kind == "raw":
        return token.text[1:-1]
    try:
        # The escapes that occur in rules (\\ \" \n \t \uXXXX) mean the same in Go and JSON.
        value = json.loads(token.text)
    except ValueError as error:
        raise RuleError(f"1:{token.at}: unknown escape sequence") from error
    return str(value)


def parse(rule: str) -> Node:
    """The rule's tree.

    Raises:
        RuleError: with a text like Go's.
    """
    if len(rule) > MAX_RULE:
        raise RuleError("rule is too long")
    return _Parser(rule).parse()


def calls(node: Node) -> tuple[Call, ...]:
    """Every call of a tree, left to right."""
    match node:
        case Call():
            return (node,)
        case Not():
            return calls(node.of)
        case Both() | Either():
            return calls(node.left) + calls(node.right)


def spellings(name: str) -> tuple[str, ...]:
    """The four spellings of a matcher's name that Traefik accepts."""
    return (name, name.lower(), name.upper(), name.capitalize())
