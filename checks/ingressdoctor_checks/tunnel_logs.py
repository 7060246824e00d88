"""What cloudflared's log complains of about the target's origin, in words.

The last resort: whatever else explains an entry says so by its causes. Source: cloudflared proxy/proxy.go (errors of
origins), Go's net and crypto/tls.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    Clock,
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
    ok,
    skip,
    unknown,
    warn,
)
from ingressdoctor_checks.tunnel_workloads import errors_of_edge, logs_command, workloads_of

__all__ = ["log_errors"]

_WHERE: Final = "the last 50 lines of cloudflared's log"
_RECENT_S: Final = 900.0
_BAD_GATEWAY: Final = frozenset((502, 504))
_ORIGIN: Final = {
    "origin-refused": "the connection to the origin is refused: nothing listens there, or no pod is ready",
    "origin-no-such-host": "the name of the origin does not exist in the cluster's DNS",
    "cluster-dns": "the cluster's DNS does not answer",
    "origin-timeout": "the origin does not answer the connection attempt: a policy or firewall drops it",
    "origin-no-route": "there is no route to the origin's address",
    "origin-untrusted": "the origin's certificate is signed by nobody that cloudflared trusts",
    "origin-wrong-name": "the origin's certificate is for another name",
    "origin-expired": "the origin's certificate has expired",
    "origin-no-san": "the origin's certificate names no host",
    "origin-plain": "the origin answers without TLS, and the rule says https",
    "origin-tls": "the origin speaks TLS, and the rule says http",
    "origin-client-certificate": "the origin wants a client certificate, which cloudflared has not",
    "origin-tls-timeout": "the TLS handshake with the origin takes too long",
    "origin-handshake": "the origin refuses the TLS handshake",
    "origin-closed": "the origin closes the connection before it answers",
}
_OTHER: Final = {
    "access-no-token": "a request came without the token of Access that the rule demands",
    "access-wrong-audience": "the audience in the rule is not that of the Access application",
    "access-not-verified": "the token of Access could not be verified",
    "too-many-files": "cloudflared runs out of file descriptors",
    "remote-refused": "cloudflared refuses the configuration that Cloudflare sends",
    "no-rules": "cloudflared runs without rules and answers 503 to everything",
}


@check(
    id="tunnel.log-errors",
    title="cloudflared's log has no complaint about the origin",
    step="tunnel",
    link="cloudflared → origin",
    causes=("edge.error-page", "edge-502", "edge-504", "response-timeout"),
)
def log_errors(
    route: TunnelRoute | Unavailable,
    logs: CloudflaredLogs | Unavailable,
    probe: OutsideProbe | Unavailable,
    clock: Clock,
) -> Iterator[Finding]:
    """Entries about this name's origin, newest first; those about others do not count."""
    found = workloads_of(route)
    if isinstance(found, Finding):
        yield found
        return
    if isinstance(logs, Unavailable):
        running = any(item.live_pods for item in found)
        yield (
            unknown(f"cloudflared's log could not be read: {logs.reason}.", enable_with=logs.enable_with)
            if running
            else skip("No pod of cloudflared runs, so there is no log to read.")
        )
        return
    broken = errors_of_edge(probe) in _BAD_GATEWAY
    mine = [item for item in logs.signatures if item.ours and item.code in _ORIGIN | _OTHER]
    mine = [item for item in mine if broken or _recent(item, clock)]
    general = [item for item in logs.signatures if not item.ours and item.code in _OTHER and _recent(item, clock)]
    if not mine and not general:
        yield ok("The log has no complaint about this name's origin.", where=_WHERE)
    for item in sorted((*mine, *general), key=lambda one: one.when, reverse=True)[:3]:
        yield _complaint(found[0], item, failing=broken and item.code in _ORIGIN)


def _recent(item: LoggedSignature, clock: Clock) -> bool:
    age = clock.seconds_since(item.when)
    return age is not None and age < _RECENT_S


def _complaint(workload: Cloudflared, item: LoggedSignature, *, failing: bool) -> Finding:
    say = fail if failing else warn
    what = {**_ORIGIN, **_OTHER}[item.code]
    return say(
        f"{workload.ref} logs: {what}.",
        subject=workload.ref,
        where=_WHERE,
        seen={"log": item.line, "times": str(item.count), "pod": item.pod or "not told"},
        remedy=Remedy(
            text="Look at the origin that the rule names: its Service, port, protocol and certificate.",
            commands=(logs_command(workload),),
            proof=logs_command(workload),
        ),
    )
