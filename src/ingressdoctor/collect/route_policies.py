"""Whether NetworkPolicies let the connections pass that a predicted answer depends on.

No I/O: what it takes was read before (``route_scene``, ``route_around``); the rules are in ``routing.netpol``. Where
the pods of one end are not known there is no verdict, and the policies that may matter are named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec.structs import replace

from ingressdoctor.collect.policy import judge, pairs, sides_of
from ingressdoctor.collect.route_around import Around
from ingressdoctor.collect.route_scene import Scene
from ingressdoctor.evidence.answer import AnswerSource, PredictedAnswer
from ingressdoctor.evidence.backend import BackendView, PolicyVerdict
from ingressdoctor.evidence.controller import Controller
from ingressdoctor.evidence.kube import Loaded, NetworkPolicy, Node
from ingressdoctor.evidence.route_view import BackendSight, PolicyLeg, PolicySight, RouteView
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.untyped import as_map
from ingressdoctor.routing.netpol import Party, evaluate

__all__ = ["with_around"]

_NAMED: Final = 3
_WANTED: Final = "whether NetworkPolicies let Traefik reach the pods"
_HOST: Final = (
    "Traefik uses its node's network, so no podSelector means it: a rule must name the nodes' addresses by ipBlock"
)
_ON_HOST: Final = "the pods use their node's network, where NetworkPolicies do not hold"
_ENFORCED: Final = "a NetworkPolicy holds only where the network plugin enforces it"
_DENIED: Final = "504 after Traefik's dial timeout where the network plugin drops packets, 502 where it refuses them"


def with_around(scene: Scene, view: RouteView, around: Around) -> RouteView:
    """Return the view with the pods of its Services and a verdict on every connection that it depends on."""
    view = replace(view, backends=tuple(_with_pods(sight, around) for sight in view.backends))
    answer = view.answer
    if answer is None or view.decision.winner is None or answer.source is not AnswerSource.BACKEND:
        return view
    sights = (*_to_controller(scene, view, around), *_to_pods(scene, view, around))
    decision = replace(view.decision, predicted=_with_verdicts(answer, sights))
    return replace(view, policies=sights, decision=decision)


def _with_pods(sight: BackendSight, around: Around) -> BackendSight:
    found = around.pods.get((sight.ref.namespace, sight.ref.name))
    if found is None or not isinstance(sight.view, BackendView):
        return sight
    return replace(sight, view=replace(sight.view, pods=found))


def _to_pods(scene: Scene, view: RouteView, around: Around) -> Iterator[PolicySight]:
    seen: set[str] = set()
    for sight in view.backends:
        if not isinstance(sight.view, BackendView) or sight.view.service is None or sight.view.port is None:
            continue
        target = sight.view.service.ref
        if target not in seen and sight.view.service.spec.selector:
            seen.add(target)
            yield PolicySight(leg=PolicyLeg.TO_PODS, target=target, verdict=_judged(scene, sight.view, around))


def _judged(scene: Scene, view: BackendView, around: Around) -> PolicyVerdict | Unavailable:
    """Judge every pair of a Traefik pod and a pod behind the Service, or say why that is not possible."""
    if isinstance(scene.policies, Unavailable):
        return Unavailable(wanted=_WANTED, reason=scene.policies.reason, enable_with=scene.policies.enable_with)
    policies = scene.policies.items if scene.policies is not None else ()
    broken = scene.policies.broken if scene.policies is not None else ()
    limits = tuple(f"not read: {item}" for item in broken)
    controller = scene.controller
    missing = _missing_end(controller, view)
    if missing or controller is None:
        return _without_pods(scene, view, policies, missing)
    judged = pairs(view, controller)
    if not judged:
        return Unavailable(wanted=_WANTED, reason=f"no pod of {view.ref.name} has the port that its Service names")
    found = judge(judged, policies, around.namespaces, limits)
    return replace(found, foreign=around.foreign, limits=(*limits, *_caveats(found, controller, around)))


def _missing_end(controller: Controller | None, view: BackendView) -> str:
    if isinstance(view.pods, Unavailable):
        return f"the pods of Service {view.ref.namespace}/{view.ref.name} are not known: {view.pods.reason}"
    if not view.current_pods:
        return f"Service {view.ref.namespace}/{view.ref.name} has no pod to reach"
    if controller is None or not controller.pods:
        return "no pod of Traefik is known"
    return ""


def _without_pods(
    scene: Scene, view: BackendView, policies: tuple[NetworkPolicy, ...], missing: str
) -> PolicyVerdict | Unavailable:
    """Name the policies that may matter; where there is none, the question answers itself."""
    selector = (view.service.spec.selector if view.service is not None else None) or {}
    targets = ((view.ref.namespace, selector),)
    sources = tuple((pod.namespace, pod.labels) for pod in scene.controller.pods) if scene.controller else ()
    names = sorted(
        f"{item.namespace}/{item.name}"
        for item in policies
        if _restricts(item, "Ingress", targets) or _restricts(item, "Egress", sources)
    )
    if not names:
        return PolicyVerdict(allowed=True, why="No NetworkPolicy selects the pods of either end, as far as known.")
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    reason = f"{missing}; NetworkPolicy {', '.join(names[:_NAMED])}{more} may restrict it"
    return Unavailable(wanted=_WANTED, reason=reason)


def _restricts(policy: NetworkPolicy, direction: str, pods: tuple[tuple[str, Mapping[str, str | None]], ...]) -> bool:
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


def _caveats(verdict: PolicyVerdict, controller: Controller, around: Around) -> Iterator[str]:
    """Yield what the verdict depends on beyond the policies that were read."""
    if verdict.policies and any(pod.spec.host_network for pod in controller.pods):
        yield _HOST
    if verdict.destination is not None and verdict.destination.spec.host_network:
        yield _ON_HOST
    elif verdict.allowed is False:
        yield _ENFORCED
    yield from around.gaps


def _to_controller(scene: Scene, view: RouteView, around: Around) -> Iterator[PolicySight]:
    """Yield whether clients may reach Traefik's own pods, where a policy selects one of them."""
    controller, path = scene.controller, view.path
    if controller is None or not controller.pods or path is None or not path.container_port:
        return
    policies = scene.policies.items if isinstance(scene.policies, Loaded) else ()
    source, limits = _client(scene, view, controller)
    pod = controller.pods[0]
    destination = Party.of(pod, around.namespaces.get(pod.namespace))
    verdict = evaluate(policies, source, destination, path.container_port)
    if not verdict.policies:
        return
    target = controller.service.ref if controller.service is not None else f"Pod {pod.namespace}/{pod.name}"
    found = PolicyVerdict(
        allowed=verdict.allowed,
        why=verdict.why,
        policies=verdict.policies,
        deciding=verdict.deciding,
        direction=verdict.direction.value if verdict.direction else "",
        rule=verdict.rule,
        sides=sides_of(verdict)[:1],
        destination=pod,
        port=path.container_port,
        foreign=around.foreign,
        limits=limits if verdict.allowed is not True else (),
    )
    yield PolicySight(leg=PolicyLeg.TO_CONTROLLER, target=target, verdict=found)


def _client(scene: Scene, view: RouteView, controller: Controller) -> tuple[Party, tuple[str, ...]]:
    """Return who dials Traefik's pods, as its packets arrive there, and what is not known of that."""
    address = view.decision.request.client_ip
    local = controller.service is None or controller.service.spec.external_traffic_policy == "Local"
    point = view.path.entry_point if view.path is not None else None
    if not local:
        nodes = scene.objects.nodes.items if isinstance(scene.objects.nodes, Loaded) else ()
        why = "externalTrafficPolicy is not Local: connections reach Traefik's pods from a node's address"
        return Party(node="of the cluster", addresses=tuple(_internal(nodes))), (why,)
    if point is not None and point.proxy_protocol is not None:
        return Party(), ("connections reach Traefik's pods from the load balancer's address, which is not known here",)
    if not address:
        return Party(), ("--client-ip ADDRESS judges it for one client",)
    return Party(addresses=(address,)), ()


def _internal(nodes: tuple[Node, ...]) -> Iterator[str]:
    for node in nodes:
        yield from (item.address for item in node.status.addresses or () if item.type == "InternalIP")


def _with_verdicts(answer: PredictedAnswer, sights: tuple[PolicySight, ...]) -> PredictedAnswer:
    """Return the answer as far as the policies leave it: nobody's where Traefik may not reach the pods."""
    pods = [sight.verdict for sight in sights if sight.leg is PolicyLeg.TO_PODS]
    judged = [item for item in pods if isinstance(item, PolicyVerdict)]
    denied = [item for item in judged if item.allowed is False]
    limits = (*answer.limits, *dict.fromkeys(_doubts(sights)))
    if not denied or len(denied) < len(pods):
        some = (f"{item.deciding} keeps Traefik from a part of the pods: {_DENIED}" for item in denied[:1])
        return replace(answer, limits=(*limits, *some))
    why = f"{denied[0].deciding} keeps Traefik from the pods: {_DENIED}"
    return replace(answer, source=AnswerSource.CONTROLLER, why=why, limits=limits)


def _doubts(sights: tuple[PolicySight, ...]) -> Iterator[str]:
    for sight in sights:
        found = sight.verdict
        if isinstance(found, Unavailable):
            yield f"whether NetworkPolicies let Traefik reach the pods is not known: {found.reason}"
        elif found.allowed is None:
            yield f"whether {found.deciding} lets {sight.leg} through cannot be decided"
