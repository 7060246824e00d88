"""Put the words of the command line into the order that the parser wants.

``ingressdoctor [OPTIONS] HOST [OPTIONS]`` is ``ingressdoctor diagnose ...``; options may also stand before the name of
a command. Pure: words in, words out, or the complaint about a mistyped command.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import Final

from ingressdoctor.errors import UsageError
from ingressdoctor.model.text import clean

__all__ = ["COMMANDS", "DEFAULT", "GROUP_OPTIONS", "arranged", "makes_report", "only_diagnoses", "wants_json"]

DEFAULT: Final = "diagnose"
COMMANDS: Final = (
    DEFAULT,
    "sweep",
    "route",
    "targets",
    "access",
    "onboard",
    "checks",
    "walks",
    "explain",
    "config",
    "lab",
    "demo",
    "schema",
)
GROUP_OPTIONS: Final = frozenset(("--help", "-h", "--version", "--install-completion", "--show-completion"))
_NO_REPORT: Final = frozenset(
    ("access", "checks", "config", "explain", "onboard", "route", "schema", "sweep", "targets", "walks")
)
_WATCH: Final = "--watch"


def arranged(
    words: Sequence[str], commands: Collection[str], takes_value: Collection[str], default_s: float
) -> list[str]:
    """Return *words* with the command first.

    Args:
        words: What was typed after the program's name.
        commands: Names of all commands.
        takes_value: Options that are followed by a value.
        default_s: What ``--watch`` means without a number.

    Raises:
        UsageError: the first plain word looks like a mistyped command.
    """
    complete = _with_watch_seconds(words, default_s)
    place = _first_plain(complete, takes_value)
    if place is None:
        whole = not complete or any(word in GROUP_OPTIONS for word in complete)
        return complete if whole else [DEFAULT, *complete]
    name = complete[place]
    if "--" in complete[:place]:
        return [DEFAULT, *complete]
    if name in commands:
        return [name, *complete[:place], *complete[place + 1 :]]
    _refuse_mistyped(name, commands)
    return [DEFAULT, *complete]


def only_diagnoses(words: Sequence[str]) -> bool:
    """Tell whether these words can ask for nothing but a diagnosis: no command and no option of all is among them."""
    return bool(words) and GROUP_OPTIONS.isdisjoint(words) and not set(COMMANDS).intersection(words)


def wants_json(words: Sequence[str]) -> bool:
    """Tell whether JSON was asked for, even when the words cannot be parsed."""
    pairs = pairwise([*words, ""])
    return any(word in ("--json", "--format=json") or (word, after) == ("--format", "json") for word, after in pairs)


def makes_report(words: Sequence[str]) -> bool:
    """Tell whether these words ask for a diagnosis, as far as can be told without parsing them."""
    first = next((word for word in words if not word.startswith("-")), DEFAULT)
    return first not in _NO_REPORT and list(words[:2]) not in (["lab", "list"], ["lab", "up"])


def _first_plain(words: Sequence[str], takes_value: Collection[str]) -> int | None:
    skip = False
    for place, word in enumerate(words):
        if skip:
            skip = False
        elif word == "--":
            return place + 1 if place + 1 < len(words) else None
        elif word.startswith("-") and word != "-":
            skip = word in takes_value
        else:
            return place
    return None


def _with_watch_seconds(words: Sequence[str], default_s: float) -> list[str]:
    """Give ``--watch`` its number where it stands alone."""
    out: list[str] = []
    for place, word in enumerate(words):
        out.append(word)
        if word == _WATCH and not _is_number(words[place + 1] if place + 1 < len(words) else ""):
            out.append(f"{default_s:g}")
    return out


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _refuse_mistyped(name: str, commands: Collection[str]) -> None:
    """A word without a dot that is nearly a command is one; a host of that name can still be asked about."""
    if "." in name or ":" in name:
        return
    near = ["--help"] if name == "help" else difflib.get_close_matches(name, list(commands), n=1, cutoff=0.7)
    if near:
        raise UsageError(
            f"There is no command {clean(name, 40)!r}.",
            hint=f"Did you mean {near[0]}? A host of that name: ingressdoctor diagnose {clean(name, 40)}",
        )
