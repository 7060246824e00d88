"""The Service that the route names, its port, its selector and its endpoints."""

from __future__ import annotations

from typing import Any

import pytest

from build.backend import (
    FORBIDDEN,
    HOST,
    ROUTE,
    a_decision,
    a_pod,
    a_ref,
    a_service,
    a_slice,
    a_view,
    an_endpoint,
)
from ingressdoctor.api import BackendView, DroppedRoute, DropReason, RouteDecision, Status, Unavailable
from ingressdoctor.evidence.backend import PodMaker
from ingressdoctor_checks.backend import port_missing, service_missing
from ingressdoctor_checks.backend_endpoints import no_endpoints, selector_matches_nothing

NO_ROUTE = a_decision(routed=False)
GONE = Unavailable(wanted="it", reason="no route of this host ends at a Service")
TYPO = {"selector": {"app": "wob"}}

EVERY = [service_missing, port_missing, selector_matches_nothing, no_endpoints]


@pytest.mark.parametrize("item", EVERY, ids=lambda item: item.id)
def test_without_a_route_there_is_nothing_to_judge(item: Any) -> None:
    [finding] = item(NO_ROUTE, GONE)

    assert finding.status is Status.SKIP


@pytest.mark.parametrize("item", EVERY, ids=lambda item: item.id)
def test_a_backend_that_may_not_be_read_is_unknown(item: Any) -> None:
    [finding] = item(a_decision(), FORBIDDEN)

    assert finding.status is Status.UNKNOWN
    assert finding.enable_with == "Grant list on it."


@pytest.mark.parametrize("item", EVERY, ids=lambda item: item.id)
def test_a_healthy_backend_passes(item: Any) -> None:
    [finding] = item(a_decision(), a_view())

    assert finding.status is Status.PASS


SERVICES = [
    pytest.param(("api", "wep", "db"), "Did you mean wep?", id="near-name"),
    pytest.param(("api", "db"), "does not exist.", id="nothing-near"),
    pytest.param((), "does not exist.", id="empty-namespace"),
]


@pytest.mark.parametrize(("siblings", "words"), SERVICES)
def test_service_missing(siblings: tuple[str, ...], words: str) -> None:
    [finding] = service_missing(a_decision(), a_view(missing=True, pods=(), siblings=siblings))

    assert finding.status is Status.FAIL
    assert words in finding.summary
    assert ROUTE in finding.summary


def test_a_dropped_sibling_route_is_a_warning_beside_a_live_one() -> None:
    dropped = DroppedRoute(
        ref="IngressRoute shop/old",
        rule=f"Host(`{HOST}`)",
        reason=DropReason.SERVICE_MISSING,
        detail="kubernetes service not found: shop/old",
        backends=(a_ref("old"),),
    )

    findings = service_missing(a_decision(dropped=(dropped,)), a_view())

    assert [finding.status for finding in findings] == [Status.PASS, Status.WARN]


TWO_PORTS = ({"name": "http", "port": 80, "targetPort": "http"}, {"name": "admin", "port": 81})
PORTS = [
    pytest.param("80", {}, Status.PASS, "has port 80 (http)", id="number"),
    pytest.param("http", {}, Status.PASS, "has port 80 (http)", id="name"),
    pytest.param("8081", {}, Status.FAIL, "names port 8081", id="unknown-number"),
    pytest.param("", {}, Status.FAIL, "names no port at all", id="no-port"),
    pytest.param(
        "8080",
        {"ports": [{"port": 80, "targetPort": 8080}]},
        Status.FAIL,
        "is the targetPort of its port 80",
        id="target",
    ),
    pytest.param("1", {"type": "ExternalName", "ports": None}, Status.SKIP, "ExternalName", id="external-name"),
]


@pytest.mark.parametrize(("port", "spec", "status", "words"), PORTS)
def test_port_missing(port: str, spec: dict[str, Any], status: Status, words: str) -> None:
    view = a_view(service=a_service(ports=TWO_PORTS, spec=spec), ref=a_ref(port=port))

    [finding] = port_missing(a_decision(), view)

    assert finding.status is status
    assert words in finding.summary


def test_the_port_of_a_missing_service_is_not_missing_too() -> None:
    [finding] = port_missing(a_decision(), a_view(missing=True, pods=()))

    assert finding.status is Status.SKIP


def nothing_selected(**more: Any) -> BackendView:
    return a_view(**{"service": a_service(spec=TYPO), "pods": (), "namespace_pods": 2, **more})


SELECTORS = [
    pytest.param(
        nothing_selected(near_pods=(a_pod(),)), Status.FAIL, "it wants app=wob, and pod web-1 has web", id="closest-pod"
    ),
    pytest.param(
        nothing_selected(near_pods=(a_pod(labels={"tier": "x"}),)), Status.FAIL, "has no such label", id="label-missing"
    ),
    pytest.param(nothing_selected(), Status.FAIL, "scaled to zero", id="no-pod-at-all"),
    pytest.param(nothing_selected(others=(a_ref("web2"),)), Status.WARN, "selects no pod", id="canary-without-pods"),
    pytest.param(
        nothing_selected(slices=(a_slice(an_endpoint()),)), Status.WARN, "selects no pod", id="slices-by-other-hands"
    ),
    pytest.param(a_view(service=a_service(spec={"selector": None}), pods=()), Status.SKIP, "no pods", id="no-selector"),
    pytest.param(a_view(pods=(a_pod(phase="Succeeded"),)), Status.SKIP, "no running pod", id="only-finished-pods"),
    pytest.param(a_view(pods=FORBIDDEN), Status.UNKNOWN, "403", id="pods-may-not-be-read"),
    pytest.param(a_view(missing=True, pods=()), Status.SKIP, "does not exist", id="service-missing"),
]


@pytest.mark.parametrize(("view", "status", "words"), SELECTORS)
def test_selector_matches_nothing(view: BackendView, status: Status, words: str) -> None:
    [finding] = selector_matches_nothing(a_decision(), view)

    assert finding.status is status
    assert words in finding.summary


MAKERS = [
    pytest.param(PodMaker(ref="Deployment shop/web", replicas=0), "which makes them, is scaled to zero", id="zero"),
    pytest.param(
        PodMaker(ref="Deployment shop/web", replicas=3, message="exceeded quota: pods=10"),
        "wants 3 pods and has none (exceeded quota: pods=10)",
        id="quota",
    ),
]


@pytest.mark.parametrize(("maker", "words"), MAKERS)
def test_why_no_pod_was_made_is_told(maker: PodMaker, words: str) -> None:
    [finding] = selector_matches_nothing(a_decision(), nothing_selected(makers=(maker,), near_pods=(a_pod(),)))

    assert finding.status is Status.FAIL
    assert words in finding.summary


OTHER_NAME = a_pod(ports=({"name": "web", "containerPort": 8080},))
NO_PORT = a_slice(an_endpoint(), ports=None)
ENDPOINTS = [
    pytest.param(a_view(slices=FORBIDDEN), Status.UNKNOWN, "403", id="slices-may-not-be-read"),
    pytest.param(
        a_view(pods=(OTHER_NAME,), slices=(NO_PORT,)),
        Status.FAIL,
        "container ports are named web",
        id="port-name-differs",
    ),
    pytest.param(a_view(slices=()), Status.FAIL, "EndpointSlices do not list them", id="slices-lag-behind"),
    pytest.param(
        a_view(service=a_service(spec={"selector": None}), pods=(), slices=()),
        Status.FAIL,
        "nobody keeps EndpointSlices",
        id="no-selector-no-slices",
    ),
    pytest.param(
        a_view(
            service=a_service(spec={"selector": None}),
            pods=(),
            slices=(a_slice(an_endpoint(ready=None, serving=None, terminating=None)),),
        ),
        Status.PASS,
        "1 endpoint",
        id="hand-made-slices-without-conditions-are-fine-since-3.6.7",
    ),
    pytest.param(
        a_view(
            service=a_service(spec={"selector": None}),
            pods=(),
            slices=(a_slice(an_endpoint(ready=False, serving=False)),),
        ),
        Status.FAIL,
        "none that is ready and serving",
        id="hand-made-slices-that-say-no",
    ),
    pytest.param(
        a_view(service=a_service(spec={"selector": None}), pods=(), slices=(a_slice(an_endpoint()),)),
        Status.PASS,
        "1 endpoint",
        id="hand-made-slices-are-fine",
    ),
    pytest.param(
        a_view(slices=(a_slice(an_endpoint(ready=False, serving=True, terminating=True)),)),
        Status.FAIL,
        "being deleted",
        id="all-terminating",
    ),
    pytest.param(a_view(pods=(a_pod(phase="Succeeded"),)), Status.FAIL, "have all finished", id="all-finished"),
    pytest.param(a_view(pods=(a_pod(ready=False),)), Status.SKIP, "other checks", id="pods-explain-it"),
    pytest.param(nothing_selected(), Status.SKIP, "other checks", id="selector-explains-it"),
    pytest.param(a_view(missing=True, pods=()), Status.SKIP, "Without the Service", id="service-missing"),
    pytest.param(
        a_view(service=a_service(spec={"type": "ExternalName"}), pods=()), Status.SKIP, "by design", id="external-name"
    ),
    pytest.param(a_view(service=a_service(spec={"clusterIP": "None"})), Status.PASS, "2 endpoints", id="headless"),
]


@pytest.mark.parametrize(("view", "status", "words"), ENDPOINTS)
def test_no_endpoints(view: BackendView, status: Status, words: str) -> None:
    [finding] = no_endpoints(a_decision(), view)

    assert finding.status is status
    assert words in finding.summary


def test_some_pods_without_the_named_port_are_a_warning() -> None:
    view = a_view(slices=(a_slice(an_endpoint()), a_slice(an_endpoint("10.42.9.9"), ports=None)))

    findings = no_endpoints(a_decision(), view)

    assert [finding.status for finding in findings] == [Status.PASS, Status.WARN]


def test_a_dropped_route_has_its_backend_judged() -> None:
    dropped = DroppedRoute(
        ref=ROUTE, rule="Host(`x`)", reason=DropReason.SERVICE_MISSING, detail="not found", backends=(a_ref(),)
    )
    decision: RouteDecision = a_decision(routed=False, dropped=(dropped,))

    [finding] = service_missing(decision, a_view(missing=True, pods=(), live=False))

    assert finding.status is Status.FAIL
