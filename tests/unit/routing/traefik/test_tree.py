"""Routers below other routers (parentRefs): which of them Traefik refuses."""

from __future__ import annotations

from typing import Any

import pytest

from build.routing import a_route, a_service, a_table, routers
from ingressdoctor.api import DropReason

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
