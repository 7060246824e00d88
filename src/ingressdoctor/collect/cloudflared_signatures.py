"""What lines of cloudflared's log mean: the code that the knowledge base has for a complaint, or that of a state.

The complaints are data of ``ingressdoctor.knowledge``; what cloudflared says while all is well stands here.
Source: cloudflared connection/, supervisor/ (messages).
"""

from __future__ import annotations

from typing import Final

from ingressdoctor.knowledge.book import book_of

__all__ = ["signature_of"]

_STATES: Final = (
    ("registered", "Registered tunnel connection"),
    ("unregistered", "Unregistered tunnel connection"),
    ("shutdown", "Initiating graceful shutdown"),
    ("banner", "Starting tunnel"),
    ("remote-config", "Updated to new configuration"),
)


def signature_of(line: str) -> str:
    """Return the code of a line, or the empty string for one that nobody needs to know."""
    found = book_of("cloudflared").recognise(line)
    if found is not None and found.code:
        return found.code
    return next((code for code, text in _STATES if text in line), "")
