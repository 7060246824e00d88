"""Name the NetworkPolicies that may stand between the controller and the pods a request is predicted to reach.

No I/O, and no verdict: that needs the pods of both sides, which ``policy`` reads in a diagnosis and ``route`` does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from msgspec.structs import replace

from ingressdoctor.collect.route_scene import Scene
from ingressdoctor.evidence.answer import AnswerSource
from ingressdoctor.evidence.kube import Loaded, NetworkPolicy
from ingressdoctor.evidence.routes import BackendRef, RouteDecision
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.untyped import as_map

__all__ = ["with_policies"]

_KIND: Final = "NetworkPolicy"
_NAMED: Final = 3

_Pods: TypeAlias = tuple[str, Mapping[str, str | None]]


def with_policies(scene: Scene, decision: RouteDecision) -> RouteDecision:
    """Return the decision whose predicted answer says what was not judged of the way to the pods.

    Only an answer that comes from the backend depends on it.
    """
    answer = decision.predicted
    if answer is None or decision.winner is None or answer.source is not AnswerSource.BACKEND:
        return decision
    said = _unjudged(scene, decision.winner.backends)
    return replace(decision, predicted=replace(answer, limits=(*answer.limits, said))) if said else decision


def _unjudged(scene: Scene, backends: tuple[BackendRef, ...]) -> str:
    found, among = scene.policies, scene.ignored.get(_KIND, 0)
    if isinstance(found, Unavailable):
        return f"whether NetworkPolicies keep Traefik from the pods is not known: {found.reason}"
    if found is None:
        return f"not judged: the NetworkPolicies among the files ({among})" if among else ""
    targets = tuple(_targets(scene, backends))
    sources = tuple((pod.namespace, pod.labels) for pod in scene.controller.pods) if scene.controller else ()
    names = sorted(
        f"{item.namespace}/{item.name}"
        for item in found.items
        if _restricts(item, "Ingress", targets) or _restricts(item, "Egress", sources)
    )
    if not names:
        return ""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    listed = ", ".join(names[:_NAMED])
    return f"not judged here: whether NetworkPolicy {listed}{more} lets Traefik reach the pods; the diagnosis does"


def _targets(scene: Scene, backends: tuple[BackendRef, ...]) -> Iterator[_Pods]:
    """Yield the labels that the pods of each backend have at least: those that its Service selects by."""
    services = scene.objects.services.items if isinstance(scene.objects.services, Loaded) else ()
    known = {(item.namespace, item.name): item.spec.selector or {} for item in services}
    for ref in backends:
        yield ref.namespace, known.get((ref.namespace, ref.name), {})


def _restricts(policy: NetworkPolicy, direction: str, pods: tuple[_Pods, ...]) -> bool:
    """Tell whether a policy may select some of the pods; unsaid, its type is Ingress, and Egress with rules for it."""
    types = policy.spec.get("policyTypes")
    unsaid = direction == "Ingress" or bool(policy.spec.get("egress"))
    if not (direction in types if isinstance(types, list) and types else unsaid):
        return False
    wanted = as_map(as_map(policy.spec.get("podSelector")).get("matchLabels"))
    return any(
        policy.namespace == namespace and all(labels.get(key, value) == value for key, value in wanted.items())
        for namespace, labels in pods
    )
