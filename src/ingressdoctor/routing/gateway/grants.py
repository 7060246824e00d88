"""Whether a ReferenceGrant lets an object refer into another namespace.

Source: gateway-api: apis/v1beta1/referencegrant_types.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ingressdoctor.evidence.routes import Custom
from ingressdoctor.model.untyped import as_list, as_map, as_text
from ingressdoctor.routing.gateway.shapes import GROUP

__all__ = ["is_granted"]


def is_granted(source: tuple[str, str], target: tuple[str, str, str, str], grants: Iterable[Custom]) -> bool:
    """Tell whether an object may refer to another.

    Args:
        source: Kind of the Gateway API, and namespace.
        target: Group (empty for core), kind, namespace and name.
        grants: Every ReferenceGrant of the cluster.
    """
    group, kind, namespace, name = target
    if source[1] == namespace:
        return True
    return any(
        item.namespace == namespace
        and any(_from(as_map(raw), source) for raw in as_list(item.spec.get("from")))
        and any(_to(as_map(raw), (group, kind, name)) for raw in as_list(item.spec.get("to")))
        for item in grants
    )


def _from(raw: Mapping[str, Any], source: tuple[str, str]) -> bool:
    return raw.get("group") == GROUP and (raw.get("kind"), raw.get("namespace")) == source


def _to(raw: Mapping[str, Any], target: tuple[str, str, str]) -> bool:
    group, kind, name = target
    same = (as_text(raw.get("group")), raw.get("kind")) == (group, kind)
    return same and as_text(raw.get("name")) in ("", name)
