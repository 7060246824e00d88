"""Whole reports against files that were looked at by a person: ``--update-golden`` writes them anew."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from build import report as build
from ingressdoctor.model.report import Report
from ingressdoctor.render.json_v1 import report_to_json
from ingressdoctor.render.markdown import report_to_markdown
from ingressdoctor.render.page import Page
from ingressdoctor.render.terminal import report_to_terminal

GOLDEN = Path(__file__).parents[2] / "golden"
REPORTS: dict[str, Callable[[], Report]] = {
    "broken": build.broken,
    "healthy": build.healthy,
    "degraded": build.degraded,
    "latent": build.latent,
    "unexplained": build.unexplained,
    "nobody-knows": build.nobody_knows,
    "changed": build.changed,
    "interrupted": lambda: build.broken(interrupted=True),
}


@pytest.fixture
def check_golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with a golden file, or write it."""

    def check(name: str, text: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--update-golden"):
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return check


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("width", [80, 120])
def test_terminal(name: str, width: int, check_golden: Callable[[str, str], None]) -> None:
    check_golden(f"{name}.{width}.txt", report_to_terminal(REPORTS[name](), Page(width=width)))


def test_terminal_verbose(check_golden: Callable[[str, str], None]) -> None:
    check_golden("broken.verbose.80.txt", report_to_terminal(build.broken(), Page(verbose=True)))
    check_golden("changed.verbose.80.txt", report_to_terminal(build.changed(), Page(verbose=True)))


def test_terminal_in_colour(check_golden: Callable[[str, str], None]) -> None:
    check_golden("broken.colour.txt", report_to_terminal(build.broken(), Page(colour=True)))


def test_terminal_in_ascii(check_golden: Callable[[str, str], None]) -> None:
    check_golden("broken.ascii.txt", report_to_terminal(build.broken(), Page(unicode=False)))


@pytest.mark.parametrize("name", ["broken", "changed", "unexplained", "healthy"])
def test_markdown(name: str, check_golden: Callable[[str, str], None]) -> None:
    check_golden(f"{name}.md", report_to_markdown(REPORTS[name](), Page(verbose=True)))


def test_json(check_golden: Callable[[str, str], None]) -> None:
    check_golden("broken.json", report_to_json(build.broken(), exit_code=1))
    check_golden("changed.json", report_to_json(build.changed(), exit_code=1))
