"""The history over both databases: what is recorded is told again, whatever the order, the clock and the neighbours."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from build.history import HOST, at, look, report, sweep
from build.sweep import NO_TARGETS, NOT_READY, incident, names
from build.values import replace
from ingressdoctor.errors import HistoryError
from ingressdoctor.history import open_history
from ingressdoctor.history.tables import CONTENT, SPAN
from ingressdoctor.model.history import Health
from ingressdoctor.model.report import Verdict
from ingressdoctor.model.sweep import IncidentState


def test_a_host_that_was_never_seen(place: str) -> None:
    with open_history(place) as history:
        assert history.since(HOST) is None
        assert history.timeline(HOST, at(0)) is None
        assert history.hosts(at(0)) == ()
        assert history.incidents() == ()
        assert history.names() == ()


def test_since_when_it_fails(place: str) -> None:
    """A look that could not tell does not end a failure; the count is of the looks that failed."""
    with open_history(place) as history:
        for kind, minute in (("up", 0), ("up", 5), ("down", 10), ("unknown", 15), ("down", 20)):
            sweep(history, look(kind, minute))
        state = history.since(HOST)

    assert state is not None
    assert (state.health, state.verdict, state.looks) == (Health.FAILING, Verdict.BROKEN, 2)
    assert (state.since, state.last_seen) == (at(10), at(20))
    assert (state.last_well, state.last_failing) == (at(5), at(20))
    assert [cause.key for cause in state.causes] == [NO_TARGETS.key]


def test_since_when_it_is_well(place: str) -> None:
    """Warnings are well."""
    with open_history(place) as history:
        for kind, minute in (("down", 0), ("up", 5), ("warn", 10), ("up", 15)):
            sweep(history, look(kind, minute))
        state = history.since(HOST)

    assert state is not None
    assert (state.health, state.since, state.looks) == (Health.WELL, at(5), 3)
    assert (state.last_well, state.last_failing) == (at(15), at(0))


def test_what_is_in_the_buffer_counts(place: str) -> None:
    with open_history(place) as history:
        number = history.begin(at(0), "eu")
        history.record(number, look("down", 0))
        state = history.since(HOST)

    assert state is not None
    assert state.health is Health.FAILING


def test_what_was_different_when_it_last_worked(place: str) -> None:
    was = {"lb.no-targets/targets": "3", "dns.not-proxied/addresses": "192.0.2.1, 192.0.2.2", "edge.x/took": "0.31 s"}
    now = {"lb.no-targets/targets": "0", "dns.not-proxied/addresses": "192.0.2.2, 192.0.2.1", "edge.x/took": "9.05 s"}
    with open_history(place) as history:
        sweep(history, look("up", 0, facts={**was, "lb.no-targets/targets": "2"}))
        sweep(history, look("up", 5, facts=was))
        failing = look("down", 10, facts=now)
        told = history.difference(failing)
        sweep(history, failing)
        sweep(history, look("down", 15, facts={**now, "lb.no-targets/targets": "1"}))
        later = history.timeline(HOST, at(0), until=at(16))

    assert told == (("lb.no-targets/targets", "3", "0"),)
    assert later is not None
    assert later.different == told
    assert later.spans[-1].different == told


def test_a_text_is_stored_once_for_all_hosts_that_share_it(place: str) -> None:
    hosts = names(40)
    with open_history(place) as history:
        sweep(history, *(look("down", 0, name, facts={"lb.no-targets/host": name}) for name in hosts))
        states = [history.since(name) for name in hosts]
        with history._engine.connect() as connection:
            texts = connection.execute(sa.select(sa.func.count()).select_from(CONTENT)).scalar_one()

    assert texts == 2
    assert [state.headline.split()[0] for state in states if state is not None] == list(hosts)


def test_nothing_grows_while_nothing_changes(place: str) -> None:
    hosts = names(30)
    with open_history(place) as history:
        for minute in range(0, 60, 5):
            sweep(history, *(look("up", minute, name, facts={"a.b/c": "1", "a.b/time": str(minute)}) for name in hosts))
        with history._engine.connect() as connection:
            spans = connection.execute(sa.select(sa.func.count(), sa.func.min(SPAN.c.looks))).one()
            texts = connection.execute(sa.select(sa.func.count()).select_from(CONTENT)).scalar_one()

    assert tuple(spans) == (30, 12)
    assert texts == 2


def test_a_restless_fact_is_not_kept_for_ever(place: str) -> None:
    """It changed in three looks in a row while the host was well; the one that changed once still counts."""
    with open_history(place) as history:
        for number in range(5):
            sweep(history, look("up", number * 5, facts={"a.b/answered by": f"10.0.0.{number}", "a.b/image": "v1"}))
        different = history.difference(look("down", 30, facts={"a.b/answered by": "10.0.0.77", "a.b/image": "v2"}))

    assert different == (("a.b/image", "v1", "v2"),)


def test_uptime_outages_and_recovery(place: str) -> None:
    kinds = ["up"] * 6 + ["down"] * 3 + ["unknown"] + ["up"] * 2
    with open_history(place) as history:
        for number, kind in enumerate(kinds):
            sweep(history, look(kind, number * 10))
        told = history.timeline(HOST, at(0), until=at(120))

    assert told is not None
    assert (told.period.up_s, told.period.down_s, told.period.unknown_s) == (4800, 1800, 600)
    assert told.period.share == pytest.approx(4800 / 6600)
    assert (told.outages, told.mean_recovery_s) == (1, 2400)
    assert [span.looks for span in told.spans] == [6, 3, 1, 2]


def test_time_in_maintenance_is_apart(place: str) -> None:
    with open_history(place) as history:
        sweep(history, look("up", 0))
        sweep(history, look("down", 10, suppressed="maintenance: move"))
        sweep(history, look("up", 20))
        told = history.timeline(HOST, at(0), until=at(30))

    assert told is not None
    assert (told.period.up_s, told.period.down_s, told.period.suppressed_s) == (1200, 0, 600)
    assert (told.outages, told.period.share) == (0, 1)
    assert told.spans[1].suppressed == "maintenance: move"


def test_time_that_nobody_looked_is_neither_up_nor_down(place: str) -> None:
    with open_history(place) as history:
        sweep(history, look("up", 0))
        sweep(history, look("up", 10))
        sweep(history, look("up", 600))
        told = history.timeline(HOST, at(0), until=at(610))
        state = history.since(HOST)

    assert told is not None
    assert (told.period.up_s, told.period.unwatched_s) == (1200, 590 * 60)
    assert state is not None
    assert (state.since, state.looks) == (at(0), 3)


def test_down_from_somewhere_is_down(place: str) -> None:
    with open_history(place) as history:
        sweep(history, look("up", 0, vantage=""), vantage="eu")
        sweep(history, look("down", 0, vantage=""), vantage="us")
        told = history.timeline(HOST, at(0), until=at(10))
        here = history.timeline(HOST, at(0), until=at(10), vantage="eu")
        summary = history.hosts(at(0), until=at(10))

    assert told is not None
    assert here is not None
    assert (told.period.down_s, told.state.vantage) == (600, "us")
    assert (here.period.up_s, here.state.health) == (600, Health.WELL)
    assert [(item.state.health, item.uptime.down_s) for item in summary] == [(Health.FAILING, 600)]


def test_one_sweep_from_several_places(place: str) -> None:
    with open_history(place) as history:
        sweep(history, look("up", 0, vantage="eu"), look("down", 0, vantage="us"), vantage="")
        eu, us = history.since(HOST, "eu"), history.since(HOST, "us")

    assert eu is not None
    assert us is not None
    assert (eu.health, us.health) == (Health.WELL, Health.FAILING)


@pytest.mark.parametrize(
    "minutes",
    [
        pytest.param((0, 5, 2_000_000, 10, 15), id="years-ahead-and-back"),
        pytest.param((0, 5, -10_000_000, 10, 15), id="before-1990-and-back"),
        pytest.param((0, 5, 3, 10, 15), id="two-minutes-back"),
    ],
)
def test_a_clock_that_jumps(place: str, minutes: tuple[int, ...]) -> None:
    """No span, no period and no recovery is ever negative, and the order is that of the sweeps."""
    with open_history(place) as history:
        for minute in minutes:
            sweep(history, look("up", minute))
        sweep(history, look("down", 20))
        told = history.timeline(HOST, at(0), until=at(25))
        state = history.since(HOST)

    assert told is not None
    assert state is not None
    assert (state.health, state.since) == (Health.FAILING, at(20))
    assert all(span.ended >= span.started for span in told.spans)
    assert min(told.period.up_s, told.period.down_s, told.period.unwatched_s) >= 0
    assert told.period.up_s + told.period.down_s <= told.period.period_s
    assert told.period.down_s == 300


def test_a_sweep_cannot_end_before_it_began(place: str) -> None:
    with open_history(place) as history:
        number = history.begin(at(0), "eu")
        history.finish(number, report(at(-60), elapsed_s=-5.0))
        [ended] = history.sweeps()

    assert (ended.state, ended.started, ended.ended) == ("finished", at(0), at(0))


def test_a_sweep_that_was_killed_is_marked_by_the_next_one(place: str) -> None:
    with open_history(place) as history:
        killed = history.begin(at(0), "eu")
        elsewhere = history.begin(at(0), "us")
        following = sweep(history, look("up", 5))
        states = {record.id: record.state for record in history.sweeps()}

    assert states == {killed: "interrupted", elsewhere: "running", following: "finished"}


def test_incidents_come_back_as_they_were_saved(place: str) -> None:
    first = incident(state=IncidentState.OPEN, opened=at(0), flips=(at(0), at(3)), suppressed="known")
    other = incident(id="other", key=NOT_READY.key, cause=NOT_READY, members=(HOST,), state=IncidentState.PENDING)
    with open_history(place) as history:
        number = sweep(history, look("down", 0))
        history.save_incidents(number, (first, other))
    with open_history(place) as history:
        history.begin(at(5), "eu")
        told = history.incidents()

    assert {one.id: one for one in told} == {first.id: first, other.id: other}


def test_members_join_and_leave(place: str) -> None:
    first = incident(state=IncidentState.OPEN, members=names(3), first_seen=at(0), last_seen=at(0))
    later = replace(first, members=(*names(1), "new.example.org"), last_seen=at(5))
    closed = replace(first, members=names(2), state=IncidentState.CLOSED, closed=at(10), last_seen=at(10))
    with open_history(place) as history:
        number = sweep(history, *(look("down", 0, name) for name in names(3)))
        for one in (first, later):
            history.save_incidents(number, (one,))
        [open_now] = history.incidents()
        history.save_incidents(number, (closed,))
        [recent] = history.incidents()
        left = history.timeline(names(3)[2], at(-1), until=at(20))
        sweep(history, look("up", 60 * 24 * 8))
        old = history.incidents()

    assert open_now.members == ("new.example.org", *names(1))
    assert (recent.state, recent.members) == (IncidentState.CLOSED, names(2))
    assert left is not None
    assert [one.id for one in left.incidents] == [first.id]
    assert old == ()


def test_an_incident_belongs_to_where_it_was_seen_from(place: str) -> None:
    with open_history(place) as history:
        number = history.begin(at(0), "eu")
        history.save_incidents(number, (incident(state=IncidentState.OPEN),))
        history.begin(at(0), "us")
        elsewhere = history.incidents()

    assert elsewhere == ()


def test_two_sweeps_at_once(place: str) -> None:
    """Two histories on one database, as two processes have them: no result is lost, and no host is there twice."""
    hosts = names(400)
    ready = threading.Barrier(2)
    told: list[object] = []

    def run(kind: str) -> None:
        with open_history(place) as history:
            ready.wait(60)
            for minute in (0, 5, 10):
                number = history.begin(at(minute), kind)
                for name in hosts:
                    history.record(number, look("down", minute, name, vantage=""))
                    history.record(number, look("down", minute, name, vantage="both"))
                history.finish(number, report(at(minute), len(hosts)))
            told.append(history.trouble)

    threads = [threading.Thread(target=run, args=(kind,)) for kind in ("eu", "us")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)

    with open_history(place) as history, history._engine.connect() as connection:
        looks = connection.execute(sa.select(sa.func.sum(SPAN.c.looks))).scalar_one()
        known = history.hosts(at(0), until=at(15))
        sweeps = history.sweeps()
    assert told == [None, None]
    assert looks == 2 * 3 * 2 * 400
    assert [item.state.name for item in known] == list(hosts)
    assert [record.state for record in sweeps] == ["finished"] * 6


def test_retention(place: str) -> None:
    """What is over is forgotten; what a host's present state needs is not."""
    day = 60 * 24
    with open_history(place, retention_days=3_650) as history:
        for number in range(6):
            hosts = [look("up" if number % 2 else "down", number * day, name) for name in names(3)]
            sweep(history, *hosts, look("up", number * day, "steady.example.org"))
        sweep(history, look("down", 0, "gone.example.org"))
        old = incident(state=IncidentState.CLOSED, members=names(3), last_seen=at(0), closed=at(0))
        history.save_incidents(1, (old,))
        for number in range(35, 45):
            sweep(history, look("up", number * day, "steady.example.org"), look("up", number * day, HOST))
        before = len(history.sweeps(100))
    with open_history(place, retention_days=30) as history:
        done = history.prune(at(45 * day))
        assert history.trouble is None
        after = history.sweeps(100)
        known = history.names()
        again = history.prune(at(45 * day))
        state = history.since(HOST)

    assert before - len(after) == done.sweeps == 7
    assert known == (HOST, "steady.example.org")
    assert (done.targets, done.incidents) == (3, 1)
    assert done.spans > 0
    assert done.texts > 0
    assert again == replace(done, spans=0, targets=0, incidents=0, sweeps=0, texts=0)
    assert state is not None
    assert state.health is Health.WELL


def test_the_first_sweep_of_a_day_forgets_what_is_old(place: str) -> None:
    day = 60 * 24
    with open_history(place, retention_days=30) as history:
        sweep(history, look("up", 0, "gone.example.org"))
        for number in range(40, 50):
            sweep(history, look("up", number * day))
        known, sweeps = history.names(), history.sweeps(100)

    assert known == (HOST,)
    assert len(sweeps) == 10


def test_incidents_are_known_although_the_database_went_away(place: str) -> None:
    """The end of a sweep is compared with what its beginning knew; who never knew is told so."""
    kept = incident(state=IncidentState.OPEN)
    with open_history(place) as history:
        history.save_incidents(history.begin(at(0), "eu"), (kept,))
    with open_history(place) as history:
        history.begin(at(5), "eu")
        with history._engine.begin() as connection:
            connection.execute(sa.text("ALTER TABLE incident RENAME TO elsewhere"))
        told, trouble = history.incidents(), history.trouble
        history.begin(at(5), "us")
        with pytest.raises(HistoryError):
            history.incidents()

    assert told == (kept,)
    assert trouble is not None
    assert "has lost its tables" in trouble.message


def test_a_clock_far_ahead_does_not_erase_everything(place: str) -> None:
    with open_history(place, retention_days=30) as history:
        for minute in range(0, 50, 5):
            sweep(history, look("up", minute), look("down" if minute % 10 else "up", minute, "flaps.example.org"))
        done = history.prune(at(0) + timedelta(days=36_500))

        assert (done.spans, done.targets, done.sweeps) == (0, 0, 0)
        assert len(history.names()) == 2


def test_a_result_that_no_database_takes_does_not_stop_the_others(place: str) -> None:
    """A cause whose text is half a character cannot be written as UTF-8."""
    broken = replace(NO_TARGETS, summary="\udc80")
    with open_history(place) as history:
        number = history.begin(at(0), "eu")
        for name in names(5):
            history.record(number, look("down", 0, name))
        history.record(number, look("down", 0, "poison.example.org", causes=(broken,)))
        history.record(number, look("down", 0, "nul\x00.example.org"))
        history.record(number, look("down", 0, "last.example.org"))
        assert history.flush()
        trouble, known = history.trouble, history.names()

    assert trouble is not None
    assert (trouble.lost, trouble.waiting) == (1, 0)
    assert {*names(5), "last.example.org", "nul.example.org"} == set(known)


def test_a_closed_history_can_be_opened_again(place: str) -> None:
    with open_history(place) as history:
        sweep(history, look("up", 0))
    with open_history(place) as history:
        sweep(history, look("up", 5))
        state = history.since(HOST)

    assert state is not None
    assert state.looks == 2


def test_who_has_worked_is_told_for_many_at_once(place: str) -> None:
    with open_history(place) as history:
        sweep(history, look("up", 0, "up.example.org"), look("down", 0, "down.example.org"))
        sweep(history, look("down", 5, "up.example.org"), look("warn", 5, "warned.example.org"), vantage="us")
        many = [f"shop{number}.example.org" for number in range(1_200)]
        worked = history.worked(["down.example.org", *many, "warned.example.org", "up.example.org"])

        assert worked == {"up.example.org", "warned.example.org"}
        assert history.worked([]) == frozenset()


def test_a_sweep_that_is_announced_is_written_with_its_results(place: str) -> None:
    with open_history(place) as history:
        number = history.announce(at(0), "eu")
        history.record(number, look("up", 0))
        history.save_incidents(number, ())
        history.finish(number, report(at(0)))
        (known,) = history.sweeps()

    assert number < 0
    assert (known.state, known.vantage, known.started) == ("finished", "eu", at(0))
