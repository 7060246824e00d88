"""Where a record of the target should lead, by load balancer and Ingress. Pure; asks for owners of LAN names only."""

from __future__ import annotations

from typing import Final

from ingressdoctor.evidence.hetzner import LoadBalancerLookup
from ingressdoctor.evidence.lan import LanName, LanOwners
from ingressdoctor.evidence.record_goal import RecordGoal
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.needs import Later

__all__ = ["collect_goal"]

_NOTHING: Final = RecordGoal()


@collector(wanted="where a record of the name should lead")
async def collect_goal(
    lookup: LoadBalancerLookup | Unavailable, lan: LanName | Unavailable, owners: Later[LanOwners]
) -> RecordGoal:
    """Take the load balancer, and of the Ingress's addresses the first that a node has which is ready."""
    balancer = None if isinstance(lookup, Unavailable) else lookup.found
    if isinstance(lan, Unavailable) or not lan.by_cluster:
        return _NOTHING if balancer is None else RecordGoal(balancer=balancer)
    known = await owners.get()
    of_nodes = () if isinstance(known, Unavailable) else known.owners
    ready = [item for item in of_nodes if item.known and (item.node is None or item.node.ready is not False)]
    first = ready[0] if ready else None
    owner = "" if first is None else first.node.ref if first.node is not None else first.services[0]
    address = first.address if first is not None else lan.addresses[0]
    return RecordGoal(balancer=balancer, address=address, owner=owner, told_by=lan.told_by)
