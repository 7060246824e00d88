"""Who is connected to the tunnel: nobody, too few, or somebody who should not be."""

from __future__ import annotations

import pytest

from build.access import (
    CLOCK,
    FORBIDDEN,
    at_the_login,
    connector,
    facts,
    tunnel,
    without_login,
)
from build.outside import MISSING, failed, visited
from build.tunnel import HOST, a_cloudflared, a_connector_pod, a_route
from build.values import replace
from ingressdoctor.api import (
    OutsideProbe,
    Reach,
    Status,
    Symptom,
    Target,
    TunnelFacts,
    TunnelRoute,
    Unavailable,
)
from ingressdoctor_checks.tunnel_connectors import no_connector, stray_connector

TARGET = Target(hostname=HOST)
ROUTE = a_route()
IDLE = a_route(workloads=(a_cloudflared(replicas=0, pods=()),))
UNSEEN_PODS = a_route(workloads=(a_cloudflared(pods=FORBIDDEN),))
SAYS_1033 = visited(error=1033, http_status=530)
THREE = tuple(connector(f"c{number}") for number in range(3))


@pytest.mark.parametrize(
    ("told", "route", "probe", "status"),
    [
        pytest.param(facts(tunnel(), connectors=(connector(),)), ROUTE, MISSING, Status.PASS, id="connected"),
        pytest.param(facts(tunnel(status="down")), ROUTE, MISSING, Status.FAIL, id="down"),
        pytest.param(facts(tunnel(status="inactive")), MISSING, MISSING, Status.FAIL, id="never-was"),
        pytest.param(
            facts(tunnel(status="healthy"), connectors=(connector(live=0, pending=4),)),
            ROUTE,
            MISSING,
            Status.FAIL,
            id="all-pending-is-none-whatever-the-status",
        ),
        pytest.param(
            facts(tunnel(status="degraded"), connectors=(connector(live=2),)),
            ROUTE,
            MISSING,
            Status.WARN,
            id="degraded",
        ),
        pytest.param(
            facts(tunnel(status="degraded"), connectors=(connector(live=2), connector("c2"))),
            ROUTE,
            MISSING,
            Status.PASS,
            id="degraded-beside-a-whole-one",
        ),
        pytest.param(
            facts(replace(tunnel(), connections=4)),
            ROUTE,
            MISSING,
            Status.PASS,
            id="the-tunnel-alone-tells-connections",
        ),
        pytest.param(facts(tunnel(), connectors=FORBIDDEN), ROUTE, MISSING, Status.PASS, id="by-its-status-alone"),
        pytest.param(facts(tunnel(status="down"), connectors=FORBIDDEN), ROUTE, MISSING, Status.FAIL, id="status-down"),
        pytest.param(facts(), ROUTE, SAYS_1033, Status.SKIP, id="no-tunnel-at-all"),
        pytest.param(facts(tunnel(deleted_at="2026-11-01T00:00:00Z")), ROUTE, MISSING, Status.SKIP, id="deleted"),
        pytest.param(FORBIDDEN, ROUTE, SAYS_1033, Status.FAIL, id="the-edge-says-1033"),
        pytest.param(FORBIDDEN, IDLE, at_the_login(), Status.FAIL, id="no-pod-runs"),
        pytest.param(FORBIDDEN, UNSEEN_PODS, at_the_login(), Status.UNKNOWN, id="pods-not-read"),
        pytest.param(FORBIDDEN, MISSING, without_login(), Status.PASS, id="an-answer-comes-through"),
        pytest.param(FORBIDDEN, ROUTE, at_the_login(), Status.PASS, id="its-pods-are-ready"),
        pytest.param(FORBIDDEN, MISSING, at_the_login(), Status.UNKNOWN, id="the-login-proves-nothing"),
        pytest.param(FORBIDDEN, MISSING, visited(failed(Reach.TIMEOUT)), Status.UNKNOWN, id="nothing-tells"),
    ],
)
def test_no_connector(
    told: TunnelFacts | Unavailable,
    route: TunnelRoute | Unavailable,
    probe: OutsideProbe | Unavailable,
    status: Status,
) -> None:
    [finding] = no_connector(TARGET, told, route, probe)

    assert finding.status is status


def test_a_workload_that_is_scaled_to_0_is_named() -> None:
    [finding] = no_connector(TARGET, facts(tunnel(status="down")), IDLE, SAYS_1033)

    assert finding.remedy is not None
    assert "scaled to 0" in finding.remedy.text
    assert str(Symptom.EDGE_1033) in no_connector.causes


@pytest.mark.parametrize(
    ("told", "route", "status"),
    [
        pytest.param(facts(tunnel(), connectors=THREE[:2]), ROUTE, Status.PASS, id="one-for-each-pod"),
        pytest.param(facts(tunnel(), connectors=THREE[:1]), ROUTE, Status.PASS, id="fewer-is-another-checks-matter"),
        pytest.param(facts(tunnel(), connectors=THREE), ROUTE, Status.WARN, id="one-too-many"),
        pytest.param(
            facts(tunnel(), connectors=(*THREE[:2], connector("old", live=1, pending=3))),
            ROUTE,
            Status.PASS,
            id="an-old-one-on-its-way-out",
        ),
        pytest.param(
            facts(tunnel(), connectors=(*THREE[:2], connector("new", run_at="2026-11-20T11:58:00Z"))),
            ROUTE,
            Status.PASS,
            id="one-that-takes-over",
        ),
        pytest.param(
            facts(tunnel(), connectors=(*THREE[:2], connector("new", run_at="never"))), ROUTE, Status.WARN, id="no-age"
        ),
        pytest.param(facts(tunnel(), connectors=THREE), UNSEEN_PODS, Status.SKIP, id="pods-not-read"),
        pytest.param(facts(tunnel(), connectors=THREE), MISSING, Status.SKIP, id="not-of-this-cluster"),
        pytest.param(facts(tunnel(), connectors=THREE), IDLE, Status.SKIP, id="no-pods-here"),
        pytest.param(facts(tunnel(), connectors=FORBIDDEN), ROUTE, Status.SKIP, id="connectors-not-read"),
        pytest.param(FORBIDDEN, ROUTE, Status.SKIP, id="tunnel-not-read"),
    ],
)
def test_stray_connector(told: TunnelFacts | Unavailable, route: TunnelRoute | Unavailable, status: Status) -> None:
    [finding] = stray_connector(TARGET, told, route, CLOCK)

    assert finding.status is status


def test_where_the_stray_one_comes_from_is_told() -> None:
    pods = (a_connector_pod(), a_connector_pod("cloudflared-2"))
    route = a_route(workloads=(a_cloudflared(pods=pods),))
    [finding] = stray_connector(
        TARGET, facts(tunnel(), connectors=(*THREE[:2], connector("x", ip="198.51.100.7"))), route, CLOCK
    )

    assert any("198.51.100.7" in fact.value for fact in finding.facts)
