"""Valid evidence of three nodes without a load balancer, with overridable parts: all of them serve the shop."""

from __future__ import annotations

from typing import Any

import msgspec

from build.outside import HOST, exchange, failed
from ingressdoctor.api import (
    Firewall,
    FirewallRule,
    HelmInstall,
    HttpExchange,
    LanNode,
    NodeCase,
    NodeHop,
    NodeHops,
    NodeLead,
    NodeOwner,
    NodeState,
    NodeStates,
    Pod,
    Reach,
    RecordAddresses,
    Server,
)

ADDRESSES = ("203.0.113.21", "203.0.113.22", "203.0.113.23")
PLAIN = f"http://{HOST}/"
OPEN = FirewallRule(protocol="tcp", first=80, last=80, sources=("0.0.0.0/0", "::/0"))


def a_lan_node(number: int = 1, *, ready: bool | None = True) -> LanNode:
    """One node with a public address."""
    return LanNode(ref=f"Node node-{number}", addresses=(f"203.0.113.2{number}",), ready=ready)


def a_cloud_server(number: int = 1, *, status: str = "running", **parts: Any) -> Server:
    """The server of a node."""
    own = {"id": number, "name": f"node-{number}", "status": status, "ipv4": f"203.0.113.2{number}"}
    return Server(**{**own, "networks": (), "private_ips": (), **parts})


def a_node_pod(number: int = 1, *, ready: bool = True, waits: str = "", bound: bool = True) -> Pod:
    """Traefik's pod on a node's network; *waits* is what the scheduler says of one without a node."""
    field = {"key": "metadata.name", "operator": "In", "values": [f"node-{number}"]}
    terms = {"nodeSelectorTerms": [{"matchFields": [field]}]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
    conditions = [{"type": "Ready", "status": "True" if ready and not waits else "False"}]
    if waits:
        conditions.append({"type": "PodScheduled", "status": "False", "message": waits})
    ports = [{"name": "web", "containerPort": 80, "hostPort": 80}]
    state = {"running": {}} if ready else {"waiting": {"reason": "CrashLoopBackOff"}}
    raw = {
        "kind": "Pod",
        "metadata": {"name": f"traefik-{number}", "namespace": "kube-system"},
        "spec": {
            "hostNetwork": True,
            "containers": [{"name": "traefik", "image": "traefik:v3.6.10", "ports": ports}],
            **({"affinity": affinity} if bound else {}),
            **({} if waits else {"nodeName": f"node-{number}"}),
        },
        "status": {
            "phase": "Pending" if waits else "Running",
            "conditions": conditions,
            "containerStatuses": [] if waits else [{"name": "traefik", "ready": ready, "state": state}],
        },
    }
    return msgspec.convert(raw, Pod)


def a_hop(
    number: int = 1,
    plain: HttpExchange | Reach | int = 200,
    secure: HttpExchange | Reach | int = 200,
    *,
    node: LanNode | None = None,
    server: Server | None = None,
    known: bool = True,
) -> NodeHop:
    """One address; an int is a status, a Reach a failure. Without *known* nobody has it."""
    address = f"203.0.113.2{number}"
    return NodeHop(
        address=address,
        plain=_answer(plain, PLAIN, address),
        secure=_answer(secure, f"https://{HOST}/", address),
        node=(node or a_lan_node(number)) if known else None,
        server=server,
    )


def _answer(given: HttpExchange | Reach | int, url: str, address: str) -> HttpExchange:
    if isinstance(given, int):
        return exchange(given, url=url, headers=(), address=address)
    return failed(given, url=url, address=address) if isinstance(given, Reach) else given


def a_record(**parts: Any) -> RecordAddresses:
    """Three proxied addresses in SSL mode Flexible."""
    whole = {"addresses": ADDRESSES, "told_by": "its record at Cloudflare", "proxied": True}
    return RecordAddresses(**{**whole, "scheme": "http", "port": 80, **parts})


def a_node_lead(*nodes: LanNode, record: RecordAddresses | None = None, **parts: Any) -> NodeLead:
    """The record leads to these nodes."""
    found = nodes or tuple(map(a_lan_node, (1, 2, 3)))
    owners = tuple(NodeOwner(address=node.addresses[0], node=node) for node in found)
    whole: dict[str, Any] = {"record": record or a_record(), "owners": owners, "nodes": found}
    return NodeLead(**whole | parts)


def node_hops(*hops: NodeHop, lead: NodeLead | None = None) -> NodeHops:
    """What the addresses answered."""
    return NodeHops(hops=hops or tuple(map(a_hop, (1, 2, 3))), lead=lead or a_node_lead())


def a_state(case: NodeCase = NodeCase.ANSWERS, number: int = 1, hop: NodeHop | None = None, **parts: Any) -> NodeState:
    """One judged address; one that does not answer is silent unless its hop says otherwise."""
    alive = case in (NodeCase.ANSWERS, NodeCase.STALE)
    own = hop or a_hop(number, 200 if alive else Reach.TIMEOUT)
    pod = a_node_pod(number) if case in (NodeCase.ANSWERS, NodeCase.REFUSED, NodeCase.DROPPED) else None
    whole = {"hop": own, "asked": own.plain, "case": case, "pod": pod}
    return NodeState(**{**whole, **parts})


def node_states(*states: NodeState, lead: NodeLead | None = None, **parts: Any) -> NodeStates:
    """Three nodes, judged."""
    found = states or tuple(a_state(number=number) for number in (1, 2, 3))
    return NodeStates(**{"states": found, "lead": lead or a_node_lead(), "scheme": "http", "port": 80, **parts})


def a_firewall(*sources: str, name: str = "nodes", servers: tuple[int, ...] = (1, 2, 3), port: int = 80) -> Firewall:
    """A Firewall that lets *sources* in to one port; without any it lets nobody in."""
    rule = FirewallRule(protocol="tcp", first=port, last=port, sources=sources)
    return Firewall(id=31, name=name, inbound=(rule,) if sources else (), servers=servers)


def a_helm_install(**parts: Any) -> HelmInstall:
    """A chart that was installed as configured."""
    whole = {"chart": "traefik", "namespace": "kube-system", "config": "HelmChartConfig kube-system/traefik"}
    return HelmInstall(**{**whole, "job": "helm-install-traefik", "done": True, **parts})
