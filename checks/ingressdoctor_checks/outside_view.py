"""What the checks of the outside half share: how far the visitor came, and the commands that repeat the visit.

Holds no check and judges nothing.
"""

from __future__ import annotations

from typing import Final

from ingressdoctor.api import Command, HttpExchange, OutsideProbe, Reach, Target, Unavailable, clean, look

__all__ = [
    "SEEN",
    "answered",
    "came_through",
    "curl",
    "dig",
    "hop_facts",
    "length_of",
    "made_by_origin",
    "refused_certificate",
    "visit_url",
    "works",
]

SEEN: Final = "the request as a visitor sends it"
# Answers of the edge that mean it did get one from the origin, or at least a connection to it.
_ORIGIN_SPOKE: Final = frozenset({502, 504, 524, 526})


def answered(exchange: HttpExchange) -> bool:
    """Tell whether an HTTP answer came that a browser would show."""
    return exchange.status > 0 and exchange.reach is not Reach.RESET


def refused_certificate(exchange: HttpExchange) -> bool:
    """Tell whether the exchange ended because the served certificate is not trusted."""
    return not exchange.status and exchange.tls is not None and exchange.tls.trusted is False


def came_through(probe: OutsideProbe) -> bool:
    """Tell whether the answer is the site's own: no failure, loop, challenge, login or edge error stood before it."""
    stopped = probe.loop or probe.too_many_redirects or probe.challenge or probe.access_login or probe.edge_error
    return answered(probe.last) and not stopped


def made_by_origin(probe: OutsideProbe) -> bool:
    """Tell whether the origin had its part in the answer, so that somebody does reach it."""
    if probe.edge_error is not None:
        return probe.edge_error.code in _ORIGIN_SPOKE
    return answered(probe.last) and not (probe.challenge or probe.access_login)


def visit_url(probe: OutsideProbe, target: Target) -> str:
    """Return the URL that the visitor ended with, short enough for a sentence."""
    return clean(probe.last.url or target.url, 200)


def curl(url: str, *options: str) -> Command:
    """Return the command that repeats a request and shows status and headers."""
    return look("curl", "-sS", "-o", "/dev/null", "-D", "-", *options, clean(url, 500))


def dig(name: str, *words: str) -> Command:
    """Return a dig for one name."""
    return look("dig", "+noall", "+answer", "+comments", *words, name)


def hop_facts(probe: OutsideProbe) -> dict[str, str]:
    """Return one fact per hop: what was asked, what came, where it sent the visitor."""
    facts = {}
    for number, hop in enumerate(probe.hops[:11], start=1):
        location = hop.header("location")
        came = str(hop.status) if hop.status else hop.reach.value
        facts[f"request {number}"] = clean(f"{hop.url} → {came}{f' → {location}' if location else ''}", 400)
    return facts


def length_of(exchange: HttpExchange) -> str:
    """Return the size of a body in words."""
    return f"{'more than ' if exchange.truncated else ''}{len(exchange.body)} bytes"


def works(probe: OutsideProbe | Unavailable) -> bool:
    """Tell whether visitors are seen to be served, so that nothing here can be worse than a warning."""
    return isinstance(probe, OutsideProbe) and came_through(probe) and probe.last.status < 400
