"""Packets of the lab's MySQL against what real servers were seen to send."""

from __future__ import annotations

import pytest

from ingressdoctor.lab.serve.maxscale.listener import ALONE, CAPABILITIES
from ingressdoctor.lab.serve.sql import passwords, wire

OBSERVED = {
    "MaxScale 24.02.4": (
        "0a31312e382e362d4d6172696144422d302b646562313375312066726f6d2044656269616e2d6c6f670001000000555b3c7625487a27"
        "00def72d0200bf01150000000000001c00000070317b4c3d4c454e4a54775e006d7973716c5f6e61746976655f70617373776f726400"
    ),
    "MaxScale 23.08.5 that never reached a server": (
        "0a352e352e352d31302e342e33322032332e30382e352d6d61787363616c6500010000"
        "0055526f5c604a534700dff70802003f001500000000000000000000323339496422602942446b57"
        "006d7973716c5f6e61746976655f70617373776f726400"
    ),
}


def test_a_greeting_is_written_as_maxscale_writes_it() -> None:
    greeting = wire.Greeting(
        version="11.8.6-MariaDB-0+deb13u1 from Debian-log",
        connection=1,
        scramble=bytes.fromhex("555b3c7625487a2770317b4c3d4c454e4a54775e"),
        capabilities=CAPABILITIES,
        extended=0x1C,
        charset=45,
    )

    assert greeting.encoded() == bytes.fromhex(OBSERVED["MaxScale 24.02.4"])


@pytest.mark.parametrize("observed", OBSERVED.values(), ids=OBSERVED)
def test_a_greeting_is_read_as_it_was_written(observed: str) -> None:
    payload = bytes.fromhex(observed)

    assert wire.read_greeting(payload).encoded() == payload


def test_a_maxscale_alone_shows_its_own_capabilities() -> None:
    greeting = wire.read_greeting(bytes.fromhex(OBSERVED["MaxScale 23.08.5 that never reached a server"]))

    assert (greeting.capabilities, greeting.extended) == ALONE[23]
    assert greeting.version == "5.5.5-10.4.32 23.08.5-maxscale"


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        pytest.param("", "ff1004546f6f206d616e7920636f6e6e656374696f6e73", id="before-the-greeting-without-sqlstate"),
        pytest.param("08004", "ff10042330383030" + "34546f6f206d616e7920636f6e6e656374696f6e73", id="with-sqlstate"),
    ],
)
def test_an_error_is_written_with_and_without_sqlstate(state: str, expected: str) -> None:
    payload = wire.error(1040, state, "Too many connections")

    assert payload.hex() == expected
    read = wire.refusal(payload)
    assert (read.code, read.state, read.text) == (1040, state, "Too many connections")


def test_an_error_in_place_of_the_greeting_is_raised() -> None:
    with pytest.raises(wire.ServerRefusal) as raised:
        wire.read_greeting(wire.error(1129, "HY000", "Host is blocked"))
    assert raised.value.code == 1129


@pytest.mark.parametrize("payload", [b"", b"\x0a", b"HTTP/1.1 400", b"\x0a" + b"a" * 80], ids=repr)
def test_what_is_no_greeting_is_refused(payload: bytes) -> None:
    with pytest.raises(wire.WireError):
        wire.read_greeting(payload)


def test_a_login_is_read_as_it_was_written() -> None:
    login = wire.Login(user="erp", capabilities=0x0F_A68D, answer=b"x" * 20, database="wecare", charset=45)

    read = wire.read_login(login.encoded())

    assert (read.user, read.answer, read.database, read.plugin) == ("erp", b"x" * 20, "wecare", wire.NATIVE)


@pytest.mark.parametrize("payload", [b"", b"short", bytes(40)], ids=repr)
def test_what_is_no_login_is_refused(payload: bytes) -> None:
    with pytest.raises(wire.WireError):
        wire.read_login(payload)


def test_a_right_answer_gives_away_the_hash_that_logs_in_onwards() -> None:
    challenge, other = passwords.scramble(), passwords.scramble()
    answer = passwords.token(passwords.sha1(b"secret"), challenge)

    hashed = passwords.recovered(answer, challenge, passwords.stored("secret"))

    assert hashed == passwords.sha1(b"secret")
    assert passwords.token(hashed, other) == passwords.token(passwords.sha1(b"secret"), other)


@pytest.mark.parametrize(
    ("answer", "stored"),
    [
        pytest.param(b"x" * 20, passwords.stored("secret"), id="wrong-password"),
        pytest.param(b"", passwords.stored("secret"), id="no-password"),
        pytest.param(b"x" * 20, "", id="nothing-stored"),
        pytest.param(b"x" * 20, "*not hex", id="not-a-hash"),
    ],
)
def test_a_wrong_answer_gives_nothing(answer: bytes, stored: str) -> None:
    assert passwords.recovered(answer, passwords.scramble(), stored) is None


def test_a_password_is_stored_as_mariadb_stores_it() -> None:
    assert passwords.stored("password") == "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19"
    assert passwords.stored("") == ""


@pytest.mark.parametrize(("value", "size"), [(0, 1), (250, 1), (251, 3), (65_535, 3), (65_536, 4)])
def test_length_encoded_numbers_keep_their_value(value: int, size: int) -> None:
    data = wire.lenenc(value)

    assert len(data) == size
    assert wire.read_lenenc(data, 0) == (value, size)


def test_null_and_a_cut_number_are_told_apart() -> None:
    assert wire.read_lenenc(b"\xfb", 0) == (None, 1)
    with pytest.raises(wire.WireError):
        wire.read_lenenc(b"", 0)
