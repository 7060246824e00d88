"""The walks of HTTP names, as data, and on what ground a target belongs to each; that of MySQL is in ``walks_sql``.

Holds no check. The questions are those of the documented debugging sequences.
"""

from __future__ import annotations

from typing import Final

from ingressdoctor.api import (
    Bypass,
    Claim,
    DnsView,
    GatewayView,
    KnownHosts,
    Outcome,
    OutsideProbe,
    Protocol,
    RouteDecision,
    Step,
    Target,
    TunnelRoute,
    Unavailable,
    Walk,
    ZoneFacts,
    claims,
)

__all__ = ["PUBLIC", "TUNNEL", "WALKS", "claim_by_gateway", "claim_by_login", "claim_public", "claim_tunnel"]

PUBLIC: Final = Walk(
    id="public",
    title="A public site: Cloudflare, load balancer, Traefik, Service, pods",
    steps=(
        Step(
            id="outside",
            question="Is it up from outside?",
            hop="Cloudflare's edge",
            docs="walks/public.md#1-is-it-up-from-outside",
            speaker="edge.http-error",
        ),
        Step(
            id="dns",
            question="Does DNS resolve to Cloudflare anycast?",
            hop="DNS",
            docs="walks/public.md#2-does-dns-resolve-to-cloudflare-anycast",
            speaker="dns.not-proxied",
        ),
        Step(
            id="balancer",
            question="Is the load balancer healthy?",
            hop="the load balancer",
            docs="walks/public.md#3-is-the-load-balancer-healthy",
            speaker="lb.targets-unhealthy",
        ),
        Step(
            id="controller",
            question="Has Traefik the route, and do requests arrive?",
            hop="Traefik",
            docs="walks/public.md#4-has-traefik-the-route-and-do-requests-arrive",
            speaker="traefik.route-missing",
        ),
        Step(
            id="backend",
            question="Is the backend healthy?",
            hop="the backend",
            docs="walks/public.md#5-is-the-backend-healthy",
            speaker="backend.pods-not-ready",
        ),
    ),
    proof=("edge.http-error", "edge.error-page", "edge.unreachable"),
    prediction="traefik.prediction-mismatch",
)

TUNNEL: Final = Walk(
    id="tunnel",
    title="A management name: Cloudflare Access, tunnel, cloudflared's rules, Service, pods",
    steps=(
        Step(
            id="outside",
            question="Does the Access login page answer?",
            hop="Cloudflare Access",
            docs="walks/tunnel.md#1-does-the-access-login-page-answer",
            speaker="edge.access-login",
        ),
        Step(
            id="dns",
            question="Does the name lead to the tunnel?",
            hop="DNS",
            docs="walks/tunnel.md#2-does-the-name-lead-to-the-tunnel",
            speaker="dns.not-proxied",
        ),
        Step(
            id="tunnel",
            question="Is the tunnel healthy?",
            hop="the tunnel",
            docs="walks/tunnel.md#3-is-the-tunnel-healthy",
            speaker="tunnel.no-connector",
        ),
        Step(
            id="rules",
            question="Do cloudflared's rules list the hostname?",
            hop="cloudflared's rules",
            docs="walks/tunnel.md#4-do-cloudflareds-rules-list-the-hostname",
            speaker="rule.host-missing",
        ),
        Step(
            id="nginx",
            question="Does ingress-nginx route it?",
            hop="ingress-nginx",
            docs="walks/tunnel.md#5-does-ingress-nginx-route-it",
            speaker="nginx.route-missing",
        ),
        Step(
            id="backend",
            question="Are the target Service and its pods healthy?",
            hop="the backend",
            docs="walks/tunnel.md#6-are-the-target-service-and-its-pods-healthy",
            speaker="backend.pods-not-ready",
        ),
        Step(
            id="http2",
            question="Does HTTP/2 survive every hop?",
            hop="gRPC",
            docs="walks/tunnel.md#7-does-http2-survive-every-hop",
            speaker="grpc.status",
        ),
    ),
    # The login alone proves nothing about what is behind it.
    proof=("edge.http-error",),
)

WALKS: Final = (PUBLIC, TUNNEL)

_SEARCHED: Final = (
    "IngressRoutes, Ingresses and HTTPRoutes of the cluster",
    "DNS",
    "the zones of the Cloudflare account",
)
_SEARCHED_RULES: Final = ("the rules of cloudflared",)


@claims("public")
def claim_public(
    target: Target,
    hosts: KnownHosts | Unavailable,
    dns: DnsView | Unavailable,
    decision: RouteDecision | Unavailable,
    zone: ZoneFacts | Unavailable,
    past: Bypass | Unavailable,
) -> Claim:
    """Claim names that a route serves; then names that DNS answers, or that a zone at Cloudflare holds.

    What leads to private addresses only is claimed weakly: it is for the LAN. So is what leads to nodes themselves.
    """
    if target.protocol is Protocol.MYSQL:
        return Claim(strength=0, ground="")
    known = () if isinstance(hosts, Unavailable) else hosts.names
    naming = () if isinstance(hosts, Unavailable) else hosts.naming(target.hostname)
    private = isinstance(past, Bypass) and past.lan
    if naming:
        more = f" and {len(naming) - 1} more" if len(naming) > 1 else ""
        # A route may name a host that is reached through a tunnel, or in the LAN: then record and rules decide.
        behind = isinstance(past, Bypass) and (past.tunnel or past.nodes)
        return Claim(strength=70 if behind or private else 100, ground=f"{naming[0]}{more} names the host", known=known)
    if not isinstance(decision, Unavailable) and decision.outcome is Outcome.ROUTED and decision.winner:
        return Claim(
            strength=70 if private else 90, ground=f"{decision.winner.ref} takes requests for the host", known=known
        )
    if traces := _traces(dns, zone):
        return Claim(strength=traces[0], ground=traces[1], known=known)
    unseen = [item.wanted for item in (hosts, dns) if isinstance(item, Unavailable)]
    if unseen:
        return Claim(strength=10, ground=f"nothing tells otherwise; not looked at: {', '.join(unseen)}", known=known)
    return Claim(strength=0, ground="", searched=_SEARCHED, known=known)


def _traces(dns: DnsView | Unavailable, zone: ZoneFacts | Unavailable) -> tuple[int, str] | None:
    """Return (how strongly, on what ground) the name is known outside of the cluster; None when it is not."""
    if not isinstance(dns, Unavailable) and dns.addresses:
        return 50, f"DNS answers with {dns.addresses[0]}"
    if not isinstance(zone, Unavailable) and zone.records:
        return 40, f"the zone {zone.name} at Cloudflare has a record for it"
    return None


@claims("public")
def claim_by_gateway(target: Target, gateway: GatewayView | Unavailable) -> Claim:
    """Claim names that a route of the Gateway API names, also one that no Gateway takes."""
    if target.protocol is Protocol.MYSQL or isinstance(gateway, Unavailable) or not gateway.routes:
        return Claim(strength=0, ground="")
    return Claim(strength=96, ground=f"{gateway.routes[0].ref} names the host")


@claims("tunnel")
def claim_tunnel(target: Target, route: TunnelRoute | Unavailable) -> Claim:
    """Claim names whose record leads to a tunnel, names in cloudflared's rules, and weakly names built like those."""
    if isinstance(route, Unavailable) or target.protocol is Protocol.MYSQL:
        return Claim(strength=0, ground="", searched=_SEARCHED_RULES)
    known = route.pattern
    if route.by_record:
        # Without a rule for it the record may be a mistake, as on a name of the LAN.
        return Claim(strength=100 if route.named == "exact" else 97, ground=route.ground, known=known)
    if route.named == "exact":
        return Claim(strength=95, ground=route.ground, known=known)
    if route.named == "wildcard":
        return Claim(strength=60, ground=route.ground, known=known)
    strength = 30 if route.near or route.pattern else 0
    return Claim(strength=strength, ground=route.ground, searched=_SEARCHED_RULES, known=known)


@claims("tunnel", at_most=55)
def claim_by_login(probe: OutsideProbe | Unavailable) -> Claim:
    """Claim, weakly, names before which a login of Cloudflare Access stands."""
    if isinstance(probe, OutsideProbe) and probe.gate is not None:
        return Claim(strength=55, ground=f"Cloudflare Access asks visitors to log in ({probe.gate.login})")
    return Claim(strength=0, ground="")
