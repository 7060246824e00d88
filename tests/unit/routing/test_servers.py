"""What a reference to a Service becomes in Traefik, kind by kind and release by release, with its own error texts."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from build.backend import a_service, a_slice, an_endpoint
from ingressdoctor.api import Node, Service
from ingressdoctor.routing.servers import Asks, ServerOptions, ServerReference, Servers, Way, servers_of
from ingressdoctor.routing.traefik.version import Version

CRD, TCP, INGRESS = Asks.INGRESS_ROUTE, Asks.INGRESS_ROUTE_TCP, Asks.INGRESS
NAMED = {"type": "ExternalName", "externalName": "db.example.com"}
NODE_PORT = {"type": "NodePort", "ports": [{"name": "http", "port": 80, "targetPort": 8080, "nodePort": 30080}]}
NODES = tuple(
    msgspec.convert(raw, Node)
    for raw in (
        {"status": {"addresses": [{"type": "InternalIP", "address": "10.0.1.11"}, {"type": "Hostname"}]}},
        {"status": {"addresses": None}},
        {"status": {"addresses": [{"type": "InternalIP", "address": "10.0.1.12"}]}},
    )
)
PODS = (a_slice(an_endpoint()),)


def ask(
    asks: Asks = CRD,
    *,
    spec: dict[str, Any] | None = None,
    port: str = "80",
    slices: Any = PODS,
    nodes: tuple[Node, ...] = NODES,
    version: str = "",
    options: dict[str, Any] | None = None,
    **reference: Any,
) -> Servers:
    service: Service = a_service(spec=spec)
    return servers_of(
        service,
        ServerReference(port=port, asks=asks, **reference),
        ServerOptions(version=Version.parse(version), **(options or {})),
        slices,
        nodes,
    )


NAMES = {"allow_external_names": True}
EMPTY = {"allow_empty_services": True}
FOUND: list[Any] = [
    pytest.param({}, Way.ENDPOINTS, "http", ["10.42.1.5:8080"], id="pods"),
    pytest.param({"asks": TCP}, Way.ENDPOINTS, "tcp", ["10.42.1.5:8080"], id="tcp-pods"),
    pytest.param({"asks": INGRESS}, Way.ENDPOINTS, "http", ["10.42.1.5:8080"], id="ingress-pods"),
    pytest.param({"scheme": "h2c"}, Way.ENDPOINTS, "h2c", ["10.42.1.5:8080"], id="scheme-as-said"),
    pytest.param({"asks": INGRESS, "scheme": "odd"}, Way.ENDPOINTS, "odd", ["10.42.1.5:8080"], id="ingress-any-scheme"),
    pytest.param({"native_lb": True}, Way.CLUSTER_IP, "http", ["10.43.0.10:80"], id="native-lb"),
    pytest.param({"options": {"native_lb_by_default": True}}, Way.CLUSTER_IP, "http", ["10.43.0.10:80"], id="default"),
    pytest.param(
        {"options": {"native_lb_by_default": True}, "native_lb": False},
        Way.ENDPOINTS,
        "http",
        ["10.42.1.5:8080"],
        id="the-route-overrides-the-default",
    ),
    pytest.param({"asks": TCP, "native_lb": True}, Way.CLUSTER_IP, "tcp", ["10.43.0.10:80"], id="tcp-native-lb"),
    pytest.param(
        {"node_port_lb": True, "spec": NODE_PORT},
        Way.NODE_PORTS,
        "http",
        ["10.0.1.11:30080", "10.0.1.12:30080"],
        id="node-ports",
    ),
    pytest.param({"node_port_lb": True}, Way.ENDPOINTS, "http", ["10.42.1.5:8080"], id="node-ports-of-no-node-port"),
    pytest.param(
        {"node_port_lb": True, "spec": NODE_PORT, "version": "3.0.4"},
        Way.ENDPOINTS,
        "http",
        ["10.42.1.5:8080"],
        id="node-ports-came-with-3.1",
    ),
    pytest.param(
        {"node_port_lb": True, "native_lb": True, "spec": NODE_PORT},
        Way.CLUSTER_IP,
        "http",
        ["10.43.0.10:80"],
        id="an-ingress-route-prefers-native-lb",
    ),
    pytest.param(
        {"asks": INGRESS, "node_port_lb": True, "native_lb": True, "spec": NODE_PORT},
        Way.NODE_PORTS,
        "http",
        ["10.0.1.11:30080", "10.0.1.12:30080"],
        id="an-ingress-prefers-node-ports",
    ),
    pytest.param(
        {"spec": NAMED, "options": NAMES}, Way.EXTERNAL_NAME, "http", ["db.example.com:80"], id="external-name"
    ),
    pytest.param(
        {"spec": {**NAMED, "ports": []}, "port": "443", "options": NAMES},
        Way.EXTERNAL_NAME,
        "https",
        ["db.example.com:443"],
        id="external-name-with-a-port-of-the-routes-own",
    ),
    pytest.param(
        {"spec": NAMED, "options": NAMES, "native_lb": True},
        Way.EXTERNAL_NAME,
        "http",
        ["db.example.com:80"],
        id="external-name-before-native-lb",
    ),
    pytest.param(
        {"spec": {**NAMED, "externalName": None}, "options": NAMES, "health_check": True},
        Way.EXTERNAL_NAME,
        "http",
        [":80"],
        id="health-checks-are-for-external-names",
    ),
    pytest.param({"slices": (), "options": EMPTY}, Way.ENDPOINTS, "http", [], id="empty-and-allowed"),
    pytest.param({"slices": (), "asks": INGRESS}, Way.ENDPOINTS, "http", [], id="an-ingress-judges-emptiness-later"),
    pytest.param(
        {"slices": (a_slice(an_endpoint(ready=False, serving=False)),), "version": "2.11.0"},
        Way.ENDPOINTS,
        "http",
        [],
        id="2.11-does-not-call-unready-pods-empty",
    ),
    pytest.param({"health_check": True, "version": "3.0.4"}, Way.ENDPOINTS, "http", ["10.42.1.5:8080"], id="3.0-check"),
]


@pytest.mark.parametrize(("given", "way", "scheme", "targets"), FOUND)
def test_servers(given: dict[str, Any], way: Way, scheme: str, targets: list[str]) -> None:
    found = ask(**given)

    assert (found.problem, found.way, found.scheme) == ("", way, scheme)
    assert [f"{item.address}:{item.port}" for item in found.servers] == targets


SCHEMES = [
    pytest.param({"name": "https-api", "port": 8000}, "8000", "https", id="port-name-begins-with-https"),
    pytest.param({"name": "web", "port": 443}, "443", "https", id="port-443"),
    pytest.param({"port": 8443}, "8443", "http", id="no-other-number"),
]


@pytest.mark.parametrize(("port", "wanted", "scheme"), SCHEMES)
def test_the_scheme_follows_the_service_port(port: dict[str, Any], wanted: str, scheme: str) -> None:
    assert ask(spec={"ports": [port]}, port=wanted, native_lb=True).scheme == scheme


NATIVE = "getting native Kubernetes Service address: "
PROBLEMS: list[Any] = [
    pytest.param({"port": ""}, "ingressRoute service port not defined", id="no-port"),
    pytest.param({"port": "0"}, "ingressRoute service port not defined", id="port-zero"),
    pytest.param({"port": "8080"}, "service port not found: 8080", id="a-target-port"),
    pytest.param({"port": "80", "port_by_name": True}, "service port not found: 80", id="digits-in-quotes-are-a-name"),
    pytest.param({"port": "0", "port_by_name": True}, "service port not found: 0", id="zero-in-quotes-is-a-name"),
    pytest.param(
        {"port": "80", "port_by_name": True, "asks": TCP}, "service port not found: 80", id="tcp-digits-in-quotes"
    ),
    pytest.param(
        {"port": "80", "port_by_name": True, "spec": NAMED, "options": NAMES},
        "service port not found: 80",
        id="external-name-digits-in-quotes",
    ),
    pytest.param(
        {"port": "x", "spec": NAMED, "options": NAMES}, "service port not found: x", id="external-name-by-name"
    ),
    pytest.param({"port": "81", "asks": INGRESS}, "service port not found", id="ingress-port"),
    pytest.param({"spec": NAMED}, "externalName services not allowed: shop/web", id="external-name"),
    pytest.param({"spec": NAMED, "port": "x"}, "service port not found: x", id="ingress-route-asks-for-the-port-first"),
    pytest.param(
        {"spec": NAMED, "port": "x", "asks": TCP},
        "externalName services not allowed: shop/web",
        id="tcp-asks-for-the-name-first",
    ),
    pytest.param(
        {"spec": NAMED, "port": "x", "asks": INGRESS}, "externalName services not allowed: shop/web", id="so-an-ingress"
    ),
    pytest.param(
        {"health_check": True}, "healthCheck allowed only for ExternalName services: shop/web", id="health-check"
    ),
    pytest.param({"scheme": "ftp"}, 'invalid scheme "ftp" specified', id="scheme"),
    pytest.param({"scheme": "ftp", "native_lb": True}, 'invalid scheme "ftp" specified', id="scheme-native"),
    pytest.param(
        {"native_lb": True, "spec": {"clusterIP": "None"}},
        f"{NATIVE}no clusterIP on headless service: shop/web",
        id="native-headless",
    ),
    pytest.param(
        {"native_lb": True, "spec": {"clusterIP": None}},
        f"{NATIVE}no clusterIP found for service: shop/web",
        id="native-without-an-address",
    ),
    pytest.param(
        {"native_lb": True, "spec": {**NAMED, "clusterIP": None}, "options": NAMES, "version": "2.11.53"},
        f"{NATIVE}no clusterIP found for service: shop/web",
        id="2.11-native-before-external-name",
    ),
    pytest.param(
        {"node_port_lb": True, "spec": NODE_PORT, "options": {"no_nodes": True}},
        "nodes lookup is disabled",
        id="nodes-off",
    ),
    pytest.param(
        {"node_port_lb": True, "spec": NODE_PORT, "nodes": ()},
        "nodes not found for NodePort service shop/web",
        id="no-nodes",
    ),
    pytest.param(
        {"node_port_lb": True, "spec": NODE_PORT, "nodes": (), "asks": INGRESS},
        "nodes not found in namespace shop",
        id="ingress-no-nodes",
    ),
    pytest.param(
        {"node_port_lb": True, "spec": NODE_PORT, "nodes": NODES[1:2]},
        "no servers were generated for service web in namespace",
        id="nodes-without-addresses",
    ),
    pytest.param(
        {"node_port_lb": True, "spec": NODE_PORT, "nodes": NODES[1:2], "asks": TCP},
        "no servers were generated for service shop/web",
        id="tcp-nodes-without-addresses",
    ),
    pytest.param({"slices": ()}, "no servers found for shop/web", id="empty"),
    pytest.param({"slices": (), "asks": TCP}, "no servers found for shop/web", id="tcp-empty"),
    pytest.param({"slices": (), "version": "3.0.4"}, "subset not found for shop/web", id="empty-in-3.0"),
    pytest.param({"slices": (), "asks": TCP, "version": "2.11.0"}, "subset not found", id="tcp-empty-in-2.11"),
]


@pytest.mark.parametrize(("given", "problem"), PROBLEMS)
def test_problems(given: dict[str, Any], problem: str) -> None:
    assert ask(**given) == Servers(problem=problem)
