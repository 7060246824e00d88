"""Print the accuracy table: how often the root cause comes first, per world, and each miss by name.

Run it as ``make accuracy``. The same scenarios are a test each, so a miss also fails ``make test``.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor

from rich.console import Console
from rich.table import Table

from scenarios import Outcome, run_scenario, scenarios


def main() -> int:
    """Run everything, print the table, and return 1 when anything was missed."""
    chosen = [item for item in scenarios() if not sys.argv[1:] or any(word in item.name for word in sys.argv[1:])]
    with ProcessPoolExecutor(max_workers=2) as pool:
        outcomes = list(pool.map(run_scenario, chosen))
    worlds: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        worlds[outcome.scenario.world].append(outcome)
    table = Table("world", "scenarios", "cause first", "cause in first three", "symptom", "false alarms", "requests")
    for world, mine in sorted(worlds.items()):
        broken = [item for item in mine if item.scenario.expect.cause is not None]
        table.add_row(
            world,
            str(len(mine)),
            f"{sum(item.first for item in broken)} of {len(broken)}",
            f"{sum(item.in_three for item in broken)} of {len(broken)}",
            f"{sum(item.symptom for item in mine)} of {len(mine)}",
            f"{sum(item.false_alarm for item in mine)}",
            f"≤ {max(item.kube_requests for item in mine)}",
        )
    console = Console(width=100)
    console.print(table)
    misses = [item for item in outcomes if not item.right]
    for miss in misses:
        console.print(f"missed: {miss}", markup=False, soft_wrap=True)
    return 1 if misses else 0


if __name__ == "__main__":
    sys.exit(main())
