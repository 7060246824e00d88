"""The forms of a sweep: each is what its readers expect, whatever strings it is handed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from prometheus_client.parser import text_string_to_metric_families
from rich.cells import cell_len

from build import sweep as build
from build.report import without_colour
from build.values import replace
from ingressdoctor.model.report import Verdict
from ingressdoctor.model.sweep import Counts, IncidentState, SweepReport
from ingressdoctor.render.page import Page
from ingressdoctor.render.prometheus import MAX_TARGETS, Totals, exposition, totals_from
from ingressdoctor.render.sweep import render_sweep
from ingressdoctor.render.sweep_format import SweepFormat
from ingressdoctor.render.sweep_lines import outcome_line, summary_line
from ingressdoctor.render.sweep_nagios import nagios_code
from ingressdoctor.render.sweep_v1 import line_schema, sweep_schema
from ingressdoctor.render.sweep_words import headline

HOSTILE = [
    pytest.param("\x1b[31mred\x1b]0;title\x07", id="terminal-escapes"),
    pytest.param("[bold red]x[/] [link=http://evil]y[/link]", id="rich-markup"),
    pytest.param("a\n✔ All 500 hostnames are healthy\r\n", id="line-breaks"),
    pytest.param("\u202egnp.exe\u2066", id="bidi"),
    pytest.param("\udc80\x00\x9b2J", id="surrogate-nul-c1"),
    pytest.param("]]></failure><failure>&lt;", id="xml"),
    pytest.param("# x\n[y](http://evil) <b>|`z`", id="markdown"),
    pytest.param('a"} 1\nevil 2\\', id="labels"),
    pytest.param("ok | broken=0;;;; 'x", id="performance-data"),
    pytest.param("名前😀" * 60, id="wide-characters"),
    pytest.param("x" * 5000, id="long"),
    pytest.param("", id="empty"),
]
SWEEPS = [
    pytest.param(build.broken(), id="broken"),
    pytest.param(build.two_incidents(), id="two-incidents"),
    pytest.param(build.all_well(), id="all-well"),
    pytest.param(build.offline(), id="offline"),
    pytest.param(build.all_well(counts=Counts()), id="nothing-judged"),
]
HEADLINES = [
    pytest.param(
        build.broken(), "1 incident: lb.no-targets on Load balancer ecnv4-lb breaks 212 of 500 hostnames", id="incident"
    ),
    pytest.param(build.all_well(), "All 500 hostnames are healthy", id="healthy"),
    pytest.param(build.all_well(counts=Counts(healthy=1)), "1 hostname is healthy", id="one"),
    pytest.param(
        build.all_well(counts=Counts(healthy=1, degraded=2)), "All 3 hostnames work, 2 with warnings", id="warnings"
    ),
    pytest.param(
        build.all_well(counts=Counts(healthy=1, broken=1)),
        "1 of 2 hostnames is broken; no incident is open",
        id="pending",
    ),
    pytest.param(
        build.all_well(counts=Counts(healthy=8, unknown=2)), "2 of 10 hostnames could not be judged", id="unknown"
    ),
    pytest.param(
        build.all_well(
            counts=Counts(healthy=1, broken=1, suppressed=1),
            incidents=(build.small_incident(suppressed="moved"),),
        ),
        "All that is broken is excused: 1 of 2 hostnames",
        id="suppressed",
    ),
    pytest.param(
        build.offline(), "Nothing can be said from here: none of 1.1.1.1:443, 8.8.8.8:443 answers", id="offline"
    ),
    pytest.param(build.all_well(counts=Counts()), "There was no hostname to judge", id="none"),
]


def text_of(report: SweepReport, form: SweepFormat, **page: Any) -> str:
    return render_sweep(report, format=form, page=Page(**page))


def valid(text: str, schema: dict[str, Any]) -> Any:
    jsonschema.Draft202012Validator.check_schema(schema)
    return fitting(text, jsonschema.Draft202012Validator(schema))


def fitting(text: str, validator: jsonschema.Draft202012Validator) -> Any:
    value = json.loads(text)
    validator.validate(value)
    return value


def metrics(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample by name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.mark.parametrize(("report", "sentence"), HEADLINES)
def test_the_first_line_says_it_in_one_sentence(report: SweepReport, sentence: str) -> None:
    assert headline(report) == sentence
    assert text_of(report, SweepFormat.TERMINAL, width=140).splitlines()[0][2:] == sentence


@pytest.mark.parametrize("report", SWEEPS)
@pytest.mark.parametrize("width", [40, 80])
def test_nothing_but_commands_is_wider_than_the_page(report: SweepReport, width: int) -> None:
    for verbose in (False, True):
        lines = text_of(report, SweepFormat.TERMINAL, width=width, verbose=verbose).splitlines()

        wide = [line for line in lines if cell_len(line) > width]
        assert all(line.strip().startswith(("hcloud", "kubectl")) for line in wide)


def test_a_summary_is_short_however_many_hostnames_there_are() -> None:
    assert len(text_of(build.broken(), SweepFormat.TERMINAL).splitlines()) <= 22


def test_many_causes_are_folded() -> None:
    many = tuple((replace(build.ONE_REPLICA, subject=f"Deployment a/{number}"), ("x",)) for number in range(9))
    incidents = tuple(build.small_incident(id=f"i{number}") for number in range(12))
    text = text_of(build.all_well(warnings=many, incidents=incidents, skipped=("a",) * 5), SweepFormat.TERMINAL)

    assert "  6 more warnings with -v" in text
    assert "  2 more incidents with -v" in text
    assert "  2 more left out with -v" in text


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("colour", [False, True])
def test_hostile_values_stay_in_their_place(value: str, colour: bool) -> None:
    text = text_of(build.hostile(value), SweepFormat.TERMINAL, verbose=True, colour=colour)
    plain = without_colour(text) if colour else text

    assert plain.replace("\n", "").isprintable()
    assert not any(line.startswith("✔ All 500") for line in plain.splitlines())


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_values_are_no_markdown(value: str) -> None:
    text = text_of(build.hostile(value), SweepFormat.MARKDOWN, verbose=True)

    outside_of_code = re.sub(r"(?<![\\`])(`+)(?!`).*?(?<!`)\1(?!`)", "", text)
    assert not re.search(r"(?<!\\)\]\(http|(?<!\\)<b>", outside_of_code)
    headings = [line for line in text.splitlines() if line.startswith("#")]
    assert len(headings) == 4


@pytest.mark.parametrize("value", HOSTILE)
def test_json_fits_its_schema(value: str) -> None:
    found = valid(text_of(build.hostile(value), SweepFormat.JSON), sweep_schema())

    assert found["schema"] == "ingressdoctor.sweep/v1"


@pytest.mark.parametrize("report", SWEEPS)
def test_every_sweep_fits_the_schema(report: SweepReport) -> None:
    found = valid(render_sweep(report, format=SweepFormat.JSON, page=Page(), exit_code=3), sweep_schema())

    assert found["exit_code"] == 3
    assert found["counts"]["total"] == report.counts.total
    assert len(found["outcomes"]) == len(report.outcomes)


def test_every_line_fits_the_schema_of_lines() -> None:
    report = build.two_incidents()
    text = "".join(map(outcome_line, report.outcomes)) + summary_line(report, exit_code=1)
    validator = jsonschema.Draft202012Validator(line_schema())
    found = [fitting(line, validator) for line in text.splitlines()]

    assert [item["type"] for item in found] == [*["outcome"] * len(report.outcomes), "summary"]
    assert "outcomes" not in found[-1]


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_outcome_is_one_line(value: str) -> None:
    for outcome in build.hostile(value).outcomes:
        line = outcome_line(outcome)

        assert line.count("\n") == 1
        assert valid(line, line_schema())["type"] == "outcome"


@pytest.mark.parametrize("value", [*HOSTILE, pytest.param("\ufffe\uffff", id="noncharacters")])
def test_junit_is_well_formed(value: str) -> None:
    root = ET.fromstring(text_of(build.hostile(value), SweepFormat.JUNIT))

    assert len(list(root.iter("testcase"))) == 3
    assert sum(len(list(root.iter(tag))) for tag in ("failure", "error", "skipped")) == 2


# What Jenkins' schema allows below each element, in its order.
CHILDREN = {
    "testsuites": ["testsuite"],
    "testsuite": ["properties", "testcase", "system-out", "system-err"],
    "properties": ["property"],
    "testcase": ["skipped", "error", "failure", "system-out", "system-err"],
}
NEEDED = {
    "testsuites": {"name", "tests", "failures", "errors", "time"},
    "testsuite": {"name", "tests", "failures", "errors", "skipped", "time", "timestamp", "hostname"},
    "testcase": {"name", "classname", "time"},
    "property": {"name", "value"},
    "failure": {"message", "type"},
    "error": {"message", "type"},
    "skipped": {"message"},
}


@pytest.mark.parametrize("report", SWEEPS)
def test_junit_keeps_the_rules_of_its_schema(report: SweepReport) -> None:
    root = ET.fromstring(text_of(report, SweepFormat.JUNIT))
    for element in root.iter():
        order = CHILDREN.get(element.tag, [])
        names = [child.tag for child in element]

        assert names == sorted(names, key=order.index)
        assert NEEDED.get(element.tag, set()) <= set(element.attrib)
    for element in (root, root[0]):
        assert int(element.attrib["tests"]) == len(list(element.iter("testcase")))
        assert int(element.attrib["failures"]) == len(list(element.iter("failure")))
        assert int(element.attrib["errors"]) == len(list(element.iter("error")))


def test_an_excused_target_is_skipped_with_the_reason() -> None:
    excused = build.incident(members=("shop001.example.org",), suppressed="moved until Friday")
    root = ET.fromstring(text_of(build.broken(incidents=(excused,)), SweepFormat.JUNIT))
    case = next(item for item in root.iter("testcase") if item.get("name") == "shop001.example.org")

    assert [(child.tag, child.get("message")) for child in case] == [("skipped", "moved until Friday")]


def test_a_target_in_maintenance_is_skipped_and_says_why() -> None:
    target = build.outcome(suppressed="move, until Friday")
    report = build.all_well(counts=Counts(healthy=4, broken=1, suppressed=1), outcomes=(target,))
    case = next(ET.fromstring(text_of(report, SweepFormat.JUNIT)).iter("testcase"))

    assert headline(report) == "All that is broken is excused: 1 of 5 hostnames"
    assert [(child.tag, child.get("message")) for child in case] == [("skipped", "move, until Friday")]
    assert "(excused: move, until Friday)" in text_of(report, SweepFormat.TERMINAL, verbose=True, width=140)
    assert valid(outcome_line(target), line_schema())["suppressed"] == "move, until Friday"


PENDING = build.small_incident(state=IncidentState.PENDING)
NAGIOS = [
    pytest.param(build.all_well(), 0, "OK", id="ok"),
    pytest.param(build.all_well(counts=Counts(degraded=1)), 1, "WARNING", id="warnings"),
    pytest.param(build.all_well(counts=Counts(broken=1), incidents=(PENDING,)), 1, "WARNING", id="not-open-yet"),
    pytest.param(build.broken(), 2, "CRITICAL", id="broken"),
    pytest.param(build.offline(), 3, "UNKNOWN", id="offline"),
    pytest.param(build.all_well(counts=Counts(unknown=1)), 3, "UNKNOWN", id="not-judged"),
    pytest.param(build.all_well(interrupted=True), 3, "UNKNOWN", id="interrupted"),
]
PLUGIN_LINE = re.compile(
    r"INGRESSDOCTOR (OK|WARNING|CRITICAL|UNKNOWN) - [^|\n]+ \|( [a-z]+=\d+(\.\d+)?s?;[\d:]*;[\d:]*;\d*;\d*)+\n"
)


@pytest.mark.parametrize(("report", "code", "word"), NAGIOS)
def test_nagios_gets_its_own_codes(report: SweepReport, code: int, word: str) -> None:
    text = text_of(report, SweepFormat.NAGIOS)

    assert nagios_code(report) == code
    assert PLUGIN_LINE.fullmatch(text)
    assert text.startswith(f"INGRESSDOCTOR {word} - ")


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_values_are_no_performance_data(value: str) -> None:
    text = text_of(build.hostile(value), SweepFormat.NAGIOS)

    assert PLUGIN_LINE.fullmatch(text)
    assert len(text.encode()) < 4096


def test_metrics_of_a_sweep() -> None:
    verdicts = {outcome.name: outcome.verdict for outcome in build.broken().outcomes} | {
        "ok.example.org": Verdict.HEALTHY
    }
    found = metrics(exposition(build.broken(), verdicts=verdicts))

    assert found["ingressdoctor_target_up", (("target", "ok.example.org"),)] == 1
    assert found["ingressdoctor_target_up", (("target", "shop001.example.org"),)] == 0
    assert found["ingressdoctor_target_up", (("target", "docs1.example.org"),)] == 1
    assert ("ingressdoctor_target_up", (("target", "far1.example.org"),)) not in found
    assert found["ingressdoctor_target_verdict", (("target", "far1.example.org"),)] == 3
    assert found["ingressdoctor_incident_active", (("check", "lb.no-targets"),)] == 1
    assert found["ingressdoctor_incident_members", (("check", "lb.no-targets"),)] == 212
    assert found["ingressdoctor_targets", (("verdict", "broken"),)] == 212
    assert found["ingressdoctor_sweep_duration_seconds", ()] == 12.34
    assert found["ingressdoctor_requests_total", (("source", "kubernetes"),)] == 24
    assert found["ingressdoctor_sweep_last_success_timestamp_seconds", ()] == pytest.approx(1767323057.34)


@pytest.mark.parametrize("value", HOSTILE)
def test_metrics_of_a_hostile_sweep_can_be_parsed(value: str) -> None:
    found = metrics(exposition(build.hostile(value)))

    assert ("evil", ()) not in found
    assert {name for name, _ in found} >= {"ingressdoctor_target_verdict", "ingressdoctor_sweeps_total"}


def test_a_blind_sweep_is_no_success() -> None:
    totals = Totals().after(build.all_well()).after(build.offline()).after(build.all_well(interrupted=True))
    found = metrics(exposition(build.offline(), totals))

    assert found["ingressdoctor_sweep_last_success_timestamp_seconds", ()] == pytest.approx(1767323057.34)
    assert found["ingressdoctor_sweep_offline", ()] == 1
    assert found["ingressdoctor_sweeps_total", ()] == 3
    assert found["ingressdoctor_requests_total", (("source", "kubernetes"),)] == 72


def test_counters_go_on_after_a_restart() -> None:
    totals = replace(Totals().after(build.broken()), sent={"slack": 3}, failed={"pager": 1, "slack": 2})

    assert totals_from(exposition(build.broken(), totals)) == totals


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("<html>", id="something-else"),
        pytest.param("ingressdoctor_sweeps_total{", id="cut"),
        pytest.param("ingressdoctor_sweeps_total NaN\n", id="not-a-number"),
        pytest.param("ingressdoctor_sweeps_total -1\n", id="negative"),
        pytest.param('ingressdoctor_notifications_total{result="lost"} 3\n', id="unknown-label"),
    ],
)
def test_junk_starts_counting_anew(text: str) -> None:
    assert totals_from(text) == Totals()


def test_the_number_of_labels_is_bounded() -> None:
    verdicts: Mapping[str, Verdict] = {f"h{n:05}.example.org": Verdict.HEALTHY for n in range(MAX_TARGETS + 5)}
    verdicts = {**verdicts, "zz.example.org": Verdict.BROKEN}
    report = build.all_well(counts=Counts(healthy=MAX_TARGETS + 5, broken=1))
    found = metrics(exposition(report, verdicts=verdicts))

    assert sum(name == "ingressdoctor_target_verdict" for name, _ in found) == MAX_TARGETS
    assert found["ingressdoctor_target_up", (("target", "zz.example.org"),)] == 0
    assert found["ingressdoctor_targets_left_out", ()] == 6


def test_writing_metrics_leaves_nothing_behind_in_the_library() -> None:
    from prometheus_client import REGISTRY, generate_latest

    exposition(build.broken())

    assert b"ingressdoctor" not in generate_latest(REGISTRY)
