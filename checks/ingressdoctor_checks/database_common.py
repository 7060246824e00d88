"""What the checks of mariadb-operator's objects share. Holds no check."""

from __future__ import annotations

from typing import Final

from ingressdoctor.api import Condition, DatabaseObjects, Finding, Inapplicable, Unavailable, skip, unknown

__all__ = ["RESOURCES", "objects_of", "said"]

RESOURCES: Final = "mariadb-operator's resources"


def objects_of(objects: DatabaseObjects | Unavailable) -> DatabaseObjects | Finding:
    """Return the operator's objects, or the finding that says why there are none to judge."""
    if isinstance(objects, Inapplicable):
        return skip(f"There is no namespace to look in: {objects.reason}.")
    if isinstance(objects, Unavailable):
        return unknown(
            f"The objects of mariadb-operator could not be read: {objects.reason}.", enable_with=objects.enable_with
        )
    if not objects.installed:
        return skip("mariadb-operator is not installed in this cluster.")
    return objects


def said(condition: Condition | None) -> str:
    """Return what a condition says, as a clause."""
    if condition is None:
        return "the operator says nothing of it yet"
    words = (condition.message or condition.reason or "no reason is given").strip().rstrip(".")
    return words[:200]
