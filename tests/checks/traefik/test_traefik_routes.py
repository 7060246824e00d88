"""Is there a route, is it the right one, and why was it left out?"""

from __future__ import annotations

from typing import Any

import pytest

from build.controller import a_traefik, a_traefik_pod
from build.outside import exchange, visited
from build.routes import HOST, a_backend, a_candidate, a_decision, a_dropped, trouble
from ingressdoctor.api import (
    Check,
    DropReason,
    GatewayView,
    KnownHosts,
    Outcome,
    RouteDecision,
    RouteRequest,
    RouteTrouble,
    Status,
    Target,
    Unavailable,
)
from ingressdoctor_checks.traefik_dropped import (
    entry_point_missing,
    middleware_cross_namespace,
    middleware_missing,
    rule_invalid,
    wrong_class,
)
from ingressdoctor_checks.traefik_routes import route_missing, route_shadowed

TARGET = Target.parse(HOST)
UNSEEN = Unavailable(wanted="the answer from outside", reason="offline")
CATCH_ALL = a_candidate("HostRegexp(`.+`)", name="catch-all")
REDIRECT = a_candidate("HostRegexp(`^.+$`)", ref="entry point web", provider="internal")
MISSING = [
    pytest.param(a_decision(a_candidate()), Status.PASS, "takes the request", id="routed"),
    pytest.param(a_decision(), Status.FAIL, "no route for www.example.com/", id="nothing-names-it"),
    pytest.param(
        a_decision(near=("www.exmaple.com",)),
        Status.FAIL,
        "nearest name that has one is www.exmaple.com",
        id="misspelt",
    ),
    pytest.param(
        a_decision(dropped=(a_dropped(DropReason.RULE),)), Status.FAIL, "leaves it out", id="left-out-by-traefik"
    ),
    pytest.param(
        a_decision(elsewhere=(a_candidate(why="it takes only plain HTTP on web"),)),
        *(Status.FAIL, "takes only plain HTTP on web"),
        id="only-on-another-entry-point",
    ),
    pytest.param(
        a_decision(a_candidate(f"Host(`{HOST}`) && Path(`/x`)", matches=False, why="Path(`/x`) does not match")),
        *(Status.FAIL, "Path(`/x`) does not match"),
        id="another-path-only",
    ),
    pytest.param(a_decision(CATCH_ALL), Status.PASS, "catch-all", id="catch-all-is-a-route"),
    pytest.param(
        a_decision(CATCH_ALL, dropped=(a_dropped(DropReason.RULE),)),
        *(Status.FAIL, "leaves it out"),
        id="catch-all-instead-of-the-own-route",
    ),
    pytest.param(
        a_decision(a_candidate(), dropped=(a_dropped(DropReason.RULE, matches=False),)),
        *(Status.PASS, "takes the request"),
        id="dropped-route-of-another-path",
    ),
    pytest.param(
        a_decision(outcome=Outcome.UNDECIDED, limits=("the cluster's IngressRoutes: 403",)),
        *(Status.UNKNOWN, "403"),
        id="not-readable-is-not-missing",
    ),
    pytest.param(a_decision(REDIRECT, outcome=Outcome.REDIRECT), Status.PASS, "redirects", id="entry-point-redirects"),
    pytest.param(a_decision(outcome=Outcome.AMBIGUOUS, winner=None), Status.PASS, "More than one", id="ambiguous"),
]


@pytest.mark.parametrize(("decision", "status", "says"), MISSING)
def test_route_missing(decision: RouteDecision, status: Status, says: str) -> None:
    (finding,) = route_missing(decision, UNSEEN, TARGET, UNSEEN)

    assert finding.status is status
    assert says in finding.summary


def test_a_route_that_another_controller_serves_is_not_missing() -> None:
    gateway = GatewayView(taker="HTTPRoute ns/shop", controller="example.net/gateways")
    (finding,) = route_missing(a_decision(), UNSEEN, TARGET, gateway)

    assert (finding.status, "HTTPRoute ns/shop takes the request" in finding.summary) == (Status.SKIP, True)


OWN = a_candidate()
MAINTENANCE = a_candidate(f"Host(`{HOST}`) || Host(`example.com`)", name="maintenance", priority=1000)
API_PATH = a_candidate(f"Host(`{HOST}`) && PathPrefix(`/api`)", name="api")
DOWN, UP = visited(exchange(503)), visited(exchange(200))
SHADOWED = [
    pytest.param(a_decision(OWN), DOWN, Status.PASS, "no other", id="alone"),
    pytest.param(a_decision(MAINTENANCE, OWN), DOWN, Status.FAIL, "1000 against", id="priority-set-higher"),
    pytest.param(a_decision(MAINTENANCE, OWN), UP, Status.WARN, "1000 against", id="but-the-site-works"),
    pytest.param(a_decision(MAINTENANCE, OWN), UNSEEN, Status.FAIL, "1000 against", id="answer-not-seen"),
    pytest.param(
        a_decision(API_PATH, OWN, request=RouteRequest(host=HOST, path="/api", entry_point="websecure")),
        *(DOWN, Status.PASS, "no other"),
        id="longer-path-is-the-usual-split",
    ),
    pytest.param(
        a_decision(a_candidate(f"Host(`{HOST}`) && PathPrefix(`/`)", name="root"), OWN),
        *(DOWN, Status.FAIL, "away from"),
        id="root-path-narrows-nothing",
    ),
    pytest.param(
        a_decision(a_candidate("PathPrefix(`/`)", name="all", priority=99), OWN),
        *(DOWN, Status.FAIL, "ns/all"),
        id="catch-all-before-the-own-route",
    ),
    pytest.param(
        a_decision(OWN, a_candidate("Host(`*.example.com`)", name="wild")),
        *(DOWN, Status.PASS, "no other"),
        id="exact-host-before-the-wildcard",
    ),
    pytest.param(a_decision(OWN, CATCH_ALL), DOWN, Status.PASS, "no other", id="own-route-before-the-catch-all"),
    pytest.param(
        a_decision(a_candidate(name="twin", backends=(a_backend(),)), OWN),
        *(DOWN, Status.PASS, "no other"),
        id="same-backend-does-no-harm",
    ),
    pytest.param(
        a_decision(OWN, a_candidate(name="twin"), outcome=Outcome.AMBIGUOUS, winner=None),
        *(DOWN, Status.SKIP, "equal priority"),
        id="tie",
    ),
    pytest.param(a_decision(), DOWN, Status.SKIP, "No single route", id="no-route"),
]


@pytest.mark.parametrize(("decision", "outside", "status", "says"), SHADOWED)
def test_route_shadowed(decision: RouteDecision, outside: Any, status: Status, says: str) -> None:
    (finding,) = route_shadowed(decision, outside, TARGET)

    assert finding.status is status
    assert says in finding.summary


def test_misspelt_host_leads_to_its_object() -> None:
    hosts = KnownHosts(hosts={"www.exmaple.com": ("IngressRoute ns/shop",)})

    (finding,) = route_missing(a_decision(near=("www.exmaple.com",)), hosts, TARGET, UNSEEN)

    assert finding.remedy is not None
    assert any("ingressroutes.traefik.io/shop" in command.argv for command in finding.remedy.commands)


DROPS = [
    pytest.param(wrong_class, DropReason.CLASS, "it has the class 'nginx'", "ignores", id="class"),
    pytest.param(wrong_class, DropReason.NAMESPACE, "Traefik watches only x", "watches only", id="namespace"),
    pytest.param(wrong_class, DropReason.LABEL, "the label selector", "label selector", id="label"),
    pytest.param(wrong_class, DropReason.PROVIDER, "not switched on", "switched on", id="provider"),
    pytest.param(
        rule_invalid, DropReason.RULE, "1:15: expected 'EOF', found x", "at column 15", id="rule-with-position"
    ),
    pytest.param(
        rule_invalid, DropReason.RULE, "& is not supported", "(& is not supported)", id="rule-without-position"
    ),
    pytest.param(rule_invalid, DropReason.PRIORITY, "exceeds", "out of range", id="priority"),
    pytest.param(rule_invalid, DropReason.KIND, "Unsupported", "does not support", id="kind"),
    pytest.param(middleware_missing, DropReason.MIDDLEWARE_MISSING, "x", "does not exist", id="middleware-missing"),
    pytest.param(
        middleware_missing,
        DropReason.MIDDLEWARE_MISSING,
        "x",
        "its Middleware ns/x does not exist",
        id="the-object-and-not-traefiks-id-of-it",
    ),
    pytest.param(middleware_missing, DropReason.MIDDLEWARE_INVALID, "x", "cannot be built", id="middleware-broken"),
    pytest.param(
        middleware_cross_namespace, DropReason.MIDDLEWARE_CROSS_NAMESPACE, "x", "outside its namespace", id="crossing"
    ),
    pytest.param(
        middleware_cross_namespace,
        DropReason.SERVICE_CROSS_NAMESPACE,
        "x",
        "outside its namespace",
        id="service-crossing",
    ),
]


@pytest.mark.parametrize(("check", "reason", "detail", "says"), DROPS)
def test_route_left_out_for_a_reason(check: Check, reason: DropReason, detail: str, says: str) -> None:
    drop = a_dropped(reason, detail, related="ns-x@kubernetescrd")

    (alone,) = check(trouble(a_decision(dropped=(drop,))))
    (beside,) = check(trouble(a_decision(a_candidate(), dropped=(drop,))))
    (other_path,) = check(trouble(a_decision(dropped=(a_dropped(reason, detail, matches=False),))))

    assert (alone.status, beside.status, other_path.status) == (Status.FAIL, Status.WARN, Status.WARN)
    assert says in alone.summary
    assert alone.subject == "IngressRoute ns/shop"


@pytest.mark.parametrize("check", [wrong_class, rule_invalid, middleware_missing, middleware_cross_namespace])
def test_nothing_left_out_passes(check: Check) -> None:
    (plain,) = check(RouteTrouble())
    (looked_at,) = check(trouble(a_decision(a_candidate())))

    assert plain == looked_at
    assert plain.status is Status.PASS


def test_the_same_reason_is_said_once_per_object() -> None:
    drops = (a_dropped(DropReason.CLASS, "x"), a_dropped(DropReason.CLASS, "x"))

    assert len(tuple(wrong_class(trouble(a_decision(dropped=drops))))) == 1


def test_unreadable_middlewares_are_unknown() -> None:
    decision = a_decision(a_candidate(), limits=("the cluster's Middlewares: 403",))

    (finding,) = middleware_missing(trouble(decision))

    assert finding.status is Status.UNKNOWN


FILE = a_traefik(pods=(a_traefik_pod(args=("--configFile=/x",)),))
GONE = Unavailable(wanted="the ingress controller", reason="no Traefik was found")
NO_POINT = a_dropped(DropReason.ENTRY_POINT, "entry points https do not exist", related="https")
POINTS = [
    pytest.param(a_decision(a_candidate()), a_traefik(), Status.PASS, "exist", id="they-exist"),
    pytest.param(a_decision(dropped=(NO_POINT,)), a_traefik(), Status.FAIL, "entry point https", id="none-exists"),
    pytest.param(
        a_decision(a_candidate(), dropped=(NO_POINT,)), a_traefik(), Status.WARN, "https", id="another-route-serves"
    ),
    pytest.param(
        a_decision(a_candidate(entry_points=("https", "websecure"))),
        *(a_traefik(), Status.WARN, "asks for https too"),
        id="one-of-two-exists",
    ),
    pytest.param(a_decision(a_candidate()), FILE, Status.SKIP, "could not be read", id="routed-though-not-readable"),
    pytest.param(a_decision(), FILE, Status.UNKNOWN, "/x", id="not-readable"),
    pytest.param(a_decision(), GONE, Status.UNKNOWN, "no Traefik", id="no-controller"),
]


@pytest.mark.parametrize(("decision", "controller", "status", "says"), POINTS)
def test_entry_point_missing(decision: RouteDecision, controller: Any, status: Status, says: str) -> None:
    (finding,) = entry_point_missing(decision, controller, TARGET)

    assert finding.status is status
    assert says in finding.summary


def test_hostile_names_stay_text() -> None:
    drop = a_dropped(DropReason.RULE, "x", ref="IngressRoute ns/\x1b[31m; rm -rf", rule="\x1b]0;t\x07")

    (finding,) = rule_invalid(trouble(a_decision(dropped=(drop,))))

    shown = " ".join([finding.summary, *(fact.value for fact in finding.facts)])
    assert "\x1b" not in shown
    assert finding.remedy is not None
    assert all("\x1b" not in command.shell() for command in finding.remedy.commands)
