"""http, https and h2c towards the pods: what Traefik speaks, what they want, and how it shows."""

from __future__ import annotations

from typing import Any

import pytest

from build.backend import ROUTE, a_ref, a_service, a_slice, a_view, an_endpoint
from build.controller import logs
from build.outside import MISSING, asked, exchange
from build.routes import a_candidate, a_decision
from ingressdoctor.api import BackendView, Status, Target
from ingressdoctor_checks.backend_protocol import protocol_mismatch

WEB, RPC = Target.parse("www.example.com"), Target.parse("grpc://www.example.com")
WANTS_TLS = b"Client sent an HTTP request to an HTTPS server.\n"
RECORD = "500 Internal Server Error error=tls: first record does not look like a TLS handshake"


def view(name: str = "http", number: int = 80, **more: Any) -> BackendView:
    service = a_service(ports=({"name": name, "port": number, "targetPort": "http", **more},))
    slices = (a_slice(an_endpoint(), ports=({"name": name, "port": 8080},)),)
    return a_view(service=service, slices=slices, ref=a_ref(port=str(number)))


ROWS = [
    pytest.param(view(), WEB, 200, b"", logs(), Status.PASS, "speaks http", id="http"),
    pytest.param(view("grpc"), WEB, 502, b"", logs(), Status.FAIL, "they want h2c", id="port-named-grpc-and-502"),
    pytest.param(view("grpc"), WEB, 200, b"", logs(), Status.WARN, "they want h2c", id="port-named-grpc-and-it-works"),
    pytest.param(view("web-grpc"), WEB, 500, b"", logs(), Status.FAIL, "web-grpc", id="name-ends-with-grpc"),
    pytest.param(view(app_protocol="x"), WEB, 500, b"", logs(), Status.PASS, "speaks http", id="500-alone-is-no-sign"),
    pytest.param(
        view(appProtocol="kubernetes.io/h2c"), WEB, 502, b"", logs(), Status.FAIL, "appProtocol", id="app-protocol"
    ),
    pytest.param(view(), RPC, 502, b"", logs(), Status.FAIL, "gRPC is asked for", id="target-is-grpc"),
    pytest.param(view(), WEB, 400, WANTS_TLS, logs(), Status.FAIL, "they want https", id="pods-want-tls"),
    pytest.param(
        view(number=443), WEB, 500, b"", logs(RECORD), Status.FAIL, "they want http;", id="443-on-a-plain-port"
    ),
    pytest.param(
        view("https"),
        WEB,
        500,
        b"Internal Server Error",
        logs(),
        Status.FAIL,
        "no TLS came about",
        id="own-500-of-traefik",
    ),
    pytest.param(
        view("https"),
        *(WEB, 500, b"Internal Server Error", logs("x509: unknown authority"), Status.PASS, "speaks https"),
        id="certificate-is-the-trouble",
    ),
    pytest.param(view("https"), WEB, 500, b"oops", logs(), Status.PASS, "speaks https", id="500-of-the-application"),
    pytest.param(view("https"), WEB, 200, b"", logs(), Status.PASS, "speaks https", id="https-by-name"),
]


@pytest.mark.parametrize(("backend", "target", "code", "body", "lines", "status", "says"), ROWS)
def test_protocol_mismatch(  # noqa: PLR0917 - a row of the table
    backend: BackendView, target: Target, code: int, body: bytes, lines: Any, status: Status, says: str
) -> None:
    decision = a_decision(a_candidate(ref=ROUTE))
    origin = asked(exchange(code, body=body, headers=()))

    (finding,) = protocol_mismatch(decision, backend, MISSING, origin, lines, target)

    assert finding.status is status
    assert says in finding.summary


@pytest.mark.parametrize(
    ("kind", "backend", "status", "says"),
    [
        pytest.param("GRPCRoute", view("grpc"), Status.PASS, "speaks h2c", id="a-grpc-route-needs-no-annotation"),
        pytest.param(
            "GRPCRoute",
            view("grpc", appProtocol="https"),
            Status.PASS,
            "speaks https",
            id="app-protocol-of-a-grpc-route",
        ),
        pytest.param(
            "HTTPRoute", view(appProtocol="kubernetes.io/h2c"), Status.PASS, "speaks h2c", id="app-protocol-counts"
        ),
        pytest.param("HTTPRoute", view("grpc"), Status.FAIL, "they want h2c", id="an-http-route-speaks-http"),
        pytest.param("HTTPRoute", view("https"), Status.PASS, "speaks https", id="the-name-of-the-port-counts"),
    ],
)
def test_routes_of_the_gateway_api(kind: str, backend: BackendView, status: Status, says: str) -> None:
    decision = a_decision(a_candidate(ref=f"{kind} shop/web", provider="kubernetesgateway"))
    origin = asked(exchange(502, headers=()))

    (finding,) = protocol_mismatch(decision, backend, MISSING, origin, logs(), WEB)

    assert finding.status is status
    assert says in finding.summary


def test_a_port_that_no_pod_declares_is_another_question() -> None:
    service = a_service(ports=({"name": "grpc", "port": 80, "targetPort": 9000},))
    backend = a_view(service=service, slices=(a_slice(an_endpoint(), ports=({"name": "grpc", "port": 9000},)),))

    (finding,) = protocol_mismatch(
        a_decision(a_candidate(ref=ROUTE)), backend, MISSING, asked(exchange(502)), logs(), WEB
    )

    assert finding.status is Status.PASS


def test_nothing_is_spoken_without_an_endpoint_or_a_look() -> None:
    decision = a_decision(a_candidate(ref=ROUTE))

    (dead,) = protocol_mismatch(decision, a_view(pods=()), MISSING, MISSING, logs(), WEB)
    (unseen,) = protocol_mismatch(decision, MISSING, MISSING, MISSING, logs(), WEB)

    assert dead.status is Status.SKIP
    assert unseen.status is not Status.FAIL
