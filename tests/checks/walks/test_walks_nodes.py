"""The walk of nodes without a load balancer: its steps, its page, and which targets it claims."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from build.nodes import a_node_lead, a_record
from build.routes import HOST
from build.tunnel import a_route
from ingressdoctor.api import KnownHosts, Target, Unavailable
from ingressdoctor.config import Settings
from ingressdoctor.wiring import load_catalog
from ingressdoctor_checks.walks_nodes import NODES, claim_nodes

PAGE = (Path(__file__).parents[3] / "docs/walks/nodes.md").read_text(encoding="utf-8")
UNSEEN = Unavailable(wanted="it", reason="no token")
NONE = KnownHosts(hosts={})
NAMED = KnownHosts(hosts={HOST: ("Ingress ns/shop",)})
HIDDEN = a_node_lead(record=a_record(addresses=(), told_by=""))


def test_the_steps_are_those_of_the_documented_sequence() -> None:
    assert [step.id for step in NODES.steps] == ["outside", "dns", "nodes", "controller", "backend"]


@pytest.mark.parametrize("step", NODES.steps, ids=lambda step: step.id)
def test_every_step_has_its_section(step: Any) -> None:
    headings = re.findall(r"^## (.+)$", PAGE, re.MULTILINE)

    assert step.docs.partition("#")[2] in [re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings]


def test_the_walk_asks_nothing_about_load_balancers() -> None:
    placed = {item.id: item.step for item in load_catalog(Settings()).checks_of(NODES)}

    assert not [name for name in placed if name.startswith("lb.") or name == "dns.origin-mismatch"]
    assert placed["node.one-of-many"] == placed["k3s.helm-config-refused"] == "nodes"


def test_the_rows_of_the_troubleshooting_table_name_checks_of_the_walk() -> None:
    known = {item.id for item in load_catalog(Settings()).checks_of(NODES)}
    rows = [row for row in re.findall(r"^\| .+$", PAGE, re.MULTILINE) if "`" in row.rpartition("| ")[2]]
    named = {name for row in rows for name in re.findall(r"`([a-z0-9]+\.[a-z-]+)`", row)}

    assert len(rows) == 6
    assert named <= known


CLAIMS = [
    pytest.param(a_node_lead(), NAMED, UNSEEN, 100, "Node node-1, and Ingress ns/shop", id="record-and-route"),
    pytest.param(a_node_lead(), NONE, UNSEEN, 92, "leads it to Node node-1", id="record-without-a-route"),
    pytest.param(a_node_lead(), UNSEEN, UNSEEN, 92, "Node node-1", id="cluster-not-readable"),
    pytest.param(HIDDEN, NAMED, UNSEEN, 100, "listen on the nodes themselves", id="hidden-record-and-a-route"),
    pytest.param(HIDDEN, NONE, UNSEEN, 0, "", id="hidden-record-alone"),
    pytest.param(HIDDEN, NAMED, a_route(), 60, "listen on the nodes", id="hidden-record-and-a-tunnel"),
    pytest.param(UNSEEN, NAMED, UNSEEN, 0, "", id="no-lead"),
]


@pytest.mark.parametrize(("lead", "hosts", "tunnel", "strength", "ground"), CLAIMS)
def test_claim_of_the_nodes(lead: Any, hosts: Any, tunnel: Any, strength: int, ground: str) -> None:
    claim = claim_nodes.function(lead, hosts, tunnel, Target.parse(HOST))

    assert claim.strength == strength
    assert ground in claim.ground
