"""What a gRPC client gets, as tables: statuses, what comes in their place, and which hop lost HTTP/2."""

from __future__ import annotations

from typing import Any

import pytest

from build.grpc import GRPC, HOST, LOST, TARGET, a_probe, an_exchange, trailers, trailers_only
from build.outside import EDGE_HEADERS, exchange, visited
from build.tunnel import REGISTERED, REGISTERED_HTTP2, a_cloudflared, a_config, a_route, a_rule, logs_of
from build.values import replace
from ingressdoctor.api import (
    ConfigHome,
    ConfigSource,
    GrpcOutcome,
    GrpcProbe,
    Health,
    Inapplicable,
    Reach,
    Status,
    Symptom,
    Target,
    TlsAttempt,
    Unavailable,
)
from ingressdoctor.collect.grpc import judge
from ingressdoctor_checks.grpc import grpc_call, not_probed, status
from ingressdoctor_checks.grpc_hops import http2_origin_off, transport_quic

PAGE = Target.parse(HOST)
GAP = Unavailable(wanted="what a gRPC client gets", reason="Access asks for a login", enable_with="Set a token.")
NOTHING = Inapplicable(wanted="what a gRPC client gets", reason="not even a plain request is answered")
UNREAD = Unavailable(wanted="cloudflared's log", reason="403", enable_with="Grant pods/log.")
FINE = visited(exchange(200))
HTTPS = "https://nginx.example.com:443"


def route(more: str = "http2Origin: true", service: str = HTTPS, top: str = "", **given: Any) -> Any:
    """The way of the name through a rule with some settings; the connector runs in the cluster."""
    settings = "originRequest:\n" + "\n".join(f"  {line}" for line in more.splitlines()) if more else ""
    config = a_config(a_rule(service=service, more=settings), "- service: http_status:404", top=top)
    found = a_route(a_rule(service=service, more=settings), "- service: http_status:404")
    return replace(found, config=config, **given)


def on_a_machine(**given: Any) -> Any:
    """The same, with a cloudflared outside of the cluster whose arguments nobody knows."""
    file = ConfigSource(home=ConfigHome.FILE, ref="file config.yml")
    found = route(workloads=(), **given)
    return replace(found, config=replace(found.config, source=file))


OUTCOMES = [
    pytest.param({}, GrpcOutcome.OK, id="status-0-in-the-trailers"),
    pytest.param({"trailers": trailers(14)}, GrpcOutcome.STATUS, id="an-error-in-the-trailers"),
    pytest.param(
        {"headers": (*GRPC, *trailers(12)), **LOST, "body": b""}, GrpcOutcome.STATUS, id="an-error-in-the-headers"
    ),
    pytest.param(
        {"headers": (("content-type", "application/grpc+proto"),)}, GrpcOutcome.OK, id="a-content-type-with-a-format"
    ),
    pytest.param(LOST, GrpcOutcome.NO_TRAILERS, id="a-body-without-trailers"),
    pytest.param({**LOST, "body": b""}, GrpcOutcome.NO_TRAILERS, id="neither-body-nor-trailers"),
    pytest.param({"trailers": trailers("zero")}, GrpcOutcome.NO_TRAILERS, id="a-status-that-is-no-number"),
    pytest.param({"headers": ()}, GrpcOutcome.NOT_GRPC, id="no-content-type"),
    pytest.param({"headers": (), "body": b"", **LOST}, GrpcOutcome.NOT_GRPC, id="an-empty-200"),
    pytest.param({"headers": (("content-type", "text/html"),), **LOST}, GrpcOutcome.NOT_GRPC, id="a-page"),
    pytest.param({"body": b""}, GrpcOutcome.NOT_GRPC, id="status-0-without-an-answer-is-no-unary-answer"),
    pytest.param({"status": 502, "headers": EDGE_HEADERS, **LOST}, GrpcOutcome.HTTP_ERROR, id="an-error-page"),
    pytest.param(
        {"status": 415, "headers": (*GRPC, *trailers(13)), **LOST},
        GrpcOutcome.STATUS,
        id="a-status-beside-an-http-error-counts",
    ),
    pytest.param({**LOST, "ended": False, "reset": "INTERNAL_ERROR"}, GrpcOutcome.BROKEN, id="reset-in-the-body"),
    pytest.param({**LOST, "ended": False, "reach": Reach.RESET}, GrpcOutcome.BROKEN, id="closed-in-the-body"),
    pytest.param({"status": 0, "reach": Reach.CLOSED}, GrpcOutcome.BROKEN, id="closed-without-an-answer"),
    pytest.param({"status": 0, "reach": Reach.READ_TIMEOUT}, GrpcOutcome.NO_ANSWER, id="silence"),
    pytest.param(
        {"status": 0, "reach": Reach.PROTOCOL, "alpn": "http/1.1"}, GrpcOutcome.HTTP1, id="the-server-chose-http-1.1"
    ),
    pytest.param({"status": 0, "reach": Reach.PROTOCOL, "alpn": ""}, GrpcOutcome.HTTP1, id="the-server-chose-nothing"),
    pytest.param(
        {
            "status": 0,
            "reach": Reach.TLS_OTHER,
            "alpn": "h2",
            "tls": TlsAttempt(address="", port=443, sni=HOST, reach=Reach.OK, trusted=False),
        },
        GrpcOutcome.NO_ANSWER,
        id="a-certificate-nobody-trusts-is-another-matter",
    ),
]


@pytest.mark.parametrize(("given", "outcome"), OUTCOMES)
def test_what_a_call_comes_to(given: dict[str, Any], outcome: GrpcOutcome) -> None:
    assert judge(an_exchange(**given)).outcome is outcome


@pytest.mark.parametrize(
    ("body", "health"),
    [
        pytest.param(b"\0\0\0\0\x02\x08\x01", Health.SERVING, id="serving"),
        pytest.param(b"\0\0\0\0\x02\x08\x02", Health.NOT_SERVING, id="not-serving"),
        pytest.param(b"\0\0\0\0\0", Health.UNKNOWN, id="zero-is-not-sent"),
        pytest.param(b"\0\0\0\0\x02\x08\x7f", Health.NONE, id="a-number-from-the-future"),
        pytest.param(b"\0\0", Health.NONE, id="half-a-prefix"),
        pytest.param(b"\0\0\0\0\x01\x08", Health.NONE, id="half-a-message"),
    ],
)
def test_the_health_is_read_from_the_message(body: bytes, health: Health) -> None:
    assert a_probe(body=body).health is health


def test_the_message_is_decoded_and_made_harmless() -> None:
    assert trailers_only(14, "no%20db%1b[31m").message == "no db\\x1b[31m"


STATUSES = [
    pytest.param(a_probe(), Status.PASS, None, id="serving"),
    pytest.param(a_probe(body=b"\0\0\0\0\x02\x08\x02"), Status.FAIL, Symptom.GRPC_UNAVAILABLE, id="not-serving"),
    pytest.param(trailers_only(12), Status.FAIL, Symptom.GRPC_UNIMPLEMENTED, id="12-no-health-service"),
    pytest.param(trailers_only(14), Status.FAIL, Symptom.GRPC_UNAVAILABLE, id="14-unavailable"),
    pytest.param(trailers_only(4), Status.FAIL, Symptom.GRPC_UNAVAILABLE, id="4-too-late"),
    pytest.param(trailers_only(13), Status.FAIL, Symptom.GRPC_INTERNAL, id="13-internal"),
    pytest.param(trailers_only(2), Status.FAIL, Symptom.GRPC_INTERNAL, id="2-unknown"),
    pytest.param(trailers_only(99), Status.FAIL, Symptom.GRPC_INTERNAL, id="a-code-that-does-not-exist"),
    pytest.param(trailers_only(16), Status.PASS, None, id="16-wants-credentials-so-grpc-comes-through"),
    pytest.param(trailers_only(7), Status.PASS, None, id="7-denied-so-grpc-comes-through"),
    pytest.param(a_probe(**LOST), Status.FAIL, Symptom.GRPC_INTERNAL, id="no-trailers"),
    pytest.param(a_probe(headers=()), Status.FAIL, Symptom.GRPC_INTERNAL, id="not-grpc"),
    pytest.param(a_probe(status=0, alpn="http/1.1"), Status.FAIL, Symptom.GRPC_INTERNAL, id="http-1.1-only"),
    pytest.param(
        a_probe(status=0, reach=Reach.READ_TIMEOUT), Status.FAIL, Symptom.GRPC_UNAVAILABLE, id="silence-on-grpc-only"
    ),
    pytest.param(a_probe(status=503, headers=(), **LOST), Status.FAIL, Symptom.GRPC_UNAVAILABLE, id="503-on-grpc-only"),
    pytest.param(
        a_probe(status=404, headers=(), **LOST), Status.FAIL, Symptom.GRPC_UNIMPLEMENTED, id="404-in-place-of-grpc"
    ),
    pytest.param(a_probe(status=403, headers=(), **LOST), Status.FAIL, Symptom.GRPC_INTERNAL, id="403-of-a-firewall"),
    pytest.param(GAP, Status.SKIP, None, id="no-call-was-made"),
]


@pytest.mark.parametrize(("probe", "expected", "symptom"), STATUSES)
def test_status(probe: GrpcProbe | Unavailable, expected: Status, symptom: Symptom | None) -> None:
    [finding] = status(TARGET, probe, FINE, GAP, UNREAD, GAP)

    assert (finding.status, finding.symptom) == (expected, symptom)


def test_an_error_that_a_plain_request_meets_too_is_told_once() -> None:
    visit = visited(exchange(502), error=502)
    [finding] = status(TARGET, a_probe(status=502, headers=EDGE_HEADERS, **LOST), visit, GAP, UNREAD, GAP)

    assert finding.status is Status.SKIP


def test_a_service_that_the_health_service_does_not_know_is_a_warning() -> None:
    [finding] = status(TARGET, judge(an_exchange(trailers=trailers(5)), "shop.v1.Cart"), FINE, GAP, UNREAD, GAP)

    assert finding.status is Status.WARN
    assert "shop.v1.Cart" in finding.summary


@pytest.mark.parametrize(
    ("target", "probe", "expected"),
    [
        pytest.param(TARGET, a_probe(), Status.PASS, id="a-call-was-made"),
        pytest.param(TARGET, a_probe(status=0, reach=Reach.CLOSED), Status.PASS, id="a-call-that-failed-was-made"),
        pytest.param(TARGET, GAP, Status.UNKNOWN, id="a-login-stands-before-it"),
        pytest.param(TARGET, NOTHING, Status.SKIP, id="nothing-to-call"),
        pytest.param(PAGE, NOTHING, Status.SKIP, id="not-a-grpc-target"),
    ],
)
def test_not_probed(target: Target, probe: GrpcProbe | Unavailable, expected: Status) -> None:
    [finding] = not_probed(target, probe)

    assert finding.status is expected


CALLS = [
    pytest.param(TARGET, a_probe(), GAP, Status.PASS, id="serving"),
    pytest.param(TARGET, trailers_only(12), GAP, Status.FAIL, id="12-no-health-service"),
    pytest.param(TARGET, a_probe(**LOST), GAP, Status.FAIL, id="no-trailers"),
    pytest.param(TARGET, a_probe(**LOST), route(), Status.SKIP, id="a-tunnels-has-a-step-of-its-own"),
    pytest.param(TARGET, GAP, GAP, Status.UNKNOWN, id="a-login-stands-before-it"),
    pytest.param(TARGET, NOTHING, GAP, Status.SKIP, id="nothing-to-call"),
    pytest.param(PAGE, NOTHING, GAP, Status.SKIP, id="not-a-grpc-target"),
]


@pytest.mark.parametrize(("target", "probe", "way", "expected"), CALLS)
def test_grpc_call(target: Target, probe: GrpcProbe | Unavailable, way: Any, expected: Status) -> None:
    [finding] = grpc_call(target, probe, FINE, way)

    assert finding.status is expected


QUIC = logs_of(REGISTERED)
HTTP2 = logs_of(REGISTERED_HTTP2)
TRANSPORT = [
    pytest.param(a_probe(**LOST), route(), QUIC, Status.FAIL, id="quic-by-the-log-and-no-trailers"),
    pytest.param(GAP, route(), QUIC, Status.WARN, id="quic-by-the-log-and-no-call"),
    pytest.param(trailers_only(12), route(), QUIC, Status.WARN, id="quic-lets-errors-without-a-body-through"),
    pytest.param(a_probe(), route(), QUIC, Status.PASS, id="trailers-came-through-whatever-the-log-says"),
    pytest.param(a_probe(**LOST), route(), HTTP2, Status.PASS, id="http2-by-the-log"),
    pytest.param(
        a_probe(**LOST), route(workloads=(a_cloudflared(protocol="quic"),)), UNREAD, Status.FAIL, id="quic-by-arguments"
    ),
    pytest.param(
        a_probe(**LOST),
        route(workloads=(a_cloudflared(protocol="http2"),)),
        UNREAD,
        Status.PASS,
        id="http2-by-arguments",
    ),
    pytest.param(
        a_probe(**LOST), on_a_machine(top="protocol: quic\n"), UNREAD, Status.FAIL, id="quic-by-the-configuration"
    ),
    pytest.param(a_probe(**LOST), on_a_machine(), UNREAD, Status.FAIL, id="inferred-since-all-behind-keeps-http2"),
    pytest.param(
        a_probe(**LOST), on_a_machine(more=""), UNREAD, Status.SKIP, id="not-inferred-where-http2-ends-behind-it"
    ),
    pytest.param(a_probe(headers=()), on_a_machine(), UNREAD, Status.SKIP, id="not-inferred-from-a-foreign-body"),
    pytest.param(GAP, on_a_machine(), UNREAD, Status.UNKNOWN, id="nothing-tells"),
    pytest.param(NOTHING, on_a_machine(), UNREAD, Status.SKIP, id="nothing-to-call"),
    pytest.param(a_probe(**LOST), GAP, UNREAD, Status.SKIP, id="no-tunnel"),
]


@pytest.mark.parametrize(("probe", "way", "logs", "expected"), TRANSPORT)
def test_transport_quic(probe: Any, way: Any, logs: Any, expected: Status) -> None:
    [finding] = transport_quic(TARGET, probe, way, logs)

    assert finding.status is expected, finding.summary


ORIGIN = [
    pytest.param(a_probe(**LOST), route(), Status.PASS, id="http2-over-tls"),
    pytest.param(a_probe(**LOST), route(""), Status.FAIL, id="off"),
    pytest.param(a_probe(**LOST), route("http2origin: true"), Status.FAIL, id="misspelt"),
    pytest.param(
        a_probe(**LOST), route("http2Origin: true\nmatchSNItoHost: true"), Status.FAIL, id="taken-away-by-the-sni"
    ),
    pytest.param(a_probe(**LOST), route(service="http://nginx.example.com"), Status.FAIL, id="plain-http"),
    pytest.param(a_probe(), route(""), Status.PASS, id="trailers-came-through-all-the-same"),
    pytest.param(trailers_only(14), route(""), Status.WARN, id="off-and-only-errors-get-through"),
    pytest.param(GAP, route(""), Status.WARN, id="off-and-no-call"),
    pytest.param(a_probe(**LOST), route("", service="tcp://10.0.0.1:22"), Status.SKIP, id="not-http-at-all"),
    pytest.param(a_probe(), GAP, Status.UNKNOWN, id="rules-unread"),
]


@pytest.mark.parametrize(("probe", "way", "expected"), ORIGIN)
def test_http2_origin_off(probe: Any, way: Any, expected: Status) -> None:
    [finding] = http2_origin_off(TARGET, probe, way, UNREAD)

    assert finding.status is expected, finding.summary


def test_pages_are_not_asked_for_grpc() -> None:
    findings = [
        *status(PAGE, NOTHING, FINE, GAP, UNREAD, GAP),
        *transport_quic(PAGE, NOTHING, route(), UNREAD),
        *http2_origin_off(PAGE, NOTHING, route(), UNREAD),
    ]

    assert {item.status for item in findings} == {Status.SKIP}
