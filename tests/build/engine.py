"""A made-up world for engine tests: a lake, a dam, a mill. Nothing of any real product."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ingressdoctor.engine.catalog import Bundle, Catalog, build_catalog
from ingressdoctor.engine.observer import Silent
from ingressdoctor.engine.session import Run
from ingressdoctor.model.check import Check, Collector, check
from ingressdoctor.model.finding import Finding, Remedy, Status, fail, look, ok, skip, unknown, warn
from ingressdoctor.model.report import CheckResult, result_of
from ingressdoctor.model.symptom import Symptom
from ingressdoctor.model.target import Target
from ingressdoctor.model.walk import Step, Walk

RIVER = Walk(
    id="river",
    title="From the sea to the spring",
    steps=(
        Step(id="mouth", question="Does water arrive?", hop="the mouth", docs="river.md"),
        Step(id="dam", question="Is the dam open?", hop="the dam", docs="river.md"),
        Step(id="spring", question="Does the spring run?", hop="the spring", docs="river.md"),
    ),
    proof=("mouth.dry",),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """How high the water stands."""

    metres: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """How fast it runs at the target's place."""

    speed: float


class Gauge:
    """A source."""

    def __init__(self) -> None:
        self.reads = 0

    async def read(self) -> float:
        self.reads += 1
        await asyncio.sleep(0)
        return 2.0


def finding(status: Status, symptom: Symptom | None = None) -> Finding:
    """One finding of a status, valid in every other respect."""
    remedy = Remedy(text="Look closer.", commands=(look("true"),))
    match status:
        case Status.PASS:
            return ok("fine")
        case Status.WARN:
            return warn("hm", seen={"x": "1"}, remedy=remedy, symptom=symptom)
        case Status.FAIL:
            return fail("broken", seen={"x": "1"}, remedy=remedy, symptom=symptom)
        case Status.UNKNOWN:
            return unknown("dark", enable_with="a lamp")
        case Status.SKIP:
            return skip("does not apply")


def a_check(name: str, step: str, causes: tuple[str, ...] = (), link: str = "", *, vantage: bool = False) -> Check:
    """A check without needs."""

    @check(id=name, title=name, step=step, causes=causes, link=link, vantage=vantage)
    def declared() -> Iterator[Finding]:
        yield ok("fine")

    return declared


def result(
    name: str,
    step: str,
    status: Status,
    *,
    causes: tuple[str, ...] = (),
    symptom: Symptom | None = None,
    link: str = "",
    vantage: bool = False,
) -> CheckResult:
    """The result of one check."""
    return result_of(a_check(name, step, causes, link, vantage=vantage), (finding(status, symptom),))


def catalog(*checks: Check, collectors: tuple[Collector, ...] = ()) -> Catalog:
    """A validated catalog with the river walk."""
    proof = () if not checks or any(item.id == "mouth.dry" for item in checks) else (a_check("mouth.dry", "mouth"),)
    bundle = Bundle(origin="test", checks=(*checks, *proof), collectors=collectors, walks=(RIVER,))
    return build_catalog([bundle], givens=(Target,), sources=(Gauge,), target_types=(Target,))


def run_of(made: Catalog, givens: Mapping[type, object], stop: asyncio.Event | None = None) -> Run:
    """Everything a run is handed."""
    return Run(
        catalog=made,
        session_givens=givens,
        target_givens={Target: Target.parse("mill.example.org")},
        observer=Silent(),
        stop=stop or asyncio.Event(),
        calls=lambda: (),
        on_collect=str,
    )
