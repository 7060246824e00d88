"""The load balancer's ports: do they exist, and do they lead to the Service's node ports?"""

from __future__ import annotations

import pytest

from build.hetzner import (
    a_balancer,
    a_controller,
    a_listener,
    a_lookup,
    a_service,
    listeners,
)
from build.origin_port import BY_HTTP, BY_HTTPS, BY_SQL, FLEXIBLE
from ingressdoctor.api import LoadBalancer, OriginPort, Service, Status
from ingressdoctor_checks.balancer_service import service_missing, wrong_node_port

HTTP, HTTPS = a_listener(80, to=30080), a_listener(443, to=30443)
ONLY_443 = a_service(ports=((443, "websecure", 30443),))
ONLY_80 = a_service(ports=((80, "web", 30080),))
PORTS = [
    pytest.param(a_balancer(), a_service(), BY_HTTPS, [Status.PASS], id="listens-on-443"),
    pytest.param(a_balancer(services=(HTTP,)), a_service(), BY_HTTPS, [Status.FAIL], id="443-is-missing"),
    pytest.param(a_balancer(services=()), a_service(), BY_HTTPS, [Status.FAIL, Status.WARN], id="none-at-all"),
    pytest.param(
        a_balancer(services=(HTTPS,)),
        a_service(),
        BY_HTTPS,
        [Status.PASS, Status.WARN],
        id="80-published-only",
    ),
    pytest.param(a_balancer(services=(HTTPS,)), ONLY_443, BY_HTTPS, [Status.PASS], id="80-is-not-wanted"),
    pytest.param(
        a_balancer(services=(HTTPS,)),
        a_service(),
        BY_HTTP,
        [Status.FAIL],
        id="plain-http-asks-for-80",
    ),
    pytest.param(
        a_balancer(services=(HTTP,)),
        ONLY_80,
        FLEXIBLE,
        [Status.PASS],
        id="flexible-needs-only-80",
    ),
    pytest.param(
        a_balancer(services=(a_listener(443, protocol="http"),)),
        ONLY_443,
        BY_HTTPS,
        [Status.FAIL],
        id="plain-http-on-443",
    ),
    pytest.param(
        a_balancer(services=(a_listener(443, protocol="https"),)),
        ONLY_443,
        BY_HTTPS,
        [Status.PASS],
        id="tls-ended-at-the-balancer",
    ),
    pytest.param(a_balancer(services=(HTTP, HTTPS)), a_service(), BY_SQL, [Status.FAIL], id="no-3306-for-sql"),
    pytest.param(a_balancer(), a_service(), BY_SQL, [Status.PASS], id="sql-looks-at-3306-alone"),
]


@pytest.mark.parametrize(("balancer", "service", "port", "statuses"), PORTS)
def test_service_missing(balancer: LoadBalancer, service: Service, port: OriginPort, statuses: list[Status]) -> None:
    findings = service_missing(a_lookup(balancer), a_controller(service=service), port)

    assert [finding.status for finding in findings] == statuses


REMEDIES = [
    pytest.param(a_service(), "sync", "kubectl", id="published-so-the-cloud-controller-owes-it"),
    pytest.param(ONLY_80, "does not publish", "kubectl", id="not-published-so-expose-it-first"),
    pytest.param(
        a_service(kind="NodePort", annotations={}), "by hand", "hcloud", id="hand-made-balancer-is-changed-by-hand"
    ),
]


@pytest.mark.parametrize(("service", "says", "tool"), REMEDIES)
def test_a_missing_port_is_added_where_it_belongs(service: Service, says: str, tool: str) -> None:
    lookup = a_lookup(a_balancer(services=(HTTP,)))

    finding = service_missing(lookup, a_controller(service=service), BY_HTTPS)[0]

    assert finding.remedy is not None
    assert says in finding.remedy.text
    assert finding.remedy.commands[0].argv[0] == tool


def test_a_full_type_is_named() -> None:
    lookup = a_lookup(a_balancer(services=(HTTP,), max_services=1))

    finding = service_missing(lookup, a_controller(), BY_HTTPS)[0]

    assert finding.remedy is not None
    assert "all are used" in finding.remedy.text


STALE = a_listener(443, to=31788)
NODE_PORTS = [
    pytest.param(a_balancer(), a_service(), [Status.PASS, Status.PASS], id="both-fit"),
    pytest.param(a_balancer(services=(HTTP, STALE)), a_service(), [Status.FAIL, Status.PASS], id="443-is-stale"),
    pytest.param(
        a_balancer(services=(a_listener(80, to=31000), HTTPS)),
        a_service(),
        [Status.PASS, Status.WARN],
        id="80-is-stale",
    ),
    pytest.param(
        a_balancer(services=(a_listener(443, to=30443, check=32000),)),
        a_service(),
        [Status.WARN],
        id="health-is-checked-elsewhere",
    ),
    pytest.param(
        a_balancer(),
        a_service(ports=((443, "websecure", None),)),
        [Status.SKIP],
        id="service-without-node-ports",
    ),
    pytest.param(a_balancer(services=()), a_service(), [Status.SKIP], id="no-service-is-said-elsewhere"),
]


@pytest.mark.parametrize(("balancer", "service", "statuses"), NODE_PORTS)
def test_wrong_node_port(balancer: LoadBalancer, service: Service, statuses: list[Status]) -> None:
    findings = wrong_node_port(a_lookup(balancer), a_controller(service=service), BY_HTTPS)

    assert [finding.status for finding in findings] == statuses


def test_the_port_is_repaired_to_the_services() -> None:
    finding = wrong_node_port(a_lookup(a_balancer(services=(STALE,))), a_controller(), BY_HTTPS)[0]

    assert "31788" in finding.summary
    assert "30443" in finding.summary
    assert finding.remedy is not None
    assert [command.argv[0] for command in finding.remedy.commands] == ["kubectl", "hcloud"]


@pytest.mark.parametrize("judge", [service_missing, wrong_node_port])
def test_without_a_balancer_there_is_nothing_to_judge(judge: object) -> None:
    [finding] = judge(a_lookup(missing=True), a_controller(), BY_HTTPS)  # type: ignore[operator]

    assert finding.status is Status.SKIP


def test_the_builders_fit_each_other() -> None:
    assert {(item.listen_port, item.destination_port) for item in listeners()} == {
        (port.port, port.node_port) for port in a_service().ports
    }
