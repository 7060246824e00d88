"""Does ingress-nginx itself run, with a configuration that it could load, and is it still maintained?

What it does with the request is judged in ``nginx_routes``, ``nginx_tls`` and ``nginx_backend``.
Source: kubernetes/ingress-nginx README.md (retirement), controller.go (a failed reload keeps the old state).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    Clock,
    Finding,
    NginxController,
    NginxDecision,
    NginxLogs,
    OutsideProbe,
    Pod,
    Remedy,
    Unavailable,
    check,
    fail,
    look,
    ok,
    skip,
    unknown,
    warn,
)
from ingressdoctor_checks.backend_common import many
from ingressdoctor_checks.backend_trouble import trouble_of
from ingressdoctor_checks.nginx_common import (
    BROKEN_WAY,
    NO_ROUTE,
    STEP,
    fails,
    logs_of,
    nginx_of,
    pods_of,
    serves,
)

__all__ = ["config_broken", "controller_not_ready", "retired"]

_LINK: Final = "way in → ingress-nginx"
_EXPLOITED: Final = ((1, 12, 1), (1, 11, 5))


@check(
    id="nginx.controller-not-ready",
    title="The pods of ingress-nginx are ready",
    step=STEP,
    link=_LINK,
    causes=BROKEN_WAY,
)
def controller_not_ready(
    nginx: NginxDecision | Unavailable, probe: OutsideProbe | Unavailable, clock: Clock
) -> Iterator[Finding]:
    """Without a ready pod nobody answers on the controller's Service."""
    found = nginx_of(nginx)
    if isinstance(found, Finding):
        yield found
        return
    controller = found.controller
    if isinstance(controller.pods, Unavailable):
        yield unknown(
            f"The pods of {controller.ref} could not be looked at: {controller.pods.reason}.",
            enable_with=controller.pods.enable_with,
            subject=controller.ref,
        )
        return
    sick = tuple(pod for pod in controller.live_pods if not pod.ready)
    if controller.ready_pods and not sick:
        yield ok(f"{many(len(controller.ready_pods), 'pod')} of {controller.ref} are ready.", subject=controller.ref)
        return
    yield _not_ready(controller, sick, clock, served=serves(probe))


def _not_ready(controller: NginxController, sick: tuple[Pod, ...], clock: Clock, *, served: bool) -> Finding:
    say = warn if controller.ready_pods or served else fail
    if not sick:
        scaled = "is scaled to zero" if not controller.replicas else f"wants {many(controller.replicas, 'pod')}"
        summary = f"{controller.ref} {scaled}{'' if not controller.replicas else ' and has none'}."
        why = ""
    else:
        trouble = trouble_of(sick[0], clock)
        why = (trouble.reason or trouble.kind.value) if trouble is not None else "its readiness probe fails"
        of = f"{len(sick)} of {many(len(controller.live_pods), 'pod')}" if len(controller.live_pods) > 1 else "The pod"
        summary = f"{of} of {controller.ref} {'are' if len(sick) > 1 else 'is'} not ready: {why}."
    restarts = max((item.restart_count or 0 for pod in sick for item in pod.container_statuses), default=0)
    words = ("rollout", "status", f"{controller.kind.lower()}/{controller.name}")
    return say(
        summary,
        subject=controller.ref,
        where="status of the controller's pods",
        seen={
            "pods": ", ".join(pod.name for pod in sick[:5]) or "none",
            "restarts": str(restarts),
            "image": controller.image,
        },
        remedy=Remedy(
            text="Its events and the end of its log say why it does not start or is killed.",
            commands=(pods_of(controller), logs_of(controller)),
            proof=look("kubectl", "-n", controller.namespace, *words),
        ),
    )


@check(
    id="nginx.config-broken",
    title="nginx could load the configuration that all Ingresses make together",
    step=STEP,
    link="Ingresses → nginx.conf",
    causes=(*NO_ROUTE, "nginx.route-missing", "http-503"),
)
def config_broken(
    nginx: NginxDecision | Unavailable, logs: NginxLogs | Unavailable, probe: OutsideProbe | Unavailable
) -> Iterator[Finding]:
    """One Ingress can break the configuration of all: nginx then goes on with the one before it."""
    found = nginx_of(nginx)
    if isinstance(found, Finding):
        yield found
        return
    line = None if isinstance(logs, Unavailable) else logs.of("reload-failed", ours=False)
    line = line or (None if isinstance(logs, Unavailable) else logs.of("reload-failed"))
    if not found.broken and line is None:
        yield ok("Nothing in the Ingresses makes nginx refuse its configuration.")
        return
    say = fail if fails(probe) else warn
    yield say(
        "nginx refuses the configuration that the Ingresses make, and goes on with the one before: every later change "
        "is without effect.",
        subject=found.controller.ref,
        where="the Ingresses of the controller" if found.broken else "the controller's log",
        seen={
            **({"expected complaint": found.broken} if found.broken else {}),
            **({"log": line.line, "times": str(line.count)} if line is not None else {}),
        },
        remedy=Remedy(
            text="Correct the Ingress that the complaint names: two of them write the same location.",
            commands=(logs_of(found.controller), look("kubectl", "get", "ingress", "-A")),
            proof=logs_of(found.controller),
        ),
    )


@check(
    id="nginx.retired",
    title="The ingress controller is maintained",
    step=STEP,
    link=_LINK,
    standing=True,
)
def retired(nginx: NginxDecision | Unavailable) -> Iterator[Finding]:
    """ingress-nginx ended in March 2026: what runs goes on running, and nothing is repaired any more."""
    found = nginx_of(nginx)
    if isinstance(found, Finding):
        yield found
        return
    controller = found.controller
    numbers = _numbers(controller.version)
    if not numbers:
        yield skip(f"The image {controller.image} does not tell its version; ingress-nginx is retired all the same.")
        return
    holed = numbers < _EXPLOITED[0] and not (numbers[:2] == _EXPLOITED[1][:2] and numbers >= _EXPLOITED[1])
    more = " This one also lets whoever reaches its webhook take over the cluster (CVE-2025-1974)." if holed else ""
    yield warn(
        f"{controller.ref} runs ingress-nginx {controller.version}: the project was retired in March 2026 and gets no "
        f"security fixes.{more}",
        subject=controller.ref,
        seen={"image": controller.image, "last release": "v1.15.1 (2026-03-19)"},
        remedy=Remedy(
            text="Plan the move to a controller that is maintained; 'route --as traefik' shows what the same Ingresses "
            "do under Traefik.",
            commands=(look("ingressdoctor", "route", "--as", "traefik", found.decision.request.host),),
        ),
    )


def _numbers(version: str) -> tuple[int, ...]:
    parts = version.split(".")
    return tuple(map(int, parts)) if all(part.isascii() and part.isdecimal() for part in parts) else ()
