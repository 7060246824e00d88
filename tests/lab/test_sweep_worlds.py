"""Sweeps of every world: nothing wrong where nothing is, one incident for one cause, and the diagnosis's own causes."""

from __future__ import annotations

import pytest

from build.sweeps import AT_ONCE, Swept, swept
from build.values import replace
from ingressdoctor.engine.sweep import SweepSpec
from ingressdoctor.lab import Fault, World, apply_fault, load_fault, load_world, made_ready
from ingressdoctor.lab.lab import running
from ingressdoctor.lab.world import merged
from ingressdoctor.model.report import Verdict
from ingressdoctor.model.sweep import SweepTarget
from ingressdoctor.model.target import Target
from ingressdoctor.sweeping.options import SweepOptions
from ingressdoctor.sweeping.targets import Targets
from scenarios import PATIENCE, scenarios

pytestmark = pytest.mark.lab

# What spitikos documents to be broken: the wildcard stands before two of its rules, and no rule covers the apex.
DOCUMENTED = {
    "rule.shadowed": ("k8s.taehoonlee.cloud", "ssh.taehoonlee.cloud"),
    "rule.host-missing": ("taehoonlee.cloud",),
}
TUNNEL = ("argocd", "grafana", "hubble", "longhorn", "maxscale-wecare", "redisinsight-wecare", "traefik")
BEHIND_THE_TUNNEL = {
    *(f"{name}-ecnv4-mgmt.ecommercen.com" for name in TUNNEL),
    "wecare-phpmyadmin-ecnv4-mgmt.ecommercen.com",
}
BEHIND_TRAEFIK = {"api.wecare.gr", "wecare.gr", "www.wecare.gr", "mysql://erp.wecare.gr/"}
HONEYDUE = {"admin.myhoneydue.com", "api.myhoneydue.com", "myhoneydue.com"}
SPITIKOS = {"api.taehoonlee.cloud", "homepage.taehoonlee.cloud", "k8s.taehoonlee.cloud", "ssh.taehoonlee.cloud"}
ARGO_LAN = {"argocd.argo-lan.example", "echo.argo-lan.example", "grafana.argo-lan.example"}


def patient(world: World) -> World:
    """A world in which a dead address is found out soon."""
    return replace(world, settings=merged(world.settings, PATIENCE))


def swept_world(name: str, fault: str = "") -> Swept:
    world = load_world(name)
    world = apply_fault(world, load_fault(name, fault)) if fault else world
    # A database that starts when somebody comes greets late on a slow machine.
    with running(made_ready(patient(world), "mysql://any")) as lab:
        return swept(lab, SweepOptions(spec=SweepSpec(timeout_s=60, at_once=AT_ONCE)))


@pytest.mark.parametrize("world", ["argo-lan", "el-jefe", "honeydue", "wecare"])
def test_where_nothing_is_wrong_nothing_is_said(world: str) -> None:
    found = swept_world(world)
    counts = found.report.counts

    assert found.report.incidents == ()
    assert (counts.broken, counts.unknown, found.report.exit_code()) == (0, 0, 0)
    assert counts.total == found.told == len(found.outcomes) > 0


def test_what_spitikos_documents_is_all_that_is_wrong_there() -> None:
    found = swept_world("spitikos")

    assert {item.cause.check_id: item.members for item in found.report.incidents} == DOCUMENTED
    assert (found.report.counts.broken, found.report.exit_code()) == (3, 1)


@pytest.mark.parametrize(
    ("world", "fault", "check", "members"),
    [
        pytest.param("wecare", "lb-no-targets", "lb.no-targets", BEHIND_TRAEFIK, id="load-balancer"),
        pytest.param(
            "wecare",
            "traefik-not-ready",
            "traefik.pods-not-ready",
            BEHIND_TRAEFIK | {"traefik-ecnv4-mgmt.ecommercen.com"},
            id="traefik-with-its-dashboard-and-mysql",
        ),
        pytest.param("wecare", "tunnel-no-connector", "tunnel.no-connector", BEHIND_THE_TUNNEL, id="connector"),
        pytest.param("honeydue", "one-node-down", "node.unreachable", HONEYDUE, id="node"),
        pytest.param("honeydue", "traefik-crashing", "traefik.pods-not-ready", HONEYDUE, id="traefik-on-nodes"),
        pytest.param("argo-lan", "nginx-not-ready", "nginx.controller-not-ready", ARGO_LAN, id="nginx"),
        pytest.param(
            "el-jefe",
            "shared-backend-dead",
            "backend.pods-crashing",
            {"triton.el-jefe.me", "triton-grpc.el-jefe.me"},
            id="two-hosts-share-a-dead-backend",
        ),
    ],
)
def test_what_breaks_many_is_one_incident(world: str, fault: str, check: str, members: set[str]) -> None:
    found = swept_world(world, fault)
    (incident,) = found.report.incidents

    assert (incident.cause.check_id, set(incident.members)) == (check, members)
    assert found.report.exit_code() == 1


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        pytest.param("nginx-not-ready", "nginx.controller-not-ready", id="nginx"),
        pytest.param("tunnel-no-connector", "tunnel.no-connector", id="connector"),
    ],
)
def test_what_was_wrong_before_stays_beside_it(fault: str, check: str) -> None:
    found = swept_world("spitikos", fault)
    by_check = {item.cause.check_id: item.members for item in found.report.incidents}

    assert set(by_check.pop(check)) >= SPITIKOS
    assert by_check == DOCUMENTED


# One of every kind of cause and walk; what takes a dead address long to show is left to the diagnosis's own table.
SAMPLE = {
    "wecare": (
        "app-error",
        "dns-no-such-name",
        "dns-zone-paused",
        "edge-blocked",
        "image-pull-failing",
        "netpol-denies-traefik",
        "pods-crashing-oom",
        "redirects-contradict",
        "route-deleted",
        "route-host-misspelt",
        "route-middleware-missing",
        "selector-matches-nothing",
        "service-port-missing",
        "strict-expired-certificate",
        "tls-secret-missing",
        "tunnel-cname-missing",
        "tunnel-host-not-in-rules",
        "tunnel-service-misspelt",
        "tunnel-token-expired",
        "sql-monitor-rejected",
    ),
    "el-jefe": (
        "class-missing-without-default",
        "gateway-parent-missing",
        "gateway-provider-off",
        "middleware-missing",
        "netpol-missing",
        "priorities-swapped",
        "service-renamed",
    ),
    "spitikos": ("backend-port-missing", "nginx-backend-protocol-missing", "nginx-host-misspelt", "rules-h2c"),
    "argo-lan": (
        "backend-crashing",
        "cert-expired",
        "lan-record-missing",
        "nginx-wrong-class",
        "tunnel-rule-missing",
    ),
    "honeydue": ("flexible-redirect", "host-port-taken", "no-endpoints", "scaled-to-zero"),
}
SAMPLED = [item for item in scenarios() if item.name in SAMPLE.get(item.world, ())]


def test_the_sample_is_whole() -> None:
    assert len(SAMPLED) == sum(map(len, SAMPLE.values())) >= 40


@pytest.mark.parametrize("scenario", SAMPLED, ids=lambda item: f"{item.world}-{item.name}")
def test_the_first_cause_is_the_diagnosis_own(scenario: Fault) -> None:
    """``tests/lab/test_accuracy.py`` holds the diagnosis to the same expectation."""
    world = made_ready(apply_fault(load_world(scenario.world), scenario), scenario.host)
    target = Target.parse(scenario.host, client_ip=scenario.client_ip)
    item = SweepTarget(name=scenario.host, target=target, sources=("a list",))
    with running(patient(world)) as lab:
        found = swept(lab, SweepOptions(spec=SweepSpec(timeout_s=60, at_once=AT_ONCE)), listed=Targets(items=(item,)))
    causes = [
        cause.check_id
        for item in found.outcomes.values()
        for cause in item.causes
        if item.verdict is Verdict.BROKEN and cause.check_id not in scenario.expect.beside
    ]

    assert scenario.expect.cause in causes[:1], (scenario.host, found.outcomes)
