"""Sweeps as values: one load balancer that breaks many hostnames, and what else a sweep can come back with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from build.values import replace
from ingressdoctor.model.report import Verdict
from ingressdoctor.model.sweep import Counts, Incident, IncidentState, Outcome, SweepReport, SweptCause, Transition
from ingressdoctor.model.symptom import Symptom

STARTED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NO_TARGETS = SweptCause(
    check_id="lb.no-targets",
    subject="Load balancer ecnv4-lb",
    summary="none of its targets is healthy",
    hop="the Hetzner load balancer",
    remedy="Look why its targets fail their health check.",
    command="hcloud load-balancer describe ecnv4-lb",
)
NOT_READY = SweptCause(
    check_id="backend.pods-not-ready",
    subject="Deployment blog/web",
    summary="0 of 2 pods are ready",
    hop="the backend",
    remedy="Look why its pods are not ready.",
    command="kubectl -n blog describe pods -l app=web",
)
ONE_REPLICA = SweptCause(
    check_id="backend.single-replica",
    subject="Deployment docs/web",
    summary="one pod serves it alone",
    hop="the backend",
    remedy="Run a second pod.",
)
OFFLINE = SweptCause(
    check_id="online.offline", subject="", summary="no anchor answers", hop="this machine", vantage=True
)


def names(count: int, start: int = 1) -> tuple[str, ...]:
    """Hostnames, sorted."""
    return tuple(f"shop{number:03}.example.org" for number in range(start, start + count))


def outcome(name: str = "shop001.example.org", **over: object) -> Outcome:
    """A hostname that the load balancer breaks."""
    value = Outcome(
        name=name,
        verdict=Verdict.BROKEN,
        headline=f"{name} is down at the Hetzner load balancer: none of its targets is healthy",
        started=STARTED,
        elapsed_s=0.25,
        walk="public",
        causes=(NO_TARGETS,),
        symptoms=(Symptom.EDGE_522,),
        verified=6,
        links=7,
        facts={"lb.no-targets/healthy": "0 of 3"},
        vantage="eu",
    )
    return replace(value, **over)


def healthy(name: str = "ok.example.org", **over: object) -> Outcome:
    """A hostname that works."""
    value = outcome(name, verdict=Verdict.HEALTHY, headline=f"{name} is healthy.", causes=(), symptoms=(), verified=7)
    return replace(value, **over)


def degraded(name: str = "docs.example.org", **over: object) -> Outcome:
    """A hostname that works, with a warning."""
    value = healthy(name, verdict=Verdict.DEGRADED, headline=f"{name} works, with 1 warning.", warnings=(ONE_REPLICA,))
    return replace(value, **over)


def unknown(name: str = "far.example.org", **over: object) -> Outcome:
    """A hostname that could not be judged."""
    value = healthy(
        name,
        verdict=Verdict.UNKNOWN,
        headline=f"{name} could not be judged.",
        verified=2,
        unseen=("the Hetzner load balancer: no token",),
    )
    return replace(value, **over)


def incident(**over: object) -> Incident:
    """The load balancer's, open for two hours."""
    value = Incident(
        id="inc-7f3a",
        key=NO_TARGETS.key,
        cause=NO_TARGETS,
        state=IncidentState.OPEN,
        members=names(212),
        first_seen=STARTED - timedelta(hours=2, minutes=5),
        last_seen=STARTED,
        symptoms=(Symptom.EDGE_522,),
        opened=STARTED - timedelta(hours=2),
        failing=25,
    )
    return replace(value, **over)


def small_incident(**over: object) -> Incident:
    """A Deployment's, that comes and goes."""
    value = incident(
        id="inc-90b1",
        key=NOT_READY.key,
        cause=NOT_READY,
        state=IncidentState.FLAPPING,
        members=("blog.example.org",),
        symptoms=(Symptom.HTTP_503,),
        flips=tuple(STARTED - timedelta(minutes=number) for number in (50, 40, 30, 20, 10)),
        failing=1,
    )
    return replace(value, **over)


def transition(**over: object) -> Transition:
    """The load balancer's incident, just opened."""
    return replace(Transition(incident=incident(), was=IncidentState.PENDING, joined=names(212)), **over)


def all_well(**over: object) -> SweepReport:
    """500 hostnames, all healthy."""
    value = SweepReport(
        started=STARTED,
        elapsed_s=12.34,
        counts=Counts(healthy=500),
        requests={"kubernetes": 24, "cloudflare": 3, "hetzner": 2},
        vantage="eu",
        version="0.1.0",
    )
    return replace(value, **over)


def broken(**over: object) -> SweepReport:
    """212 of 500 hostnames broken by one load balancer; some warn, some could not be judged, a line was junk."""
    value = all_well(
        counts=Counts(healthy=281, degraded=3, broken=212, unknown=4),
        incidents=(incident(),),
        transitions=(transition(),),
        outcomes=(
            *(outcome(name) for name in names(212)),
            *(degraded(f"docs{number}.example.org") for number in range(1, 4)),
            *(unknown(f"far{number}.example.org") for number in range(1, 4)),
            unknown("late.example.org", unseen=(), error="it took more than 30 s"),
        ),
        warnings=((ONE_REPLICA, ("docs1.example.org", "docs2.example.org", "docs3.example.org")),),
        skipped=('hosts.txt line 7: "###junk" is no hostname', "HTTPRoutes: the cluster has no such kind"),
    )
    return replace(value, **over)


def two_incidents(**over: object) -> SweepReport:
    """The load balancer's and one that flaps, one that recovers, one that waits, and one that nobody is told of."""
    waiting = small_incident(id="inc-1", state=IncidentState.PENDING, members=("new.example.org",), failing=1, flips=())
    recovering = incident(
        id="inc-2",
        key="dns.servfail example.net",
        cause=replace(NO_TARGETS, check_id="dns.servfail", subject="example.net", summary="SERVFAIL", hop="DNS"),
        state=IncidentState.RECOVERING,
        members=("www.example.net",),
        failing=0,
        well=1,
    )
    excused = small_incident(
        id="inc-3",
        key="backend.pods-not-ready Deployment old/web",
        cause=replace(NOT_READY, subject="Deployment old/web"),
        state=IncidentState.OPEN,
        members=("old.example.org",),
        suppressed="moved on Friday, until 2026-01-05",
        flips=(),
    )
    report = broken()
    return replace(
        report,
        incidents=(*report.incidents, small_incident(), waiting, recovering, excused),
        counts=Counts(healthy=277, degraded=3, broken=216, unknown=4, suppressed=1),
        **over,
    )


def offline() -> SweepReport:
    """The place we look from has no way out."""
    lost = tuple(unknown(name, causes=(OFFLINE,), unseen=("this machine is offline",)) for name in names(3))
    return all_well(counts=Counts(unknown=3), outcomes=lost, offline="none of 1.1.1.1:443, 8.8.8.8:443 answers")


def hostile(text: str) -> SweepReport:
    """A sweep in which every free text is *text*."""
    cause = SweptCause(check_id=text, subject=text, summary=text, hop=text, remedy=text, command=text)
    mine = incident(id=text, key=text, cause=cause, members=(text, f"{text}2"))
    bad = outcome(
        text,
        headline=text,
        walk=text,
        causes=(cause,),
        warnings=(cause,),
        unseen=(text,),
        facts={text: text},
        vantage=text,
    )
    return broken(
        incidents=(mine, replace(mine, id=f"{text}2", suppressed=text)),
        transitions=(Transition(incident=mine, joined=(text,), left=(text,)),),
        outcomes=(bad, replace(bad, verdict=Verdict.UNKNOWN, error=text), replace(bad, verdict=Verdict.HEALTHY)),
        warnings=((cause, (text,)),),
        requests={text: 1},
        skipped=(text,),
        vantage=text,
        version=text,
    )
