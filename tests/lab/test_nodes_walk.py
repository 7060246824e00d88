"""The walk over nodes with a source missing: it is right about what it sees, and blames nobody for what it does not."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from build.badday import calm, see
from ingressdoctor.lab import apply_fault, load_fault, load_world, running

pytestmark = pytest.mark.lab

HOST = "api.myhoneydue.com"
NO_HETZNER = {"HCLOUD_TOKEN": ""}
NO_CLOUDFLARE = {"CLOUDFLARE_API_TOKEN": ""}
CLOSED, DOWN = "node.firewall-closed", "node.unreachable"

CASES = [
    pytest.param("one-node-down", NO_HETZNER, True, DOWN, id="a-dead-node-without-hetzner"),
    pytest.param("one-node-down", NO_CLOUDFLARE, True, DOWN, id="a-dead-node-without-cloudflare"),
    pytest.param("one-node-down", {}, False, DOWN, id="a-dead-node-without-a-kubeconfig"),
    pytest.param("all-firewalls-close-80", {}, False, CLOSED, id="closed-firewalls-without-a-kubeconfig"),
    pytest.param("one-ufw-closes-80-unnoticed", NO_HETZNER, True, CLOSED, id="a-closed-host-without-hetzner"),
    pytest.param("one-ufw-closes-80-unnoticed", {}, False, "", id="a-closed-host-without-a-kubeconfig"),
    pytest.param("ufw-limited-to-cloudflare", NO_HETZNER, True, "", id="closed-to-us-without-hetzner"),
    pytest.param("firewall-limited-to-cloudflare", NO_HETZNER, False, "", id="closed-to-us-and-nothing-known"),
]


@pytest.mark.parametrize(("fault", "environ", "kubeconfig", "cause"), CASES)
def test_a_missing_source_blames_nobody(fault: str, environ: Mapping[str, str], kubeconfig: bool, cause: str) -> None:
    world = apply_fault(load_world("honeydue"), load_fault("honeydue", fault))
    with running(calm(world)) as lab:
        if not kubeconfig:
            lab.handout.kubeconfig.unlink()

        seen = see(lab, host=HOST, environ=environ)

    assert seen.causes == ((cause,) if cause else ())
    assert seen.failing == frozenset() or cause
    assert seen.unknown


def test_the_share_of_requests_is_said() -> None:
    world = apply_fault(load_world("honeydue"), load_fault("honeydue", "one-node-down"))
    with running(calm(world)) as lab:
        seen = see(lab, host=HOST)

    assert seen.report.walk is not None
    assert seen.report.walk.id == "nodes"
    assert seen.says("about every third request meets it")
    assert {"node.unreachable", "node.one-of-many"} <= seen.failing
