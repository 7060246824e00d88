"""What every Kubernetes object has. Source: meta/v1; apimachinery, managedFields (structured-merge-diff).

Every field may be missing or null in the wild, so every field has a default and nullable ones are read
through the accessors.
"""

from __future__ import annotations

from typing import Generic, TypeVar, cast

import msgspec

__all__ = [
    "Base",
    "Condition",
    "Field",
    "Loaded",
    "ManagedFields",
    "Meta",
    "ObjectReference",
    "OwnerReference",
    "Resource",
]


class Base(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Common settings: frozen, camelCase on the wire, unknown fields ignored."""


class OwnerReference(Base, frozen=True, kw_only=True):
    """metadata.ownerReferences[]."""

    kind: str | None = None
    name: str | None = None
    uid: str | None = None


class Field(Base, frozen=True, kw_only=True, gc=False):
    """One field in fieldsV1, of which nothing but its name is kept: what lies below would be half of every object."""


class ManagedFields(Base, frozen=True, kw_only=True):
    """metadata.managedFields[]: who set which fields, and when last.

    ``fields`` are those of the two upper levels, as ``{"f:spec": {"f:routes": ...}}``; ``subresource`` is "status" for
    what controllers report and "scale" for a change of the replicas alone.
    """

    manager: str | None = None
    operation: str | None = None
    subresource: str | None = None
    time: str | None = None
    fields: dict[str, dict[str, Field]] | None = msgspec.field(default=None, name="fieldsV1")

    @property
    def holds_data(self) -> bool:
        """Whether it set any of the data (of a ConfigMap)."""
        return any(key in (self.fields or {}) for key in ("f:data", "f:binaryData"))


class Meta(Base, frozen=True, kw_only=True):
    """metadata of every object."""

    name: str = ""
    namespace: str | None = None
    uid: str | None = None
    labels: dict[str, str | None] | None = None
    annotations: dict[str, str | None] | None = None
    generation: int | None = None
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    owner_references: tuple[OwnerReference, ...] | None = None
    managed_fields: tuple[ManagedFields, ...] | None = None


class Resource(Base, frozen=True, kw_only=True):
    """What every object has; the base of all kinds below."""

    kind: str | None = None
    api_version: str | None = None
    metadata: Meta = Meta()

    @property
    def name(self) -> str:
        """metadata.name."""
        return self.metadata.name

    @property
    def namespace(self) -> str:
        """metadata.namespace, empty for cluster-scoped objects."""
        return self.metadata.namespace or ""

    @property
    def labels(self) -> dict[str, str]:
        """Labels, nulls as empty strings."""
        return _without_nulls(self.metadata.labels)

    @property
    def annotations(self) -> dict[str, str]:
        """Annotations, nulls as empty strings."""
        return _without_nulls(self.metadata.annotations)

    @property
    def ref(self) -> str:
        """The object as it is named in findings: ``Service wecare/adveshop4``."""
        kind = self.kind or type(self).__name__
        return f"{kind} {self.namespace}/{self.name}" if self.namespace else f"{kind} {self.name}"


def _without_nulls(found: dict[str, str | None] | None) -> dict[str, str]:
    """Return nulls as empty strings; most objects have none, and what they hold is nobody's to change."""
    if not found:
        return {}
    if None in found.values():
        return {key: value or "" for key, value in found.items()}
    return cast("dict[str, str]", found)


class Condition(Base, frozen=True, kw_only=True):
    """One entry of status.conditions."""

    type: str = ""
    status: str = ""
    reason: str | None = None
    message: str | None = None
    last_transition_time: str | None = None


class ObjectReference(Base, frozen=True, kw_only=True):
    """A reference to another object."""

    kind: str | None = None
    name: str | None = None
    namespace: str | None = None


T = TypeVar("T", bound=Resource)


class Loaded(Base, Generic[T], frozen=True, kw_only=True):
    """The outcome of listing one kind.

    ``broken`` names objects that could not be decoded, with the reason; they are missing in ``items``.
    ``installed`` is False when the API server does not serve the kind at all (its CRD is not installed).
    """

    items: tuple[T, ...] = ()
    broken: tuple[str, ...] = ()
    installed: bool = True
