"""Table from what cert-manager, Cloudflare and the CA say about a certificate to what it means and what to do.

Holds no check. Source: cert-manager's messages (pkg/issuer/acme/dns, pkg/controller/acme*), Cloudflare API error codes,
RFC 8555 problem types as Let's Encrypt's Boulder words them.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

__all__ = ["Signature", "retry_after", "signature_of"]

_RETRY: Final = re.compile(r"retry after (\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d)")


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """One known reason; ``topic`` chooses the commands: token, egress, dns, caa, limit, account or solver."""

    signs: tuple[str, ...]
    topic: str
    how: str
    remedy: str


_PERMISSIONS: Final = "It needs Zone:Read and DNS:Edit on this zone."
_SIGNATURES: Final = (
    Signature(
        signs=("error getting cloudflare secret", "not found in secret"),
        topic="token",
        how="the Secret with the Cloudflare API token is missing, or lacks the key",
        remedy="Create it: for an Issuer in the Certificate's namespace, for a ClusterIssuer in cert-manager's own.",
    ),
    Signature(
        signs=(
            "lookup api.cloudflare.com",
            'api.cloudflare.com/client/v4/zones": dial',
            "api.cloudflare.com: i/o timeout",
        ),
        topic="egress",
        how="cert-manager cannot reach the Cloudflare API",
        remedy="Let cert-manager's pods resolve and reach api.cloudflare.com: cluster DNS, NetworkPolicies, proxy.",
    ),
    Signature(
        signs=("does the API token contain a newline", "6111", "6103", "Invalid request headers"),
        topic="token",
        how="the Cloudflare API token is malformed (a newline, quotes, or a key where a token belongs)",
        remedy="Write the Secret again from the bare token, under apiTokenSecretRef.",
    ),
    Signature(
        signs=("9109", "Invalid access token"),
        topic="token",
        how="Cloudflare does not accept the API token any more (9109)",
        remedy=f"Create a new token and replace it in the Secret. {_PERMISSIONS}",
    ),
    Signature(
        signs=("10000: Authentication error", "Authentication error"),
        topic="token",
        how="the Cloudflare API token is valid, but may not edit this zone (10000)",
        remedy=f"Extend the token. {_PERMISSIONS}",
    ),
    Signature(
        signs=("Found no Zones",),
        topic="token",
        how="the Cloudflare API token sees no zone of this name: it belongs to other zones",
        remedy=f"Extend the token. {_PERMISSIONS}",
    ),
    Signature(
        signs=("references are both present",),
        topic="token",
        how="the solver names an API key and an API token at once",
        remedy="Keep apiTokenSecretRef and drop apiKeySecretRef.",
    ),
    Signature(
        signs=("Error: 81053", "Error: 81057", "Error: 81058", "record already exists"),
        topic="dns",
        how="a record of that name is in the way of the challenge's TXT record",
        remedy="Remove the CNAME or the left-over TXT record at _acme-challenge, or let the solver follow CNAMEs.",
    ),
    Signature(
        signs=("while querying the Cloudflare API",),
        topic="token",
        how="the Cloudflare API refuses cert-manager's request",
        remedy=f"Look at the code in the reason; most often it is the token. {_PERMISSIONS}",
    ),
    Signature(
        signs=("error:caa", "prevents issuance", "processing CAA"),
        topic="caa",
        how="a CAA record forbids this certificate authority to issue",
        remedy='Add 0 issue "letsencrypt.org" (for wildcards issuewild) beside the other CAA records, or remove them.',
    ),
    Signature(
        signs=("temporarily prevented from requesting",),
        topic="limit",
        how="the certificate authority has paused this account for these names after failures for a long time",
        remedy="Repair the cause, then open the link in the reason to go on.",
    ),
    Signature(
        signs=("rateLimited", "too many certificates", "too many failed authorizations", "too many new orders"),
        topic="limit",
        how="the certificate authority's rate limit is used up",
        remedy="Wait until the time it names, and do not delete Secrets or Certificates meanwhile: it only costs more.",
    ),
    Signature(
        signs=("during secondary validation",),
        topic="dns",
        how="the certificate authority sees the right answer from some places of the world only",
        remedy="Let every name server answer alike to all the world: geo-DNS, a slow secondary, a firewall by country.",
    ),
    Signature(
        signs=("invalidProfile",),
        topic="account",
        how="the certificate authority has no profile of the name that the issuer asks for",
        remedy="Correct spec.acme.profile of the issuer (Let's Encrypt: classic, tlsserver, shortlived).",
    ),
    Signature(
        signs=("wrong status code", "did not get expected response", "error:connection"),
        topic="solver",
        how="the HTTP-01 answer cannot be fetched from outside",
        remedy="Port 80 must reach the solver's Ingress; behind a proxy or tunnel take DNS-01 instead.",
    ),
    Signature(
        signs=("failed to perform self check", ".well-known/acme-challenge"),
        topic="solver",
        how="cert-manager cannot fetch the HTTP-01 answer itself, from inside the cluster",
        remedy="Let its pods reach the name's public address on port 80 (hairpin NAT, PROXY protocol, an inner DNS"
        " view), or take DNS-01.",
    ),
    Signature(
        signs=("not found in CloudFlare for domain",),
        topic="dns",
        how="the cluster's resolver does not know the zone, so that its parent is looked for at Cloudflare",
        remedy="Set --dns01-recursive-nameservers=1.1.1.1:53 and --dns01-recursive-nameservers-only.",
    ),
    Signature(
        signs=("i/o timeout", "dial tcp", "dial udp"),
        topic="dns",
        how="cert-manager cannot reach a name server on port 53",
        remedy="Allow egress to port 53 (UDP and TCP) from cert-manager, or set --dns01-recursive-nameservers-only.",
    ),
    Signature(
        signs=(
            "returned REFUSED",
            "returned SERVFAIL",
            "Could not find the SOA",
            "start of authority",
            "but got 'SERVFAIL'",
        ),
        topic="dns",
        how="the name servers do not answer for this zone (delegation, DNSSEC, or a resolver of one's own)",
        remedy="Repair the delegation, or set --dns01-recursive-nameservers=1.1.1.1:53 for cert-manager.",
    ),
    Signature(
        signs=("Could not determine authoritative nameservers",),
        topic="dns",
        how="the cluster's resolver has a view of this zone of its own",
        remedy="Set --dns01-recursive-nameservers=1.1.1.1:53 and --dns01-recursive-nameservers-only.",
    ),
    Signature(
        signs=("recursive CNAME",), topic="dns", how="the name's CNAMEs run in a circle", remedy="Break the circle."
    ),
    Signature(
        signs=("not yet propagated", "challenge propagation"),
        topic="dns",
        how="the challenge's TXT record never becomes visible on the zone's name servers",
        remedy="Compare the answers of the zone's own servers: another copy of the zone, a CNAME at _acme-challenge, or"
        " a split horizon keep it away.",
    ),
    Signature(
        signs=("No TXT record found", "Incorrect TXT record", "looking up TXT"),
        topic="dns",
        how="the certificate authority sees no TXT record, or a wrong one",
        remedy="Remove stale _acme-challenge records; the public view of the zone must be the one cert-manager writes.",
    ),
    Signature(
        signs=("error:dns", "DNS problem"),
        topic="dns",
        how="the certificate authority cannot resolve the name",
        remedy="Repair the zone's public DNS (delegation, DNSSEC).",
    ),
    Signature(
        signs=("no configured challenge solvers",),
        topic="solver",
        how="no solver of the issuer fits this name",
        remedy="Add the zone to a solver's selector (dnsZones); wildcards need DNS-01.",
    ),
    Signature(
        signs=("rejectedIdentifier",), topic="limit", how="the authority issues no such name", remedy="Ask for another."
    ),
    Signature(
        signs=("accountDoesNotExist", "ACME client for issuer not initialised"),
        topic="account",
        how="the ACME account of the issuer is gone or not registered",
        remedy="Delete the issuer's account key Secret, so that it registers again.",
    ),
    Signature(
        signs=("not found: clusterissuer", "not found: issuer", 'Issuer" not found'),
        topic="account",
        how="the issuer that it names does not exist",
        remedy="Correct issuerRef (its kind is Issuer unless it says ClusterIssuer).",
    ),
    Signature(
        signs=("does not have a Ready status condition",),
        topic="account",
        how="its issuer is not ready",
        remedy="Look at the issuer's conditions: account, token Secret, server URL.",
    ),
)


def signature_of(reason: str) -> Signature | None:
    """Return the first known reason whose words occur in *reason*."""
    lowered = reason.lower()
    return next((item for item in _SIGNATURES if any(sign.lower() in lowered for sign in item.signs)), None)


def retry_after(reason: str) -> str:
    """Return the time (UTC) from which a rate limit allows another try, as written, or nothing."""
    found = _RETRY.search(reason)
    return found.group(1) if found else ""
