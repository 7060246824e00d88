"""What missing evidence costs: the checks that need it, directly or through other evidence. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from ingressdoctor.engine.catalog import Catalog
from ingressdoctor.model.check import Check

__all__ = ["checks_without", "cost_of"]


def cost_of(catalog: Catalog, lost: Iterable[type]) -> tuple[str, ...]:
    """Say per step how many checks see less without *lost*, as ``Is the backend healthy? (10 of 12 checks)``."""
    blind = {item.id for item in checks_without(catalog, lost)}
    lines: list[str] = []
    for walk in catalog.walks:
        checks = catalog.checks_of(walk)
        for step in walk.steps:
            mine = [item for item in checks if item.step == step.id]
            gone = [item for item in mine if item.id in blind]
            if gone:
                lines.append(f"{step.question} ({len(gone)} of {len(mine)} checks)")
    return tuple(dict.fromkeys(lines))


def checks_without(catalog: Catalog, lost: Iterable[type]) -> tuple[Check, ...]:
    """Return the checks that see less when *lost* is gone.

    Evidence that tolerates a gap is still collected; a check that tolerates one still judges, but on less.
    """
    gone = set(lost)
    grown = True
    while grown:
        grown = False
        for provides, item in catalog.collectors.items():
            if provides not in gone and any(need.wanted in gone and not need.tolerant for need in item.needs):
                gone.add(provides)
                grown = True
    return tuple(item for item in catalog.checks if any(need.wanted in gone for need in item.needs))
