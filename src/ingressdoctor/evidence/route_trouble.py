"""Whether anything may be wrong with the routes of the target's host."""

from __future__ import annotations

import msgspec

from ingressdoctor.evidence.routes import RouteDecision
from ingressdoctor.model.target import Target

__all__ = ["RouteTrouble"]


class RouteTrouble(msgspec.Struct, frozen=True, kw_only=True):
    """The decision and the target that it is about, where something may be wrong with the host's routes.

    ``of`` is None where a live route takes the request, no other of the host was left out, and nothing is in doubt.
    Then it says nothing of the target: most hosts of a sweep have the same one, and are judged by it once.
    """

    of: tuple[RouteDecision, Target] | None = None
