"""Judge what each node's address answered, by everything that is known of the node. Makes no request.

A silence proves little: a firewall that lets only Cloudflare in keeps this machine out, as it should. So somebody is
held to be cut off only where a Firewall's rules say so, or where others prove that this machine may get in.
Source: docs.hetzner.com/cloud/firewalls (what no rule lets in is dropped); RFC 9293 (a closed port answers RST).
"""

from __future__ import annotations

from typing import Final

import msgspec

from ingressdoctor.collect.controller import NO_TRAEFIK
from ingressdoctor.collect.node_lead import listens_on_nodes
from ingressdoctor.evidence.controller import Controller
from ingressdoctor.evidence.firewalls import Firewall, HetznerFirewalls
from ingressdoctor.evidence.kube import Pod
from ingressdoctor.evidence.net import HttpExchange, Reach
from ingressdoctor.evidence.node_hops import NodeCase, NodeHop, NodeHops, NodeLead, NodeState, NodeStates
from ingressdoctor.evidence.outside import AddressRanges, OutsideProbe
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Inapplicable, Unavailable
from ingressdoctor.routing.hetzner_firewall import open_to_world, shut_out
from ingressdoctor.routing.ranges import of_same_family

__all__ = ["Around", "collect_states", "free_ports_missing", "judge", "reached"]

_SILENT: Final = frozenset({Reach.TIMEOUT, Reach.UNREACHABLE})
_WORLD: Final = ("0.0.0.0/0", "::/0")
_NOT_THROUGH: Final = frozenset({521, 522, 523})
_STORED: Final = frozenset({"hit", "stale", "updating", "revalidated"})


class Around(msgspec.Struct, frozen=True, kw_only=True):
    """What is known beside one hop: the other hops, Traefik's pods, Firewalls, the edge's ranges and its answer."""

    hops: NodeHops
    scheme: str
    port: int
    controller: Controller | Unavailable
    firewalls: HetznerFirewalls | Unavailable
    ranges: AddressRanges
    probe: OutsideProbe | Unavailable

    @property
    def lead(self) -> NodeLead:
        """Whose the addresses are."""
        return self.hops.lead

    @property
    def pods(self) -> tuple[Pod, ...] | None:
        """Traefik's pods; None where they could not be read, or where others have the nodes' ports on purpose."""
        return None if isinstance(self.controller, Unavailable) or self.no_pods else self.controller.pods

    @property
    def no_pods(self) -> Unavailable | None:
        """Why nothing can be told from Traefik's pods; a gap that is none where Traefik is not on the nodes at all."""
        runs = self.controller
        if isinstance(runs, Unavailable):
            absent = NO_TRAEFIK in runs.reason
            return Inapplicable(wanted=runs.wanted, reason=runs.reason) if absent else runs
        if runs.pods_unread is not None:
            return runs.pods_unread
        if runs.pods and not listens_on_nodes(runs):
            return Inapplicable(wanted="Traefik's pods", reason="Traefik takes no ports of the nodes")
        return None

    def lets_us_in(self, hop: NodeHop) -> bool:
        """Whether some address of the same family answers this machine, so that it is not kept out everywhere."""
        six = ":" in hop.address
        return any(reached(other.asked(self.scheme)) for other in self.hops.hops if (":" in other.address) is six)

    @property
    def serves(self) -> bool:
        """Whether visitors are answered by what stands behind the edge, and not out of its cache."""
        if isinstance(self.probe, Unavailable) or self.probe.challenge or self.probe.access_login:
            return False
        stored = self.probe.last.header("cf-cache-status").lower() in _STORED
        error = self.probe.edge_error
        return bool(self.probe.last.status) and not stored and (error is None or error.code in (502, 504, 524))

    @property
    def edge_fails(self) -> bool:
        """Whether nobody gets through to the origin: neither the edge nor, without one, the visitor."""
        if isinstance(self.probe, Unavailable):
            return False
        error = self.probe.edge_error
        return error.code in _NOT_THROUGH if error is not None else not self.probe.last.status


@collector(wanted="how each node stands")
async def collect_states(
    hops: NodeHops,
    controller: Controller | Unavailable,
    firewalls: HetznerFirewalls | Unavailable,
    ranges: AddressRanges,
    probe: OutsideProbe | Unavailable,
) -> NodeStates:
    """Judge every address."""
    record = hops.lead.record
    scheme, port = record.scheme, record.port
    # A mode that nobody could read: the side that answers is taken for the one that the edge asks.
    if not record.sure and scheme == "https" and not hops.answering("https") and hops.answering("http"):
        scheme, port = "http", 80
    around = Around(
        hops=hops, scheme=scheme, port=port, controller=controller, firewalls=firewalls, ranges=ranges, probe=probe
    )
    return NodeStates(
        states=tuple(judge(hop, around) for hop in hops.hops),
        lead=hops.lead,
        scheme=scheme,
        port=port,
        pods_unread=around.no_pods,
        firewalls_unread=firewalls if isinstance(firewalls, Unavailable) else None,
    )


def reached(asked: HttpExchange) -> bool:
    """Tell whether an address answers, or takes the request at least: slowness is not its own."""
    return asked.status > 0 or (asked.reach is Reach.READ_TIMEOUT and _shook_hands(asked))


def _shook_hands(asked: HttpExchange) -> bool:
    return asked.tls is None or asked.tls.reach is Reach.OK


def judge(hop: NodeHop, around: Around) -> NodeState:
    """Say what is the matter with one address; the surest sign decides."""
    asked = hop.asked(around.scheme)
    filters = _filters(hop, around)
    state = NodeState(
        hop=hop,
        asked=asked,
        case=NodeCase.ANSWERS,
        pod=_pod_of(hop, around.pods or ()),
        firewalls=filters,
        shut_out=shut_out(filters, around.port, _wanted(hop, around)) if filters else (),
    )
    case, why = _case(state, around)
    return msgspec.structs.replace(state, case=case, why=why)


def _case(state: NodeState, around: Around) -> tuple[NodeCase, str]:
    """Return the case, and what makes it one; what is known of the node comes before what it answered."""
    hop, asked = state.hop, state.asked
    if known := _known(state, around):
        return known
    if reached(asked):
        return NodeCase.ANSWERS, ""
    if hop.server is not None and hop.server.status not in ("running", ""):
        return NodeCase.OFF, hop.server.status
    if hop.server is not None and (6 if ":" in hop.address else 4) in hop.server.blocked:
        return NodeCase.BLOCKED, ""
    if hop.node is not None and hop.node.ready is False:
        return NodeCase.NOT_READY, ""
    return _silence(state, around) if asked.reach in _SILENT else _refusal(state, around)


def _known(state: NodeState, around: Around) -> tuple[NodeCase, str] | None:
    """Return what is the matter whatever was answered."""
    if why := _stale(state.hop, around.lead):
        return NodeCase.STALE, why
    if _cut_off(state, around):
        return NodeCase.FIREWALL, ", ".join(item.name for item in state.firewalls or ())
    if not _pod_ready(state.pod) and (message := free_ports_missing(state.hop, around.pods or ())):
        return NodeCase.PORT_TAKEN, message
    return None


def _cut_off(state: NodeState, around: Around) -> bool:
    """Tell whether the rules keep out everybody who must get in.

    Whom a visitor's own network is to be let in from is not known: there the rules count where they kept us out.
    """
    if not state.shut_out or len(state.shut_out) < len(_wanted(state.hop, around)):
        return False
    if not around.lead.record.proxied:
        return not reached(state.asked)
    return not (around.serves and len(around.hops.hops) == 1)


def _stale(hop: NodeHop, lead: NodeLead) -> str:
    """Say why an address is none of the cluster's; empty when it is one, or when that cannot be told."""
    if hop.node is not None:
        return ""
    if hop.server is not None:
        others = lead.nodes and not lead.nodes_unread
        return f"server {hop.server.name} of the project has it, which is no node of the cluster" if others else ""
    if lead.nodes_unread and lead.servers_unread:
        return ""
    places = [*(() if lead.nodes_unread else ("node",)), *(() if lead.servers_unread else ("server",))]
    return f"no {' and no '.join(places)} has it"


def _filters(hop: NodeHop, around: Around) -> tuple[Firewall, ...] | None:
    """Return the Firewalls before the server; None where that is not known."""
    if hop.server is None or isinstance(around.firewalls, Unavailable):
        return None
    return around.firewalls.before(hop.server.id)


def _wanted(hop: NodeHop, around: Around) -> tuple[str, ...]:
    """Return who must get in: the edge from its ranges, or the whole world, over the address's own family."""
    cidrs = around.ranges.cidrs if around.lead.record.proxied else _WORLD
    return of_same_family(cidrs, (hop.address,))


def _pod_of(hop: NodeHop, pods: tuple[Pod, ...]) -> Pod | None:
    """Return Traefik's pod on the hop's node, a ready one first."""
    name = hop.node.name if hop.node is not None else hop.server.name if hop.server is not None else ""
    there = sorted((pod for pod in pods if name and pod.spec.node_name == name), key=lambda pod: not pod.ready)
    return there[0] if there else None


def _pod_ready(pod: Pod | None) -> bool:
    return pod is not None and pod.ready


def free_ports_missing(hop: NodeHop, pods: tuple[Pod, ...]) -> str:
    """Return the scheduler's words where a pod of Traefik waits for the ports of this node; empty otherwise.

    A pod of a DaemonSet that waits is bound to its node by an affinity; one without any may wait for every node.
    """
    for pod in pods:
        condition = pod.condition("PodScheduled")
        message = (condition.message or "") if condition is not None and condition.status == "False" else ""
        if "free ports" in message and hop.node is not None and pod.wanted_node in ("", hop.node.name):
            return message
    return ""


def _silence(state: NodeState, around: Around) -> tuple[NodeCase, str]:
    """Tell a filter that keeps everybody out from one that keeps only this machine out."""
    filters, others = state.firewalls, around.lets_us_in(state.hop)
    if ":" in state.hop.address and state.asked.reach is Reach.UNREACHABLE and not others:
        return NodeCase.NOT_FOR_US, "this machine has no route to it"
    if filters and not open_to_world(filters, around.port):
        return NodeCase.NOT_FOR_US, ", ".join(item.name for item in filters)
    if around.pods is not None and not _pod_ready(state.pod):
        return _without_pod(state)
    if _pod_ready(state.pod) and (others or around.edge_fails):
        return NodeCase.DROPPED, ""
    return (NodeCase.NOT_FOR_US, "") if around.serves and not others else (NodeCase.SILENT, "")


def _refusal(state: NodeState, around: Around) -> tuple[NodeCase, str]:
    """Tell nobody from somebody who does not answer."""
    if around.pods is not None and not _pod_ready(state.pod):
        return _without_pod(state)
    if state.asked.reach is not Reach.REFUSED:
        return NodeCase.BROKEN, state.asked.detail
    if around.serves and not around.lets_us_in(state.hop):
        return NodeCase.NOT_FOR_US, ""
    return NodeCase.REFUSED, ""


def _without_pod(state: NodeState) -> tuple[NodeCase, str]:
    return (NodeCase.NO_POD, "") if state.pod is None else (NodeCase.POD_DOWN, "")
