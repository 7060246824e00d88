"""A remedy's manifest: an indented block in the terminal, a fenced one in Markdown, whole in JSON."""

from __future__ import annotations

import json

import pytest

from build import report as build
from build.values import replace
from ingressdoctor.model.finding import changes
from ingressdoctor.render.json_v1 import report_to_json
from ingressdoctor.render.markdown import report_to_markdown
from ingressdoctor.render.page import Page
from ingressdoctor.render.terminal import report_to_terminal

LENGTHS = [
    pytest.param(20, False, 20, id="twenty-lines-are-shown"),
    pytest.param(30, False, 20, id="more-are-cut"),
    pytest.param(30, True, 30, id="verbose-shows-all"),
]


@pytest.mark.parametrize(("lines", "verbose", "shown"), LENGTHS)
def test_terminal(lines: int, verbose: bool, shown: int) -> None:
    text = report_to_terminal(build.with_manifest(lines), Page(verbose=verbose))

    block = [line for line in text.splitlines() if line.startswith("    line: ")]
    assert block == [f"    line: {number}" for number in range(1, shown + 1)]
    assert ("# 10 more lines with -v" in text) is (shown < lines)


def test_markdown() -> None:
    text = report_to_markdown(build.with_manifest(30), Page())

    assert "```yaml\nline: 1\nline: 2\n" in text
    assert "line: 30\n```\n" in text


def test_json() -> None:
    value = json.loads(report_to_json(build.with_manifest(30), exit_code=1))

    remedy = value["diagnosis"]["causes"][0]["finding"]["remedy"]
    assert remedy["manifest"].splitlines() == [f"line: {number}" for number in range(1, 31)]


APPLY = changes("kubectl", "apply", "-f", "-")


def applied(manifest: str) -> str:
    report = build.with_manifest(1)
    (first, *others) = report.diagnosis.causes
    assert first.finding.remedy is not None
    remedy = replace(first.finding.remedy, manifest=manifest, commands=(APPLY,))
    finding = replace(first.finding, remedy=remedy)
    causes = (replace(first, finding=finding), *others)
    return report_to_terminal(replace(report, diagnosis=replace(report.diagnosis, causes=causes)), Page())


def test_a_manifest_that_is_applied_can_be_pasted_with_its_command() -> None:
    text = applied("kind: A\nspec:\n  a: 1")

    assert "\nkubectl apply -f - <<'EOF'  # changes something\nkind: A\nspec:\n  a: 1\nEOF\n" in text


def test_no_line_of_a_manifest_ends_it_early() -> None:
    text = applied("a: |\nEOF\nrm -rf x")

    assert "<<'EOFF'" in text
    assert text.index("\nEOFF\n") > text.index("rm -rf x")
