"""Say how a TLS handshake ends: with which certificate, or with an alert.

Source: traefik: pkg/tls/tlsmanager.go (Get); Go: crypto/tls.
"""

from __future__ import annotations

from msgspec.structs import replace

from ingressdoctor.evidence.answer import AnswerSource, ConnectionEnd, PredictedAnswer
from ingressdoctor.routing.traefik.certificates import Chosen
from ingressdoctor.routing.traefik.handler import HandlerDecision
from ingressdoctor.routing.traefik.tls_options import TlsOptions

__all__ = ["refusal", "with_certificate"]


def refusal(options: TlsOptions, taken: HandlerDecision, server_name: str, chosen: Chosen) -> PredictedAnswer | None:
    """Return the TLS alert that ends a handshake, None when none is sure to."""
    found = [options.find(name) for name in taken.tls_options]
    strict = bool(found) and all(option is not None and option.sni_strict for option in found)
    if strict and chosen.fits is False:
        return PredictedAnswer(
            source=AnswerSource.NOBODY,
            why=f"sniStrict: no certificate for the SNI {server_name or '(none)'}, alert unrecognized_name",
            end=ConnectionEnd.TLS_ALERT,
            log=f'TLS: strict SNI enabled - No certificate found for domain: "{server_name}", closing connection',
            limits=taken.limits,
        )
    if not found or not all(option is not None and option.wants_certificate for option in found):
        return None
    why = f"the TLS options {', '.join(taken.tls_options)} want a client certificate"
    return PredictedAnswer(source=AnswerSource.NOBODY, why=why, end=ConnectionEnd.TLS_ALERT, limits=taken.limits)


def with_certificate(
    options: TlsOptions, taken: HandlerDecision, answer: PredictedAnswer, chosen: Chosen
) -> PredictedAnswer:
    """Name the certificate of the handshake, where there is one and it is known."""
    strict = [name for name in taken.tls_options if (found := options.find(name)) and found.sni_strict]
    shown = chosen.ref and answer.source is not AnswerSource.NOBODY
    if not strict and not shown:
        return answer
    limits = answer.limits
    if strict and chosen.fits is None:
        hangs = f"closed if no certificate of Traefik's has the SNI, and that is {chosen.why}"
        limits = (*limits, f"sniStrict of the TLS options {', '.join(strict)}: {hangs}")
    return replace(answer, certificate=f"{chosen.ref} ({chosen.why})" if shown else "", limits=limits)
