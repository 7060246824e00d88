"""Who comes first, and who never comes at all: ties, broad before narrow, path types, dead rules."""

from __future__ import annotations

from time import process_time
from typing import Any

import pytest

from build.controller import a_traefik, an_access_line, logs
from build.outside import MISSING, asked, exchange, visited
from build.routes import (
    HOST,
    a_candidate,
    a_decision,
    a_dropped,
    a_middleware,
    an_ingress,
    an_ingress_route,
    decided,
    objects,
    trouble,
)
from ingressdoctor.api import Custom, DropReason, Ingress, OriginProbe, OutsideProbe, RoutingObjects, Status, Target
from ingressdoctor_checks.traefik_paths import path_type_order, strip_prefix_missing
from ingressdoctor_checks.traefik_priority import priority_order, priority_tie
from ingressdoctor_checks.traefik_routes import route_shadowed
from ingressdoctor_checks.traefik_rules import default_backend, id_collision, rule_never_matches

Answer = OutsideProbe | Any
UP, DOWN, LOST = visited(exchange(200, headers=())), visited(exchange(503)), visited(exchange(404, body=b"<p>gone</p>"))
PAGE = visited(exchange(200, headers=(("content-type", "text/html; charset=utf-8"),)))
NO_ROUTER = visited(exchange(404, body=b"404 page not found\n", headers=(("content-type", "text/plain"),)))
TLS = {"router.entrypoints": "websecure"}


def route(match: str, name: str, **more: Any) -> Custom:
    return an_ingress_route(match, name=name, route=more)


def ingress(name: str, path: str, kind: str = "Prefix", host: str = HOST, **annotations: str) -> Ingress:
    return an_ingress(host, path=path, path_type=kind, name=name, annotations={**TLS, **annotations})


TWINS = objects(route(f"Host(`{HOST}`)", "one"), route(f"Host(`{HOST}`)", "two"))
TIES = [
    pytest.param(TWINS, UP, Status.WARN, "may differ per reload and per replica", id="tie-that-works-so-far"),
    pytest.param(TWINS, DOWN, Status.FAIL, "one of them answers 503", id="tie-explains-a-bad-answer"),
    pytest.param(TWINS, NO_ROUTER, Status.WARN, "may take either", id="404-of-no-router-is-not-explained"),
    pytest.param(TWINS, MISSING, Status.WARN, "may take either", id="answer-not-seen"),
    pytest.param(
        objects(
            route(f"Host(`{HOST}`)", "one"), route(f"Host(`{HOST}`)", "two", services=[{"name": "one", "port": 80}])
        ),
        *(DOWN, Status.PASS, "No two routes"),
        id="same-backend-is-no-tie",
    ),
    pytest.param(
        objects(route(f"Host(`{HOST}`)", "one"), route(f"Host(`{HOST}`)", "two", priority=50)),
        *(DOWN, Status.PASS, "No two routes"),
        id="explicit-priority",
    ),
    pytest.param(objects(), DOWN, Status.PASS, "No two routes", id="no-route"),
    pytest.param(objects(unread=("ingress_routes",)), DOWN, Status.UNKNOWN, "cannot be told", id="not-readable"),
]


@pytest.mark.parametrize(("found", "outside", "status", "says"), TIES)
def test_priority_tie(found: RoutingObjects, outside: Answer, status: Status, says: str) -> None:
    seen = logs(access=(an_access_line(),))

    (finding,) = priority_tie(trouble(decided(found)), a_traefik(), outside, MISSING, seen)

    assert finding.status is status
    assert says in finding.summary


CLIENT, API = f"Host(`{HOST}`) && PathPrefix(`/`)", f"Host(`{HOST}`) && PathPrefix(`/api`)"
EATEN = objects(route(CLIENT, "client", priority=100), route(API, "api"))
ORDER = [
    pytest.param(EATEN, "/api/users", DOWN, Status.FAIL, "away from IngressRoute ns/api", id="client-eats-api"),
    pytest.param(EATEN, "/api/users", PAGE, Status.FAIL, "it answers a web page", id="web-page-instead-of-the-api"),
    pytest.param(EATEN, "/api/users", UP, Status.WARN, "100 against", id="works-all-the-same"),
    pytest.param(EATEN, "/api/users", MISSING, Status.FAIL, "100 against", id="certain-and-nobody-asked"),
    pytest.param(EATEN, "/", DOWN, Status.PASS, "No route written", id="another-path"),
    pytest.param(
        objects(route(CLIENT, "client"), route(API, "api")),
        "/api",
        DOWN,
        Status.PASS,
        "No route",
        id="longer-rule-wins",
    ),
    pytest.param(
        objects(route(CLIENT + " && Method(`GET`)", "client", priority=100), route(API, "api")),
        *("/api", DOWN, Status.WARN, "100 against"),
        id="a-condition-more-is-meant-so",
    ),
    pytest.param(
        objects(route("PathPrefix(`/`)", "all", priority=100), route(API, "api")),
        *("/api", DOWN, Status.PASS, "No route"),
        id="catch-all-is-another-check",
    ),
    pytest.param(
        objects(
            route(CLIENT, "client", priority=9),
            route(API, "api", priority=8, services=[{"name": "client", "port": 80}]),
        ),
        *("/api", DOWN, Status.PASS, "No route"),
        id="same-backend",
    ),
    pytest.param(
        objects(
            ingresses=(
                ingress("client", "/", **{"router.priority": "100"}),
                ingress("api", "/api", **{"router.priority": "10"}),
            )
        ),
        *("/api/users", PAGE, Status.FAIL, "100 against 10"),
        id="ingress-priorities-swapped",
    ),
    pytest.param(TWINS, "/", DOWN, Status.SKIP, "No single route", id="tie-is-another-check"),
    pytest.param(objects(unread=("ingress_routes",)), "/", DOWN, Status.UNKNOWN, "cannot be told", id="not-readable"),
]


@pytest.mark.parametrize(("found", "path", "outside", "status", "says"), ORDER)
def test_priority_order(found: RoutingObjects, path: str, outside: Answer, status: Status, says: str) -> None:
    (finding,) = priority_order(decided(found, path=path), outside, MISSING, Target.parse(HOST + path))

    assert finding.status is status
    assert says in finding.summary


def test_one_order_has_one_owner() -> None:
    target = Target.parse(HOST + "/api/users")
    eaten = decided(EATEN, path="/api/users")
    exact = decided(objects(ingresses=(ingress("a", "/api"), ingress("b", "/api", "Exact"))), path="/api")

    assert [item.status for item in route_shadowed(eaten, DOWN, target)] == [Status.PASS]
    assert [item.status for item in path_type_order(eaten, DOWN, MISSING, target)] == [Status.PASS]
    assert [item.status for item in route_shadowed(exact, DOWN, target)] == [Status.PASS]
    assert [item.status for item in priority_order(exact, DOWN, MISSING, target)] == [Status.PASS]


EXACT = objects(ingresses=(ingress("tree", "/api"), ingress("leaf", "/api", "Exact")))
WILD = objects(ingresses=(ingress("all", "/", host="*.example.com"), ingress("own", "/")))
CUT = objects(ingresses=(ingress("api", "/api"), ingress("web", "/")))
TYPES = [
    pytest.param(EXACT, "/api", "v3.7.9", DOWN, Status.FAIL, "the exact path should come first", id="exact-loses"),
    pytest.param(EXACT, "/api", "v3.7.9", UP, Status.WARN, "the exact path", id="exact-loses-and-it-works"),
    pytest.param(EXACT, "/api/x", "v3.7.9", DOWN, Status.PASS, "in the order", id="below-the-exact-path"),
    pytest.param(WILD, "/", "v3.6.0", DOWN, Status.FAIL, "before v3.7", id="wildcard-first-before-3.7"),
    pytest.param(WILD, "/", "v3.7.9", DOWN, Status.PASS, "in the order", id="exact-host-first-since-3.7"),
    pytest.param(CUT, "/apiary", "v3.7.9", LOST, Status.FAIL, "in the middle of a word", id="prefix-cuts-a-segment"),
    pytest.param(CUT, "/apiary", "v3.7.9", UP, Status.WARN, "in the middle of a word", id="cut-and-it-works"),
    pytest.param(CUT, "/api/x", "v3.7.9", DOWN, Status.PASS, "in the order", id="whole-segment"),
    pytest.param(CUT, "/api.json", "v3.7.9", DOWN, Status.PASS, "in the order", id="another-word-follows"),
    pytest.param(objects(), "/", "v3.7.9", DOWN, Status.SKIP, "No single route", id="no-route"),
]


@pytest.mark.parametrize(("found", "path", "version", "outside", "status", "says"), TYPES)
def test_path_type_order(
    found: RoutingObjects, path: str, version: str, outside: Answer, status: Status, says: str
) -> None:
    decision = decided(found, version=version, path=path)

    (finding,) = path_type_order(decision, outside, MISSING, Target.parse(HOST + path))

    assert finding.status is status
    assert says in finding.summary


STRIP = a_middleware("strip-api", stripPrefix={"prefixes": ["/api"]})
BARE = route(API, "api")
WITH = route(
    f"Host(`{HOST}`) && PathPrefix(`/v1`)",
    "v1",
    services=[{"name": "api", "port": 80}],
    middlewares=[{"name": "strip-api"}],
)
GO = visited(exchange(404, body=b"404 page not found\n"))
STRIPPED = [
    pytest.param(objects(BARE, middlewares=(STRIP,)), LOST, logs(), Status.FAIL, "no route names it", id="unattached"),
    pytest.param(
        objects(BARE, WITH, middlewares=(STRIP,)), LOST, logs(), Status.FAIL, "same backend", id="sibling-does"
    ),
    pytest.param(objects(BARE), LOST, logs(), Status.PASS, "nothing in the cluster says", id="a-plain-404"),
    pytest.param(
        objects(route(API, "api", middlewares=[{"name": "strip-api"}]), middlewares=(STRIP,)),
        *(LOST, logs(), Status.PASS, "rewrites the path"),
        id="attached",
    ),
    pytest.param(objects(BARE, middlewares=(STRIP,)), UP, logs(), Status.PASS, "does not answer 404", id="it-answers"),
    pytest.param(objects(BARE, middlewares=(STRIP,)), GO, logs(), Status.PASS, "does not answer", id="404-of-traefik"),
    pytest.param(
        objects(BARE, middlewares=(STRIP,)),
        *(GO, logs(access=(an_access_line(status=404, origin=404),)), Status.FAIL, "no route names it"),
        id="404-of-an-application-in-go",
    ),
    pytest.param(objects(BARE), MISSING, logs(), Status.UNKNOWN, "could not be seen", id="not-seen"),
    pytest.param(objects(route(CLIENT, "api")), LOST, logs(), Status.SKIP, "path prefix", id="no-prefix"),
]


@pytest.mark.parametrize(("found", "outside", "lines", "status", "says"), STRIPPED)
def test_strip_prefix_missing(found: RoutingObjects, outside: Answer, lines: Any, status: Status, says: str) -> None:
    target = Target.parse(HOST + "/api/users")

    (finding,) = strip_prefix_missing(decided(found, path="/api/users"), found, outside, MISSING, lines, target)

    assert finding.status is status
    assert says in finding.summary


DEAD = [
    pytest.param(objects(route(f"Host(`{HOST}:8443`)", "a")), Status.FAIL, "can match no request", id="host-with-port"),
    pytest.param(objects(route(f"Host(`https://{HOST}`)", "a")), Status.FAIL, "no request", id="host-with-scheme"),
    pytest.param(
        objects(route(f"Host(`{HOST}`) && Query(`a=b`)", "a")), Status.FAIL, "no request", id="query-in-its-old-form"
    ),
    pytest.param(
        objects(route(f"Host(`{HOST}`) && Path(`/user/{{id}}`)", "a")), Status.FAIL, "no request", id="path-template"
    ),
    pytest.param(
        objects(route("HostRegexp(`{sub:[a-z]+}.example.com`)", "a")),
        Status.FAIL,
        "a template of Traefik 2",
        id="host-template",
    ),
    pytest.param(
        objects(route("HostRegexp(`{sub:[a-z]+}.example.org`)", "a")),
        Status.PASS,
        "can match",
        id="template-of-another-host",
    ),
    pytest.param(
        objects(route(f"Host(`{HOST}`)", "own"), route(f"Host(`{HOST}:8443`)", "a")),
        *(Status.WARN, "can match no request"),
        id="dead-beside-a-live-one",
    ),
    pytest.param(objects(route(f"Host(`{HOST}`)", "own")), Status.PASS, "can match", id="live"),
]


@pytest.mark.parametrize(("found", "status", "says"), DEAD)
def test_rule_never_matches(found: RoutingObjects, status: Status, says: str) -> None:
    (finding,) = rule_never_matches(trouble(decided(found)), found)

    assert finding.status is status
    assert says in finding.summary


def test_wildcard_before_v37_never_matches() -> None:
    found = objects(route("Host(`*.example.com`)", "a"))

    (old,) = rule_never_matches(trouble(decided(found, version="v3.6.0")), found)
    (new,) = rule_never_matches(trouble(decided(found)), found)

    assert (old.status, new.status) == (Status.FAIL, Status.PASS)


HOSTED = f"Host(`{HOST}`)"
COLLISIONS = [
    pytest.param(objects(route(HOSTED, "a")), Status.PASS, "id of its own", id="one"),
    pytest.param(objects(route(HOSTED, "a"), route(HOSTED, "b")), Status.PASS, "id of its own", id="two-names"),
    pytest.param(
        objects(an_ingress_route(name="b-c", namespace="a"), an_ingress_route(name="c", namespace="a-b")),
        *(Status.WARN, "get the same id"),
        id="hyphens-meet",
    ),
    pytest.param(
        objects(an_ingress_route(spec={"routes": [{"match": HOSTED, "services": [{"name": "x", "port": 80}]}] * 2})),
        *(Status.WARN, "the same rule twice"),
        id="same-rule-twice",
    ),
    pytest.param(objects(unread=("ingress_routes",)), Status.UNKNOWN, "could not be seen", id="not-readable"),
]


@pytest.mark.parametrize(("found", "status", "says"), COLLISIONS)
def test_id_collision(found: RoutingObjects, status: Status, says: str) -> None:
    (finding,) = id_collision(decided(found), found, Target.parse(HOST))

    assert finding.status is status
    assert says in finding.summary


BACKEND = {"service": {"name": "other", "port": {"number": 80}}}
LONE = an_ingress(name="all", spec={"rules": None, "defaultBackend": BACKEND}, annotations=TLS)
DEFAULTS = [
    pytest.param(objects(ingresses=(ingress("a", "/"),)), Status.PASS, "is ignored", id="none"),
    pytest.param(
        objects(ingresses=(an_ingress(path="/api", spec={"defaultBackend": BACKEND}, annotations=TLS),)),
        *(Status.WARN, "because the Ingress has rules"),
        id="with-rules-it-is-ignored",
    ),
    pytest.param(objects(ingresses=(LONE,)), Status.PASS, "is ignored", id="alone-it-counts"),
    pytest.param(objects(unread=("ingresses",)), Status.UNKNOWN, "could not be", id="not-readable"),
]


@pytest.mark.parametrize(("found", "status", "says"), DEFAULTS)
def test_default_backend(found: RoutingObjects, status: Status, says: str) -> None:
    (finding,) = default_backend(decided(found, path="/api"), found, Target.parse(HOST))

    assert finding.status is status
    assert says in finding.summary


def test_the_origin_is_believed_before_the_edge() -> None:
    origin: OriginProbe = asked(exchange(200, headers=()))

    (finding,) = priority_tie(trouble(decided(TWINS)), a_traefik(), DOWN, origin, logs())

    assert finding.status is Status.WARN


HOSTILE = [
    pytest.param("Host(" + " " * 50_000, id="open-call-of-spaces"),
    pytest.param("Host(`" + "{" * 20_000 + "}" * 20_000, id="braces"),
    pytest.param("HostRegexp(`" + "{}" * 20_000 + "x", id="templates-without-an-end"),
    pytest.param("!" * 50_000 + "(", id="negations"),
    pytest.param('Path("' + "\\" * 50_000, id="escapes"),
]


@pytest.mark.parametrize("rule", HOSTILE)
def test_hostile_rules_cost_no_time(rule: str) -> None:
    found, target = objects(route(rule, "evil")), Target.parse(HOST)
    decision = a_decision(a_candidate(), a_candidate(rule), dropped=(a_dropped(DropReason.RULE, rule=rule),))
    lost = a_decision(dropped=(a_dropped(DropReason.RULE, rule=rule),))
    started = process_time()

    for asked_for in (decision, lost):
        tuple(priority_order(asked_for, DOWN, MISSING, target))
        tuple(path_type_order(asked_for, DOWN, MISSING, target))
        tuple(rule_never_matches(trouble(asked_for), found))
        tuple(id_collision(asked_for, found, target))

    assert process_time() - started < 5.0
