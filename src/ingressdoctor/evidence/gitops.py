"""What Argo CD says of the objects that a request passes, on every walk."""

from __future__ import annotations

import msgspec

from ingressdoctor.evidence.certificates import Stated

__all__ = ["Applications", "OwnedObject", "OwningApplication", "PathOwners"]


class Applications(msgspec.Struct, frozen=True, kw_only=True):
    """Every Argo CD Application; ``installed`` is False where there is no Argo CD."""

    items: tuple[Stated, ...] = ()
    installed: bool = True


class OwningApplication(msgspec.Struct, frozen=True, kw_only=True):
    """An Application that tracks an object of the path, and how it is.

    ``operation`` is the phase of the last sync, ``message`` what came of it; ``trouble`` the first condition that is an
    error; ``automated`` tells that it syncs by itself, ``self_heal`` that repairs in the cluster are reverted.
    """

    name: str
    namespace: str
    sync: str = ""
    health: str = ""
    operation: str = ""
    message: str = ""
    trouble: str = ""
    automated: bool = False
    self_heal: bool = False

    @property
    def failed(self) -> bool:
        """Whether the last sync failed, or git cannot be compared at all."""
        return self.operation in ("Failed", "Error") or bool(self.trouble)


class OwnedObject(msgspec.Struct, frozen=True, kw_only=True):
    """An object of the path that an Application tracks: what Argo CD says of it, and whether the path lacks something.

    ``lacking`` says in words what the request misses that such an object would bring, empty where it misses nothing.
    """

    ref: str
    application: OwningApplication
    status: str = ""
    lacking: str = ""


class PathOwners(msgspec.Struct, frozen=True, kw_only=True):
    """The tracked objects of the path. ``objects`` is empty where none of them is tracked."""

    objects: tuple[OwnedObject, ...] = ()
