"""Where kube-proxy sends a connection: readiness, draining, traffic policies, hints, families."""

from __future__ import annotations

from typing import Any

import pytest

from build.backend import a_service, a_slice, an_endpoint
from ingressdoctor.api import EndpointSlice
from ingressdoctor.routing.kube_proxy import Seat, Sent, sent_by_kube_proxy


def sent(*slices: EndpointSlice, seat: Seat | None = None, external: bool = False, **spec: Any) -> Sent:
    service = a_service(spec=spec)
    return sent_by_kube_proxy(service, service.ports[0], slices, seat, external=external)


def addresses(answer: Sent) -> list[str]:
    return [item.address for item in answer.endpoints]


DRAINING = an_endpoint("10.42.1.6", ready=False, serving=True, terminating=True)
CONDITIONS = [
    pytest.param({}, 1, id="ready"),
    pytest.param({"ready": None, "serving": None, "terminating": None}, 1, id="null-is-ready"),
    pytest.param({"ready": False, "serving": False}, 0, id="not-ready"),
    pytest.param({"ready": False, "serving": True}, 0, id="serving-alone-is-not-enough"),
    pytest.param({"ready": False, "serving": True, "terminating": True}, 1, id="draining-when-nothing-else-is-left"),
    pytest.param({"ready": False, "serving": None, "terminating": True}, 1, id="null-serving-is-true"),
    pytest.param({"ready": False, "serving": False, "terminating": True}, 0, id="terminating-and-not-serving"),
    pytest.param({"ready": True, "serving": False}, 1, id="published-though-not-ready"),
]


@pytest.mark.parametrize(("said", "expected"), CONDITIONS)
def test_conditions(said: dict[str, bool | None], expected: int) -> None:
    answer = sent(a_slice(an_endpoint(**said)))

    assert len(answer.endpoints) == expected
    assert (answer.handled, answer.dropped) == (True, False)


def test_draining_endpoints_are_left_alone_while_others_are_ready() -> None:
    assert addresses(sent(a_slice(an_endpoint(), DRAINING))) == ["10.42.1.5"]


NOT_HANDLED = [
    pytest.param({"clusterIP": "None"}, id="headless"),
    pytest.param({"type": "ExternalName", "externalName": "x.example"}, id="external-name"),
]


@pytest.mark.parametrize("spec", NOT_HANDLED)
def test_services_it_does_not_serve(spec: dict[str, Any]) -> None:
    assert sent(a_slice(an_endpoint()), **spec) == Sent(handled=False)


LOCAL_IN: dict[str, Any] = {"internalTrafficPolicy": "Local"}
LOCAL_OUT: dict[str, Any] = {"externalTrafficPolicy": "Local"}
POLICIES = [
    pytest.param({}, False, "node-9", 1, False, id="cluster-goes-anywhere"),
    pytest.param(LOCAL_IN, False, "node-9", 0, True, id="internal-local-without-a-local-pod-drops"),
    pytest.param(LOCAL_IN, False, "node-1", 1, False, id="internal-local-with-a-local-pod"),
    pytest.param(LOCAL_IN, False, "", 0, True, id="a-nameless-node-has-no-local-pods"),
    pytest.param(LOCAL_IN, True, "node-9", 1, False, id="internal-policy-is-not-for-node-ports"),
    pytest.param(LOCAL_OUT, True, "node-9", 0, True, id="external-local-drops"),
    pytest.param(LOCAL_OUT, True, "node-1", 1, False, id="external-local-with-a-local-pod"),
    pytest.param(LOCAL_OUT, False, "node-9", 1, False, id="external-policy-is-not-for-cluster-ip"),
]


@pytest.mark.parametrize(("spec", "external", "node", "expected", "dropped"), POLICIES)
def test_traffic_policies(spec: dict[str, Any], external: bool, node: str, expected: int, dropped: bool) -> None:
    answer = sent(a_slice(an_endpoint()), seat=Seat(node=node), external=external, **spec)

    assert (len(answer.endpoints), answer.dropped) == (expected, dropped)


def test_without_endpoints_anywhere_local_refuses_as_cluster_does() -> None:
    assert sent(a_slice(), seat=Seat(node="node-1"), **LOCAL_IN) == Sent()


def test_local_falls_back_to_draining_pods_of_its_own_node() -> None:
    elsewhere = {**an_endpoint("10.42.2.6"), "nodeName": "node-2"}

    assert addresses(sent(a_slice(elsewhere, DRAINING), seat=Seat(node="node-1"), **LOCAL_IN)) == ["10.42.1.6"]


def hinted(address: str, *, zone: str | None = None, node: str | None = None, **said: bool | None) -> dict[str, Any]:
    hints = {"forZones": [{"name": zone}] if zone else None, "forNodes": [{"name": node}] if node else None}
    return {**an_endpoint(address, **said), "hints": hints}


HERE = Seat(node="node-1", zone="fsn1")
A, B = "10.42.1.1", "10.42.2.2"
HINTS = [
    pytest.param([hinted(A, zone="fsn1"), hinted(B, zone="nbg1")], [A], id="own-zone"),
    pytest.param([hinted(A, zone="fsn1"), hinted(B)], [A, B], id="one-without-a-hint-ends-it"),
    pytest.param([hinted(A, zone="hel1"), hinted(B, zone="nbg1")], [A, B], id="no-hint-for-this-zone"),
    pytest.param([hinted(A, node="node-1"), hinted(B, node="node-2")], [A], id="own-node"),
    pytest.param(
        [hinted(A, zone="nbg1", node="node-1"), hinted(B, zone="fsn1", node="node-2")], [A], id="node-before-zone"
    ),
    pytest.param(
        [hinted(A, zone="fsn1", node="node-3"), hinted(B, zone="nbg1", node="node-2")], [A], id="zone-when-no-own-node"
    ),
    pytest.param(
        [hinted(A, zone="fsn1"), hinted(B, ready=False, serving=False)], [A], id="hints-of-unready-ones-do-not-matter"
    ),
    pytest.param(
        [hinted(A, zone="nbg1", ready=False, terminating=True)], [A], id="draining-pods-are-taken-whatever-the-hint"
    ),
    pytest.param([{**an_endpoint(A), "hints": {"forZones": [{"name": None}]}}], [A], id="a-null-zone-is-no-hint"),
]


@pytest.mark.parametrize(("endpoints", "expected"), HINTS)
def test_hints(endpoints: list[dict[str, Any]], expected: list[str]) -> None:
    assert addresses(sent(a_slice(*endpoints), seat=HERE)) == expected


def test_a_node_without_a_zone_ignores_zone_hints() -> None:
    assert addresses(sent(a_slice(hinted(A, zone="fsn1"), hinted(B, zone="nbg1")), seat=Seat(node="node-1"))) == [A, B]


FAMILIES = [
    pytest.param("IPv4", ["10.42.1.5"], id="ipv4"),
    pytest.param("IPv6", ["fd00::5"], id="ipv6"),
]


@pytest.mark.parametrize(("family", "expected"), FAMILIES)
def test_one_family_each_and_never_names(family: str, expected: list[str]) -> None:
    slices = (
        a_slice(an_endpoint()),
        a_slice(an_endpoint("fd00::5"), family="IPv6"),
        a_slice(an_endpoint("db.example"), family="FQDN"),
    )

    assert addresses(sent(*slices, seat=Seat(family=family))) == expected


PORTS = [
    pytest.param([{"name": "http", "port": 8080}], 1, id="same-name"),
    pytest.param([{"name": "http", "port": 8080, "protocol": "UDP"}], 0, id="the-protocol-counts"),
    pytest.param([{"name": "metrics", "port": 8080}], 0, id="another-name"),
    pytest.param([{"name": "http", "port": None}], 0, id="no-number"),
    pytest.param([{"name": "http", "port": 0}], 0, id="zero"),
    pytest.param(None, 0, id="null-ports"),
]


@pytest.mark.parametrize(("ports", "expected"), PORTS)
def test_ports(ports: Any, expected: int) -> None:
    assert len(sent(a_slice(an_endpoint(), ports=ports)).endpoints) == expected


def test_of_several_addresses_only_the_first_is_used() -> None:
    assert addresses(sent(a_slice({**an_endpoint(), "addresses": ["10.0.0.1", "10.0.0.2"]}))) == ["10.0.0.1"]


def test_nulls_everywhere() -> None:
    bare = {"addresses": ["10.0.0.1"], "conditions": None, "hints": None, "nodeName": None, "targetRef": None}

    assert addresses(sent(a_slice(bare, {"addresses": None}))) == ["10.0.0.1"]
    assert sent() == Sent()


def test_the_pod_behind_an_address_is_named() -> None:
    [found] = sent(a_slice({**an_endpoint(), "targetRef": {"kind": "Pod", "name": "web-1"}})).endpoints

    assert (found.pod, found.node, found.port) == ("web-1", "node-1", 8080)
