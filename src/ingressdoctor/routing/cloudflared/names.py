"""Hostnames of rules: their second, ASCII form, and whether a request's host matches one. No order of rules here.

The ASCII form is golang.org/x/net/idna's Lookup profile, which is looser than IDNA 2008 (emoji pass, empty labels
pass, no length counts) and stricter than browsers (an underscore or an asterisk fails).

Source: cloudflared ingress/ingress.go (matchHost, validateIngress), ingress/rule.go; x/net/idna (Lookup.ToASCII).
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

__all__ = ["ascii_form", "is_any", "matches_host"]

_ASCII_LABEL: Final = re.compile(r"[a-z0-9-]*")
_MAX_NAME: Final = 5_000
# Where the tables of Go's build (Unicode 15) differ from newer ones.
_OLD_MAPPING: Final = str.maketrans({"\u1e9e": "ss"})
_OLD_REFUSED: Final = frozenset("\u2260\u226e\u226f")
_ACE: Final = "xn--"


def is_any(hostname: str) -> bool:
    """Tell whether a rule's hostname stands for every host."""
    return hostname in ("", "*")


def matches_host(pattern: str, host: str) -> bool:
    """Tell whether one form of a rule's hostname matches a host without port; case counts, as in cloudflared."""
    return pattern == host or (pattern.startswith("*.") and host.endswith(pattern[1:]))


def ascii_form(hostname: str) -> str:
    """Return the second form under which a rule matches, or the empty string where it has none."""
    if not hostname or len(hostname) > _MAX_NAME:
        return ""
    found = _plain(hostname) if hostname.isascii() and _ACE not in hostname.lower() else _mapped(hostname)
    return "" if found is None or found == hostname else found


def _plain(hostname: str) -> str | None:
    lower = hostname.lower()
    return lower if all(_ASCII_LABEL.fullmatch(label) and _hyphens_fit(label) for label in lower.split(".")) else None


def _hyphens_fit(label: str) -> bool:
    raw = label.encode("utf-8", "surrogatepass")
    return not (raw[:1] == b"-" or raw[-1:] == b"-" or (len(raw) > 4 and raw[2:4] == b"--"))


def _mapped(hostname: str) -> str | None:
    """Return the ASCII form of a name that needs Unicode's tables, or None where Go reports an error."""
    import idna  # its tables are loaded only where a name needs them

    if _OLD_REFUSED.intersection(unicodedata.normalize("NFC", hostname)):
        return None
    try:
        mapped = idna.uts46_remap(hostname.translate(_OLD_MAPPING), std3_rules=True)
        labels = [_decoded(label) for label in mapped.split(".")]
        if any(_is_rtl(label) for label in labels):
            for label in filter(None, labels):
                idna.check_bidi(label, check_ltr=True)
        return ".".join(label if label.isascii() else f"{_ACE}{_punycode(label)}" for label in labels)
    except (idna.IDNAError, UnicodeError, ValueError):
        return None


def _punycode(label: str) -> str:
    return label.encode("punycode").decode("ascii")


def _decoded(label: str) -> str:
    """Return a label in Unicode, checked.

    Raises:
        ValueError: Go refuses the label.
    """
    import idna

    if label.startswith(_ACE):
        raw = label[len(_ACE) :]
        label = raw[:-1] if raw[-1:] == "-" and raw != "-" else raw.encode("ascii").decode("punycode")
        if not _is_valid(label):
            raise ValueError("a character that the mapping would have changed")
    if not label:
        return label
    if not _hyphens_fit(label):
        raise ValueError("hyphens")
    if unicodedata.category(label[0]).startswith("M"):
        raise ValueError("a mark at the beginning")
    for place, char in enumerate(label):
        if char in "\u200c\u200d" and not idna.valid_contextj(label, place):
            raise ValueError("a joiner out of place")
    return label


def _is_valid(label: str) -> bool:
    import idna

    return unicodedata.is_normalized("NFC", label) and idna.uts46_remap(label, std3_rules=True) == label


def _is_rtl(label: str) -> bool:
    return any(unicodedata.bidirectional(char) in ("R", "AL", "AN") for char in label)
