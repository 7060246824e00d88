"""Whose address a rule names."""

from __future__ import annotations

from typing import Any

import pytest

from build.cluster import FakeCluster, services_of
from build.tunnel import a_route
from ingressdoctor.api import AddressOwner, Inapplicable, Unavailable
from ingressdoctor.collect.address_owner import collect_owner

NODES, SERVICES = "/api/v1/nodes", "/api/v1/services"
NODE = {
    "kind": "Node",
    "metadata": {"name": "pi"},
    "status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.57"}, {"type": "Hostname", "address": "pi"}]},
}
SERVICE = {
    "kind": "Service",
    "metadata": {"name": "nginx", "namespace": "web"},
    "spec": {"clusterIP": "10.43.0.9"},
    "status": {"loadBalancer": {"ingress": [{"ip": "10.0.0.60"}, {"hostname": "x"}]}},
}


def cluster(**statuses: int) -> FakeCluster:
    paths = {"nodes": NODES, "services": SERVICES}
    return FakeCluster({NODES: [NODE], SERVICES: [SERVICE]}, {paths[name]: code for name, code in statuses.items()})


async def owner_of(kube: FakeCluster, route: Any) -> Any:
    return await collect_owner.function(kube, route, services_of(kube))


@pytest.mark.parametrize(
    ("service", "owners"),
    [
        pytest.param("https://10.0.0.57:443", ("Node pi",), id="a-nodes"),
        pytest.param("https://10.0.0.60:443", ("Service web/nginx",), id="a-load-balancers"),
        pytest.param("https://10.43.0.9:443", ("Service web/nginx",), id="a-cluster-address"),
        pytest.param("https://10.0.0.200:443", (), id="nobodys"),
    ],
)
async def test_owner(service: str, owners: tuple[str, ...]) -> None:
    found = await owner_of(cluster(), a_route(service=service))

    assert isinstance(found, AddressOwner)
    assert found.owners == owners


async def test_what_could_be_meant_instead_is_told() -> None:
    found = await owner_of(cluster(), a_route(service="https://10.0.0.200:443"))

    assert isinstance(found, AddressOwner)
    assert found.others == (("Node pi", "10.0.0.57"), ("Service web/nginx", "10.0.0.60"))


@pytest.mark.parametrize(
    "route",
    [
        pytest.param(a_route(), id="a-service-by-name"),
        pytest.param(a_route(service="http://127.0.0.1:80"), id="loopback"),
        pytest.param(a_route(service="http://8.8.8.8:80"), id="public"),
        pytest.param(a_route(rule=None, origin=None), id="no-rule"),
    ],
)
async def test_nothing_is_asked_where_no_private_address_is_named(route: Any) -> None:
    kube = cluster()

    assert isinstance(await owner_of(kube, route), Inapplicable)
    assert kube.asked == []


@pytest.mark.parametrize("kind", ["nodes", "services"])
async def test_what_may_not_be_read_is_a_gap(kind: str) -> None:
    found = await owner_of(cluster(**{kind: 403}), a_route(service="https://10.0.0.200:443"))

    assert isinstance(found, Unavailable)
    assert not isinstance(found, Inapplicable)
