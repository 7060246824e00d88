"""Which objects a request passes, what it lacks of them, and which Application tracks them."""

from __future__ import annotations

from typing import Any

import pytest

from build.answers import an_exchange, an_outside
from build.backend import a_decision, a_service, a_view
from build.certificates import a_resource, an_application
from build.cluster import FakeCluster, asked_later, later
from build.routes import a_dropped
from build.tunnel import a_route
from ingressdoctor.api import DropReason, Inapplicable, PathOwners, Unavailable
from ingressdoctor.collect.gitops import collect_applications
from ingressdoctor.collect.path_owners import collect_path_owners, owners_of, path_of
from ingressdoctor.evidence.controller import PortPath
from ingressdoctor.evidence.routes import CandidateRoute
from ingressdoctor.evidence.tcp_route import TcpEntry

NONE = Unavailable(wanted="it", reason="not asked in this test")
APPLICATIONS = "/apis/argoproj.io/v1alpha1/applications"
TCP = CandidateRoute(
    ref="IngressRouteTCP db/mysql#1", rule="HostSNI(`*`)", priority=1, entry_points=(), matches=True, why=""
)


def an_entry(**parts: Any) -> TcpEntry:
    defaults: dict[str, Any] = {"port": 3306, "path": PortPath(port=3306)}
    return TcpEntry(**(defaults | parts))


def shown(*evidence: Any) -> list[tuple[str, str, str]]:
    return [("/".join(item.kinds), item.name, item.lacking) for item in path_of(*evidence)]


ANY_ROUTE = "IngressRoute/Ingress/HTTPRoute/GRPCRoute"


@pytest.mark.parametrize(
    ("decision", "view", "tunnel", "entry", "path"),
    [
        pytest.param(NONE, NONE, NONE, NONE, [], id="nothing-known"),
        pytest.param(a_decision(), NONE, NONE, NONE, [("IngressRoute", "web", "")], id="the-winner"),
        pytest.param(
            a_decision(routed=False), NONE, NONE, NONE, [(ANY_ROUTE, "", "a route for the host")], id="no-route"
        ),
        pytest.param(
            a_decision(routed=False, dropped=(a_dropped(DropReason.RULE, ref="Ingress shop/x"),)),
            NONE,
            NONE,
            NONE,
            [("Ingress", "x", "")],
            id="a-dropped-route-is-there",
        ),
        pytest.param(NONE, NONE, NONE, an_entry(winner=TCP), [("IngressRouteTCP", "mysql", "")], id="a-tcp-route"),
        pytest.param(
            NONE, NONE, NONE, an_entry(), [("IngressRouteTCP", "", "a TCP route for the port")], id="no-tcp-route"
        ),
        pytest.param(NONE, NONE, NONE, an_entry(undecided="x"), [("IngressRouteTCP", "", "")], id="undecided"),
        pytest.param(
            a_decision(),
            NONE,
            a_route(),
            NONE,
            [("ConfigMap", "cloudflared-config", "")],
            id="rules-come-before-routes",
        ),
        pytest.param(NONE, NONE, a_route(config=NONE), NONE, [], id="rules-not-read"),
        pytest.param(NONE, a_view(), NONE, NONE, [("Service", "web", "")], id="the-service"),
        pytest.param(NONE, a_view(missing=True), NONE, NONE, [("Service", "web", "the Service")], id="no-service"),
        pytest.param(NONE, a_view(port=None), NONE, NONE, [("Service", "web", "the Service's port")], id="no-port"),
    ],
)
def test_path(decision: Any, view: Any, tunnel: Any, entry: Any, path: list[tuple[str, str, str]]) -> None:
    assert shown(decision, view, tunnel, entry) == path


async def owners(cluster: FakeCluster, view: Any = NONE, outside: Any = NONE, decision: Any = NONE) -> Any:
    found = asked_later(cluster, collect_applications)
    return await collect_path_owners.function(decision, view, NONE, NONE, outside, found)


@pytest.mark.parametrize(
    ("view", "outside", "asks"),
    [
        pytest.param(a_view(), an_outside(an_exchange(200)), False, id="it-works"),
        pytest.param(a_view(), an_outside(an_exchange(500)), True, id="an-error"),
        pytest.param(a_view(), an_outside(an_exchange(404)), True, id="not-found"),
        pytest.param(a_view(), an_outside(edge_code=502), False, id="the-edge-could-not-connect"),
        pytest.param(a_view(), NONE, False, id="not-seen-and-nothing-lacks"),
        pytest.param(a_view(missing=True), NONE, True, id="the-service-is-not-there"),
        pytest.param(a_view(pods=()), NONE, True, id="no-pod-serves"),
        pytest.param(NONE, NONE, False, id="no-object"),
    ],
)
async def test_asked_only_where_something_is_wrong(view: Any, outside: Any, asks: bool) -> None:
    cluster = FakeCluster({APPLICATIONS: [an_application(resources=[a_resource("Service", "web")])]})
    found = await owners(cluster, view, outside)

    assert cluster.asked == ([APPLICATIONS] if asks else [])
    assert isinstance(found, PathOwners if asks else Inapplicable)


async def test_argo_cd_need_not_be_there_nor_open() -> None:
    absent = await owners(FakeCluster({}), a_view(missing=True))
    refused = await owners(FakeCluster({}, {APPLICATIONS: 403}), a_view(missing=True))

    assert isinstance(absent, Inapplicable)
    assert isinstance(refused, Unavailable)
    assert not isinstance(refused, Inapplicable)


STATE: dict[str, Any] = {
    "operationState": {"phase": "Failed", "message": "invalid"},
    "conditions": [None, {"type": "OrphanedResourceWarning"}, {"type": "SyncError", "message": "failed"}],
}


@pytest.mark.parametrize(
    ("resources", "view", "refs"),
    [
        pytest.param([a_resource("Service", "web", status="Synced")], a_view(), ["Service shop/web"], id="by-name"),
        pytest.param([a_resource("Service", "api")], a_view(), [], id="another-name"),
        pytest.param([], a_view(), [], id="not-tracked"),
    ],
)
def test_owners_by_name(resources: list[Any], view: Any, refs: list[str]) -> None:
    found = tuple(owners_of((an_application(resources=resources, **STATE),), path_of(NONE, view, NONE, NONE), ""))

    assert [item.ref for item in found] == refs
    assert all((item.application.failed, item.application.trouble) == (True, "SyncError: failed") for item in found)


@pytest.mark.parametrize(
    ("resource", "refs"),
    [
        pytest.param(a_resource("Ingress", "shop"), ["Ingress shop/shop"], id="one-that-shares-a-word-with-the-host"),
        pytest.param(a_resource("Ingress", "shop", status="Synced"), [], id="one-that-is-there"),
        pytest.param(a_resource("Service", "shop"), [], id="another-kind"),
    ],
)
def test_a_missing_route_is_found_by_kinship(resource: Any, refs: list[str]) -> None:
    path = path_of(a_decision(routed=False), NONE, NONE, NONE)
    found = owners_of((an_application(resources=[resource]),), path, "shop.example.com")

    assert [(item.ref, item.lacking) for item in found] == [(ref, "a route for the host") for ref in refs]


async def test_later_is_not_asked_without_need() -> None:
    found = await collect_path_owners.function(NONE, a_view(), NONE, NONE, NONE, later(NONE))

    assert isinstance(found, Inapplicable)
    assert a_service().name == "web"
