"""Run a scenario of the lab and hold the diagnosis against what the scenario says it must be."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from functools import cache, lru_cache

from ingressdoctor.config import load_settings
from ingressdoctor.lab import Fault, World, apply_fault, list_worlds, load_faults, load_world, made_ready
from ingressdoctor.lab.faults import Expectation
from ingressdoctor.lab.lab import running
from ingressdoctor.lab.world import default_host, expected_of, merged
from ingressdoctor.model.finding import Status
from ingressdoctor.model.report import Report
from ingressdoctor.model.target import Target
from ingressdoctor.wiring import RunOptions, open_session

PATIENCE = {
    "edge_connect_s": 1.5,
    "edge_read_s": 2.5,
    "controller_dial_s": 1.0,
    "nginx_dial_s": 0.3,
    "nginx_read_s": 1.8,
    "cloudflared_dial_s": 1.0,
    "cloudflared_tls_s": 1.2,
    "health_timeout_s": 0.6,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one scenario led to, as plain data that crosses processes.

    ``kube_requests`` counts what the cluster was asked.

    ``named`` are the ids of the causes in the order of the report (warnings count where one is expected); ``errors``
    are checks that failed themselves, ``content`` those that said nothing worse than that all is well.
    """

    scenario: Fault
    verdict: str
    named: tuple[str, ...]
    failing: tuple[str, ...]
    symptoms: tuple[str, ...]
    unexplained: tuple[str, ...]
    errors: tuple[str, ...]
    gaps: tuple[str, ...]
    kube_requests: int
    walk: str
    content: tuple[str, ...]

    @property
    def first(self) -> bool:
        """The root cause is right and named first (or nothing failed where nothing is wrong)."""
        expected = self.scenario.expect.cause
        return not self.failing if expected is None else self.named[:1] == (expected,)

    @property
    def in_three(self) -> bool:
        """The root cause is among the first three."""
        expected = self.scenario.expect.cause
        return not self.failing if expected is None else expected in self.named[:3]

    @property
    def symptom(self) -> bool:
        """What a visitor sees is named as expected."""
        expected = self.scenario.expect.symptom
        return self.symptoms == () if expected is None else expected in self.symptoms

    @property
    def false_alarm(self) -> bool:
        """Something failed in a world that works."""
        return self.scenario.expect.status != "fail" and bool(self.failing)

    @property
    def right(self) -> bool:
        """Everything at once, with no symptom left unexplained and no check broken."""
        told = not set(self.scenario.expect.effects) & set(self.content)
        whole = told and not self.unexplained and not self.errors
        return self.first and self.symptom and whole and not self.false_alarm

    def __str__(self) -> str:
        expect = self.scenario.expect
        said = {
            "failing": self.failing,
            "unexplained": self.unexplained,
            "errors": self.errors,
            "could not look": self.gaps,
            "content": tuple(name for name in self.scenario.expect.effects if name in self.content),
        }
        expected = f"expected {expect.status} {expect.cause or '-'} / {expect.symptom or '-'}"
        got = f"got {self.verdict} {', '.join(self.named) or '-'} / {', '.join(self.symptoms) or '-'}"
        more = "".join(f"; {name}: {', '.join(items)}" for name, items in said.items() if items)
        return f"{self.scenario.world}/{self.scenario.name}: {expected}, {got}{more}"


def outcome_of(scenario: Fault, report: Report, kube_requests: int) -> Outcome:
    """Reduce a report to what the accuracy table asks."""
    diagnosis = report.diagnosis
    warnings = diagnosis.warnings if scenario.expect.status == "warn" else ()
    results = [result for step in report.steps for result in step.results]
    causes = (*diagnosis.causes, *diagnosis.beside, *warnings)
    named = tuple(cause.check_id for cause in causes if cause.check_id not in scenario.expect.beside)
    return Outcome(
        scenario=scenario,
        verdict=str(diagnosis.verdict),
        named=tuple(dict.fromkeys(named)),
        failing=tuple(result.check.id for result in results if result.status is Status.FAIL),
        symptoms=tuple(str(symptom) for symptom in diagnosis.symptoms),
        unexplained=tuple(str(symptom) for symptom in diagnosis.unexplained),
        errors=tuple(result.check.id for result in results if result.error),
        gaps=tuple(result.check.id for result in results if result.status is Status.UNKNOWN),
        kube_requests=kube_requests,
        walk=report.walk.id if report.walk is not None else "",
        content=tuple(result.check.id for result in results if result.status in {Status.PASS, Status.SKIP}),
    )


@cache
def faults_of(world: str) -> tuple[Fault, ...]:
    """Every fault and unusual state of a world, read once for all tests; only to be looked at."""
    return load_faults(world)


def scenarios(world: str = "") -> tuple[Fault, ...]:
    """Every scenario of one world or of all: healthy, faults, healthy but unusual."""
    names = (world,) if world else list_worlds()
    return tuple(item for name in names for item in (healthy(name), *faults_of(name)))


def healthy(world: str) -> Fault:
    """The world as it is described, with nothing changed."""
    return Fault(
        name="healthy",
        world=world,
        title="Nothing is wrong",
        kind="unusual",
        host=default_host(world),
        patch=(),
        expect=Expectation(**expected_of(world)),
    )


def described(name: str) -> World:
    """A world as it was read at most a minute ago, since reading takes a fifth of a scenario; to be copied only."""
    return _described(name, int(time.time() // 60))


@lru_cache(maxsize=8)
def _described(name: str, minute: int) -> World:
    del minute
    return load_world(name)


def run_scenario(scenario: Fault, *, latency_s: float = 0.0) -> Outcome:
    """Serve the scenario's world, diagnose its host over real sockets, and return what came of it."""
    world = apply_fault(described(scenario.world), scenario)
    report, requests = diagnosed(world, scenario.host, scenario.client_ip, latency_s=latency_s)
    return outcome_of(scenario, report, requests)


def diagnosed(world: World, host: str, client_ip: str = "", *, latency_s: float = 0.0) -> tuple[Report, int]:
    """Serve *world*, diagnose *host*, and return the report with how many requests the cluster got."""
    world = made_ready(world, host)
    # A busy machine must not look like a dead one; what is slow or silent on purpose takes longer than these.
    world = replace(world, settings=merged(world.settings, PATIENCE))
    with running(world, latency_s=latency_s) as lab:
        settings = load_settings(str(lab.handout.config))

        async def diagnose() -> Report:
            async with open_session(settings, environ=lab.handout.environment) as session:
                return await session.diagnose(Target.parse(host, client_ip=client_ip), RunOptions())

        return asyncio.run(diagnose()), len(lab.requests["kube"])
