"""Root causes over the causes graph: which red line is the reason, and what stays open."""

from __future__ import annotations

import pytest

from build.engine import RIVER, result
from build.values import replace
from ingressdoctor.engine.diagnosis import coverage_of, diagnose
from ingressdoctor.model.finding import Status, scoped
from ingressdoctor.model.report import CheckResult, Verdict
from ingressdoctor.model.symptom import Symptom

F, P, W, U, S = Status.FAIL, Status.PASS, Status.WARN, Status.UNKNOWN, Status.SKIP


def seen(symptom: Symptom = Symptom.EDGE_522) -> CheckResult:
    return result("mouth.dry", "mouth", F, symptom=symptom)


def spring(status: Status, *causes: str) -> CheckResult:
    return result("spring.frozen", "spring", status, causes=causes)


def dam(status: Status, *causes: str) -> CheckResult:
    return result("dam.closed", "dam", status, causes=causes)


def on(item: CheckResult, *machines: str) -> CheckResult:
    """The same result, about these machines only."""
    return replace(item, findings=tuple(scoped(found, machines) for found in item.findings))


CASES = [
    pytest.param([seen(), dam(F, "edge-522")], ["dam.closed"], [], id="one-cause-explains-the-symptom"),
    pytest.param(
        [seen(), dam(F, "edge-522"), spring(F, "dam.closed")],
        ["spring.frozen"],
        [],
        id="a-failing-ancestor-takes-the-blame",
    ),
    pytest.param(
        [seen(), dam(U, "edge-522"), spring(F, "dam.closed")],
        ["spring.frozen"],
        [],
        id="a-chain-passes-through-what-could-not-be-looked-at",
    ),
    pytest.param(
        [seen(), dam(P, "edge-522"), spring(F, "dam.closed")],
        [],
        ["spring.frozen"],
        id="a-chain-does-not-pass-through-what-was-seen-whole",
    ),
    pytest.param(
        [seen(), dam(F, "edge-522"), spring(F, "edge-502")],
        ["dam.closed"],
        ["spring.frozen"],
        id="broken-too-but-does-not-explain-the-symptom",
    ),
    pytest.param(
        [seen(), dam(F, "edge-522", "spring.frozen"), spring(F, "dam.closed")],
        ["spring.frozen"],
        [],
        id="of-two-that-could-cause-each-other-the-deeper-is-the-cause",
    ),
    pytest.param([seen()], [], [], id="a-symptom-alone-is-no-cause"),
    pytest.param(
        [result("mouth.dry", "mouth", P), spring(F)], ["spring.frozen"], [], id="healthy-outside-broken-inside"
    ),
    pytest.param(
        [
            result("mouth.foul", "mouth", F, causes=("edge-522",), symptom=Symptom.EDGE_522),
            dam(F, "edge-522"),
        ],
        ["dam.closed"],
        [],
        id="what-a-visitor-sees-explains-itself-only-if-nothing-else-does",
    ),
    pytest.param(
        [result("dam.gone", "dam", F, causes=("dns-nxdomain",), symptom=Symptom.DNS_NXDOMAIN)],
        ["dam.gone"],
        [],
        id="a-check-that-declares-the-symptom-it-sees-is-its-cause",
    ),
    pytest.param(
        [seen(), on(dam(F, "edge-522"), "north", "south"), on(spring(F, "dam.closed", "edge-522"), "north")],
        ["dam.closed"],
        ["spring.frozen"],
        id="a-cause-on-one-machine-neither-hides-nor-explains-a-failure-on-two",
    ),
    pytest.param(
        [seen(), on(dam(F, "edge-522"), "north"), on(spring(F, "dam.closed"), "north", "south")],
        ["spring.frozen"],
        [],
        id="a-cause-on-two-machines-accounts-for-one-of-them",
    ),
    pytest.param(
        [seen(), on(dam(F, "edge-522"), "north"), spring(F, "dam.closed")],
        ["spring.frozen"],
        [],
        id="a-cause-that-names-no-machine-may-lie-on-any",
    ),
    pytest.param(
        [seen(), on(dam(F, "edge-522"), "south"), on(spring(F, "dam.closed", "edge-521"), "north")],
        ["dam.closed"],
        ["spring.frozen"],
        id="two-machines-two-causes",
    ),
]


@pytest.mark.parametrize(("results", "causes", "beside"), CASES)
def test_causes(results: list[CheckResult], causes: list[str], beside: list[str]) -> None:
    table = {item.check.id: item.check.causes for item in results}

    diagnosis = diagnose("mill.example.org", RIVER, results, table)

    assert [cause.check_id for cause in diagnosis.causes] == causes
    assert [cause.check_id for cause in diagnosis.beside] == beside


def test_an_unexplained_symptom_is_named_with_what_was_whole_and_what_was_dark() -> None:
    diagnosis = diagnose("mill.example.org", RIVER, [seen(), dam(P), spring(U)], {})

    assert diagnosis.unexplained == (Symptom.EDGE_522,)
    assert diagnosis.healthy_hops == ("the dam",)
    assert diagnosis.unseen_hops == ("the spring",)
    assert "a lamp" in diagnosis.next_steps
    assert "nothing that was looked at explains it" in diagnosis.headline


def test_broken_inside_while_the_proof_holds_is_latent() -> None:
    diagnosis = diagnose("mill.example.org", RIVER, [result("mouth.dry", "mouth", P), spring(F)], {})

    assert diagnosis.latent
    assert diagnosis.headline.startswith("mill.example.org answers, but something is broken at the spring")


def test_two_causes_are_ranked_by_what_they_explain_before_their_place() -> None:
    both = [seen(), dam(F, "edge-522"), result("spring.dirty", "spring", F, causes=("edge-522", "mouth.foul"))]
    results = [*both, result("mouth.foul", "mouth", F)]

    diagnosis = diagnose("mill.example.org", RIVER, results, {r.check.id: r.check.causes for r in results})

    assert [cause.check_id for cause in diagnosis.causes] == ["spring.dirty", "dam.closed"]
    assert diagnosis.causes[0].brings_about == ("mouth.foul",)


def test_what_names_the_symptom_comes_before_what_leads_to_it() -> None:
    results = [
        seen(),
        dam(F, "edge-522"),
        spring(F, "mouth.foul"),
        result("mouth.foul", "mouth", S, causes=("edge-522",)),
    ]

    diagnosis = diagnose("mill.example.org", RIVER, results, {r.check.id: r.check.causes for r in results})

    assert [cause.check_id for cause in diagnosis.causes] == ["dam.closed", "spring.frozen"]


def test_what_ails_all_machines_comes_before_what_ails_one() -> None:
    results = [seen(), on(dam(F, "edge-522"), "north"), spring(F, "edge-522")]

    diagnosis = diagnose("mill.example.org", RIVER, results, {r.check.id: r.check.causes for r in results})

    assert [cause.check_id for cause in diagnosis.causes] == ["spring.frozen", "dam.closed"]


VERDICTS = [
    pytest.param([result("mouth.dry", "mouth", P), spring(P)], Verdict.HEALTHY, id="all-pass"),
    pytest.param([result("mouth.dry", "mouth", P), spring(W)], Verdict.DEGRADED, id="a-warning"),
    pytest.param([result("mouth.dry", "mouth", P), spring(U)], Verdict.HEALTHY, id="proven-from-outside"),
    pytest.param([result("mouth.dry", "mouth", U), spring(P)], Verdict.UNKNOWN, id="the-proof-was-not-seen"),
    pytest.param([dam(U), spring(U)], Verdict.UNKNOWN, id="nothing-was-seen"),
    pytest.param([dam(S), spring(S)], Verdict.UNKNOWN, id="nothing-applied"),
    pytest.param([dam(P), spring(S)], Verdict.HEALTHY, id="selected-checks-all-pass"),
    pytest.param([result("mouth.dry", "mouth", U), spring(F)], Verdict.BROKEN, id="a-failure-outweighs-the-unseen"),
]


@pytest.mark.parametrize(("results", "verdict"), VERDICTS)
def test_verdict(results: list[CheckResult], verdict: Verdict) -> None:
    assert diagnose("mill.example.org", RIVER, results, {}).verdict is verdict


def test_a_failure_of_the_vantage_point_is_no_verdict_on_the_target() -> None:
    offline = result("mouth.blind", "mouth", F, causes=("offline",), symptom=Symptom.OFFLINE, vantage=True)

    alone = diagnose("mill.example.org", RIVER, [offline, dam(U)], {"mouth.blind": ("offline",)})
    both = diagnose("mill.example.org", RIVER, [offline, dam(F)], {"mouth.blind": ("offline",)})

    assert alone.verdict is Verdict.UNKNOWN
    assert alone.headline == "mill.example.org: could not tell. broken"
    assert both.verdict is Verdict.BROKEN


def test_coverage_counts_links_not_checks() -> None:
    results = [
        result("dam.closed", "dam", P, link="sea to dam"),
        result("dam.leaks", "dam", U, link="sea to dam"),
        result("spring.frozen", "spring", F, link="dam to spring"),
        result("spring.dirty", "spring", S, link="spring to rock"),
    ]

    coverage = coverage_of(results)

    assert (coverage.verified, coverage.total) == (1, 2)
    assert coverage.unverified == ("sea to dam",)


def test_what_a_visitor_sees_in_a_warning_is_named_but_needs_no_cause() -> None:
    challenged = result("mouth.dry", "mouth", W, symptom=Symptom.EDGE_CHALLENGE)

    diagnosis = diagnose("mill.example.org", RIVER, [challenged, spring(P)], {})

    assert diagnosis.symptoms == (Symptom.EDGE_CHALLENGE,)
    assert diagnosis.unexplained == ()
    assert diagnosis.verdict is Verdict.DEGRADED


FORETOLD = replace(RIVER, prediction="dam.foretold")


@pytest.mark.parametrize(
    ("foretold", "cause", "confirmed"),
    [
        pytest.param(P, dam(F, "edge-522"), True, id="came-true-where-it-predicts"),
        pytest.param(P, spring(F, "edge-522"), True, id="came-true-and-the-cause-is-deeper"),
        pytest.param(
            P, result("mouth.blocked", "mouth", F, causes=("edge-522",)), False, id="the-cause-lies-before-it"
        ),
        pytest.param(W, dam(F, "edge-522"), False, id="did-not-come-true"),
        pytest.param(S, dam(F, "edge-522"), False, id="nothing-was-predicted"),
    ],
)
def test_a_prediction_that_came_true_confirms_the_cause(
    foretold: Status, cause: CheckResult, *, confirmed: bool
) -> None:
    results = [seen(), result("dam.foretold", "dam", foretold), cause]

    diagnosis = diagnose("river", FORETOLD, results, {item.check.id: item.check.causes for item in results})

    assert bool(diagnosis.confirmed) is confirmed


LEFT_OUT = [
    pytest.param([dam(P)], 0, "shore is healthy.", id="everything-was-asked"),
    pytest.param(
        [dam(P)], 4, "shore: no failure in the part that was asked for (1 of 5 checks).", id="a-part-is-not-the-whole"
    ),
    pytest.param(
        [dam(W)], 4, "shore: 1 warning in the part that was asked for (1 of 5 checks): ", id="nor-with-warnings"
    ),
    pytest.param([dam(F)], 4, "shore is broken at ", id="nobody-saw-whether-visitors-notice"),
    pytest.param([seen(), dam(F, "edge-522")], 0, "shore is down at ", id="seen-from-outside"),
]


@pytest.mark.parametrize(("results", "left_out", "words"), LEFT_OUT)
def test_no_headline_says_more_than_was_looked_at(results: list[CheckResult], left_out: int, words: str) -> None:
    diagnosis = diagnose("shore", RIVER, results, {r.check.id: r.check.causes for r in results}, left_out=left_out)

    assert diagnosis.headline.startswith(words)
