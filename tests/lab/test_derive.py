"""EndpointSlices as the cluster's controller would make them."""

from __future__ import annotations

from typing import Any

import pytest

from ingressdoctor.lab import World
from ingressdoctor.lab.derive import endpoint_slices


def service(**spec: Any) -> dict[str, Any]:
    usual = {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": "shop", "uid": "u", "labels": {"team": "a"}},
        "spec": {**usual, **spec},
    }


def pod(name: str, ip: str = "10.0.0.1", **over: Any) -> dict[str, Any]:
    ready = "True" if over.get("ready", True) else "False"
    meta = {"name": name, "namespace": over.get("namespace", "shop"), "labels": over.get("labels", {"app": "web"})}
    if over.get("deleting"):
        meta["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta,
        "spec": {
            "nodeName": "n1",
            "containers": [{"name": "c", "ports": over.get("ports", [{"name": "http", "containerPort": 8080}])}],
            "initContainers": over.get("init"),
        },
        "status": {
            "phase": over.get("phase", "Running"),
            "podIP": ip,
            "conditions": [{"type": "Ready", "status": ready}],
        },
    }


def conditions(pods: list[dict[str, Any]], **spec: Any) -> dict[str, tuple[bool, bool, bool]]:
    """Address to (ready, serving, terminating)."""
    return {
        endpoint["addresses"][0]: tuple(endpoint["conditions"][key] for key in ("ready", "serving", "terminating"))
        for piece in endpoint_slices([service(**spec), *pods])
        for endpoint in piece["endpoints"] or ()
    }


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        pytest.param(pod("a"), {"10.0.0.1": (True, True, False)}, id="a-ready-pod-is-ready"),
        pytest.param(
            pod("a", ready=False), {"10.0.0.1": (False, False, False)}, id="an-unready-pod-is-in-but-not-ready"
        ),
        pytest.param(pod("a", deleting=True), {"10.0.0.1": (False, True, True)}, id="a-deleted-pod-may-still-serve"),
        pytest.param(pod("a", phase="Succeeded"), {}, id="a-finished-pod-is-out"),
        pytest.param(pod("a", phase="Failed"), {}, id="a-failed-pod-is-out"),
        pytest.param(pod("a", ip=""), {}, id="a-pod-without-an-address-is-out"),
        pytest.param(pod("a", namespace="other"), {}, id="another-namespace-is-out"),
        pytest.param(pod("a", labels={"app": "api"}), {}, id="other-labels-are-out"),
    ],
)
def test_which_pods_are_endpoints(one: dict[str, Any], expected: dict[str, Any]) -> None:
    assert conditions([one]) == expected


def test_publishing_not_ready_addresses_makes_them_ready() -> None:
    assert conditions([pod("a", ready=False)], publishNotReadyAddresses=True) == {"10.0.0.1": (True, False, False)}


def test_a_service_without_pods_has_an_empty_slice() -> None:
    (piece,) = endpoint_slices([service()])
    assert (piece["endpoints"], piece["ports"]) == (None, None)
    assert piece["metadata"]["labels"]["kubernetes.io/service-name"] == "web"


@pytest.mark.parametrize(
    "spec",
    [pytest.param({"selector": None}, id="no-selector"), pytest.param({"type": "ExternalName"}, id="external-name")],
)
def test_some_services_have_no_slice_at_all(spec: dict[str, Any]) -> None:
    assert endpoint_slices([service(**spec), pod("a")]) == ()


def test_a_named_port_is_looked_up_in_each_pod() -> None:
    pods = [
        pod("a", "10.0.0.1"),
        pod("b", "10.0.0.2", ports=[{"name": "http", "containerPort": 9090}]),
        pod("c", "10.0.0.3", ports=[]),
    ]
    found = {
        piece["endpoints"][0]["addresses"][0]: [(port["name"], port["port"]) for port in piece["ports"] or ()]
        for piece in endpoint_slices([service(), *pods])
    }
    assert found == {"10.0.0.1": [("http", 8080)], "10.0.0.2": [("http", 9090)], "10.0.0.3": []}


def test_a_number_is_taken_unchecked_and_an_unset_target_is_the_port_itself() -> None:
    ports = [{"name": "a", "port": 80, "targetPort": 1234}, {"name": "b", "port": 81}]
    (piece,) = endpoint_slices([service(ports=ports), pod("a")])
    assert [(port["name"], port["port"]) for port in piece["ports"]] == [("a", 1234), ("b", 81)]


def test_a_sidecar_may_own_the_named_port() -> None:
    sidecar = [{"name": "s", "restartPolicy": "Always", "ports": [{"name": "http", "containerPort": 7000}]}]
    (piece,) = endpoint_slices([service(), pod("a", ports=[], init=sidecar)])
    assert piece["ports"][0]["port"] == 7000


def test_a_slice_holds_a_hundred_endpoints_and_one_address_family() -> None:
    pods = [pod(f"p{i}", f"10.1.{i // 200}.{i % 200}") for i in range(150)] + [pod("six", "fd00::1")]
    found = endpoint_slices([service(), *pods])
    assert sorted((piece["addressType"], len(piece["endpoints"])) for piece in found) == [
        ("IPv4", 50),
        ("IPv4", 100),
        ("IPv6", 1),
    ]
    assert len({piece["metadata"]["name"] for piece in found}) == 3


def test_headless_services_are_marked(wecare: World) -> None:
    marks = {
        piece["metadata"]["labels"]["kubernetes.io/service-name"]
        for piece in endpoint_slices(wecare.objects)
        if "service.kubernetes.io/headless" in piece["metadata"]["labels"]
    }
    assert marks == {"mariadb-internal"}
