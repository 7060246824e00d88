"""The walk of names of the LAN, as data, and on what ground a target belongs to it. Holds no check."""

from __future__ import annotations

from typing import Final

from ingressdoctor.api import (
    Claim,
    KnownHosts,
    LanName,
    Step,
    Target,
    TunnelRoute,
    Unavailable,
    Walk,
    claims,
    dialled_in_lan,
)

__all__ = ["LAN", "WALKS", "claim_lan"]

LAN: Final = Walk(
    id="lan",
    title="A name of the LAN: DNS with a private address, ingress-nginx, certificate, Service, pods",
    steps=(
        Step(
            id="lan-dns",
            question="Does the name answer with a private address of a node?",
            hop="DNS",
            docs="walks/lan.md#1-does-the-name-answer-with-a-private-address-of-a-node",
            speaker="lan.address-unowned",
            takes=(
                "lan.not-private",
                "lan.address-unowned",
                "lan.proxied",
                "lan.rebinding-filtered",
                "lan.split-answers",
            ),
        ),
        Step(
            id="dns",
            question="Does no wildcard or HTTPS/ECH record get in the way?",
            hop="DNS records beside the name's own",
            docs="walks/lan.md#2-does-no-wildcard-or-httpsech-record-get-in-the-way",
            speaker="lan.wildcard-in-the-way",
            takes=(
                "lan.wildcard-in-the-way",
                "lan.ech-record",
                "dns.no-such-name",
                "dns.resolver-failing",
                "dns.zone-inactive",
            ),
        ),
        Step(
            id="outside",
            question="Does it answer here?",
            hop="the node's address",
            docs="walks/lan.md#3-does-it-answer-here",
            speaker="edge.http-error",
            takes=(
                "outside.offline",
                "edge.unreachable",
                "edge.certificate-invalid",
                "edge.redirect-loop",
                "edge.http-error",
                "edge.error-page",
                "edge.websocket-refused",
            ),
        ),
        Step(
            id="nginx",
            question="Does ingress-nginx route it?",
            hop="ingress-nginx",
            docs="walks/lan.md#4-does-ingress-nginx-route-it",
            speaker="nginx.route-missing",
        ),
        Step(
            id="certificate",
            question="Is the certificate the right one?",
            hop="the certificate",
            docs="walks/lan.md#5-is-the-certificate-the-right-one",
            speaker="cert.origin-invalid",
            takes=("cert.*",),
        ),
        Step(
            id="backend",
            question="Is the backend healthy?",
            hop="the backend",
            docs="walks/lan.md#6-is-the-backend-healthy",
            speaker="backend.pods-not-ready",
        ),
    ),
    proof=("edge.http-error", "edge.unreachable"),
)

WALKS: Final = (LAN,)


@claims("lan", at_most=98)
def claim_lan(
    target: Target, lan: LanName | Unavailable, hosts: KnownHosts | Unavailable, route: TunnelRoute | Unavailable
) -> Claim:
    """Claim names that lead to private addresses only; more strongly those that a route names.

    A record that leads to a tunnel whose rules do not name the host does not make it a name of the tunnel.
    """
    if isinstance(lan, Unavailable):
        return Claim(strength=0, ground="")
    naming = () if isinstance(hosts, Unavailable) else hosts.naming(target.hostname)
    ground = f"{lan.told_by} leads it to {lan.addresses[0]}, a private address"
    if lan.by_cluster:
        return Claim(strength=95, ground=f"no record leads it anywhere, and {lan.told_by} has {lan.addresses[0]}")
    if naming:
        ground += f", and {naming[0]} names the host"
    if not dialled_in_lan(lan, route):
        return Claim(strength=30, ground=ground)
    if not lan.certain:
        return Claim(strength=98, ground=ground)
    return Claim(strength=95 if naming else 80, ground=ground)
