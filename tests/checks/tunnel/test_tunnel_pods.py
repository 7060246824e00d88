"""cloudflared's pods: readiness, replicas, version, token; and what its log says of edge, credentials and origin."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from build.outside import visited
from build.tunnel import (
    BAD_SECRET,
    HOST,
    REGISTERED,
    REGISTERED_HTTP2,
    UDP_BLOCKED,
    UNSEEN,
    a_cloudflared,
    a_connector_pod,
    a_line,
    a_route,
    an_origin_error,
    logs_of,
)
from build.values import replace
from ingressdoctor.api import Clock, Status, Unavailable
from ingressdoctor.evidence.kube import PodSpec
from ingressdoctor_checks.tunnel_egress import credentials_rejected, egress_blocked, protocol_fallback
from ingressdoctor_checks.tunnel_logs import log_errors
from ingressdoctor_checks.tunnel_pods import pods_not_ready, single_replica, token_exposed, version_old

CLOCK = Clock(now=datetime(2026, 11, 21, 10, 0, tzinfo=UTC))
NO_TUNNEL = Unavailable(wanted="the tunnel", reason="the name leads to none")
FORBIDDEN = Unavailable(wanted="x", reason="403", enable_with="grant it")
DOWN = visited(error=1033, http_status=530)
BROKEN = visited(error=502)
UP = visited()
CALM = logs_of(REGISTERED)


def with_items(*items: Any) -> Any:
    return a_route(workloads=items)


def sick(count: int, of: int = 2) -> Any:
    return tuple(a_connector_pod(f"cloudflared-{n}", ready=n >= count) for n in range(of))


PODS = [
    pytest.param(a_route(), CALM, UP, Status.PASS, "2 pods of", id="all-ready"),
    pytest.param(with_items(a_cloudflared(pods=sick(1))), CALM, DOWN, Status.WARN, "1 of 2", id="one-of-two"),
    pytest.param(with_items(a_cloudflared(pods=sick(2))), CALM, DOWN, Status.FAIL, "2 of 2", id="none-ready"),
    pytest.param(
        with_items(a_cloudflared(pods=sick(1, 1))), CALM, DOWN, Status.FAIL, "The only pod", id="the-only-one"
    ),
    pytest.param(with_items(a_cloudflared(pods=sick(2))), CALM, UP, Status.WARN, "2 of 2", id="others-serve-it"),
    pytest.param(
        with_items(a_cloudflared(pods=sick(2)), a_cloudflared(name="second")),
        CALM,
        DOWN,
        Status.WARN,
        "2 of 2",
        id="another-workload-holds-the-tunnel",
    ),
    pytest.param(
        with_items(a_cloudflared(pods=sick(2))), logs_of(BAD_SECRET), DOWN, Status.FAIL, "credentials", id="why"
    ),
    pytest.param(
        with_items(a_cloudflared(pods=sick(2))),
        logs_of(a_line("Couldn't start tunnel error=x")),
        DOWN,
        Status.FAIL,
        "refuses its configuration",
        id="why-configuration",
    ),
    pytest.param(
        with_items(a_cloudflared(pods=sick(2))),
        logs_of(UDP_BLOCKED),
        DOWN,
        Status.FAIL,
        "does not reach",
        id="why-egress",
    ),
    pytest.param(with_items(a_cloudflared(pods=())), UNSEEN, DOWN, Status.FAIL, "has none", id="wanted-and-not-made"),
    pytest.param(
        with_items(a_cloudflared(pods=(), replicas=0)), UNSEEN, DOWN, Status.SKIP, "zero", id="scaled-to-zero"
    ),
    pytest.param(with_items(a_cloudflared(pods=FORBIDDEN)), UNSEEN, DOWN, Status.UNKNOWN, "403", id="pods-forbidden"),
    pytest.param(with_items(), UNSEEN, DOWN, Status.SKIP, "No cloudflared", id="none-in-this-cluster"),
    pytest.param(NO_TUNNEL, UNSEEN, UP, Status.SKIP, "leads to none", id="no-tunnel"),
    pytest.param(FORBIDDEN, UNSEEN, UP, Status.UNKNOWN, "403", id="could-not-look"),
]


@pytest.mark.parametrize(("route", "logs", "probe", "status", "words"), PODS)
def test_pods_not_ready(route: Any, logs: Any, probe: Any, status: Status, words: str) -> None:
    finding = pods_not_ready(route, logs, probe, CLOCK)[0]

    assert finding.status is status
    assert words in finding.summary


def on_node(node: str, *names: str) -> Any:
    return tuple(replace(a_connector_pod(name), spec=PodSpec(node_name=node)) for name in names)


@pytest.mark.parametrize(
    ("route", "status"),
    [
        pytest.param(a_route(), Status.PASS, id="two-replicas"),
        pytest.param(with_items(a_cloudflared(replicas=1)), Status.WARN, id="one-replica"),
        pytest.param(with_items(a_cloudflared(replicas=0)), Status.SKIP, id="scaled-to-zero"),
        pytest.param(with_items(a_cloudflared(pods=on_node("n1", "a", "b"))), Status.WARN, id="all-on-one-node"),
        pytest.param(
            with_items(a_cloudflared(replicas=1), a_cloudflared(replicas=1, name="b")), Status.PASS, id="two-workloads"
        ),
        pytest.param(NO_TUNNEL, Status.SKIP, id="no-tunnel"),
    ],
)
def test_single_replica(route: Any, status: Status) -> None:
    assert single_replica(route)[0].status is status


@pytest.mark.parametrize(
    ("given", "status", "words"),
    [
        pytest.param({"version": "2026.10.0"}, Status.PASS, "2026.10.0", id="this-year"),
        pytest.param({"version": "2026.5.0"}, Status.PASS, "2026.5.0", id="six-months-is-still-fine"),
        pytest.param({"version": "2026.4.1"}, Status.WARN, "7 months old", id="seven-months"),
        pytest.param({"version": "2025.11.0"}, Status.WARN, "12 months old", id="a-year-is-supported"),
        pytest.param({"version": "2025.10.0"}, Status.WARN, "no longer supported", id="more-than-a-year"),
        pytest.param({"version": "", "image": "cloudflare/cloudflared:latest"}, Status.WARN, "every pull", id="latest"),
        pytest.param({"version": "", "image": "r:5000/cloudflared"}, Status.WARN, "every pull", id="no-tag"),
        pytest.param({"version": "", "image": "cloudflared:abc"}, Status.SKIP, "does not tell", id="own-tag"),
    ],
)
def test_version_old(given: dict[str, str], status: Status, words: str) -> None:
    finding = version_old(with_items(a_cloudflared(**given)), CLOCK)[0]

    assert finding.status is status
    assert words in finding.summary


def test_versions_of_nothing_are_skipped() -> None:
    assert version_old(NO_TUNNEL, CLOCK)[0].status is Status.SKIP


@pytest.mark.parametrize(
    ("route", "status"),
    [
        pytest.param(a_route(), Status.PASS, id="credentials-by-file"),
        pytest.param(with_items(a_cloudflared(token_exposed="its arguments")), Status.WARN, id="token-in-arguments"),
        pytest.param(NO_TUNNEL, Status.SKIP, id="no-tunnel"),
    ],
)
def test_token_exposed(route: Any, status: Status) -> None:
    assert token_exposed(route)[0].status is status


EDGE = [
    pytest.param(a_route(), CALM, UP, Status.PASS, Status.PASS, id="registered"),
    pytest.param(a_route(), logs_of(BAD_SECRET), DOWN, Status.FAIL, Status.PASS, id="bad-secret"),
    pytest.param(a_route(), logs_of(BAD_SECRET, REGISTERED), UP, Status.PASS, Status.PASS, id="registered-since"),
    pytest.param(a_route(), logs_of(BAD_SECRET), UP, Status.WARN, Status.PASS, id="another-connector-serves"),
    pytest.param(a_route(), logs_of(UDP_BLOCKED), DOWN, Status.PASS, Status.FAIL, id="udp-closed"),
    pytest.param(a_route(), logs_of(UDP_BLOCKED, REGISTERED_HTTP2), UP, Status.PASS, Status.PASS, id="fell-back-since"),
    pytest.param(
        a_route(),
        logs_of(
            a_line('Unable to establish connection with Cloudflare edge error="DialContext error: dial tcp x:7844"')
        ),
        DOWN,
        Status.PASS,
        Status.FAIL,
        id="tcp-closed",
    ),
    pytest.param(a_route(), FORBIDDEN, DOWN, Status.UNKNOWN, Status.UNKNOWN, id="log-forbidden"),
    pytest.param(with_items(a_cloudflared(pods=())), UNSEEN, DOWN, Status.SKIP, Status.SKIP, id="no-pods"),
    pytest.param(NO_TUNNEL, UNSEEN, UP, Status.SKIP, Status.SKIP, id="no-tunnel"),
]


@pytest.mark.parametrize(("route", "logs", "probe", "credentials", "egress"), EDGE)
def test_what_the_log_says_of_the_edge(route: Any, logs: Any, probe: Any, credentials: Status, egress: Status) -> None:
    assert credentials_rejected(route, logs, probe)[0].status is credentials
    assert egress_blocked(route, logs, probe)[0].status is egress


def test_a_pinned_protocol_is_named() -> None:
    finding = egress_blocked(with_items(a_cloudflared(protocol="quic")), logs_of(UDP_BLOCKED), DOWN)[0]

    assert "pinned to quic" in finding.summary


@pytest.mark.parametrize(
    ("route", "logs", "status"),
    [
        pytest.param(a_route(), CALM, Status.PASS, id="quic"),
        pytest.param(a_route(), logs_of(UDP_BLOCKED, REGISTERED_HTTP2), Status.WARN, id="fell-back"),
        pytest.param(a_route(), logs_of(UDP_BLOCKED, REGISTERED), Status.PASS, id="one-bad-dial-then-quic"),
        pytest.param(a_route(), logs_of(REGISTERED_HTTP2), Status.PASS, id="http2-without-a-sign-of-udp"),
        pytest.param(
            with_items(a_cloudflared(protocol="http2")),
            logs_of(UDP_BLOCKED, REGISTERED_HTTP2),
            Status.PASS,
            id="http2-on-purpose",
        ),
        pytest.param(NO_TUNNEL, UNSEEN, Status.SKIP, id="no-tunnel"),
    ],
)
def test_protocol_fallback(route: Any, logs: Any, status: Status) -> None:
    assert protocol_fallback(route, logs)[0].status is status


REFUSED = "dial tcp 10.43.0.7:80: connect: connection refused"
OLD = "2026-11-21T07:00:00Z"
LOGS = [
    pytest.param(CALM, UP, Status.PASS, "no complaint", id="nothing"),
    pytest.param(logs_of(an_origin_error(REFUSED)), BROKEN, Status.FAIL, "refused", id="refused-and-502"),
    pytest.param(logs_of(an_origin_error(REFUSED)), UP, Status.WARN, "refused", id="refused-a-minute-ago"),
    pytest.param(logs_of(an_origin_error(REFUSED, when=OLD)), UP, Status.PASS, "no complaint", id="hours-ago"),
    pytest.param(logs_of(an_origin_error(REFUSED, when=OLD)), BROKEN, Status.FAIL, "refused", id="old-but-still-502"),
    pytest.param(
        logs_of(an_origin_error(REFUSED, host="argocd-mgmt.example.com")),
        BROKEN,
        Status.PASS,
        "no",
        id="of-another-name",
    ),
    pytest.param(
        logs_of(a_line("WRN too many open files accept tcp")),
        UP,
        Status.WARN,
        "file descriptors",
        id="cloudflared-itself",
    ),
    pytest.param(FORBIDDEN, BROKEN, Status.UNKNOWN, "403", id="log-forbidden"),
]


@pytest.mark.parametrize(("logs", "probe", "status", "words"), LOGS)
def test_log_errors(logs: Any, probe: Any, status: Status, words: str) -> None:
    finding = log_errors(a_route(), logs, probe, CLOCK)[0]

    assert finding.status is status
    assert words in finding.summary


def test_without_pods_there_is_no_log() -> None:
    assert log_errors(with_items(a_cloudflared(pods=())), UNSEEN, DOWN, CLOCK)[0].status is Status.SKIP
    assert log_errors(NO_TUNNEL, UNSEEN, UP, CLOCK)[0].status is Status.SKIP
    assert HOST in an_origin_error(REFUSED)
