"""Sweep a lab in this process, and keep what a watcher was told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ingressdoctor.config import load_settings
from ingressdoctor.engine.sweep import SweepSpec
from ingressdoctor.lab import Lab
from ingressdoctor.model.sweep import Outcome, SweepReport
from ingressdoctor.sweeping.options import Memory, SweepOptions, Teller
from ingressdoctor.sweeping.sweeper import Sweeper
from ingressdoctor.sweeping.targets import Targets
from ingressdoctor.wiring import open_session

# With many at once in one process with their lab, a slow machine looks like a slow server.
AT_ONCE = 4


@dataclass(slots=True)
class Watching:
    """Keeps every outcome by name; *on_done* is called with each."""

    on_done: Callable[[Outcome], object] = str
    expected: int = 0
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    told: int = 0

    def expect(self, total: int) -> None:
        """Note how many there are."""
        self.expected = total

    def done(self, outcome: Outcome) -> None:
        """Note one."""
        self.told += 1
        self.outcomes[outcome.name] = outcome
        self.on_done(outcome)


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """One sweep's report and its outcomes by name."""

    report: SweepReport
    outcomes: Mapping[str, Outcome]
    told: int

    @property
    def causes(self) -> dict[str, tuple[str, ...]]:
        """Members of each active incident, by the cause's key."""
        return {item.key: item.members for item in self.report.incidents if item.active}

    @property
    def checks(self) -> set[str]:
        """Ids of the checks that found the active incidents."""
        return {item.cause.check_id for item in self.report.incidents if item.active}


def swept(
    lab: Lab,
    options: SweepOptions | None = None,
    *,
    listed: Targets | None = None,
    memory: Memory | None = None,
    teller: Teller | None = None,
    environ: Mapping[str, str] | None = None,
    stop_after: int = 0,
) -> Swept:
    """Sweep once.

    Args:
        lab: A running one.
        options: How; the defaults of the program otherwise, without jitter, and few at once.
        listed: The targets, in place of those that are found.
        memory: A history.
        teller: Who tells of changes.
        environ: Laid over the environment that the lab hands out.
        stop_after: Ask it to stop when so many targets have ended.
    """

    async def once() -> Swept:
        stop = asyncio.Event()
        watching = Watching()
        watching.on_done = lambda _: stop.set() if stop_after and watching.told >= stop_after else None
        found = {**lab.handout.environment, **(environ or {})}
        async with open_session(load_settings(str(lab.handout.config)), environ=found) as session:
            sweeper = Sweeper(
                session,
                options or SweepOptions(spec=SweepSpec(at_once=AT_ONCE)),
                listed=listed,
                memory=memory,
                teller=teller,
            )
            report = await sweeper.once(watching, stop)
        return Swept(report=report, outcomes=watching.outcomes, told=watching.told)

    return asyncio.run(once())
