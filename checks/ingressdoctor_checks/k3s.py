"""Does k3s' helm controller bring what the HelmChartConfig asks for?

Its job tries a thousand times, so a refused value leaves the chart as it was, or gone, for days without any condition
that says so. Source: k3s-io/helm-controller (backOffLimit, failurePolicy); traefik-helm-chart (maxUnavailable with
hostNetwork); Kubernetes' validation of a DaemonSet's update strategy.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    Command,
    Finding,
    HelmInstall,
    Inapplicable,
    NodeStates,
    OutsideProbe,
    Remedy,
    Unavailable,
    changes,
    check,
    fail,
    look,
    ok,
    skip,
    unknown,
    warn,
)
from ingressdoctor_checks.node_common import LOST, STEP
from ingressdoctor_checks.outside_view import works

__all__ = ["helm_config_refused"]

_WHERE: Final = "Kubernetes: HelmChart, HelmChartConfig, the install job and its log"
_FAILING: Final = ("CrashLoopBackOff", "Error", "BackOff", "exit code", "Failed")
_ROLLOUT: Final = ("maxSurge", "maxUnavailable", "surge")


@check(
    id="k3s.helm-config-refused",
    title="k3s installs Traefik as its HelmChartConfig asks",
    step=STEP,
    link="HelmChartConfig → Traefik",
    causes=(
        "traefik.pods-not-ready",
        "traefik.port-not-exposed",
        "traefik.entry-point-missing",
        "traefik.forwarded-proto",
        "traefik.trusted-ips-stale",
        "traefik.no-arrivals",
        "node.no-traefik-pod",
        "node.unreachable",
        "node.port-taken",
        *LOST,
    ),
)
def helm_config_refused(
    helm: HelmInstall, states: NodeStates | Unavailable, probe: OutsideProbe | Unavailable
) -> Iterator[Finding]:
    """The install job fails, or its next rollout will hang on the host ports."""
    tried = helm.done is False and (bool(helm.line) or helm.restarts > 0 or any(w in helm.waiting for w in _FAILING))
    if helm.failed or tried:
        # Where others have the nodes' ports on purpose and serve the site, Traefik's chart matters less.
        others = isinstance(states, NodeStates) and isinstance(states.pods_unread, Inapplicable)
        yield _refused(helm, harmless=others and works(probe))
    elif helm.surge:
        yield _will_hang(helm)
    elif helm.done is False:
        yield ok(
            f"The job {helm.job} is at work, and nothing has failed yet.",
            seen={"pod": helm.pod or "none yet", "state": helm.waiting or "not told"},
            where=_WHERE,
        )
    elif helm.done is None and helm.unread:
        gap = helm.unread[0]
        yield unknown(
            f"Whether the install job of chart {helm.chart} succeeds could not be looked at: {gap.reason}.",
            enable_with=gap.enable_with or "Allow list on jobs (batch) and pods in kube-system.",
        )
    elif helm.done is None:
        yield skip(f"There is no install job of chart {helm.chart} any more whose outcome could be read.")
    else:
        yield ok(f"The job {helm.job} has installed chart {helm.chart} as configured.", where=_WHERE)


def _refused(helm: HelmInstall, *, harmless: bool) -> Finding:
    said = helm.line or helm.failed
    about = f": {said}" if said else f": its pod {helm.pod} fails ({helm.waiting}, {helm.restarts} restarts)"
    surges = any(word in said for word in _ROLLOUT)
    text = (
        "Host ports cannot be held twice on a node: set updateStrategy.rollingUpdate to maxUnavailable: 1 and "
        "maxSurge: 0 in the HelmChartConfig."
        if surges
        else "Correct the values in the HelmChartConfig by what helm says."
    )
    return (warn if harmless else fail)(
        f"k3s cannot apply the configuration of Traefik's chart{about}",
        subject=helm.config or f"HelmChart {helm.namespace}/{helm.chart}",
        where=_WHERE,
        seen={
            "job": helm.job or "none",
            "its pod": f"{helm.pod or 'none'}, {helm.waiting or 'state not told'}, {helm.restarts} restarts",
            **({"HelmChart": helm.failed} if helm.failed else {}),
            **({"values": helm.surge} if helm.surge else {}),
        },
        remedy=Remedy(
            text=f"{text} The job then starts anew by itself; delete it if it waits between two tries.",
            commands=(_log(helm), _edit(helm), changes("kubectl", "-n", helm.namespace, "delete", "job", _job(helm))),
            proof=look("kubectl", "-n", helm.namespace, "wait", "--for=condition=complete", f"job/{_job(helm)}"),
        ),
    )


def _will_hang(helm: HelmInstall) -> Finding:
    return warn(
        f"{helm.config} sets {helm.surge} beside host ports: at the next rollout the new pod waits for ports that the "
        "old one holds.",
        subject=helm.config,
        where=_WHERE,
        seen={"values": helm.surge},
        remedy=Remedy(
            text="Set updateStrategy.rollingUpdate to maxUnavailable: 1 and maxSurge: 0.",
            commands=(_edit(helm),),
            proof=look(
                "kubectl", "-n", helm.namespace, "get", "daemonset,deployment", "-l", "app.kubernetes.io/name=traefik"
            ),
        ),
    )


def _job(helm: HelmInstall) -> str:
    return helm.job or f"helm-install-{helm.chart}"


def _log(helm: HelmInstall) -> Command:
    return look("kubectl", "-n", helm.namespace, "logs", f"job/{_job(helm)}", "--tail=30")


def _edit(helm: HelmInstall) -> Command:
    return changes("kubectl", "-n", helm.namespace, "edit", "helmchartconfig", helm.chart)
