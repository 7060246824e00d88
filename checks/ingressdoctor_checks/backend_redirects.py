"""Does the application behind ingress-nginx send visitors back to the address that they came from?

Where TLS ends before the application, it is asked by http. One that insists on https answers with a redirect to the
very URL that was asked, for ever. Argo CD does so unless server.insecure is set.
Source: argo-cd docs/operator-manual/ingress.md and cmd-params (server.insecure).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    BackendRef,
    BackendView,
    Command,
    Finding,
    NginxDecision,
    OutsideProbe,
    Remedy,
    RouteDecision,
    Status,
    Symptom,
    Target,
    Unavailable,
    check,
    fail,
    look,
    ok,
    skip,
)
from ingressdoctor_checks.backend_common import STEP, backend_of
from ingressdoctor_checks.nginx_common import describe, proof_of
from ingressdoctor_checks.outside_view import hop_facts

__all__ = ["redirect_loop"]

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_ARGOCD: Final = "argocd-server"


@check(
    id="backend.redirect-loop",
    title="The application does not send visitors back to where they came from",
    step=STEP,
    link="ingress-nginx → application",
    causes=("edge.redirect-loop", str(Symptom.REDIRECT_LOOP)),
)
def redirect_loop(
    nginx: NginxDecision | Unavailable,
    probe: OutsideProbe | Unavailable,
    target: Target,
    decision: RouteDecision | Unavailable,
    backend: BackendView | Unavailable,
) -> Iterator[Finding]:
    """A circle of redirects that ingress-nginx passes on and does not make."""
    if isinstance(probe, Unavailable):
        yield skip("Nobody visited it, so no redirect was seen.")
    elif not (probe.loop or probe.too_many_redirects):
        yield _no_backend(decision, backend) or ok("No circle of redirects.")
    elif isinstance(nginx, Unavailable) or nginx.decision.winner is None:
        yield skip("Which application answers is not known by way of ingress-nginx.")
    elif nginx.loops or _own_redirect(nginx):
        yield skip("It is ingress-nginx itself that redirects.")
    elif probe.last.status not in _REDIRECTS:
        yield skip("The circle does not end with a redirect.")
    else:
        yield _finding(nginx, probe, target)


def _no_backend(decision: RouteDecision | Unavailable, backend: BackendView | Unavailable) -> Finding | None:
    """Say that no route leads to an application, so that none is called fine; None where one does, or may."""
    found = backend if isinstance(decision, Unavailable) else backend_of(decision, backend)
    return found if isinstance(found, Finding) and found.status is Status.SKIP else None


def _own_redirect(nginx: NginxDecision) -> bool:
    answer = nginx.decision.predicted
    return answer is not None and answer.status in _REDIRECTS


def _finding(nginx: NginxDecision, probe: OutsideProbe, target: Target) -> Finding:
    winner = nginx.decision.winner
    backends = winner.backends if winner is not None else ()
    name = f"Service {backends[0].namespace}/{backends[0].name}" if backends else "the application"
    argocd = bool(backends) and backends[0].name.endswith(_ARGOCD)
    by_http = nginx.protocol.upper() in {"HTTP", "AUTO_HTTP"}
    because = "asked by http behind the end of TLS, it insists on https" if by_http else "it does not know its own URL"
    return fail(
        f"What answers behind {name} redirects visitors with {probe.last.status} to the address that they asked for: "
        f"{because}.",
        subject=name,
        where="the redirects that a visitor gets; ingress-nginx itself makes none for this request",
        seen={"Location": probe.last.header("location"), "nginx speaks": nginx.protocol, **hop_facts(probe)},
        remedy=Remedy(
            text='Set server.insecure: "true" in ConfigMap argocd-cmd-params-cm and restart argocd-server, so that it '
            "serves plain http behind nginx."
            if argocd
            else "Tell the application that TLS ends before it: let it believe X-Forwarded-Proto, or switch its own "
            "redirect to https off; or let nginx speak https to it (backend-protocol: HTTPS).",
            commands=(*_looks(backends, argocd=argocd), *((describe(winner.ref),) if winner is not None else ())),
            proof=proof_of(target),
        ),
    )


def _looks(backends: tuple[BackendRef, ...], *, argocd: bool) -> tuple[Command, ...]:
    if not argocd:
        return ()
    return (look("kubectl", "-n", backends[0].namespace, "get", "configmap/argocd-cmd-params-cm", "-o", "yaml"),)
