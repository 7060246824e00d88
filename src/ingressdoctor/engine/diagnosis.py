"""From results to root causes, over the graph that checks declare with ``causes``.

Pure and free of content: it knows no product. A cause works through checks that failed, warned, were skipped or
could not be looked at; it never works through one that passed, because that link was seen to be whole. Nor does it
account for a failure on machines that it is not on itself: where three nodes fail, one that is down explains one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from ingressdoctor.engine.headline import headline_of
from ingressdoctor.model.finding import Finding, Status
from ingressdoctor.model.report import Cause, CheckResult, Coverage, Diagnosis, StepReport, Verdict
from ingressdoctor.model.symptom import Symptom
from ingressdoctor.model.walk import Walk

__all__ = ["coverage_of", "diagnose", "explain", "steps_of"]

_WELL: Final = {Status.PASS, Status.SKIP}
_EVERY: Final = 1_000_000  # more machines than any finding names


def steps_of(walk: Walk, results: Sequence[CheckResult]) -> tuple[StepReport, ...]:
    """Group results by the steps of the walk; a step's time is that of its slowest check."""
    return tuple(
        StepReport(
            step=step,
            results=(mine := tuple(result for result in results if result.check.step == step.id)),
            elapsed_s=max((result.elapsed_s for result in mine), default=0.0),
        )
        for step in walk.steps
    )


def coverage_of(results: Sequence[CheckResult]) -> Coverage:
    """Count links of the path: one is verified when something on it was judged and nothing was left unknown."""
    links: dict[str, bool] = {}
    for result in results:
        status = result.status
        if status is Status.SKIP:
            continue
        if status is Status.UNKNOWN or (len(result.findings) > 1 and _has(result, Status.UNKNOWN)):
            links[result.check.link] = False
        else:
            links.setdefault(result.check.link, True)
    unverified = tuple(link for link, whole in links.items() if not whole)
    return Coverage(verified=len(links) - len(unverified), total=len(links), unverified=unverified)


def _has(result: CheckResult, status: Status) -> bool:
    for finding in result.findings:  # noqa: SIM110 - a generator costs more than the one finding that most have
        if finding.status is status:
            return True
    return False


class _Graph:
    """Reachability over ``causes`` among the results of one run."""

    def __init__(self, results: Sequence[CheckResult], causes: Mapping[str, tuple[str, ...]]) -> None:
        self._causes = causes
        self._results = results
        self._passed: set[str] | None = None
        self._cache: dict[str, dict[str, int]] = {}

    def reached(self, start: str) -> Mapping[str, int]:
        """Ids of checks and symptoms that *start* may have brought about, each with the links of its shortest chain."""
        if start not in self._cache:
            if self._passed is None:
                self._passed = {result.check.id for result in self._results if result.status is Status.PASS}
            seen: dict[str, int] = {start: 0}
            todo = deque([start])
            while todo:
                name = todo.popleft()
                if name != start and name in self._passed:
                    continue
                for effect in self._causes.get(name, ()):
                    if effect not in seen:
                        seen[effect] = seen[name] + 1
                        todo.append(effect)
            del seen[start]
            self._cache[start] = seen
        return self._cache[start]


def diagnose(
    host: str,
    walk: Walk,
    results: Sequence[CheckResult],
    causes: Mapping[str, tuple[str, ...]],
    *,
    left_out: int = 0,
) -> Diagnosis:
    """Name the root causes among *results*, best first, and say what was seen of the way.

    Args: as for ``explain``.
    """
    diagnosis = explain(host, walk, results, causes, left_out=left_out)
    steps = steps_of(walk, results)
    open_ends = diagnosis.unexplained or (diagnosis.verdict is Verdict.UNKNOWN and not diagnosis.causes)
    return replace(
        diagnosis,
        healthy_hops=tuple(step.step.hop for step in steps if step.status is Status.PASS),
        unseen_hops=tuple(step.step.hop for step in steps if step.status in (Status.UNKNOWN, Status.SKIP)),
        next_steps=_next_steps(results, steps) if open_ends else (),
    )


def explain(
    host: str,
    walk: Walk,
    results: Sequence[CheckResult],
    causes: Mapping[str, tuple[str, ...]],
    *,
    left_out: int = 0,
) -> Diagnosis:
    """Name the root causes among *results*, best first; hops and next steps stay empty.

    Args:
        host: The target's name, for the headline.
        walk: The walk that was taken.
        results: One result per check of the walk that was selected.
        causes: Ids of all checks of the walk to the ids that they bring about, also of checks that did not run.
        left_out: How many checks of the walk were not selected; with any, no headline speaks for the whole way.
    """
    # Of most targets of a sweep nothing fails: then there is nothing to explain.
    statuses = {result.status for result in results}
    if not statuses <= _WELL:
        statuses = {finding.status for result in results for finding in result.findings}
    graph = _Graph(results, causes)
    failed = [result for result in results if result.status is Status.FAIL] if Status.FAIL in statuses else []
    observed = _symptoms(failed, Status.FAIL)
    failing = [result for result in failed if _own_failure(result) is not None]
    named = [
        _cause(result, finding, walk, graph, failing, observed)
        for result in failing
        for finding in _failures(result)
        if not _has_ancestor(result, finding, failing, graph, walk)
    ]
    ranked = sorted(_without_fallbacks(named), key=lambda cause: _rank(cause, walk, graph))
    explaining = tuple(cause for cause in ranked if cause.explains or not observed)
    beside = tuple(cause for cause in ranked if cause not in explaining)
    explained = {symptom for cause in explaining for symptom in cause.explains}
    unexplained = tuple(symptom for symptom in observed if symptom not in explained)
    verdict = _verdict(walk, results, statuses)
    warned = [result for result in results if _has(result, Status.WARN)] if Status.WARN in statuses else []
    latent = bool(explaining) and not observed and _proven(walk, results)
    diagnosis = Diagnosis(
        verdict=verdict,
        headline="",
        causes=explaining,
        beside=beside,
        warnings=_warnings(walk, warned),
        symptoms=tuple(dict.fromkeys((*observed, *_symptoms(warned, Status.WARN)))),
        unexplained=unexplained,
        latent=latent,
        confirmed=_confirmed(walk, results, explaining) if observed else "",
    )
    return replace(diagnosis, headline=headline_of(diagnosis, host, results, left_out))


def _symptoms(results: Sequence[CheckResult], status: Status) -> tuple[Symptom, ...]:
    seen = [f.symptom for result in results for f in result.findings if f.symptom is not None and f.status is status]
    return tuple(dict.fromkeys(seen))


def _failures(result: CheckResult) -> tuple[Finding, ...]:
    """Return the failing findings that are a reason.

    A finding that only repeats what the client sees is none, unless its check declares that it causes that very
    symptom (a missing name is both).
    """
    own = result.check.causes
    return tuple(f for f in result.findings if f.status is Status.FAIL and (f.symptom is None or str(f.symptom) in own))


def _own_failure(result: CheckResult) -> Finding | None:
    """Return the first failing finding that is a reason rather than the client's view."""
    return next(iter(_failures(result)), None)


def _covers(result: CheckResult, finding: Finding) -> bool:
    """True unless *finding* speaks of machines of which *result* does not: then it is a failure of its own."""
    scope = {name for item in _failures(result) for name in item.scope}
    return not scope or not finding.scope or scope.issuperset(finding.scope)


def _has_ancestor(result: CheckResult, finding: Finding, failing: list[CheckResult], graph: _Graph, walk: Walk) -> bool:
    mine = result.check.id
    for other in failing:
        theirs = other.check.id
        if theirs == mine or mine not in graph.reached(theirs) or not _covers(other, finding):
            continue
        if theirs in graph.reached(mine):
            # Each could have caused the other: the deeper one did, since effects travel towards the client.
            deeper = (-walk.position(other.check.step), theirs) < (-walk.position(result.check.step), mine)
            if not deeper:
                continue
        return True
    return False


def _cause(
    result: CheckResult,
    finding: Finding,
    walk: Walk,
    graph: _Graph,
    failing: list[CheckResult],
    observed: tuple[Symptom, ...],
) -> Cause:
    reached = graph.reached(result.check.id)
    below = [other for other in failing if other.check.id in reached]
    # What also ails other machines explains what it brings about better than a cause on this one.
    wider = [other for other in below if not any(_covers(result, item) for item in _failures(other))]
    taken = {name for other in wider for name in graph.reached(other.check.id)}
    return Cause(
        check_id=result.check.id,
        step=walk.steps[walk.position(result.check.step)],
        finding=finding,
        explains=tuple(symptom for symptom in observed if str(symptom) in reached and str(symptom) not in taken),
        brings_about=tuple(other.check.id for other in below if other not in wider),
    )


def _without_fallbacks(causes: list[Cause]) -> list[Cause]:
    """Drop causes that only explain the symptom that they are themselves, where another cause explains it too."""
    deeper = {symptom for cause in causes if cause.finding.symptom is None for symptom in cause.explains}
    return [cause for cause in causes if cause.finding.symptom is None or not set(cause.explains) <= deeper]


def _rank(cause: Cause, walk: Walk, graph: _Graph) -> tuple[int, int, int, int, int, str]:
    """Most explained first; then what names the symptom itself; then what ails all machines before what ails some."""
    reached, scope = graph.reached(cause.check_id), cause.finding.scope
    return (
        -len(cause.explains),
        sum(reached[str(symptom)] for symptom in cause.explains),
        -len(scope) if scope else -_EVERY,
        -len(cause.brings_about),
        walk.position(cause.step.id),
        cause.check_id,
    )


def _warnings(walk: Walk, results: Sequence[CheckResult]) -> tuple[Cause, ...]:
    return tuple(
        Cause(check_id=result.check.id, step=walk.steps[walk.position(result.check.step)], finding=finding)
        for result in sorted(results, key=lambda result: result.check.standing)
        for finding in result.findings
        if finding.status is Status.WARN
    )


def _proven(walk: Walk, results: Sequence[CheckResult]) -> bool:
    """True when every proof of the walk was looked at and held (a warning still carries traffic)."""
    by_id = {result.check.id: result.status for result in results}
    whole = (Status.PASS, Status.WARN, Status.SKIP)
    statuses = [by_id.get(name) for name in walk.proof]
    return bool(statuses) and all(status in whole for status in statuses) and Status.PASS in statuses


def _confirmed(walk: Walk, results: Sequence[CheckResult], causes: tuple[Cause, ...]) -> str:
    """Return what the walk's prediction says, where it came true and the first cause lies where it predicts."""
    result = next((item for item in results if item.check.id == walk.prediction), None)
    if result is None or not causes or result.status is not Status.PASS:
        return ""
    deep_enough = walk.position(causes[0].step.id) >= walk.position(result.check.step)
    return result.findings[0].summary if deep_enough else ""


def _verdict(walk: Walk, results: Sequence[CheckResult], statuses: set[Status]) -> Verdict:
    if Status.FAIL in statuses:
        ours = (_has(result, Status.FAIL) and not result.check.vantage for result in results)
        return Verdict.BROKEN if any(ours) else Verdict.UNKNOWN
    nothing_seen = not statuses & {Status.PASS, Status.WARN}
    if nothing_seen or (Status.UNKNOWN in statuses and not _proven(walk, results)):
        return Verdict.UNKNOWN
    return Verdict.DEGRADED if Status.WARN in statuses else Verdict.HEALTHY


def _next_steps(results: Sequence[CheckResult], steps: Sequence[StepReport]) -> tuple[str, ...]:
    """What would let us see more: first what enables the unseen, then what the observations suggest."""
    gaps = [
        f.enable_with for result in results for f in result.findings if f.status is Status.UNKNOWN and f.enable_with
    ]
    hints = [f.remedy.text for s in steps for r in s.results for f in r.findings if f.symptom and f.remedy]
    return tuple(dict.fromkeys([*hints, *gaps]))[:6]
