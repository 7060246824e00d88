"""Pods that answer in HTTP/1 where gRPC is asked for, as ingress-nginx's log shows it."""

from __future__ import annotations

from typing import Any

import pytest

from build.backend import a_view
from build.nginx import HOST, an_ingress, seen_by_nginx
from ingressdoctor.api import GrpcExchange, GrpcOutcome, GrpcProbe, Inapplicable, Reach, Status, Target, Unavailable
from ingressdoctor.collect.nginx_logs import parse_nginx_logs
from ingressdoctor_checks.grpc_origin import origin_http1

TARGET = Target.parse(f"grpcs://{HOST}")
NOT_ASKED = Inapplicable(wanted="x", reason="no request is seen to fail")
FORBIDDEN = Unavailable(wanted="x", reason="403", enable_with="grant it")
NGINX = seen_by_nginx(an_ingress(annotations={"backend-protocol": "GRPC"}))
LINE = (
    "2026/11/21 09:59:00 [error] 31#31: *7 upstream sent too large http2 frame: 4740180 while reading response header "
    f'from upstream, client: 10.42.0.1, server: {HOST}, host: "{HOST}"'
)
LOGGED = parse_nginx_logs(LINE, (HOST,))
OTHERS = parse_nginx_logs(LINE.replace(HOST, "other.example"), (HOST,))


def a_probe(outcome: GrpcOutcome) -> GrpcProbe:
    exchange = GrpcExchange(url=TARGET.url, address="192.0.2.1", port=443, reach=Reach.OK)
    return GrpcProbe(exchange=exchange, outcome=outcome)


@pytest.mark.parametrize(
    ("target", "logs", "probe", "status"),
    [
        pytest.param(TARGET, LOGGED, a_probe(GrpcOutcome.HTTP_ERROR), Status.FAIL, id="the-log-says-so"),
        pytest.param(TARGET, LOGGED, FORBIDDEN, Status.FAIL, id="without-a-call-of-our-own"),
        pytest.param(TARGET, LOGGED, a_probe(GrpcOutcome.OK), Status.PASS, id="a-status-came-back"),
        pytest.param(TARGET, OTHERS, a_probe(GrpcOutcome.HTTP_ERROR), Status.SKIP, id="a-line-of-another-host"),
        pytest.param(TARGET, NOT_ASKED, a_probe(GrpcOutcome.HTTP_ERROR), Status.SKIP, id="no-log"),
        pytest.param(Target.parse(HOST), LOGGED, FORBIDDEN, Status.SKIP, id="no-grpc"),
    ],
)
def test_origin_http1(target: Target, logs: Any, probe: Any, status: Status) -> None:
    [finding] = origin_http1(target, NGINX, logs, probe, a_view())

    assert finding.status is status


def test_without_the_backend_the_ingress_names_the_service() -> None:
    [finding] = origin_http1(TARGET, NGINX, LOGGED, FORBIDDEN, FORBIDDEN)

    assert finding.subject == "Service api/api"
