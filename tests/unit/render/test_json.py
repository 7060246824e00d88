"""The JSON: it fits its published schema, whatever happened, and no key ever vanishes."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from build import report as build
from ingressdoctor.model.report import Report
from ingressdoctor.render.json_v1 import error_to_json, report_to_json
from ingressdoctor.render.lists import AccessV1, TargetsV1
from ingressdoctor.render.route_v1 import RoutesV1, RouteV1
from ingressdoctor.render.schema_v1 import ErrorOnlyV1, ErrorV1, ReportV1, report_schema, schema_of

KEYS_OF_V1 = {
    *("schema", "version", "started", "verdict", "exit_code", "headline", "interrupted", "target", "walk", "ground"),
    *("diagnosis", "steps", "coverage", "timings", "environment", "suggestions", "error"),
    *("changes", "changes_unread", "broke_at"),  # keys are added and never removed
}
ERROR = ErrorV1(kind="usage", message="no", hint="yes")


def valid(text: str, schema: dict[str, Any]) -> Any:
    value = json.loads(text)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(value)
    return value


@pytest.mark.parametrize(
    "report",
    [
        pytest.param(build.broken(), id="broken"),
        pytest.param(build.healthy(), id="healthy"),
        pytest.param(build.degraded(), id="degraded"),
        pytest.param(build.unexplained(), id="unexplained"),
        pytest.param(build.nobody_knows(), id="no-walk"),
        pytest.param(build.broken(interrupted=True), id="interrupted"),
        pytest.param(build.hostile('\x1b[31m \udc80 \x00 " \\ </script>'), id="hostile"),
    ],
)
def test_a_report_fits_the_schema(report: Report) -> None:
    value = valid(report_to_json(report, exit_code=1), report_schema())

    assert set(value) == KEYS_OF_V1
    assert value["exit_code"] == 1


def test_an_error_has_the_keys_of_a_report() -> None:
    value = valid(error_to_json(ERROR, version="1", exit_code=2), report_schema())

    assert set(value) == KEYS_OF_V1
    assert value["error"] == {"kind": "usage", "message": "no", "hint": "yes"}
    assert value["verdict"] == "error"


def test_an_error_of_a_command_without_a_report() -> None:
    schema = schema_of(ErrorOnlyV1, "ingressdoctor.error/v1")
    value = valid(error_to_json(ERROR, version="1", exit_code=2, as_report=False), schema)

    assert value["schema"] == "ingressdoctor.error/v1"


def test_compact_is_one_line() -> None:
    text = report_to_json(build.broken(), exit_code=1, compact=True)

    assert text.count("\n") == 1
    assert json.loads(text) == json.loads(report_to_json(build.broken(), exit_code=1))


def test_a_vanished_key_is_not_valid() -> None:
    """The published schema requires every key on every level."""
    value = json.loads(report_to_json(build.broken(), exit_code=1))
    del value["steps"][0]["checks"][0]["missing"]

    assert not jsonschema.Draft202012Validator(report_schema()).is_valid(value)


@pytest.mark.parametrize("struct", [ReportV1, RouteV1, RoutesV1, TargetsV1, AccessV1, ErrorOnlyV1])
def test_schemas_are_schemas(struct: Any) -> None:
    jsonschema.Draft202012Validator.check_schema(schema_of(struct, "x"))


def test_same_report_same_bytes() -> None:
    assert report_to_json(build.broken(), exit_code=1) == report_to_json(build.broken(), exit_code=1)
