"""cloudflared's log by signature, and the rules that running pods tell."""

from __future__ import annotations

import json
from typing import Any

import pytest

from build.cluster import FakeCluster
from build.kube import TableKube, body, text
from build.outside import visited
from build.tunnel import (
    BAD_SECRET,
    HOST,
    REGISTERED,
    UDP_BLOCKED,
    UNSEEN,
    a_cloudflared,
    a_config,
    a_connector_pod,
    a_line,
    a_route,
    an_origin_error,
    logs_of,
)
from build.values import replace
from ingressdoctor.api import CloudflaredLogs, CloudflaredState, Target, Unavailable
from ingressdoctor.collect.cloudflared_logs import collect_cloudflared_logs, parse_cloudflared_logs
from ingressdoctor.collect.cloudflared_signatures import signature_of
from ingressdoctor.collect.cloudflared_state import collect_state, outdated_pods, parse_running
from ingressdoctor.evidence.kube.pod import ContainerState, ContainerStatus, StateDetail

SIGNATURES = [
    ("origin-refused", "dial tcp 10.0.0.1:80: connect: connection refused"),
    ("origin-no-such-host", "dial tcp: lookup web.ns.svc on 10.43.0.10:53: no such host"),
    ("cluster-dns", "lookup web.ns.svc on 10.43.0.10:53: server misbehaving"),
    ("cluster-dns", "lookup web on 10.43.0.10:53: read udp 1.1.1.1:5->10.43.0.10:53: i/o timeout"),
    ("origin-timeout", "Unable to reach the origin service. x: dial tcp 10.0.0.1:80: i/o timeout"),
    ("origin-untrusted", "tls: failed to verify certificate: x509: certificate signed by unknown authority"),
    ("origin-wrong-name", "x509: certificate is valid for a.example, not b.svc"),
    ("origin-wrong-name", "x509: cannot validate certificate for 10.0.0.1 because it doesn't contain any IP SANs"),
    ("origin-expired", "x509: certificate has expired or is not yet valid"),
    ("origin-no-san", "x509: certificate relies on legacy Common Name field, use SANs instead"),
    ("origin-plain", "tls: first record does not look like a TLS handshake"),
    ("origin-plain", "http: server gave HTTP response to HTTPS client"),
    ("origin-tls", 'malformed HTTP response "\\x15\\x03\\x01'),
    ("origin-client-certificate", "remote error: tls: certificate required"),
    ("origin-handshake", "remote error: tls: unrecognized name"),
    ("origin-closed", "Unable to reach the origin service. x: EOF"),
    (
        "access-no-token",
        "request filtered by middleware handler (AccessJWTValidator) due to: no access token in request",
    ),
    ("access-wrong-audience", "handler (AccessJWTValidator) due to: Invalid token in jwt: [aud]"),
    ("no-rules", "WRN No ingress rules were defined in provided config (if any) nor from the cli"),
    ("config-syntax", "error parsing YAML in config file at /etc/c: yaml: line 3"),
    ("config-refused", "Couldn't start tunnel error=x"),
    ("bad-secret", "failed to serve the control stream error=Unauthorized: Invalid tunnel secret"),
    ("tunnel-gone", "Register tunnel error from server side error=Unauthorized: Failed to get tunnel"),
    ("wrong-account", "error=Unauthorized: Account doesn't have tunnel"),
    ("udp-blocked", "Failed to dial a quic connection error=failed to dial to edge with quic: timeout"),
    ("udp-blocked", "write udp: sendmsg: operation not permitted"),
    (
        "tcp-blocked",
        "Unable to establish connection with Cloudflare edge error=DialContext error: dial tcp 1.1.1.1:7844",
    ),
    ("tls-inspection", "TLS handshake with edge error: EOF"),
    ("edge-dns", "edge discovery: error looking up Cloudflare edge IPs: the DNS query failed"),
    ("fallback", "INF Switching to fallback protocol http2"),
    ("token-invalid", "Provided Tunnel token is not valid."),
    ("credentials-missing", "Tunnel credentials file '/x' doesn't exist or is not a file"),
    ("remote-refused", "Failed to deserialize new configuration"),
    ("client-gone", "Incoming request ended abruptly: context canceled"),
    ("registered", "INF Registered tunnel connection connIndex=0"),
    ("", "INF Generated Connector ID: x"),
]


@pytest.mark.parametrize(("code", "line"), SIGNATURES, ids=lambda item: item[:40])
def test_signature(code: str, line: str) -> None:
    assert signature_of(line) == code


def codes(logs: CloudflaredLogs, *, standing: bool = True) -> list[str]:
    return [item.code for item in logs.signatures if item.standing is standing]


@pytest.mark.parametrize(
    ("lines", "standing", "over"),
    [
        pytest.param((BAD_SECRET,), ["bad-secret"], [], id="nothing-after-it"),
        pytest.param((BAD_SECRET, REGISTERED), [], ["bad-secret"], id="registered-since"),
        pytest.param((REGISTERED, UDP_BLOCKED), ["udp-blocked"], [], id="lost-after-it-was-up"),
        pytest.param((UDP_BLOCKED, a_line("Starting tunnel tunnelID=x")), [], ["udp-blocked"], id="started-anew-since"),
        pytest.param((an_origin_error("EOF"), REGISTERED), ["origin-closed"], [], id="an-origin-is-not-the-edge"),
    ],
)
def test_what_still_stands(lines: tuple[str, ...], standing: list[str], over: list[str]) -> None:
    logs = logs_of(*lines)

    assert codes(logs) == standing
    assert codes(logs, standing=False) == over


def test_lines_about_the_target_are_told_from_others() -> None:
    logs = logs_of(an_origin_error("EOF"), an_origin_error("EOF", host="other.example.com"), an_origin_error("EOF"))

    assert [(item.ours, item.count) for item in logs.of("origin-closed")] == [(True, 2), (False, 1)]


def test_several_pods_are_one_answer() -> None:
    logs = parse_cloudflared_logs({"a": REGISTERED, "b": BAD_SECRET, "c": BAD_SECRET}, (HOST,))

    assert (logs.registered, logs.protocols) == (1, ("quic",))
    assert [(item.code, item.count) for item in logs.signatures] == [("bad-secret", 2)]


def test_the_json_form_says_the_same() -> None:
    entry = {
        "level": "error",
        "time": "2026-11-21T09:00:00Z",
        "error": "Unauthorized: Invalid tunnel secret",
        "connIndex": 1,
    }
    [found] = logs_of(json.dumps(entry), "{broken", "[]").signatures

    assert (found.code, found.level, found.when) == ("bad-secret", "ERR", "2026-11-21T09:00:00Z")


def test_hostile_lines_are_cut_and_cleaned() -> None:
    token = "eyJhIjoi" + "x" * 200
    [found] = logs_of(
        f"2026-11-21T09:00:00Z ERR connect: connection refused {token} \x1b[31m {HOST} " + "y" * 9_000
    ).signatures

    assert token not in found.line
    assert "\x1b" not in found.line
    assert len(found.line) <= 500


LOG = "/api/v1/namespaces/cloudflared/pods/{}/log"


@pytest.mark.parametrize(
    ("probe", "asked"),
    [
        pytest.param(visited(), 1, id="requests-come-through"),
        pytest.param(visited(error=1033, http_status=530), 1, id="no-connector"),
        pytest.param(visited(error=502), 2, id="either-pod-may-have-taken-it"),
        pytest.param(UNSEEN, 1, id="not-asked"),
    ],
)
async def test_how_many_logs_are_read(probe: Any, asked: int) -> None:
    kube = TableKube({LOG.format(f"cloudflared-{n}" if n > 1 else "cloudflared-1"): text(REGISTERED) for n in (1, 2)})

    logs = await collect_cloudflared_logs.function(kube, a_route(), Target.parse(HOST), probe)

    assert isinstance(logs, CloudflaredLogs)
    assert len(kube.calls) == asked
    assert kube.calls[0][1]["tailLines"] == "50"


@pytest.mark.parametrize(
    ("route", "reason"),
    [
        pytest.param(a_route(workloads=(a_cloudflared(pods=()),)), "no pod", id="no-pods"),
        pytest.param(a_route(workloads=(a_cloudflared(pods=UNSEEN),)), "no token", id="pods-not-readable"),
        pytest.param(a_route(), "404", id="log-not-readable"),
    ],
)
async def test_no_log_is_a_gap_with_a_reason(route: Any, reason: str) -> None:
    logs = await collect_cloudflared_logs.function(TableKube({}), route, Target.parse(HOST), UNSEEN)

    assert isinstance(logs, Unavailable)
    assert reason in logs.reason


EDITED = replace(a_config().source, edited_at="2026-11-15T00:00:00Z")
LATE = a_cloudflared(config=replace(a_config(), source=EDITED))
RESTARTED = ContainerStatus(
    name="cloudflared", state=ContainerState(running=StateDetail(started_at="2026-11-16T00:00:00Z"))
)


@pytest.mark.parametrize(
    ("item", "count"),
    [
        pytest.param(a_cloudflared(), 0, id="edited-before-the-start"),
        pytest.param(LATE, 2, id="edited-since"),
        pytest.param(replace(LATE, pods=(a_connector_pod(container_statuses=(RESTARTED,)),)), 0, id="restarted-since"),
        pytest.param(replace(LATE, pods=(a_connector_pod(start_time=None),)), 0, id="start-not-known"),
        pytest.param(a_cloudflared(config=UNSEEN), 0, id="rules-not-read"),
        pytest.param(
            a_cloudflared(config=replace(a_config(), source=replace(EDITED, edited_at=""))), 0, id="edit-not-known"
        ),
    ],
)
def test_outdated_pods(item: Any, count: int) -> None:
    assert len(outdated_pods(item)) == count


PROXY = "/api/v1/namespaces/cloudflared/pods/{}:2000/proxy/config"
RUNNING = {"version": -1, "config": {"ingress": [{"hostname": "a", "path": None, "service": "http://b"}]}}


async def state_of(kube: Any, route: Any) -> CloudflaredState:
    found = await collect_state.function(kube, route)
    assert isinstance(found, CloudflaredState)
    return found


async def test_running_rules_are_asked_only_where_they_are_in_doubt() -> None:
    calm = FakeCluster({})
    kube = TableKube({PROXY.format(f"cloudflared-{n}"): body(RUNNING) for n in (1, 2)})

    nothing = await state_of(calm, a_route())
    state = await state_of(kube, a_route(workloads=(LATE,)))

    assert (calm.asked, nothing.outdated) == ([], ())
    assert state.outdated == ("cloudflared-1", "cloudflared-2")
    assert [rule.hostname for rule in state.pods[0].running] == ["a"]


async def test_without_the_grant_the_times_are_still_told() -> None:
    kube = TableKube({PROXY.format(f"cloudflared-{n}"): text("{}", status=403) for n in (1, 2)})

    state = await state_of(kube, a_route(workloads=(LATE,)))

    assert (len(state.outdated), state.pods) == (2, ())
    assert "ingressdoctor-hop-probes" in state.unread[0].enable_with


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(text("<html>"), id="html"),
        pytest.param(text("[]"), id="list"),
        pytest.param(body({"version": "1", "config": {"ingress": []}}), id="version-is-text"),
        pytest.param(body({"version": 1, "config": None}), id="no-config"),
        pytest.param(text("", status=503), id="status"),
    ],
)
def test_odd_answers_of_the_metrics_port_are_no_rules(answer: Any) -> None:
    assert parse_running(answer) is None
