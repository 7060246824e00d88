"""Which resources the simulated API server knows, and the objects of each: built-in kinds plus the world's CRDs.

An object whose kind is neither is a LabError: a world must say which custom resources its cluster has. Pure.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ingressdoctor.errors import LabError
from ingressdoctor.lab.cluster import Object, dig, mapping, name_of, namespace_of, sequence, text

RESOURCE_VERSION = "41823077"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One resource type; *custom* ones carry kind and apiVersion in list items, built-in ones do not."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    custom: bool = False

    @property
    def api_version(self) -> str:
        """'v1' or 'apps/v1'."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """'pods' or 'deployments.apps', as the API server words it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


def _builtin(group: str, version: str, *pairs: str, namespaced: bool = True) -> tuple[Resource, ...]:
    split = (pair.split("/") for pair in pairs)
    return tuple(
        Resource(group=group, version=version, plural=plural, kind=kind, namespaced=namespaced)
        for plural, kind in split
    )


BUILTIN: tuple[Resource, ...] = (
    *_builtin("", "v1", "namespaces/Namespace", "nodes/Node", "persistentvolumes/PersistentVolume", namespaced=False),
    *_builtin("", "v1", "configmaps/ConfigMap", "endpoints/Endpoints", "events/Event", "pods/Pod"),
    *_builtin("", "v1", "persistentvolumeclaims/PersistentVolumeClaim", "resourcequotas/ResourceQuota"),
    *_builtin("", "v1", "secrets/Secret", "serviceaccounts/ServiceAccount", "services/Service"),
    *_builtin("apps", "v1", "daemonsets/DaemonSet", "deployments/Deployment", "replicasets/ReplicaSet"),
    *_builtin("apps", "v1", "statefulsets/StatefulSet"),
    *_builtin("batch", "v1", "cronjobs/CronJob", "jobs/Job"),
    *_builtin("discovery.k8s.io", "v1", "endpointslices/EndpointSlice"),
    *_builtin("networking.k8s.io", "v1", "ingressclasses/IngressClass", namespaced=False),
    *_builtin("networking.k8s.io", "v1", "ingresses/Ingress", "networkpolicies/NetworkPolicy"),
    *_builtin("policy", "v1", "poddisruptionbudgets/PodDisruptionBudget"),
    *_builtin(
        *("admissionregistration.k8s.io", "v1", "validatingwebhookconfigurations/ValidatingWebhookConfiguration"),
        namespaced=False,
    ),
    *_builtin("apiextensions.k8s.io", "v1", "customresourcedefinitions/CustomResourceDefinition", namespaced=False),
)


def _custom(definition: Object) -> Iterable[Resource]:
    spec = mapping(definition.get("spec"))
    for version in map(mapping, sequence(spec.get("versions"))):
        if version.get("served", True):
            yield Resource(
                group=text(spec.get("group")),
                version=text(version.get("name")),
                plural=text(dig(spec, "names", "plural")),
                kind=text(dig(spec, "names", "kind")),
                namespaced=spec.get("scope") != "Cluster",
                custom=True,
            )


class Catalogue:
    """The resources of one world and their objects, sorted as the API server sorts them (namespace, name)."""

    def __init__(self, objects: Iterable[Object]) -> None:
        """Index *objects* (with EndpointSlices); LabError for a kind nobody defines."""
        known = tuple(objects)
        definitions = (item for item in known if item["kind"] == "CustomResourceDefinition")
        custom = tuple(resource for item in definitions for resource in _custom(item))
        self.resources = BUILTIN + custom
        by_kind = {(resource.group, resource.kind): resource for resource in self.resources}
        self._objects: dict[Resource, list[Object]] = {resource: [] for resource in self.resources}
        for item in known:
            group = text(item["apiVersion"]).rpartition("/")[0]
            resource = by_kind.get((group, item["kind"]))
            if resource is None:
                raise LabError(
                    f"the world has a {item['apiVersion']} {item['kind']} named {name_of(item)}, "
                    "but no CustomResourceDefinition for it"
                )
            self._objects[resource].append(_served(item))
        self._spaces: dict[tuple[Resource, str], list[Object]] = {}
        for resource, found in self._objects.items():
            found.sort(key=lambda item: (namespace_of(item), name_of(item)))
            for item in found:
                self._spaces.setdefault((resource, namespace_of(item)), []).append(item)

    def find(self, group: str, version: str, plural: str) -> Resource | None:
        """The resource at a path, or None when the server has no such path."""
        wanted = (group, version, plural)
        return next((item for item in self.resources if (item.group, item.version, item.plural) == wanted), None)

    def objects(self, resource: Resource, namespace: str) -> Sequence[Object]:
        """Objects of a resource, of one namespace or ("") of all."""
        return self._spaces.get((resource, namespace), []) if namespace else self._objects[resource]

    def groups(self) -> Mapping[str, tuple[str, ...]]:
        """API groups with their versions."""
        found: dict[str, tuple[str, ...]] = {}
        for resource in self.resources:
            versions = found.get(resource.group, ())
            found[resource.group] = versions if resource.version in versions else (*versions, resource.version)
        return found


def _served(item: Object) -> dict[str, Any]:
    """The object as the API answers it: with a resourceVersion."""
    meta = dict(mapping(item.get("metadata")))
    meta.setdefault("resourceVersion", RESOURCE_VERSION)
    return {**item, "metadata": meta}
