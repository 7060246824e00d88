from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from msgspec.structs import replace

from ingressdoctor.engine.incidents import Fold, Folded, Lifecycle, advance
from ingressdoctor.model.excuses import Suppression
from ingressdoctor.model.report import Verdict
from ingressdoctor.model.sweep import Incident, IncidentState, Outcome, SweptCause, Transition
from ingressdoctor.model.symptom import Symptom
from ingressdoctor.render.sweep_words import about

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
BALANCER = SweptCause(
    check_id="lb.no-targets", subject="Load balancer lb1", summary="It has no targets.", hop="the load balancer"
)
POD = SweptCause(check_id="backend.pods-crashing", subject="Service shop/web", summary="They crash.", hop="the backend")
OFFLINE = SweptCause(
    check_id="outside.offline", subject="", summary="This machine is offline.", hop="here", vantage=True
)


def an_outcome(name: str, *causes: SweptCause, verdict: Verdict = Verdict.BROKEN, suppressed: str = "") -> Outcome:
    return Outcome(
        name=name,
        verdict=verdict,
        headline=f"{name}: {verdict}",
        started=NOW,
        elapsed_s=0.1,
        causes=causes,
        symptoms=(Symptom.EDGE_522,) if verdict is Verdict.BROKEN else (),
        suppressed=suppressed,
    )


def well(name: str) -> Outcome:
    return an_outcome(name, verdict=Verdict.HEALTHY)


def unseen(name: str) -> Outcome:
    return an_outcome(name, verdict=Verdict.UNKNOWN)


class Watch:
    """Sweeps in a row, each ten minutes after the one before."""

    def __init__(self, rules: Lifecycle | None = None, *suppressions: Suppression) -> None:
        self.rules = rules or Lifecycle()
        self.suppressions = suppressions
        self.now = NOW
        self.incidents: tuple[Incident, ...] = ()
        self.changed: tuple[Transition, ...] = ()

    def sweep(self, *outcomes: Outcome) -> Watch:
        fold = Fold()
        for outcome in outcomes:
            fold.add(outcome)
        self.incidents, self.changed = advance(
            self.incidents, fold.causes(), fold.judged, self.now, self.rules, self.suppressions
        )
        self.now += timedelta(minutes=10)
        return self

    @property
    def only(self) -> Incident:
        (incident,) = self.incidents
        return incident

    def state(self) -> IncidentState:
        return self.only.state

    @property
    def moves(self) -> list[tuple[IncidentState | None, IncidentState]]:
        return [(item.was, item.incident.state) for item in self.changed]


def test_targets_that_share_a_cause_are_one_incident() -> None:
    hosts = [f"h{number}.example.org" for number in range(500)]
    watch = Watch().sweep(*(an_outcome(host, BALANCER) for host in hosts), well("other.example.org"))

    assert watch.only.members == tuple(sorted(hosts))
    assert watch.only.cause == BALANCER
    assert watch.state() is IncidentState.OPEN
    assert watch.only.symptoms == (Symptom.EDGE_522,)
    assert watch.moves == [(None, IncidentState.OPEN)]


def test_two_causes_of_one_target_are_two_incidents() -> None:
    watch = Watch().sweep(an_outcome("a.example.org", BALANCER, POD), an_outcome("b.example.org", BALANCER))

    assert {item.key: item.members for item in watch.incidents} == {
        BALANCER.key: ("a.example.org", "b.example.org"),
        POD.key: ("a.example.org",),
    }


def test_a_failure_that_nothing_explains_is_an_incident_of_its_own_target() -> None:
    watch = Watch().sweep(an_outcome("a.example.org"), an_outcome("b.example.org"))

    assert [(item.cause.check_id, item.members) for item in watch.incidents] == [
        ("symptom.edge-522", ("a.example.org",)),
        ("symptom.edge-522", ("b.example.org",)),
    ]


def test_nothing_changes_while_it_lasts() -> None:
    watch = Watch().sweep(an_outcome("a.example.org", BALANCER)).sweep(an_outcome("a.example.org", BALANCER))

    assert watch.moves == []
    assert watch.only.first_seen == NOW
    assert watch.only.last_seen == NOW + timedelta(minutes=10)
    assert watch.only.failing == 2


def test_members_that_join_and_leave_are_told() -> None:
    watch = Watch().sweep(an_outcome("a.example.org", BALANCER), an_outcome("b.example.org", BALANCER))
    watch.sweep(an_outcome("b.example.org", BALANCER), an_outcome("c.example.org", BALANCER), well("a.example.org"))

    (change,) = watch.changed
    assert (change.was, change.joined, change.left) == (IncidentState.OPEN, ("c.example.org",), ("a.example.org",))


def test_it_closes_when_every_member_was_seen_well() -> None:
    watch = Watch().sweep(an_outcome("a.example.org", BALANCER)).sweep(well("a.example.org"))

    assert watch.state() is IncidentState.CLOSED
    assert watch.only.closed == NOW + timedelta(minutes=10)
    assert watch.moves == [(IncidentState.OPEN, IncidentState.CLOSED)]
    assert not watch.only.active


def test_thresholds_open_and_close_late() -> None:
    watch = Watch(Lifecycle(open_after=2, close_after=2)).sweep(an_outcome("a.example.org", BALANCER))
    assert watch.state() is IncidentState.PENDING
    assert not watch.only.active

    assert watch.sweep(an_outcome("a.example.org", BALANCER)).state() is IncidentState.OPEN
    assert watch.sweep(well("a.example.org")).state() is IncidentState.RECOVERING
    assert watch.only.active
    assert watch.sweep(well("a.example.org")).state() is IncidentState.CLOSED


def test_what_was_pending_and_went_away_was_nothing() -> None:
    watch = Watch(Lifecycle(open_after=2)).sweep(an_outcome("a.example.org", BALANCER)).sweep(well("a.example.org"))

    assert watch.incidents == ()
    assert watch.changed == ()


@pytest.mark.parametrize(
    "outcomes",
    [
        pytest.param((), id="filtered-away"),
        pytest.param((unseen("a.example.org"),), id="unknown"),
        pytest.param((an_outcome("a.example.org", OFFLINE, verdict=Verdict.UNKNOWN),), id="offline"),
        pytest.param((well("z.example.org"),), id="others-are-well"),
    ],
)
def test_what_nobody_could_judge_closes_nothing(outcomes: tuple[Outcome, ...]) -> None:
    watch = Watch().sweep(an_outcome("a.example.org", BALANCER)).sweep(*outcomes)

    assert watch.state() is IncidentState.OPEN
    assert watch.only.members == ("a.example.org",)
    assert watch.changed == ()


def test_of_several_members_only_those_seen_well_leave() -> None:
    watch = Watch().sweep(an_outcome("a.example.org", BALANCER), an_outcome("b.example.org", BALANCER))
    watch.sweep(well("a.example.org"), unseen("b.example.org"))

    assert watch.state() is IncidentState.OPEN
    assert watch.only.members == ("b.example.org",)
    assert [item.left for item in watch.changed] == [("a.example.org",)]


def test_a_cause_that_comes_and_goes_flaps_under_one_id() -> None:
    watch = Watch(Lifecycle(flap_flips=3)).sweep(an_outcome("a.example.org", BALANCER))
    ident = watch.only.id
    watch.sweep(well("a.example.org"))
    watch.sweep(an_outcome("a.example.org", BALANCER))
    watch.sweep(well("a.example.org"))

    assert watch.state() is IncidentState.FLAPPING
    assert watch.only.id == ident
    assert watch.only.active
    assert len(watch.only.flips) == 3

    for _ in range(6):
        watch.sweep(well("a.example.org"))
    assert watch.state() is IncidentState.CLOSED


def test_what_flapped_and_stays_broken_is_open_again() -> None:
    watch = Watch(Lifecycle(flap_flips=2)).sweep(an_outcome("a.example.org", BALANCER))
    watch.sweep(well("a.example.org")).sweep(an_outcome("a.example.org", BALANCER))
    assert watch.state() is IncidentState.FLAPPING

    for _ in range(8):
        watch.sweep(an_outcome("a.example.org", BALANCER))
    assert watch.state() is IncidentState.OPEN


def test_a_cause_that_comes_back_much_later_is_a_new_incident() -> None:
    watch = Watch().sweep(an_outcome("a.example.org", BALANCER)).sweep(well("a.example.org"))
    ident = watch.only.id
    watch.now += timedelta(hours=5)
    watch.sweep(an_outcome("a.example.org", BALANCER))

    assert watch.only.id != ident
    assert watch.moves == [(None, IncidentState.OPEN)]


def test_a_closed_incident_is_forgotten_after_a_while() -> None:
    watch = Watch().sweep(an_outcome("a.example.org", BALANCER)).sweep(well("a.example.org"))
    watch.now += timedelta(hours=5)

    assert watch.sweep(well("a.example.org")).incidents == ()


def test_maintenance_of_every_member_is_the_incidents_excuse() -> None:
    moving = an_outcome("a.example.org", BALANCER, suppressed="move to the new rack")
    watch = Watch().sweep(moving)
    assert watch.only.suppressed == "move to the new rack"

    watch.sweep(moving, an_outcome("b.example.org", BALANCER))
    assert watch.only.suppressed == ""


def test_a_suppression_holds_until_its_day_is_over() -> None:
    silent = Suppression(reason="known", until=date(2026, 11, 21), check="lb.*", hosts=("*.example.org",))
    watch = Watch(None, silent).sweep(an_outcome("a.example.org", BALANCER))
    assert watch.only.suppressed == "known"

    watch.now += timedelta(days=1)
    assert watch.sweep(an_outcome("a.example.org", BALANCER)).only.suppressed == ""


def test_a_suppression_for_other_hosts_excuses_nothing() -> None:
    silent = Suppression(reason="known", until=date(2026, 12, 1), check="lb.*", hosts=("a.example.org",))
    watch = Watch(None, silent).sweep(an_outcome("a.example.org", BALANCER), an_outcome("b.example.org", BALANCER))

    assert watch.only.suppressed == ""


def test_being_offline_is_no_incident() -> None:
    fold = Fold()
    for number in range(500):
        fold.add(an_outcome(f"h{number}.example.org", OFFLINE, verdict=Verdict.UNKNOWN))

    assert fold.causes() == {}
    assert fold.offline() == "This machine is offline."
    assert fold.counts[Verdict.UNKNOWN] == 500


def test_one_target_that_could_be_seen_proves_that_we_are_online() -> None:
    fold = Fold()
    fold.add(an_outcome("a.example.org", OFFLINE, verdict=Verdict.UNKNOWN))
    fold.add(well("b.example.org"))

    assert fold.offline() == ""


def test_warnings_are_folded_by_their_cause() -> None:
    fold = Fold()
    for name in ("b.example.org", "a.example.org"):
        fold.add(replace(well(name), verdict=Verdict.DEGRADED, warnings=(BALANCER,)))

    assert fold.warnings() == ((BALANCER, ("a.example.org", "b.example.org")),)


def test_a_member_named_twice_counts_once() -> None:
    fold = Fold()
    fold.add(an_outcome("a.example.org", BALANCER, BALANCER))

    assert fold.causes()[BALANCER.key] == Folded(
        cause=BALANCER, members=("a.example.org",), symptoms=(Symptom.EDGE_522,)
    )


def test_checks_that_blame_the_same_thing_are_one_incident() -> None:
    pods = "pods of deployment/traefik in traefik"
    web = SweptCause(check_id="traefik.pods-not-ready", subject="Traefik", summary="crash", hop="Traefik", root=pods)
    sql = SweptCause(check_id="sql.traefik-not-ready", subject="traefik", summary="crash", hop="the entry", root=pods)
    watch = Watch().sweep(an_outcome("db", sql), an_outcome("a", web), an_outcome("b", web))
    (incident,) = watch.incidents

    assert (incident.key, incident.members) == (pods, ("a", "b", "db"))
    assert incident.cause == web


def test_who_speaks_for_a_thing_does_not_depend_on_who_came_first() -> None:
    causes = [SweptCause(check_id=f"x.{word}", subject="", summary="", hop="", root="it") for word in "ab"]
    found = [Watch().sweep(*(an_outcome(c.check_id, c) for c in order)).incidents for order in (causes, causes[::-1])]

    assert [item.cause.check_id for (item,) in found] == ["x.a", "x.a"]


def test_what_nothing_explains_is_blamed_on_no_hop() -> None:
    (incident,) = Watch().sweep(an_outcome("a")).incidents

    assert (incident.cause.hop, incident.cause.subject) == ("", "a")
    assert incident.cause.summary == "a: broken"
    assert about(incident.cause) == "a: broken"


def test_what_could_not_be_looked_at_of_judged_targets_is_told_by_how_many() -> None:
    fold = Fold()
    for number in range(3):
        fold.add(replace(well(f"w{number}"), unseen=("the pods: 403.", f"only {number}")))
    fold.add(replace(unseen("u"), unseen=("the pods: 403.",)))
    fold.add(replace(an_outcome("b"), unseen=("the pods: 403.",)))

    assert fold.gaps(2) == ["the pods: 403 (targets: 3)", "only 0 (targets: 1)", "and 2 more like this"]
    assert Fold().gaps(2) == []


def test_warnings_of_single_targets_are_counted_beyond_so_many() -> None:
    """A large list, each of whose hosts warns of itself: memory must not grow with it."""
    fold = Fold()
    for number in range(10_050):
        own = replace(POD, subject=f"Service shop/web-{number}")
        fold.add(replace(well(f"h{number}.example.org"), verdict=Verdict.DEGRADED, warnings=(BALANCER, own)))

    told = fold.warnings()
    assert (len(told), fold.unlisted) == (10_000, 51)
    assert (told[0][0], len(told[0][1])) == (BALANCER, 10_050)
