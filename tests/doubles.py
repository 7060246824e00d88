"""Run two faults at once and hold the diagnosis against what their pair says: both causes, apart, and no third."""

from __future__ import annotations

from dataclasses import dataclass

from ingressdoctor.lab import Fault, Pair, list_worlds, load_pairs, with_both
from ingressdoctor.model.report import Report
from scenarios import diagnosed, outcome_of


@dataclass(frozen=True, slots=True, kw_only=True)
class PairOutcome:
    """What a pair led to, as plain data that crosses processes: what is wrong with the diagnosis, if anything."""

    pair: Pair
    flaws: tuple[str, ...]

    @property
    def right(self) -> bool:
        """Both causes are named, each as itself."""
        return not self.flaws

    def __str__(self) -> str:
        return f"{self.pair.world}/{self.pair.name}: {'; '.join(self.flaws) or 'right'}"


def pairs(world: str = "") -> tuple[Pair, ...]:
    """Every pair of one world or of all."""
    return tuple(pair for name in ((world,) if world else list_worlds()) for pair in load_pairs(name))


def run_pair(pair: Pair) -> PairOutcome:
    """Break a world in both ways and diagnose the host that both lie on, or each one's own."""
    world = with_both(pair)
    if pair.apart:
        found = ((fault, *diagnosed(world, fault.host, fault.client_ip)) for fault in pair.faults)
        return PairOutcome(pair=pair, flaws=tuple(flaw for each in found for flaw in _flaws_apart(*each)))
    report, _ = diagnosed(world, pair.host, next((item.client_ip for item in pair.faults if item.client_ip), ""))
    return PairOutcome(pair=pair, flaws=_flaws_on_one_path(pair, report))


def _flaws_apart(fault: Fault, report: Report, requests: int) -> tuple[str, ...]:
    """Say where a host's report differs from what its own fault alone would bring."""
    outcome = outcome_of(fault, report, requests)
    third = [name for name in outcome.named if name != fault.expect.cause] if fault.expect.status == "fail" else []
    return (*(() if outcome.right else (str(outcome),)), *(f"{fault.host}: not of this host: {name}" for name in third))


def _flaws_on_one_path(pair: Pair, report: Report) -> tuple[str, ...]:
    diagnosis = report.diagnosis
    failing = [*diagnosis.causes, *diagnosis.beside]
    named = list(dict.fromkeys(cause.check_id for cause in failing))
    warned = [cause.check_id for cause in diagnosis.warnings]
    first = next((cause for cause in failing if cause.check_id == pair.first), None)
    said = f"said {', '.join(named) or 'nothing'}"
    flaws = {
        f"{pair.first} is not first: {said}": named[:1] != [pair.first],
        f"{pair.first} does not explain {pair.symptom}": bool(pair.symptom)
        and (first is None or pair.symptom not in map(str, first.explains)),
        f"{pair.second} is swallowed: {said}": pair.second not in (*named, *warned),
        f"a third cause: {said}": not {*named} <= {pair.first, pair.second},
        f"not seen: {pair.symptom}": bool(pair.symptom) and pair.symptom not in map(str, diagnosis.symptoms),
        f"unexplained: {', '.join(diagnosis.unexplained)}": bool(diagnosis.unexplained),
        "a check failed itself": any(result.error for step in report.steps for result in step.results),
    }
    return tuple(flaw for flaw, applies in flaws.items() if applies)
