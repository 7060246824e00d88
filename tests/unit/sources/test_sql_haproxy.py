"""HAProxy as the balancer that speaks the PROXY protocol, in front of a real MariaDB: good, and both mismatches."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from build.mariadb import HOST, MariaDb, free_port, haproxy, haproxy_here, mariadb, mariadb_here, relay
from build.mysql_walk import ask, log_in_anyway
from ingressdoctor.evidence.net import Reach
from ingressdoctor.evidence.sql import SqlLogin, SqlSpeaker
from ingressdoctor.model.evidence import Unavailable
from unit.sources.servers import black_hole
from unit.sources.test_sql_mariadb import RECORDED, V1, V2, WORD, reproduces

pytestmark = [pytest.mark.debian, mariadb_here, haproxy_here]

CLOSED = {"sql.no-greeting"}


@pytest.fixture(scope="module")
def server() -> Iterator[MariaDb]:
    account = f"CREATE USER good@'%' IDENTIFIED BY '{WORD}'"
    with mariadb(account, skip_name_resolve="1") as running:
        yield running


@pytest.mark.parametrize("version", ["send-proxy", "send-proxy-v2"])
@reproduces("tcp_proxy_sends_v1_server_expecting", "tcp_proxy_sends_v2_server_expecting")
def test_a_header_that_is_expected(server: MariaDb, tmp_path: Path, version: str) -> None:
    """MariaDB sees the client's own address, here the one from which HAProxy was called."""
    backend = f"server a {HOST}:{server.port} {version}"
    with (
        server.having(proxy_protocol_networks=HOST),
        haproxy(tmp_path, backend) as balancer,
        relay(balancer, source="127.0.0.9") as port,
    ):
        asked = ask(port, "good", WORD)

    assert isinstance(asked.login, SqlLogin)
    assert asked.login.identity is not None
    assert asked.login.identity.seen_as == "good@127.0.0.9"
    assert (asked.failing, asked.unknown) == (frozenset(), frozenset())


def test_without_a_header_mariadb_sees_the_balancer(server: MariaDb, tmp_path: Path) -> None:
    with haproxy(tmp_path, f"server a {HOST}:{server.port}") as balancer, relay(balancer, source="127.0.0.9") as port:
        asked = ask(port, "good", WORD)

    assert isinstance(asked.login, SqlLogin)
    assert asked.login.identity is not None
    assert asked.login.identity.seen_as == f"good@{HOST}"


@pytest.mark.parametrize("version", ["send-proxy", "send-proxy-v2"])
@reproduces("tcp_proxy_sends_v1_server_not_expecting", "tcp_proxy_sends_v2_server_not_expecting")
def test_a_header_that_is_not_expected(server: MariaDb, tmp_path: Path, version: str) -> None:
    """It greets, and then refuses what nobody of us said; no login is tried, for it could not succeed."""
    with haproxy(tmp_path, f"server a {HOST}:{server.port} {version}") as port:
        asked = ask(port, "good", WORD, linger_s=10)

    assert asked.seen.speaker is SqlSpeaker.MARIADB
    assert asked.seen.second is not None
    assert (asked.seen.second.errno, asked.seen.second.sequence) == (1130, 1)
    assert asked.seen.second.text.startswith("Proxy header is not accepted from ")
    assert isinstance(asked.login, Unavailable)
    assert asked.failing == {"sql.error-greeting"}
    assert "PROXY header comes to a peer that does not take it" in asked.text


@pytest.mark.parametrize("version", ["send-proxy", "send-proxy-v2"])
def test_a_login_where_a_header_is_not_expected(server: MariaDb, tmp_path: Path, version: str) -> None:
    """Whether the client library gets to read the refusal is a race; either way it is told for what it is."""
    with haproxy(tmp_path, f"server a {HOST}:{server.port} {version}") as port:
        asked = log_in_anyway(port, "good", WORD)

    assert isinstance(asked.login, SqlLogin)
    assert asked.login.accepted is False
    assert asked.failing == {"mysql.login-refused"}
    assert "PROXY header" in asked.text or "without an error" in asked.text


@reproduces("tcp_proxy_expects_header_none_given")
def test_a_listener_that_expects_a_header_and_gets_none(server: MariaDb, tmp_path: Path) -> None:
    with haproxy(tmp_path, f"server a {HOST}:{server.port}", ">bind-with accept-proxy") as port:
        asked = ask(port, "good", WORD, timeout_s=1.5)

    assert (asked.words.reach, asked.words.first, asked.words.end) == (Reach.OK, b"", None)
    assert asked.failing == CLOSED
    assert "says nothing for" in asked.text


@reproduces("tcp_proxy_expects_header_none_given")
def test_the_same_for_a_client_with_more_patience(server: MariaDb, tmp_path: Path) -> None:
    """HAProxy gives up in the end; Traefik would go on without a header."""
    with haproxy(tmp_path, f"server a {HOST}:{server.port}", ">bind-with accept-proxy", client_s=1) as port:
        asked = ask(port, "good", WORD, timeout_s=30)

    assert (asked.words.first, asked.words.end) == (b"", Reach.CLOSED)
    assert asked.failing == CLOSED


@pytest.mark.parametrize("header", [pytest.param(V1, id="v1"), pytest.param(V2, id="v2")])
@reproduces("tcp_proxy_expects_header_given")
def test_a_listener_that_expects_a_header_and_gets_one(server: MariaDb, tmp_path: Path, header: bytes) -> None:
    backend = f"server a {HOST}:{server.port}"
    with haproxy(tmp_path, backend, ">bind-with accept-proxy") as balancer, relay(balancer, header) as port:
        asked = ask(port, "good", WORD)
        said = ask(balancer, say=header)

    assert isinstance(asked.login, SqlLogin)
    assert asked.login.identity is not None
    assert said.seen.speaker is SqlSpeaker.MARIADB


def test_the_whole_chain_shows_the_client(server: MariaDb, tmp_path: Path) -> None:
    backend = f"server a {HOST}:{server.port} send-proxy-v2"
    with (
        server.having(proxy_protocol_networks=HOST),
        haproxy(tmp_path, backend, ">bind-with accept-proxy") as balancer,
        relay(balancer, V1) as port,
    ):
        asked = ask(port, "good", WORD)

    assert isinstance(asked.login, SqlLogin)
    assert asked.login.identity is not None
    assert asked.login.identity.seen_as == "good@10.9.8.7"


@reproduces("tcp_proxy_backend_refused_unchecked")
def test_a_backend_that_refuses(tmp_path: Path) -> None:
    with haproxy(tmp_path, f"server a {HOST}:{free_port()}") as port:
        asked = ask(port)

    assert (asked.words.reach, asked.words.first, asked.words.end) == (Reach.OK, b"", Reach.CLOSED)
    assert asked.failing == CLOSED


@reproduces("tcp_proxy_backend_down_checked")
def test_a_backend_that_is_known_to_be_down(tmp_path: Path) -> None:
    with haproxy(tmp_path, f"server a {HOST}:{free_port()} check inter 50 fall 1") as port:
        found = [ask(port) for _ in range(3)]

    assert {asked.failing for asked in found} == {frozenset(CLOSED)}


@reproduces("tcp_proxy_backend_blackhole")
def test_a_backend_that_nobody_answers_for(tmp_path: Path) -> None:
    with black_hole() as dead, haproxy(tmp_path, f"server a {HOST}:{dead}") as port:
        asked = ask(port, timeout_s=30)

    assert (asked.words.first, asked.words.end) == (b"", Reach.CLOSED)
    assert asked.failing == CLOSED


@reproduces("tcp_proxy_no_servers")
def test_no_backend_at_all(tmp_path: Path) -> None:
    with haproxy(tmp_path) as port:
        assert ask(port).failing == CLOSED


@reproduces("tcp_proxy_reject_rule")
def test_a_rule_that_rejects(tmp_path: Path) -> None:
    with haproxy(tmp_path, ">tcp-request connection reject") as port:
        asked = ask(port)

    assert asked.failing in ({"sql.no-greeting"}, {"sql.unreachable"})
    assert Reach.RESET in (asked.words.end, asked.words.reach) or asked.words.end is Reach.CLOSED


def test_every_recorded_case_of_haproxy_is_made_again() -> None:
    if not RECORDED.exists():
        pytest.skip("the recorded observations are not beside this repository")
    records: list[dict[str, Any]] = json.loads(RECORDED.read_text())["cases"]
    recorded = {record["case"] for record in records if record["server_version"].startswith("HAProxy")}
    made = {case for item in list(globals().values()) for case in getattr(item, "cases", ())}

    assert made == recorded
