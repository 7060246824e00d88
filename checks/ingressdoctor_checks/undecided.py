"""What a check says about the host's routes and what lies behind them when it cannot be told which route it is.

Holds no check. Nothing behind a route that could not be read is ever called fine, or absent.
"""

from __future__ import annotations

from typing import Final

from ingressdoctor.api import Finding, Outcome, RouteDecision, unknown

__all__ = ["undecided"]

_GRANT: Final = "Allow list on ingressroutes, middlewares (traefik.io), ingresses and ingressclasses."


def undecided(decision: RouteDecision) -> Finding | None:
    """Return the finding for an undecided route, or None when it is known what happens to the request."""
    if decision.outcome is not Outcome.UNDECIDED:
        return None
    why = "; ".join(decision.limits) or "no reason given"
    return unknown(f"Which route takes {decision.request.host} cannot be told: {why}.", enable_with=_GRANT)
