"""Hostile text is made visible, credentials are kept out, commands are quoted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingressdoctor.model.finding import Fact, Remedy, changes, fail, look
from ingressdoctor.model.text import Secret, clean, quoted, redact

JWT = "eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.eyJhdWQiOiJhYmMifQ.c2lnbmF0dXJlLXNpZ25hdHVyZQ"

REDACTED = [
    pytest.param(f"cookie: CF_Authorization={JWT}", JWT, id="jwt"),
    pytest.param("Authorization: Bearer abcdefghijklmnop", "abcdefghijklmnop", id="bearer"),
    pytest.param('{"TunnelSecret": "c2VjcmV0c2VjcmV0"}', "c2VjcmV0c2VjcmV0", id="tunnel-secret"),
    pytest.param("password=hunter22", "hunter22", id="password"),
    pytest.param("mysql://erp:hunter22@db:3306/", "hunter22", id="password-in-a-url"),
    pytest.param("CF-Access-Client-Secret: abcdef0123", "abcdef0123", id="service-token"),
    pytest.param("-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----", "MHcCAQEE", id="key"),
]


@pytest.mark.parametrize(("text", "secret"), REDACTED)
def test_what_looks_like_a_credential_is_redacted(text: str, secret: str) -> None:
    assert secret in text
    assert secret not in redact(text)
    assert "***" in redact(text)


ESCAPED = [
    pytest.param("a\x1b[31mred", "a\\x1b[31mred", id="terminal-escape"),
    pytest.param("a\rb", "a\\x0db", id="carriage-return"),
    pytest.param("a\u202eb", "a\\u202eb", id="bidi-override"),
    pytest.param("a\u200bb", "a\\u200bb", id="zero-width-space"),
    pytest.param("a\x9bb", "a\\x9bb", id="c1-control"),
    pytest.param("line\nline\ttab", "line\nline\ttab", id="line-breaks-stay"),
]


@pytest.mark.parametrize(("text", "shown"), ESCAPED)
def test_control_characters_become_visible(text: str, shown: str) -> None:
    assert clean(text) == shown


@given(st.text(max_size=400))
def test_clean_text_never_holds_a_control_character(text: str) -> None:
    assert not any(ord(char) < 32 and char not in "\n\t" for char in clean(text))


def test_megabytes_are_cut() -> None:
    assert len(clean("x" * 5_000_000)) == 2_000


def test_a_secret_never_shows_itself() -> None:
    secret = Secret("hunter22")

    assert f"{secret} {secret!r} {[secret]}" == "*** *** [***]"
    assert secret.reveal() == "hunter22"
    assert secret == Secret("hunter22")


def test_findings_are_clean_in_every_string() -> None:
    finding = fail(
        "broken \x1b[2J",
        subject="Pod a/\x07",
        seen={"log\x1b": "password=hunter22"},
        where="log\x00",
        remedy=Remedy(text="look \x1b]0;x\x07"),
    )

    assert finding.summary == "broken \\x1b[2J"
    assert finding.subject == "Pod a/\\x07"
    assert finding.facts == (Fact(name="log\\x1b", value="password=***", where="log\\x00"),)
    assert finding.remedy is not None
    assert "\x1b" not in finding.remedy.text


def test_commands_are_quoted_for_the_shell() -> None:
    assert look("kubectl", "get", "pods", "-l", "app=$(reboot)").shell() == "kubectl get pods -l 'app=$(reboot)'"
    assert changes("kubectl", "delete", "pod", "a b").changing


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a\x00b", r"'a\x00b'", id="an-escape-is-not-doubled"),
        pytest.param("a\\b", r"'a\b'", id="nor-a-backslash"),
        pytest.param("it's", '"it\'s"', id="quotes-as-python-chooses-them"),
        pytest.param("x" * 90, "'" + "x" * 79 + "…'", id="cut"),
    ],
)
def test_quoted(text: str, expected: str) -> None:
    assert quoted(text, 80) == expected
