"""Where a record should lead: to the load balancer, or to where the Ingress of a LAN name listens."""

from __future__ import annotations

from typing import Any

import pytest

from build.cluster import later
from build.hetzner import a_lookup
from build.lan import NODE, OTHER, a_lan_name, a_node, owned
from build.outside import MISSING
from ingressdoctor.api import LanOwner, RecordGoal
from ingressdoctor.collect.record_goal import collect_goal

ABSENT = a_lan_name(NODE, OTHER, by_cluster=True)
DOWN, UP = LanOwner(address=NODE, node=a_node(ready=False)), LanOwner(address=OTHER, node=a_node("n3", OTHER))
FRONT = LanOwner(address=NODE, services=("Service web/nginx",))
GOALS = [
    pytest.param(ABSENT, owned(), NODE, "Node node02", id="a-ready-node"),
    pytest.param(ABSENT, owned(DOWN, UP), OTHER, "Node n3", id="the-first-that-is-ready"),
    pytest.param(ABSENT, owned(FRONT), NODE, "Service web/nginx", id="a-service-that-publishes-it"),
    pytest.param(ABSENT, owned(DOWN), NODE, "", id="none-is-ready"),
    pytest.param(ABSENT, MISSING, NODE, "", id="nodes-may-not-be-read"),
    pytest.param(a_lan_name(), owned(), "", "", id="its-record-leads-there-already"),
    pytest.param(MISSING, MISSING, "", "", id="no-name-of-the-lan"),
]


@pytest.mark.parametrize(("lan", "owners", "address", "owner"), GOALS)
async def test_the_address_of_a_name_of_the_lan(lan: Any, owners: Any, address: str, owner: str) -> None:
    found = await collect_goal.function(MISSING, lan, later(owners))

    assert isinstance(found, RecordGoal)
    assert (found.address, found.owner) == (address, owner)
    assert bool(found.told_by) is bool(address)


async def test_the_load_balancer_in_front_of_the_cluster() -> None:
    lookup = a_lookup()

    assert await collect_goal.function(lookup, MISSING, later(MISSING)) == RecordGoal(balancer=lookup.found)
    assert await collect_goal.function(a_lookup(missing=True), MISSING, later(MISSING)) == RecordGoal()
