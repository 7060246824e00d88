"""What the events of the controller's Service tell, where the run has read them anyway. Makes no request. Pure."""

from __future__ import annotations

from ingressdoctor.collect.changes_day import Day
from ingressdoctor.collect.changes_events import event_changes
from ingressdoctor.evidence.clock import Clock
from ingressdoctor.evidence.controller import Controller
from ingressdoctor.evidence.hetzner import ServiceEvents
from ingressdoctor.evidence.timelines import ServiceTimeline
from ingressdoctor.model.check import collector
from ingressdoctor.model.needs import Seen

__all__ = ["collect_service_timeline"]


@collector(wanted="what the cloud controller did")
async def collect_service_timeline(
    clock: Clock, controller: Seen[Controller], events: Seen[ServiceEvents]
) -> ServiceTimeline:
    """Tell what the cloud controller said of the Service before the ingress controller."""
    service = controller.value.service if controller.value is not None else None
    if service is None or events.value is None:
        return ServiceTimeline()
    found = event_changes(events.value.events, frozenset({service.ref}), (), Day.of(clock))
    return ServiceTimeline(changes=tuple(found))
