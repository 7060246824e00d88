"""Judge one target: every check gets its evidence, and every check says something.

A gap becomes ``unknown`` with its reason, a check that raises or stays silent becomes an error, and when the run
is stopped or its time is over the checks still waiting say so. Nothing is shown green that was not looked at.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence

from msgspec.structs import replace

from ingressdoctor.engine.broker import Broker, Deadline
from ingressdoctor.engine.observer import Observer
from ingressdoctor.model.check import Check
from ingressdoctor.model.evidence import Inapplicable, Unavailable
from ingressdoctor.model.finding import Finding, Status, skip, unknown
from ingressdoctor.model.report import CheckResult, result_of
from ingressdoctor.model.text import clean

__all__ = ["could_not_look", "judge", "run_checks", "verdict"]


def judge(check: Check, values: dict[str, object] | Unavailable) -> CheckResult:
    """Run one check on its evidence by parameter name; never raises, never returns nothing."""
    if isinstance(values, Unavailable):
        return could_not_look(check, values)
    return verdict(check, lambda *_: check.function(**values), tuple(values.values()))


def verdict(check: Check, function: Callable[..., Iterable[Finding]], seen: tuple[object, ...]) -> CheckResult:
    """Return what *function*, called with the values *seen*, says; whatever it does, the check says something."""
    try:
        findings = tuple(function(*seen))
    except Exception as error:  # noqa: BLE001 - a check's bug must cost its own verdict only
        return _bug(check, f"{type(error).__name__}: {clean(str(error), 300)}")
    if not findings:
        return _bug(check, "it said nothing")
    status = None
    for finding in findings:
        if not isinstance(finding, Finding):
            return _bug(check, "it yielded something that is not a Finding")
        status = finding.status
    if len(findings) == 1 and status is not None and status is not Status.UNKNOWN:
        # What most checks say of most targets.
        return CheckResult(check=check, findings=findings, status=status)
    return result_of(check, _without_left_out(findings, seen))


def _without_left_out(findings: tuple[Finding, ...], seen: tuple[object, ...]) -> tuple[Finding, ...]:
    """Turn "could not tell" into "was not asked" where what it lacks was left out on purpose."""
    left = next((item for item in seen if isinstance(item, Inapplicable) and item.left_out), None)
    statuses = {finding.status for finding in findings}
    if left is None or Status.UNKNOWN not in statuses or Status.FAIL in statuses:
        return findings
    kept = [finding for finding in findings if finding.status is not Status.UNKNOWN]
    return (*kept, skip(f"It was not looked at: {left.reason}."))


def could_not_look(check: Check, missing: Unavailable) -> CheckResult:
    """Return what a check says that lacks what it needs."""
    if isinstance(missing, Inapplicable):
        return result_of(check, (skip(f"There is nothing to look at: {missing.reason}."),))
    summary = f"Could not look at {missing.wanted}: {missing.reason}."
    return result_of(check, (unknown(summary, enable_with=missing.enable_with),), missing=missing)


def _bug(check: Check, text: str) -> CheckResult:
    finding = unknown(
        f"The check {check.id} itself failed: {text}", enable_with="this is a bug in the check; please report it"
    )
    return result_of(check, (finding,), error=text)


async def run_checks(
    checks: Sequence[Check],
    broker: Broker,
    *,
    observer: Observer,
    deadline: Deadline,
    stop: asyncio.Event,
    began: float,
) -> tuple[CheckResult, ...]:
    """Run *checks* side by side and return their results in the order given.

    ``began`` is the event loop's time when the run started, which the results' times count from.
    Returns early when *stop* is set or *deadline* passes; what has not been judged by then is unknown.
    """
    results: dict[str, CheckResult] = {}
    clock = asyncio.get_running_loop().time

    async def one(check: Check) -> None:
        values = await broker.needs(check.needs)
        results[check.id] = replace(judge(check, values), elapsed_s=clock() - began)
        observer.check_done(results[check.id])

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(check), name=f"check {check.id}") for check in checks]
        stopper = group.create_task(stop.wait(), name="stop")
        await _until(tasks, stopper, deadline)
        for task in (*tasks, stopper):
            task.cancel()
    reason = "the run was interrupted" if stop.is_set() else "the time for the whole run was over"
    return tuple(results.get(check.id) or _unfinished(check, reason) for check in checks)


async def _until(tasks: list[asyncio.Task[None]], stopper: asyncio.Task[bool], deadline: Deadline) -> None:
    pending: set[asyncio.Task[None] | asyncio.Task[bool]] = {*tasks}
    while pending and not stopper.done() and deadline.left() > 0:
        _, pending = await asyncio.wait(
            {*pending, stopper}, timeout=deadline.left(), return_when=asyncio.FIRST_COMPLETED
        )
        pending.discard(stopper)


def _unfinished(check: Check, reason: str) -> CheckResult:
    missing = Unavailable(
        wanted=f"what {check.id} needs", reason=reason, enable_with="run it again, with a longer --timeout if need be"
    )
    return could_not_look(check, missing)
