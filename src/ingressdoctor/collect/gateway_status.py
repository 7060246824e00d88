"""Read conditions of Gateway API objects: which are not as they should be. Pure; hostile input gives nothing.

Source: gateway-api: apis/v1/gateway_types.go (conditions and which value is good), gatewayclass_types.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ingressdoctor.evidence.gateway import GatewayCondition
from ingressdoctor.evidence.routes import Custom
from ingressdoctor.model.text import clean
from ingressdoctor.model.untyped import as_list, as_map, as_text

__all__ = ["accepted_by", "condition_of", "troubles_of"]

# Conditions of which True is bad; OverlappingTLSConfig is a remark.
_BAD_WHEN_TRUE: Final = ("Conflicted",)
_GOOD_WHEN_TRUE: Final = ("Accepted", "Programmed", "ResolvedRefs")
_WAITS: Final = ("Pending", "Waiting")


def condition_of(item: Custom, status: Mapping[str, Any] | None, name: str) -> GatewayCondition | None:
    """Return one condition of a status entry."""
    found = _conditions(item, (status or {}).get("conditions"), item.ref)
    return next((one for one in found if one.type == name), None)


def troubles_of(gateway: Custom, listeners: tuple[str, ...]) -> tuple[GatewayCondition, ...]:
    """Return the conditions of a Gateway and of some of its listeners that are not as they should be."""
    found = [one for one in _conditions(gateway, gateway.status.get("conditions"), gateway.ref) if _is_bad(one)]
    for raw in as_list(gateway.status.get("listeners")):
        name = as_text(as_map(raw).get("name"))
        if name in listeners:
            place = f"listener {name} of {gateway.ref}"
            conditions = _conditions(gateway, as_map(raw).get("conditions"), place)
            found += (one for one in conditions if _is_bad(one))
    # What a listener says is narrower than what the Gateway says of all of them.
    return tuple(sorted(found, key=lambda one: one.place == gateway.ref))


def accepted_by(gateway_class: Custom) -> str:
    """Say why no controller has accepted a GatewayClass; empty where one has."""
    found = _conditions(gateway_class, gateway_class.status.get("conditions"), gateway_class.ref)
    accepted = next((one for one in found if one.type == "Accepted"), None)
    if accepted is None:
        return "no controller has said anything about it"
    if accepted.status == "True":
        return ""
    return "no controller has accepted it yet" if accepted.reason in _WAITS else accepted.said


def _is_bad(condition: GatewayCondition) -> bool:
    if condition.type in _BAD_WHEN_TRUE:
        return condition.status == "True"
    return condition.type in _GOOD_WHEN_TRUE and condition.status in ("False", "Unknown")


def _conditions(item: Custom, raw: object, place: str) -> Iterator[GatewayCondition]:
    for entry in map(as_map, as_list(raw)):
        observed = entry.get("observedGeneration")
        generation = item.metadata.generation
        yield GatewayCondition(
            place=place,
            type=as_text(entry.get("type")),
            status=as_text(entry.get("status")),
            reason=clean(as_text(entry.get("reason")), 80),
            message=clean(as_text(entry.get("message")), 300),
            stale=isinstance(observed, int) and generation is not None and observed < generation,
        )
