"""EndpointSlices against the pods that there are: gone ones, missing ones, and those that are only on their way."""

from __future__ import annotations

from typing import Any

import pytest

from build.backend import CLOCK, FORBIDDEN, a_decision, a_pod, a_service, a_slice, a_view, an_endpoint, slices_of
from ingressdoctor.api import BackendView, Pod, Status
from ingressdoctor_checks.backend_stale import endpoints_stale


def ready_since(name: str, ip: str, when: str = "2026-11-21T11:00:00Z", **more: Any) -> Pod:
    conditions = [{"type": "Ready", "status": "True", "lastTransitionTime": when}]
    return a_pod(name, ip=ip, status={"conditions": conditions, **more})


ONE, TWO = ready_since("web-1", "10.42.1.5"), ready_since("web-2", "10.42.2.6")
GONE = a_slice(an_endpoint("10.42.9.9"))
NAMED = a_slice({**an_endpoint("10.42.9.9"), "targetRef": {"kind": "Pod", "name": "web-1"}})
DRAINING = a_slice(an_endpoint("10.42.9.9", ready=False, serving=True, terminating=True), an_endpoint("10.42.1.5"))
NEW = ready_since("web-3", "10.42.3.7", "2026-11-21T11:59:30Z")
UNDATED = a_pod("web-3", ip="10.42.3.7")
STARTED = a_pod("web-3", ip="10.42.3.7", status={"startTime": "2026-11-21T11:00:00Z"})
FINISHED = ready_since("web-3", "10.42.3.7", phase="Succeeded")
NO_ADDRESS = ready_since("web-3", "", podIPs=None)
DUAL = ready_since("web-1", "10.42.1.5", podIPs=[{"ip": "10.42.1.5"}, {"ip": "fd00::5"}])
BY_IPV6, OTHER_IPV6 = a_slice(an_endpoint("fd00::5")), a_slice(an_endpoint("fd00::9"))
UNREADY = a_pod("web-3", ip="10.42.3.7", ready=False)

ROWS: list[Any] = [
    pytest.param(a_view(pods=(ONE, TWO)), Status.PASS, "", id="both-lists-agree"),
    pytest.param(a_view(pods=(ONE,), slices=(GONE,)), Status.FAIL, "1 address belongs to no pod", id="only-gone-ones"),
    pytest.param(a_view(pods=(ONE,), slices=(NAMED,)), Status.FAIL, "1 address", id="a-pod-of-that-name-made-anew"),
    pytest.param(
        a_view(pods=(ONE,), slices=(GONE, *slices_of((ONE,)))), Status.WARN, "1 address", id="some-gone-some-serve"
    ),
    pytest.param(a_view(pods=(ONE,), slices=(DRAINING,)), Status.PASS, "", id="a-pod-on-its-way-out"),
    pytest.param(
        a_view(pods=(ONE, TWO), slices=slices_of((ONE,))), Status.WARN, "1 ready pod is not", id="one-missing"
    ),
    pytest.param(a_view(pods=(ONE, NEW), slices=slices_of((ONE,))), Status.PASS, "", id="ready-for-half-a-minute"),
    pytest.param(a_view(pods=(ONE, UNDATED), slices=slices_of((ONE,))), Status.PASS, "", id="since-when-is-not-told"),
    pytest.param(
        a_view(pods=(ONE, STARTED), slices=slices_of((ONE,))), Status.WARN, "not in them", id="its-start-counts"
    ),
    pytest.param(
        a_view(pods=(ONE, FINISHED), slices=slices_of((ONE,))), Status.PASS, "", id="finished-pods-are-left-out"
    ),
    pytest.param(a_view(pods=(ONE, NO_ADDRESS), slices=slices_of((ONE,))), Status.PASS, "", id="no-address-yet"),
    pytest.param(a_view(pods=(ONE, UNREADY), slices=slices_of((ONE,))), Status.PASS, "", id="an-unready-pod-may-lack"),
    pytest.param(
        a_view(pods=(ONE,), slices=()), Status.SKIP, "no endpoints", id="no-endpoint-at-all-is-said-elsewhere"
    ),
    pytest.param(a_view(pods=(DUAL,), slices=(BY_IPV6,)), Status.PASS, "", id="listed-by-its-second-address"),
    pytest.param(
        a_view(pods=(DUAL,), slices=(OTHER_IPV6,)), Status.FAIL, "1 ready pod is not", id="neither-of-its-addresses"
    ),
    pytest.param(a_view(slices=FORBIDDEN), Status.SKIP, "no endpoints", id="slices-may-not-be-read"),
    pytest.param(a_view(pods=FORBIDDEN, slices=(GONE,)), Status.UNKNOWN, "could not", id="pods-may-not-be-read"),
    pytest.param(a_view(service=a_service(selector={}), slices=(GONE,)), Status.SKIP, "", id="hand-made-slices"),
]


@pytest.mark.parametrize(("view", "status", "text"), ROWS)
def test_lists_are_compared(view: BackendView, status: Status, text: str) -> None:
    (finding,) = endpoints_stale(a_decision(), view, CLOCK)

    assert finding.status is status
    assert text in finding.summary


def test_the_addresses_are_named() -> None:
    (finding,) = endpoints_stale(a_decision(), a_view(pods=(ONE,), slices=(GONE,)), CLOCK)

    facts = {fact.name: fact.value for fact in finding.facts}
    assert facts["gone"] == "10.42.9.9"
    assert facts["not listed"] == "web-1 10.42.1.5"
