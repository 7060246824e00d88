"""References to secrets: where they come from, and that they never show."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from ingressdoctor.config.example import effective_toml, example_toml
from ingressdoctor.config.loading import parse_settings
from ingressdoctor.config.secrets import Kind, SecretRef, from_env
from ingressdoctor.config.settings import Settings
from ingressdoctor.errors import SourceError


def command(code: str) -> SecretRef:
    return SecretRef(kind=Kind.COMMAND, place=(sys.executable, "-c", code))


def test_a_variable() -> None:
    assert from_env("TOKEN").resolve({"TOKEN": "s3cr3t\n"}).reveal() == "s3cr3t"


def test_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cr3t\n")

    assert SecretRef(kind=Kind.FILE, place=(str(tmp_path / "token"),)).resolve().reveal() == "s3cr3t"


def test_a_command_runs_without_a_shell() -> None:
    ref = SecretRef(kind=Kind.COMMAND, place=(sys.executable, "-c", "import sys; print(sys.argv[1])", "$(id);`id`"))

    assert ref.resolve().reveal() == "$(id);`id`"


PASSWORDS = [
    pytest.param("correct horse battery", "correct horse battery", id="spaces-within"),
    pytest.param(" lead and trail ", " lead and trail ", id="spaces-around"),
    pytest.param("p\u00e4ss\n", "p\u00e4ss", id="the-line-break-at-the-end-is-not-its"),
    pytest.param("p\r\n", "p", id="nor-one-of-windows"),
]


@pytest.mark.parametrize(("text", "password"), PASSWORDS)
def test_a_password_may_hold_spaces(text: str, password: str) -> None:
    assert from_env("PASSWORD", "password").resolve({"PASSWORD": text}).reveal() == password


@pytest.mark.parametrize("text", [pytest.param("two\nlines", id="lines"), pytest.param("\x1b[31m", id="escapes")])
def test_what_is_no_password_is_not_repeated(text: str) -> None:
    with pytest.raises(SourceError) as caught:
        from_env("PASSWORD", "password").resolve({"PASSWORD": text})

    assert "the password from env PASSWORD cannot be one" in caught.value.message
    assert text not in caught.value.message


MISSING = [
    pytest.param(from_env("TOKEN"), "TOKEN is not set", id="variable"),
    pytest.param(from_env("PASSWORD", "password"), "no password: ", id="password"),
    pytest.param(SecretRef(kind=Kind.FILE, place=("/gone",)), "cannot read /gone", id="file"),
    pytest.param(SecretRef(kind=Kind.FILE, place=("/",)), "cannot read /", id="folder"),
    pytest.param(SecretRef(kind=Kind.COMMAND, place=("no-such-program-here",)), "no command", id="program"),
    pytest.param(command("raise SystemExit('gpg: no key')"), "ended with 1: gpg: no key", id="failing-command"),
    pytest.param(command("pass"), "printed nothing", id="silent-command"),
    pytest.param(command("print('a b')"), "holds spaces", id="more-than-a-token"),
    pytest.param(command("print('x' * 70_000)"), "more than 64 KiB", id="megabytes"),
    pytest.param(command(r"import sys; sys.stdout.buffer.write(b'\xff')"), "not text", id="not-text"),
    pytest.param(command("import sys; sys.exit('\x1b[31m password=hunter2')"), "ended with 1", id="escapes"),
]


@pytest.mark.parametrize(("ref", "reason"), MISSING)
def test_what_is_missing_is_a_reason_with_a_way_out(ref: SecretRef, reason: str) -> None:
    """A missing token makes things unknown; it is never an error of the whole run."""
    with pytest.raises(SourceError) as caught:
        ref.resolve({})

    assert reason in caught.value.message
    assert caught.value.hint
    assert "\x1b" not in caught.value.message
    assert "hunter2" not in caught.value.message


def test_what_is_in_effect_never_shows_a_secret() -> None:
    text = effective_toml(Settings(), {"HCLOUD_TOKEN": "s3cr3t"})

    assert "env HCLOUD_TOKEN (set)" in text
    assert "env CLOUDFLARE_API_TOKEN (not set)" in text
    assert "s3cr3t" not in text
    assert "s3cr3t" not in repr(from_env("X").resolve({"X": "s3cr3t"}))


def test_what_is_in_effect_can_be_read_back(tmp_path: Path) -> None:
    assert parse_settings(effective_toml(Settings()), tmp_path / "x.toml").dns == Settings().dns


def test_the_example_is_valid_and_changes_nothing(tmp_path: Path) -> None:
    """As it stands, and with every comment that holds a key taken away."""
    (tmp_path / "checks").mkdir()
    (tmp_path / "company-ca.pem").write_text("")
    example = example_toml()
    settings = parse_settings(example, tmp_path / "x.toml")
    lines = [re.sub(r"^# (?=\w+\.\w+ = )", "", line) for line in example.splitlines()]
    uncommented = parse_settings("\n".join(lines), tmp_path / "x.toml")

    assert settings.run == Settings().run
    assert settings.kubernetes == Settings().kubernetes
    assert settings.hetzner == Settings().hetzner
    assert uncommented.http.connect_to == ("203.0.113.10:443:127.0.0.1:8443",)


def test_what_a_failing_command_says_of_a_password_is_not_repeated() -> None:
    """No shape tells a password from other words, so none of its complaint is shown; the hint says how to see it."""
    ref = SecretRef(kind=Kind.COMMAND, place=command("raise SystemExit('plain-word')").place, what="password")
    with pytest.raises(SourceError) as caught:
        ref.resolve({})

    assert "ended with 1" in caught.value.message
    assert "plain-word" not in caught.value.message
