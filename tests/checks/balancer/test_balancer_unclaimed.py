"""A load balancer found by the record alone: what Hetzner tells is judged, what only the cluster tells is not.

Nothing of it is called broken that may be by design, and nothing is said of a Service that nobody saw.
"""

from __future__ import annotations

import pytest

from build.hetzner import NOT_ASKED, a_balancer, a_controller, a_listener, a_lookup, a_server, a_target
from build.origin_port import BY_HTTPS
from ingressdoctor.api import Controller, Finding, LoadBalancer, Status, Unavailable
from ingressdoctor_checks.balancer import missing
from ingressdoctor_checks.balancer_network import network_detached, public_disabled
from ingressdoctor_checks.balancer_service import service_missing
from ingressdoctor_checks.balancer_targets import no_targets, targets_unhealthy

NO_CLUSTER = Unavailable(wanted="the ingress controller", reason="no kubeconfig", enable_with="Set KUBECONFIG.")
NO_SERVICES = a_controller(without_service=True, unread=(Unavailable(wanted="Services", reason="403 for Services"),))
SERVERS = (a_server(1), a_server(2, status="off"))


def targets(*health: str) -> LoadBalancer:
    """A load balancer whose targets 1, 2, 3 ... have that health."""
    return a_balancer(targets=tuple(a_target(number, health=state) for number, state in enumerate(health, 1)))


def judged(balancer: LoadBalancer, controller: Controller | Unavailable = NO_CLUSTER) -> dict[str, list[Finding]]:
    lookup = a_lookup(balancer, by_record=True, nodes_here=None, matched_by="address 203.0.113.10")
    return {
        missing.id: list(missing(lookup, controller)),
        public_disabled.id: list(public_disabled(lookup, controller)),
        network_detached.id: list(network_detached(lookup, controller)),
        service_missing.id: list(service_missing(lookup, controller, BY_HTTPS)),
        no_targets.id: list(no_targets(lookup, controller, NOT_ASKED)),
        targets_unhealthy.id: list(targets_unhealthy(lookup, controller, NOT_ASKED, BY_HTTPS)),
    }


@pytest.mark.parametrize("controller", [NO_CLUSTER, NO_SERVICES], ids=["no-cluster", "services-may-not-be-read"])
def test_a_sound_one_is_sound_whether_or_not_the_cluster_says_so(controller: Controller | Unavailable) -> None:
    found = judged(a_balancer(), controller)

    assert {item.status for items in found.values() for item in items} == {Status.PASS}


BROKEN = [
    pytest.param(a_balancer(public_enabled=False), "lb.public-disabled", "enable-public-interface", id="not-public"),
    pytest.param(a_balancer(networks=()), "lb.network-detached", "attach-to-network", id="not-in-the-network"),
    pytest.param(a_balancer(targets=()), "lb.no-targets", "kubectl get nodes", id="kept-without-targets"),
    pytest.param(a_balancer(targets=(), labels={}), "lb.no-targets", "add-target", id="hand-made-without-targets"),
    pytest.param(
        a_balancer(services=(a_listener(80, to=30080),)),
        "lb.service-missing",
        "kubectl get services",
        id="kept-without-443",
    ),
    pytest.param(
        a_balancer(services=(a_listener(80, to=30080),), labels={}),
        "lb.service-missing",
        "--destination-port NODE_PORT",
        id="hand-made-without-443-to-a-node-port-that-nobody-knows",
    ),
    pytest.param(
        a_balancer(services=(a_listener(80, to=80),), labels={}),
        "lb.service-missing",
        "--destination-port 443",
        id="hand-made-without-443-before-host-ports",
    ),
    pytest.param(targets("unhealthy", "unhealthy"), "lb.targets-unhealthy", "kubectl get nodes", id="none-healthy"),
]


@pytest.mark.parametrize(("balancer", "check", "command"), BROKEN)
def test_what_hetzner_tells_is_judged(balancer: LoadBalancer, check: str, command: str) -> None:
    found = judged(balancer)
    [finding, *_] = [item for item in found[check] if item.status is Status.FAIL]

    assert finding.remedy is not None
    assert any(command in item.shell() for item in finding.remedy.commands)
    assert "Service does not publish" not in finding.remedy.text
    assert [name for name, items in found.items() for item in items if item.status is Status.FAIL] == [check]


@pytest.mark.parametrize("controller", [NO_CLUSTER, NO_SERVICES], ids=["no-cluster", "services-may-not-be-read"])
def test_nodes_that_may_be_unhealthy_by_design_are_left_open(controller: Controller | Unavailable) -> None:
    [finding] = judged(targets("healthy", "healthy", "unhealthy"), controller)[targets_unhealthy.id]

    assert finding.status is Status.UNKNOWN
    assert "node-3" in finding.summary
    assert finding.enable_with


def test_a_server_that_is_switched_off_is_nobody_s_design() -> None:
    lookup = a_lookup(targets("healthy", "unhealthy"), by_record=True, servers=SERVERS)

    [finding] = targets_unhealthy(lookup, NO_CLUSTER, NOT_ASKED, BY_HTTPS)

    assert finding.status is Status.WARN
    assert "the server is off" in finding.summary


def test_a_server_that_the_record_leads_to_has_no_load_balancer_to_judge() -> None:
    lookup = a_lookup(missing=True, by_record=True, not_in_path="the record leads to server node-1 itself")

    [finding] = missing(lookup, NO_CLUSTER)

    assert finding.status is Status.SKIP
    assert "server node-1 itself" in finding.summary
