"""ingress-nginx as visitors of the LAN meet it: the node's port, uploads, and the admission webhook."""

from __future__ import annotations

from typing import Any

import pytest

from build.nginx import HOST, a_controller_of_nginx, a_front, an_ingress, seen_by_nginx
from build.outside import CLOCK, exchange, visited
from ingressdoctor.api import Inapplicable, NginxWay, Status, Target, Unavailable
from ingressdoctor.collect.nginx_controllers import webhook_of
from ingressdoctor.collect.nginx_logs import parse_nginx_logs
from ingressdoctor_checks.balancer_svclb import svclb_pending
from ingressdoctor_checks.nginx_limits import body_too_large
from ingressdoctor_checks.nginx_webhook import webhook_down

TARGET = Target.parse(HOST)
UP, MISSED, NOBODY = visited(), visited(exchange(404, body=b"<center>nginx</center>")), visited(exchange(0))
NONE = Inapplicable(wanted="x", reason="no request is seen to fail behind it")
FORBIDDEN = Unavailable(wanted="x", reason="403", enable_with="grant it")
SERVED = seen_by_nginx(an_ingress(), direct=True, way=NginxWay.HOST_PORT, address="10.0.0.200")
BESIDE = seen_by_nginx(an_ingress(), direct=True, way=NginxWay.HOST_PORT, address="10.0.0.57")
BOUND = seen_by_nginx(
    an_ingress(),
    controller=a_controller_of_nginx(host_network=True),
    direct=True,
    way=NginxWay.HOST_PORT,
    address="10.0.0.57",
)
STRANGE = seen_by_nginx(an_ingress(), direct=True, way=NginxWay.HOST_PORT)


@pytest.mark.parametrize(
    ("nginx", "probe", "status"),
    [
        pytest.param(SERVED, NOBODY, Status.PASS, id="an-address-of-the-service"),
        pytest.param(BESIDE, NOBODY, Status.FAIL, id="a-node-that-does-not-lead-there"),
        pytest.param(BESIDE, UP, Status.PASS, id="a-node-that-does-all-the-same"),
        pytest.param(BOUND, NOBODY, Status.PASS, id="a-port-of-the-host-needs-no-balancer"),
        pytest.param(STRANGE, NOBODY, Status.PASS, id="nobodys-address-is-judged-elsewhere"),
    ],
)
def test_a_node_that_is_left_out(nginx: Any, probe: Any, status: Status) -> None:
    [finding] = svclb_pending(nginx, probe, CLOCK)

    assert finding.status is status


def logged(text: str) -> Any:
    line = f'2026/11/21 09:59:00 [error] 31#31: *7 {text}, request: "POST /import HTTP/2.0", host: "{HOST}"'
    return parse_nginx_logs(line, (HOST,))


LARGE = logged("client intended to send too large body: 2873114 bytes")


@pytest.mark.parametrize(
    ("nginx", "logs", "status", "text"),
    [
        pytest.param(SERVED, LARGE, Status.WARN, "2.7 MiB (POST /import)", id="an-upload-was-refused"),
        pytest.param(seen_by_nginx(direct=True), LARGE, Status.WARN, "413", id="and-no-route-any-more"),
        pytest.param(SERVED, logged("client sent invalid header"), Status.PASS, "None of", id="nothing-of-the-kind"),
        pytest.param(SERVED, NONE, Status.SKIP, "not read", id="the-log-was-not-read"),
        pytest.param(SERVED, FORBIDDEN, Status.UNKNOWN, "403", id="the-log-is-forbidden"),
        pytest.param(NONE, LARGE, Status.SKIP, "no part", id="no-ingress-nginx"),
    ],
)
def test_body_too_large(nginx: Any, logs: Any, status: Status, text: str) -> None:
    [finding] = body_too_large(nginx, logs)

    assert finding.status is status
    assert text in finding.summary


BLIND = a_controller_of_nginx(webhook=a_front(), webhook_blind=True)
DOWN, NO_INGRESS = seen_by_nginx(an_ingress(), controller=BLIND), seen_by_nginx(controller=BLIND)
LEFT_OUT = seen_by_nginx(an_ingress(ingressClassName="traefik"), controller=BLIND)
FINE = seen_by_nginx(an_ingress(), controller=a_controller_of_nginx(webhook=a_front()))


@pytest.mark.parametrize(
    ("nginx", "probe", "status", "text"),
    [
        pytest.param(FINE, UP, Status.PASS, "leads to", id="it-answers"),
        pytest.param(DOWN, UP, Status.WARN, "no Ingress can be created", id="nobody-has-noticed"),
        pytest.param(NO_INGRESS, MISSED, Status.FAIL, "which is missing", id="the-ingress-could-not-be-made"),
        pytest.param(NO_INGRESS, UP, Status.WARN, "served as before", id="visitors-are-served"),
        pytest.param(LEFT_OUT, MISSED, Status.WARN, "selects no pod", id="the-ingress-is-there"),
        pytest.param(SERVED, UP, Status.SKIP, "No Service", id="no-webhook"),
        pytest.param(NONE, UP, Status.SKIP, "no part", id="no-ingress-nginx"),
    ],
)
def test_webhook_down(nginx: Any, probe: Any, status: Status, text: str) -> None:
    [finding] = webhook_down(nginx, probe, TARGET)

    assert finding.status is status
    assert text in finding.summary


def test_which_service_is_the_webhooks() -> None:
    hook = a_front(
        metadata={"name": "admission", "namespace": "nginx"},
        spec={"selector": {"app": "x"}, "ports": [{"port": 443, "targetPort": "webhook"}]},
    )
    told = a_controller_of_nginx(args=("--validating-webhook=:8443",))

    assert webhook_of(told, (a_front(), hook)) is hook
    assert webhook_of(a_controller_of_nginx(), (a_front(), hook)) is None
    assert webhook_of(told, (a_front(),)) is None
