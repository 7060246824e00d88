"""Which certificate ingress-nginx shows to a visitor who dials it himself: the one that is meant, or one it made up.

Holds no check; ``nginx_tls`` asks it. Source: kubernetes/ingress-nginx internal/ingress/controller/controller.go
(createServers: a Secret that is missing or names other hosts gives way to the default certificate), net/ssl.go
(GetFakeSSLCert: O=Acme Co, CN=Kubernetes Ingress Controller Fake Certificate, for ingress.local).
"""

from __future__ import annotations

from typing import Final

from ingressdoctor.api import (
    Finding,
    NginxDecision,
    NginxLogs,
    OriginProbe,
    Remedy,
    Target,
    Unavailable,
    fail,
    look,
    ok,
    skip,
    warn,
)
from ingressdoctor_checks.certificates_common import covers, leaf_of
from ingressdoctor_checks.nginx_common import describe, logs_of

__all__ = ["FAKE", "served_to_visitors"]

FAKE: Final = "Kubernetes Ingress Controller Fake Certificate"


def served_to_visitors(
    found: NginxDecision, logs: NginxLogs | Unavailable, origin: OriginProbe, target: Target
) -> Finding:
    """Judge the certificate that a handshake with the controller's address showed."""
    served = leaf_of(origin)
    if served is None:
        return skip("No certificate was shown; how far the handshake came is said elsewhere.")
    tls, leaf = served
    if FAKE.upper() not in leaf.subject.upper() and not covers(leaf, tls.sni):
        return skip(
            f"{leaf.subject} is not what ingress-nginx makes up; that it is for another name is judged elsewhere."
        )
    if FAKE.upper() not in leaf.subject.upper():
        return ok(f"ingress-nginx shows a certificate that is not its own: {leaf.subject}.", where="TLS handshake")
    winner = found.decision.winner
    line = None if isinstance(logs, Unavailable) else logs.of("certificate-missing", "certificate-wrong-name")
    named = found.certificate.startswith("Secret ")
    why = (
        "no Ingress takes the request, so no Secret belongs to it"
        if winner is None
        else f"{found.certificate.partition(',')[0]} is missing, holds no certificate, or one for another name"
        if named
        else f"no tls section of an Ingress names {tls.sni}"
    )
    secret = found.certificate.partition(",")[0].removeprefix("Secret ") if named else ""
    namespace, _, name = secret.partition("/")
    commands = [describe(winner.ref)] if winner is not None else []
    if name:
        commands.append(look("kubectl", "-n", namespace, "get", "certificates,secrets"))
    say = warn if target.scheme != "https" else fail
    return say(
        f"ingress-nginx shows its fake certificate for {tls.sni}: {why}.",
        subject=winner.ref if winner is not None else found.controller.ref,
        where="TLS handshake with the node's address",
        seen={
            "subject": leaf.subject,
            "meant": found.certificate or "none",
            **({"log": line.line} if line is not None else {}),
        },
        remedy=Remedy(
            text=f"Add spec.tls with hosts: [{tls.sni}] and a secretName to the Ingress; cert-manager fills the Secret "
            "where the Ingress is annotated with its issuer."
            if winner is not None and not named
            else "See which Secret the tls section names and why it has no certificate for the host: cert-manager's "
            "chain says where it hangs. nginx takes the Secret up at once, without a restart.",
            commands=(*commands, logs_of(found.controller)),
            proof=look(
                "openssl", "s_client", "-connect", f"{origin.address}:{tls.port}", "-servername", tls.sni, "-brief"
            ),
        ),
    )
