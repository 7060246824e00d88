"""Would the edge in Full (strict) mode accept the certificate that the origin serves?

Judges the handshake itself, not what the cluster says about it: trusted chain or Cloudflare's Origin CA, validity,
name. Source: Cloudflare docs on Full (strict) and error 526; OpenSSL's verify codes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from ingressdoctor.api import (
    CertificateChain,
    CertificateFacts,
    Clock,
    ControllerLogs,
    Finding,
    OriginProbe,
    OutsideProbe,
    Remedy,
    TlsAttempt,
    Unavailable,
    ZoneFacts,
    check,
    fail,
    look,
    ok,
    skip,
    unknown,
    warn,
)
from ingressdoctor_checks.certificates_common import (
    STEP,
    WEAK,
    by_common_name,
    covers,
    from_origin_ca,
    is_default,
    leaf_of,
    missing_issuer,
    top_issuer,
)

_DEFAULT: Final = "TRAEFIK DEFAULT CERT"
_SELF_SIGNED: Final = (18, 19)
_CHAIN: Final = (20, 21)
_OTHER_NAME: Final = 62
# How the staging environment names its authorities, today and before 2021.
_STAGING: Final = ("(STAGING)", "Fake LE ")


class _Defect(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with a served certificate, as the end of a sentence, and what to do."""

    how: str
    remedy: str


@check(
    id="cert.origin-invalid",
    title="The origin's certificate is one that the edge accepts",
    step=STEP,
    link="edge → origin certificate",
    causes=("edge-526", "tls-untrusted", "traefik.default-certificate"),
)
def origin_invalid(
    origin: OriginProbe | Unavailable,
    zone: ZoneFacts | Unavailable,
    outside: OutsideProbe | Unavailable,
    chain: CertificateChain | Unavailable,
    logs: ControllerLogs | Unavailable,
    clock: Clock,
) -> Iterator[Finding]:
    """In strict mode the edge refuses what a browser would refuse, except for its own Origin CA."""
    if isinstance(origin, Unavailable):
        yield unknown(
            f"The certificate that the origin serves could not be seen: {origin.reason}.",
            enable_with=origin.enable_with or "Let this machine reach the origin on port 443.",
        )
        return
    served = leaf_of(origin)
    if served is None:
        yield skip("The origin showed no certificate; how far the handshake came is said elsewhere.")
        return
    tls, leaf = served
    if _DEFAULT in leaf.subject.upper() and (owner := _owned_elsewhere(chain, logs)):
        yield skip(f"The controller serves its default certificate, {owner}.")
        return
    defect = _defect(tls, leaf, clock)
    if defect is not None and by_common_name(leaf, tls.sni) and tls.verify_code == _OTHER_NAME and _by_edge(outside):
        yield ok(f"The origin's certificate names {tls.sni} in its common name only; the edge takes that.")
        return
    if defect is None:
        yield _fine(leaf, tls)
        return
    yield _bad(origin, leaf, tls, defect, (_strict(zone, outside), chain))


def _owned_elsewhere(chain: CertificateChain | Unavailable, logs: ControllerLogs | Unavailable) -> str:
    """Say which other check explains the default certificate; nothing if the Secret must be there and not fit."""
    if isinstance(chain, Unavailable):
        return "which the check of the default certificate explains"
    if chain.certificate is not None and not chain.ready:
        return "since the route's own has not been issued"
    if isinstance(logs, Unavailable) or not logs.lines_read:
        return "which the check of the default certificate explains"
    missing = any(chain.secret in line and _says_missing(line) for line in logs.errors)
    return "since the route's Secret cannot be used, as its log says" if missing else ""


def _says_missing(line: str) -> bool:
    return any(
        sign in line for sign in ("does not exist", "failed to fetch secret", "Error configuring TLS", "tls.crt")
    )


def _by_edge(outside: OutsideProbe | Unavailable) -> bool:
    """Tell whether only the edge sees the certificate, and it does not refuse it."""
    return isinstance(outside, OutsideProbe) and outside.edge and outside.edge_error is None


def _defect(tls: TlsAttempt, leaf: CertificateFacts, clock: Clock) -> _Defect | None:
    """Return what the edge would refuse; nothing for a certificate that it accepts."""
    left, since = clock.days_until(leaf.not_after), clock.days_until(leaf.not_before)
    if is_default(leaf):
        return _Defect(
            how="the controller serves its default one, as the Secret has none for this name",
            remedy="Put a certificate for this name into the Secret that the route names.",
        )
    if left is not None and left < 0:
        return _Defect(how=f"it expired {-left:.0f} days ago", remedy="Renew it, and see why nobody did.")
    if since is not None and since > 0:
        return _Defect(how=f"it is valid only from {leaf.not_before}", remedy="Check the clock of who issued it.")
    # Verified is verified for its name: the names that are kept may not be all.
    return None if tls.trusted else _misnamed(tls, leaf) or _untrusted(tls, leaf)


def _misnamed(tls: TlsAttempt, leaf: CertificateFacts) -> _Defect | None:
    if by_common_name(leaf, tls.sni):
        return _Defect(
            how="it names the host in its common name only, where browsers do not look",
            remedy="Issue it with the hostname as a subjectAltName.",
        )
    if not covers(leaf, tls.sni):
        names = ", ".join(leaf.names[:5]) or "no name"
        return _Defect(how=f"it is for {names}, not for {tls.sni}", remedy="Issue it for this name as well.")
    return None


def _untrusted(tls: TlsAttempt, leaf: CertificateFacts) -> _Defect | None:
    if from_origin_ca(leaf):
        return None
    if any(sign in leaf.issuer for sign in _STAGING):
        return _Defect(
            how="it comes from Let's Encrypt's staging environment, which nobody trusts",
            remedy="Name the issuer of the production environment in the Ingress or in issuerRef of the Certificate.",
        )
    if leaf.self_signed or tls.verify_code in _SELF_SIGNED:
        return _Defect(
            how="it is signed by itself or by a private authority",
            remedy="Take one from a public authority, or from Cloudflare's Origin CA.",
        )
    if tls.verify_code in WEAK:
        return _Defect(
            how=WEAK[tls.verify_code], remedy="Issue it anew with a key of 2048 bits or a curve, and SHA-256."
        )
    if tls.verify_code in _CHAIN:
        return _unchained(tls)
    said = tls.verify_text or "verification failed"
    return _Defect(how=f"it is not trusted ({said})", remedy="Take one from a public authority or the Origin CA.")


def _unchained(tls: TlsAttempt) -> _Defect:
    """Say where the way from the certificate to a known authority ends."""
    if missing := missing_issuer(tls.chain):
        return _Defect(
            how=f"its chain is incomplete: what is sent along is not the certificate of its issuer, {missing}",
            remedy="Put the whole chain into tls.crt: the leaf first, then the one that issued it.",
        )
    if len(tls.chain) > 1:
        return _Defect(
            how=f"nobody trusts its authority, {top_issuer(tls.chain)}",
            remedy="Take one from a public authority, or from Cloudflare's Origin CA.",
        )
    return _Defect(
        how="its chain is incomplete: an intermediate certificate is missing, or its authority is a private one",
        remedy="Put the whole chain into tls.crt, the leaf first.",
    )


def _fine(leaf: CertificateFacts, tls: TlsAttempt) -> Finding:
    by = "Cloudflare's Origin CA" if from_origin_ca(leaf) else leaf.issuer
    return ok(f"The origin serves a valid certificate for {tls.sni}, issued by {by}.", where="TLS handshake")


def _strict(zone: ZoneFacts | Unavailable, outside: OutsideProbe | Unavailable) -> str:
    """Say on what ground the certificate is refused in fact; nothing if it may well be let pass."""
    if not isinstance(outside, Unavailable):
        if outside.edge_error is not None and outside.edge_error.code == 526:
            return "the edge refuses it (526)"
        last = outside.last.tls
        if not outside.edge and last is not None and last.trusted is False:
            return "visitors, who reach the origin without the edge, refuse it"
    if not isinstance(zone, Unavailable) and zone.setting("ssl") == "strict":
        return "the zone's SSL mode is Full (strict)"
    return ""


def _bad(
    origin: OriginProbe,
    leaf: CertificateFacts,
    tls: TlsAttempt,
    defect: _Defect,
    context: tuple[str, CertificateChain | Unavailable],
) -> Finding:
    ground, chain = context
    say = fail if ground else warn
    tail = f", and {ground}" if ground else "; only the zone's SSL mode lets it pass"
    return say(
        f"The origin's certificate is refused: {defect.how}{tail}.",
        subject=f"certificate of {origin.address}:443",
        where="TLS handshake with the origin",
        seen={
            "subject": leaf.subject,
            "issuer": leaf.issuer,
            "names": ", ".join(leaf.names[:10]),
            "valid": f"{leaf.not_before} to {leaf.not_after}",
            "verification": tls.verify_text or ("trusted" if tls.trusted else "not trusted"),
        },
        remedy=Remedy(
            text=defect.remedy,
            commands=(
                look("kubectl", "get", "certificates", "-A"),
                look("kubectl", "get", "ingressroutes,ingresses", "-A")
                if isinstance(chain, Unavailable)
                else look("kubectl", "-n", chain.namespace, "describe", "secret", chain.secret),
            ),
            proof=look("curl", "-sSv", "--resolve", f"{tls.sni}:443:{origin.address}", f"https://{tls.sni}/"),
        ),
    )
