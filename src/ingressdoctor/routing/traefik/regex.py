"""Regular expressions as Go understands them, on RE2 itself: linear time, whatever a cluster object holds.

Never Python's ``re`` for patterns from outside: it has other syntax and can be made to run for ever.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, Final

from ingressdoctor.routing.traefik.errors import RuleError

__all__ = ["compile_pattern", "replace_all"]

_MAX_PATTERN: Final = 20_000
# RE2's C++ wording to Go's (re2/re2.cc kErrorStrings; regexp/syntax/parse.go).
_GO_WORDING: Final = {
    "invalid escape sequence": "invalid escape sequence",
    "invalid character class": "invalid character class",
    "invalid character class range": "invalid character class range",
    "missing ]": "missing closing ]",
    "missing )": "missing closing )",
    "unexpected )": "unexpected )",
    "no argument for repetition operator": "missing argument to repetition operator",
    "invalid repetition size": "invalid repeat count",
    "bad repetition operator": "invalid nested repetition operator",
    "invalid perl operator": "invalid or unsupported Perl syntax",
    "invalid UTF-8": "invalid UTF-8",
    "invalid named capture group": "invalid named capture",
}
_TEMPLATE: Final = re.compile(r"\$(?:\$|(\w+)|\{(\w+)\})")
_ONE_BYTE: Final = re.compile(r"(?:^|[^\\])(?:\\\\)*\\C")


@lru_cache(maxsize=4_096)
def compile_pattern(pattern: str) -> Callable[[str], bool]:
    r"""Compile a pattern and return its unanchored search.

    Raises:
        RuleError: Go refuses the pattern; the text is Go's (``error parsing regexp: ...``).
    """
    compiled = _compiled(pattern)
    return lambda text: compiled.search(_plain(text)) is not None


def replace_all(pattern: str, template: str, text: str) -> str:
    """Replace every match as Go's ReplaceAllString does: ``$1`` and ``${name}`` stand for groups, ``$$`` for ``$``.

    Raises:
        RuleError: Go refuses the pattern.
    """
    out: list[str] = []
    end = 0
    for match in _compiled(pattern).finditer(_plain(text)):
        if match.start() == match.end() == end and out:
            continue  # Go drops an empty match that touches the one before it
        out += [text[end : match.start()], _TEMPLATE.sub(partial(_expanded, match), template)]
        end = match.end()
    return "".join([*out, text[end:]])


def _expanded(match: Any, reference: re.Match[str]) -> str:  # noqa: ANN401 - re2 has no types
    if reference.group() == "$$":
        return "$"
    name = reference.group(1) or reference.group(2)
    if name.isdecimal():
        return (match.group(int(name)) or "") if int(name) <= len(match.groups()) else ""
    return match.groupdict().get(name) or ""


@lru_cache(maxsize=4_096)
def _compiled(pattern: str) -> Any:  # noqa: ANN401 - re2 has no types
    import re2  # a C++ library, loaded only where a rule holds a pattern

    if len(pattern) > _MAX_PATTERN:
        raise RuleError("error parsing regexp: expression too large")
    if _ONE_BYTE.search(pattern):
        raise RuleError(r"error parsing regexp: invalid escape sequence: `\C`")
    options = re2.Options()
    options.log_errors = False
    try:
        compiled = re2.compile(_plain(pattern), options=options)
    except re2.error as error:
        raise RuleError(f"error parsing regexp: {_in_go_words(error, pattern)}") from None
    return compiled


def _plain(text: str) -> str:
    """Replace bytes that are no UTF-8, which RE2 would refuse to see as text."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace") if not text.isascii() else text


def _in_go_words(error: Exception, pattern: str) -> str:
    raw = error.args[0] if error.args else b""
    said = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw)
    kind, _, fragment = said.partition(": ")
    if kind == "trailing \\":
        return "trailing backslash at end of expression: ``"
    if kind == "missing )":
        fragment = pattern
    return f"{_GO_WORDING.get(kind, kind)}: `{fragment}`"
