"""Whether anything may be wrong with the routes of the target's host. Asks nobody, and judges nothing: it sorts out."""

from __future__ import annotations

from ingressdoctor.evidence.route_trouble import RouteTrouble
from ingressdoctor.evidence.routes import Outcome, RouteDecision
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.target import Target

__all__ = ["collect_route_trouble"]


@collector(wanted="which route takes the request")
async def collect_route_trouble(decision: RouteDecision | Unavailable, target: Target) -> RouteTrouble | Unavailable:
    """Return the decision only where a route was dropped, none or several take the request, or something is unread."""
    if isinstance(decision, Unavailable):
        return decision
    taken = decision.outcome is Outcome.ROUTED or decision.outcome is Outcome.REDIRECT
    if taken and not decision.dropped and not decision.limits:
        return RouteTrouble()
    return RouteTrouble(of=(decision, target))
