"""Does the origin answer when asked directly, past DNS and past the edge?

An observation between two neighbours: it tells on which side of the edge the fault lies. A firewall that admits only
Cloudflare is good practice, so silence alone convicts nobody.
Source: Cloudflare's 520 to 525, and what a Hetzner load balancer without healthy targets does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    Command,
    Finding,
    HttpExchange,
    OriginProbe,
    OutsideProbe,
    Reach,
    Remedy,
    Symptom,
    Target,
    Unavailable,
    ZoneFacts,
    check,
    clean,
    fail,
    ok,
    skip,
    warn,
)
from ingressdoctor_checks.outside_view import answered, came_through, curl, made_by_origin

__all__ = ["origin_unreachable"]

_WHERE: Final = "the same request straight to the origin"
_PLAIN_MODES: Final = ("flexible", "off")
# What the edge says when it could not get through to the origin, or got nothing usable from it.
_NOT_THROUGH: Final = frozenset({520, 521, 522, 523, 525})
_SILENT: Final = frozenset({Reach.TIMEOUT, Reach.UNREACHABLE})
_SLOW: Final = Reach.READ_TIMEOUT
_WHAT: Final = {
    Reach.REFUSED: "refuses the connection",
    Reach.TIMEOUT: "does not answer the connection attempt",
    Reach.UNREACHABLE: "cannot be routed to",
    Reach.RESET: "resets the connection",
    Reach.CLOSED: "accepts the connection and closes it without a byte",
    Reach.TLS_EOF: "accepts the connection and closes it during the TLS handshake",
    Reach.TLS_ALERT: "refuses the TLS handshake",
    Reach.TLS_NOT_TLS: "does not speak TLS on that port",
    Reach.TLS_OTHER: "fails in the TLS handshake",
    Reach.PROTOCOL: "answers something that is not HTTP",
    Reach.TOO_LARGE: "answers with headers that are too large",
    Reach.READ_TIMEOUT: "takes the request and does not answer in time",
}


@check(
    id="lb.origin-unreachable",
    title="The origin answers when asked directly",
    step="balancer",
    link="edge → origin",
    causes=(
        str(Symptom.EDGE_520),
        str(Symptom.EDGE_521),
        str(Symptom.EDGE_522),
        str(Symptom.EDGE_523),
        str(Symptom.EDGE_524),
        str(Symptom.EDGE_525),
        str(Symptom.CONNECT_REFUSED),
        str(Symptom.CONNECT_TIMEOUT),
        str(Symptom.CONNECT_RESET),
        str(Symptom.TLS_HANDSHAKE),
        str(Symptom.EMPTY_REPLY),
        str(Symptom.RESPONSE_TIMEOUT),
    ),
)
def origin_unreachable(
    target: Target, origin: OriginProbe, probe: OutsideProbe | Unavailable, zone: ZoneFacts | Unavailable
) -> Iterator[Finding]:
    """The request that the edge sends, sent by us."""
    if isinstance(zone, ZoneFacts) and zone.tunnel:
        yield skip("The name leads to a tunnel; the edge does not connect to this origin.")
        return
    asked = _as_the_edge_asks(target, origin, zone)
    if answered(asked):
        yield _answers(target, origin, asked, probe)
        return
    if asked.reach is _SLOW and _shook_hands(asked):
        yield _slow(target, origin, asked, probe)
        return
    somebody_gets_through = isinstance(probe, OutsideProbe) and made_by_origin(probe)
    if somebody_gets_through:
        yield ok(
            f"The origin {_place(asked)} {_what(asked)} when asked from here, but it does answer the edge: probably "
            "it admits Cloudflare only.",
            seen=_seen(origin),
            where=_WHERE,
        )
        return
    yield _unreachable(target, origin, asked, sure=_is_sure(asked, probe))


def _as_the_edge_asks(target: Target, origin: OriginProbe, zone: ZoneFacts | Unavailable) -> HttpExchange:
    plain = isinstance(zone, ZoneFacts) and zone.proxied and zone.setting("ssl") in _PLAIN_MODES
    return origin.http if plain or target.scheme == "http" else origin.https


def _shook_hands(asked: HttpExchange) -> bool:
    """Tell whether the request was sent at all; over https that takes a finished handshake."""
    return asked.tls is None or asked.tls.reach is Reach.OK


def _is_sure(asked: HttpExchange, probe: OutsideProbe | Unavailable) -> bool:
    """Tell whether the origin is broken and not merely closed to us."""
    if isinstance(probe, OutsideProbe):
        if probe.edge_error is not None and probe.edge_error.code in _NOT_THROUGH:
            return True
        if not probe.edge and not answered(probe.last):
            return True
    return asked.reach not in _SILENT


def _unreachable(target: Target, origin: OriginProbe, asked: HttpExchange, *, sure: bool) -> Finding:
    verdict = fail if sure else warn
    unless = "" if sure else "; a firewall that admits only Cloudflare would look the same"
    direct = _curl(target, origin, asked)
    return verdict(
        f"The origin {_place(asked)} ({origin.source}) {_what(asked)}{unless}.",
        subject=f"Origin {origin.address}",
        seen=_seen(origin),
        where=_WHERE,
        remedy=Remedy(
            text=f"The fault lies at this address or behind it. {_look_at(origin)}",
            commands=(direct,),
            proof=direct,
        ),
    )


def _look_at(origin: OriginProbe) -> str:
    """Say what to look at; of an address nobody knows more than that it is the record's."""
    if origin.source.startswith("load balancer "):
        return "Look at the load balancer's services and targets, at its firewall, and at PROXY protocol on both sides."
    return (
        "Look at whatever holds it: whether that listens on the port, whether anybody healthy is behind it, at its "
        "firewall, and at PROXY protocol on both sides."
    )


def _answers(target: Target, origin: OriginProbe, asked: HttpExchange, probe: OutsideProbe | Unavailable) -> Finding:
    seen, place = _seen(origin), _place(asked)
    if isinstance(probe, OutsideProbe) and probe.edge_error is not None:
        code = probe.edge_error.code
        if code in _NOT_THROUGH:
            text = f"The origin {place} answers {asked.status} when asked directly, while the edge says {code}: "
            return ok(
                text + "the fault lies between the two, in the record's address or in a firewall.",
                seen=seen,
                where=_WHERE,
            )
        if code == 526:
            text = f"The origin {place} answers {asked.status} to clients that accept any certificate."
            return ok(text, seen=seen, where=_WHERE)
    same = isinstance(probe, OutsideProbe) and came_through(probe) and probe.last.status == asked.status
    alike = ", as through the edge" if same and asked.status >= 400 else ""
    return ok(f"The origin {place} answers {asked.status} when asked directly{alike}.", seen=seen, where=_WHERE)


def _slow(target: Target, origin: OriginProbe, asked: HttpExchange, probe: OutsideProbe | Unavailable) -> Finding:
    """Connected and silent: the origin is reached, what stands behind it is slow."""
    if isinstance(probe, OutsideProbe) and came_through(probe):
        return ok(
            f"The origin {_place(asked)} is reached, but was slow to answer us.", seen=_seen(origin), where=_WHERE
        )
    direct = _curl(target, origin, asked, "--max-time", "120")
    return warn(
        f"The origin {_place(asked)} {_what(asked)}: it is reached, but what stands behind it is slow or stuck.",
        subject=f"Origin {origin.address}",
        seen=_seen(origin),
        where=_WHERE,
        remedy=Remedy(
            text="Look at the backend and at whatever keeps the controller from reaching it.",
            commands=(direct,),
            proof=direct,
        ),
    )


def _curl(target: Target, origin: OriginProbe, asked: HttpExchange, *more: str) -> Command:
    address = f"[{origin.address}]" if ":" in origin.address else origin.address
    return curl(asked.url, "-k", "--resolve", f"{target.hostname}:{asked.port}:{address}", *more)


def _what(asked: HttpExchange) -> str:
    if asked.reach is _SLOW and not _shook_hands(asked):
        return "accepts the connection but does not answer the TLS handshake"
    return _WHAT.get(asked.reach, f"does not answer ({asked.reach.value})")


def _place(asked: HttpExchange) -> str:
    return f"{asked.address} port {asked.port}"


def _seen(origin: OriginProbe) -> dict[str, str]:
    seen = {"address known by": origin.source}
    for name, exchange in (("https", origin.https), ("http", origin.http)):
        came = f"status {exchange.status}" if exchange.status else exchange.reach.value
        seen[name] = clean(f"{came}{f' ({exchange.detail})' if exchange.detail else ''}", 300)
    return seen
