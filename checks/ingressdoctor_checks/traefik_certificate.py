"""Does Traefik serve the host's own certificate, or the one that it makes up when it has none?

Whether a certificate of the right name is valid is judged in ``certificates_served``.
Source: Traefik's TLS store (exact name, one-label wildcard, else the generated default certificate).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    CertificateFacts,
    ControllerLogs,
    Finding,
    OriginProbe,
    OutsideProbe,
    Remedy,
    RouteDecision,
    Target,
    Unavailable,
    ZoneFacts,
    changes,
    check,
    fail,
    look,
    ok,
    shorten,
    skip,
    unknown,
    warn,
)
from ingressdoctor_checks.traefik_common import STEP, edit

__all__ = ["default_certificate"]

_DEFAULT: Final = "TRAEFIK DEFAULT CERT"
_SAYS_MISSING: Final = ("does not exist", "missing the following TLS data", "empty TLS data", "failed to fetch secret")


@check(
    id="traefik.default-certificate",
    title="Traefik serves a certificate of the host's own",
    step=STEP,
    link="edge → origin certificate",
    causes=("edge-526", "tls-untrusted"),
)
def default_certificate(
    origin: OriginProbe | Unavailable,
    zone: ZoneFacts | Unavailable,
    outside: OutsideProbe | Unavailable,
    decision: RouteDecision | Unavailable,
    logs: ControllerLogs | Unavailable,
    target: Target,
) -> Iterator[Finding]:
    """The default certificate means: no Secret that Traefik has loaded covers this name."""
    if isinstance(origin, Unavailable):
        yield unknown(
            f"Which certificate Traefik serves could not be seen: {origin.reason}.",
            enable_with=origin.enable_with or "Let this machine reach the origin on port 443.",
        )
        return
    if isinstance(zone, ZoneFacts) and zone.proxied and (_unasked(zone) if target.port == 443 else target.port == 80):
        yield skip("The edge asks the origin over http (SSL mode Flexible or Off), so it sees no certificate.")
        return
    tls = origin.https.tls
    if tls is None or not tls.chain:
        yield skip("No certificate was shown; how far the handshake came is said elsewhere.")
        return
    leaf = tls.chain[0]
    if _DEFAULT not in leaf.subject.upper():
        yield ok(
            f"Traefik serves a certificate for {', '.join(leaf.names[:3]) or leaf.subject}.", where="TLS handshake"
        )
        return
    clues = _clues(decision, logs)
    if isinstance(zone, ZoneFacts) and not zone.proxied and _unasked(zone) and clues["route"] and not clues["secret"]:
        yield skip("No route names a certificate: the edge, which visitors go past, would ask over http.")
        return
    yield _default(origin, leaf, _ground(zone, outside), clues, target)


def _unasked(zone: ZoneFacts) -> bool:
    """True where the zone's SSL mode asks no origin for a certificate."""
    return zone.setting("ssl") in ("flexible", "off")


def _ground(zone: ZoneFacts | Unavailable, outside: OutsideProbe | Unavailable) -> str:
    """Say why the default certificate breaks the site; nothing where it may be let pass."""
    if not isinstance(outside, Unavailable):
        if outside.edge_error is not None and outside.edge_error.code == 526:
            return "the edge refuses it (526)"
        last = outside.last.tls
        if not outside.edge and last is not None and last.trusted is False:
            return "visitors, who reach Traefik without the edge, refuse it"
    if not isinstance(zone, Unavailable) and zone.setting("ssl") == "strict":
        return "the zone's SSL mode is Full (strict)"
    return ""


def _clues(decision: RouteDecision | Unavailable, logs: ControllerLogs | Unavailable) -> dict[str, str]:
    """Return the Secret that the route names and what Traefik's log says of it; empty strings for unknown."""
    winner = None if isinstance(decision, Unavailable) else decision.winner
    clues = {"route": "", "namespace": "", "secret": "", "log": ""}
    if winner is None:
        return clues
    owner, _, secret = winner.tls_secret.rpartition("/")
    clues.update(route=winner.ref, namespace=owner or winner.namespace, secret=secret)
    if secret and not isinstance(logs, Unavailable):
        name = f"{owner or winner.namespace}/{secret}"
        lines = (line for line in logs.errors if name in line and any(sign in line for sign in _SAYS_MISSING))
        clues["log"] = next(lines, "")
    return clues


def _default(
    origin: OriginProbe, leaf: CertificateFacts, ground: str, clues: dict[str, str], target: Target
) -> Finding:
    secret, namespace = clues["secret"], clues["namespace"]
    cause = "no Secret that it has loaded covers this name"
    text = "Name a Secret of type kubernetes.io/tls in the route, with a certificate for this hostname."
    if secret and clues["log"]:
        cause = f"the Secret {namespace}/{secret} of {clues['route']} does not exist or cannot be used"
        text = (
            f"Create the Secret {namespace}/{secret}, or let cert-manager write it: a Certificate with this secretName."
        )
    elif secret:
        cause = f"the Secret {namespace}/{secret} of {clues['route']} is missing or covers another name"
    elif clues["route"]:
        cause = f"{clues['route']} names no Secret, and no other one covers this name"
    seen = {"subject": leaf.subject, "Secret of the route": f"{namespace}/{secret}" if secret else "none named"}
    if clues["log"]:
        seen["Traefik's log"] = shorten(clues["log"], 300)
    commands = [look("kubectl", "-n", namespace or "default", "get", "secrets,certificates")]
    if clues["route"]:
        commands.append(changes(*edit(clues["route"])))
    say = fail if ground else warn
    return say(
        f"Traefik serves its default certificate for {target.hostname}: {cause}"
        + (f", and {ground}." if ground else "; only the zone's SSL mode lets it pass."),
        subject=f"Secret {namespace}/{secret}" if secret else clues["route"] or f"host {target.hostname}",
        where="TLS handshake with the origin",
        seen=seen,
        remedy=Remedy(
            text=text,
            commands=tuple(commands),
            proof=look(
                *("curl", "-sSv", "--resolve", f"{target.hostname}:443:{origin.address}", f"https://{target.hostname}/")
            ),
        ),
    )
