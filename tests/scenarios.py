"""Run a scenario of the lab and hold the diagnosis against what the scenario says it must be."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from ingressdoctor.config import load_settings
from ingressdoctor.lab import Fault, apply_fault, list_worlds, load_faults, load_world
from ingressdoctor.lab.lab import running
from ingressdoctor.lab.world import default_host
from ingressdoctor.lab.faults import Expectation
from ingressdoctor.model.finding import Status
from ingressdoctor.model.report import Report
from ingressdoctor.model.target import Target
from ingressdoctor.wiring import RunOptions, open_session

ORDER = (Status.FAIL, Status.UNKNOWN, Status.WARN, Status.PASS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one scenario led to. ``kube_requests`` counts what the API server was asked."""

    scenario: Fault
    report: Report
    kube_requests: int

    @property
    def named(self) -> tuple[str, ...]:
        """Ids of the causes in the order of the report; warnings count where a warning is what is expected."""
        diagnosis = self.report.diagnosis
        causes = (*diagnosis.causes, *diagnosis.beside)
        if self.scenario.expect.status == "warn":
            causes = (*causes, *diagnosis.warnings)
        return tuple(dict.fromkeys(cause.check_id for cause in causes))

    @property
    def failing(self) -> tuple[str, ...]:
        """Ids of all checks that failed."""
        return tuple(
            result.check.id for step in self.report.steps for result in step.results if result.status is Status.FAIL
        )

    @property
    def first(self) -> bool:
        """The root cause is right and named first (or nothing is named where nothing is wrong)."""
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
        seen = tuple(str(symptom) for symptom in self.report.diagnosis.symptoms)
        expected = self.scenario.expect.symptom
        return seen == () if expected is None else expected in seen

    @property
    def explained(self) -> bool:
        """No symptom was left without a cause."""
        return not self.report.diagnosis.unexplained

    @property
    def false_alarm(self) -> bool:
        """Something failed in a world that works."""
        return self.scenario.expect.status != "fail" and bool(self.failing)

    @property
    def right(self) -> bool:
        """Everything above at once."""
        return self.first and self.symptom and self.explained and not self.false_alarm and self.unknown == ()

    @property
    def unknown(self) -> tuple[str, ...]:
        """Checks that could not judge although the lab hides nothing; and broken checks."""
        results = [result for step in self.report.steps for result in step.results]
        return tuple(result.check.id for result in results if result.error)

    def __str__(self) -> str:
        expect = self.scenario.expect
        seen = ", ".join(self.report.diagnosis.symptoms) or "-"
        return (
            f"{self.scenario.world}/{self.scenario.name}: expected {expect.status} {expect.cause or '-'} / "
            f"{expect.symptom or '-'}, got {self.report.diagnosis.verdict} {', '.join(self.named) or '-'} / {seen}"
            f"; failing: {', '.join(self.failing) or '-'}; errors: {', '.join(self.unknown) or '-'}"
        )


def scenarios(world: str = "") -> tuple[Fault, ...]:
    """Every scenario of one world or of all: healthy, faults, healthy but unusual."""
    names = (world,) if world else list_worlds()
    return tuple(item for name in names for item in (healthy(name), *load_faults(name)))


def healthy(world: str) -> Fault:
    """The world as it is described, with nothing changed."""
    return Fault(
        name="healthy",
        world=world,
        title="Nothing is wrong",
        kind="unusual",
        host=default_host(world),
        patch=(),
        expect=Expectation(status="pass"),
    )


def run_scenario(scenario: Fault, *, latency_s: float = 0.0) -> Outcome:
    """Serve the scenario's world, diagnose its host over real sockets, and return what came of it."""
    world = apply_fault(load_world(scenario.world), scenario)
    with running(world, latency_s=latency_s) as lab:
        settings = load_settings(str(lab.handout.config))

        async def diagnose() -> Report:
            async with open_session(settings, environ=lab.handout.environment) as session:
                return await session.diagnose(Target.parse(scenario.host), RunOptions())

        report = asyncio.run(diagnose())
        return Outcome(scenario=scenario, report=report, kube_requests=len(lab.requests["kube"]))
