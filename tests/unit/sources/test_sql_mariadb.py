"""Every recorded observation of MariaDB 10.11, made again at a real one and told rightly by probe, login and checks."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pymysql
import pytest

from build.mariadb import HOST, MariaDb, mariadb, mariadb_here, relay
from build.mysql_walk import ask
from build.planted import password
from ingressdoctor.collect.sql_wire import parse_error, split_packets
from ingressdoctor.evidence.net import Reach
from ingressdoctor.evidence.sql import SqlLogin, SqlSpeaker
from ingressdoctor.model.text import Secret
from ingressdoctor.sources.mysql_login import _failed
from unit.sources.servers import Pki

pytestmark = [pytest.mark.debian, mariadb_here]
no_pynacl = pytest.mark.skipif(find_spec("nacl") is not None, reason="PyNaCl is here, so nothing names it")

RECORDED = Path(__file__).parents[4] / "shared" / "reference" / "mysql-wire-observations.json"
WORD = password("of-an-account")
V1 = b"PROXY TCP4 10.9.8.7 127.0.0.1 4444 3306\r\n"
V1_OTHER = b"PROXY TCP4 10.9.8.99 127.0.0.1 4444 3306\r\n"
UNKNOWN = b"PROXY UNKNOWN\r\n"
V2_START = b"\r\n\r\n\x00\r\nQUIT\n"
V2 = V2_START + b"\x21\x11\x00\x0c" + bytes([10, 9, 8, 7, 127, 0, 0, 1, 0x11, 0x5C, 0x0C, 0xEA])
V2_LOCAL = V2_START + b"\x20\x00\x00\x00"
BAD_V1 = b"PROXY TCP4 999.1.1.1 nonsense\r\n"
BAD_V2 = V2_START + b"\x21\x11\x00\x04\x01\x02\x03\x04"

SCRIPT = (
    "CREATE DATABASE shop",
    "CREATE TABLE shop.t (id INT)",
    "CREATE DATABASE secretdb",
    "INSTALL SONAME 'auth_ed25519'",
    *(f"CREATE USER {name}@'%' IDENTIFIED BY '{WORD}'" for name in ("good", "chief", "locked", "expired", "nobody")),
    "GRANT ALL ON shop.* TO good@'%'",
    "GRANT ALL ON *.* TO chief@'%'",
    "REVOKE CONNECTION ADMIN, READ_ONLY ADMIN, SUPER ON *.* FROM chief@'%'",
    "ALTER USER locked@'%' ACCOUNT LOCK",
    "ALTER USER expired@'%' PASSWORD EXPIRE",
    f"CREATE USER ssluser@'%' IDENTIFIED BY '{WORD}' REQUIRE SSL",
    f"CREATE USER x509user@'%' IDENTIFIED BY '{WORD}' REQUIRE X509",
    "CREATE USER sockuser@'%' IDENTIFIED VIA unix_socket",
    f"CREATE USER edduser@'%' IDENTIFIED VIA ed25519 USING PASSWORD('{WORD}')",
    f"CREATE USER lim@'%' IDENTIFIED BY '{WORD}' WITH MAX_USER_CONNECTIONS 1",
    f"CREATE USER hourly@'%' IDENTIFIED BY '{WORD}' WITH MAX_CONNECTIONS_PER_HOUR 1",
)


def reproduces(*cases: str) -> Callable[[Any], Any]:
    """Say which recorded cases a test makes again."""

    def mark(function: Any) -> Any:
        function.cases = cases
        return function

    return mark


@pytest.fixture(scope="module")
def server() -> Iterator[MariaDb]:
    with mariadb(*SCRIPT, skip_name_resolve="1", max_user_connections="1000") as running:
        yield running


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MariaDb]:
    """A server with a certificate."""
    folder = tmp_path_factory.mktemp("pki")
    pki = Pki(folder)
    certificate = pki.ca.issue_cert("db.shop.example")
    key, chain = folder / "key.pem", folder / "chain.pem"
    certificate.private_key_pem.write_to_path(str(key))
    certificate.cert_chain_pems[0].write_to_path(str(chain))
    options = {"ssl": "1", "ssl_cert": str(chain), "ssl_key": str(key), "ssl_ca": pki.ca_file}
    with mariadb(*SCRIPT, skip_name_resolve="1", **options) as running:
        yield running


@contextlib.contextmanager
def held(server: MariaDb, user: str, *, port: int = 0) -> Iterator[Any]:
    """Keep a session of an account open."""
    connection = pymysql.connect(
        host=HOST,
        port=port or server.port,
        user=user,
        password=WORD,
        ssl_disabled=True,
        autocommit=True,
        read_timeout=30,
    )
    with contextlib.closing(connection):
        yield connection


@contextlib.contextmanager
def raw(port: int, source: str = HOST) -> Iterator[socket.socket]:
    """Open a connection on which nothing is said yet, and take the greeting off it."""
    with socket.create_connection((HOST, port), 20, source_address=(source, 0)) as sock:
        assert sock.recv(4_096)
        yield sock


def _until(holds: Callable[[], bool]) -> bool:
    """Wait for what the server does in its own time."""
    end = time.monotonic() + 60
    while not holds() and time.monotonic() < end:
        time.sleep(0.05)
    return holds()


def _until_gone(server: MariaDb, question: str) -> None:
    assert _until(lambda: not server.do(question))


def _until_connected(root: Any, count: int) -> None:
    """Wait until so many are connected, the administrator's *root* among them: what is closed still counts a while."""

    def connected() -> bool:
        with root.cursor() as cursor:
            cursor.execute("SHOW GLOBAL STATUS LIKE 'Threads_connected'")
            return int(cursor.fetchone()[1]) == count

    assert _until(connected)


@reproduces("healthy_login", "healthy_login_tls_preferred")
def test_a_login_that_works(server: MariaDb) -> None:
    asked = ask(server.port, "good", WORD, database="shop")

    assert asked.seen.speaker is SqlSpeaker.MARIADB
    assert asked.seen.greeting is not None
    assert asked.seen.greeting.version.endswith("10.11.19-MariaDB-0+deb12u1")
    assert isinstance(asked.login, SqlLogin)
    identity = asked.login.identity
    assert identity is not None
    assert (identity.account, identity.seen_as, identity.database) == ("good@%", f"good@{HOST}", "shop")
    assert (identity.server_id, identity.read_only, identity.connection_id) == (11, False, asked.login.greeting_id)
    assert asked.login.read == asked.login.write
    assert (asked.failing, asked.unknown) == (frozenset(), frozenset())


@pytest.mark.parametrize(
    ("user", "password", "number", "failing"),
    [
        pytest.param("good", "wrong", 1045, "mysql.wrong-password", id="wrong_password"),
        pytest.param("good", "", 1045, "mysql.wrong-password", id="empty_password"),
        pytest.param("locked", WORD, 4151, "mysql.account-locked", id="account_locked"),
        pytest.param("ssluser", WORD, 1045, "mysql.wrong-password", id="require_ssl_account_plain"),
        pytest.param("x509user", WORD, 1045, "mysql.wrong-password", id="require_x509_account"),
        pytest.param("sockuser", WORD, 1698, "mysql.wrong-password", id="unix_socket_account_over_tcp"),
        pytest.param("expired", WORD, 1820, "mysql.account-locked", id="password_expired_statement"),
    ],
)
@reproduces(
    "wrong_password",
    "empty_password",
    "account_locked",
    "require_ssl_account_plain",
    "require_x509_account",
    "unix_socket_account_over_tcp",
    "password_expired_login",
    "password_expired_statement",
)
def test_a_login_that_is_refused(server: MariaDb, user: str, password: str, number: int, failing: str) -> None:
    asked = ask(server.port, user, password)

    assert (asked.errno, set(asked.failing)) == (number, {failing})
    assert isinstance(asked.login, SqlLogin)
    assert asked.login.accepted is (number == 1820)


@no_pynacl
@reproduces("unknown_user")
def test_unknown_users_are_refused_in_the_ways_of_accounts_that_exist() -> None:
    """MariaDB picks the plugin of some account by the unknown name: native, unix_socket, ed25519."""
    accounts = [f"CREATE USER s{number}@'%' IDENTIFIED VIA unix_socket" for number in range(4)]
    accounts += [f"CREATE USER e{number}@'%' IDENTIFIED VIA ed25519 USING PASSWORD('{WORD}')" for number in range(4)]
    with mariadb("INSTALL SONAME 'auth_ed25519'", *accounts) as few:
        found = [ask(few.port, f"ghost{number}", "whatever", linger_s=0.01) for number in range(24)]
    plugins = [asked for asked in found if "mysql.plugin-unsupported" in asked.unknown]

    assert {asked.errno for asked in found} == {0, 1045, 1698}
    assert {asked.failing for asked in found if asked.errno} == {frozenset({"mysql.wrong-password"})}
    assert [asked for asked in found if not asked.errno] == plugins
    assert all("names that do not exist" in asked.text for asked in plugins)


@no_pynacl
@reproduces("ed25519_without_pynacl")
def test_ed25519_names_the_package(server: MariaDb) -> None:
    asked = ask(server.port, "edduser", WORD)

    assert asked.failing == frozenset()
    assert "mysql.plugin-unsupported" in asked.unknown
    assert "PyMySQL[ed25519]" in asked.text


@pytest.mark.parametrize(
    ("user", "database", "number"),
    [
        pytest.param("chief", "nope", 1049, id="unknown_database_with_global_privilege"),
        pytest.param("good", "nope", 1044, id="unknown_database_without_privilege"),
        pytest.param("good", "secretdb", 1044, id="access_denied_for_database"),
    ],
)
@reproduces(
    "unknown_database_with_global_privilege", "unknown_database_without_privilege", "access_denied_for_database"
)
def test_a_schema(server: MariaDb, user: str, database: str, number: int) -> None:
    asked = ask(server.port, user, WORD, database=database)

    assert (asked.errno, set(asked.failing)) == (number, {"mysql.no-database"})


@reproduces("password_expired_disconnect")
def test_an_expired_password_that_is_not_let_in(server: MariaDb) -> None:
    """Only a client that says it can handle it is let in; ours does not, and a strict server says so at once."""
    with server.having(disconnect_on_expired_password=1):
        asked = ask(server.port, "expired", WORD)

    assert (asked.errno, set(asked.failing)) == (1862, {"mysql.account-locked"})


@reproduces("host_not_allowed")
def test_an_address_that_no_account_matches() -> None:
    account = f"CREATE USER good@'10.1.2.3' IDENTIFIED BY '{WORD}'"
    with mariadb(account, skip_name_resolve="1") as strict, relay(strict.port, source="127.0.0.3") as port:
        asked = ask(port, "good", WORD)

    assert asked.seen.speaker is SqlSpeaker.ERROR
    assert asked.seen.error is not None
    assert (asked.errno, asked.seen.error.sqlstate) == (1130, "")
    assert asked.failing == {"sql.error-greeting", "mysql.host-not-allowed"}


@reproduces("require_secure_transport_plain")
def test_a_server_that_takes_tls_only_says_1045(server: MariaDb) -> None:
    with server.having(require_secure_transport=1):
        asked = ask(server.port, "good", WORD)

    assert (asked.errno, set(asked.failing)) == (1045, {"mysql.wrong-password"})


@reproduces("require_secure_transport_tls", "require_ssl_account_tls", "tls_verified", "healthy_login_tls_preferred")
@pytest.mark.parametrize("user", ["good", "ssluser"])
def test_tls_is_used_where_it_is_offered(secured: MariaDb, user: str) -> None:
    with secured.having(require_secure_transport=1):
        asked = ask(secured.port, user, WORD)

    assert asked.seen.greeting is not None
    assert asked.seen.greeting.offers_tls
    assert isinstance(asked.login, SqlLogin)
    assert "TLSv1." in asked.login.cipher
    assert asked.failing == frozenset()


def test_an_account_that_wants_a_client_certificate(secured: MariaDb) -> None:
    asked = ask(secured.port, "x509user", WORD)

    assert (asked.errno, set(asked.failing)) == (1045, {"mysql.wrong-password"})


@reproduces("read_only_server")
def test_a_server_that_takes_no_writes_is_found_without_writing(server: MariaDb) -> None:
    with server.having(read_only=1):
        asked = ask(server.port, "good", WORD, database="shop")
        with (
            held(server, "good") as session,
            session.cursor() as cursor,
            pytest.raises(pymysql.err.OperationalError, match="1290"),
        ):
            cursor.execute("INSERT INTO shop.t VALUES (1)")

    assert asked.failing == {"mysql.read-only"}
    assert server.do("SELECT COUNT(*) FROM shop.t") == [(0,)]


@reproduces("max_user_connections_account", "max_connections_per_hour", "max_user_connections_global")
def test_limits_of_accounts(server: MariaDb) -> None:
    server.do("FLUSH USER_RESOURCES")
    with contextlib.closing(server.root()) as root:  # sessions of earlier tests count until the server has ended them
        _until_connected(root, 1)
    with held(server, "lim"):
        own = ask(server.port, "lim", WORD)
    with held(server, "hourly"):
        hourly = ask(server.port, "hourly", WORD)
    with server.having(max_user_connections=1), held(server, "good"):
        everybody = ask(server.port, "good", WORD)

    assert [asked.errno for asked in (own, hourly, everybody)] == [1226, 1226, 1203]
    assert {asked.failing for asked in (own, hourly, everybody)} == {frozenset({"mysql.too-many-connections"})}


@reproduces("max_password_errors")
def test_an_account_that_is_blocked_after_wrong_passwords(server: MariaDb) -> None:
    with server.having(max_password_errors=1):
        first = ask(server.port, "nobody", "wrong")
        asked = ask(server.port, "nobody", WORD)
        server.do("FLUSH PRIVILEGES")

    assert first.errno == 1045
    assert (asked.errno, set(asked.failing)) == (4150, {"mysql.account-locked"})


@reproduces(
    "too_many_connections_after_auth", "too_many_connections_instead_of_greeting", "too_many_connections_extra_port"
)
def test_a_full_server(server: MariaDb) -> None:
    """The last place is the administrator's: an ordinary login is refused only after it was checked."""
    # The probe's connection, and one on which nothing is said, may stay as long as a slow machine needs.
    limits = {"max_connections": 10, "connect_timeout": 120, "extra_max_connections": 10}
    with server.having(**limits), contextlib.closing(server.root()) as root, contextlib.ExitStack() as stack:
        try:
            _until_connected(root, 1)
            for _ in range(9):
                stack.enter_context(held(server, "good"))
            _until_connected(root, 10)
            late = ask(server.port, "good", WORD)
            _until_connected(root, 10)
            with raw(server.port):
                _until_connected(root, 11)
                early = ask(server.port, "good", WORD)
            extra = ask(server.extra, "good", WORD)
        finally:
            with root.cursor() as cursor:  # the administrator's own connections would not fit either
                cursor.execute("SET GLOBAL max_connections = 100")

    assert (late.errno, early.errno, extra.errno) == (1040, 1040, 0)
    assert late.failing == {"mysql.too-many-connections"}
    assert early.failing == {"mysql.too-many-connections", "sql.error-greeting"}
    assert early.seen.error is not None
    assert early.seen.error.sqlstate == ""
    assert extra.failing == frozenset()


@reproduces("host_not_blocked_with_skip_name_resolve")
def test_a_server_that_looks_up_no_names_blocks_nobody(server: MariaDb) -> None:
    with server.having(max_connect_errors=3), relay(server.port, source="127.0.0.5") as port:
        for _ in range(5):
            with raw(server.port, "127.0.0.5"):
                pass
        asked = ask(port, "good", WORD)

    assert asked.failing == frozenset()


@reproduces("proxy_v1_then_tls")
def test_tls_after_a_header(secured: MariaDb) -> None:
    """The header stays in the clear; what follows is encrypted from end to end."""
    with secured.having(proxy_protocol_networks=HOST), relay(secured.port, V1) as port:
        asked = ask(port, "ssluser", WORD)

    assert isinstance(asked.login, SqlLogin)
    assert asked.login.identity is not None
    assert (asked.login.identity.seen_as, bool(asked.login.cipher)) == ("ssluser@10.9.8.7", True)


def test_one_probe_costs_one_aborted_handshake_and_a_login_none() -> None:
    """What the probe says of itself; the login's own connection is no second one."""
    with mariadb(*SCRIPT, skip_name_resolve="1") as quiet, contextlib.closing(quiet.root()) as root:

        def aborted() -> int:
            _until_connected(root, 1)
            return int(quiet.do("SHOW GLOBAL STATUS LIKE 'Aborted_connects'")[0][1])

        # Whoever waited for the server to start is counted as well: once it greets us, it has taken them all.
        with raw(quiet.port):
            pass
        before = aborted()
        for _ in range(3):
            ask(quiet.port, "good", WORD)

        assert aborted() == before + 3


@pytest.mark.parametrize(
    ("said", "number", "sequence"),
    [
        pytest.param(b"GET / HTTP/1.0\r\n\r\n", 1156, 1, id="http"),
        pytest.param(b"\x01\x00\x00\x01\x01", 1043, 2, id="com-quit"),
    ],
)
@reproduces("http_request_sent_to_mysql_port", "com_quit_instead_of_handshake_response")
def test_what_is_no_login(server: MariaDb, said: bytes, number: int, sequence: int) -> None:
    """Why the probe leaves without a word: whatever is said earns an error and counts all the same."""
    with raw(server.port) as sock:
        sock.sendall(said)
        ((found, payload),) = split_packets(sock.recv(4_096))
    error = parse_error(payload, found)

    assert error is not None
    assert (error.errno, error.sequence) == (number, sequence)


@reproduces("client_silent_after_greeting")
def test_a_silent_client_is_ended_without_an_error(server: MariaDb) -> None:
    with server.having(connect_timeout=2):
        asked = ask(server.port, timeout_s=20, linger_s=30)

    assert asked.words.end in (Reach.RESET, Reach.CLOSED)
    assert asked.words.more == b""
    assert asked.failing == frozenset()


@reproduces("killed_idle_session", "wait_timeout_expired")
def test_sessions_that_end_later_are_told_as_ended(server: MariaDb) -> None:
    """A connection that is killed between two statements of ours is one that was closed after the login."""
    blank = SqlLogin(address=HOST, port=server.port, user="good", reach=Reach.OK, accepted=True)
    found = []
    for end in ("KILL", "SET SESSION"):
        with held(server, "good") as session, session.cursor() as cursor:
            if end == "KILL":
                server.do(f"KILL {session.thread_id()}")
            else:
                cursor.execute("SET SESSION wait_timeout = 1")
                mine = f"SELECT 1 FROM information_schema.processlist WHERE id = {session.thread_id()}"
                _until_gone(server, mine)
            with pytest.raises(pymysql.err.OperationalError) as caught:
                cursor.execute("SELECT 1")
            found.append(_failed(caught.value, blank, Secret(WORD)))

    assert all(item.closed_after_ok and item.reach in (Reach.CLOSED, Reach.RESET) for item in found)


HEADERS = [
    pytest.param(V1, id="v1"),
    pytest.param(V2, id="v2"),
    pytest.param(UNKNOWN, id="v1-unknown"),
]


@pytest.mark.parametrize("networks", ["", "127.0.0.2"], ids=["none-listed", "another-listed"])
@pytest.mark.parametrize("header", HEADERS)
@reproduces(
    "proxy_v1_to_server_not_expecting",
    "proxy_v2_to_server_not_expecting",
    "proxy_v1_unknown_to_server_not_expecting",
    "proxy_v1_from_unlisted_network",
    "proxy_v2_from_unlisted_network",
)
def test_a_header_from_a_peer_that_is_not_listed(server: MariaDb, header: bytes, networks: str) -> None:
    with server.having(proxy_protocol_networks=networks), relay(server.port, header) as port:
        asked = ask(port, "good", WORD, linger_s=10)

    assert asked.seen.speaker is SqlSpeaker.MARIADB
    assert asked.seen.second is not None
    assert (asked.seen.second.errno, asked.seen.second.sequence) == (1130, 1)
    assert asked.seen.second.text.startswith("Proxy header is not accepted from ")
    assert asked.failing == {"sql.error-greeting"}
    assert not isinstance(asked.login, SqlLogin)


@pytest.mark.parametrize(
    ("header", "seen_as"),
    [
        pytest.param(V1, "10.9.8.7", id="v1"),
        pytest.param(V2, "10.9.8.7", id="v2"),
        pytest.param(V2_LOCAL, HOST, id="v2-local-keeps-the-peer"),
        pytest.param(b"", HOST, id="no-header-is-never-required"),
        pytest.param(V1_OTHER + V1, "10.9.8.7", id="the-last-of-two-wins"),
        pytest.param(V1.replace(b"10.9.8.7", b"127.0.0.1") + V1, "10.9.8.7", id="first-announces-a-listed-one"),
    ],
)
@reproduces(
    "proxy_v1_good",
    "proxy_v2_good",
    "proxy_v2_local_good",
    "proxy_expected_no_header_from_listed_network",
    "proxy_double_header_first_announces_listed_address",
    "proxy_double_header_first_announces_unlisted_address",
)
def test_a_header_from_a_peer_that_is_listed(server: MariaDb, header: bytes, seen_as: str) -> None:
    with server.having(proxy_protocol_networks=HOST), relay(server.port, header) as port:
        asked = ask(port, "good", WORD)

    assert isinstance(asked.login, SqlLogin)
    assert asked.login.identity is not None
    assert asked.login.identity.seen_as == f"good@{seen_as}"
    assert asked.failing == frozenset()


@reproduces("proxy_expected_no_header_from_unlisted_network")
def test_no_header_from_a_peer_that_is_not_listed(server: MariaDb) -> None:
    with server.having(proxy_protocol_networks="127.0.0.2"):
        assert ask(server.port, "good", WORD).failing == frozenset()


@pytest.mark.parametrize("header", [pytest.param(BAD_V1, id="v1"), pytest.param(BAD_V2, id="v2")])
@reproduces("proxy_v1_malformed_from_listed", "proxy_v2_malformed_from_listed")
def test_a_malformed_header(server: MariaDb, header: bytes) -> None:
    with server.having(proxy_protocol_networks=HOST), relay(server.port, header) as port:
        asked = ask(port, "good", WORD, linger_s=10)

    assert asked.seen.second is not None
    assert (asked.seen.second.errno, asked.seen.second.sequence) == (1105, 1)
    assert asked.failing == {"sql.error-greeting"}


@reproduces("proxy_v1_announced_host_has_no_account")
def test_an_announced_address_that_no_account_matches() -> None:
    account = f"CREATE USER good@'{HOST}' IDENTIFIED BY '{WORD}'"
    with (
        mariadb(account, skip_name_resolve="1", proxy_protocol_networks=HOST) as strict,
        relay(strict.port, V1) as port,
    ):
        asked = ask(port, "good", WORD, linger_s=10)

    assert asked.seen.second is not None
    assert (asked.errno, asked.seen.second.text) == (
        1130,
        "Host '10.9.8.7' is not allowed to connect to this MariaDB server",
    )
    assert asked.failing == {"sql.error-greeting"}


def test_every_recorded_case_of_this_version_is_made_again() -> None:
    if not RECORDED.exists():
        pytest.skip("the recorded observations are not beside this repository")
    records = [
        item for item in json.loads(RECORDED.read_text())["cases"] if item["server_version"].startswith("MariaDB")
    ]
    made = {case for item in list(globals().values()) for case in getattr(item, "cases", ())}

    left = {record["case"] for record in records if "10.11" in record["server_version"]} - made
    # A server that keeps a list of addresses that failed looks up their names, beyond this machine.
    assert left == {"host_blocked_after_aborted_handshakes"}
    assert made - {record["case"] for record in records} == set()
