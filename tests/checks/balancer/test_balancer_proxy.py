"""The PROXY protocol between load balancer and controller: the table of four states, trust and drift."""

from __future__ import annotations

from typing import Any

import pytest

from build.hetzner import (
    a_balancer,
    a_controller,
    a_listener,
    a_lookup,
    a_pod,
    a_service,
    listeners,
)
from build.origin_port import BY_HTTPS, BY_SQL
from ingressdoctor.api import OriginPort, ServicePort, Status
from ingressdoctor_checks.balancer_proxy import entry_point_of, proxy_protocol_mismatch

LOCAL = {"externalTrafficPolicy": "Local"}
OFF = a_balancer(services=listeners(proxy=False))
TABLE = [
    pytest.param(a_balancer(), {}, BY_HTTPS, Status.PASS, id="both-on"),
    pytest.param(OFF, {"trusted": None}, BY_HTTPS, Status.PASS, id="both-off"),
    pytest.param(a_balancer(), {"trusted": None}, BY_HTTPS, Status.FAIL, id="sent-but-not-expected"),
    pytest.param(OFF, {}, BY_HTTPS, Status.WARN, id="expected-but-not-sent-costs-http-the-client-address"),
    pytest.param(OFF, {}, BY_SQL, Status.SKIP, id="where-the-server-speaks-first-the-tcp-route-is-judged"),
    pytest.param(a_balancer(), {"trusted": ("*",)}, BY_HTTPS, Status.PASS, id="insecure-trusts-everybody"),
    pytest.param(a_balancer(), {"trusted": ("192.0.2.0/24",)}, BY_HTTPS, Status.WARN, id="nodes-are-not-trusted"),
    pytest.param(
        a_balancer(),
        {"trusted": ("10.0.1.5/32",)},
        BY_HTTPS,
        Status.WARN,
        id="policy-cluster-shows-nodes-not-the-balancer",
    ),
    pytest.param(
        a_balancer(),
        {"trusted": ("10.0.1.5/32",), "service": a_service(spec=LOCAL)},
        BY_HTTPS,
        Status.PASS,
        id="policy-local-shows-the-balancer",
    ),
    pytest.param(
        a_balancer(),
        {"trusted": ("10.0.1.11/32",), "service": a_service(spec=LOCAL)},
        BY_HTTPS,
        Status.WARN,
        id="policy-local-balancer-not-trusted",
    ),
    pytest.param(a_balancer(), {"trusted": ("nonsense",)}, BY_HTTPS, Status.WARN, id="a-range-that-does-not-parse"),
    pytest.param(
        a_balancer(),
        {"trusted": None, "unreadable": "a mounted file"},
        BY_HTTPS,
        Status.UNKNOWN,
        id="config-unreadable",
    ),
    pytest.param(a_balancer(services=()), {}, BY_HTTPS, Status.SKIP, id="no-service-to-compare"),
    pytest.param(
        a_balancer(services=(a_listener(443, to=30999),)),
        {"service": a_service(ports=((443, "nobody", 30999),))},
        BY_HTTPS,
        Status.UNKNOWN,
        id="no-entry-point-on-the-target-port",
    ),
    pytest.param(
        a_balancer(services=(a_listener(443, to=30999),)),
        {"service": a_service(ports=((443, "nobody", 30999),)), "pods": ()},
        BY_HTTPS,
        Status.SKIP,
        id="no-pod-to-read-entry-points-from",
    ),
]


@pytest.mark.parametrize(("balancer", "controller", "port", "status"), TABLE)
def test_proxy_protocol_mismatch(balancer: Any, controller: dict[str, Any], port: OriginPort, status: Status) -> None:
    first = proxy_protocol_mismatch(a_lookup(balancer), a_controller(**controller), port)[0]

    assert first.status is status


def test_only_port_80_is_wrong() -> None:
    mixed = a_balancer(services=(a_listener(443), a_listener(80, to=30080, proxy=False)))

    statuses = [f.status for f in proxy_protocol_mismatch(a_lookup(mixed), a_controller(), BY_HTTPS)]

    assert statuses == [Status.PASS, Status.WARN]


DRIFT = [
    pytest.param({"uses-proxyprotocol": "true"}, a_balancer(), False, id="annotation-and-balancer-on"),
    pytest.param({"uses-proxyprotocol": "false"}, a_balancer(), True, id="annotation-off-balancer-on"),
    pytest.param({"uses-proxyprotocol": "true"}, OFF, True, id="annotation-on-balancer-off"),
    pytest.param({}, a_balancer(), False, id="no-annotation-may-be-the-cluster-default"),
    pytest.param({"uses-proxyprotocol": "yes"}, a_balancer(), False, id="a-refused-value-is-said-elsewhere"),
]


@pytest.mark.parametrize(("annotations", "balancer", "warned"), DRIFT)
def test_drift(annotations: dict[str, str], balancer: Any, *, warned: bool) -> None:
    controller = a_controller(service=a_service(annotations=annotations), trusted=("*",))

    findings = proxy_protocol_mismatch(a_lookup(balancer), controller, BY_HTTPS)

    assert any("asks for the PROXY protocol" in f.summary for f in findings) is warned


@pytest.mark.parametrize(
    ("mode", "balancer", "warned"),
    [
        pytest.param("VIP", a_balancer(), True, id="vip-skips-the-balancer"),
        pytest.param("Proxy", a_balancer(), False, id="proxy-goes-through-it"),
        pytest.param("VIP", OFF, False, id="vip-is-fine-without-proxy-protocol"),
    ],
)
def test_hairpin(mode: str, balancer: Any, *, warned: bool) -> None:
    service = a_service(ingress=({"ip": "203.0.113.10", "ipMode": mode},))

    findings = proxy_protocol_mismatch(a_lookup(balancer), a_controller(service=service), BY_HTTPS)

    assert any("ipMode VIP" in f.summary for f in findings) is warned


@pytest.mark.parametrize(
    ("port", "pods", "expected"),
    [
        pytest.param(ServicePort(port=443, target_port="websecure"), (a_pod(),), "websecure", id="by-port-name"),
        pytest.param(ServicePort(port=443, target_port=8443), (a_pod(),), "websecure", id="by-number"),
        pytest.param(ServicePort(port=443, target_port="8443"), (a_pod(),), "websecure", id="by-number-as-text"),
        pytest.param(ServicePort(port=8000), (a_pod(),), "web", id="no-target-port-means-the-port"),
        pytest.param(ServicePort(port=443, target_port="websecure"), (), "websecure", id="no-pods-but-same-name"),
        pytest.param(ServicePort(port=443, target_port="nobody"), (a_pod(),), None, id="nobody"),
    ],
)
def test_entry_point_of(port: ServicePort, pods: Any, expected: str | None) -> None:
    entry = entry_point_of(port, a_controller(pods=pods))

    assert (entry.name if entry else None) == expected


def test_no_balancer() -> None:
    [finding] = proxy_protocol_mismatch(a_lookup(missing=True), a_controller(), BY_HTTPS)

    assert finding.status is Status.SKIP
