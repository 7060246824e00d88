"""Find out whether policies of the network plugin's own kinds exist. They are named, never evaluated.

Asked only when a verdict leaves a doubt: one request for the API groups, then one for each kind that is served. Reads
metadata and nothing of what the policies say. Sources: cilium.io/v2; crd.projectcalico.org/v1; crd.antrea.io/v1beta1;
policy.networking.k8s.io/v1alpha1 and v1alpha2.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from ingressdoctor.collect.kinds import Kind
from ingressdoctor.collect.kube import list_kind
from ingressdoctor.collect.together import together
from ingressdoctor.errors import SourceError
from ingressdoctor.evidence.kube import Loaded, Resource
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.sources.base import Kubernetes

__all__ = ["is_plugin_policy", "plugin_policies"]

# (kind, plural, whether it lives in a namespace) by API group.
_KINDS: Final = {
    "cilium.io": (
        ("CiliumNetworkPolicy", "ciliumnetworkpolicies", True),
        ("CiliumClusterwideNetworkPolicy", "ciliumclusterwidenetworkpolicies", False),
    ),
    "crd.projectcalico.org": (
        ("NetworkPolicy", "networkpolicies", True),
        ("GlobalNetworkPolicy", "globalnetworkpolicies", False),
    ),
    "crd.antrea.io": (
        ("NetworkPolicy", "networkpolicies", True),
        ("ClusterNetworkPolicy", "clusternetworkpolicies", False),
    ),
    "policy.networking.k8s.io": (
        ("AdminNetworkPolicy", "adminnetworkpolicies", False),
        ("BaselineAdminNetworkPolicy", "baselineadminnetworkpolicies", False),
        ("ClusterNetworkPolicy", "clusternetworkpolicies", False),
    ),
}
_NAMED: Final = 3


def is_plugin_policy(group: str, kind: str) -> bool:
    """Tell whether a kind holds policies of some network plugin's own; Calico serves its by a second group, too."""
    known = _KINDS.get("crd.projectcalico.org" if group == "projectcalico.org" else group, ())
    return any(name == kind for name, _, _ in known)


async def plugin_policies(kube: Kubernetes, namespaces: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return (policies that exist, what could not be looked at), both as texts.

    Args:
        kube: The cluster.
        namespaces: Those of both ends; of kinds without a namespace every policy counts.
    """
    try:
        served = await _served(kube)
        if served is None:
            return (), ("which policies of the network plugin's own exist is not known: /apis was not answered",)
        lists = await together(*(list_kind(kube, kind) for kind in served))
    except SourceError as error:
        return (), (f"the policies of the network plugin's own kinds could not be asked for: {error.message}",)
    answers = tuple(zip(served, lists, strict=True))
    found = tuple(
        text
        for kind, loaded in answers
        if isinstance(loaded, Loaded)
        for text in _texts(kind, loaded, namespaces if kind.namespaced else ("",))
    )
    gaps = tuple(
        f"{_name(kind)} could not be read: {loaded.reason}"
        for kind, loaded in answers
        if isinstance(loaded, Unavailable)
    )
    return found, gaps


async def _served(kube: Kubernetes) -> tuple[Kind[Resource], ...] | None:
    """Return the plugins' kinds whose API group this cluster serves, in the group's preferred version."""
    answer = await kube.get("/apis", {})
    if answer.status != 200:
        return None
    try:
        groups = msgspec.json.decode(answer.body)["groups"]
        versions = {str(item["name"]): str(item["preferredVersion"]["version"]) for item in groups}
    except (msgspec.MsgspecError, RecursionError, KeyError, TypeError):
        return None
    return tuple(
        Kind(Resource, kind, group, versions[group], plural, namespaced=namespaced, custom=True)
        for group, kinds in _KINDS.items()
        if group in versions
        for kind, plural, namespaced in kinds
    )


def _name(kind: Kind[Any]) -> str:
    return kind.name if kind.name.startswith("Cilium") else f"{kind.name} ({kind.group})"


def _texts(kind: Kind[Resource], loaded: Loaded[Resource], places: tuple[str, ...]) -> Iterator[str]:
    """Yield how many policies there are in each place, with the first names."""
    for place in places:
        mine = [item.name for item in loaded.items if item.namespace == place or not place]
        if mine:
            where = f" of namespace {place}" if place else ""
            yield f"{len(mine)} {_name(kind)}{where} ({', '.join(mine[:_NAMED])})"
    if loaded.broken:
        yield f"{len(loaded.broken)} {_name(kind)} of an unexpected shape"
