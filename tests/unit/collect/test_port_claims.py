"""Who has the port of a node on which Traefik does not get ready."""

from __future__ import annotations

from typing import Any

import pytest

from build.kube import TableKube, a_list, forbidden, text
from build.nodes import a_hop, a_lan_node, a_node_pod, a_state, node_states
from ingressdoctor.api import NodeCase, PortClaims, Reach, SourceError
from ingressdoctor.collect.port_claims import collect_claims, in_use, port_in

PODS = "/api/v1/pods"
LOG = "/api/v1/namespaces/kube-system/pods/traefik-1/log"
BOUND = "ERR error opening listener: listen tcp :9100: bind: address already in use"
DOWN = a_state(NodeCase.POD_DOWN, hop=a_hop(1, Reach.REFUSED), pod=a_node_pod(ready=False))
WAITS = a_state(NodeCase.PORT_TAKEN, hop=a_hop(1, Reach.REFUSED), pod=None)


def a_raw_pod(
    name: str, *, host_port: int | None = None, port: int = 8080, host: bool = False, phase: str = "Running"
) -> Any:
    ports = [{"containerPort": port, **({"hostPort": host_port} if host_port else {})}]
    spec = {"hostNetwork": host, "nodeName": "node-1", "containers": [{"name": "c", "ports": ports}]}
    return {"kind": "Pod", "metadata": {"name": name, "namespace": "web"}, "spec": spec, "status": {"phase": phase}}


async def claims(table: dict[str, Any], *states: Any) -> tuple[PortClaims, TableKube]:
    kube = TableKube(table)
    found = await collect_claims.function(kube, node_states(*states))
    assert isinstance(found, PortClaims)
    return found, kube


HOLDERS = [
    pytest.param(a_raw_pod("a", host_port=80), ("Pod web/a",), id="a-host-port"),
    pytest.param(a_raw_pod("b", port=80, host=True), ("Pod web/b",), id="in-the-nodes-network"),
    pytest.param(a_raw_pod("c", port=80), (), id="a-port-of-its-own"),
    pytest.param(a_raw_pod("d", host_port=81), (), id="another-port"),
    pytest.param(a_raw_pod("e", host_port=80, phase="Failed"), (), id="a-pod-that-ended"),
]


@pytest.mark.parametrize(("pod", "names"), HOLDERS)
async def test_pods_that_take_the_port(pod: Any, names: tuple[str, ...]) -> None:
    found, _ = await claims({PODS: a_list(pod)}, WAITS)

    assert found.claims[0].pods == names
    assert (found.on("node-1") is not None) is bool(names)


async def test_the_log_names_the_port_that_is_in_use() -> None:
    exporter = a_raw_pod("exporter", port=9100, host=True)
    found, kube = await claims({PODS: a_list(exporter), LOG: text(f"INF up\n{BOUND}\n")}, DOWN)

    claim = found.on("node-1")
    assert claim is not None
    assert (claim.port, claim.pods, claim.line) == (9100, ("Pod web/exporter",), BOUND)
    assert len(kube.calls) == 2


async def test_nobody_is_asked_while_traefik_is_ready_or_the_node_is_not() -> None:
    gone = a_hop(3, node=a_lan_node(3, ready=False))
    found, kube = await claims({}, a_state(), a_state(NodeCase.OFF, 2), a_state(number=3, hop=gone, pod=None))

    assert (found.claims, kube.calls) == ((), [])


@pytest.mark.parametrize(
    ("table", "gaps"),
    [
        pytest.param({PODS: forbidden("no"), LOG: forbidden("no")}, 2, id="not-allowed"),
        pytest.param({PODS: SourceError("gone"), LOG: SourceError("gone")}, 2, id="gone"),
        pytest.param({PODS: a_list(), LOG: text("INF up\n")}, 0, id="nothing-found"),
    ],
)
async def test_what_cannot_be_read_is_a_gap(table: dict[str, Any], gaps: int) -> None:
    found, _ = await claims(table, DOWN)

    assert len(found.unread) == gaps
    assert found.on("node-1") is None


@pytest.mark.parametrize(
    ("log", "port"),
    [
        pytest.param(f"{BOUND}\n", 9100, id="named"),
        pytest.param("listen unix /run/x: bind: address already in use", 0, id="no-port"),
        pytest.param("INF up", 0, id="no-complaint"),
    ],
)
def test_the_port_of_a_complaint(log: str, port: int) -> None:
    assert port_in(in_use(log)) == port
