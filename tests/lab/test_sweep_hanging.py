"""A tenth of the hosts take requests and never answer: they cost their own time, and nobody else's verdict."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from build.hosts import DOMAIN, hosts
from build.sweeps import Watching
from ingressdoctor.config import load_settings
from ingressdoctor.engine.sweep import SweepSpec
from ingressdoctor.model.report import Verdict
from ingressdoctor.model.sweep import SweepReport
from ingressdoctor.sweeping.options import SweepOptions
from ingressdoctor.sweeping.sweeper import Sweeper
from ingressdoctor.sweeping.targets import read_list
from ingressdoctor.wiring import open_session

pytestmark = pytest.mark.lab

NAMES = tuple(f"h{number}.{DOMAIN}" for number in range(40))
HANGING = frozenset(NAMES[number] for number in (0, 11, 22, 33))
TIMEOUT_S = 10.0


def swept(path: Path, config: Path, watching: Watching, per_origin: int) -> SweepReport:
    async def once() -> SweepReport:
        options = SweepOptions(spec=SweepSpec(timeout_s=TIMEOUT_S, at_once=8), per_origin=per_origin, inside=False)
        async with open_session(load_settings(str(config)), environ={}) as session:
            return await Sweeper(session, options, listed=read_list(str(path))).once(watching, asyncio.Event())

    return asyncio.run(once())


def test_a_tenth_that_hangs_costs_nobody_else_anything(tmp_path: Path) -> None:
    """They all stand at one address, as behind a load balancer, and take half of its turns."""
    path = tmp_path / "hosts.txt"
    path.write_text("\n".join(NAMES))
    watching = Watching()

    with hosts(tmp_path, HANGING) as running:
        report = swept(path, running.config, watching, 8)

    unknown = [item.name for item in report.outcomes if item.verdict is Verdict.UNKNOWN]
    judged = {name for name, item in watching.outcomes.items() if item.verdict is Verdict.DEGRADED}
    assert (watching.told, report.counts.total, report.counts.unknown) == (40, 40, 4)
    assert sorted(unknown) == sorted(HANGING)
    assert judged == set(NAMES) - HANGING
    assert all("what a visitor gets: no answer in time" in watching.outcomes[name].unseen for name in HANGING)
    assert (report.incidents, report.exit_code()) == ((), 3)
    # Side by side: one after the other they would take as long as all of them together.
    assert report.elapsed_s < len(HANGING) * TIMEOUT_S
    assert set(running.asked) == set(NAMES)


def test_who_waits_for_a_turn_behind_a_host_that_hangs_is_judged_all_the_same(tmp_path: Path) -> None:
    """One turn at the address, and one that hangs first: the others wait for it longer than a host may take."""
    path = tmp_path / "hosts.txt"
    path.write_text("\n".join(NAMES[:10]))
    watching = Watching()

    with hosts(tmp_path, NAMES[:1]) as running:
        report = swept(path, running.config, watching, 1)

    verdicts = {name: item.verdict for name, item in watching.outcomes.items()}
    assert verdicts.pop(NAMES[0]) in {Verdict.UNKNOWN, Verdict.BROKEN}
    assert verdicts == dict.fromkeys(NAMES[1:10], Verdict.DEGRADED)
    assert report.counts.total == 10
