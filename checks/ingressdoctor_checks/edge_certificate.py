"""Is the certificate that visitors are served trusted, and will it be next week?

The edge's own where the name is proxied, the origin's where it is not.
Source: OpenSSL's verify codes, RFC 8446 section 6, Cloudflare's documentation of Universal SSL.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    AddressRanges,
    CertificateFacts,
    Clock,
    Command,
    Finding,
    HttpExchange,
    OutsideProbe,
    Reach,
    Remedy,
    Symptom,
    Target,
    TlsAttempt,
    check,
    clean,
    fail,
    is_cloudflare,
    is_private,
    look,
    ok,
    skip,
    warn,
)
from ingressdoctor_checks.certificates_common import WEAK, by_common_name, late_days, missing_issuer, top_issuer
from ingressdoctor_checks.outside_view import curl, dig, refused_certificate

__all__ = ["certificate_invalid"]

_WHERE_TLS: Final = "the handshake as a visitor makes it"
_NO_ISSUER: Final = 20
_OTHER_NAME: Final = 62
_WITH_OTHERS: Final = 2
_VERIFY: Final = {
    9: "it is not valid yet",
    10: "it has expired",
    18: "it is self-signed",
    19: "its chain ends in a self-signed certificate that nobody trusts",
    20: "an intermediate certificate is missing, or its issuer is unknown",
    21: "its first certificate cannot be verified",
    62: "it is for another name",
    64: "it is for another address",
    **WEAK,
}


@check(
    id="edge.certificate-invalid",
    title="The certificate that visitors are served is trusted",
    step="outside",
    link="visitor → certificate",
    causes=("edge.unreachable", str(Symptom.TLS_HANDSHAKE)),
)
def certificate_invalid(target: Target, probe: OutsideProbe, ranges: AddressRanges, clock: Clock) -> Iterator[Finding]:
    """Trusted by a verifying client for this name, and not about to expire; the edge has one at all."""
    if probe.last.reach is Reach.TLS_ALERT and is_cloudflare(ranges, probe.last.address):
        yield _none_at_the_edge(probe.last)
        return
    shaken = next((hop for hop in (probe.last, *reversed(probe.hops)) if hop.tls is not None and hop.tls.chain), None)
    bad = next((hop for hop in probe.hops if refused_certificate(hop)), None)
    if bad is not None:
        yield _untrusted(bad, clock)
        return
    if shaken is None or shaken.tls is None:
        yield skip("No certificate was served to a visitor.")
        return
    leaf = shaken.tls.chain[0]
    left = clock.days_until(leaf.not_after)
    if left is not None and left < late_days(leaf.not_before, leaf.not_after):
        yield warn(
            f"The certificate that visitors of {target.hostname} are served expires in {left:.0f} days.",
            subject=target.hostname,
            seen=_facts(leaf),
            where=_WHERE_TLS,
            remedy=Remedy(
                text="At Cloudflare look at SSL/TLS > Edge Certificates; without the edge, at the controller's "
                "certificate. It should have been renewed by now.",
                commands=(_served(target.hostname, target.port),),
                proof=_served(target.hostname, target.port),
            ),
        )
        return
    yield ok(f"Visitors of {target.hostname} are served a trusted certificate.", seen=_facts(leaf), where=_WHERE_TLS)


def _none_at_the_edge(last: HttpExchange) -> Finding:
    host = last.tls.sni if last.tls is not None and last.tls.sni else clean(last.url, 200)
    return fail(
        f"Cloudflare's edge has no certificate for {host} and refuses the TLS handshake.",
        subject=host,
        seen={"address": last.address, "outcome": clean(last.detail, 200) or last.reach.value},
        where=_WHERE_TLS,
        symptom=Symptom.TLS_HANDSHAKE,
        remedy=Remedy(
            text="Universal SSL covers the zone and one label below it. For a deeper name order an advanced one "
            "under SSL/TLS > Edge Certificates, or use a shorter name. A new zone's certificate takes up to a day.",
            commands=(_served(host, last.port),),
            proof=curl(last.url),
        ),
    )


def _untrusted(hop: HttpExchange, clock: Clock) -> Finding:
    tls = hop.tls
    leaf = tls.chain[0] if tls is not None and tls.chain else None
    code, text = (tls.verify_code, tls.verify_text) if tls is not None else (0, "")
    left = clock.days_until(leaf.not_after) if leaf is not None else None
    expired = left is not None and left < 0
    host = tls.sni if tls is not None else ""
    why = _VERIFY[10] if expired else _VERIFY.get(code, clean(text, 200) or "it is not trusted")
    if tls is not None and leaf is not None and not expired:
        why = _told_by_chain(tls, leaf) or why
    return fail(
        f"Visitors of {clean(hop.url, 200)} are served a certificate that no browser accepts: {why}.",
        subject=host,
        seen={"verify code": f"{code} {clean(text, 200)}".strip()} | (_facts(leaf) if leaf is not None else {}),
        where=_WHERE_TLS,
        symptom=Symptom.TLS_UNTRUSTED,
        remedy=Remedy(
            text="Let the controller serve a certificate for this name: look at the Secret that the route names."
            if is_private(hop.address)
            else "If Cloudflare should stand in between, turn the record orange. "
            "Otherwise let the controller serve a certificate for this name.",
            commands=(_served(host, hop.port), dig(host, "A")),
            proof=curl(hop.url),
        ),
    )


def _told_by_chain(tls: TlsAttempt, leaf: CertificateFacts) -> str:
    """Say what the certificates themselves tell beyond OpenSSL's verdict; nothing where that is all."""
    if tls.verify_code == _OTHER_NAME and by_common_name(leaf, tls.sni):
        return "it names the host in its common name only, where browsers do not look"
    if tls.verify_code != _NO_ISSUER or len(tls.chain) < _WITH_OTHERS:
        return ""
    if missing := missing_issuer(tls.chain):
        return f"what is sent along is not the certificate of its issuer, {clean(missing, 200)}"
    return f"nobody trusts its authority, {clean(top_issuer(tls.chain), 200)}"


def _facts(leaf: CertificateFacts) -> dict[str, str]:
    return {
        "subject": leaf.subject,
        "issuer": leaf.issuer,
        "names": clean(", ".join(leaf.names[:10]), 300),
        "valid until": leaf.not_after,
    }


def _served(host: str, port: int) -> Command:
    return look("openssl", "s_client", "-connect", f"{host}:{port}", "-servername", host)
