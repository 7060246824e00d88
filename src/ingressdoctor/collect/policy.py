"""Read the NetworkPolicies between the controller's pods and the backend's, and have them judged.

One request for the backend's namespace, beside those for its Service; the controller's is read only if that one lets
the connection in and the origin's answer leaves a reason to, the Namespaces' labels only if a selector asks for them,
and the network plugin's own kinds only where a doubt remains after all that. The rules themselves are in
``routing.netpol``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec.structs import replace

from ingressdoctor.collect.kinds import NAMESPACES, NETWORK_POLICIES
from ingressdoctor.collect.kube import get_object, list_kind, whole
from ingressdoctor.collect.plugin_policies import plugin_policies
from ingressdoctor.collect.together import together
from ingressdoctor.evidence.backend import (
    BackendDialler,
    BackendPolicies,
    BackendView,
    ChosenBackend,
    PolicySide,
    PolicyVerdict,
)
from ingressdoctor.evidence.controller import Controller
from ingressdoctor.evidence.kube import NetworkPolicy, Pod
from ingressdoctor.evidence.net import Reach
from ingressdoctor.evidence.outside import OriginProbe, OutsideProbe
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.routing.netpol import Party, Verdict, evaluate, needs_namespace_labels
from ingressdoctor.routing.service import target_port
from ingressdoctor.sources.base import Kubernetes

__all__ = ["backend_policies", "judge", "pairs", "pairs_from", "policy_verdict", "sides_of"]

_WANTED: Final = "the NetworkPolicies between the controller and the backend"
_SOURCES: Final = 3
_DESTINATIONS: Final = 5
_PLUGIN: Final = "policies of the network plugin's own kinds (Cilium, Calico, AdminNetworkPolicy) were not read"
_UNREAD: Final = "egress policies of namespace {} were not read: {}"

Pairs = tuple[tuple[Pod, Pod, int], ...]
Labels = Mapping[str, Mapping[str, str]]


class _Known(msgspec.Struct, frozen=True, kw_only=True):
    """The connections, and what the policies of the backend's namespace say of them."""

    judged: Pairs
    policies: tuple[NetworkPolicy, ...]
    labels: Labels
    verdict: PolicyVerdict

    def limited(self, limits: tuple[str, ...]) -> PolicyVerdict:
        """Return the verdict with other limits."""
        return self.verdict if self.verdict.limits == limits else replace(self.verdict, limits=limits)


@collector(wanted=_WANTED, timeout_s=15.0)
async def backend_policies(kube: Kubernetes, chosen: ChosenBackend) -> BackendPolicies | Unavailable:
    """List the policies of the backend's namespace while its Service is read: which pods they select is seen later."""
    found = whole(await list_kind(kube, NETWORK_POLICIES, namespace=chosen.ref.namespace), _WANTED)
    return found if isinstance(found, Unavailable) else BackendPolicies(policies=found)


@collector(wanted=_WANTED, timeout_s=15.0)
async def policy_verdict(
    kube: Kubernetes,
    listed: BackendPolicies | Unavailable,
    view: BackendView,
    dialler: BackendDialler,
    origin: OriginProbe | Unavailable,
    outside: OutsideProbe | Unavailable,
) -> PolicyVerdict | Unavailable:
    """Judge a pod that connects to the backend -> backend pod on the port that it resolves to."""
    sources = dialler.pods
    if isinstance(sources, Unavailable):
        return sources
    judged = pairs_from(sources, view)
    if not judged:
        return Unavailable(
            wanted=_WANTED, reason=f"there is no pair of a pod of {view.dialler} and a backend pod to judge"
        )
    home = judged[0][0].namespace
    if isinstance(listed, Unavailable):
        return listed
    policies = listed.policies
    labels, gap = await _labels(kube, policies, (home,))
    verdict = judge(judged, policies, labels, (_PLUGIN,))
    if _passes(origin) or (view.tunnel and _comes_through(outside)):
        return verdict
    first = _or_gap(verdict, gap)
    if first is gap or verdict.allowed is False:
        return first
    known = _Known(judged=judged, policies=policies, labels=labels, verdict=verdict)
    return await _closer(kube, known, home, quiet=_went_quiet(origin))


async def _closer(kube: Kubernetes, known: _Known, namespace: str, *, quiet: bool) -> PolicyVerdict | Unavailable:
    """Judge with the policies of the controller's *namespace* too; name the plugin's own where it went quiet."""
    if not quiet:
        return await _with_both_sides(kube, known, namespace, (_PLUGIN,))
    namespaces = tuple(dict.fromkeys((known.judged[0][1].namespace, namespace)))
    complete, (foreign, gaps) = await together(
        _with_both_sides(kube, known, namespaces[-1]), plugin_policies(kube, namespaces)
    )
    if isinstance(complete, Unavailable):
        return complete
    return replace(complete, foreign=foreign, limits=(*complete.limits, *gaps))


async def _with_both_sides(
    kube: Kubernetes, known: _Known, namespace: str, further: tuple[str, ...] = ()
) -> PolicyVerdict | Unavailable:
    """Judge once more with the policies of the controller's *namespace*, where that is another one and has any.

    The limits of the verdict are those found here, and the *further* ones.
    """
    home = known.judged[0][1].namespace
    if namespace == home:
        return known.limited(further)
    theirs = whole(await list_kind(kube, NETWORK_POLICIES, namespace=namespace), _WANTED)
    if isinstance(theirs, Unavailable):
        return known.limited((_UNREAD.format(namespace, theirs.reason), *further))
    if not theirs:
        return known.limited(further)
    more, gap = await _labels(kube, theirs, (home,))
    return _or_gap(judge(known.judged, known.policies + theirs, {**known.labels, **more}, further), gap)


def _or_gap(verdict: PolicyVerdict, gap: Unavailable | None) -> PolicyVerdict | Unavailable:
    """Return what could not be read in place of a verdict that it leaves open."""
    return gap if verdict.allowed is None and gap is not None else verdict


def _passes(origin: OriginProbe | Unavailable) -> bool:
    """Whether the origin's answer leaves no reason to suspect the way from the controller to the pods."""
    return not isinstance(origin, Unavailable) and origin.https.status not in (0, 502, 504)


def _comes_through(outside: OutsideProbe | Unavailable) -> bool:
    """Whether what a visitor gets through the tunnel leaves no reason to suspect the way from there to the pods."""
    if isinstance(outside, Unavailable) or not outside.last.status or outside.access_login or outside.challenge:
        return False
    return outside.edge_error is None or outside.edge_error.code not in (502, 504)


def _went_quiet(origin: OriginProbe | Unavailable) -> bool:
    """Whether the request came as far as the controller and no further, as far as the origin's answer tells."""
    if isinstance(origin, Unavailable):
        return False
    return origin.https.status in (502, 504) or origin.https.reach is Reach.READ_TIMEOUT


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
    """Return the connections from the controller's pods to judge."""
    return pairs_from(controller.ready_pods or controller.pods, view)


def pairs_from(dialling: tuple[Pod, ...], view: BackendView) -> Pairs:
    """Return the connections to judge: dialling pod, backend pod, and the number of the backend's port.

    Ready pods first; a few of each are enough, since pods of one workload differ in their node at most.
    """
    if view.port is None:
        return ()
    sources = dialling[:_SOURCES]
    found: list[tuple[Pod, Pod, int]] = []
    for destination in (view.ready_pods or view.current_pods)[:_DESTINATIONS]:
        number = target_port(view.port, destination)
        if number is not None:
            found += [(source, destination, number) for source in sources]
    return tuple(found)


def judge(
    judged: Pairs, policies: tuple[NetworkPolicy, ...], labels: Labels, limits: tuple[str, ...] = ()
) -> PolicyVerdict:
    """Judge every pair and say one thing about all of them.

    ``allowed`` is False only when every connection is denied; some denied and some not is None, with both named.
    """
    # Where there are no policies every connection is allowed, for the same reason.
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
        for source, destination, port in (judged if policies else judged[:1])
    ]
    named = _named(tuple([pair for answer, pair in answers if answer.allowed is not True]), policies, labels)
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
        return replace(_verdict(first, pair, None, why, limits), named=named)
    first, pair = (denied or unsure or passed)[0]
    return replace(_verdict(first, pair, first.allowed, first.why, limits), named=named)


def _named(judged: Pairs, policies: tuple[NetworkPolicy, ...], labels: Labels) -> str:
    """Return the policy that names a dialling pod by labels which do not count, as it lives in its node's network."""
    for source, destination, port in judged:
        if not source.spec.host_network:
            continue
        own = replace(source, spec=replace(source.spec, host_network=False, node_name=None))
        verdict = evaluate(
            policies,
            Party.of(own, labels.get(source.namespace)),
            Party.of(destination, labels.get(destination.namespace)),
            port,
        )
        if verdict.allowed:
            return verdict.deciding
    return ""


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
        rule=verdict.rule,
        sides=sides_of(verdict),
        source=pair[0],
        destination=pair[1],
        port=pair[2],
    )


def sides_of(verdict: Verdict) -> tuple[PolicySide, ...]:
    """Return what each end's policies say, none where no policy was asked."""
    return tuple(
        [
            PolicySide(
                direction=side.direction.value if side.direction else "",
                allowed=side.allowed,
                why=side.why,
                deciding=side.deciding,
                rule=side.rule,
            )
            for side in verdict.sides
        ]
    )
