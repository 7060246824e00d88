"""The load balancer step against the lab's live APIs: each fault is found by its check, and by no other."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from build.cluster import later
from ingressdoctor.collect.controller import collect_controller
from ingressdoctor.collect.hetzner import collect_project
from ingressdoctor.collect.hetzner_lookup import collect_cluster_balancer
from ingressdoctor.collect.nodes import collect_nodes
from ingressdoctor.collect.service_events import collect_service_events
from ingressdoctor.evidence.clock import Clock
from ingressdoctor.evidence.controller import Controller
from ingressdoctor.evidence.hetzner import ClusterBalancer, HetznerProject, LoadBalancerLookup, NodeAddresses
from ingressdoctor.evidence.origin_port import OriginPort
from ingressdoctor.evidence.preferences import Preferences
from ingressdoctor.lab import Lab, apply_fault, load_fault, load_world, running
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.finding import Status
from ingressdoctor.model.text import Secret
from ingressdoctor.sources.calls import CallLog
from ingressdoctor.sources.hetzner import LiveHetzner
from ingressdoctor.sources.kubernetes import LiveKubernetes
from ingressdoctor_checks.balancer import address_mismatch, missing
from ingressdoctor_checks.balancer_network import network_detached, public_disabled
from ingressdoctor_checks.balancer_proxy import proxy_protocol_mismatch
from ingressdoctor_checks.balancer_service import service_missing, wrong_node_port
from ingressdoctor_checks.balancer_sync import annotation_unknown, sync_failing
from ingressdoctor_checks.balancer_targets import no_targets, targets_unhealthy

UNREAD = Unavailable(wanted="the zone", reason="not asked in this test")
FAIL, WARN = "fail", "warn"


async def judge(lab: Lab) -> tuple[dict[str, Status], str]:
    """Return (the worst status of each check, all that was said in failures)."""
    calls = CallLog()
    token = Secret(lab.handout.environment["HCLOUD_TOKEN"])
    hetzner = LiveHetzner(token=token, calls=calls, endpoint=f"http://127.0.0.1:{lab.handout.endpoints.hetzner}/v1")
    kube = LiveKubernetes(kubeconfig=lab.handout.environment["KUBECONFIG"], context=None, timeout_s=10, calls=calls)
    try:
        project = await collect_project.function(hetzner=hetzner)
        assert isinstance(project, HetznerProject), project
        controller = await collect_controller.function(kube=kube, objects=later(UNREAD))
        assert isinstance(controller, Controller), controller
        balancer = await collect_cluster_balancer.function(
            project=project, controller=controller, preferences=Preferences(), nodes=NodeAddresses()
        )
        events = await collect_service_events.function(kube=kube, controller=controller, balancer=balancer)
        nodes = await collect_nodes.function(kube=kube, controller=controller, balancer=balancer, events=events)
        assert isinstance(balancer, ClusterBalancer)
        lookup = balancer.lookup
        assert isinstance(lookup, LoadBalancerLookup), lookup
    finally:
        await hetzner.aclose()
        await kube.aclose()
    ports = (lookup, controller, OriginPort(number=443))
    results = {
        missing.id: missing(lookup, controller),
        address_mismatch.id: address_mismatch(lookup, controller),
        public_disabled.id: public_disabled(lookup, controller),
        network_detached.id: network_detached(lookup, controller),
        service_missing.id: service_missing(*ports),
        wrong_node_port.id: wrong_node_port(*ports),
        proxy_protocol_mismatch.id: proxy_protocol_mismatch(*ports),
        no_targets.id: no_targets(lookup, controller, nodes),
        targets_unhealthy.id: targets_unhealthy(lookup, controller, nodes, OriginPort(number=443)),
        sync_failing.id: sync_failing(controller, events, Clock(now=datetime.now(UTC))),
        annotation_unknown.id: annotation_unknown(controller, events),
    }
    worst = {name: max((f.status for f in found), key=lambda s: s.severity) for name, found in results.items()}
    said = " ".join(f.summary for found in results.values() for f in found if f.status in (Status.FAIL, Status.WARN))
    return worst, said


FAULTS = [
    pytest.param("", {}, "", id="healthy"),
    pytest.param("lb-deleted", {"lb.missing": FAIL}, "does not exist", id="lb-deleted"),
    pytest.param("lb-renamed", {"lb.missing": WARN}, "renamed it", id="lb-renamed"),
    pytest.param("lb-renamed-unlabelled", {"lb.missing": FAIL}, "does not exist", id="lb-renamed-unlabelled"),
    pytest.param("lb-public-disabled", {"lb.public-disabled": FAIL}, "switched off", id="lb-public-disabled"),
    pytest.param("lb-no-443", {"lb.service-missing": FAIL}, "port 443", id="lb-no-443"),
    pytest.param(
        "lb-stale-node-port",
        {"lb.wrong-node-port": FAIL, "lb.targets-unhealthy": FAIL},
        "31788",
        id="lb-stale-node-port",
    ),
    pytest.param("lb-no-targets", {"lb.no-targets": FAIL}, "no targets", id="lb-no-targets"),
    pytest.param("lb-all-unhealthy", {"lb.targets-unhealthy": FAIL}, "refuses", id="lb-all-unhealthy"),
    pytest.param("lb-one-unhealthy", {"lb.targets-unhealthy": WARN}, "ecnv4-node-3", id="lb-one-unhealthy"),
    pytest.param(
        "lb-proxy-unexpected", {"lb.proxy-protocol-mismatch": FAIL}, "does not expect", id="lb-proxy-unexpected"
    ),
    pytest.param("lb-proxy-missing", {"lb.proxy-protocol-mismatch": WARN}, "does not send", id="lb-proxy-missing"),
    pytest.param(
        "lb-network-detached",
        {"lb.network-detached": FAIL, "lb.targets-unhealthy": FAIL},
        "no private network",
        id="lb-network-detached",
    ),
    pytest.param("lb-sync-failing", {"lb.sync-failing": WARN}, "no unit", id="lb-sync-failing"),
    pytest.param(
        "lb-annotation-unknown", {"lb.annotation-unknown": WARN}, "algorithm-type", id="lb-annotation-unknown"
    ),
    pytest.param("external-traffic-local", {}, "", id="external-traffic-local"),
    pytest.param("label-selector-targets", {}, "", id="label-selector-targets"),
    pytest.param("ipv4-only", {}, "", id="ipv4-only"),
]


@pytest.mark.lab
@pytest.mark.parametrize(("fault", "expected", "says"), FAULTS)
def test_balancer_step(fault: str, expected: dict[str, str], says: str) -> None:
    world = load_world("wecare")
    with running(apply_fault(world, load_fault("wecare", fault)) if fault else world) as lab:
        worst, said = asyncio.run(judge(lab))

    noticed = {
        name: str(status) for name, status in worst.items() if status in (Status.FAIL, Status.WARN, Status.UNKNOWN)
    }
    assert noticed == expected
    assert says in said
