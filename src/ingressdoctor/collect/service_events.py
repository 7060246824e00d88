"""Read the events of the controller's Service, but only when something about its load balancer is off.

The cloud controller says there why it could not do what the Service asks for. A load balancer that is as the Service
asks proves the last sync, unless an annotation will make the next one fail. What the events mean is judged by the
checks.
"""

from __future__ import annotations

from ingressdoctor.collect.hetzner_objects import address_of
from ingressdoctor.collect.kinds import EVENTS
from ingressdoctor.collect.kube import list_kind
from ingressdoctor.evidence.clock import parse_time
from ingressdoctor.evidence.controller import Controller
from ingressdoctor.evidence.hetzner import ClusterBalancer, LoadBalancer, LoadBalancerLookup, ServiceEvents
from ingressdoctor.evidence.kube import Event, Service
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.routing.hetzner_annotations import refused_annotations
from ingressdoctor.sources.base import Kubernetes

__all__ = ["collect_service_events", "disagreement", "in_order"]


@collector(wanted="the events of the ingress controller's Service")
async def collect_service_events(
    kube: Kubernetes, controller: Controller, balancer: ClusterBalancer
) -> ServiceEvents | Unavailable:
    """Return the Service's events if something is off; one request, narrowed by field selectors."""
    service, lookup = controller.service, balancer.lookup
    if service is None and controller.unread:
        return controller.unread[0]
    if service is None or service.spec.type != "LoadBalancer":
        return ServiceEvents(events=(), asked=False, kept=False)
    if isinstance(lookup, LoadBalancerLookup) and lookup.not_in_path:
        return ServiceEvents(events=(), asked=False, kept=False)
    difference = disagreement(service, lookup)
    refused = any(True for _ in refused_annotations(service.annotations))
    if not difference and not refused and not isinstance(lookup, Unavailable):
        return ServiceEvents(events=(), asked=False)
    fields = f"involvedObject.kind=Service,involvedObject.name={service.name}"
    loaded = await list_kind(kube, EVENTS, namespace=service.namespace, fields=fields)
    if isinstance(loaded, Unavailable):
        return loaded
    return ServiceEvents(events=in_order(loaded.items, service), asked=True, difference=difference)


def in_order(events: tuple[Event, ...], service: Service) -> tuple[Event, ...]:
    """Return the events about one Service, oldest first; an API that ignores the selector is no reason to err."""
    mine = [
        event
        for event in events
        if event.involved_object.name == service.name and (event.involved_object.kind or "Service") == "Service"
    ]
    return tuple(sorted(mine, key=_moment))


def disagreement(service: Service, lookup: LoadBalancerLookup | Unavailable) -> str:
    """Say what about the load balancer is not as the Service asks; empty when all is."""
    if isinstance(lookup, Unavailable):
        return "" if service.published else "the Service's status names no address"
    balancer = lookup.found
    if balancer is None:
        return "no load balancer was found"
    if not service.published:
        return "the Service's status names no address"
    return _difference(service, balancer)


def _difference(service: Service, balancer: LoadBalancer) -> str:
    if not balancer.targets:
        return "the load balancer has no targets"
    for port in service.ports:
        if (port.protocol or "TCP") != "TCP" or not port.node_port:
            continue
        served = balancer.service(port.port)
        if served is None:
            return f"the load balancer does not listen on {port.port}"
        if served.destination_port != port.node_port:
            return f"the load balancer forwards {port.port} to another node port"
    if balancer.uid_label != (service.metadata.uid or ""):
        return "the load balancer is labelled for another Service"
    published = tuple(filter(None, (address_of(item.ip) for item in service.published)))
    if published and not set(published) & set(balancer.addresses):
        return "the Service's status names other addresses"
    return ""


def _moment(event: Event) -> float:
    moment = parse_time(event.when)
    return moment.timestamp() if moment else 0.0
