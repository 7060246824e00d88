"""Does the admission webhook of ingress-nginx answer? Without it no Ingress is created or changed.

Source: kubernetes/ingress-nginx charts (admission webhook, failurePolicy Fail), Kubernetes' documentation of webhooks.
"""

from __future__ import annotations

from collections.abc import Iterator

from ingressdoctor.api import (
    Finding,
    NginxDecision,
    OutsideProbe,
    Remedy,
    Service,
    Target,
    Unavailable,
    changes,
    check,
    fail,
    look,
    ok,
    skip,
    warn,
)
from ingressdoctor_checks.nginx_common import NO_ROUTE, STEP, fails, nginx_of, proof_of

__all__ = ["webhook_down"]


@check(
    id="nginx.webhook-down",
    title="The admission webhook of ingress-nginx answers",
    step=STEP,
    link="API server → admission webhook",
    causes=("nginx.route-missing", "argocd.out-of-sync", *NO_ROUTE),
)
def webhook_down(
    nginx: NginxDecision | Unavailable, probe: OutsideProbe | Unavailable, target: Target
) -> Iterator[Finding]:
    """The API server refuses every new and changed Ingress while nobody answers; requests do not care."""
    found = nginx_of(nginx)
    if isinstance(found, Finding):
        yield found
        return
    controller = found.controller
    if controller.webhook is None:
        yield skip("No Service leads to an admission webhook of this controller.")
    elif not controller.webhook_blind:
        yield ok(f"{controller.webhook.ref} leads to the controller's pods.", subject=controller.webhook.ref)
    else:
        # The Ingress that is missing could not be made either.
        hurts = found.decision.winner is None and not found.decision.dropped and fails(probe)
        yield _down(found, controller.webhook, target, hurts=hurts)


def _down(found: NginxDecision, service: Service, target: Target, *, hurts: bool) -> Finding:
    labels = ", ".join(f"{key}={value}" for key, value in (service.spec.selector or {}).items())
    effect = (
        f"the Ingress of {found.decision.request.host}, which is missing, cannot be created"
        if hurts
        else "no Ingress can be created or changed, while requests are served as before"
    )
    say = fail if hurts else warn
    return say(
        f"{service.ref}, the admission webhook of ingress-nginx, selects no pod: {effect}.",
        subject=service.ref,
        where="selector of the Service, and labels of the controller's pods",
        seen={"selector": labels or "none", "controller": found.controller.ref},
        remedy=Remedy(
            text="Make the Service select the controller's pods again (a chart upgrade that was cut short leaves it "
            "so), or delete the ValidatingWebhookConfiguration if no webhook is wanted. Then sync what was refused.",
            commands=(
                look("kubectl", "-n", service.namespace, "get", "endpointslices", "-l", _slices(service)),
                look("kubectl", "-n", service.namespace, "get", "service", service.name, "-o", "yaml"),
                look("kubectl", "get", "validatingwebhookconfigurations"),
                changes("kubectl", "-n", service.namespace, "edit", "service", service.name),
            ),
            proof=proof_of(target) if hurts else look("kubectl", "get", "ingress", "-A"),
        ),
    )


def _slices(service: Service) -> str:
    return f"kubernetes.io/service-name={service.name}"
