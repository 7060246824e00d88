"""Whole sweeps against files that were looked at by a person: ``--update-golden`` writes them anew."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from build import sweep as build
from build.values import replace
from ingressdoctor.model.sweep import SweepReport
from ingressdoctor.render.page import Page
from ingressdoctor.render.sweep import render_sweep
from ingressdoctor.render.sweep_format import SweepFormat

GOLDEN = Path(__file__).parents[2] / "golden"
SWEEPS: dict[str, Callable[[], SweepReport]] = {
    "broken": build.broken,
    "all-well": build.all_well,
    "two-incidents": build.two_incidents,
    "offline": build.offline,
    "interrupted": lambda: build.all_well(interrupted=True),
}


def small() -> SweepReport:
    """Few enough targets to be read one by one."""
    report = build.broken()
    few = (*report.outcomes[:2], *report.outcomes[-5:], build.healthy())
    return replace(report, outcomes=few, incidents=(build.incident(members=build.names(2)), build.small_incident()))


def check_golden(request: pytest.FixtureRequest, name: str, text: str) -> None:
    path = GOLDEN / name
    if request.config.getoption("--update-golden"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SWEEPS)
def test_terminal(name: str, request: pytest.FixtureRequest) -> None:
    text = render_sweep(SWEEPS[name](), format=SweepFormat.TERMINAL, page=Page())

    check_golden(request, f"sweep-{name}.80.txt", text)


@pytest.mark.parametrize(
    ("name", "form", "page"),
    [
        pytest.param("verbose.80.txt", SweepFormat.TERMINAL, Page(verbose=True), id="verbose"),
        pytest.param("colour.txt", SweepFormat.TERMINAL, Page(colour=True), id="colour"),
        pytest.param("ascii.txt", SweepFormat.TERMINAL, Page(unicode=False), id="ascii"),
        pytest.param("md", SweepFormat.MARKDOWN, Page(verbose=True), id="markdown"),
        pytest.param("json", SweepFormat.JSON, Page(), id="json"),
        pytest.param("jsonl", SweepFormat.JSONL, Page(), id="json-lines"),
        pytest.param("junit.xml", SweepFormat.JUNIT, Page(), id="junit"),
        pytest.param("nagios.txt", SweepFormat.NAGIOS, Page(), id="nagios"),
        pytest.param("prom", SweepFormat.PROMETHEUS, Page(), id="prometheus"),
    ],
)
def test_every_form(name: str, form: SweepFormat, page: Page, request: pytest.FixtureRequest) -> None:
    check_golden(request, f"sweep.{name}", render_sweep(small(), format=form, page=page))
