"""What each error code of Cloudflare's edge means, and what to look at next. Data, no check.

Source: Cloudflare's documentation of 5xx and 1xxx errors, and of connection limits.
"""

from __future__ import annotations

from typing import Final

import msgspec

from ingressdoctor.api import EdgeError, Symptom

__all__ = ["EdgeCode", "meaning_of", "symptom_of"]


class EdgeCode(msgspec.Struct, frozen=True, kw_only=True):
    """One code: what happened, as the end of "Cloudflare answers NNN: ...", and the next thing to look at."""

    what: str
    look: str


_RECORD: Final = "Look whether the record's address at Cloudflare still is the origin's."
_BLOCK: Final = "Look up the Ray ID under Security > Events; the rule may concern only this machine's address."
_CODES: Final = {
    500: EdgeCode(
        what="the edge itself failed", look="Look at www.cloudflarestatus.com, then ask the origin directly."
    ),
    502: EdgeCode(
        what="the origin answered 502 itself, or sent something unreadable",
        look="The edge puts its own page over an origin's 502. Look at the controller and at the backend's port.",
    ),
    503: EdgeCode(what="the edge is overloaded or limited", look="Look at www.cloudflarestatus.com and try again."),
    504: EdgeCode(
        what="the origin answered 504 itself: it waited too long for what is behind it",
        look="The edge puts its own page over an origin's 504. Look for a NetworkPolicy or a dead node.",
    ),
    520: EdgeCode(
        what="the origin closed the connection or sent an answer that is not HTTP",
        look="Look for a PROXY protocol mismatch, a crashing backend, or response headers above 16 KB.",
    ),
    521: EdgeCode(
        what="the origin refuses the connection",
        look="Look whether whatever holds the record's address listens on the port, and whether a firewall rejects "
        "Cloudflare.",
    ),
    522: EdgeCode(
        what="the origin does not answer the connection attempt",
        look=f"{_RECORD} Then look for a firewall that drops Cloudflare's ranges.",
    ),
    523: EdgeCode(what="there is no route to the origin's address", look=f"{_RECORD} It may be gone."),
    524: EdgeCode(
        what="the origin took the request but did not answer in time",
        look="Look at the backend: which request is slow, and why. The edge waits 100 to 120 s.",
    ),
    525: EdgeCode(
        what="the TLS handshake with the origin failed",
        look="Look at whatever holds the record's address: whether it speaks TLS on that port and anybody healthy is "
        "behind it, and at PROXY protocol on both sides.",
    ),
    526: EdgeCode(
        what="the origin's certificate is not valid, and the SSL mode is Full (strict)",
        look="Look at the certificate that the origin serves for this name: expired, self-signed, or for another name.",
    ),
    527: EdgeCode(what="the connection to a Railgun listener failed", look="Railgun is retired; take it out."),
    530: EdgeCode(what="it cannot find the origin", look="The page names a 1xxx code; look at the record's target."),
    1000: EdgeCode(
        what="the record points at an address of Cloudflare itself",
        look="Set the record to the origin's address; a reverse proxy that calls the same name back does this too.",
    ),
    1001: EdgeCode(
        what="it cannot resolve the name", look="Look whether the zone is active and the CNAME's target exists."
    ),
    1002: EdgeCode(what="the record points at a prohibited address", look="Set the record to a public address."),
    1003: EdgeCode(what="the request named an address, not a host", look="Ask by hostname."),
    1004: EdgeCode(what="the host is not set up for the web here", look="Look whether the record is proxied."),
    1013: EdgeCode(what="Host and SNI name different hosts", look="Ask with the same name in both."),
    1014: EdgeCode(
        what="a CNAME leads into a zone of another account",
        look="Point the record at the origin itself, or let the other account use Cloudflare for SaaS.",
    ),
    1015: EdgeCode(what="this client is rate limited", look="Stop probing, wait, and look at the rate limiting rules."),
    1016: EdgeCode(
        what="the name of the origin does not resolve",
        look="Look at the CNAME's target, or at the pool where Cloudflare Load Balancing answers for the name.",
    ),
    1020: EdgeCode(what="a firewall rule denies this client", look=_BLOCK),
    1033: EdgeCode(
        what="the name leads to a tunnel without a running connector",
        look="Look at the cloudflared pods, and whether the CNAME carries the id of the tunnel that runs.",
    ),
    1034: EdgeCode(what="the record points at a restricted address", look="Set the record to the origin's address."),
}
_BANNED: Final = frozenset({1005, 1006, 1007, 1008, 1009, 1010, 1011, 1012, 1106})
_ACCESS: Final = EdgeCode(what="this client is banned by address, country, network or browser", look=_BLOCK)
_WORKER: Final = EdgeCode(what="a Worker on this route failed", look="Look at the Worker's logs and limits.")
_RULE: Final = EdgeCode(what="a transform or redirect rule failed", look="Look at Rules in the dashboard.")
_OTHER: Final = EdgeCode(what="the edge made this error itself", look="Look the code up in Cloudflare's documentation.")


def meaning_of(error: EdgeError) -> EdgeCode:
    """Return what an edge error means."""
    code = error.code
    if code in _CODES:
        return _CODES[code]
    if code in _BANNED:
        return _ACCESS
    if code in {1019, 1025, 1027} or 1100 <= code < 1110:
        return _WORKER
    return _RULE if 1035 <= code <= 1041 else _OTHER


def symptom_of(error: EdgeError) -> Symptom | None:
    """Return the symptom of an edge error; None for a client error that has no name of its own."""
    exact = f"edge-{error.code}"
    if exact in set(Symptom):
        return Symptom(exact)
    if error.http_status == 403:
        return Symptom.EDGE_1020
    if error.http_status == 429:
        return Symptom.EDGE_1015
    if error.code >= 1000 or error.http_status == 530:
        return Symptom.EDGE_530
    plain = f"http-{error.http_status}"
    return Symptom(plain) if plain in set(Symptom) else None
