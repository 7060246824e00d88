"""Which recorded observation is made again by which test, and which by none, with the reason."""

from __future__ import annotations

import json
from types import ModuleType

import pytest

from unit.sources import test_sql, test_sql_haproxy, test_sql_login, test_sql_mariadb
from unit.sources.test_sql_mariadb import RECORDED

# Peers that are no database: each is played by a server of the tests.
PEERS: dict[str, tuple[ModuleType, str]] = {
    "accept_then_close": (test_sql, "test_an_end_without_a_byte"),
    "accept_then_reset": (test_sql, "test_an_end_without_a_byte"),
    "accept_then_silence": (test_sql, "test_silence_ends_at_the_deadline"),
    "partial_greeting_then_close": (test_sql, "test_a_close_within_a_packet"),
    "ssh_server_on_port": (test_sql, "test_another_protocol_that_speaks_first"),
    "http_server_on_port": (test_sql_login, "test_an_end_that_is_no_error"),
    "http_408_on_port": (test_sql, "test_an_http_server_that_gives_up_waiting"),
    "tls_server_on_port": (test_sql, "test_a_tls_server_waits_for_the_client_in_silence"),
    "connection_refused": (test_sql, "test_refused"),
    "connect_timeout": (test_sql, "test_nobody_answers_the_connection_attempt"),
}
# No Debian package holds MaxScale, Traefik or MariaDB 11.8: what they said is judged from the recording
# (tests/checks/sql/test_wire_observations.py), and the lab plays the first two.
LAB = ("maxscale_", "entrypoint_")
NOT_HERE = {
    "ed25519_with_pynacl": "PyNaCl is no dependency",
    "host_blocked_after_aborted_handshakes": "a server that keeps that list looks up names beyond this machine",
    "name_not_resolved": "addresses are dialled, which DNS gave",
    "parsec_plugin": "MariaDB 11.8 has it, 10.11 has not",
    "tls_verification_fails": "the login does not verify: who answers is the question",
    "unix_socket_missing": "no login goes through a socket file",
}


@pytest.mark.skipif(not RECORDED.exists(), reason="the recorded observations are not beside this repository")
def test_every_recorded_case_has_its_test_or_its_reason() -> None:
    recorded = {record["case"] for record in json.loads(RECORDED.read_text())["cases"]}
    real = {
        case
        for module in (test_sql_mariadb, test_sql_haproxy)
        for item in vars(module).values()
        for case in getattr(item, "cases", ())
    }
    played = {case for case in recorded if case.startswith(LAB)}

    assert recorded - real - set(PEERS) - played == set(NOT_HERE)
    assert (set(PEERS) | real) <= recorded


@pytest.mark.parametrize(("module", "name"), PEERS.values(), ids=PEERS)
def test_the_tests_that_are_named_exist(module: ModuleType, name: str) -> None:
    assert callable(getattr(module, name))
