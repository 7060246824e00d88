"""EndpointSlices, derived from Services and pods as the cluster's own controller derives them.

Rules of the endpointslice controller (Kubernetes: staging/src/k8s.io/endpointslice, pkg/controller/endpointslice):
a Service with a selector gets slices labelled `kubernetes.io/service-name`; a pod that succeeded, failed or has
no IP is left out, a pod that is not Ready is in with ready false; slice ports are named as the Service's; a named
targetPort is looked up in each pod, and a pod that lacks it lands in a slice without that port. Where the world's files
hold slices that this controller manages, it has stood still since, and nothing is derived. Pure: no I/O.
"""

from __future__ import annotations

import hashlib
import ipaddress
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ingressdoctor.lab.cluster import (
    Object,
    dig,
    labels_of,
    mapping,
    matches,
    name_of,
    namespace_of,
    pod_address,
    sequence,
    text,
)

MAX_ENDPOINTS = 100
MANAGED_BY = "endpointslice-controller.k8s.io"
MANAGER = "endpointslice.kubernetes.io/managed-by"
SERVICE = "kubernetes.io/service-name"

_Ports = tuple[tuple[str, int, str, str], ...]
"""(name, number, protocol, appProtocol) of one slice."""


def with_endpoint_slices(objects: Iterable[Object]) -> tuple[Object, ...]:
    """The objects with the slices their Services and pods bring about."""
    known = tuple(objects)
    return known + endpoint_slices(known)


def endpoint_slices(objects: Iterable[Object]) -> tuple[Object, ...]:
    """The slices of every Service with a selector, in the order of the Services."""
    known = tuple(objects)
    pods: dict[str, list[Object]] = {}
    for item in known:
        if item["kind"] == "Pod" and pod_address(item):
            pods.setdefault(namespace_of(item), []).append(item)
    kept = {(namespace_of(item), labels_of(item).get(SERVICE)) for item in known if _is_managed(item)}
    services = (item for item in known if item["kind"] == "Service" and item["apiVersion"] == "v1")
    derived = (item for item in services if (namespace_of(item), name_of(item)) not in kept)
    return tuple(piece for service in derived for piece in _slices(service, pods.get(namespace_of(service), [])))


def _is_managed(item: Object) -> bool:
    return item["kind"] == "EndpointSlice" and labels_of(item).get(MANAGER) == MANAGED_BY


def _slices(service: Object, pods: Sequence[Object]) -> Iterable[Object]:
    selector = mapping(dig(service, "spec", "selector"))
    if not selector or dig(service, "spec", "type") == "ExternalName":
        return
    groups: dict[tuple[str, _Ports], list[Mapping[str, Any]]] = {}
    for pod in pods:
        if matches(labels_of(pod), {"matchLabels": selector}):
            family = "IPv6" if ipaddress.ip_address(pod_address(pod)).version == 6 else "IPv4"
            groups.setdefault((family, _ports(service, pod)), []).append(_endpoint(service, pod))
    for (family, ports), endpoints in (groups or {("IPv4", ()): []}).items():
        for start in range(0, len(endpoints) or 1, MAX_ENDPOINTS):
            yield _slice(service, family, ports, endpoints[start : start + MAX_ENDPOINTS])


def _ports(service: Object, pod: Object) -> _Ports:
    """The Service's ports as this pod resolves them; one it cannot resolve is left out."""
    found: list[tuple[str, int, str, str]] = []
    for port in map(mapping, sequence(dig(service, "spec", "ports"))):
        protocol = text(port.get("protocol")) or "TCP"
        target = port.get("targetPort") or port.get("port")
        number = target if isinstance(target, int) else _named(pod, text(target), protocol)
        if number is not None:
            found.append((text(port.get("name")), number, protocol, text(port.get("appProtocol"))))
    return tuple(found)


def _named(pod: Object, name: str, protocol: str) -> int | None:
    """Number of a named container port: containers first, then restartable init containers."""
    sidecars = [
        item
        for item in map(mapping, sequence(dig(pod, "spec", "initContainers")))
        if item.get("restartPolicy") == "Always"
    ]
    for container in (*map(mapping, sequence(dig(pod, "spec", "containers"))), *sidecars):
        for port in map(mapping, sequence(container.get("ports"))):
            number = port.get("containerPort")
            same_protocol = (text(port.get("protocol")) or "TCP") == protocol
            if port.get("name") == name and same_protocol and isinstance(number, int):
                return number
    return int(name) if name.isdigit() else None


def _is_ready(pod: Object) -> bool:
    return any(
        condition.get("type") == "Ready" and condition.get("status") == "True"
        for condition in map(mapping, sequence(dig(pod, "status", "conditions")))
    )


def _endpoint(service: Object, pod: Object) -> Mapping[str, Any]:
    ready = _is_ready(pod)
    terminating = bool(dig(pod, "metadata", "deletionTimestamp"))
    endpoint: dict[str, Any] = {
        "addresses": [pod_address(pod)],
        "conditions": {
            "ready": dig(service, "spec", "publishNotReadyAddresses") is True or (ready and not terminating),
            "serving": ready,
            "terminating": terminating,
        },
        "targetRef": {
            "kind": "Pod",
            "namespace": namespace_of(pod),
            "name": name_of(pod),
            "uid": text(dig(pod, "metadata", "uid")),
        },
    }
    if node := text(dig(pod, "spec", "nodeName")):
        endpoint["nodeName"] = node
    return endpoint


def _slice(service: Object, family: str, ports: _Ports, endpoints: list[Mapping[str, Any]]) -> Object:
    marks = repr((namespace_of(service), name_of(service), family, ports, [item["addresses"] for item in endpoints]))
    suffix = hashlib.sha256(marks.encode()).hexdigest()[:5]
    labels = {
        **{key: value for key, value in labels_of(service).items() if not key.startswith("endpointslice.")},
        MANAGER: MANAGED_BY,
        SERVICE: name_of(service),
    }
    if dig(service, "spec", "clusterIP") == "None":
        labels["service.kubernetes.io/headless"] = ""
    owner = {
        "apiVersion": "v1",
        "kind": "Service",
        "name": name_of(service),
        "uid": text(dig(service, "metadata", "uid")),
        "controller": True,
        "blockOwnerDeletion": True,
    }
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{name_of(service)}-{suffix}",
            "generateName": f"{name_of(service)}-",
            "namespace": namespace_of(service),
            "uid": str(uuid.uuid5(uuid.NAMESPACE_OID, marks)),
            "creationTimestamp": text(dig(service, "metadata", "creationTimestamp")) or None,
            "labels": labels,
            "ownerReferences": [owner],
        },
        "addressType": family,
        # An empty list comes back from the API server as null.
        "endpoints": endpoints or None,
        "ports": [
            {"name": name, "port": number, "protocol": protocol} | ({"appProtocol": app} if app else {})
            for name, number, protocol, app in ports
        ]
        or None,
    }
