"""Print the accuracy table: how often the root cause comes first, pairs of them stay apart, and each miss by name.

Run it as ``make accuracy``. The same scenarios are a test each, so a miss also fails ``make test``.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor

from rich.console import Console
from rich.table import Table

from doubles import PairOutcome, pairs, run_pair
from scenarios import Outcome, run_scenario, scenarios


def main() -> int:
    """Run everything, print the table, and return 1 when anything was missed."""
    words = sys.argv[1:] or [""]
    chosen = [item for item in scenarios() if any(word in item.name for word in words)]
    doubled = [item for item in pairs() if any(word in item.name for word in words)]
    with ProcessPoolExecutor(max_workers=2) as pool:
        outcomes, doubles = list(pool.map(run_scenario, chosen)), list(pool.map(run_pair, doubled))
    console = Console(width=110)
    console.print(_table(outcomes, doubles))
    every: tuple[Outcome | PairOutcome, ...] = (*outcomes, *doubles)
    misses = [str(item) for item in every if not item.right]
    for miss in misses:
        console.print(f"missed: {miss}", markup=False, soft_wrap=True)
    return 1 if misses else 0


def _table(outcomes: list[Outcome], doubles: list[PairOutcome]) -> Table:
    worlds: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        worlds[outcome.scenario.world].append(outcome)
    table = Table(
        "world", "scenarios", "cause first", "cause in first three", "symptom", "pairs", "false alarms", "requests"
    )
    for world, mine in sorted(worlds.items()):
        both = [item for item in doubles if item.pair.world == world]
        broken = [item for item in mine if item.scenario.expect.cause is not None]
        table.add_row(
            world,
            str(len(mine)),
            f"{sum(item.first for item in broken)} of {len(broken)}",
            f"{sum(item.in_three for item in broken)} of {len(broken)}",
            f"{sum(item.symptom for item in mine)} of {len(mine)}",
            f"{sum(item.right for item in both)} of {len(both)}",
            f"{sum(item.false_alarm for item in mine)}",
            f"≤ {max(item.kube_requests for item in mine)}",
        )
    return table


if __name__ == "__main__":
    sys.exit(main())
