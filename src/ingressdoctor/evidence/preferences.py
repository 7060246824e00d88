"""What the operator configured that collectors and checks may take into account."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Preferences"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """Given to every run. ``load_balancer`` names the one in front of the controller, empty to find it by evidence."""

    load_balancer: str = ""
    kube_context: str = ""
