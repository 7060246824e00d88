"""One end of a connection, and whether a peer or a port of a NetworkPolicy rule means it.

Pure; the addition of policies and rules to a verdict is the job of ``netpol``. What depends on the network plugin
is None, never guessed. Source: kubernetes/api networking/v1/types.go (NetworkPolicyPeer, NetworkPolicyPort).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

import msgspec

from ingressdoctor.evidence.kube import Container, Pod
from ingressdoctor.model.untyped import as_list, as_map
from ingressdoctor.routing.selectors import all_of, keys_of, selector_matches, selector_words

__all__ = [
    "NAME_LABEL",
    "Party",
    "half_fits",
    "maps",
    "peer_matches",
    "peer_text",
    "port_matches",
    "port_text",
]

NAME_LABEL = "kubernetes.io/metadata.name"

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
# Where clusters take their node and overlay addresses from: RFC 1918, RFC 6598, RFC 4193.
_PRIVATE = tuple(
    ipaddress.ip_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)


class Party(msgspec.Struct, frozen=True, kw_only=True):
    """One end of a connection: a pod, a node (``node`` without ``pod``), or an address outside the cluster.

    ``namespace_labels`` is None when the Namespace was not read; its name is known all the same.
    """

    pod: Pod | None = None
    addresses: tuple[str, ...] = ()
    node: str = ""
    namespace_labels: Mapping[str, str] | None = None

    @classmethod
    def of(cls, pod: Pod, namespace_labels: Mapping[str, str] | None = None) -> Party:
        """Make the end that is a pod; with hostNetwork it speaks from its node's address."""
        host = bool(pod.spec.host_network)
        listed = tuple(item.ip for item in pod.status.pod_ips or () if item.ip)
        addresses = listed or tuple(ip for ip in (pod.status.pod_ip,) if ip)
        return cls(
            pod=pod,
            addresses=addresses or tuple(ip for ip in (pod.status.host_ip,) if ip and host),
            node=pod.spec.node_name or "",
            namespace_labels=namespace_labels,
        )

    @property
    def policed(self) -> Pod | None:
        """The pod, unless it lives in its node's network namespace, where no policy can select it."""
        return None if self.pod is None or self.pod.spec.host_network else self.pod

    @property
    def on_host(self) -> bool:
        """Whether its packets carry a node's address."""
        return self.policed is None and bool(self.node or self.pod)

    @property
    def known_namespace_labels(self) -> dict[str, str]:
        """What is known of the Namespace's labels; the API server sets the name label on every Namespace."""
        return {**(self.namespace_labels or {}), NAME_LABEL: self.pod.namespace} if self.pod else {}

    @property
    def title(self) -> str:
        """How it is called in an explanation."""
        if self.pod is not None:
            return f"Pod {self.pod.namespace}/{self.pod.name}"
        return f"node {self.node}" if self.node else ", ".join(self.addresses) or "an unknown address"


def peer_matches(peer: Mapping[str, object], policy_namespace: str, other: Party) -> bool | None:
    """Whether one item of ``from`` or ``to``, in a policy of *policy_namespace*, means *other*.

    Both selectors in one item must hold; a podSelector alone looks into the policy's own namespace only.
    """
    block = peer.get("ipBlock")
    if isinstance(block, Mapping):
        return _in_block(block, other)
    pod = other.policed
    if pod is None:
        return False
    namespaces, pods = peer.get("namespaceSelector"), peer.get("podSelector")
    if namespaces is None and pods is None:
        return None
    if namespaces is None:
        home: bool | None = pod.namespace == policy_namespace
    else:
        complete = other.namespace_labels is not None
        home = selector_matches(namespaces, other.known_namespace_labels, complete=complete)
    return all_of((home, selector_matches(pods, pod.labels)))


def half_fits(peer: Mapping[str, object], policy_namespace: str, other: Party) -> bool:
    """Whether one half of a peer, its namespaces or its pods, asks for something that *other* has.

    For telling near misses: a half that selects everything says nothing.
    """
    halves = ({key: peer[key]} for key in ("podSelector", "namespaceSelector") if keys_of(peer.get(key)))
    return any(peer_matches({"namespaceSelector": {}, **half}, policy_namespace, other) is True for half in halves)


def peer_text(peer: Mapping[str, object]) -> str:
    """Return a peer in words: ``pods app=web of namespaces team=edge``."""
    block = peer.get("ipBlock")
    if isinstance(block, Mapping):
        return f"addresses in {block.get('cidr')}"
    pods, spaces = peer.get("podSelector"), peer.get("namespaceSelector")
    which = f"pods {selector_words(pods)}" if keys_of(pods) else "all pods"
    if spaces is None:
        return f"{which} of its own namespace"
    return f"{which} of namespaces {selector_words(spaces)}" if keys_of(spaces) else f"{which} of any namespace"


def _in_block(block: Mapping[str, object], other: Party) -> bool | None:
    """ipBlock: exact for addresses outside the cluster; for pods and nodes a hit depends on the network plugin."""
    try:
        network = ipaddress.ip_network(str(block.get("cidr")), strict=False)
        excepted = [ipaddress.ip_network(str(item), strict=False) for item in as_list(block.get("except"))]
        addresses = [_plain(item) for item in other.addresses]
    except ValueError:
        return None
    inside = any(address in network and not any(address in net for net in excepted) for address in addresses)
    if other.on_host:
        # An overlay may replace the node's address by one of its own, which nothing in the API names.
        return None if inside or any(_overlap(network, item) for item in _PRIVATE) else False
    if other.pod is not None or not addresses:
        return None if inside or not addresses else False
    return inside


def _plain(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Read an address; one of IPv4 in IPv6 clothes is the IPv4 one, as Go has it."""
    address = ipaddress.ip_address(text)
    return (address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None) or address


def _overlap(one: _Network, other: _Network) -> bool:
    return one.version == other.version and one.overlaps(other)


def port_matches(item: Mapping[str, object], port: int, protocol: str, destination: Party) -> bool | None:
    """Whether one item of ``ports`` means *port* of *destination*, whose containers resolve a named port."""
    if str(item.get("protocol") or "TCP") != protocol:
        return False
    wanted, end = item.get("port"), item.get("endPort")
    match wanted, end:
        case None, None:
            return True
        case int(), (int() | None) if not isinstance(wanted, bool) and not isinstance(end, bool):
            return wanted <= port <= (wanted if end is None else end)
        case str(), None:
            return _named(destination.pod, wanted, port, protocol)
        case _:
            return None


def _named(pod: Pod | None, name: str, port: int, protocol: str) -> bool | None:
    """Whether *name* is *port* on the pod; plugins differ on sidecars and on pods in their node's network."""
    if pod is None:
        return False
    if not _declares(pod.containers, name, port, protocol):
        sidecars = tuple(item for item in pod.spec.init_containers or () if item.restart_policy == "Always")
        return None if _declares(sidecars, name, port, protocol) else False
    return None if pod.spec.host_network else True


def _declares(containers: tuple[Container, ...], name: str, port: int, protocol: str) -> bool:
    return any(
        (entry.name, entry.container_port, entry.protocol or "TCP") == (name, port, protocol)
        for container in containers
        for entry in container.ports or ()
    )


def port_text(item: Mapping[str, object]) -> str:
    """Return an item of ``ports`` as ``TCP/8080``, ``TCP/8000-8079`` or ``UDP/any``."""
    port, end = item.get("port"), item.get("endPort")
    return f"{item.get('protocol') or 'TCP'}/{'any' if port is None else port}{f'-{end}' if end else ''}"


def maps(value: object) -> tuple[Mapping[str, object], ...]:
    """Return the items of a decoded list, each as a mapping; a null item is an empty mapping, as in Go."""
    return tuple(as_map(item) for item in as_list(value))
