"""docs/cli.md and docs/json.md say what the program does; the sections of docs/checks are found."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from ingressdoctor.cli.app import build_app
from ingressdoctor.cli.docs import find_section
from ingressdoctor.render.schema_v1 import DiagnosisV1, ReportV1

DOCS = Path(__file__).parents[3] / "docs"
COMMANDS = typer.main.get_command(build_app()).commands  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_described(name: str) -> None:
    page = (DOCS / "cli.md").read_text(encoding="utf-8")

    assert f"ingressdoctor {name}" in page


@pytest.mark.parametrize("option", [name for item in COMMANDS["diagnose"].params for name in item.opts])
def test_every_option_of_a_diagnosis_is_described(option: str) -> None:
    assert option in (DOCS / "cli.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("key", [*ReportV1.__struct_fields__, *(f".{name}" for name in DiagnosisV1.__struct_fields__)])
def test_every_key_of_the_json_is_described(key: str) -> None:
    assert f"{key}`" in (DOCS / "json.md").read_text(encoding="utf-8")


PAGE = """# DNS
## dns.not-proxied
First.
### Fix
```sh
# not a heading
```
Last.
## `dns.no-such-name`: the name is gone
Other.
# End
"""


@pytest.mark.parametrize(
    ("check_id", "expected"),
    [
        pytest.param("dns.not-proxied", "First.\n### Fix\n```sh\n# not a heading\n```\nLast.", id="with-subsections"),
        pytest.param("dns.no-such-name", "Other.", id="up-to-a-higher-heading"),
        pytest.param("dns.not", "", id="part-of-an-id-is-none"),
        pytest.param("dns.gone", "", id="missing"),
    ],
)
def test_find_section(check_id: str, expected: str) -> None:
    assert find_section(PAGE, check_id) == expected
