"""Split a rule into the tokens that Go's own scanner would give, with its errors and positions.

Traefik hands rules to Go's expression parser, so Go decides what a string, a comment or a line end is: a newline
after ``)`` ends the expression, a raw string drops carriage returns. It builds no tree; ``golang.py`` does.

Source: go/scanner/scanner.go, strconv.Unquote.
"""

from __future__ import annotations

import re
from typing import Final, TypeAlias

import msgspec

from ingressdoctor.routing.traefik.errors import RuleError

__all__ = ["Token", "position_of", "scan"]

_BOM: Final = "\ufeff"
_KEYWORDS: Final = frozenset(
    [
        *("break", "case", "chan", "const", "continue", "default", "defer", "else", "fallthrough", "for", "func", "go"),
        *("goto", "if", "import", "interface", "map", "package", "range", "return", "select", "struct", "switch"),
        *("type", "var"),
    ]
)
_ENDS_LINE: Final = frozenset([")", "]", "}", "++", "--", "break", "continue", "fallthrough", "return"])
_LITERALS: Final = frozenset(["IDENT", "INT", "FLOAT", "IMAG", "CHAR", "STRING"])
_TOKEN: Final = re.compile(
    r"""
      (?P<space>[ \t\r]+)
    | (?P<newline>\n)
    | (?P<line>//[^\n]*)
    | (?P<block>/\*.*?\*/)
    | (?P<raw>`[^`]*`)
    | (?P<string>"(?:[^"\\\n]|\\[^\n])*")
    | (?P<char>'(?:[^'\\\n]|\\[^\n])*')
    | (?P<IDENT>[^\W\d]\w*)
    | (?P<number>(?:0[xX][0-9a-fA-F_]+|0[bBoO][0-9_]+
        |(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9]+)?)i?)
    | (?P<op><<=|>>=|&\^=|\.\.\.|&&|\|\||<-|\+\+|--|==|!=|<=|>=|:=|\+=|-=|\*=|/=|%=|&=|\|=|\^=|<<|>>|&\^
        |[-+*/%&|^<>=!()\[\]{},;.:~])
    """,
    re.VERBOSE | re.DOTALL,
)
_SIMPLE_ESCAPES: Final = {"a": 7, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11, "\\": 92}
_HEX_DIGITS: Final = "0123456789abcdefABCDEF"
_NO_CODE_POINT: Final = "escape sequence is invalid Unicode code point"
_Error: TypeAlias = "tuple[int, str]"  # where, and what
_HEX_ESCAPES: Final = {"x": 2, "u": 4, "U": 8}


class Token(msgspec.Struct, frozen=True):
    r"""One token: ``kind`` is IDENT, INT, FLOAT, IMAG, CHAR, STRING, EOF, ILLEGAL, or the operator or keyword itself.

    ``text`` is what stands in the rule (``\n`` for an inserted semicolon), ``value`` the content of a STRING with
    bytes that are no UTF-8 as surrogates, ``offset`` the index of its first character.
    """

    kind: str
    text: str
    offset: int
    value: str = ""

    @property
    def found(self) -> str:
        """The token as Go names it in "expected ..., found ..."."""
        if self.kind == ";" and self.text == "\n":
            return "newline"
        return self.text if self.kind in _LITERALS else f"'{self.kind}'"


def scan(text: str) -> tuple[tuple[Token, ...], RuleError | None]:
    """Return all tokens up to EOF, and the first error of the scanner."""
    tokens: list[Token] = []
    errors = [(index, "illegal character NUL") for index, char in enumerate(text) if char == "\0"]
    errors += [(index, "illegal byte order mark") for index, char in enumerate(text) if char == _BOM and index > 0]
    position = 1 if text.startswith(_BOM) else 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            position = _odd(text, position, tokens, errors)
            continue
        kind = match.lastgroup or ""
        _take(kind, match, tokens, errors)
        position = match.end()
    if _ends_line(tokens):
        tokens.append(Token(";", "\n", len(text)))
    tokens.append(Token("EOF", "", len(text)))
    return tuple(tokens), _error(text, *min(errors, key=lambda error: error[0])) if errors else None


def _take(kind: str, match: re.Match[str], tokens: list[Token], errors: list[_Error]) -> None:
    lexeme, start = match.group(), match.start()
    if kind == "newline" or (kind in ("line", "block") and "\n" in lexeme):
        if _ends_line(tokens):
            tokens.append(Token(";", "\n", start))
    elif kind == "op":
        tokens.append(Token(lexeme, lexeme, start))
    elif kind == "IDENT":
        tokens.append(Token(lexeme if lexeme in _KEYWORDS else "IDENT", lexeme, start))
    elif kind == "number":
        imaginary, real = lexeme.endswith("i"), re.search(r"[.]|(?<!x)[eE]", lexeme) and not lexeme.startswith("0x")
        tokens.append(Token("IMAG" if imaginary else "FLOAT" if real else "INT", lexeme, start))
    elif kind == "raw":
        raw = lexeme.replace("\r", "")
        tokens.append(Token("STRING", raw, start, raw[1:-1]))
    elif kind == "string":
        tokens.append(Token("STRING", lexeme, start, _unquote(start, lexeme, errors)))
    elif kind == "char":
        before = len(errors)
        value = _unquote(start, lexeme, errors)
        if len(value) != 1 and len(errors) == before:
            errors.append((start, "illegal rune literal"))
        tokens.append(Token("CHAR", lexeme, start))


def _ends_line(tokens: list[Token]) -> bool:
    return bool(tokens) and (tokens[-1].kind in _LITERALS or tokens[-1].kind in _ENDS_LINE)


def _odd(text: str, position: int, tokens: list[Token], errors: list[_Error]) -> int:
    """Handle what starts no token: an unclosed literal or comment, or a character Go does not know."""
    char = text[position]
    unclosed = {"`": "raw string literal not terminated", '"': "string literal not terminated"}
    if char in unclosed or char == "'":
        message = unclosed.get(char, "rune literal not terminated")
        errors.append((position, message))
        end = len(text) if char == "`" else _line_end(text, position)
        tokens.append(Token("CHAR" if char == "'" else "STRING", text[position:end], position))
        return end
    if char not in ("\0", _BOM):
        shown = f"illegal character U+{ord(char):04X} '{char}'"
        if char in "“”":
            shown = f"curly quotation mark '{char}' (use neutral '\"')"
        errors.append((position, shown))
    tokens.append(Token("ILLEGAL", char, position))
    return position + 1


def _line_end(text: str, position: int) -> int:
    end = text.find("\n", position)
    return len(text) if end < 0 else end


def _unquote(start: int, lexeme: str, errors: list[_Error]) -> str:
    """Return the content of an interpreted literal; bytes written as escapes join into UTF-8 where they can."""
    quote, body = lexeme[0], lexeme[1:-1]
    out = bytearray()
    index = 0
    while index < len(body):
        if body[index] != "\\":
            out += body[index].encode("utf-8", "surrogatepass")
            index += 1
            continue
        code, length, problem = _escape(body, index + 1, quote)
        if problem:
            errors.append((start + 1 + index + 1 + length, problem))
            return ""
        out += code
        index += 1 + length
    return out.decode("utf-8", "surrogateescape")


def _escape(body: str, index: int, quote: str) -> tuple[bytes, int, str]:
    r"""Read one escape after its backslash: (bytes, characters read, error)."""
    char = body[index] if index < len(body) else ""
    if char in _SIMPLE_ESCAPES:
        return bytes([_SIMPLE_ESCAPES[char]]), 1, ""
    if char == quote:
        return quote.encode(), 1, ""
    if char in _HEX_ESCAPES:
        return _digits(char, body[index + 1 :] + quote, _HEX_ESCAPES[char], 16)
    if char and char in "01234567":
        return _digits("", body[index:] + quote, 3, 8)
    return b"", 0, "unknown escape sequence"


def _digits(letter: str, rest: str, count: int, base: int) -> tuple[bytes, int, str]:
    allowed = _HEX_DIGITS if base == 16 else _HEX_DIGITS[:8]
    bad = next((place for place, digit in enumerate(rest[:count]) if digit not in allowed), count)
    before = len(letter)
    if bad < count:
        return b"", before + bad, f"illegal character U+{ord(rest[bad]):04X} '{rest[bad]}' in escape sequence"
    value = int(rest[:count], base)
    if letter in ("", "x"):
        whole = value < 256
        return (bytes([value]), before + count, "") if whole else (b"", 0, _NO_CODE_POINT)
    if value > 0x10FFFF or 0xD800 <= value < 0xE000:
        return b"", 0, _NO_CODE_POINT
    return chr(value).encode(), before + count, ""


def _error(text: str, offset: int, message: str) -> RuleError:
    """Build an error that points at *offset*."""
    line, column = position_of(text, offset)
    return RuleError(f"{line}:{column}: {message}", line=line, column=column)


def position_of(text: str, offset: int) -> tuple[int, int]:
    """Return (line, column in bytes) of a character, both from 1; a line end that ends the text begins no line."""
    before = text[:offset] if offset < len(text) or not text.endswith("\n") else text[:-1] + " "
    start = before.rfind("\n") + 1
    return before.count("\n") + 1, len(before[start:].encode("utf-8", "surrogatepass")) + 1
