"""The house rules that no linter knows: sizes, the public surface, and one section of docs per check."""

from __future__ import annotations

import ast
import re
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingressdoctor import api
from ingressdoctor.api import evidence
from ingressdoctor.config import Settings
from ingressdoctor.lab import list_worlds
from ingressdoctor.model.check import Check
from ingressdoctor.wiring import load_catalog
from scenarios import faults_of

ROOT = Path(__file__).parents[2]
MODULES = sorted(path for folder in ("src", "checks") for path in (ROOT / folder).rglob("*.py"))
DOCS = "\n".join(path.read_text() for path in sorted((ROOT / "docs/checks").glob("*.md")))
TESTS = "\n".join(path.read_text() for path in sorted((ROOT / "tests/checks").rglob("*.py")))
CHECKS = load_catalog(Settings()).checks
SPEAKING = {
    spoken
    for world in list_worlds()
    for item in faults_of(world)
    for spoken in (item.expect.cause, *item.expect.effects)
}

MAX_MODULE, MAX_FUNCTION, MAX_MEDIAN = 300, 60, 200


def functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def test_no_module_is_longer_than_the_budget() -> None:
    assert {
        str(path.relative_to(ROOT)): n for path in MODULES if (n := len(path.read_text().splitlines())) > MAX_MODULE
    } == {}


def test_no_function_is_longer_than_the_budget() -> None:
    long = {
        f"{path.relative_to(ROOT)}:{name}": n for path in MODULES for name, n in functions(path) if n > MAX_FUNCTION
    }

    assert long == {}


def test_the_usual_module_is_small() -> None:
    assert statistics.median(len(path.read_text().splitlines()) for path in MODULES) <= MAX_MEDIAN


def test_the_api_exports_what_it_lists() -> None:
    missing = [name for name in api.__all__ if not hasattr(api, name)]

    assert missing == []
    assert len(set(api.__all__)) == len(api.__all__)
    assert list(evidence.__all__) == sorted(evidence.__all__)


@pytest.mark.parametrize("name", [item.id for item in CHECKS])
def test_every_check_has_a_docs_section(name: str) -> None:
    section = re.search(rf"^## `?{re.escape(name)}`?$(.*?)(?=^## |\Z)", DOCS, re.MULTILINE | re.DOTALL)

    assert section is not None, f"docs/checks has no section for {name}"
    for word in ("**Symptom**", "**Cause**", "**Proof**", "**Fix**"):
        assert word in section.group(1), f"the section of {name} has no {word}"


@pytest.mark.parametrize("item", CHECKS, ids=lambda item: item.id)
def test_every_check_has_a_table_test(item: object) -> None:
    function = item.function.__name__  # type: ignore[attr-defined]

    assert re.search(rf"\b{function}\b", TESTS), f"no test under tests/checks names {function}"


@pytest.mark.parametrize("name", [item.id for item in CHECKS])
def test_every_check_has_a_scenario_in_which_it_speaks(name: str) -> None:
    """No exceptions: what cannot be a cause is the effect of one, which the scenario names and its run proves."""
    assert name in SPEAKING, f"no fault or unusual state of the lab expects {name} as its cause or among its effects"


def test_no_file_names_this_machine_or_an_index() -> None:
    shipped = [
        path for path in ROOT.rglob("*") if path.is_file() and ".venv" not in path.parts and ".git" not in path.parts
    ]
    text = {
        path: path.read_text(errors="replace")
        for path in shipped
        if path.suffix in {".py", ".md", ".toml", ".txt", ".yaml"}
    }
    words = [str(ROOT) + "/", "index" + "-url"]

    assert [str(path) for path, body in text.items() if any(word in body for word in words)] == []


SLOW = {"edge-522", "edge-524", "edge-504", "http-504"}


@pytest.mark.parametrize("item", [item for item in CHECKS if SLOW & set(item.causes)], ids=lambda item: item.id)
def test_what_leads_to_a_late_error_may_also_lead_to_none(item: Check) -> None:
    """The edge needs 19 to 100 s for these codes, and a visit is cut short long before."""
    assert "response-timeout" in item.causes
