"""What lines of Traefik's log mean, from the knowledge base of log lines. No check.

Source: the data of ``ingressdoctor.knowledge`` (its file for Traefik names the messages' places).
"""

from __future__ import annotations

from ingressdoctor.api import Signature, book_of

__all__ = ["Signature", "meaning_of"]


def meaning_of(line: str) -> Signature | None:
    """Return what a complaint means; None for one that is unknown, or that says only that something failed."""
    found = book_of("traefik").recognise(line)
    return found if found is not None and found.code else None
