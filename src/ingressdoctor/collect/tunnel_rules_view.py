"""What the rules of the tunnel that a name leads to do with a request, as ``ingressdoctor route`` shows it. No I/O."""

from __future__ import annotations

from ingressdoctor.collect.rules_view import judged_rules
from ingressdoctor.evidence.rules_view import RulesView
from ingressdoctor.evidence.tunnel import TunnelRoute
from ingressdoctor.evidence.tunnel_rules import TunnelConfig
from ingressdoctor.model.target import Target
from ingressdoctor.routing.cloudflared import Configuration

__all__ = ["rules_of_route"]


def rules_of_route(route: TunnelRoute, target: Target) -> RulesView | None:
    """Return what the rules of the tunnel that a name leads to do with a request; None where it leads to none.

    Raises:
        UsageError: the rules are more than can be judged.
    """
    config = route.config
    if not route.certain or not isinstance(config, TunnelConfig) or not isinstance(config.written, Configuration):
        return None
    return judged_rules(config.source.ref, config.written, target, "")
