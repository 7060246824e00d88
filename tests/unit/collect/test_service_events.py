"""The Service's events and the nodes: read when they are needed, and what then counts as a difference."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from build.hetzner import a_balancer, a_controller, a_listener, a_lookup, a_server, a_service, a_target, an_event
from build.hetzner import events as some_events
from ingressdoctor.collect.nodes import collect_nodes
from ingressdoctor.collect.service_events import collect_service_events
from ingressdoctor.evidence.hetzner import ClusterBalancer, ClusterNodes, LoadBalancerLookup, ServiceEvents
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.sources.base import Answer

UNREAD = Unavailable(wanted="the project", reason="no token")


class Cluster:
    """The Kubernetes protocol over one prepared answer, remembering what was asked."""

    context = "test"

    def __init__(self, *items: object, status: int = 200) -> None:
        self.answer = Answer(status=status, body=json.dumps({"kind": "List", "items": list(items)}).encode())
        self.asked: list[tuple[str, Mapping[str, str]]] = []

    async def get(self, path: str, query: Mapping[str, str]) -> Answer:
        self.asked.append((path, query))
        return self.answer


def event(reason: str, *, at: str, name: str = "traefik", kind: str = "Service") -> dict[str, object]:
    about = {"kind": kind, "namespace": "traefik", "name": name}
    return {"kind": "Event", "metadata": {"name": at}, "reason": reason, "eventTime": at, "involvedObject": about}


async def events(cluster: Cluster, lookup: LoadBalancerLookup | Unavailable, **controller: Any) -> object:
    return await collect_service_events.function(
        kube=cluster, controller=a_controller(**controller), balancer=ClusterBalancer(lookup=lookup)
    )


async def test_events_are_narrowed_put_in_order_and_others_left_out() -> None:
    cluster = Cluster(
        event("Second", at="2026-11-21T12:00:00Z"),
        event("First", at="2026-11-21T11:00:00+00:00"),
        event("NotMine", at="2026-11-21T11:30:00Z", name="other"),
        event("NotAService", at="2026-11-21T11:30:00Z", kind="Pod"),
    )

    found = await events(cluster, a_lookup(missing=True))

    assert isinstance(found, ServiceEvents)
    assert [item.reason for item in found.events] == ["First", "Second"]
    [(path, query)] = cluster.asked
    assert path == "/api/v1/namespaces/traefik/events"
    assert query["fieldSelector"] == "involvedObject.kind=Service,involvedObject.name=traefik"


NOT_ASKED = [
    pytest.param(a_lookup(missing=True, not_in_path="another class"), {}, id="no-balancer-belongs-here"),
    pytest.param(a_lookup(), {"service": a_service(kind="NodePort")}, id="not-of-type-load-balancer"),
    pytest.param(a_lookup(), {"without_service": True}, id="no-service"),
]


@pytest.mark.parametrize(("lookup", "controller"), NOT_ASKED)
async def test_nothing_is_asked_where_nothing_is_kept(lookup: LoadBalancerLookup, controller: dict[str, Any]) -> None:
    cluster = Cluster()

    found = await events(cluster, lookup, **controller)

    assert isinstance(found, ServiceEvents)
    assert (found.asked, found.kept) == (False, False)
    assert cluster.asked == []


OFF = [
    pytest.param(a_lookup(), {}, False, id="nothing-is-off"),
    pytest.param(a_lookup(missing=True), {}, True, id="the-balancer-differs"),
    pytest.param(a_lookup(), {"annotations": {"health-check-interval": "15"}}, True, id="an-annotation-is-refused"),
    pytest.param(a_lookup(), {"annotations": {"algorithm": "x"}}, False, id="a-misspelt-annotation-is-ignored"),
    pytest.param(UNREAD, {}, True, id="the-balancer-could-not-be-looked-at"),
]


@pytest.mark.parametrize(("lookup", "service", "asked"), OFF)
async def test_events_are_read_when_something_is_off(
    lookup: LoadBalancerLookup | Unavailable, service: dict[str, Any], *, asked: bool
) -> None:
    cluster = Cluster()

    found = await events(cluster, lookup, service=a_service(**service))

    assert isinstance(found, ServiceEvents)
    assert (found.asked, found.kept) == (asked, True)
    assert bool(cluster.asked) is asked


async def test_a_service_that_may_not_be_read_is_not_absent() -> None:
    forbidden = Unavailable(wanted="the cluster's Services", reason="403")

    assert await events(Cluster(), forbidden, without_service=True, unread=(forbidden,)) == forbidden


async def test_a_403_is_no_empty_list() -> None:
    assert isinstance(await events(Cluster(status=403), a_lookup(missing=True)), Unavailable)


EMPTY_STATUS = a_service(ingress=())
DIFFERENCES = [
    pytest.param(a_lookup(), a_service(), "", id="none"),
    pytest.param(UNREAD, a_service(), "", id="balancer-unread"),
    pytest.param(UNREAD, EMPTY_STATUS, "no address", id="balancer-unread-and-status-empty"),
    pytest.param(a_lookup(missing=True), a_service(), "no load balancer", id="missing"),
    pytest.param(a_lookup(), EMPTY_STATUS, "no address", id="status-empty"),
    pytest.param(a_lookup(a_balancer(targets=())), a_service(), "no targets", id="no-targets"),
    pytest.param(a_lookup(a_balancer(services=())), a_service(), "not listen on 80", id="port-missing"),
    pytest.param(
        a_lookup(a_balancer(services=(a_listener(80, to=31000),))),
        a_service(),
        "another node port",
        id="stale-node-port",
    ),
    pytest.param(a_lookup(a_balancer(labels={})), a_service(), "labelled", id="label-of-another-service"),
    pytest.param(a_lookup(), a_service(ingress=({"ip": "203.0.113.99"},)), "other addresses", id="status-names-others"),
    pytest.param(a_lookup(), a_service(ingress=({"hostname": "lb.example.org"},)), "", id="hostname-mode"),
]


@pytest.mark.parametrize(("lookup", "service", "says"), DIFFERENCES)
async def test_difference(lookup: LoadBalancerLookup | Unavailable, service: Any, says: str) -> None:
    found = await events(Cluster(), lookup, service=service)

    assert isinstance(found, ServiceEvents)
    assert says in found.difference
    assert bool(found.difference) is bool(says)


ILL = a_balancer(targets=(a_target(1), a_target(2, health="unhealthy")))
EMPTY = a_lookup(a_balancer(targets=()))
QUIET = some_events(an_event("EnsuredLoadBalancer"))
NODES = [
    pytest.param(a_lookup(), QUIET, False, id="all-healthy"),
    pytest.param(a_lookup(ILL), QUIET, False, id="servers-name-the-unhealthy"),
    pytest.param(a_lookup(ILL, servers=(), servers_unread="403"), QUIET, True, id="unhealthy-and-servers-unread"),
    pytest.param(a_lookup(servers=(), servers_unread="403"), QUIET, False, id="healthy-and-servers-unread"),
    pytest.param(EMPTY, QUIET, False, id="no-targets-after-a-good-sync-is-drift"),
    pytest.param(EMPTY, some_events(an_event("UnAvailableLoadBalancer")), True, id="no-targets-for-lack-of-nodes"),
    pytest.param(EMPTY, some_events(), True, id="no-targets-and-no-events"),
    pytest.param(EMPTY, UNREAD, True, id="no-targets-and-events-unread"),
    pytest.param(a_lookup(servers=(a_server(1), a_server(2))), QUIET, True, id="a-target-whose-server-is-gone"),
    pytest.param(a_lookup(a_balancer(targets=(a_target(1),))), QUIET, True, id="a-pods-node-is-no-target"),
    pytest.param(a_lookup(missing=True), QUIET, False, id="no-balancer"),
]


@pytest.mark.parametrize(("lookup", "seen", "asked"), NODES)
async def test_nodes_are_read_only_to_map_targets(
    lookup: LoadBalancerLookup, seen: ServiceEvents | Unavailable, *, asked: bool
) -> None:
    cluster = Cluster({"metadata": {"name": "node-2"}, "spec": {"providerID": "hcloud://2"}})

    found = await collect_nodes.function(
        kube=cluster, controller=a_controller(), balancer=ClusterBalancer(lookup=lookup), events=seen
    )

    assert isinstance(found, ClusterNodes)
    assert found.asked is asked
    assert bool(cluster.asked) is asked
    assert (found.by_server(2) is not None) is asked


async def test_nodes_that_may_not_be_read_are_unavailable() -> None:
    cluster = Cluster(status=403)

    found = await collect_nodes.function(
        kube=cluster, controller=a_controller(), balancer=ClusterBalancer(lookup=EMPTY), events=UNREAD
    )

    assert isinstance(found, Unavailable)
