"""Recognise the load balancer in front of the ingress controller's Service. Pure, but for the collector's signature.

The order follows the cloud controller's own: its UID label, then the name; then what a person would compare, the
addresses, and for a NodePort Service behind a hand-made load balancer the node ports. Whether what was found is
healthy is not judged here; where the cluster does not say which one it is, see ``hetzner_target``.

Source: hcloud-cloud-controller-manager internal/hcops/load_balancer.go, hcloud/load_balancers.go;
kubernetes/cloud-provider controllers/service/controller.go (load balancer classes).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from ingressdoctor.collect.hetzner_objects import address_of
from ingressdoctor.collect.hetzner_target import by_address
from ingressdoctor.evidence.controller import Controller
from ingressdoctor.evidence.hetzner import (
    ClusterBalancer,
    HetznerProject,
    LoadBalancer,
    LoadBalancerLookup,
    NodeAddresses,
)
from ingressdoctor.evidence.kube import Pod, Service
from ingressdoctor.evidence.preferences import Preferences
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Unavailable

__all__ = ["collect_cluster_balancer", "default_name", "find_load_balancer", "outside_hetzner"]

_PREFIX: Final = "load-balancer.hetzner.cloud/"
_NAME_LENGTH: Final = 32  # cloudprovider.DefaultLoadBalancerName


class _Match(msgspec.Struct, frozen=True, kw_only=True):
    by: str
    found: tuple[LoadBalancer, ...]


@collector(wanted="the load balancer in front of the ingress controller")
async def collect_cluster_balancer(
    project: HetznerProject | Unavailable,
    controller: Controller | Unavailable,
    preferences: Preferences,
    nodes: NodeAddresses | Unavailable,
) -> ClusterBalancer:
    """Return which load balancer of the project carries the controller's traffic, else those that records may name.

    A controller that no Hetzner load balancer belongs in front of needs no Hetzner token to be told so, and a load
    balancer that the configuration names needs no cluster to be found. A Service that may not be read is not absent.
    """
    lookup = _look_up(project, controller, preferences.load_balancer, nodes)
    if not isinstance(lookup, Unavailable) or isinstance(project, Unavailable):
        return ClusterBalancer(lookup=lookup)
    return ClusterBalancer(lookup=lookup, by_address=by_address(project), project=project)


def _look_up(
    project: HetznerProject | Unavailable,
    controller: Controller | Unavailable,
    named: str,
    nodes: NodeAddresses | Unavailable,
) -> LoadBalancerLookup | Unavailable:
    if isinstance(controller, Unavailable):
        return controller if isinstance(project, Unavailable) or not named else _by_name_alone(project, named)
    if controller.service is None and controller.unread and not named:
        return controller.unread[0]
    own = () if isinstance(nodes, Unavailable) else nodes.addresses
    if isinstance(project, Unavailable):
        reason = "" if named else outside_hetzner(controller, nodes=(*_host_ips(controller.pods), *own))
        return _none(reason) if reason else project
    return find_load_balancer(project, controller, named=named, nodes=own)


def _by_name_alone(project: HetznerProject, named: str) -> LoadBalancerLookup:
    match = _configured(project, named)
    return LoadBalancerLookup(
        found=match.found[0] if match.found else None,
        matched_by=match.by if match.found else "",
        looked_for=(match.by,),
        project=tuple(item.name for item in project.load_balancers),
        servers=project.servers,
        servers_unread=project.servers_unread,
    )


def find_load_balancer(
    project: HetznerProject, controller: Controller, *, named: str = "", nodes: tuple[str, ...] = ()
) -> LoadBalancerLookup:
    """Return the load balancer that belongs to the controller's Service, or by what it was looked for in vain.

    A name from the configuration (*named*) decides alone; *nodes* are addresses of nodes beside those of the pods.
    """
    service = controller.service
    names = tuple(item.name for item in project.load_balancers)
    hosts = _host_ips(controller.pods)
    machines = tuple(address for item in project.servers for address in (item.ipv4, *item.private_ips) if address)
    if service is None and not named:
        return _none(outside_hetzner(controller, nodes=hosts), project=names)
    matches = (_configured(project, named),) if named else tuple(_matches(project, service or Service()))
    looked_for = tuple(match.by for match in matches)
    hit = next((match for match in matches if match.found), None)
    reason = "" if hit or named else outside_hetzner(controller, nodes=(*hosts, *machines, *nodes))
    labelled = _labelled(project, service) if service else ()
    return LoadBalancerLookup(
        found=hit.found[0] if hit else None,
        matched_by=hit.by if hit else "",
        looked_for=looked_for,
        project=names,
        servers=project.servers,
        servers_unread=project.servers_unread,
        not_in_path=reason,
        rivals=tuple(item.name for item in labelled[1:]),
        nodes_here=None if project.servers_unread or not hosts else any(host in machines for host in hosts),
    )


def outside_hetzner(controller: Controller, *, nodes: tuple[str, ...]) -> str:
    """Say why no Hetzner load balancer belongs in front of the controller; empty when one does.

    Args:
        controller: With the Service that stands in front of it.
        nodes: Addresses known to be those of nodes.
    """
    service = controller.service
    if service is None:
        return "no Service stands in front of the controller: its pods listen on the nodes themselves"
    kind = service.spec.type or "ClusterIP"
    if kind != "LoadBalancer":
        return f"{service.ref} is of type {kind}, which asks for no load balancer"
    if service.spec.load_balancer_class:
        return f"{service.ref} asks for load balancer class {service.spec.load_balancer_class}, not for Hetzner's"
    published = _published(service)
    if published and all(address in nodes for address in published):
        return f"{service.ref} publishes the nodes' own addresses (ServiceLB), so traffic goes to the nodes directly"
    return ""


def default_name(service: Service) -> str:
    """Return the name that a cloud controller gives without an annotation: ``a`` + UID, cut to 32 characters."""
    return ("a" + (service.metadata.uid or "").replace("-", ""))[:_NAME_LENGTH]


def _configured(project: HetznerProject, named: str) -> _Match:
    return _Match(by=f"configured name {named}", found=tuple(b for b in project.load_balancers if b.name == named))


def _matches(project: HetznerProject, service: Service) -> Iterator[_Match]:
    """Yield every way to recognise the load balancer, the surest first."""
    uid = service.metadata.uid or ""
    if uid:
        yield _Match(by=f"label hcloud-ccm/service-uid={uid}", found=_labelled(project, service))
    named = service.annotations.get(f"{_PREFIX}name", "")
    for name in (named, default_name(service) if uid else ""):
        if name:
            hits = tuple(item for item in project.load_balancers if item.name == name)
            yield _Match(by=f"name {name}", found=hits)
    for address in _published(service):
        hits = tuple(item for item in project.load_balancers if address in item.addresses)
        yield _Match(by=f"address {address}", found=hits)
    ports = {port.node_port for port in service.ports if port.node_port}
    if (service.spec.type or "") == "NodePort" and ports:
        shown = ", ".join(str(port) for port in sorted(ports))
        hits = tuple(item for item in project.load_balancers if _serves(item, ports))
        yield _Match(by=f"node ports {shown}", found=hits if len(hits) == 1 else ())


def _labelled(project: HetznerProject, service: Service) -> tuple[LoadBalancer, ...]:
    uid = service.metadata.uid or ""
    return tuple(item for item in project.load_balancers if uid and item.uid_label == uid)


def _serves(balancer: LoadBalancer, node_ports: set[int]) -> bool:
    return any(item.destination_port in node_ports for item in balancer.services)


def _published(service: Service) -> tuple[str, ...]:
    return tuple(filter(None, (address_of(item.ip) for item in service.published)))


def _host_ips(pods: tuple[Pod, ...]) -> tuple[str, ...]:
    hosts = (address_of(pod.status.host_ip) for pod in pods)
    return tuple(dict.fromkeys(filter(None, hosts)))


def _none(reason: str, *, project: tuple[str, ...] = ()) -> LoadBalancerLookup:
    return LoadBalancerLookup(found=None, matched_by="", looked_for=(), project=project, not_in_path=reason)
