"""Do the connectors reach Cloudflare's edge, and does it take their credentials?

Judged by the end of their log. Source: cloudflared supervisor/ (fallback of the protocol, errors of registration),
edgediscovery/ (UDP and TCP 7844), connection/protocol.go (a pinned protocol never falls back).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from ingressdoctor.api import (
    Cloudflared,
    CloudflaredLogs,
    Finding,
    LoggedSignature,
    OutsideProbe,
    Remedy,
    TunnelRoute,
    Unavailable,
    check,
    fail,
    look,
    ok,
    skip,
    unknown,
    warn,
)
from ingressdoctor_checks.tunnel_workloads import EDGE_1033, logs_command, newest, serves, workloads_of

__all__ = ["credentials_rejected", "egress_blocked", "protocol_fallback"]

_LINK: Final = "cloudflared → edge"
_WHERE: Final = "the last 50 lines of cloudflared's log"
_REFUSED: Final = {
    "bad-secret": ("the secret is not the tunnel's", "They belong to another or a re-created tunnel, or were rotated."),
    "tunnel-gone": ("there is no such tunnel", "Compare the id with the account's tunnels; it may have been deleted."),
    "wrong-account": ("the account has no such tunnel", "Credentials and tunnel id belong to different accounts."),
    "token-invalid": ("the token is cut off or damaged", "Copy it again, without line breaks and with its padding."),
    "credentials-missing": (
        "the credentials file is not there",
        "Look at the Secret, its key and where it is mounted.",
    ),
    "tunnel-by-name": ("a tunnel by name needs credentials that know its id", "Write the tunnel's id, not its name."),
    "tunnel-not-named": ("no tunnel is named", "TUNNEL_TOKEN is empty or its Secret has another key."),
}
_BLOCKED: Final = {
    "tcp-blocked": "TCP port 7844 to Cloudflare is closed",
    "udp-blocked": "UDP port 7844 to Cloudflare is closed",
    "tls-inspection": "something on the way opens the TLS connection to Cloudflare",
    "edge-dns": "Cloudflare's edge cannot be looked up in DNS",
    "no-edge-address": "none of the edge's addresses can be reached",
    "precheck-tcp": "TCP port 7844 to Cloudflare is closed",
    "precheck-udp": "UDP port 7844 to Cloudflare is closed",
}


def _read(
    route: TunnelRoute | Unavailable, logs: CloudflaredLogs | Unavailable
) -> tuple[Cloudflared, CloudflaredLogs] | Finding:
    """Return the first workload with its log, or why there is nothing to judge."""
    found = workloads_of(route)
    if isinstance(found, Finding):
        return found
    if isinstance(logs, Unavailable):
        if not any(item.live_pods for item in found):
            return skip("No pod of cloudflared runs, so there is no log to read.")
        return unknown(f"cloudflared's log could not be read: {logs.reason}.", enable_with=logs.enable_with)
    return found[0], logs


def _newest(
    route: TunnelRoute | Unavailable, logs: CloudflaredLogs | Unavailable, codes: Iterable[str], unsaid: str
) -> tuple[Cloudflared, CloudflaredLogs, LoggedSignature] | Finding:
    """Return the first workload with its log and the newest line of *codes*, or that nothing says what they mean."""
    read = _read(route, logs)
    if isinstance(read, Finding):
        return read
    line = newest(read[1], *codes)
    return (*read, line) if line else ok(f"Nothing in the log says that {unsaid}.", where=_WHERE)


@check(
    id="tunnel.credentials-rejected",
    title="Cloudflare takes the credentials of the tunnel",
    step="tunnel",
    link=_LINK,
    causes=EDGE_1033,
)
def credentials_rejected(
    route: TunnelRoute | Unavailable, logs: CloudflaredLogs | Unavailable, probe: OutsideProbe | Unavailable
) -> Iterator[Finding]:
    """The edge answers the registration with a refusal, again and again."""
    read = _newest(route, logs, _REFUSED, "the credentials are refused")
    if isinstance(read, Finding):
        yield read
        return
    item, log, line = read
    what, advice = _REFUSED[line.code]
    say = warn if serves(probe) or log.registered else fail
    yield say(
        f"{item.ref} cannot register its tunnel: {what}.",
        subject=item.ref,
        where=_WHERE,
        seen={"log": line.line, "times": str(line.count), "tunnel": item.identity.id or log.tunnel or "not told"},
        remedy=Remedy(
            text=f"{advice} Then create the Secret anew and restart the pods.",
            commands=(
                logs_command(item),
                look("cloudflared", "tunnel", "info", item.identity.id or log.tunnel or item.name),
            ),
            proof=logs_command(item),
        ),
    )


@check(
    id="tunnel.egress-blocked",
    title="cloudflared reaches Cloudflare's edge",
    step="tunnel",
    link=_LINK,
    causes=EDGE_1033,
)
def egress_blocked(
    route: TunnelRoute | Unavailable, logs: CloudflaredLogs | Unavailable, probe: OutsideProbe | Unavailable
) -> Iterator[Finding]:
    """Port 7844 or DNS is closed on the way out, and no connection stands."""
    read = _newest(route, logs, _BLOCKED, "the way to the edge is closed")
    if isinstance(read, Finding):
        yield read
        return
    item, log, line = read
    pinned = f" and the protocol is pinned to {item.protocol}" if item.protocol else ""
    udp = line.code in ("udp-blocked", "precheck-udp")
    say = warn if serves(probe) or log.registered else fail
    yield say(
        f"{item.ref} does not reach Cloudflare's edge: {_BLOCKED[line.code]}{pinned if udp else ''}.",
        subject=item.ref,
        where=_WHERE,
        seen={"log": line.line, "times": str(line.count), "protocol": item.protocol or "auto"},
        remedy=Remedy(
            text="Let the pods out to port 7844 (UDP for quic, TCP for http2) and to DNS: NetworkPolicy, node and "
            "network firewalls." + (" Until then write 'protocol: http2', which needs TCP only." if udp else ""),
            commands=(
                look("kubectl", "-n", item.namespace, "get", "networkpolicies"),
                logs_command(item),
            ),
            proof=logs_command(item),
        ),
    )


@check(
    id="tunnel.protocol-fallback",
    title="The tunnel runs over the protocol that was meant",
    step="tunnel",
    link=_LINK,
)
def protocol_fallback(route: TunnelRoute | Unavailable, logs: CloudflaredLogs | Unavailable) -> Iterator[Finding]:
    """UDP 7844 is closed, so that each start takes minutes to fall back to http2."""
    read = _read(route, logs)
    if isinstance(read, Finding):
        yield read
        return
    item, log = read
    line = _fell_back(item, log)
    if line is None:
        shown = ", ".join(log.protocols) or "not told by the last lines"
        yield ok(f"The connections run over: {shown}.", where=_WHERE)
        return
    yield warn(
        f"{item.ref} fell back from quic to http2: UDP port 7844 is closed on the way to Cloudflare.",
        subject=item.ref,
        where=_WHERE,
        seen={"log": line.line, "protocols": ", ".join(log.protocols) or "not told"},
        remedy=Remedy(
            text="It works, but each start tries quic for minutes first, and a probe that is less patient restarts "
            "the pod for ever. Open UDP 7844, or write 'protocol: http2'.",
            commands=(look("kubectl", "-n", item.namespace, "get", "networkpolicies"), logs_command(item)),
            proof=logs_command(item),
        ),
    )


def _fell_back(item: Cloudflared, log: CloudflaredLogs) -> LoggedSignature | None:
    """Return the line that tells of the fallback; a fallback for another reason than UDP is not meant."""
    if item.protocol or "http2" not in log.protocols or "quic" in log.protocols:
        return None
    return next(iter(log.of("udp-judged-broken", "udp-blocked", "precheck-udp")), None)
