"""Where kube-proxy on one node sends a connection to a Service.

Pure. What Traefik makes of the same EndpointSlices is the job of ``service``. Source: kubernetes
pkg/proxy/{endpointslicecache,topology}.go and pkg/proxy/util/utils.go (ShouldSkipService).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

from ingressdoctor.evidence.backend import BackendEndpoint
from ingressdoctor.evidence.kube import (
    Endpoint,
    EndpointConditions,
    EndpointHints,
    EndpointSlice,
    Service,
    ServicePort,
)
from ingressdoctor.routing.service import is_address, slices_of

__all__ = ["Seat", "Sent", "sent_by_kube_proxy"]


class Seat(msgspec.Struct, frozen=True, kw_only=True):
    """Where a kube-proxy sits, and for which address family it answers."""

    node: str = ""
    zone: str = ""
    family: str = "IPv4"


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """Where a connection may go. Without ``endpoints`` it is refused, or dropped when only other nodes have some.

    ``handled`` is False for Services that kube-proxy does not serve at all: headless ones and ExternalName.
    """

    endpoints: tuple[BackendEndpoint, ...] = ()
    dropped: bool = False
    handled: bool = True


class _Known(msgspec.Struct, frozen=True):
    endpoint: BackendEndpoint
    zones: frozenset[str]
    nodes: frozenset[str]


def sent_by_kube_proxy(
    service: Service,
    port: ServicePort,
    slices: Iterable[EndpointSlice],
    seat: Seat | None = None,
    *,
    external: bool = False,
) -> Sent:
    """Return where kube-proxy sends a connection to the Service's clusterIP, or (*external*) to its node port.

    Ready endpoints, near ones where the slices' hints ask for it; when none is ready, those that still serve while
    they terminate. With the traffic policy Local only those on the same node.
    """
    spec, place = service.spec, seat or Seat()
    if spec.type == "ExternalName" or spec.cluster_ip == "None":
        return Sent(handled=False)
    known = _known(service, port, slices, place.family)
    policy = spec.external_traffic_policy if external else spec.internal_traffic_policy
    anywhere = _ready_or_draining(known)
    if policy != "Local":
        return Sent(endpoints=_ends(filter(_near(known, place), anywhere)))
    here = _ends(_ready_or_draining([item for item in known if place.node and item.endpoint.node == place.node]))
    return Sent(endpoints=here, dropped=bool(anywhere) and not here)


def _known(service: Service, port: ServicePort, slices: Iterable[EndpointSlice], family: str) -> tuple[_Known, ...]:
    """Return the endpoints of a port: by name and protocol, of one family; of several addresses only the first."""
    found: dict[tuple[str, int], _Known] = {}
    for item in slices_of(service, slices):
        numbers = tuple(
            entry.port
            for entry in item.ports or ()
            if entry.port
            and (entry.name or "") == (port.name or "")
            and (entry.protocol or "TCP") == (port.protocol or "TCP")
        )
        for endpoint in item.endpoints or ():
            address = next(iter(endpoint.addresses or ()), "")
            if is_address(address, family):
                for number in numbers:
                    found.setdefault((address, number), _of(endpoint, address, number, family))
    return tuple(found.values())


def _of(endpoint: Endpoint, address: str, number: int, family: str) -> _Known:
    said = endpoint.conditions or EndpointConditions()
    hints = endpoint.hints or EndpointHints()
    return _Known(
        BackendEndpoint(
            address=address,
            port=number,
            pod=(endpoint.target_ref.name or "") if endpoint.target_ref else "",
            node=endpoint.node_name or "",
            family=family,
            ready=said.ready is not False,
            serving=said.serving is not False,
            terminating=said.terminating is True,
        ),
        frozenset(item.name for item in hints.for_zones or () if item.name),
        frozenset(item.name for item in hints.for_nodes or () if item.name),
    )


def _ready_or_draining(candidates: Sequence[_Known]) -> tuple[_Known, ...]:
    ready = tuple(item for item in candidates if item.endpoint.ready)
    return ready or tuple(item for item in candidates if item.endpoint.serving and item.endpoint.terminating)


def _near(known: Sequence[_Known], seat: Seat) -> Callable[[_Known], bool]:
    """Return which endpoints the hints prefer: all of them, unless every ready one has a hint and one is for us."""
    ready = [item for item in known if item.endpoint.ready]
    if ready and all(item.nodes for item in ready) and any(seat.node in item.nodes for item in ready):
        return lambda item: seat.node in item.nodes
    if ready and all(item.zones for item in ready) and any(seat.zone in item.zones for item in ready):
        return lambda item: seat.zone in item.zones
    return lambda _: True


def _ends(items: Iterable[_Known]) -> tuple[BackendEndpoint, ...]:
    return tuple(item.endpoint for item in items)
