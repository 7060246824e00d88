"""ConfigMaps, with who edited them last. Source: kubernetes/api core/v1, meta/v1 managedFields.

Every field may be missing or null in the wild, so every field has a default and nullable ones are read
through the accessors.
"""

from __future__ import annotations

from ingressdoctor.evidence.kube.meta import Resource

__all__ = ["ConfigMap"]


class ConfigMap(Resource, frozen=True, kw_only=True):
    """core/v1 ConfigMap."""

    data: dict[str, str | None] | None = None
    binary_data: dict[str, str | None] | None = None

    @property
    def last_edit(self) -> tuple[str, str]:
        """When its data was last set and by whom, as (RFC 3339, field manager); both empty when nothing tells."""
        edits = [item for item in self.metadata.managed_fields or () if item.holds_data and item.time]
        last = max(edits, key=lambda item: item.time or "", default=None)
        if last is not None:
            return last.time or "", last.manager or ""
        return self.metadata.creation_timestamp or "", ""
