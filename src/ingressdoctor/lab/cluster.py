"""Read-only view of a world's Kubernetes objects for the data plane: pods, nodes, Services and their endpoints.

Objects come from files that faults have patched, so every field may be missing or of the wrong type: the helpers
give empty values instead of raising. No routing decision is made here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Object = Mapping[str, Any]


def mapping(value: object) -> Mapping[str, Any]:
    """*value* when it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def sequence(value: object) -> Sequence[Any]:
    """*value* when it is a list or tuple, else an empty one."""
    return value if isinstance(value, list | tuple) else ()


def text(value: object) -> str:
    """*value* when it is a string, "" for None, else its plain form."""
    return "" if value is None else str(value)


def dig(item: object, *keys: str) -> Any:  # noqa: ANN401  # the value of a JSON document
    """The value below nested mappings; None when any step is missing."""
    for key in keys:
        item = mapping(item).get(key)
    return item


def name_of(item: Object) -> str:
    """metadata.name."""
    return text(dig(item, "metadata", "name"))


def namespace_of(item: Object) -> str:
    """metadata.namespace; "" for cluster-wide objects."""
    return text(dig(item, "metadata", "namespace"))


def labels_of(item: Object) -> Mapping[str, Any]:
    """metadata.labels."""
    return mapping(dig(item, "metadata", "labels"))


def annotation(item: Object, key: str) -> str:
    """One annotation; "" when absent."""
    return text(mapping(dig(item, "metadata", "annotations")).get(key))


def matches(labels: Mapping[str, Any], selector: object) -> bool:
    """Whether *labels* satisfy a label selector (matchLabels and matchExpressions); {} matches everything."""
    wanted = mapping(mapping(selector).get("matchLabels"))
    if any(text(labels.get(key)) != text(value) or key not in labels for key, value in wanted.items()):
        return False
    return all(_expression(labels, mapping(item)) for item in sequence(mapping(selector).get("matchExpressions")))


def _expression(labels: Mapping[str, Any], item: Mapping[str, Any]) -> bool:
    key, values = text(item.get("key")), tuple(map(text, sequence(item.get("values"))))
    present = key in labels
    match item.get("operator"):
        case "In":
            return present and text(labels[key]) in values
        case "NotIn":
            return not present or text(labels[key]) not in values
        case "Exists":
            return present
        case "DoesNotExist":
            return not present
        case _:
            return False


def is_running(pod: Object, container: str) -> bool:
    """Whether a container of the pod is in state running; without a status, whether the pod's phase is."""
    for status in sequence(dig(pod, "status", "containerStatuses")):
        if mapping(status).get("name") == container:
            return "running" in mapping(mapping(status).get("state"))
    return bool(dig(pod, "status", "phase") == "Running")


def pod_address(pod: Object) -> str:
    """The pod's IP; "" when it has none (any more)."""
    if dig(pod, "status", "phase") in {"Succeeded", "Failed"}:
        return ""
    return text(dig(pod, "status", "podIP"))


def on_host_network(pod: Object) -> bool:
    """Whether the pod shares its node's network."""
    return bool(dig(pod, "spec", "hostNetwork") is True)


def addresses(node: Object) -> Mapping[str, tuple[str, ...]]:
    """A node's addresses by type (InternalIP, ExternalIP)."""
    found: dict[str, tuple[str, ...]] = {}
    for item in sequence(dig(node, "status", "addresses")):
        kind = text(mapping(item).get("type"))
        found[kind] = (*found.get(kind, ()), text(mapping(item).get("address")))
    return found


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One endpoint of a Service port: a pod address with the target port."""

    ip: str
    port: int
    node: str
    ready: bool
    serving: bool
    terminating: bool


class Cluster:
    """A world's objects, indexed."""

    def __init__(self, objects: Iterable[Object]) -> None:
        """*objects* with EndpointSlices."""
        self._by_kind: dict[str, list[Object]] = {}
        self._by_key: dict[tuple[str, str, str], Object] = {}
        self._slices: dict[tuple[str, str], list[Object]] = {}
        for item in objects:
            kind = text(item.get("kind"))
            self._by_kind.setdefault(kind, []).append(item)
            self._by_key[kind, namespace_of(item), name_of(item)] = item
            if kind == "EndpointSlice":
                service = text(labels_of(item).get("kubernetes.io/service-name"))
                self._slices.setdefault((namespace_of(item), service), []).append(item)

    def all(self, kind: str, group: str = "") -> tuple[Object, ...]:
        """Every object of a kind, optionally of one API group only."""
        return tuple(
            item
            for item in self._by_kind.get(kind, ())
            if not group or text(item.get("apiVersion")).partition("/")[0] == group
        )

    def get(self, kind: str, namespace: str, name: str) -> Object | None:
        """One object, or None."""
        return self._by_key.get((kind, namespace, name))

    def endpoints(self, namespace: str, service: str, port_name: str) -> tuple[Endpoint, ...]:
        """Endpoints of the Service port called *port_name* ("" for an unnamed one), ready or not."""
        found: dict[str, Endpoint] = {}
        for item in self._slices.get((namespace, service), ()):
            for port in sequence(item.get("ports")):
                number = mapping(port).get("port")
                if text(mapping(port).get("name")) != port_name or not isinstance(number, int):
                    continue
                for entry in map(mapping, sequence(item.get("endpoints"))):
                    found.update({point.ip: point for point in _points(entry, number)})
        return tuple(found.values())


def _points(entry: Mapping[str, Any], port: int) -> Iterable[Endpoint]:
    conditions = mapping(entry.get("conditions"))
    ready = conditions.get("ready") is not False
    for ip in sequence(entry.get("addresses")):
        yield Endpoint(
            ip=text(ip),
            port=port,
            node=text(entry.get("nodeName")),
            ready=ready,
            serving=ready if conditions.get("serving") is None else conditions.get("serving") is True,
            terminating=conditions.get("terminating") is True,
        )
