"""What the operator configured that collectors and checks may take into account."""

from __future__ import annotations

import msgspec

__all__ = ["Preferences"]


class Preferences(msgspec.Struct, frozen=True, kw_only=True):
    """Given to every run. ``load_balancer`` names the one in front of the controller, empty to find it by evidence."""

    load_balancer: str = ""
    kube_context: str = ""
