"""Is the certificate that is served the one that cert-manager issued last?

Compares three: what the Secret holds by the Certificate's status, what the origin shows, and what visitors are shown.
Source: cert-manager (status.notBefore and notAfter are those of the certificate in the Secret).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    CertificateChain,
    CertificateFacts,
    ChainLink,
    Clock,
    Command,
    Finding,
    NginxDecision,
    OriginProbe,
    OutsideProbe,
    Remedy,
    RouteDecision,
    TlsAttempt,
    Unavailable,
    changes,
    check,
    fail,
    look,
    ok,
    parse_time,
    skip,
    warn,
)
from ingressdoctor_checks.certificates_common import (
    STEP,
    certificate_of,
    covers,
    from_origin_ca,
    is_default,
    leaf_of,
)
from ingressdoctor_checks.nginx_common import logs_of
from ingressdoctor_checks.outside_view import came_through

__all__ = ["served_stale"]

_SAME_S: Final = 3_600.0
# Let's Encrypt dates its certificates an hour back, and controllers may take a while.
_FRESH_S: Final = 7_200.0


@check(
    id="cert.served-stale",
    title="The certificate served is the one issued last",
    step=STEP,
    link="TLS Secret → controller",
    causes=("cert.origin-invalid", "cert.expiring", "edge.certificate-invalid", "edge-526", "tls-untrusted"),
)
def served_stale(
    decision: RouteDecision,
    chain: CertificateChain | Unavailable,
    origin: OriginProbe | Unavailable,
    outside: OutsideProbe | Unavailable,
    nginx: NginxDecision | Unavailable,
    clock: Clock,
) -> Iterator[Finding]:
    """A controller that does not load the renewed Secret serves the old certificate until it expires."""
    judged = certificate_of(decision, chain)
    if isinstance(judged, Finding):
        yield judged
        return
    found, top = judged
    if not found.ready or parse_time(found.not_after) is None:
        yield skip(f"{top.ref} holds no certificate to compare with.")
        return
    shown = _shown(origin, outside)
    if not shown:
        yield skip("No certificate of the route's own is served where we can see it.")
        return
    old = next((item for item in shown if _is_older(item[1], found)), None)
    if old is None:
        yield ok(f"The certificate served is the one that {top.ref} holds, or a newer one.", where="TLS handshake")
    elif (clock.seconds_since(found.not_before) or _FRESH_S) < _fresh_s(found):
        yield ok(f"{top.ref} was renewed at {found.not_before}; the one before is still served.", subject=top.ref)
    else:
        yield _stale(found, top, old, clock, nginx, outside)


def _shown(
    origin: OriginProbe | Unavailable, outside: OutsideProbe | Unavailable
) -> tuple[tuple[TlsAttempt, CertificateFacts], ...]:
    """Return what the origin shows, and what visitors are shown who reach it without an edge between."""
    found = [leaf_of(origin)]
    if isinstance(outside, OutsideProbe) and not outside.edge:
        tls = outside.last.tls
        found.append((tls, tls.chain[0]) if tls is not None and tls.chain else None)
    return tuple(item for item in found if item is not None and not is_default(item[1]))


def _is_older(leaf: CertificateFacts, chain: CertificateChain) -> bool:
    """Whether it ends, and began, clearly before the one that the Secret holds."""
    ends, ours = parse_time(leaf.not_after), parse_time(chain.not_after)
    if ends is None or ours is None or (ours - ends).total_seconds() <= _SAME_S:
        return False
    began, ourselves = parse_time(leaf.not_before), parse_time(chain.not_before)
    return began is None or ourselves is None or began < ourselves


def _fresh_s(chain: CertificateChain) -> float:
    start, end = parse_time(chain.not_before), parse_time(chain.not_after)
    return _FRESH_S if start is None or end is None else min(_FRESH_S, (end - start).total_seconds() / 10)


def _stale(
    chain: CertificateChain,
    top: ChainLink,
    shown: tuple[TlsAttempt, CertificateFacts],
    clock: Clock,
    nginx: NginxDecision | Unavailable,
    outside: OutsideProbe | Unavailable,
) -> Finding:
    tls, leaf = shown
    left = clock.days_until(leaf.not_after) or 0.0
    accepted = (tls.trusted is True or from_origin_ca(leaf)) and left >= 0 and covers(leaf, tls.sni)
    who, commands = _controller(nginx)
    end = f"expired {-left:.0f} days ago" if left < 0 else f"expires in {left:.0f} days"
    tolerated = isinstance(outside, OutsideProbe) and outside.edge and came_through(outside)
    say = warn if accepted or tolerated else fail
    secret = f"Secret {chain.namespace}/{chain.secret}"
    return say(
        f"{who} serves an older certificate for {tls.sni} than {secret} holds: it {end}, the renewed one lasts until "
        f"{chain.not_after[:10]}.",
        subject=f"certificate of {tls.address}:{tls.port}",
        where="TLS handshake, and status of the Certificate",
        seen={
            "expected": f"{secret} by {top.ref}, issued by {chain.issuer}",
            "in the Secret": f"{chain.not_before} to {chain.not_after}, for {', '.join(chain.dns_names[:8])}",
            "served": f"{leaf.not_before} to {leaf.not_after}, for {', '.join(leaf.names[:8])}, by {leaf.issuer}",
            **_at_the_edge(outside),
        },
        remedy=Remedy(
            text="The controller has not loaded the Secret again, or another Secret's certificate for this name goes "
            "first. Its log names the Secret; a restart loads it.",
            commands=commands,
            proof=look(
                *("openssl", "s_client", "-connect", f"{tls.address}:{tls.port}", "-servername", tls.sni, "-brief")
            ),
        ),
    )


def _at_the_edge(outside: OutsideProbe | Unavailable) -> dict[str, str]:
    tls = outside.last.tls if isinstance(outside, OutsideProbe) and outside.edge else None
    if tls is None or not tls.chain:
        return {}
    leaf = tls.chain[0]
    return {"at the edge": f"{leaf.not_before} to {leaf.not_after}, by {leaf.issuer}"}


def _controller(nginx: NginxDecision | Unavailable) -> tuple[str, tuple[Command, ...]]:
    """Name who serves it, and the commands that show and restart it."""
    if not isinstance(nginx, NginxDecision) or not nginx.direct:
        traefik = ("-A", "-l", "app.kubernetes.io/name=traefik")
        return "The origin", (look("kubectl", "get", "deployments,daemonsets", *traefik),)
    item = nginx.controller
    restart = ("rollout", "restart", f"{item.kind.lower()}/{item.name}")
    return "ingress-nginx", (logs_of(item), changes("kubectl", "-n", item.namespace, *restart))
