"""Is there a Secret with a certificate for the host where the route looks for one?

The Secret itself is never read: cert-manager's Certificate tells what is in it, and for Secrets made by hand the
controller's log. What Traefik makes of Secrets that nobody meant cert-manager to write is told in
``traefik_certificate``.
Source: cert-manager's ingress-shim (one Certificate per Secret, owned by one Ingress), ingress-nginx
internal/ingress/controller/controller.go (createServers).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from ingressdoctor.api import (
    CandidateRoute,
    CertificateChain,
    ChainLink,
    ControllerLogs,
    Finding,
    NginxLogs,
    OriginProbe,
    OutsideProbe,
    Remedy,
    RouteDecision,
    RoutingObjects,
    Unavailable,
    changes,
    check,
    fail,
    look,
    ok,
    shorten,
    skip,
    warn,
)
from ingressdoctor_checks.certificates_common import (
    STEP,
    TLS_EFFECTS,
    certificate_of,
    covers,
    is_default,
    leaf_of,
    named,
    still_served,
)
from ingressdoctor_checks.certificates_shim import annotations_of, asked_for, asks, unwritten

__all__ = ["secret_missing", "wrong_names"]

# Why Traefik serves its own certificate is its own check's to say, unless the Ingress meant cert-manager to write one.
_NOBODY: Final = Unavailable(wanted="Traefik's log", reason="not asked")
_GONE: Final = ("was not found", "does not exist", "Error getting SSL certificate")
_LINK: Final = "TLS Secret → controller"


@check(
    id="cert.secret-missing",
    title="The Secret that the route names exists",
    step=STEP,
    link=_LINK,
    causes=TLS_EFFECTS,
)
def secret_missing(  # noqa: PLR0913, PLR0917 - each is evidence of its own
    decision: RouteDecision,
    chain: CertificateChain | Unavailable,
    origin: OriginProbe | Unavailable,
    outside: OutsideProbe | Unavailable,
    objects: RoutingObjects | Unavailable,
    logs: NginxLogs | Unavailable,
    traefik: ControllerLogs | Unavailable,
) -> Iterator[Finding]:
    """A Secret that nobody writes and that is not there leaves the controller with the one that it makes up."""
    judged = certificate_of(decision, chain)
    winner = decision.winner
    if not isinstance(judged, Finding):
        found, top = judged
        yield (
            ok(f"cert-manager keeps Secret {found.namespace}/{found.secret}.", subject=top.ref)
            if found.ready
            else skip(f"{top.ref} has not been issued; why is said by itself.")
        )
        return
    if winner is None or not winner.tls_secret or _may_be_written(chain):
        yield judged
        return
    secret, served, notes = _secret_of(winner), leaf_of(origin), annotations_of(objects, winner)
    line = _line_of(secret, logs, traefik if asks(notes) else _NOBODY)
    if line and (served is None or is_default(served[1])):
        yield _missing(secret, winner, notes, line, mild=still_served(origin, outside))
    elif served is not None and not is_default(served[1]):
        yield ok(f"Secret {secret}, made by hand, is there: a certificate of its own is served.")
    else:
        yield skip(f"Nothing says that Secret {secret} is missing; what Traefik's log says is judged by its own check.")


def _line_of(secret: str, nginx: NginxLogs | Unavailable, traefik: ControllerLogs | Unavailable) -> str:
    """Return the line of the controller's log that says that the Secret does not exist; empty when there is none."""
    found = None if isinstance(nginx, Unavailable) else nginx.of("certificate-missing")
    # The same word stands for certificates that cannot be used: those are there.
    if found is not None and any(sign in found.line for sign in _GONE):
        return found.line
    errors = () if isinstance(traefik, Unavailable) else traefik.errors
    return next((line for line in errors if secret in line and "does not exist" in line), "")


def _may_be_written(chain: CertificateChain | Unavailable) -> bool:
    """Whether cert-manager may write the Secret, for all we could see."""
    return isinstance(chain, Unavailable) and "not installed" not in chain.reason


def _secret_of(winner: CandidateRoute) -> str:
    owner, _, name = winner.tls_secret.rpartition("/")
    return f"{owner or winner.namespace}/{name}"


def _missing(secret: str, winner: CandidateRoute, notes: Mapping[str, str] | None, line: str, *, mild: bool) -> Finding:
    namespace, _, name = secret.partition("/")
    why, remedy = unwritten(notes, winner)
    kind, _, place = winner.ref.partition(" ")
    owner, _, own = place.partition("/")
    say = warn if mild else fail
    return say(
        f"Secret {secret}, which {winner.ref} names, does not exist: {why}.",
        subject=f"Secret {secret}",
        where="the controller's log, and cert-manager's Certificates",
        seen={
            "log": line,
            "Certificate": "none writes this Secret",
            "issuer asked for": asked_for(notes),
        },
        remedy=Remedy(
            text=remedy,
            commands=(
                look("kubectl", "-n", owner, "describe", kind.lower(), own),
                look("kubectl", "-n", namespace, "get", "certificates"),
                changes("kubectl", "-n", owner, "edit", kind.lower(), own),
            ),
            proof=look("kubectl", "-n", namespace, "get", "secret", name),
        ),
    )


@check(
    id="cert.wrong-names",
    title="The certificate in the Secret is for the host",
    step=STEP,
    link=_LINK,
    causes=TLS_EFFECTS,
)
def wrong_names(
    decision: RouteDecision,
    chain: CertificateChain | Unavailable,
    origin: OriginProbe | Unavailable,
    outside: OutsideProbe | Unavailable,
    logs: NginxLogs | Unavailable,
) -> Iterator[Finding]:
    """A controller that finds no name of the host in the certificate serves the one that it makes up."""
    judged, winner = certificate_of(decision, chain), decision.winner
    host = decision.request.host
    if not isinstance(judged, Finding):
        found, top = judged
        if not found.dns_names:
            yield skip(f"{top.ref} lists no names.")
        elif named(found.dns_names, host):
            yield ok(f"{top.ref} is for {host}.", subject=top.ref)
        else:
            yield _lacks(found, top, host, (winner.ref if winner else ""), fine=_serves(origin, outside, host))
        return
    if winner is None or not winner.tls_secret or _may_be_written(chain):
        yield judged
        return
    secret, served = _secret_of(winner), leaf_of(origin)
    line = None if isinstance(logs, Unavailable) else logs.of("certificate-wrong-name")
    if line is not None and (served is None or is_default(served[1])):
        yield _by_hand(secret, winner, host, line.line)
    elif served is not None and covers(served[1], host):
        yield ok(f"The certificate that is served is for {host}.", where="TLS handshake")
    else:
        yield skip(f"Which names the certificate in Secret {secret} is for is not known; what is served is judged.")


def _serves(origin: OriginProbe | Unavailable, outside: OutsideProbe | Unavailable, host: str) -> bool:
    """Whether a certificate for the host is served, or none is needed."""
    served = leaf_of(origin)
    tolerated = isinstance(outside, OutsideProbe) and outside.edge
    return still_served(origin, outside) and (tolerated or (served is not None and covers(served[1], host)))


def _lacks(chain: CertificateChain, top: ChainLink, host: str, route: str, *, fine: bool) -> Finding:
    names = ", ".join(chain.dns_names[:5])
    foreign = chain.owner.startswith("Ingress ") and route.startswith("Ingress ") and chain.owner != route
    remedy = f"Add {host} to dnsNames of the Certificate."
    why = ""
    if foreign:
        why = f"; it was made for {chain.owner}, and cert-manager adds no names of another Ingress to it"
        remedy = f"Give {route} a secretName of its own, or add the host to the tls section of {chain.owner}."
    elif chain.owner.startswith("Ingress "):
        remedy = f"Add {host} to hosts in the tls section of {chain.owner}: the Certificate follows it."
    say = warn if fine else fail
    name = top.ref.rpartition("/")[2]
    return say(
        f"{top.ref} is for {names}, not for {host}{why}.",
        subject=top.ref,
        where="spec.dnsNames of the Certificate",
        seen={
            "host": host,
            "dnsNames": ", ".join(chain.dns_names[:20]),
            "made for": chain.owner or "nobody: written by hand or by git",
            "named by": route,
        },
        remedy=Remedy(
            text=remedy,
            commands=(
                look("kubectl", "-n", chain.namespace, "describe", "certificate", name),
                look("kubectl", "-n", chain.namespace, "get", "ingresses", "-o", "wide"),
            ),
            proof=look("kubectl", "-n", chain.namespace, "get", "certificate", name, "-o", "jsonpath={.spec.dnsNames}"),
        ),
    )


def _by_hand(secret: str, winner: CandidateRoute, host: str, line: str) -> Finding:
    _, _, valid = line.partition("certificate is valid for ")
    names = shorten(valid.partition(", not ")[0], 120)
    namespace = secret.partition("/")[0]
    return fail(
        f"Secret {secret}, which {winner.ref} names, holds a certificate"
        f"{f' for {names}' if names else ' of other names'}, not for {host}.",
        subject=f"Secret {secret}",
        where="the controller's log",
        seen={"log": line, "host": host},
        remedy=Remedy(
            text="Put a certificate for the host into the Secret, or let cert-manager write it: annotate the Ingress "
            "with its issuer, and name a Secret that nobody else writes.",
            commands=(
                look("kubectl", "-n", namespace, "get", "certificates,secrets"),
                look("kubectl", "-n", winner.namespace, "describe", "ingress", winner.ref.rpartition("/")[2]),
            ),
            proof=look("openssl", "s_client", "-connect", f"{host}:443", "-servername", host, "-brief"),
        ),
    )
