"""Listing the routing objects with few requests, and deciding the target's request."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from build.cluster import later
from build.controller import a_traefik
from build.kube import TableKube, a_list, forbidden
from build.routes import a_class, an_ingress, an_ingress_route, objects
from build.tunnel import CATCH_ALL, a_route, a_rule
from ingressdoctor.api import (
    Controller,
    Inapplicable,
    KnownHosts,
    Loaded,
    Outcome,
    RouteDecision,
    RoutingObjects,
    SourceError,
    Target,
    Unavailable,
)
from ingressdoctor.collect.controller import NO_TRAEFIK
from ingressdoctor.collect.routes import (
    build_answer_model,
    build_routes,
    collect_decision,
    collect_hosts,
    collect_objects,
    request_for,
)
from ingressdoctor.evidence.answer import AnswerSource

TRAEFIK = "/apis/traefik.io/v1alpha1"
INGRESSES = "/apis/networking.k8s.io/v1/ingresses"
CLASSES = "/apis/networking.k8s.io/v1/ingressclasses"
GONE = Unavailable(wanted="the ingress controller", reason="no Traefik was found")


def raw(item: object) -> Any:
    return json.loads(msgspec.json.encode(item))


def answers(**parts: Any) -> dict[str, Any]:
    return {
        f"{TRAEFIK}/ingressroutes": parts.get("routes", a_list()),
        f"{TRAEFIK}/middlewares": a_list(),
        f"{TRAEFIK}/traefikservices": a_list(),
        f"{TRAEFIK}/tlsoptions": a_list(),
        INGRESSES: parts.get("ingresses", a_list()),
        CLASSES: a_list(raw(a_class())),
    }


SERVICE = {"services": [{"name": "split", "kind": "TraefikService"}]}
INTERNAL = {"services": [{"name": "api@internal", "kind": "TraefikService"}]}
OPTION = {"tls": {"options": {"name": "modern"}}}
OPTED = an_ingress(annotations={"router.tls.options": "ns-modern@kubernetescrd"})
REQUESTS = [
    pytest.param({}, 4, id="four-kinds"),
    pytest.param({"ingresses": a_list(raw(an_ingress()))}, 4, id="classes-are-one-of-them"),
    pytest.param({"routes": a_list(raw(an_ingress_route(route=SERVICE)))}, 5, id="traefik-services-if-referred-to"),
    pytest.param({"routes": a_list(raw(an_ingress_route(route=INTERNAL)))}, 4, id="internal-service-needs-none"),
    pytest.param({"routes": a_list(raw(an_ingress_route(spec=OPTION)))}, 5, id="tls-options-if-one-is-named"),
    pytest.param({"ingresses": a_list(raw(OPTED))}, 5, id="tls-options-if-an-annotation-names-one"),
]


@pytest.mark.parametrize(("parts", "requests"), REQUESTS)
async def test_only_what_is_needed_is_listed(parts: dict[str, Any], requests: int) -> None:
    kube = TableKube(answers(**parts))

    found = await collect_objects.function(kube)

    assert isinstance(found, RoutingObjects)
    assert len(kube.calls) == requests


async def test_classes_that_nobody_names_are_no_gap() -> None:
    named, classless = (a_list(raw(an_ingress(class_name=name))) for name in ("traefik", None))
    unread = {CLASSES: forbidden("no")}

    found = await collect_objects.function(TableKube(answers(ingresses=named) | unread))
    without = await collect_objects.function(TableKube(answers(ingresses=classless) | unread))

    assert isinstance(found, RoutingObjects)
    assert isinstance(found.ingress_classes, Unavailable)
    assert isinstance(without, RoutingObjects)
    assert without.ingress_classes == Loaded()


async def test_one_unreadable_kind_costs_only_itself() -> None:
    table = answers() | {f"{TRAEFIK}/middlewares": forbidden("no"), INGRESSES: SourceError("timed out", hint="Wait.")}

    found = await collect_objects.function(TableKube(table))

    assert isinstance(found, RoutingObjects)
    assert isinstance(found.ingress_routes, Loaded)
    assert isinstance(found.middlewares, Unavailable)
    assert isinstance(found.ingresses, Unavailable)
    assert (found.ingresses.reason, found.ingresses.enable_with) == ("timed out", "Wait.")


async def test_nothing_readable_is_unavailable() -> None:
    table = answers(routes=forbidden("no"), ingresses=forbidden("no"))

    assert isinstance(await collect_objects.function(TableKube(table)), Unavailable)


async def test_missing_crds_leave_the_ingresses() -> None:
    found = await collect_objects.function(TableKube({INGRESSES: a_list(raw(an_ingress())), CLASSES: a_list()}))

    assert isinstance(found, RoutingObjects)
    assert found.ingress_routes == Loaded(installed=False)


NO_NGINX = Unavailable(wanted="x", reason="no ingress-nginx runs in the cluster")
NO_GATEWAYS = later(Unavailable(wanted="x", reason="nobody asked"))
NO_TUNNEL = Unavailable(wanted="x", reason="no tunnel leads to the name")


async def decision(controller: Controller | Unavailable, found: RoutingObjects, url: str) -> RouteDecision:
    table = await build_routes.function(controller, found, NO_GATEWAYS)
    model = await build_answer_model.function(found, table, NO_GATEWAYS)
    result = await collect_decision.function(
        table, model, controller, Target.parse(url), later(NO_NGINX), later(NO_TUNNEL)
    )
    assert isinstance(result, RouteDecision)
    return result


async def test_what_the_client_must_get_is_predicted() -> None:
    routed = await decision(a_traefik(), objects(an_ingress_route()), "www.example.com")
    nowhere = await decision(a_traefik(), objects(), "www.example.com")

    assert routed.predicted is not None
    assert nowhere.predicted is not None
    assert (routed.predicted.source, nowhere.predicted.status) == (AnswerSource.BACKEND, 404)


async def test_decision_on_the_entry_point_of_the_port() -> None:
    result = await decision(a_traefik(), objects(an_ingress_route()), "www.example.com/a?b=1")

    assert result.outcome is Outcome.ROUTED
    assert (result.request.entry_point, result.request.path, result.request.query) == ("websecure", "/a", "b=1")


async def test_plain_target_arrives_on_web() -> None:
    result = await decision(a_traefik(), objects(an_ingress_route()), "http://www.example.com")

    assert (result.request.entry_point, result.request.tls) == ("web", False)


async def test_without_a_controller_the_charts_defaults_are_assumed_and_said() -> None:
    result = await decision(GONE, objects(an_ingress_route()), "www.example.com")

    assert result.outcome is Outcome.ROUTED
    assert any("no Traefik was found" in limit for limit in result.limits)


async def test_without_pods_the_charts_defaults_are_assumed_and_said() -> None:
    empty = a_traefik(pods=())

    assert request_for(Target.parse("www.example.com"), empty).entry_point == ""


async def test_known_hosts_say_what_was_not_read() -> None:
    found = await collect_hosts.function(objects(an_ingress_route("Host(`*.example.com`)"), unread=("ingresses",)))

    assert isinstance(found, KnownHosts)
    assert found.naming("www.example.com") == ("IngressRoute ns/shop",)
    assert found.naming("example.org") == ()
    assert len(found.unread) == 1


NO_TRAEFIK_HERE = Unavailable(wanted="the ingress controller", reason=f"{NO_TRAEFIK}: no pod runs its image")
NO_GRANT = Unavailable(wanted="the ingress controller", reason="403")


@pytest.mark.parametrize(
    ("controller", "host", "applies"),
    [
        pytest.param(NO_TRAEFIK_HERE, "shop.example.com", False, id="of-another-class-without-a-traefik"),
        pytest.param(NO_TRAEFIK_HERE, "nowhere.example.com", True, id="a-host-that-nobody-names"),
        pytest.param(NO_GRANT, "shop.example.com", True, id="traefik-may-not-be-looked-at"),
        pytest.param(a_traefik(), "shop.example.com", True, id="of-another-class-beside-a-traefik"),
    ],
)
async def test_nobody_leaves_out_what_is_another_controllers(
    controller: Controller | Unavailable, host: str, *, applies: bool
) -> None:
    found = objects(ingresses=(an_ingress("shop.example.com", class_name="nginx"),))
    table = await build_routes.function(controller, found, NO_GATEWAYS)
    model = await build_answer_model.function(found, table, NO_GATEWAYS)

    result = await collect_decision.function(
        table, model, controller, Target.parse(host), later(NO_NGINX), later(NO_TUNNEL)
    )

    assert isinstance(result, RouteDecision) is applies
    assert applies or isinstance(result, Inapplicable)


async def test_behind_a_tunnel_what_it_leads_to_is_judged_all_the_same() -> None:
    found = objects(ingresses=(an_ingress("shop.example.com", class_name="nginx"),))
    table = await build_routes.function(NO_TRAEFIK_HERE, found, NO_GATEWAYS)
    model = await build_answer_model.function(found, table, NO_GATEWAYS)
    route = a_route(a_rule("shop.example.com", "http://shop.ns:80"), CATCH_ALL, host="shop.example.com")

    result = await collect_decision.function(
        table, model, NO_TRAEFIK_HERE, Target.parse("shop.example.com"), later(NO_NGINX), later(route)
    )

    assert isinstance(result, RouteDecision)
