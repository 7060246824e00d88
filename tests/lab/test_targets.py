"""``targets`` tells the walk that a diagnosis of the name takes, from what a sweep sees without probes."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

import pytest

from build.badday import calm, say, secrets_of
from ingressdoctor.config import load_settings
from ingressdoctor.lab import Lab, load_world, running
from ingressdoctor.model.target import Target
from ingressdoctor.wiring import RunOptions, open_session

pytestmark = pytest.mark.lab

NO_TOKEN = {"CLOUDFLARE_API_TOKEN": ""}


def listed(lab: Lab, **environ: str) -> dict[str, str]:
    """The walk of each target, as the program tells it."""
    environment = {**lab.handout.environment, **environ}
    told = say("targets", "--json", "--config", str(lab.handout.config), env=environment, secrets=secrets_of(lab))
    value: dict[str, Any] = json.loads(told.out)
    return {item["target"]: item["walk"] for item in value["hosts"]}


def taken(lab: Lab, names: list[str], **environ: str) -> dict[str, str]:
    """The walk that a diagnosis of each takes."""

    async def diagnose() -> dict[str, str]:
        settings, environment = load_settings(str(lab.handout.config)), {**lab.handout.environment, **environ}
        async with open_session(settings, environ=environment) as session:
            reports = {name: await session.diagnose(Target.parse(name), RunOptions(timeout_s=20.0)) for name in names}
        return {name: report.walk.id if report.walk is not None else "" for name, report in reports.items()}

    return asyncio.run(diagnose())


WORLDS = [
    pytest.param("honeydue", {"nodes": 3}, id="nodes-without-a-load-balancer"),
    pytest.param("argo-lan", {"tunnel": 2, "lan": 1}, id="a-tunnel-and-the-lan"),
    pytest.param("spitikos", {"tunnel": 5}, id="a-tunnel-whose-wildcard-takes-names"),
]


@pytest.mark.parametrize(("world", "walks"), WORLDS)
def test_the_walk_is_the_one_that_a_diagnosis_takes(world: str, walks: dict[str, int]) -> None:
    with running(calm(load_world(world))) as lab:
        told = listed(lab)
        found = taken(lab, list(told))

    assert told == found
    assert Counter(told.values()) == walks


def test_without_the_record_what_listens_on_the_nodes_tells() -> None:
    with running(calm(load_world("honeydue"))) as lab:
        assert set(listed(lab, **NO_TOKEN).values()) == {"nodes"}


def test_nothing_is_asked_twice_and_no_name_is_looked_up() -> None:
    with running(calm(load_world("wecare"))) as lab:
        told = listed(lab)
        asked = {name: Counter(map(str, lab.requests[name])) for name in ("kube", "hetzner", "cloudflare")}
        looked_up = [len(lab.requests[name]) for name in ("dns.system", "dns.public", "dns.authoritative")]

    assert {"public", "tunnel", "sql"} <= set(told.values())
    assert [item for counts in asked.values() for item, count in counts.items() if count > 1] == []
    assert looked_up == [0, 0, 0]
