"""Which walk each of many targets takes: choosers over evidence that they share, patterns first, nothing judged."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from build.engine import RIVER, Flow, Gauge, Level, a_check, run_of
from build.values import replace
from ingressdoctor.engine.catalog import Bundle, build_catalog
from ingressdoctor.engine.walks import walks_of
from ingressdoctor.errors import UsageError
from ingressdoctor.model.check import claims, collector
from ingressdoctor.model.target import Target
from ingressdoctor.model.walk import Claim

LAKE = replace(RIVER, id="lake", title="Around the lake")
MILL, WEIR, ISLE = (Target.parse(f"{name}.example.org") for name in ("mill", "weir", "isle"))


@collector(wanted="the level")
async def level(gauge: Gauge) -> Level:
    return Level(metres=await gauge.read())


@collector(wanted="the flow")
async def flow(target: Target, level: Level) -> Flow:
    return Flow(speed=0.0 if target.hostname.startswith("isle") else level.metres)


@claims("river")
def by_flow(target: Target, flow: Flow) -> Claim:
    return Claim(strength=90 if flow.speed and target == MILL else 0, ground="it flows")


@claims("lake")
def by_level(level: Level, flow: Flow) -> Claim:
    return Claim(strength=50 if level.metres and flow.speed else 0, ground="it stands")


def asked(patterns: Mapping[str, str], gauge: Gauge) -> dict[Target, str]:
    bundle = Bundle(
        origin="test",
        walks=(RIVER, LAKE),
        checks=(a_check("mouth.dry", "mouth"),),
        collectors=(level, flow),
        choosers=(by_flow, by_level),
    )
    made = build_catalog([bundle], givens=(Target,), sources=(Gauge,), target_types=(Target,))
    return asyncio.run(walks_of(run_of(made, {Gauge: gauge}), (MILL, WEIR, ISLE), patterns))


def test_the_strongest_claim_decides_and_what_targets_share_is_read_once() -> None:
    gauge = Gauge()

    assert asked({}, gauge) == {MILL: "river", WEIR: "lake", ISLE: ""}
    assert gauge.reads == 1


def test_a_pattern_decides_before_any_evidence() -> None:
    gauge = Gauge()

    assert set(asked({"*.example.org": "lake"}, gauge).values()) == {"lake"}
    assert gauge.reads == 0


def test_a_pattern_that_names_no_walk_is_refused() -> None:
    with pytest.raises(UsageError, match="'sea'"):
        asked({"mill.*": "sea"}, Gauge())
