"""The order of words: options before or after the host, and commands that were mistyped."""

from __future__ import annotations

import pytest
import typer

from ingressdoctor.cli.app import build_app
from ingressdoctor.cli.arrange import COMMANDS as NAMES
from ingressdoctor.cli.arrange import arranged, makes_report, only_diagnoses, wants_json
from ingressdoctor.errors import UsageError

COMMANDS = ("diagnose", "route", "checks", "lab")
VALUES = ("--config", "--only", "--watch", "--format")

CASES = [
    pytest.param("www.x.org", "diagnose www.x.org", id="host-alone"),
    pytest.param("--json www.x.org", "diagnose --json www.x.org", id="flag-before-host"),
    pytest.param("www.x.org --json", "diagnose www.x.org --json", id="flag-after-host"),
    pytest.param("--config c www.x.org", "diagnose --config c www.x.org", id="value-is-not-the-host"),
    pytest.param("--config=c www.x.org", "diagnose --config=c www.x.org", id="value-with-equals"),
    pytest.param("--config route www.x.org", "diagnose --config route www.x.org", id="value-is-not-a-command"),
    pytest.param("diagnose www.x.org", "diagnose www.x.org", id="long-form"),
    pytest.param("diagnose route", "diagnose route", id="host-called-as-a-command"),
    pytest.param("--json route www.x.org", "route --json www.x.org", id="option-before-command"),
    pytest.param("--config c checks list", "checks --config c list", id="option-before-group"),
    pytest.param("--json", "diagnose --json", id="no-host"),
    pytest.param("--help", "--help", id="help"),
    pytest.param("--version", "--version", id="version"),
    pytest.param("", "", id="nothing"),
    pytest.param("-- route", "diagnose -- route", id="after-two-dashes-everything-is-a-host"),
    pytest.param("--watch www.x.org", "diagnose --watch 5 www.x.org", id="watch-without-number"),
    pytest.param("www.x.org --watch", "diagnose www.x.org --watch 5", id="watch-last"),
    pytest.param("--watch 10 www.x.org", "diagnose --watch 10 www.x.org", id="watch-with-number"),
    pytest.param("www.x.org --watch --json", "diagnose www.x.org --watch 5 --json", id="watch-before-option"),
    pytest.param("localhost", "diagnose localhost", id="single-label"),
    pytest.param("route.example.org", "diagnose route.example.org", id="host-that-begins-like-a-command"),
    pytest.param("- x", "diagnose - x", id="dash"),
]


@pytest.mark.parametrize(("words", "expected"), CASES)
def test_arranged(words: str, expected: str) -> None:
    assert arranged(words.split(), COMMANDS, VALUES, 5.0) == expected.split()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param("www.x.org --json", True, id="host"),
        pytest.param("--only dns.* www.x.org", True, id="option-before-host"),
        pytest.param("chekcs", True, id="mistyped-command"),
        pytest.param("--jsn", True, id="unknown-option"),
        pytest.param("", False, id="nothing"),
        pytest.param("diagnose www.x.org", False, id="long-form"),
        pytest.param("--json sweep", False, id="command-after-an-option"),
        pytest.param("--only lab", False, id="value-like-a-command"),
        pytest.param("www.x.org -h", False, id="help"),
        pytest.param("www.x.org --version", False, id="version"),
        pytest.param("--show-completion", False, id="completion"),
    ],
)
def test_words_that_ask_for_nothing_but_a_diagnosis(words: str, expected: bool) -> None:
    assert only_diagnoses(words.split()) is expected


@pytest.mark.parametrize(("word", "near"), [("chekcs", "checks"), ("rout", "route"), ("help", "--help")])
def test_a_mistyped_command_is_not_taken_for_a_host(word: str, near: str) -> None:
    with pytest.raises(UsageError) as caught:
        arranged([word], COMMANDS, VALUES, 5.0)

    assert f"Did you mean {near}?" in caught.value.hint
    assert f"ingressdoctor diagnose {word}" in caught.value.hint


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param("x --json", True, id="flag"),
        pytest.param("x --format json", True, id="format"),
        pytest.param("x --format=json", True, id="format-with-equals"),
        pytest.param("x --format markdown", False, id="other-format"),
        pytest.param("json", False, id="host-called-json"),
    ],
)
def test_wants_json(words: str, expected: bool) -> None:
    assert wants_json(words.split()) is expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        pytest.param("www.x.org --json", True, id="host"),
        pytest.param("--json", True, id="no-host"),
        pytest.param("lab run wecare --json", True, id="lab-run"),
        pytest.param("route x --json", False, id="route"),
        pytest.param("--json targets", False, id="targets"),
    ],
)
def test_makes_report(words: str, expected: bool) -> None:
    assert makes_report(words.split()) is expected


def test_the_names_of_the_commands_are_those_of_the_program() -> None:
    assert set(typer.main.get_command(build_app()).commands) == set(NAMES)  # type: ignore[attr-defined]
    assert set(typer.main.get_command(build_app(whole=False)).commands) == {"diagnose"}  # type: ignore[attr-defined]
