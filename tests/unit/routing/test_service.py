"""Service ports, targetPorts and merged EndpointSlices, as Traefik and as kube-proxy see them."""

from __future__ import annotations

from typing import Any

import pytest

from build.backend import a_pod, a_service, a_slice, an_endpoint
from ingressdoctor.api import BackendEndpoints, EndpointSlice, Pod, ServiceForm
from ingressdoctor.routing.service import (
    belongs_in_slices,
    form_of,
    kube_proxy_endpoints,
    merge,
    service_port,
    target_port,
)

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


SIDECAR = {"initContainers": [{"name": "proxy", "ports": [{"name": "http", "containerPort": 15001}]}]}
RUNNING = {"state": {"running": {}}, "name": "proxy"}
ENDED = {"state": {"terminated": {"exitCode": 0}}, "name": "proxy"}

TARGETS: list[Any] = [
    pytest.param({"targetPort": 9999}, a_pod(), 9999, id="numbers-are-not-checked"),
    pytest.param({"targetPort": "http"}, a_pod(), 8080, id="name-of-a-container-port"),
    pytest.param({"targetPort": "metrics"}, a_pod(), None, id="unresolved-name"),
    pytest.param({}, a_pod(), 80, id="unset-is-the-port-itself"),
    pytest.param({"targetPort": "8081"}, a_pod(), 8081, id="digits-are-a-number"),
    pytest.param({"targetPort": "http", "protocol": "UDP"}, a_pod(), None, id="name-with-another-protocol"),
    pytest.param(
        {"targetPort": "http"},
        a_pod(ports=(), spec=SIDECAR | {"containers": [{"name": "app"}]}, status={"initContainerStatuses": [RUNNING]}),
        15001,
        id="sidecars-after-containers",
    ),
    pytest.param(
        {"targetPort": "http"},
        a_pod(ports=(), spec=SIDECAR | {"containers": [{"name": "app"}]}, status={"initContainerStatuses": [ENDED]}),
        None,
        id="ordinary-init-containers-have-ended",
    ),
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


def merged(*slices: EndpointSlice) -> BackendEndpoints:
    return merge(slices, a_service().ports[0])


CONDITIONS = [
    pytest.param({}, 1, 1, id="ready"),
    pytest.param({"ready": False, "serving": False}, 0, 0, id="not-ready"),
    pytest.param({"ready": False, "serving": True, "terminating": True}, 1, 1, id="draining-when-nothing-else-is-left"),
    pytest.param({"ready": None, "serving": None, "terminating": None}, 0, 1, id="null-is-ready-but-not-to-traefik"),
    pytest.param({"ready": True, "serving": None}, 1, 1, id="serving-unset"),
    pytest.param({"ready": True, "serving": False}, 1, 1, id="published-though-not-ready"),
]


@pytest.mark.parametrize(("said", "traefik", "kube_proxy"), CONDITIONS)
def test_conditions(said: dict[str, bool | None], traefik: int, kube_proxy: int) -> None:
    endpoints = merged(a_slice(an_endpoint(**said)))

    assert len(endpoints.servers) == traefik
    assert len(kube_proxy_endpoints(a_service(), endpoints)) == kube_proxy


def test_conditions_missing_altogether_mean_ready() -> None:
    [endpoint] = merged(a_slice({"addresses": ["10.0.0.1"], "conditions": None})).all

    assert (endpoint.ready, endpoint.serving, endpoint.terminating, endpoint.taken) == (True, True, False, False)


def test_draining_endpoints_are_left_alone_while_others_are_ready() -> None:
    draining = an_endpoint("10.42.1.6", ready=False, serving=True, terminating=True)
    endpoints = merged(a_slice(an_endpoint(), draining))

    assert [item.address for item in kube_proxy_endpoints(a_service(), endpoints)] == ["10.42.1.5"]
    assert [item.address for item in endpoints.servers] == ["10.42.1.5", "10.42.1.6"]
    assert [item.address for item in endpoints.fresh] == ["10.42.1.5"]


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


NAMELESS = [
    pytest.param([{"port": 8080}], 1, id="nameless-in-both"),
    pytest.param([{"name": "", "port": 8080}], 1, id="empty-name"),
    pytest.param([{"name": "http", "port": 8080}], 0, id="slice-names-it"),
    pytest.param([{"port": None}], 0, id="port-without-a-number"),
    pytest.param(None, 0, id="null-ports"),
]


@pytest.mark.parametrize(("ports", "servers"), NAMELESS)
def test_port_names_of_slices_repeat_the_services(ports: Any, servers: int) -> None:
    service = a_service(ports=({"port": 80},))

    endpoints = merge([a_slice(an_endpoint(), ports=ports)], service.ports[0])

    assert len(endpoints.servers) == servers
    assert len(endpoints.portless) == 1 - servers


POLICIES = [
    pytest.param({}, False, "node-9", 1, id="cluster-goes-anywhere"),
    pytest.param({"internalTrafficPolicy": "Local"}, False, "node-9", 0, id="internal-local-without-a-local-pod"),
    pytest.param({"internalTrafficPolicy": "Local"}, False, "node-1", 1, id="internal-local-with-a-local-pod"),
    pytest.param({"externalTrafficPolicy": "Local"}, True, "node-9", 0, id="external-local-drops"),
    pytest.param({"externalTrafficPolicy": "Local"}, False, "node-9", 1, id="external-policy-is-not-for-cluster-ip"),
]


@pytest.mark.parametrize(("spec", "external", "node", "expected"), POLICIES)
def test_traffic_policies(spec: dict[str, Any], external: bool, node: str, expected: int) -> None:
    endpoints = merged(a_slice(an_endpoint()))

    assert len(kube_proxy_endpoints(a_service(spec=spec), endpoints, node=node, external=external)) == expected


def test_nulls_everywhere() -> None:
    empty = a_slice(ports=None)

    assert merged(empty) == BackendEndpoints()
    assert merged(a_slice({"addresses": None})).all == ()
