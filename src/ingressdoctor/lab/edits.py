"""Who edited an object, written down as the API server does: a fault was somebody's `kubectl edit`, minutes ago.

Only what people edit gets an entry in managedFields. What controllers make and report is no edit; a ConfigMap says
itself when it was edited, since who reads it may have started before or after. Pure but for the clock.

Source: Kubernetes documentation, "Server-Side Apply", managedFields.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ingressdoctor.lab.cluster import Object, mapping, name_of, namespace_of

AGO = timedelta(minutes=7)
_BY_CONTROLLERS = frozenset(
    {"Pod", "Node", "Event", "EndpointSlice", "ReplicaSet", "CertificateRequest", "Order", "Challenge", "ConfigMap"}
)
_META = ("annotations", "labels")


def as_edited(before: Iterable[Object], after: Iterable[Object]) -> tuple[Object, ...]:
    """The objects of *after*, each that differs from its likeness in *before* with an entry of who changed it."""
    known = {_key(item): item for item in before}
    now = datetime.now(UTC)
    return tuple(_edited(known.get(_key(item)), item, now) for item in after)


def _key(item: Object) -> tuple[str, str, str, str]:
    return str(item["apiVersion"]), str(item["kind"]), namespace_of(item), name_of(item)


def _edited(before: Object | None, after: Object, now: datetime) -> Object:
    meta = mapping(after.get("metadata"))
    fields = _difference(before or {}, after)
    if not fields or after["kind"] in _BY_CONTROLLERS or _says_itself(before, meta):
        return after
    made = str(meta.get("creationTimestamp") or "") if before is None else ""
    entry = {
        "manager": "kubectl-create" if before is None else "kubectl-edit",
        "operation": "Update",
        "apiVersion": after["apiVersion"],
        "time": made or (now - AGO).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }
    return {**after, "metadata": {**meta, "managedFields": [*(meta.get("managedFields") or ()), entry]}}


def _says_itself(before: Object | None, meta: Mapping[str, Any]) -> bool:
    """Whether the fault has written managedFields of its own."""
    old = mapping(before.get("metadata")).get("managedFields") if before is not None else None
    return meta.get("managedFields") != old


def _difference(before: Object, after: Object) -> dict[str, Any]:
    """The fields of the two upper levels that differ, as fieldsV1."""
    found: dict[str, Any] = {}
    for top in sorted({*before, *after} - {"apiVersion", "kind", "status"}):
        old, new = before.get(top), after.get(top)
        if isinstance(old, Mapping) or isinstance(new, Mapping):
            names = {*mapping(old), *mapping(new)}
            names = names & set(_META) if top == "metadata" else names
            changed = [name for name in sorted(names) if mapping(old).get(name) != mapping(new).get(name)]
            found |= {f"f:{top}": {f"f:{name}": {} for name in changed}} if changed else {}
        elif old != new:
            found[f"f:{top}"] = {}
    return found
