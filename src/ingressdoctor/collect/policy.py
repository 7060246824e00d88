"""Read the NetworkPolicies between the controller's pods and the backend's, and have them judged.

One request for the backend's namespace; the controller's is read only if that one lets the connection in and the
origin's answer leaves a reason to, the Namespaces' labels only if a selector asks for them. The rules themselves are
in ``routing.netpol``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ingressdoctor.collect.kinds import NAMESPACES, NETWORK_POLICIES
from ingressdoctor.collect.kube import get_object, list_kind, whole
from ingressdoctor.evidence.backend import BackendView, PolicyVerdict
from ingressdoctor.evidence.controller import Controller
from ingressdoctor.evidence.kube import NetworkPolicy, Pod
from ingressdoctor.evidence.outside import OriginProbe
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.routing.netpol import Party, Verdict, evaluate, needs_namespace_labels
from ingressdoctor.routing.service import target_port
from ingressdoctor.sources.base import Kubernetes

__all__ = ["judge", "pairs", "policy_verdict"]

_WANTED: Final = "the NetworkPolicies between the controller and the backend"
_SOURCES: Final = 3
_DESTINATIONS: Final = 5
_PLUGIN: Final = "policies of the network plugin's own kinds (Cilium, Calico, AdminNetworkPolicy) were not read"
_UNREAD: Final = "egress policies of namespace {} were not read: {}"

Pairs = tuple[tuple[Pod, Pod, int], ...]
Labels = Mapping[str, Mapping[str, str]]


@collector(wanted=_WANTED, timeout_s=15.0)
async def policy_verdict(
    kube: Kubernetes, view: BackendView, controller: Controller, origin: OriginProbe | Unavailable
) -> PolicyVerdict | Unavailable:
    """Judge controller pod -> backend pod on the port that the Service resolves to."""
    judged = pairs(view, controller)
    if not judged:
        return Unavailable(wanted=_WANTED, reason="there is no pair of a controller pod and a backend pod to judge")
    policies = whole(await list_kind(kube, NETWORK_POLICIES, namespace=view.ref.namespace), _WANTED)
    if isinstance(policies, Unavailable):
        return policies
    limits: tuple[str, ...] = (_PLUGIN,)
    labels, gap = await _labels(kube, policies, (controller.namespace,))
    verdict = judge(judged, policies, labels, limits)
    if _passes(origin):
        return verdict
    first = _or_gap(verdict, gap)
    if first is gap or verdict.allowed is False or controller.namespace == view.ref.namespace:
        return first
    theirs = whole(await list_kind(kube, NETWORK_POLICIES, namespace=controller.namespace), _WANTED)
    found = () if isinstance(theirs, Unavailable) else theirs
    if isinstance(theirs, Unavailable):
        limits = (*limits, _UNREAD.format(controller.namespace, theirs.reason))
    more, gap = await _labels(kube, found, (view.ref.namespace,))
    return _or_gap(judge(judged, policies + found, {**labels, **more}, limits), gap)


def _or_gap(verdict: PolicyVerdict, gap: Unavailable | None) -> PolicyVerdict | Unavailable:
    """Return what could not be read in place of a verdict that it leaves open."""
    return gap if verdict.allowed is None and gap is not None else verdict


def _passes(origin: OriginProbe | Unavailable) -> bool:
    """Whether the origin's answer leaves no reason to suspect the way from the controller to the pods."""
    return not isinstance(origin, Unavailable) and origin.https.status not in (0, 502, 504)


async def _labels(
    kube: Kubernetes, policies: tuple[NetworkPolicy, ...], namespaces: tuple[str, ...]
) -> tuple[dict[str, Mapping[str, str]], Unavailable | None]:
    """Read the labels of the Namespaces on the other side, if a selector asks for more than their names."""
    found: dict[str, Mapping[str, str]] = {}
    gap: Unavailable | None = None
    for name in namespaces if needs_namespace_labels(policies) else ():
        namespace = await get_object(kube, NAMESPACES, "", name)
        if isinstance(namespace, Unavailable):
            gap = namespace
        elif namespace is not None:
            found[name] = namespace.labels
    return found, gap


def pairs(view: BackendView, controller: Controller) -> Pairs:
    """Return the connections to judge: controller pod, backend pod, and the number of the backend's port.

    Ready pods first; a few of each are enough, since pods of one workload differ in their node at most.
    """
    if view.port is None:
        return ()
    sources = (controller.ready_pods or controller.pods)[:_SOURCES]
    ready = tuple(pod for pod in view.current_pods if pod.ready)
    found: list[tuple[Pod, Pod, int]] = []
    for destination in (ready or view.current_pods)[:_DESTINATIONS]:
        number = target_port(view.port, destination)
        found.extend((source, destination, number) for source in sources if number is not None)
    return tuple(found)


def judge(
    judged: Pairs, policies: tuple[NetworkPolicy, ...], labels: Labels, limits: tuple[str, ...] = ()
) -> PolicyVerdict:
    """Judge every pair and say one thing about all of them.

    ``allowed`` is False only when every connection is denied; some denied and some not is None, with both named.
    """
    answers = [
        (
            evaluate(
                policies,
                Party.of(source, labels.get(source.namespace)),
                Party.of(destination, labels.get(destination.namespace)),
                port,
            ),
            (source, destination, port),
        )
        for source, destination, port in judged
    ]
    denied = [item for item in answers if item[0].allowed is False]
    unsure = [item for item in answers if item[0].allowed is None]
    passed = [item for item in answers if item[0].allowed]
    if denied and len(denied) < len(answers):
        first, pair = denied[0]
        other = (passed or unsure)[0][1]
        why = (
            f"{first.why} But from Pod {other[0].name} to Pod {other[1].name}"
            f" {'it is allowed' if passed else 'it cannot be decided'}: it depends on the node."
        )
        return _verdict(first, pair, None, why, limits)
    first, pair = (denied or unsure or passed)[0]
    return _verdict(first, pair, first.allowed, first.why, limits)


def _verdict(
    verdict: Verdict, pair: tuple[Pod, Pod, int], allowed: bool | None, why: str, limits: tuple[str, ...]
) -> PolicyVerdict:
    return PolicyVerdict(
        allowed=allowed,
        why=why,
        policies=verdict.policies,
        deciding=verdict.deciding,
        limits=limits,
        direction=verdict.direction.value if verdict.direction else "",
        source=pair[0],
        destination=pair[1],
        port=pair[2],
    )
