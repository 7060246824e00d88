"""Do the NetworkPolicies let the controller talk to the backend's pods?

The verdict is made by the routing model; this says which policy stands in the way and prints one that helps.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    BackendView,
    Finding,
    OriginProbe,
    OutsideProbe,
    PolicyVerdict,
    Remedy,
    RouteDecision,
    SqlGreeting,
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
from ingressdoctor_checks.backend_common import STEP, as_yaml, curl, kubectl, pods_of, subject
from ingressdoctor_checks.backend_seen import got_through
from ingressdoctor_checks.outside_view import works

_WHERE: Final = "NetworkPolicies of both namespaces, evaluated"
_HASHES: Final = ("pod-template-hash", "controller-revision-hash", "pod-template-generation")
_GRANT: Final = "Allow list on networkpolicies (networking.k8s.io) in the namespaces of the backend and the controller."


@check(
    id="netpol.controller-denied",
    title="The NetworkPolicies let the controller talk to the pods",
    step=STEP,
    link="controller → pod (policy)",
    causes=(
        "edge-504",
        "http-504",
        "edge-502",
        "http-502",
        "edge-524",
        "response-timeout",
        "backend.too-slow",
        "backend.target-port-closed",
        "traefik.log-errors",
        "tunnel.log-errors",
        "mysql-silent",
        "mysql-closed",
    ),
)
def controller_denied(
    decision: RouteDecision,
    view: BackendView | Unavailable,
    verdict: PolicyVerdict | Unavailable,
    origin: OriginProbe | Unavailable,
    outside: OutsideProbe | Unavailable,
    greeting: SqlGreeting | Unavailable,
) -> Iterator[Finding]:
    """Dropped packets look like a slow application; only the policies tell the difference."""
    judged = pods_of(decision, view)
    if isinstance(judged, Finding):
        yield judged
        return
    backend, _ = judged
    if backend.port is None:
        yield skip("The Service has no such port, so there is no connection to judge.")
        return
    if isinstance(verdict, Unavailable):
        yield unknown(
            f"Whether the policies let {backend.dialler} in could not be told: {verdict.reason}.",
            enable_with=verdict.enable_with or _GRANT,
            subject=subject(backend),
        )
        return
    # Only a backend greets.
    through = got_through(origin) or (isinstance(greeting, SqlGreeting) and greeting.greeting is not None)
    if verdict.allowed:
        yield _allowed(backend, verdict, through=through)
        return
    # Behind a tunnel there is no origin to ask; what comes back through it was the pods' own.
    through = through or (backend.tunnel and works(outside))
    yield _not_allowed(decision, backend, verdict, through=through)


def _allowed(backend: BackendView, verdict: PolicyVerdict, *, through: bool) -> Finding:
    """Say that nothing stands in the way, unless the network plugin has policies of its own, which nobody judged."""
    if verdict.foreign and not through:
        return unknown(
            "The NetworkPolicies let the controller in, but the network plugin has policies of its own, not evaluated.",
            enable_with="Read these by hand for a rule that denies the controller: " + "; ".join(verdict.foreign[:4]),
            subject=subject(backend),
            seen={"policies of the plugin": "; ".join(verdict.foreign), "NetworkPolicies": verdict.why},
        )
    seen = {"why": verdict.why} if verdict.why else {}
    if verdict.foreign or verdict.limits:
        seen["not evaluated"] = "; ".join((*verdict.foreign, *verdict.limits))
    return ok(
        f"No NetworkPolicy keeps {backend.dialler} from the pods.", subject=subject(backend), where=_WHERE, seen=seen
    )


def _not_allowed(decision: RouteDecision, backend: BackendView, verdict: PolicyVerdict, *, through: bool) -> Finding:
    if verdict.allowed is None and through:
        return ok(f"The policies alone cannot tell, but {backend.dialler} reaches the pods.", subject=subject(backend))
    remedy = _remedy(decision, backend, verdict)
    facts = {
        "why": verdict.why,
        "from": f"Pod {verdict.source.namespace}/{verdict.source.name}" if verdict.source else backend.dialler,
        "to": f"Pod {verdict.destination.namespace}/{verdict.destination.name}" if verdict.destination else "",
        "port": str(verdict.port or ""),
        "policies": ", ".join(policy.ref for policy in verdict.policies[:8]),
        "not evaluated": "; ".join((*verdict.foreign, *verdict.limits)),
    }
    facts = {name: value for name, value in facts.items() if value}
    if verdict.allowed is None:
        summary = (
            f"Whether {verdict.deciding or 'a NetworkPolicy'} lets {backend.dialler} in cannot be decided for all pods."
        )
        return warn(summary, subject=verdict.deciding, where=_WHERE, seen=facts, remedy=remedy)
    if through:
        return warn(
            f"{verdict.deciding} denies {backend.dialler}, yet requests get through: nothing seems to enforce it.",
            subject=verdict.deciding,
            where=_WHERE,
            seen=facts,
            remedy=remedy,
        )
    egress = verdict.direction == "egress"
    does = f"does not let {backend.dialler} out to" if egress else f"shuts {backend.dialler} out of"
    port = f" on port {verdict.port}" if verdict.port else ""
    return fail(
        f"{verdict.deciding} {does} {subject(backend)}{port}.",
        subject=verdict.deciding,
        where=_WHERE,
        seen=facts,
        remedy=remedy,
    )


def _remedy(decision: RouteDecision, backend: BackendView, verdict: PolicyVerdict) -> Remedy:
    egress = verdict.direction == "egress"
    own, peer = (verdict.source, verdict.destination) if egress else (verdict.destination, verdict.source)
    namespace = own.namespace if own else backend.ref.namespace
    if own is None or peer is None:
        text = "Add a rule for the controller's pods to a policy of the backend's namespace."
        return Remedy(text=text, commands=(look(*kubectl(namespace, "get", "networkpolicies", "-o", "yaml")),))
    source = verdict.source
    read = look(*kubectl(namespace, "get", "networkpolicies", "-o", "yaml"))
    if source is not None and source.spec.host_network:
        text = (
            "The controller runs on the host network, where pod selectors do not match: allow an ipBlock with the"
            " nodes' addresses and the overlay's addresses on the nodes."
        )
        return Remedy(text=text, commands=(read,), proof=curl(decision))
    own_labels = _stable(own.labels) if egress else _selector(backend) or _stable(own.labels)
    manifest = _template(egress, namespace, own_labels, (peer.namespace, _stable(peer.labels)), verdict.port or 0)
    return Remedy(
        text="Apply this policy, which adds to the others (policies never take away):",
        manifest=manifest,
        commands=(read, changes("kubectl", "apply", "-f", "-")),
        proof=curl(decision),
    )


def _selector(backend: BackendView) -> dict[str, str]:
    selector = (backend.service.spec.selector if backend.service else None) or {}
    return {key: value or "" for key, value in selector.items()}


def _stable(labels: dict[str, str]) -> dict[str, str]:
    """Return the labels that stay through a rollout; the recommended name alone, where there is one."""
    name = labels.get("app.kubernetes.io/name")
    if name:
        return {"app.kubernetes.io/name": name}
    return {key: value for key, value in labels.items() if key not in _HASHES and not key.startswith("helm.sh/")}


def _template(egress: bool, namespace: str, own: dict[str, str], peer: tuple[str, dict[str, str]], port: int) -> str:
    direction, peers = ("egress", "to") if egress else ("ingress", "from")
    return "\n".join(
        (
            "apiVersion: networking.k8s.io/v1",
            "kind: NetworkPolicy",
            f"metadata: {{name: allow-controller, namespace: {namespace}}}",
            "spec:",
            f"  podSelector: {{matchLabels: {as_yaml(own)}}}",
            f"  policyTypes: [{direction.capitalize()}]",
            f"  {direction}:",
            f"  - {peers}:",
            f'    - namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: "{peer[0]}"}}}}',
            f"      podSelector: {{matchLabels: {as_yaml(peer[1])}}}",
            f"    ports: [{{protocol: TCP, port: {port}}}]",
        )
    )
