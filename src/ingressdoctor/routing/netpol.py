"""May this pod open a connection to that pod? NetworkPolicy, networking.k8s.io/v1, and nothing beyond it.

Pure. Policies add up; there is no order and no deny. What depends on the network plugin (ipBlock against pods
and nodes, sources behind a node's address) is answered None, never guessed. Policies of the plugins' own kinds
are not read here. Source: kubernetes/api networking/v1/types.go; the port and peer rules of kube-router and Cilium.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from ingressdoctor.evidence.kube import NetworkPolicy, Pod
from ingressdoctor.model.untyped import as_list
from ingressdoctor.routing.netpol_parts import (
    NAME_LABEL,
    Party,
    half_fits,
    maps,
    peer_matches,
    peer_text,
    port_matches,
    port_text,
)
from ingressdoctor.routing.selectors import all_of, any_of, keys_of, selector_matches

__all__ = ["NAME_LABEL", "Direction", "Party", "Verdict", "evaluate", "needs_namespace_labels"]


class Direction(StrEnum):
    """Which side of the connection a policy was asked for."""

    INGRESS = "ingress"
    EGRESS = "egress"


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the connection may be opened, and what decided.

    ``policies`` are those that select either end; ``deciding`` names the one to look at first (empty: none is
    involved) and ``rule`` the number of its rule, 0 where it has none that comes near; ``direction`` is the side that
    decided. ``sides`` are the verdicts of both, ingress first, where both were asked.
    """

    allowed: bool | None
    why: str
    policies: tuple[NetworkPolicy, ...] = ()
    deciding: str = ""
    rule: int = 0
    direction: Direction | None = None
    sides: tuple[Verdict, ...] = ()


class _Rule(msgspec.Struct, frozen=True, kw_only=True):
    """How one rule of one policy judged the connection: by its peers and by its ports.

    ``half`` tells that one part of some peer fits, its namespaces or its pods.
    """

    policy: NetworkPolicy
    selected: bool | None
    number: int
    peer: bool | None
    port: bool | None
    peers: str
    ports: str
    half: bool

    @property
    def answer(self) -> bool | None:
        return all_of((self.selected, self.peer, self.port))

    @property
    def nearness(self) -> tuple[bool, int]:
        """Sort key: what would let the connection in with the smallest change comes last."""
        return self.answer is True, 4 * (self.peer is not False) + 2 * (self.port is not False) + self.half


def evaluate(
    policies: Sequence[NetworkPolicy], source: Party, destination: Party, port: int, protocol: str = "TCP"
) -> Verdict:
    """Judge a new connection from *source* to pod port *port* of *destination* (after Service translation).

    Args:
        policies: Of the namespaces of both ends, at least; those of others do not matter.
        source: Who opens the connection.
        destination: Who is dialled.
        port: The pod's port, not the Service's.
        protocol: TCP, UDP or SCTP.
    """
    if source.pod is not None and destination.pod is not None and _same(source.pod, destination.pod):
        return Verdict(allowed=True, why="A pod may always talk to itself.")
    if source.on_host and source.node and source.node == destination.node:
        return Verdict(allowed=True, why="Traffic from the pod's own node is exempt from NetworkPolicy.")
    sides = (
        _side(policies, Direction.INGRESS, destination, source, (port, protocol)),
        _side(policies, Direction.EGRESS, source, destination, (port, protocol)),
    )
    allowed = all_of([side.allowed for side in sides])
    decider = next((side for side in sides if side.allowed is allowed and side.deciding), None)
    if decider is None:
        decider = next(side for side in sides if side.allowed is allowed)
    involved = {policy.ref: policy for side in sides for policy in side.policies}
    return Verdict(
        allowed=allowed,
        why=decider.why,
        policies=tuple(involved.values()),
        deciding=decider.deciding,
        rule=decider.rule,
        direction=decider.direction,
        sides=sides,
    )


def needs_namespace_labels(policies: Sequence[NetworkPolicy]) -> bool:
    """Whether some namespaceSelector asks for more than the name of the namespace."""
    return any(
        keys_of(peer.get("namespaceSelector")) - {NAME_LABEL}
        for policy in policies
        for rules, peers in (("ingress", "from"), ("egress", "to"))
        for rule in maps(policy.spec.get(rules))
        for peer in maps(rule.get(peers))
    )


def _same(one: Pod, other: Pod) -> bool:
    return (one.namespace, one.name) == (other.namespace, other.name)


def _side(
    policies: Sequence[NetworkPolicy], direction: Direction, own: Party, other: Party, port: tuple[int, str]
) -> Verdict:
    pod = own.policed
    if pod is None:
        return Verdict(allowed=True, why=f"No NetworkPolicy applies to {own.title}.", direction=direction)
    judged = [(policy, _selects(policy, pod, direction)) for policy in policies if policy.namespace == pod.namespace]
    selecting = tuple([policy for policy, answer in judged if answer is not False])
    if not selecting:
        why = f"No NetworkPolicy selects {own.title} for {direction}."
        return Verdict(allowed=True, why=why, direction=direction)
    destination = own if direction is Direction.INGRESS else other
    rules = [
        rule
        for policy, selected in judged
        if selected is not False
        for rule in _rules((policy, selected), direction, other, (*port, destination))
    ]
    answer = any_of(rule.answer for rule in rules)
    if answer is False and any_of(selected for _, selected in judged) is None:
        answer = None
    nearest = max(rules, key=lambda rule: rule.nearness, default=None)
    near = nearest if nearest and any(nearest.nearness) else None
    return Verdict(
        allowed=answer,
        why=_explain(answer, direction, (own, other), selecting, nearest),
        policies=selecting,
        deciding=(near.policy if near else selecting[0]).ref,
        rule=near.number if near else 0,
        direction=direction,
    )


def _selects(policy: NetworkPolicy, pod: Pod, direction: Direction) -> bool | None:
    types = as_list(policy.spec.get("policyTypes"))
    if types:
        applies = direction.value.capitalize() in types
    else:
        applies = direction is Direction.INGRESS or bool(as_list(policy.spec.get("egress")))
    return selector_matches(policy.spec.get("podSelector"), pod.labels) if applies else False


def _rules(
    chosen: tuple[NetworkPolicy, bool | None], direction: Direction, other: Party, port: tuple[int, str, Party]
) -> tuple[_Rule, ...]:
    policy, selected = chosen
    peers_key = "from" if direction is Direction.INGRESS else "to"
    found = []
    for number, rule in enumerate(maps(policy.spec.get(direction.value)), start=1):
        peers, ports = maps(rule.get(peers_key)), maps(rule.get("ports"))
        found.append(
            _Rule(
                policy=policy,
                selected=selected,
                number=number,
                peer=any_of(peer_matches(peer, policy.namespace, other) for peer in peers) if peers else True,
                port=any_of(port_matches(item, *port) for item in ports) if ports else True,
                peers=" or ".join(peer_text(peer) for peer in peers) or "anyone",
                ports=", ".join(port_text(item) for item in ports) or "any",
                half=any(half_fits(peer, policy.namespace, other) for peer in peers),
            )
        )
    return tuple(found)


def _explain(
    answer: bool | None,
    direction: Direction,
    parties: tuple[Party, Party],
    selecting: tuple[NetworkPolicy, ...],
    nearest: _Rule | None,
) -> str:
    own, other = parties
    where = f"rule {nearest.number} of {nearest.policy.ref}" if nearest else ""
    if answer:
        return f"{direction.capitalize()} of {own.title}: allowed by {where}."
    if answer is None:
        return (
            f"{direction.capitalize()} of {own.title} with {other.title} cannot be decided from the objects: {where}"
            f" depends on the network plugin or on labels that could not be read."
        )
    count = len(selecting)
    who = selecting[0].ref if count == 1 else f"{count} NetworkPolicies"
    text = f"{direction.capitalize()} of {own.title} is restricted by {who}, and no rule allows {other.title}"
    if nearest is None or not any(nearest.nearness):
        return f"{text}."
    if nearest.peer is not False:
        return f"{text}: {where} names it, but only for {nearest.ports}."
    if nearest.port is not False:
        return f"{text}: {where} opens the port for {nearest.peers}."
    return f"{text}: {where} is for {nearest.peers}, and for {nearest.ports}."
