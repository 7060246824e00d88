"""What the DNS checks share: how a server answered, in words and as facts, and the dig that asks it again.

Holds no check and judges nothing.
"""

from __future__ import annotations

from typing import Final

from ingressdoctor.api import Command, DnsReply, Rcode, ResolverView, clean
from ingressdoctor_checks.outside_view import dig

__all__ = ["HOW", "SILENT", "address_replies", "answers_of", "ask_at", "failing_reply", "says_missing"]

SILENT: Final = frozenset({Rcode.TIMEOUT, Rcode.UNREACHABLE})
MISSING: Final = frozenset({Rcode.NXDOMAIN, Rcode.NODATA})
HOW: Final = {
    Rcode.SERVFAIL: "SERVFAIL",
    Rcode.REFUSED: "REFUSED",
    Rcode.TIMEOUT: "no answer in time",
    Rcode.UNREACHABLE: "not reachable",
    Rcode.MALFORMED: "an answer that cannot be read",
    Rcode.OTHER: "an error",
}


def address_replies(view: ResolverView) -> tuple[DnsReply, ...]:
    """Return the replies to the questions for addresses."""
    return tuple(reply for reply in view.replies if reply.rdtype in {"A", "AAAA"})


def says_missing(view: ResolverView) -> bool:
    """Tell whether a server says that the name has no address: both questions answered, both empty."""
    replies = address_replies(view)
    return bool(replies) and not view.addresses and all(reply.rcode in MISSING for reply in replies)


def failing_reply(view: ResolverView) -> DnsReply | None:
    """Return the reply by which a server fails on the name, or None when it answers."""
    if view.addresses or says_missing(view):
        return None
    return next((reply for reply in address_replies(view) if reply.rcode in HOW), None)


def answers_of(views: tuple[ResolverView, ...]) -> dict[str, str]:
    """Return one fact per server: its addresses, or how it failed."""
    return {
        view.server: clean(
            ", ".join(view.addresses) or ", ".join(f"{r.rdtype} {r.rcode.value}" for r in view.replies), 300
        )
        for view in views
    }


def ask_at(server: str, name: str, *words: str) -> Command:
    """Return the dig that asks one server."""
    host, _, port = server.rpartition(":")
    more = () if port == "53" else ("-p", port)
    return dig(name, f"@{host.strip('[]')}", *more, *words)
