"""Is it up from outside? Whether we are online at all, and whether a visitor gets a connection.

What a client sees is a symptom: these findings say where it stops, deeper checks say why.
Source: RFC 8446 section 6 (alerts), and how far the probes came.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    DnsView,
    Finding,
    HttpExchange,
    LanOwners,
    Online,
    OutsideProbe,
    Rcode,
    Reach,
    Remedy,
    Symptom,
    Target,
    TcpAttempt,
    Unavailable,
    check,
    clean,
    fail,
    look,
    ok,
    skip,
    unknown,
    warn,
)
from ingressdoctor_checks.outside_view import SEEN, answered, curl, dig, refused_certificate, visit_url

__all__ = ["offline", "unreachable"]

_HANDSHAKE: Final = (
    Symptom.TLS_HANDSHAKE,
    "the TLS handshake fails",
    "At the edge: no edge certificate covers the name. At an origin: nothing speaks TLS there, or it refuses the name.",
)
_UNREACHED: Final = {
    Reach.NAME: (Symptom.DNS_NXDOMAIN, "the name does not resolve", "Create the record, or correct the redirect."),
    Reach.REFUSED: (
        Symptom.CONNECT_REFUSED,
        "the connection is refused",
        "Nothing listens on that port, or a firewall rejects it.",
    ),
    Reach.TIMEOUT: (
        Symptom.CONNECT_TIMEOUT,
        "nobody answers the connection attempt",
        "The address belongs to nobody any more, or a firewall drops the packets.",
    ),
    Reach.UNREACHABLE: (
        Symptom.CONNECT_TIMEOUT,
        "there is no route to the address",
        "The address is stale, private, or of a family this machine has no route for.",
    ),
    Reach.RESET: (Symptom.CONNECT_RESET, "the connection is reset", "Something on the way closes it by force."),
    Reach.CLOSED: (
        Symptom.EMPTY_REPLY,
        "the connection is closed without an answer",
        "Whatever holds the address has nobody healthy behind it, or expects a PROXY header that does not come.",
    ),
    Reach.PROTOCOL: (
        Symptom.EMPTY_REPLY,
        "the answer is not HTTP",
        "Another service listens on the port, or a PROXY protocol mismatch garbles the answer.",
    ),
    Reach.READ_TIMEOUT: (
        Symptom.RESPONSE_TIMEOUT,
        "the connection is accepted, but no answer comes in time",
        "Behind Cloudflare this ends in 522 (origin does not answer connections) or in 524 (origin is slow).",
    ),
    Reach.TLS_ALERT: _HANDSHAKE,
    Reach.TLS_NOT_TLS: _HANDSHAKE,
    Reach.TLS_EOF: _HANDSHAKE,
    Reach.TLS_OTHER: _HANDSHAKE,
}
_ODD: Final = (Symptom.EMPTY_REPLY, "no usable answer comes", "Repeat the request and look at what is sent.")


@check(
    id="outside.offline",
    title="This machine is online",
    step="outside",
    link="this machine → internet",
    causes=(str(Symptom.OFFLINE),),
    vantage=True,
)
def offline(online: Online, probe: OutsideProbe | Unavailable) -> Iterator[Finding]:
    """Offline, nothing outside can be judged and nobody is to blame."""
    seen = {f"{a.address}:{a.port}": a.reach.value for a in online.attempts}
    if online.online:
        yield ok("This machine is online.", seen=seen)
    elif isinstance(probe, OutsideProbe) and any(hop.status for hop in probe.hops):
        yield ok("The usual test addresses do not answer, but the target does: this machine is online.", seen=seen)
    else:
        first = next(iter(online.attempts), None)
        yield fail(
            "This machine is offline, so nothing outside could be looked at and nobody is to blame.",
            seen=seen,
            where="TCP connects to addresses that always answer",
            symptom=Symptom.OFFLINE,
            remedy=Remedy(
                text="Connect this machine to the internet, or set probe under [online] to addresses that this network "
                "lets through; then ask again.",
                commands=(look("ip", "route", "get", first.address if first else "1.1.1.1"),),
                proof=look("nc", "-vz", "-w", "2", first.address, str(first.port)) if first else None,
            ),
        )


@check(
    id="edge.unreachable",
    title="A visitor gets a connection and an answer",
    step="outside",
    link="visitor → edge",
)
def unreachable(
    target: Target, view: DnsView | Unavailable, probe: OutsideProbe | Unavailable, owners: LanOwners | Unavailable
) -> Iterator[Finding]:
    """Name, connection, handshake and first byte, as a visitor meets them."""
    if isinstance(probe, Unavailable):
        if isinstance(view, DnsView) and not view.addresses:
            yield _no_address(view)
        else:
            yield unknown(f"Could not look at {probe.wanted}: {probe.reason}.", enable_with=probe.enable_with)
        return
    last = probe.last
    if refused_certificate(last):
        yield skip("The connection stands; the visitor stops at the certificate.")
        return
    if not answered(last):
        yield _from_elsewhere(last, owners) or _unreached(last, visit_url(probe, target))
        return
    dead = tuple(attempt for attempt in probe.unanswered if attempt.reach is not Reach.UNREACHABLE)
    if dead:
        yield _partly_dead(target, dead)
        return
    edge = ", by Cloudflare's edge" if probe.edge else ""
    yield ok(f"{target.url} is answered{edge}.", seen={"address": last.address, "status": str(last.status)}, where=SEEN)


def _no_address(view: DnsView) -> Finding:
    name, rcodes = view.hostname, [reply.rcode for v in view.resolvers for reply in v.replies]
    missing = any(rcode in {Rcode.NXDOMAIN, Rcode.NODATA} for rcode in rcodes)
    timed_out = all(rcode in {Rcode.TIMEOUT, Rcode.UNREACHABLE} for rcode in rcodes)
    symptom = Symptom.DNS_NXDOMAIN if missing else Symptom.DNS_TIMEOUT if timed_out else Symptom.DNS_SERVFAIL
    why = "it does not exist" if missing else "no resolver answers" if timed_out else "every resolver fails on it"
    return fail(
        f"A visitor gets no address for {name}: {why}.",
        subject=name,
        seen={v.server: ", ".join(f"{r.rdtype} {r.rcode.value}" for r in v.replies) for v in view.resolvers},
        where="DNS",
        symptom=symptom,
        remedy=Remedy(text="Look at the findings about DNS.", commands=(dig(name),), proof=dig(name)),
    )


def _from_elsewhere(last: HttpExchange, owners: LanOwners | Unavailable) -> Finding | None:
    """Blame nobody for silence at the private address of a living node: we may sit in another network."""
    if last.reach not in (Reach.TIMEOUT, Reach.UNREACHABLE) or isinstance(owners, Unavailable) or not owners.living:
        return None
    if last.address not in [item.address for item in owners.owners]:
        return None
    return unknown(
        f"{last.address} does not answer this machine, and the node that has it is ready: perhaps this machine is not "
        "in that network.",
        enable_with="Ask again from the LAN or its VPN. If you are there, look for a firewall on the node that drops "
        f"port {last.port}.",
        seen={"address": f"{last.address} port {last.port}", "outcome": last.reach.value},
    )


def _unreached(last: HttpExchange, url: str) -> Finding:
    symptom, what, hint = _UNREACHED.get(last.reach, _ODD)
    seen = {"address": f"{last.address or '(none)'} port {last.port}", "outcome": last.reach.value}
    if last.detail:
        seen["detail"] = clean(last.detail, 300)
    if last.phases.total_s:
        seen["after"] = f"{last.phases.total_s:.1f} s"
    return fail(
        f"A visitor of {url} gets no answer: {what}.",
        subject=url,
        seen=seen,
        where=SEEN,
        symptom=symptom,
        remedy=Remedy(text=hint, commands=(curl(url, "-v"),), proof=curl(url)),
    )


def _partly_dead(target: Target, dead: tuple[TcpAttempt, ...]) -> Finding:
    names = ", ".join(attempt.address for attempt in dead)
    some = f"{len(dead)} address{'es' if len(dead) > 1 else ''}"
    first = dead[0]
    return warn(
        f"{target.hostname} is answered, but {some} of it cannot be connected to: {names}.",
        subject=target.hostname,
        seen={f"{a.address} port {a.port}": a.reach.value for a in dead},
        where=SEEN,
        remedy=Remedy(
            text="Some visitors dial these first and wait. Take the records out of DNS, or bring the hosts back.",
            commands=(dig(target.hostname, "A"), dig(target.hostname, "AAAA")),
            proof=look("nc", "-vz", "-w", "5", first.address, str(first.port)),
        ),
    )
