"""Sticky sessions: cookies that browsers keep, and those that they throw away."""

from __future__ import annotations

from typing import Any

import pytest

from build.answers import an_exchange, an_origin
from build.backend import NOT_ASKED, a_service, a_view
from build.routes import a_candidate, a_decision
from build.values import replace
from ingressdoctor.api import BackendView, Custom, Loaded, RoutingObjects, Status, Target, Unavailable
from ingressdoctor_checks.traefik_cookies import sticky_cookie

PREFIX = "traefik.ingress.kubernetes.io/service.sticky.cookie"
HTTPS, HTTP = Target.parse("https://www.example.com/"), Target.parse("http://www.example.com/")
INGRESS = a_decision(a_candidate(ref="Ingress ns/shop"))


def annotated(**parts: str) -> BackendView:
    words = {f"{PREFIX}.{key}": value for key, value in parts.items()}
    service = a_service()
    return a_view(service=replace(service, metadata=replace(service.metadata, annotations={PREFIX: "true", **words})))


OFF = a_view(service=replace(a_service(), metadata=replace(a_service().metadata, annotations={PREFIX: "false"})))
ROWS: list[Any] = [
    pytest.param(a_view(), HTTPS, Status.SKIP, "not sticky", id="nothing-is-asked-for"),
    pytest.param(OFF, HTTPS, Status.SKIP, "not sticky", id="switched-off"),
    pytest.param(annotated(), HTTPS, Status.PASS, "", id="no-attributes"),
    pytest.param(annotated(samesite="strict"), HTTPS, Status.PASS, "", id="strict"),
    pytest.param(annotated(samesite="None", secure="true"), HTTPS, Status.PASS, "", id="none-and-secure"),
    pytest.param(annotated(samesite="none"), HTTPS, Status.WARN, "not Secure", id="none-without-secure"),
    pytest.param(annotated(samesite="strcit"), HTTPS, Status.WARN, "none of none", id="misspelt"),
    pytest.param(annotated(secure="true"), HTTP, Status.WARN, "over http", id="secure-over-http"),
    pytest.param(annotated(domain=".example.com"), HTTPS, Status.PASS, "", id="a-domain-over-the-host"),
    pytest.param(annotated(domain="example.org"), HTTPS, Status.WARN, "does not cover", id="another-domain"),
    pytest.param(NOT_ASKED, HTTPS, Status.SKIP, "not sticky", id="the-service-is-not-known"),
]


@pytest.mark.parametrize(("view", "target", "status", "text"), ROWS)
def test_annotations(view: Any, target: Target, status: Status, text: str) -> None:
    (finding,) = sticky_cookie(INGRESS, NOT_ASKED, view, NOT_ASKED, NOT_ASKED, target)

    assert finding.status is status
    assert text in finding.summary


def answer(status: int, cookie: str) -> Any:
    exchange = an_exchange(status)
    return an_origin(replace(exchange, headers=(*exchange.headers, ("set-cookie", cookie)) if cookie else ()))


SERVED: list[Any] = [
    pytest.param(answer(200, "aff=SECRET; Path=/; HttpOnly"), Status.PASS, id="it-came"),
    pytest.param(answer(200, "session=SECRET; Path=/"), Status.WARN, id="another-came"),
    pytest.param(answer(200, ""), Status.WARN, id="none-came"),
    pytest.param(answer(404, ""), Status.PASS, id="an-error-proves-nothing"),
]


@pytest.mark.parametrize(("origin", "status"), SERVED)
def test_what_is_served(origin: Any, status: Status) -> None:
    (finding,) = sticky_cookie(INGRESS, NOT_ASKED, annotated(name="aff"), NOT_ASKED, origin, HTTPS)

    assert finding.status is status
    assert "SECRET" not in str(finding)


def routes(*services: Any) -> RoutingObjects:
    spec = {"routes": [None, {"match": "x"}, {"match": "Host(`www.example.com`)", "services": list(services)}]}
    route = Custom(kind="IngressRoute", metadata=replace(Custom().metadata, name="shop", namespace="ns"), spec=spec)
    return RoutingObjects(
        ingress_routes=Loaded(items=(route,)),
        ingresses=Loaded(),
        middlewares=Loaded(),
        ingress_classes=Loaded(),
        traefik_services=Loaded(),
    )


STICKY: list[Any] = [
    pytest.param(routes({"sticky": {"cookie": {"sameSite": "none"}}}), Status.WARN, id="none-without-secure"),
    pytest.param(routes({"sticky": {"cookie": {"sameSite": "none", "secure": True}}}), Status.PASS, id="secure"),
    pytest.param(routes({"sticky": None}, "junk", None), Status.SKIP, id="not-sticky"),
    pytest.param(Unavailable(wanted="routes", reason="403"), Status.SKIP, id="routes-not-read"),
]


@pytest.mark.parametrize(("objects", "status"), STICKY)
def test_an_ingress_route_says_it_itself(objects: Any, status: Status) -> None:
    decision = a_decision(a_candidate("Host(`www.example.com`)", ref="IngressRoute ns/shop"))

    (finding,) = sticky_cookie(decision, objects, annotated(samesite="none"), NOT_ASKED, NOT_ASKED, HTTPS)

    assert finding.status is status


def test_without_a_winner_there_is_no_cookie() -> None:
    (finding,) = sticky_cookie(a_decision(), NOT_ASKED, a_view(), NOT_ASKED, NOT_ASKED, HTTPS)

    assert finding.status is not Status.PASS
