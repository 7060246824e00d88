"""What the checks of cloudflared's rules share: whether there are rules to judge, and what was seen of the origin.

Holds no check and judges nothing.
"""

from __future__ import annotations

from typing import Final

import msgspec

from ingressdoctor.api import (
    Clock,
    CloudflaredLogs,
    Command,
    Finding,
    LoggedSignature,
    OutsideProbe,
    Remedy,
    TunnelConfig,
    TunnelOrigin,
    TunnelRoute,
    TunnelRule,
    Unavailable,
    look,
    skip,
    unknown,
)
from ingressdoctor_checks.outside_view import came_through
from ingressdoctor_checks.tunnel_workloads import edit_config, errors_of_edge, logs_command, restart

__all__ = [
    "STEP",
    "Ruled",
    "complaint",
    "config_of",
    "curl",
    "empty_answer",
    "remedy_of",
    "routes_command",
    "ruled",
]

STEP: Final = "rules"
_RECENT_S: Final = 3_600.0
_BAD_GATEWAY: Final = frozenset((502, 504))


class Ruled(msgspec.Struct, frozen=True, kw_only=True):
    """A request that a rule takes: the configuration, the rule, and where it leads."""

    route: TunnelRoute
    config: TunnelConfig
    rule: TunnelRule
    origin: TunnelOrigin


def config_of(route: TunnelRoute | Unavailable) -> tuple[TunnelRoute, TunnelConfig] | Finding:
    """Return the configuration that decides, or the finding that says why there is none to judge."""
    if isinstance(route, Unavailable):
        if not route.enable_with:
            return skip(f"There are no rules to look at: {route.reason}.")
        return unknown(f"cloudflared's rules could not be looked at: {route.reason}.", enable_with=route.enable_with)
    if isinstance(route.config, Unavailable):
        gap = route.config
        return unknown(f"cloudflared's rules could not be read: {gap.reason}.", enable_with=gap.enable_with)
    return route, route.config


def ruled(route: TunnelRoute | Unavailable) -> Ruled | Finding:
    """Return the rule that is meant for the request, or the finding that says why there is none to judge."""
    found = config_of(route)
    if isinstance(found, Finding):
        return found
    way, config = found
    if config.error:
        return skip("cloudflared refuses this configuration, so none of its rules takes anything.")
    if way.rule is None or way.origin is None:
        return skip("No rule takes the request.")
    if not way.named and way.origin.status:
        return skip("Only the catch-all takes the request; see the other findings of this step.")
    return Ruled(route=way, config=config, rule=way.rule, origin=way.origin)


def remedy_of(found: Ruled, text: str) -> Remedy:
    """Return a remedy that changes the configuration, and the log that shows recovery."""
    workload = next(iter(found.route.workloads), None)
    return Remedy(
        text=text,
        commands=(*edit_config(found.config.source), *((restart(workload),) if workload is not None else ())),
        proof=logs_command(workload) if workload is not None else None,
    )


def complaint(
    logs: CloudflaredLogs | Unavailable, probe: OutsideProbe | Unavailable, clock: Clock, *codes: str
) -> tuple[LoggedSignature | None, bool]:
    """Return (what the log says of this origin in one of *codes*, whether visitors meet it now)."""
    if isinstance(logs, Unavailable):
        return None, False
    broken = errors_of_edge(probe) in _BAD_GATEWAY
    unseen = isinstance(probe, Unavailable) or bool(probe.access_login)
    for item in logs.of(*codes):
        age = clock.seconds_since(item.when)
        if item.ours and (broken or (age is not None and age < _RECENT_S)):
            return item, broken or unseen
    return None, False


def empty_answer(probe: OutsideProbe | Unavailable, status: int) -> bool:
    """Tell whether the answer has a status and no body at all, as cloudflared's own answers have."""
    return (
        isinstance(probe, OutsideProbe) and came_through(probe) and probe.last.status == status and not probe.last.body
    )


def curl(host: str) -> Command:
    """Return the command that repeats the visitor's request."""
    return look("curl", "-sS", "-o", "/dev/null", "-D", "-", f"https://{host}/")


def routes_command(config: TunnelConfig) -> Command:
    """Return the command that shows the rules."""
    source = config.source
    if source.namespace and source.name:
        words = ("kubectl", "-n", source.namespace, "get", "configmap", source.name, "-o", "yaml")
        return look(*words)
    return look("cloudflared", "tunnel", "ingress", "validate")
