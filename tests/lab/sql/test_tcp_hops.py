"""Load balancer and Traefik in front of MySQL: the PROXY protocol by every combination, allow lists, transports."""

from __future__ import annotations

import time
from typing import Any

import pymysql
import pytest

from lab import mysql_visitor
from lab.sql.sqlkit import (
    NAMESPACE,
    USER,
    Operation,
    ask,
    listener_params,
    log_in,
    port_of,
    rest,
    serving,
    tenant,
    to_mariadb,
)

PROXY_FLAG = "--entryPoints.mysql.proxyProtocol.trustedIPs=10.0.0.0/8"
UNTRUSTED_FLAG = "--entryPoints.mysql.proxyProtocol.trustedIPs=192.0.2.0/24"
LB_OFF: Operation = {
    "hetzner": {"set": {"load_balancers[name=ecnv4-lb].services[listen_port=3306].proxyprotocol": False}}
}
NODES = ("10.0.1.11", "10.0.1.12", "10.0.1.13")
NO_NETWORKS = tenant("MaxScale", "maxscale", remove=["spec.services[0].listener.params"])
ROUTE = "spec.routes[0].services[0]"
HEADER_S = 0.6


def traefik(change: str) -> Operation:
    """The mysql entry point of every pod without the flag, or with another in its place."""
    path = f'spec.containers[0].args["{PROXY_FLAG}"]'
    what: dict[str, Any] = {"set": {path: change}} if change else {"remove": [path]}
    return {"object": {"kind": "Pod", "namespace": "traefik", "name": "traefik-*"}, **what}


def allowing(*ranges: str) -> Operation:
    return tenant("MiddlewareTCP", "maxscale-ipallowlist", set={"spec.ipAllowList.sourceRange": list(ranges)})


def serve(*operations: Operation, **settings: Any) -> Any:
    return serving(*operations, sql={"real": "never"}, controller_header_s=HEADER_S, **settings)


@pytest.mark.lab
@pytest.mark.parametrize(
    ("operations", "seen"),
    [
        pytest.param((), None, id="lb-on-entry-point-on"),
        pytest.param((LB_OFF, traefik("")), None, id="lb-off-entry-point-off"),
        pytest.param((traefik(""),), None, id="lb-on-entry-point-off-and-maxscale-takes-it"),
        pytest.param((traefik(""), NO_NETWORKS), "mysql-1130", id="lb-on-entry-point-off-and-maxscale-does-not"),
        pytest.param((traefik(UNTRUSTED_FLAG),), None, id="lb-on-peer-not-trusted"),
        pytest.param((allowing("198.51.100.0/24"),), None, id="the-allow-list-sees-the-client"),
        pytest.param(
            (traefik(UNTRUSTED_FLAG), allowing("198.51.100.0/24")), "mysql-closed", id="not-trusted-it-sees-the-node"
        ),
        pytest.param(
            (LB_OFF, traefik(""), allowing("198.51.100.0/24")), "mysql-closed", id="without-headers-it-sees-the-node"
        ),
    ],
)
@pytest.mark.parametrize("version", [1, 2])
def test_headers_from_the_balancer(operations: tuple[Operation, ...], seen: str | None, version: int) -> None:
    with serve(*operations, proxy_version=version) as lab:
        assert mysql_visitor.first_words(port_of(lab)) == seen


@pytest.mark.lab
def test_an_entry_point_that_waits_for_a_header_is_late() -> None:
    with serve(LB_OFF) as lab:
        began = time.monotonic()
        assert mysql_visitor.first_words(port_of(lab)) is None
        assert time.monotonic() - began >= HEADER_S


@pytest.mark.lab
@pytest.mark.parametrize(
    ("version", "transport", "seen"),
    [
        pytest.param(1, None, "198.51.100.23", id="version-1"),
        pytest.param(2, None, "198.51.100.23", id="version-2"),
        pytest.param(None, {"proxyProtocol": {"version": 2}}, "198.51.100.23", id="a-transport-that-sends"),
        pytest.param(2, {"dialTimeout": "5s"}, "10.42.", id="a-transport-makes-it-void"),
        pytest.param(None, None, "10.42.", id="none"),
    ],
)
def test_headers_from_traefik(version: int | None, transport: dict[str, Any] | None, seen: str) -> None:
    change: dict[str, Any] = {f"{ROUTE}.proxyProtocol": {"version": version}} if version else {}
    operations: list[Operation] = []
    if transport is not None:
        change[f"{ROUTE}.serversTransport"] = "mysql"
        meta = {"name": "mysql", "namespace": NAMESPACE}
        kind = {"apiVersion": "traefik.io/v1alpha1", "kind": "ServersTransportTCP", "metadata": meta}
        operations.append({"add": {**kind, "spec": transport}})
    if change:
        operations.append(tenant("IngressRouteTCP", "maxscale-tcp-route", set=change))
    with serve(*operations) as lab, log_in(lab):
        sessions = [item["attributes"] for item in rest(lab, "/v1/sessions")[1]["data"]]
        # The session may be at the other pod, which answers for its own only.
        assert all(item["remote"].startswith(seen) and item["user"] == USER for item in sessions)


@pytest.mark.lab
@pytest.mark.parametrize(
    "change",
    [
        pytest.param({f"{ROUTE}.proxyProtocol": {"version": 3}}, id="unknown-version"),
        pytest.param({f"{ROUTE}.serversTransport": "nosuch"}, id="unknown-transport"),
        pytest.param({"spec.routes[0].match": "HostSNI(`erp.wecare.gr`)"}, id="a-name-without-tls"),
        pytest.param({"spec.entryPoints": ["nosuch"]}, id="unknown-entry-point"),
    ],
)
def test_a_router_that_traefik_refuses_leaves_the_client_in_silence(change: dict[str, Any]) -> None:
    broken = tenant("IngressRouteTCP", "maxscale-tcp-route", set=change)
    with serve(broken, controller_read_s=0.5) as lab:
        assert mysql_visitor.first_words(port_of(lab)) == "mysql-closed"


@pytest.mark.lab
@pytest.mark.parametrize(
    ("spec", "seen"),
    [
        pytest.param({"ipAllowList": {"sourceRange": ["198.51.100.23"]}}, None, id="an-address"),
        pytest.param({"ipWhiteList": {"sourceRange": ["198.51.100.0/24"]}}, None, id="the-old-name"),
        pytest.param({"ipAllowList": {"sourceRange": ["192.0.2.0/24"]}}, "mysql-closed", id="not-listed"),
        pytest.param({"ipAllowList": {}}, "mysql-closed", id="without-a-list-the-router-is-refused"),
        pytest.param({"ipAllowList": {"sourceRange": ["erp.example"]}}, "mysql-closed", id="a-name-is-no-range"),
        pytest.param({"inFlightConn": {"amount": 10}}, None, id="another-kind-lets-everybody-pass"),
    ],
)
def test_allow_lists(spec: dict[str, Any], seen: str | None) -> None:
    middleware = tenant("MiddlewareTCP", "maxscale-ipallowlist", set={"spec": spec})
    with serve(middleware, controller_read_s=0.5) as lab:
        assert mysql_visitor.first_words(port_of(lab)) == seen


@pytest.mark.lab
@pytest.mark.parametrize(
    ("policy", "seen"),
    [
        pytest.param("Local", "mysql-closed", id="local-keeps-the-balancers-own-address"),
        pytest.param("Cluster", None, id="cluster-shows-a-nodes"),
    ],
)
def test_without_headers_the_traffic_policy_decides_whose_address_is_seen(policy: str, seen: str | None) -> None:
    given: Operation = {
        "object": {"kind": "Service", "namespace": "traefik", "name": "traefik"},
        "set": {"spec.externalTrafficPolicy": policy, "metadata.labels.touched": "yes"},
    }
    with serve(LB_OFF, traefik(""), given, allowing(*NODES)) as lab:
        assert mysql_visitor.first_words(port_of(lab)) == seen


@pytest.mark.lab
def test_a_pod_that_refuses_ends_the_connection() -> None:
    closed = tenant("MaxScale", "maxscale", set={"spec.services[0].listener.port": 3399})
    with serve(closed) as lab:
        assert mysql_visitor.first_words(port_of(lab)) == "mysql-closed"


@pytest.mark.lab
def test_straight_to_mariadb_the_announced_address_is_the_last_one() -> None:
    trusted = tenant("MariaDB", "mariadb", set={"spec.myCnf": "[mariadb]\nproxy_protocol_networks=10.42.0.0/16\n"})
    with serve(*to_mariadb(), trusted, traefik("")) as lab, log_in(lab) as connection:
        # The balancer's header travels through Traefik as payload, and MariaDB takes it.
        assert ask(connection, "SELECT USER()") == (f"{USER}@198.51.100.23",)


@pytest.mark.lab
def test_somebody_elses_failures_lock_out_everybody_behind_the_same_address() -> None:
    noisy = [{"from": ip, "user": "till", "count": 10} for ip in ("10.42.1.17", "10.42.2.23")]
    with (
        serving(sql={"real": "never", "failed_logins": noisy}) as lab,
        pytest.raises(pymysql.err.OperationalError) as one,
    ):
        log_in(lab)
    assert one.value.args[0] == 1129


@pytest.mark.lab
def test_a_few_failures_lock_out_nobody() -> None:
    noisy = [{"from": "10.42.1.17", "user": "till", "count": 9}]
    with serving(listener_params(), sql={"real": "never", "failed_logins": noisy}) as lab, log_in(lab) as connection:
        assert ask(connection, "SELECT 1") == ("1",)
