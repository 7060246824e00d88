"""Make strings from outside harmless, and keep secrets out of them.

DNS, HTTP, logs and cluster objects may hold anything. Text passes through here once, when it becomes
part of a finding, so that no renderer ever sees a control character or a credential.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

__all__ = ["Secret", "are_clean", "clean", "quoted", "redact", "shorten"]

_MAX_TEXT: Final = 2_000
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_SECRET_LIKE: Final = (
    re.compile(r"eyJ[A-Za-z0-9_\-+/=.]{40,}"),
    re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9_\-+/=.]{8,}"),
    re.compile(r"\bcfast_[A-Za-z0-9]{20,}\b"),
    re.compile(
        r"(?i)\b(tunnelsecret|password|passwd|client[_-]?secret|api[_-]?token|authorization|cookie|CF_Authorization|"
        r"cf-access-(?:jwt-assertion|client-secret)|x-auth-key)"
        r"(\"?\s*[=:]\s*\"?)(?!\*\*\*|(?:YES|NO)\b)[^\s\",;&]{3,}"
    ),
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
)
_USERINFO: Final = re.compile(r"(?<=://)([^/\s:@]+):([^/\s@]+)@")
# What the patterns above need to match at all: most texts hold none of it, and no pattern is tried.
_WORDS: Final = ("passw", "secret", "token", "authorization", "cookie", "x-auth-key", "assertion")


def _is_suspect(text: str) -> bool:
    """Tell whether *text* may hold a credential; asked of every text, so that the cheapest question comes first."""
    if "@" in text or "eyJ" in text or "cfast_" in text or "-----BEGIN" in text:
        return True
    lowered = text.lower()
    if "bearer" in lowered or "basic" in lowered:
        return True
    if "=" not in text and ":" not in text:
        return False
    for word in _WORDS:  # noqa: SIM110 - a generator costs twice as much
        if word in lowered:
            return True
    return False


class Secret:
    """A credential that never shows itself: ``str`` and ``repr`` give ``***``.

    ``reveal()`` is called in one place per source, where the request is built.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the credential itself."""
        return self._value

    def __repr__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(("Secret", self._value))


def redact(text: str) -> str:
    """Replace what looks like a credential by ``***``, keeping the word that names it."""
    if not _is_suspect(text):
        return text
    for pattern in _SECRET_LIKE:
        text = pattern.sub(_keep_name, text)
    return _USERINFO.sub(r"\1:***@", text)


def _keep_name(match: re.Match[str]) -> str:
    groups = match.groups()
    if len(groups) == 2:
        return f"{groups[0]}{groups[1]}***"
    return f"{groups[0]} ***" if groups else "***"


def clean(text: str, limit: int = _MAX_TEXT) -> str:
    r"""Return *text* safe to print: control and bidi characters as ``\xNN``, secrets as ``***``, cut at *limit*."""
    if len(text) <= limit and text.isascii() and text.isprintable() and not _is_suspect(text):
        return text
    cut = text[: limit + 200]
    visible = _CONTROL.sub(lambda match: _escape(match.group()), redact(cut))
    return shorten(visible, limit)


def quoted(text: str, limit: int = _MAX_TEXT) -> str:
    r"""Return *text* in quotes and safe to print, as ``clean`` shows it; a backslash stands there once."""
    return repr(clean(text, limit)).replace("\\\\", "\\")


def are_clean(texts: Sequence[str]) -> bool:
    """Tell whether ``clean`` would leave all of *texts* as they are; False where that takes a closer look."""
    joined = " ".join(texts)
    return (
        (len(joined) <= _MAX_TEXT or max(map(len, texts)) <= _MAX_TEXT)
        and joined.isascii()
        and joined.isprintable()
        and not _is_suspect(joined)
    )


def _escape(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def shorten(text: str, limit: int) -> str:
    """Cut *text* to *limit* characters, marking the cut with an ellipsis."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
