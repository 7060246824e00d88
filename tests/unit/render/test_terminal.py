"""The terminal report: what stands first, how long it is, and that no value can break out of its place."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from build import report as build
from build.values import replace
from ingressdoctor.model.finding import Finding, Status
from ingressdoctor.model.report import Report, StepReport
from ingressdoctor.model.symptom import Symptom
from ingressdoctor.render.page import Page
from ingressdoctor.render.terminal import report_to_terminal, short_answer
from ingressdoctor.render.words import in_words

HOSTILE = [
    pytest.param("\x1b[31mred\x1b]0;title\x07", id="terminal-escapes"),
    pytest.param("[bold red]x[/] [link=http://evil]y[/link]", id="rich-markup"),
    pytest.param("a\n✔ www.wecare.gr is healthy.\r\n", id="line-breaks"),
    pytest.param("\u202egnp.exe\u2066", id="bidi"),
    pytest.param("\udc80\x00\x9b2J", id="surrogate-nul-c1"),
    pytest.param("名前😀" * 60, id="wide-characters"),
    pytest.param("x" * 5000, id="long"),
    pytest.param("", id="empty"),
]


def test_the_first_line_names_cause_object_and_hop() -> None:
    text = " ".join(report_to_terminal(build.broken(), Page(width=80)).split())

    assert text.startswith(
        "✖ www.wecare.gr is down at the Hetzner load balancer: "
        "it has no service on port 443 (Load balancer ecnv4-lb) explains the edge's error 522"
    )


def test_an_object_that_the_sentence_names_is_not_repeated() -> None:
    report = build.broken()
    named = replace(report.diagnosis, headline="x is down: ecnv4-lb has no service on 443.")

    first = report_to_terminal(replace(report, diagnosis=named), Page(width=80)).splitlines()[0]

    assert first == "✖ x is down: ecnv4-lb has no service on 443."


@pytest.mark.parametrize(
    ("report", "lines"),
    [
        pytest.param(build.broken(), 17, id="broken-with-a-gap-and-three-commands"),
        pytest.param(build.healthy(), 7, id="healthy"),
        pytest.param(build.degraded(), 8, id="degraded"),
        pytest.param(build.nobody_knows(), 5, id="nobody-knows"),
    ],
)
def test_it_is_short(report: Report, lines: int) -> None:
    assert len(report_to_terminal(report, Page(width=80)).splitlines()) <= lines


def test_nothing_but_commands_is_wider_than_the_page() -> None:
    """A command that was cut or wrapped could not be copied."""
    for width in (40, 80, 120):
        for verbose in (False, True):
            text = report_to_terminal(build.broken(), Page(width=width, verbose=verbose))
            wide = [line for line in text.splitlines() if cell_len(line) > width]

            assert all(line.strip().startswith(("hcloud", "kubectl", "curl")) for line in wide)
            assert "hcloud load-balancer add-service ecnv4-lb --protocol tcp --listen-port 443" in text


def test_changing_commands_are_marked() -> None:
    lines = report_to_terminal(build.broken(), Page(width=80)).splitlines()

    assert [line for line in lines if "# changes something" in line] == [
        "  hcloud load-balancer add-service ecnv4-lb --protocol tcp --listen-port 443  # changes something"
    ]


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize("colour", [False, True])
def test_hostile_values_stay_in_their_place(value: str, colour: bool) -> None:
    text = report_to_terminal(build.hostile(value), Page(width=80, verbose=True, colour=colour))
    printable = text.replace("\n", "")
    if colour:
        # What is left of escapes is the renderer's own colour codes.
        printable = build.without_colour(printable)

    assert printable.isprintable()
    assert not any(line.startswith("✔") for line in text.splitlines())


def test_markup_is_printed_not_obeyed() -> None:
    assert "[bold red]x[/]" in report_to_terminal(build.hostile("[bold red]x[/]"), Page(width=80))


def test_no_colour_without_colour() -> None:
    assert "\x1b" not in report_to_terminal(build.broken(), Page(width=80, verbose=True))
    assert "\x1b[" in report_to_terminal(build.broken(), Page(width=80, colour=True))


def test_ascii_page() -> None:
    for report in (build.healthy(), build.broken(), build.hostile("名前 …")):
        assert report_to_terminal(report, Page(width=80, unicode=False, verbose=True)).isascii()


def test_every_symptom_has_words() -> None:
    assert [symptom for symptom in Symptom if in_words(symptom) == str(symptom)] == []


def test_what_was_not_seen_is_always_said() -> None:
    for verbose in (False, True):
        text = " ".join(report_to_terminal(build.broken(), Page(verbose=verbose)).split())

        assert "not seen: the NetworkPolicies (403: user ingressdoctor cannot list" in text
        assert "-> grant list on networkpolicies.networking.k8s.io" in text
        assert "verified 6 of 7 links" in text


def test_a_confirmed_cause_says_so() -> None:
    report = build.broken()
    confirmed = replace(report.diagnosis, confirmed="As predicted, the request gets Traefik's own 503.")

    text = report_to_terminal(replace(report, diagnosis=confirmed), Page(width=120))

    assert "; the predicted answer came" in text
    assert "; the predicted answer came" not in report_to_terminal(report, Page(width=120))


def test_warnings_take_one_line_each_unless_all_is_asked_for() -> None:
    long = build.broken()
    warning = replace(long.diagnosis.causes[0], explains=())
    finding = replace(warning.finding, summary="a warning " * 20, subject="")
    diagnosis = replace(long.diagnosis, warnings=(replace(warning, finding=finding),) * 4)
    report = replace(long, diagnosis=diagnosis)

    short = [line for line in report_to_terminal(report, Page()).splitlines() if "‼" in line]
    whole = report_to_terminal(report, Page(verbose=True))

    assert len(short) == 2
    assert all(len(line) <= 80 and line.endswith("…") for line in short)
    assert "2 more warnings with -v" in report_to_terminal(report, Page())
    assert whole.count("‼") == 4


SKIPPED = [
    pytest.param("", "does not apply", id="nothing-to-look-at"),
    pytest.param("Name an account.", "No login was tried", id="nobody-asked-for-it"),
]


@pytest.mark.parametrize(("way", "says"), SKIPPED)
def test_a_step_that_could_be_looked_at_says_that_nobody_did(way: str, says: str) -> None:
    left = Finding(status=Status.SKIP, summary="No login was tried.", enable_with=way)
    step = StepReport(step=build.WALK.steps[0], results=(build.result("edge.error", "outside", left),))

    assert short_answer(step) == says
