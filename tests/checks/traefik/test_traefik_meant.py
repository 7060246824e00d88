"""What was meant and has no effect: annotations, middlewares, TLS options; redirects; how Traefik was started."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from build.backend import a_service, a_view
from build.controller import ARGS, a_traefik, a_traefik_pod
from build.outside import MISSING, RANGES, asked, exchange, failed, redirect, visited
from build.routes import (
    HOST,
    a_decision,
    a_dropped,
    a_middleware,
    an_ingress,
    an_ingress_route,
    decided,
    objects,
    trouble,
)
from ingressdoctor.api import (
    Controller,
    Custom,
    DropReason,
    Ingress,
    KnownHosts,
    OriginProbe,
    OutsideProbe,
    Reach,
    RoutingObjects,
    Service,
    Status,
    Target,
)
from ingressdoctor_checks.traefik_annotations import annotation_misread
from ingressdoctor_checks.traefik_dropped import middleware_cross_namespace
from ingressdoctor_checks.traefik_middlewares import cors_mismatch, middleware_unattached
from ingressdoctor_checks.traefik_redirects import redirect_loop
from ingressdoctor_checks.traefik_static import forwarded_headers, static_source, version
from ingressdoctor_checks.traefik_tls import tls_option_conflict

PREFIX = "traefik.ingress.kubernetes.io/"
TLS = {"router.entrypoints": "websecure"}
TARGET = Target.parse(HOST)
ASKED = f"https://{HOST}/"


def annotated(**annotations: str) -> RoutingObjects:
    given = {**TLS, **{key.replace("__", "/"): value for key, value in annotations.items()}}
    return objects(ingresses=(an_ingress(annotations=given),))


def a_noted_service(**annotations: str) -> Service:
    service = a_service("shop", namespace="ns")
    return msgspec.convert(
        {**msgspec.to_builtins(service), "metadata": {"name": "shop", "namespace": "ns", "annotations": annotations}},
        Service,
    )


NOTES = [
    pytest.param(annotated(), Status.PASS, "stands where", id="only-what-is-read"),
    pytest.param(
        annotated(**{"service.sticky.cookie": "true"}),
        Status.WARN,
        "so sessions are not sticky",
        id="sticky-on-the-ingress",
    ),
    pytest.param(
        annotated(**{"service.serversscheme": "h2c"}), Status.WARN, "from the Service only", id="service-option"
    ),
    pytest.param(
        annotated(**{"router.middleware": "ns-a@kubernetescrd"}), Status.FAIL, "did you mean", id="costs-the-ingress"
    ),
    pytest.param(annotated(**{"router.priority": "high"}), Status.FAIL, "leaves the whole", id="value-cannot-be-read"),
    pytest.param(annotated(**{"router-priority": "10"}), Status.WARN, "router.priority", id="misspelt-outside-router"),
    pytest.param(annotated(**{"rule-type": "PathPrefixStrip"}), Status.WARN, "does not read", id="key-of-version-1"),
    pytest.param(
        annotated(**{"traefik.io__router.priority": "10"}), Status.WARN, "router.priority", id="another-prefix"
    ),
    pytest.param(
        annotated(**{"hub.traefik.io__access-control-policy": "x"}), Status.PASS, "stands", id="another-product"
    ),
    pytest.param(
        annotated(**{"nginx.ingress.kubernetes.io__rewrite-target": "/"}),
        Status.WARN,
        "ingress-nginx",
        id="of-ingress-nginx",
    ),
    pytest.param(
        objects(an_ingress_route(metadata={"annotations": {PREFIX + "router.priority": "10"}})),
        *(Status.WARN, "in its spec"),
        id="on-an-ingress-route",
    ),
    pytest.param(
        objects(an_ingress_route(metadata={"annotations": {"kubernetes.io/ingress.class": "traefik"}})),
        *(Status.PASS, "stands"),
        id="class-of-an-ingress-route",
    ),
    pytest.param(
        objects(unread=("ingress_routes", "ingresses")), Status.UNKNOWN, "cannot be told", id="nothing-readable"
    ),
]


@pytest.mark.parametrize(("found", "status", "says"), NOTES)
def test_annotation_misread(found: RoutingObjects, status: Status, says: str) -> None:
    (finding,) = annotation_misread(decided(found), found, MISSING, MISSING, MISSING, TARGET)

    assert finding.status is status
    assert says in finding.summary


SERVICES = [
    pytest.param(annotated(), {PREFIX + "service.sticky.cookie": "true"}, Status.PASS, "stands", id="read"),
    pytest.param(annotated(), {PREFIX + "router.priority": "1"}, Status.WARN, "Ingress only", id="router-on-a-service"),
    pytest.param(annotated(), {PREFIX + "service.sticky.cooky": "1"}, Status.WARN, "did you mean", id="misspelt"),
    pytest.param(
        objects(an_ingress_route()), {PREFIX + "service.sticky.cookie": "true"}, Status.WARN, "IngressRoute", id="crd"
    ),
]


@pytest.mark.parametrize(("found", "notes", "status", "says"), SERVICES)
def test_annotations_of_a_service(found: RoutingObjects, notes: dict[str, str], status: Status, says: str) -> None:
    decision = decided(found)
    assert decision.winner is not None
    view = a_view(service=a_noted_service(**notes), route=decision.winner.ref)

    (finding,) = annotation_misread(decision, found, view, MISSING, MISSING, TARGET)

    assert finding.status is status
    assert says in finding.summary


def test_an_unknown_key_on_the_service_costs_the_path() -> None:
    found = annotated()
    decision = decided(found)
    assert decision.winner is not None
    view = a_view(service=a_noted_service(**{PREFIX + "service.serverscheme": "h2c"}), route=decision.winner.ref)

    (lost,) = annotation_misread(decision, found, view, visited(exchange(404)), MISSING, TARGET)
    (fine,) = annotation_misread(decision, found, view, visited(exchange(200)), MISSING, TARGET)

    assert (lost.status, fine.status) == (Status.FAIL, Status.WARN)
    assert "did you mean traefik.ingress.kubernetes.io/service.serversscheme" in lost.summary


def test_a_lost_route_for_this_very_path_is_a_failure() -> None:
    client = an_ingress(path="/", name="client", annotations=TLS)
    api = an_ingress(path="/api", name="api", annotations={**TLS, "router.priorty": "9"})
    found = objects(ingresses=(client, api))

    (here,) = annotation_misread(decided(found, path="/api/x"), found, MISSING, MISSING, MISSING, TARGET)
    (elsewhere,) = annotation_misread(decided(found, path="/"), found, MISSING, MISSING, MISSING, TARGET)

    assert (here.status, elsewhere.status) == (Status.FAIL, Status.WARN)


CORS = a_middleware("cors", headers={"accessControlAllowOriginList": [f"https://{HOST}"]})
LIST = a_middleware("office", ipAllowList={"sourceRange": ["192.0.2.0/24"]})


def with_middlewares(*names: str) -> Custom:
    return an_ingress_route(route={"middlewares": [{"name": name} for name in names]})


LOOSE = [
    pytest.param(objects(an_ingress_route(), middlewares=(CORS,)), Status.WARN, "CORS headers", id="cors"),
    pytest.param(objects(an_ingress_route(), middlewares=(LIST,)), Status.WARN, "an address list", id="address-list"),
    pytest.param(objects(with_middlewares("cors"), middlewares=(CORS,)), Status.PASS, "stands unused", id="attached"),
    pytest.param(
        objects(an_ingress_route(), middlewares=(a_middleware("gzip", compress={}),)),
        *(Status.PASS, "1 of other types"),
        id="types-that-only-shape",
    ),
    pytest.param(
        objects(
            with_middlewares("all"), middlewares=(CORS, a_middleware("all", chain={"middlewares": [{"name": "cors"}]}))
        ),
        *(Status.PASS, "stands unused"),
        id="named-by-a-chain",
    ),
    pytest.param(
        objects(
            an_ingress_route(),
            ingresses=(
                an_ingress("other.example.com", annotations={**TLS, "router.middlewares": "ns-cors@kubernetescrd"}),
            ),
            middlewares=(CORS,),
        ),
        *(Status.PASS, "stands unused"),
        id="named-by-an-ingress",
    ),
    pytest.param(
        objects(
            an_ingress_route(), middlewares=(a_middleware("cors", namespace="b", headers={"accessControlMaxAge": 1}),)
        ),
        *(Status.PASS, "stands unused"),
        id="of-another-namespace",
    ),
    pytest.param(objects(an_ingress_route(), unread=("middlewares",)), Status.UNKNOWN, "403", id="not-readable"),
    pytest.param(objects(an_ingress_route(), unread=("ingresses",)), Status.UNKNOWN, "403", id="users-not-readable"),
    pytest.param(objects(middlewares=(CORS,)), Status.SKIP, "No route", id="no-route"),
]


@pytest.mark.parametrize(("found", "status", "says"), LOOSE)
def test_middleware_unattached(found: RoutingObjects, status: Status, says: str) -> None:
    (finding,) = middleware_unattached(decided(found), found, a_traefik(), MISSING)

    assert finding.status is status
    assert says in finding.summary


@pytest.mark.parametrize(
    ("name", "status"),
    [
        pytest.param("cors", Status.WARN, id="named-after-nothing-but-its-purpose"),
        pytest.param("shop-cors", Status.WARN, id="named-after-this-route"),
        pytest.param("billing-cors", Status.PASS, id="named-after-another-route"),
        pytest.param("ledger-cors", Status.PASS, id="named-after-another-routes-path"),
        pytest.param("partner-cors", Status.WARN, id="named-after-no-route-at-all"),
    ],
)
def test_a_middleware_of_another_route_is_not_missing_from_this_one(name: str, status: Status) -> None:
    other = an_ingress_route("Host(`pay.example.com`) && PathPrefix(`/ledger`)", name="billing")
    headers = {"accessControlAllowOriginList": ["https://www.example.com"]}
    found = objects(an_ingress_route(), other, middlewares=(a_middleware(name, headers=headers),))

    (finding,) = middleware_unattached(decided(found), found, a_traefik(), MISSING)

    assert finding.status is status


def test_entry_points_and_services_attach_middlewares_too() -> None:
    found = objects(an_ingress_route(), middlewares=(CORS,))
    pod = a_traefik_pod(args=(*ARGS, "--entryPoints.websecure.http.middlewares=ns-cors@kubernetescrd"))
    view = a_view(service=a_noted_service(**{PREFIX + "service.middlewares": "ns-cors@kubernetescrd"}))

    (by_point,) = middleware_unattached(decided(found), found, a_traefik(pods=(pod,)), MISSING)
    (by_service,) = middleware_unattached(decided(found), found, a_traefik(), view)

    assert by_point.status is by_service.status is Status.PASS


def cors(*origins: str, **more: Any) -> RoutingObjects:
    headers = {"accessControlAllowOriginList": list(origins), **more}
    return objects(with_middlewares("cors"), middlewares=(a_middleware("cors", headers=headers),))


ORIGINS = [
    pytest.param(cors(f"https://{HOST}"), Status.PASS, "can send", id="right"),
    pytest.param(cors(HOST), Status.WARN, "the scheme is missing", id="no-scheme"),
    pytest.param(cors(f"https://{HOST}/"), Status.WARN, "without a slash", id="trailing-slash"),
    pytest.param(cors(f"https://{HOST}/app"), Status.WARN, "no path", id="path"),
    pytest.param(cors("https://WWW.example.com"), Status.WARN, "lower case", id="capitals"),
    pytest.param(cors("https://*.example.com"), Status.WARN, "a star inside", id="star-inside"),
    pytest.param(cors("https://wwww.example.com"), Status.WARN, "did you mean www.example.com", id="misspelt-host"),
    pytest.param(cors("https://elsewhere.example.net"), Status.PASS, "can send", id="another-site"),
    pytest.param(cors("http://localhost:3000"), Status.PASS, "can send", id="a-developer"),
    pytest.param(cors("*"), Status.PASS, "can send", id="star"),
    pytest.param(cors("*", accessControlAllowCredentials=True), Status.WARN, "credentials", id="star-with-credentials"),
    pytest.param(cors("chrome-extension://abc"), Status.PASS, "can send", id="an-extension"),
    pytest.param(objects(an_ingress_route()), Status.SKIP, "no middleware", id="no-cors"),
    pytest.param(objects(), Status.SKIP, "No single route", id="no-route"),
]


@pytest.mark.parametrize(("found", "status", "says"), ORIGINS)
def test_cors_mismatch(found: RoutingObjects, status: Status, says: str) -> None:
    known = KnownHosts(hosts={HOST: ("IngressRoute ns/shop",)})

    (finding,) = cors_mismatch(decided(found), found, known, TARGET)

    assert finding.status is status
    assert says in finding.summary


def with_option(option: str, name: str, path: str = "") -> Custom:
    rule = f"Host(`{HOST}`)" + (f" && PathPrefix(`{path}`)" if path else "")
    return an_ingress_route(rule, name=name, spec={"tls": {"options": {"name": option}} if option else {}})


def an_ingress_with(option: str) -> Ingress:
    return an_ingress(path="/api", annotations={**TLS, "router.tls.options": option})


OPTIONS = [
    pytest.param(objects(with_option("", "a"), with_option("", "b", "/b")), 200, Status.PASS, "default", id="none"),
    pytest.param(objects(with_option("m", "a"), with_option("m", "b", "/b")), 200, Status.PASS, "ns-m@", id="same"),
    pytest.param(
        objects(with_option("m", "a"), with_option("", "b", "/b")), 200, Status.WARN, "default", id="one-without"
    ),
    pytest.param(
        objects(with_option("m", "a"), with_option("n", "b", "/b")), 421, Status.FAIL, "421", id="misdirected"
    ),
    pytest.param(
        objects(with_option("m", "a"), ingresses=(an_ingress_with("ns-m@kubernetescrd"),)),
        *(200, Status.PASS, "one TLS option"),
        id="ingress-and-route-agree",
    ),
    pytest.param(
        objects(with_option("m", "a"), ingresses=(an_ingress_with("ns-n@kubernetescrd"),)),
        *(200, Status.WARN, "different TLS options"),
        id="ingress-and-route-differ",
    ),
]


@pytest.mark.parametrize(("found", "answer", "status", "says"), OPTIONS)
def test_tls_option_conflict(found: RoutingObjects, answer: int, status: Status, says: str) -> None:
    outside = visited(exchange(answer))

    (finding,) = tls_option_conflict(decided(found), found, outside, MISSING, TARGET)

    assert finding.status is status
    assert says in finding.summary


def test_a_missing_tls_option_is_a_failure() -> None:
    drop = a_dropped(DropReason.TLS_OPTION, "building router handler: unknown TLS options: ns-m", related="ns-m")

    (finding,) = tls_option_conflict(a_decision(dropped=(drop,)), objects(), MISSING, MISSING, TARGET)
    (elsewhere,) = middleware_cross_namespace(trouble(a_decision(dropped=(drop,))))

    assert (finding.status, elsewhere.status) == (Status.FAIL, Status.PASS)
    assert "closes every TLS connection" in finding.summary


def test_plain_requests_have_no_tls_option() -> None:
    found = objects(an_ingress_route())

    (finding,) = tls_option_conflict(decided(found, tls=False), found, MISSING, MISSING, TARGET)

    assert finding.status is Status.SKIP


def origin(https: tuple[int, str] = (200, ""), http: tuple[int, str] = (301, ASKED)) -> OriginProbe:
    def answer(status: int, location: str, url: str) -> Any:
        return exchange(status, url=url, headers=(("location", location),) if location else ())

    return asked(answer(*https, ASKED), answer(*http, f"http://{HOST}/"))


CIRCLE = visited(redirect(ASKED, url=ASKED), loop=True)
PLAIN = objects(an_ingress_route())
BACK = objects(
    with_middlewares("back"),
    middlewares=(a_middleware("back", redirectRegex={"regex": "^https://(.*)", "replacement": "https://${1}"}),),
)
LOOPS = [
    pytest.param(PLAIN, visited(), origin(), Status.PASS, "not redirect the request to itself", id="no-loop"),
    pytest.param(BACK, CIRCLE, origin((301, ASKED)), Status.FAIL, "to itself", id="middleware-matches-its-own-result"),
    pytest.param(BACK, visited(), origin((301, ASKED)), Status.WARN, "to itself", id="seen-at-the-origin-only"),
    pytest.param(PLAIN, CIRCLE, origin((301, ASKED)), Status.SKIP, "it is the application", id="application-redirects"),
    pytest.param(PLAIN, CIRCLE, origin(), Status.FAIL, "asks it over http", id="edge-asks-over-http"),
    pytest.param(
        BACK,
        CIRCLE,
        origin((301, "https://example.com/"), (404, "")),
        Status.FAIL,
        "one of those",
        id="two-redirects-meet",
    ),
    pytest.param(
        PLAIN, CIRCLE, origin((301, "https://a.com/"), (404, "")), Status.SKIP, "no entry point", id="not-ours"
    ),
    pytest.param(PLAIN, visited(exchange(200)), MISSING, Status.PASS, "not go in a circle", id="visitor-arrives"),
    pytest.param(PLAIN, visited(failed(Reach.TIMEOUT)), MISSING, Status.SKIP, "No answer", id="no-answer"),
    pytest.param(PLAIN, MISSING, MISSING, Status.UNKNOWN, "could not be seen", id="nothing-seen"),
]


@pytest.mark.parametrize(("found", "outside", "direct", "status", "says"), LOOPS)
def test_redirect_loop(found: RoutingObjects, outside: Any, direct: Any, status: Status, says: str) -> None:
    (finding,) = redirect_loop(decided(found), found, a_traefik(), outside, direct, TARGET)

    assert finding.status is status
    assert says in finding.summary


def started(*args: str, image: str = "docker.io/traefik:v3.7.9", env: tuple[str, ...] = ()) -> Controller:
    variables = [{"name": name, "value": "x"} for name in env]
    return a_traefik(pods=(a_traefik_pod(args=(*ARGS, *args), image=image, container={"env": variables}),))


SOURCES = [
    pytest.param(started(), Status.PASS, "one source: args", id="arguments"),
    pytest.param(started("--configFile=/x"), Status.WARN, "from the file only", id="file-kills-arguments"),
    pytest.param(started(env=("TRAEFIK_LOG_LEVEL",)), Status.WARN, "TRAEFIK_LOG_LEVEL", id="arguments-kill-variables"),
    pytest.param(started(env=("TZ",)), Status.PASS, "one source", id="other-variables"),
    pytest.param(a_traefik(pods=()), Status.SKIP, "no Traefik pod", id="no-pod"),
]


@pytest.mark.parametrize(("controller", "status", "says"), SOURCES)
def test_static_source(controller: Controller, status: Status, says: str) -> None:
    (finding,) = static_source(controller)

    assert finding.status is status
    assert says in finding.summary


def test_version() -> None:
    mixed = a_traefik(pods=(a_traefik_pod(), a_traefik_pod("traefik-2", image="traefik:v3.6.1")))
    (one,), (two,) = version(a_traefik()), version(mixed)

    assert (one.status, two.status) == (Status.PASS, Status.WARN)
    assert "3.6.1, 3.7.9" in two.summary


JUDGING = objects(with_middlewares("office"), middlewares=(LIST,))
DEEP = objects(
    with_middlewares("office"),
    middlewares=(a_middleware("office", ipAllowList={"sourceRange": ["192.0.2.0/24"], "ipStrategy": {"depth": 1}}),),
)
OPEN = objects(with_middlewares("o"), middlewares=(a_middleware("o", ipAllowList={"sourceRange": ["0.0.0.0/0"]}),))


def meant_for_the_edge(*ranges: str) -> RoutingObjects:
    return objects(
        with_middlewares("edge"), middlewares=(a_middleware("edge", ipAllowList={"sourceRange": [*ranges]}),)
    )


EDGE_ALONE, EDGE_IN_PART = meant_for_the_edge(*RANGES.cidrs), meant_for_the_edge("104.16.0.0/13")
EDGE_V4 = meant_for_the_edge("104.16.0.0/13", "172.64.0.0/13")
EDGE_AND_OFFICE = meant_for_the_edge("104.16.0.0/13", "192.0.2.0/24")
REFUSED = visited(exchange(403))
TRUSTING = started("--entryPoints.websecure.forwardedHeaders.trustedIPs=10.0.0.0/8")
ADDRESSES = [
    pytest.param(JUDGING, TRUSTING, visited(), Status.WARN, "no ipStrategy", id="peer-is-the-edge"),
    pytest.param(DEEP, started(), visited(), Status.WARN, "trusts nobody", id="nobody-is-trusted"),
    pytest.param(DEEP, TRUSTING, visited(), Status.PASS, "forwarded address", id="looks-behind-the-edge"),
    pytest.param(JUDGING, started(), visited(edge=False), Status.PASS, "No edge", id="no-edge"),
    pytest.param(OPEN, started(), visited(), Status.SKIP, "No middleware", id="open-to-all"),
    pytest.param(EDGE_ALONE, started(), visited(), Status.PASS, "nobody else", id="the-edge-alone-as-meant"),
    pytest.param(EDGE_V4, started(), visited(), Status.PASS, "nobody else", id="an-origin-without-ipv6"),
    pytest.param(EDGE_IN_PART, started(), REFUSED, Status.FAIL, "lacks 1 of its 2", id="a-range-lacks-and-it-shows"),
    pytest.param(EDGE_IN_PART, started(), visited(), Status.WARN, "would be", id="a-range-lacks-for-others"),
    pytest.param(EDGE_AND_OFFICE, started(), REFUSED, Status.WARN, "no ipStrategy", id="not-for-the-edge-alone"),
    pytest.param(JUDGING, started(), MISSING, Status.UNKNOWN, "could not be seen", id="not-seen"),
    pytest.param(objects(), started(), visited(), Status.SKIP, "No route", id="no-route"),
]


@pytest.mark.parametrize(("found", "controller", "outside", "status", "says"), ADDRESSES)
def test_forwarded_headers(
    found: RoutingObjects, controller: Controller, outside: OutsideProbe | Any, status: Status, says: str
) -> None:
    (finding,) = forwarded_headers(decided(found), found, controller, outside, RANGES)

    assert finding.status is status
    assert says in finding.summary
