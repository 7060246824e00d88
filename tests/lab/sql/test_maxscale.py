"""The lab's MaxScale: what its SQL port, its REST API and its log say, healthy and not, by release."""

from __future__ import annotations

from typing import Any

import pymysql
import pytest
from kubernetes import client

from ingressdoctor.lab import Lab
from lab.sql.sqlkit import (
    NAMESPACE,
    USER,
    Operation,
    ask,
    core,
    forwarded,
    image,
    listener_params,
    log_in,
    packets_of,
    raw_packets,
    rest,
    serving,
    tenant,
)

NO_NETWORKS = tenant("MaxScale", "maxscale", remove=["spec.services[0].listener.params"])
SENDS_V1, SENDS_V2 = (
    tenant(
        "IngressRouteTCP", "maxscale-tcp-route", set={"spec.routes[0].services[0].proxyProtocol": {"version": version}}
    )
    for version in (1, 2)
)
LIMITED = tenant("MaxScale", "maxscale", set={"spec.services[0].params": {"max_connections": "1"}})
OLD, NEW = image("23.08.5"), image("24.02.4")


def serve(*operations: Operation, **sql: Any) -> Any:
    return serving(*operations, sql={"real": "never", **sql})


def errno(packet: tuple[int, bytes]) -> int:
    return int.from_bytes(packet[1][1:3], "little")


@pytest.mark.lab
@pytest.mark.parametrize(
    ("operations", "answer"),
    [
        pytest.param((NO_NETWORKS, SENDS_V1), (2, 1130), id="new-23.08-refuses-a-header"),
        pytest.param((NO_NETWORKS, SENDS_V1, NEW), (2, 1130), id="24.02-refuses-a-header"),
        pytest.param((NO_NETWORKS, SENDS_V1, OLD), (89, 1156), id="23.08.5-takes-a-v1-header-for-a-packet"),
        pytest.param((NO_NETWORKS, SENDS_V2, OLD), (11, 1156), id="23.08.5-takes-a-v2-header-for-a-packet"),
        pytest.param(
            (listener_params(proxy_protocol_networks="10.9.0.0/16"), SENDS_V2, OLD), (1, 1130), id="23.08.5-not-listed"
        ),
        pytest.param(
            (listener_params(proxy_protocol_networks="10.9.0.0/16"), SENDS_V1, NEW), (2, 1130), id="24.02-not-listed"
        ),
    ],
)
def test_a_header_that_is_not_accepted(operations: tuple[Operation, ...], answer: tuple[int, int]) -> None:
    with serve(*operations) as lab:
        (first, greeting), second = packets_of(lab, 2)

    assert (first, greeting[:1]) == (0, b"\x0a")
    assert (second[0], errno(second)) == answer


@pytest.mark.lab
@pytest.mark.parametrize(
    ("release", "lets_in"),
    [
        pytest.param((), True, id="23.08.8-matches-by-the-announced-address"),
        pytest.param((OLD,), False, id="23.08.5-matches-by-the-peers-address"),
        pytest.param((NEW,), True, id="24.02.4-matches-by-the-announced-address"),
    ],
)
def test_an_announced_address_and_the_accounts(release: tuple[Operation, ...], lets_in: bool) -> None:
    only_there = tenant("User", USER, set={"spec.host": "198.51.100.%"})
    with serve(SENDS_V2, only_there, *release) as lab, pytest.raises(pymysql.err.OperationalError) as raised:
        log_in(lab, database="").close()

    # Let in, the account does not fit MaxScale's own address at MariaDB: an OK packet, and the end.
    assert raised.value.args[0] == (2013 if lets_in else 1045)


@pytest.mark.lab
@pytest.mark.parametrize(
    ("release", "state"), [pytest.param((), b"", id="23.08"), pytest.param((NEW,), b"#08004", id="24.02")]
)
def test_a_service_that_is_full_says_so_in_place_of_the_greeting(release: tuple[Operation, ...], state: bytes) -> None:
    guest = {"from": "10.42.1.31", "user": USER, "count": 1}
    with serve(LIMITED, *release, sessions=[guest]) as lab:
        ((sequence, payload),) = packets_of(lab, 1)

    assert (sequence, payload) == (0, b"\xff\x10\x04" + state + b"Too many connections")


@pytest.mark.lab
@pytest.mark.parametrize(
    ("release", "version", "capabilities"),
    [
        pytest.param((OLD,), b"5.5.5-10.4.32 23.08.5-maxscale", 0x003F_F7DF, id="23.08"),
        pytest.param((NEW,), b"5.5.5-10.4.32 24.02.4-maxscale", 0x003F_F7DE, id="24.02"),
    ],
)
def test_one_that_never_reached_a_server_speaks_for_itself(
    release: tuple[Operation, ...], version: bytes, capabilities: int
) -> None:
    with serve(*release, monitor="wrong", connected=False) as lab:
        ((_, payload),) = packets_of(lab, 1)
        with pytest.raises(pymysql.err.OperationalError) as raised:
            log_in(lab)

    end = payload.index(b"\0")
    assert payload[1:end] == version
    low, high = payload[end + 14 : end + 16], payload[end + 19 : end + 21]
    assert int.from_bytes(low, "little") | int.from_bytes(high, "little") << 16 == capabilities
    assert raised.value.args[0] == 1045


@pytest.mark.lab
@pytest.mark.parametrize(
    ("release", "outcome"),
    [pytest.param((), 1815, id="23.08-refuses"), pytest.param((NEW,), None, id="24.02-lets-read")],
)
def test_without_a_primary(release: tuple[Operation, ...], outcome: int | None) -> None:
    with serve(*release, read_only=["mariadb-0"]) as lab:
        if outcome is not None:
            with pytest.raises(pymysql.err.OperationalError) as raised:
                log_in(lab)
            assert raised.value.args[0] == outcome
            return
        with log_in(lab) as connection:
            assert ask(connection, "SELECT @@read_only") == ("1",)
            with pytest.raises(pymysql.err.MySQLError):
                ask(connection, "START TRANSACTION")


@pytest.mark.lab
def test_reads_go_to_a_replica_and_the_rest_to_the_primary() -> None:
    with serve() as lab, log_in(lab) as connection:
        assert ask(connection, "/* hello */ SELECT @@server_id")[0] in {"11", "12"}
        ask(connection, "START TRANSACTION")
        assert ask(connection, "SELECT @@server_id, @@read_only") == ("10", "0")
        ask(connection, "COMMIT")
        ask(connection, "START TRANSACTION READ ONLY")
        assert ask(connection, "SELECT @@read_only") == ("1",)
        ask(connection, "ROLLBACK")
        ask(connection, "SET autocommit = 0")
        assert ask(connection, "SELECT @@server_id") == ("10",)
        connection.select_db("wecare")
        assert ask(connection, "SELECT DATABASE()") == ("wecare",)
        connection.ping(reconnect=False)


@pytest.mark.lab
def test_a_listener_with_tls_lets_plain_logins_fail_like_a_wrong_password() -> None:
    with serve(listener_params(ssl="true")) as lab:
        with pytest.raises(pymysql.err.OperationalError) as raised:
            log_in(lab)
        assert raised.value.args[0] == 1045
        right = lab.handout.environment["INGRESSDOCTOR_SQL_PASSWORD"]
        port = int(next(e for e in lab.handout.connect_to if e.startswith("203.0.113.10:3306:")).rpartition(":")[2])
        secure: Any = pymysql.connect(
            host="127.0.0.1", port=port, user=USER, password=right, ssl_verify_cert=False, ssl={"check_hostname": False}
        )
        with secure:
            assert ask(secure, "SELECT USER()")[0].startswith(f"{USER}@10.42.")


@pytest.mark.lab
def test_bytes_that_are_no_mysql_are_out_of_order() -> None:
    with serve() as lab:
        _, second = packets_of(lab, 2, b"GET / HTTP/1.1\r\n\r\n")

    assert (second[0], errno(second)) == (33, 1156)


@pytest.fixture(scope="module")
def healthy() -> Any:
    with serve() as lab:
        yield lab


@pytest.mark.lab
def test_the_api_tells_what_it_knows(healthy: Lab) -> None:
    with log_in(healthy):
        status, servers = rest(healthy, "/v1/servers")
        _, services = rest(healthy, "/v1/services/rw-router")
        _, listeners = rest(healthy, "/v1/listeners")
        _, monitors = rest(healthy, "/v1/monitors")
        _, own = rest(healthy, "/v1/maxscale")

    assert status == 200
    states = {item["id"]: item["attributes"]["state"] for item in servers["data"]}
    assert states == {"mariadb-0": "Master, Running", "mariadb-1": "Slave, Running", "mariadb-2": "Slave, Running"}
    service = services["data"]["attributes"]
    users = {(user["user"], user["host"]) for user in service["users"]}
    assert (USER, "%") in users
    assert service["users_last_update"].endswith("GMT")
    assert service["parameters"]["password"] == "*****"
    (listener,) = listeners["data"]
    assert listener["attributes"]["state"] == "Running"
    assert listener["attributes"]["parameters"]["proxy_protocol_networks"] == "10.42.0.0/16"
    assert monitors["data"][0]["attributes"]["monitor_diagnostics"]["master"] == "mariadb-0"
    assert own["data"]["attributes"]["version"] == "23.08.8"


@pytest.mark.lab
@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param("/v1/sessions", 200, id="sessions"),
        pytest.param("/v1/filters", 200, id="filters"),
        pytest.param("/v1/users/inet", 200, id="users"),
        pytest.param("/v1/maxscale/threads", 200, id="threads"),
        pytest.param("/v1/maxscale/logs/data?page[size]=5", 200, id="log"),
        pytest.param("/v1/servers/nosuch", 404, id="no-such-server"),
        pytest.param("/v1/nosuch", 404, id="no-such-path"),
        pytest.param("/v1/maxscale/logs/entries", 404, id="no-such-part"),
        pytest.param("/nosuch", 404, id="outside-of-the-api"),
    ],
)
def test_paths_of_the_api(healthy: Lab, path: str, status: int) -> None:
    assert rest(healthy, path)[0] == status


@pytest.mark.lab
@pytest.mark.parametrize("path", ["/v1/servers", "/v1/nosuch"])
def test_without_the_right_password_everything_is_401(healthy: Lab, path: str) -> None:
    assert rest(healthy, path, password="wrong") == (401, {"errors": [{"detail": "Access denied"}]})
    assert rest(healthy, path, user="admin", password="mariadb")[0] == 401


@pytest.mark.lab
def test_what_a_server_refuses_stands_in_the_log_alone() -> None:
    with serve(locked=[USER]) as lab:
        with pytest.raises(pymysql.err.OperationalError) as raised:
            log_in(lab)
        logs = [core(lab).read_namespaced_pod_log(f"maxscale-{n}", NAMESPACE) for n in (0, 1)]

    assert raised.value.args[0] == 2013
    refused = "Authentication to 'mariadb-0' failed: 4151, #HY000: Access denied, this account is locked"
    assert any(refused in log for log in logs)


@pytest.mark.lab
def test_a_port_forward_leads_into_the_pod(healthy: Lab) -> None:
    forward = forwarded(healthy, "maxscale-1", 3306)
    sock = forward.socket(3306)
    sock.settimeout(10.0)
    try:
        ((_, payload),) = raw_packets(sock, 1)
    finally:
        forward.close()

    assert payload[:1] == b"\x0a"


@pytest.mark.lab
def test_a_forward_to_a_port_where_nobody_listens_ends_with_the_reason(healthy: Lab) -> None:
    forward = forwarded(healthy, "maxscale-1", 3307)
    sock = forward.socket(3307)
    sock.settimeout(10.0)
    try:
        assert sock.recv(10) == b""
        assert "connection refused" in (forward.error(3307) or "")
    finally:
        forward.close()


@pytest.mark.lab
def test_forwarding_has_to_be_granted() -> None:
    with serving(rbac={"allow": []}, sql={"real": "never"}) as lab:
        forbidden: Any = None
        try:
            forwarded(lab, "maxscale-0", 8989)
        except Exception as error:  # noqa: BLE001  # whatever class this client raises
            forbidden = error
    assert getattr(forbidden, "status", None) in {0, 403}
    assert "403" in str(forbidden)


@pytest.mark.lab
@pytest.mark.parametrize(
    ("kind", "name"),
    [
        pytest.param("pod", "maxscale-0:8989", id="pod"),
        pytest.param("service", "maxscale-gui:admin", id="service-by-name-of-the-port"),
        pytest.param("service", "maxscale-gui:8989", id="service-by-number-of-the-port"),
    ],
)
def test_the_api_servers_proxy_takes_no_credentials_along(kind: str, name: str) -> None:
    with serving(rbac={"allow": ["pods/proxy", "services/proxy"]}, sql={"real": "never"}) as lab:
        get = getattr(core(lab), f"connect_get_namespaced_{kind}_proxy_with_path")
        with pytest.raises(client.ApiException) as raised:
            get(name, NAMESPACE, "v1/servers")

    assert raised.value.status == 401
    assert "Access denied" in str(raised.value.body)
