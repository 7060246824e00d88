"""Routers below other routers (parentRefs): which of them Traefik refuses."""

from __future__ import annotations

from typing import Any

import pytest

from build.routing import a_route, a_service, a_table, routers
from ingressdoctor.api import DropReason, Outcome, RouteDecision, RouteRequest, Unavailable
from ingressdoctor.routing.traefik.decide import decide_in

UNREAD = Unavailable(wanted="the cluster's Ingresses", reason="403")
UP = [{"name": "up"}]


def child(name: str = "shop", **spec: Any) -> dict[str, Any]:
    return a_route(name=name, rule=f"PathPrefix(`/{name}`)", spec={"entryPoints": [], "parentRefs": UP, **spec})


def parent(**spec: Any) -> dict[str, Any]:
    made = a_route(name="up", spec=spec)
    made["spec"]["routes"][0]["services"] = []
    return made


REFUSED = [
    pytest.param(parent(), {"tls": {}}, "non-root router cannot have TLS configuration", id="tls"),
    pytest.param(parent(), {"entryPoints": ["web"]}, "non-root router cannot have Entrypoints", id="entry-points"),
    pytest.param(parent(ingressClassName="other"), {}, "does not exist", id="parent-of-another-class"),
]


@pytest.mark.parametrize(("above", "spec", "words"), REFUSED)
def test_children_that_traefik_refuses(above: dict[str, Any], spec: dict[str, Any], words: str) -> None:
    table = a_table(above, child(**spec), *a_service())

    dropped = next(item for item in table.all_dropped if item.ref == "IngressRoute ns/shop")
    assert dropped.reason is DropReason.PARENT
    assert words in dropped.detail


def test_observability_is_for_routers_without_parents() -> None:
    below = a_route(rule="PathPrefix(`/shop`)", observability={}, spec={"entryPoints": [], "parentRefs": UP})

    details = {item.ref: item.detail for item in a_table(parent(), below, *a_service()).all_dropped}

    assert details["IngressRoute ns/shop"] == "non-root router cannot have Observability configuration"


def test_a_parent_needs_no_service() -> None:
    table = a_table(parent(), child(), *a_service())

    assert sorted(item.draft.ref for item in routers(table)) == ["IngressRoute ns/shop", "IngressRoute ns/up"]


def test_a_circle_is_reached_from_nowhere() -> None:
    table = a_table(child("up", parentRefs=[{"name": "shop"}]), child(), *a_service())

    assert {item.detail for item in table.all_dropped} == {"router is not reachable"}


def test_a_parent_without_routes_is_none() -> None:
    table = a_table(a_route(name="up", spec={"routes": []}), child(), *a_service())

    assert [item.draft.parents for item in routers(table)] == [False]


def test_before_3_6_there_are_no_trees() -> None:
    table = a_table(child(), *a_service(), version="v3.5.6")

    assert [item.draft.parents for item in routers(table)] == [False]


def asked(path: str, *things: dict[str, Any]) -> RouteDecision:
    return decide_in(
        a_table(*things, *a_service()), RouteRequest(host="a.com", path=path, tls=False, entry_point="web")
    )


def test_the_router_below_serves_what_the_upper_one_takes() -> None:
    up = parent(entryPoints=["web"])
    up["spec"]["routes"][0]["middlewares"] = []

    decision = asked("/shop/x", up, child(), child("other"))

    assert decision.outcome is Outcome.ROUTED
    assert decision.winner is not None
    assert decision.winner.ref == "IngressRoute ns/shop"
    assert decision.winner.rule == "(Host(`a.com`)) && (PathPrefix(`/shop`))"
    assert [item.name for item in decision.winner.backends] == ["shop"]


def test_nothing_below_matches() -> None:
    decision = asked("/elsewhere", parent(), child())

    assert (decision.outcome, decision.predicted_status) == (Outcome.NO_ROUTE, 404)
    assert "none of the routers below it does" in decision.limits[-1]


def test_nothing_below_matches_but_a_kind_was_not_read() -> None:
    table = a_table(parent(), child(), *a_service(), ingresses=UNREAD)

    decision = decide_in(table, RouteRequest(host="a.com", path="/elsewhere", tls=False, entry_point="web"))

    assert decision.outcome is Outcome.UNDECIDED


def test_a_tie_below_is_not_decided() -> None:
    twin = a_route(name="twin", rule="PathPrefix(`/shop`)", spec={"entryPoints": [], "parentRefs": UP})

    decision = asked("/shop", parent(), child(), twin)

    assert decision.outcome is Outcome.UNDECIDED
    assert "several routers below it have the same priority" in decision.limits[-1]


def test_a_client_that_is_not_known_decides_below() -> None:
    by_client = a_route(name="c", rule="ClientIP(`10.0.0.0/8`)", spec={"entryPoints": [], "parentRefs": UP})

    assert asked("/shop", parent(), by_client).outcome is Outcome.UNDECIDED


def test_a_parent_of_broken_children_is_disabled() -> None:
    broken = a_route(rule="Nonsense", spec={"entryPoints": [], "parentRefs": UP})

    table = a_table(parent(), broken, *a_service())

    assert routers(table) == []
    assert "no child routers could be added to muxer" in table.all_dropped[-1].detail
