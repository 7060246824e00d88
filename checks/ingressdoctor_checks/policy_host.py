"""Does a NetworkPolicy name the controller's pods by labels that do not count?

A pod in its node's network speaks from the node's address: no selector matches it. On the node of the backend pod it
gets through all the same, so that some requests work and others do not.
Source: networking.k8s.io/v1; kube-router (own node exempt, hostNetwork peers ignored); flannel (addresses of VXLAN).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    BackendView,
    Finding,
    NodeStates,
    OriginProbe,
    OutsideProbe,
    PolicyVerdict,
    Remedy,
    RouteDecision,
    Unavailable,
    check,
    fail,
    look,
    ok,
    skip,
    unknown,
    warn,
)
from ingressdoctor_checks.backend_common import STEP, curl, kubectl, pods_of, subject

__all__ = ["host_network"]

_WHERE: Final = "NetworkPolicies of both namespaces, evaluated"
_STOPPED: Final = frozenset({502, 504})
_CIDRS: Final = "custom-columns=NAME:.metadata.name,ADDRESS:.status.addresses[*].address,PODCIDR:.spec.podCIDR"


@check(
    id="netpol.host-network",
    title="No NetworkPolicy counts on labels of pods in their node's network",
    step=STEP,
    link="controller → pod (policy)",
    causes=(
        "netpol.controller-denied",
        "backend.target-port-closed",
        "backend.too-slow",
        "node.one-of-many",
        "traefik.log-errors",
        "edge-502",
        "http-502",
        "edge-504",
        "http-504",
        "edge-524",
        "response-timeout",
    ),
)
def host_network(
    decision: RouteDecision,
    view: BackendView | Unavailable,
    verdict: PolicyVerdict | Unavailable,
    origin: OriginProbe | Unavailable,
    outside: OutsideProbe | Unavailable,
    states: NodeStates | Unavailable,
) -> Iterator[Finding]:
    """A policy that would let the controller in, were it not for its hostNetwork."""
    judged = pods_of(decision, view)
    if isinstance(judged, Finding):
        yield judged
        return
    backend, _ = judged
    if isinstance(verdict, Unavailable):
        yield unknown(
            f"Whether a policy counts on labels of {backend.dialler} could not be told: {verdict.reason}.",
            enable_with=verdict.enable_with or "Allow list on networkpolicies in the backend's namespace.",
        )
    elif verdict.source is None or not verdict.source.spec.host_network:
        yield skip(f"{backend.dialler[:1].upper()}{backend.dialler[1:]} does not run in its node's network.")
    elif not verdict.named and verdict.allowed is None and _stopped(origin, outside, states):
        yield _addressed(decision, backend, verdict)
    elif not verdict.named:
        yield ok(f"No NetworkPolicy counts on labels of {backend.dialler}.", subject=subject(backend), where=_WHERE)
    else:
        stopped = _stopped(origin, outside, states)
        yield _named(decision, backend, verdict, stopped=stopped)


def _stopped(
    origin: OriginProbe | Unavailable, outside: OutsideProbe | Unavailable, states: NodeStates | Unavailable
) -> bool:
    """Tell whether some request was stopped behind the controller, or none came to prove the opposite."""
    statuses = set()
    if isinstance(origin, OriginProbe):
        statuses |= {origin.https.status, origin.http.status}
    if isinstance(outside, OutsideProbe):
        statuses.add(outside.edge_error.code if outside.edge_error is not None else outside.last.status)
    if isinstance(states, NodeStates):
        statuses |= {item.asked.status for item in states.states}
    return bool(statuses & _STOPPED) or not any(200 <= status < 400 for status in statuses)


def _named(decision: RouteDecision, backend: BackendView, verdict: PolicyVerdict, *, stopped: bool) -> Finding:
    pod = verdict.source
    who = f"{backend.dialler}'s pods" if pod is None else f"Pod {pod.namespace}/{pod.name}"
    verb = fail if stopped else warn
    tail = (
        "it is shut out of the pods of other nodes"
        if stopped
        else "yet requests get through: nothing seems to enforce it"
    )
    return verb(
        f"{verdict.named} lets {backend.dialler} in by its labels, which do not count: {who} runs on the host network "
        f"and speaks from its node's address; {tail}.",
        subject=verdict.named,
        where=_WHERE,
        seen={
            "why": verdict.why,
            "from": who,
            "to": subject(backend),
            "port": str(verdict.port or ""),
        },
        remedy=_remedy(decision, backend),
    )


def _addressed(decision: RouteDecision, backend: BackendView, verdict: PolicyVerdict) -> Finding:
    return fail(
        f"{verdict.deciding} lets the nodes in by their addresses, but from another node {backend.dialler} comes with "
        "the overlay's address, which the policy does not list: requests to pods of other nodes are stopped.",
        subject=verdict.deciding,
        where=_WHERE,
        seen={"why": verdict.why, "to": subject(backend), "port": str(verdict.port or "")},
        remedy=_remedy(decision, backend),
    )


def _remedy(decision: RouteDecision, backend: BackendView) -> Remedy:
    return Remedy(
        text="Allow the nodes themselves: an ipBlock for each node's address and, on flannel's VXLAN, for the first "
        "address of its podCIDR (10.42.1.0 of 10.42.1.0/24), from which it reaches pods of other nodes.",
        commands=(
            look(*kubectl(backend.ref.namespace, "get", "networkpolicies", "-o", "yaml")),
            look("kubectl", "get", "nodes", "-o", _CIDRS),
        ),
        proof=curl(decision),
    )
