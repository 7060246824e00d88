"""Tell of which broken targets nobody is told: those of which every incident is suppressed. Pure; reads no database."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from ingressdoctor.model.history import Health, HostSummary
from ingressdoctor.model.sweep import Incident, IncidentState

__all__ = ["excused"]


def excused(hosts: Iterable[HostSummary], incidents: Iterable[Incident]) -> tuple[HostSummary, ...]:
    """Return *hosts* with the reason why nobody is told of them, where it stands in their *incidents* alone."""
    reasons: dict[str, str] = {}
    for incident in incidents:
        if incident.state is IncidentState.CLOSED:
            continue
        for name in incident.members:
            # One incident that somebody is told of is enough.
            reasons[name] = incident.suppressed and reasons.get(name, incident.suppressed)
    return tuple(_with(host, reasons.get(host.state.name, "")) for host in hosts)


def _with(host: HostSummary, reason: str) -> HostSummary:
    if not reason or host.state.suppressed or host.state.health is not Health.FAILING:
        return host
    return msgspec.structs.replace(host, state=msgspec.structs.replace(host.state, suppressed=reason))
