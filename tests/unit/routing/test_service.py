"""Service ports, targetPorts and merged EndpointSlices, as each release of Traefik sees them."""

from __future__ import annotations

from typing import Any

import pytest

from build.backend import a_pod, a_service, a_slice, an_endpoint
from ingressdoctor.api import BackendEndpoints, EndpointSlice, Pod, ServiceForm
from ingressdoctor.routing.service import (
    belongs_in_slices,
    form_of,
    merge,
    service_port,
    target_port,
)
from ingressdoctor.routing.traefik.version import Version

TWO = ({"name": "http", "port": 80, "targetPort": 8080}, {"name": "grpc", "port": 9000, "targetPort": "grpc"})

PORTS = [
    pytest.param("80", 80, id="by-number"),
    pytest.param("grpc", 9000, id="by-name"),
    pytest.param("8080", None, id="never-by-target-port"),
    pytest.param("https", None, id="unknown-name"),
    pytest.param("", None, id="no-port-named"),
]


@pytest.mark.parametrize(("wanted", "expected"), PORTS)
def test_service_port(wanted: str, expected: int | None) -> None:
    found = service_port(a_service(ports=TWO), wanted)

    assert (found.port if found else None) == expected


def test_the_only_port_may_be_nameless_and_is_not_found_by_the_empty_name() -> None:
    service = a_service(ports=({"port": 80},))

    assert service_port(service, "") is None
    assert service_port(service, "80") is service.ports[0]


def with_init(**more: Any) -> Pod:
    init = {"name": "proxy", "ports": [{"name": "http", "containerPort": 15001}], **more}
    return a_pod(ports=(), spec={"containers": [{"name": "app"}], "initContainers": [init]})


TARGETS: list[Any] = [
    pytest.param({"targetPort": 9999}, a_pod(), 9999, id="numbers-are-not-checked"),
    pytest.param({"targetPort": "http"}, a_pod(), 8080, id="name-of-a-container-port"),
    pytest.param({"targetPort": "metrics"}, a_pod(), None, id="unresolved-name"),
    pytest.param({}, a_pod(), 80, id="unset-is-the-port-itself"),
    pytest.param({"targetPort": "8081"}, a_pod(), 8081, id="digits-are-a-number"),
    pytest.param({"targetPort": "http", "protocol": "UDP"}, a_pod(), None, id="name-with-another-protocol"),
    pytest.param({"targetPort": 0}, a_pod(), 80, id="zero-is-unset"),
    pytest.param({"targetPort": "http"}, with_init(restartPolicy="Always"), 15001, id="sidecars-after-containers"),
    pytest.param({"targetPort": "http"}, with_init(), None, id="ordinary-init-containers-never"),
    pytest.param({"targetPort": "http"}, with_init(restartPolicy="Never"), None, id="nor-with-another-policy"),
    pytest.param({"targetPort": "http"}, a_pod(spec={"containers": None}), None, id="null-containers"),
]


@pytest.mark.parametrize(("port", "pod", "expected"), TARGETS)
def test_target_port(port: dict[str, Any], pod: Pod, expected: int | None) -> None:
    service = a_service(ports=({"port": 80, **port},))

    assert target_port(service.ports[0], pod) == expected


FORMS = [
    pytest.param({}, ServiceForm.SELECTOR, id="plain"),
    pytest.param({"clusterIP": "None"}, ServiceForm.HEADLESS, id="headless"),
    pytest.param({"selector": None}, ServiceForm.MANUAL, id="no-selector"),
    pytest.param({"type": "ExternalName", "externalName": "x.example"}, ServiceForm.EXTERNAL_NAME, id="external-name"),
]


@pytest.mark.parametrize(("spec", "expected"), FORMS)
def test_form(spec: dict[str, Any], expected: ServiceForm) -> None:
    assert form_of(a_service(spec=spec)) is expected


LISTED = [
    pytest.param(a_pod(), True, id="running"),
    pytest.param(a_pod(ready=False), True, id="not-ready-is-listed-as-not-ready"),
    pytest.param(a_pod(phase="Succeeded"), False, id="finished"),
    pytest.param(a_pod(phase="Failed"), False, id="failed"),
    pytest.param(a_pod(ip="", status={"podIPs": None}), False, id="no-address"),
]


@pytest.mark.parametrize(("pod", "expected"), LISTED)
def test_which_pods_are_listed(pod: Pod, expected: bool) -> None:
    assert belongs_in_slices(pod) is expected


def merged(*slices: EndpointSlice, version: str = "", layer4: bool = False, **spec: Any) -> BackendEndpoints:
    service = a_service(spec=spec)
    return merge(service, slices, service.ports[0], version=Version.parse(version), layer4=layer4)


READY = {"ready": True, "serving": True, "terminating": False}
NULLS = {"ready": None, "serving": None, "terminating": None}
DOWN = {"ready": False, "serving": False}
DRAINING = {"ready": False, "serving": True, "terminating": True}
PUBLISHED = {"ready": True, "serving": False}
GONE = {"ready": False, "serving": False, "terminating": True}
UNSAID = {"ready": True, "serving": None, "terminating": True}
# What Traefik takes, and what of that only for sticky sessions: per release, then for TCP routes of any release.
CONDITIONS = [
    pytest.param("3.7.9", False, READY, (1, 0), id="ready"),
    pytest.param("3.7.9", False, NULLS, (1, 0), id="null-serving-is-true-since-3.6.7"),
    pytest.param("3.6.7", False, NULLS, (1, 0), id="3.6.7-changed-it"),
    pytest.param("3.6.6", False, NULLS, (0, 0), id="null-is-false-up-to-3.6.6"),
    pytest.param("3.2.0", False, NULLS, (0, 0), id="null-ready-is-false-up-to-3.2"),
    pytest.param("3.7.9", False, DOWN, (0, 0), id="not-ready"),
    pytest.param("3.7.9", False, DRAINING, (1, 1), id="draining-is-fenced-since-3.3"),
    pytest.param("3.3.0", False, DRAINING, (1, 1), id="draining-is-fenced-in-3.3"),
    pytest.param("3.2.0", False, DRAINING, (0, 0), id="draining-is-gone-in-3.2"),
    pytest.param("2.11.53", False, DRAINING, (0, 0), id="draining-is-gone-in-2.11"),
    pytest.param("3.7.9", False, PUBLISHED, (0, 0), id="published-not-ready-is-not-taken-since-3.6.7"),
    pytest.param("3.6.6", False, PUBLISHED, (1, 0), id="published-not-ready-is-taken-up-to-3.6.6"),
    pytest.param("3.1.0", False, PUBLISHED, (1, 0), id="published-not-ready-is-taken-in-3.1"),
    pytest.param("3.7.9", False, GONE, (0, 0), id="terminating-and-not-serving"),
    pytest.param("3.7.9", False, UNSAID, (1, 1), id="terminating-is-fenced-whatever-serving-says-since-3.6.7"),
    pytest.param("3.6.6", False, UNSAID, (1, 0), id="fenced-wants-serving-up-to-3.6.6"),
    pytest.param("3.7.9", True, READY, (1, 0), id="tcp-ready"),
    pytest.param("3.7.9", True, NULLS, (0, 0), id="tcp-null-is-not-ready"),
    pytest.param("3.7.9", True, DRAINING, (0, 0), id="tcp-never-drains"),
    pytest.param("3.7.9", True, PUBLISHED, (1, 0), id="tcp-published-not-ready"),
    pytest.param("3.2.0", True, READY, (1, 0), id="tcp-in-3.2"),
]


@pytest.mark.parametrize(("version", "layer4", "said", "expected"), CONDITIONS)
def test_conditions_by_release(
    version: str, layer4: bool, said: dict[str, bool | None], expected: tuple[int, int]
) -> None:
    endpoints = merged(a_slice(an_endpoint(**said)), version=version, layer4=layer4)

    assert (len(endpoints.servers), sum(item.fenced for item in endpoints.servers)) == expected
    assert len(endpoints.fresh) == expected[0] - expected[1]


def test_conditions_missing_altogether_mean_ready() -> None:
    [endpoint] = merged(a_slice({"addresses": ["10.0.0.1"], "conditions": None})).all

    assert (endpoint.ready, endpoint.serving, endpoint.terminating, endpoint.taken) == (True, True, False, True)


FAMILIES = [
    pytest.param("3.7.9", {}, ["10.42.1.5", "fd00::5", "db.example"], id="3.7-takes-every-family-and-names"),
    pytest.param("3.0.4", {}, ["10.42.1.5"], id="3.0-reads-the-endpoints-object-ipv4"),
    pytest.param("3.0.4", {"ipFamilies": ["IPv6", "IPv4"]}, ["fd00::5"], id="3.0-takes-the-primary-family"),
    pytest.param("2.11.0", {"clusterIP": "fd00::1"}, ["fd00::5"], id="2.11-family-of-the-cluster-ip"),
]


@pytest.mark.parametrize(("version", "spec", "expected"), FAMILIES)
def test_address_families(version: str, spec: dict[str, Any], expected: list[str]) -> None:
    endpoints = merged(
        a_slice(an_endpoint()),
        a_slice(an_endpoint("fd00::5"), family="IPv6", name="web-six"),
        a_slice(an_endpoint("db.example"), family="FQDN", name="web-zzz"),
        version=version,
        **spec,
    )

    assert [item.address for item in endpoints.servers] == expected


def test_several_slices_are_merged_and_addresses_kept_once() -> None:
    endpoints = merged(
        a_slice(an_endpoint("10.42.1.5"), an_endpoint("10.42.1.6")),
        a_slice(an_endpoint("10.42.1.6"), an_endpoint("10.42.1.7"), ports=({"name": "http", "port": 9090},)),
        a_slice(an_endpoint("fd00::5"), family="IPv6"),
    )

    assert [(item.address, item.port) for item in endpoints.servers] == [
        ("10.42.1.5", 8080),
        ("10.42.1.6", 8080),
        ("10.42.1.7", 9090),
        ("fd00::5", 8080),
    ]
    assert [item.family for item in endpoints.servers] == ["IPv4", "IPv4", "IPv4", "IPv6"]


def test_an_address_in_two_slices_counts_where_it_is_taken() -> None:
    """While slices are rewritten a pod may stand in both, not ready in the older one."""
    old = a_slice(an_endpoint(**DOWN), name="web-a")

    assert [item.taken for item in merged(old, a_slice(an_endpoint(), name="web-b")).all] == [True]
    assert [item.taken for item in merged(a_slice(an_endpoint(), name="web-0"), old).all] == [True]


def test_the_oldest_slice_decides_on_the_port_then_the_name() -> None:
    young = a_slice(an_endpoint(), meta={"creationTimestamp": "2026-11-20T00:00:00Z"}, name="web-a")
    old = a_slice(
        an_endpoint(),
        ports=({"name": "http", "port": 9090},),
        meta={"creationTimestamp": "2026-11-19T00:00:00Z"},
        name="web-b",
    )

    assert [item.port for item in merged(young, old).servers] == [9090]


STRANGERS = [
    pytest.param({"labels": {"kubernetes.io/service-name": "api"}}, id="of-another-service"),
    pytest.param({"labels": {}}, id="without-the-label"),
    pytest.param({"labels": None}, id="null-labels"),
    pytest.param({"namespace": "other"}, id="of-another-namespace"),
]


@pytest.mark.parametrize("meta", STRANGERS)
def test_slices_of_others_do_not_count(meta: dict[str, Any]) -> None:
    assert merged(a_slice(an_endpoint(), meta=meta, name="web-abc")).all == ()


NAMELESS = [
    pytest.param([{"port": 8080}], 1, id="nameless-in-both"),
    pytest.param([{"name": "", "port": 8080}], 1, id="empty-name"),
    pytest.param([{"name": "http", "port": 8080}], 0, id="slice-names-it"),
    pytest.param([{"port": None}], 0, id="port-without-a-number"),
    pytest.param([{"port": 0}], 0, id="zero-is-no-port"),
    pytest.param([{"port": 53, "protocol": "UDP"}], 1, id="traefik-does-not-ask-for-the-protocol"),
    pytest.param(None, 0, id="null-ports"),
]


@pytest.mark.parametrize(("ports", "servers"), NAMELESS)
def test_port_names_of_slices_repeat_the_services(ports: Any, servers: int) -> None:
    service = a_service(ports=({"port": 80},))

    endpoints = merge(service, [a_slice(an_endpoint(), ports=ports)], service.ports[0])

    assert len(endpoints.servers) == servers
    assert len(endpoints.portless) == 1 - servers


def test_nulls_everywhere() -> None:
    empty = a_slice(ports=None)

    assert merged(empty) == BackendEndpoints()
    assert merged(a_slice({"addresses": None})).all == ()
