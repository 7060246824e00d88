"""Does the TLS handshake between cloudflared and ingress-nginx come about, and does nginx believe that it was https?

Source: kubernetes/ingress-nginx nginx.tmpl (ssl_reject_handshake), controller.go (createServers: certificates);
its rule for the redirect to https, lua_ingress.lua.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    Command,
    Finding,
    NginxDecision,
    NginxLogs,
    OriginProbe,
    OutsideProbe,
    Remedy,
    Symptom,
    Target,
    TunnelRoute,
    Unavailable,
    changes,
    check,
    fail,
    ok,
    skip,
    warn,
)
from ingressdoctor_checks.nginx_certificate import served_to_visitors
from ingressdoctor_checks.nginx_common import BROKEN_WAY, STEP, describe, edit, logs_of, nginx_of, proof_of, serves

__all__ = ["default_certificate", "redirect_loop", "tls_section_missing"]

_LINK: Final = "way in → ingress-nginx (TLS)"
_PLAIN: Final = "Plain HTTP is spoken to ingress-nginx."


@check(
    id="nginx.tls-section-missing",
    title="ingress-nginx accepts the handshake for the name",
    step=STEP,
    link=_LINK,
    causes=(*BROKEN_WAY, "rule.origin-untrusted", "rule.origin-name-mismatch"),
)
def tls_section_missing(
    nginx: NginxDecision | Unavailable, probe: OutsideProbe | Unavailable, target: Target
) -> Iterator[Finding]:
    """Without a tls section the default certificate is shown, or with ssl-reject-handshake none at all."""
    found = nginx_of(nginx)
    if isinstance(found, Finding):
        yield found
        return
    request, winner = found.decision.request, found.decision.winner
    if not request.tls:
        yield skip(_PLAIN)
        return
    if not found.refused:
        how = "its own certificate" if found.bound else "the default one: no tls section names the host"
        yield ok(f"ingress-nginx accepts the handshake and shows {how}.", subject=winner.ref if winner else "")
        return
    lacks = found.bound and not request.sni
    text = (
        f"Let cloudflared name the host: originServerName: {request.host}, under originRequest of the rule."
        if lacks
        else f"Add spec.tls with hosts: [{request.host}] to the Ingress; without a secretName the default certificate "
        "is bound to it, which is enough where nobody verifies it."
    )
    say = warn if serves(probe) else fail
    controller = found.controller
    yield say(
        f"ingress-nginx refuses the TLS handshake of {found.visitor}: {found.refused}.",
        subject=winner.ref if winner is not None else f"host {request.host}",
        where=f"tls sections of the Ingresses, and ConfigMap {controller.config_ref}",
        seen={
            "server name sent": request.sni or "none",
            "tls section of the host": "there is one" if found.bound else "none",
            "reached by": found.shown,
        },
        remedy=Remedy(
            text=text,
            commands=(*((describe(winner.ref), edit(winner.ref)) if winner is not None else ()), _settings(found)),
            proof=proof_of(target),
        ),
    )


def _settings(found: NginxDecision) -> Command:
    namespace, _, name = found.controller.config_ref.partition("/")
    return changes("kubectl", "-n", namespace or found.controller.namespace, "edit", "configmap", name)


@check(
    id="nginx.default-certificate",
    title="ingress-nginx shows the certificate that is meant",
    step=STEP,
    link=_LINK,
    causes=(
        "rule.origin-untrusted",
        "rule.origin-name-mismatch",
        "cert.origin-invalid",
        "edge.certificate-invalid",
        "tls-untrusted",
    ),
)
def default_certificate(
    nginx: NginxDecision | Unavailable,
    logs: NginxLogs | Unavailable,
    route: TunnelRoute | Unavailable,
    origin: OriginProbe | Unavailable,
    target: Target,
) -> Iterator[Finding]:
    """Where no usable Secret is bound to the name, the controller shows a certificate that it made up."""
    found = nginx_of(nginx)
    if isinstance(found, Finding):
        yield found
        return
    if found.direct and isinstance(origin, OriginProbe):
        yield served_to_visitors(found, logs, origin, target)
        return
    if not found.decision.request.tls:
        yield skip(_PLAIN)
        return
    rule = None if isinstance(route, Unavailable) else route.origin
    verified = rule is not None and rule.verify
    line = None if isinstance(logs, Unavailable) else logs.of("certificate-missing", "certificate-wrong-name")
    own = found.certificate.startswith("Secret ") and line is None
    if own:
        yield ok(f"ingress-nginx shows the certificate of {found.certificate}.", where="spec.tls of the Ingress")
        return
    if not verified and line is None:
        yield ok("ingress-nginx shows its default certificate, which cloudflared is told not to verify.")
        return
    winner = found.decision.winner
    yield warn(
        "ingress-nginx shows the default certificate that it made up"
        + (
            ": the Secret that the Ingress names cannot be used."
            if line is not None
            else ", and cloudflared verifies it."
        ),
        subject=winner.ref if winner is not None else found.controller.ref,
        where="the controller's log" if line is not None else "spec.tls of the Ingress",
        seen={"certificate": found.certificate, **({"log": line.line} if line is not None else {})},
        remedy=Remedy(
            text="Name a Secret of type kubernetes.io/tls in the Ingress's namespace, with a certificate for the host.",
            commands=((describe(winner.ref),) if winner is not None else ()) + (logs_of(found.controller),),
        ),
    )


@check(
    id="nginx.redirect-loop",
    title="ingress-nginx does not send visitors back to where they came from",
    step=STEP,
    link=_LINK,
    causes=("redirect-loop", "edge.redirect-loop"),
)
def redirect_loop(
    nginx: NginxDecision | Unavailable, probe: OutsideProbe | Unavailable, target: Target
) -> Iterator[Finding]:
    """The rule asks by http, nginx redirects to https, and the visitor is at https already."""
    found = nginx_of(nginx)
    if isinstance(found, Finding):
        yield found
        return
    if not found.loops:
        yield ok("What ingress-nginx answers does not lead back to the same address.")
        return
    seen_looping = isinstance(probe, OutsideProbe) and (probe.loop or probe.too_many_redirects)
    say = fail if seen_looping or isinstance(probe, Unavailable) else warn
    winner = found.decision.winner
    answer = found.decision.predicted
    yield say(
        "cloudflared asks ingress-nginx by http, which redirects to the very https address that the visitor asked for.",
        subject=winner.ref if winner is not None else found.controller.ref,
        where="the tunnel's rule, and spec.tls of the Ingress",
        seen={
            "reached by": found.shown,
            "Location": answer.location if answer is not None else "",
            "expected by visitors": str(Symptom.REDIRECT_LOOP),
        },
        remedy=Remedy(
            text='Let the rule ask https:// (port 443), or set use-forwarded-headers: "true" in the controller\'s '
            'ConfigMap with proxy-real-ip-cidr limited to cloudflared, or ssl-redirect: "false" on the Ingress.',
            commands=((describe(winner.ref), edit(winner.ref)) if winner is not None else ()) + (_settings(found),),
            proof=proof_of(target),
        ),
    )
