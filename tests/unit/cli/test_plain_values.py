"""What is taken as it is from the command line: the same that typer would make of it, value by value."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import pytest
import typer

from ingressdoctor.cli.plain_values import spare_converting


class Form(StrEnum):
    """A choice."""

    SHORT = "short"
    LONG = "long"


def program(seen: dict[str, object]) -> Any:
    app = typer.Typer()

    @app.command()
    def command(
        *,
        text: Annotated[str, typer.Argument()],
        many: Annotated[list[str] | None, typer.Option()] = None,
        number: Annotated[int | None, typer.Option(min=1, max=65535)] = None,
        seconds: Annotated[float, typer.Option(min=0.5)] = 300.0,
        form: Annotated[Form, typer.Option()] = Form.SHORT,
        flag: Annotated[bool, typer.Option("--flag")] = False,
        shouted: Annotated[str, typer.Option(callback=lambda value: value.upper())] = "a",
        parsed: Annotated[Any, typer.Option(parser=lambda value: value + "!")] = "p",
    ) -> None:
        """Remember what it was called with."""
        seen.update(vars_of(locals()))

    return typer.main.get_command(app)


def vars_of(values: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in values.items() if name != "seen"}


def outcome(words: list[str], *, spared: bool) -> tuple[dict[str, object], str]:
    """Return the values that the command got, with their types, and the complaint."""
    seen: dict[str, object] = {}
    command = program(seen)
    if spared:
        spare_converting(command)
    try:
        command.main(words, prog_name="x", standalone_mode=False)
    except typer.TyperException as error:
        return seen, error.format_message()
    return {name: (type(value), value) for name, value in seen.items()}, ""


WORDS = [
    pytest.param(["x"], id="defaults"),
    pytest.param([], id="nothing"),
    pytest.param([""], id="empty"),
    pytest.param(["ä"], id="not-ascii"),
    pytest.param(["\udce4"], id="not-utf-8"),
    pytest.param(["x", "--many", "a", "--many", "b"], id="list"),
    pytest.param(["x", "--many", "ä"], id="list-not-ascii"),
    pytest.param(["x", "--many", "\udce4"], id="list-not-utf-8"),
    pytest.param(["x", "--number", "443"], id="number"),
    pytest.param(["x", "--number", "0443"], id="number-with-a-zero"),
    pytest.param(["x", "--number", "0"], id="number-too-small"),
    pytest.param(["x", "--number", "65536"], id="number-too-large"),
    pytest.param(["x", "--number", "4_4"], id="number-with-an-underscore"),
    pytest.param(["x", "--number", " 44"], id="number-with-a-space"),
    pytest.param(["x", "--number", "-1"], id="number-negative"),
    pytest.param(["x", "--number", "4.0"], id="number-with-a-point"),
    pytest.param(["x", "--number", "٤"], id="number-in-other-digits"),
    pytest.param(["x", "--seconds", "5"], id="seconds"),
    pytest.param(["x", "--seconds", "5.25"], id="seconds-with-a-point"),
    pytest.param(["x", "--seconds", ".5"], id="seconds-without-a-zero"),
    pytest.param(["x", "--seconds", "0.1"], id="seconds-too-small"),
    pytest.param(["x", "--seconds", "1e3"], id="seconds-with-an-exponent"),
    pytest.param(["x", "--seconds", "nan"], id="seconds-nan"),
    pytest.param(["x", "--seconds", "soon"], id="seconds-no-number"),
    pytest.param(["x", "--form", "long"], id="choice"),
    pytest.param(["x", "--form", "LONG"], id="choice-in-capitals"),
    pytest.param(["x", "--form", "wide"], id="choice-unknown"),
    pytest.param(["x", "--flag"], id="flag"),
    pytest.param(["x", "--shouted", "b"], id="callback"),
    pytest.param(["x", "--parsed", "b"], id="parser"),
]


@pytest.mark.parametrize("words", WORDS)
def test_spared_values_and_complaints_are_those_of_typer(words: list[str]) -> None:
    plain = outcome(words, spared=True)

    assert plain == outcome(words, spared=False)
    assert plain[0] or plain[1]
