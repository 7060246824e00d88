"""Pairs: two of a world's faults at once, and the two causes that a diagnosis must keep apart.

Data, in ``pairs.yaml`` of each world; docs/lab.md describes it. Pure but for reading that file.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ingressdoctor.errors import LabError
from ingressdoctor.lab.faults import Fault, apply_fault, load_faults
from ingressdoctor.lab.world import World, load_world, read_yaml, world_folder

_KEYS = frozenset({"faults", "host", "first", "second", "symptom", "apart"})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two faults of one world, in the order in which they are done.

    On one path, *first* is the cause of what a visitor of *host* sees (*symptom*), and *second* is named beside it.
    With *apart*, each fault lies on the path of its own host, which must tell of that one alone.
    """

    world: str
    faults: tuple[Fault, Fault]
    host: str
    first: str = ""
    second: str = ""
    symptom: str = ""
    apart: bool = False

    @property
    def name(self) -> str:
        """The names of both faults."""
        return "+".join(fault.name for fault in self.faults)


def load_pairs(world_name: str) -> tuple[Pair, ...]:
    """Every pair of a shipped world, in the order of its file; LabError names the entry that is none."""
    path = world_folder(world_name) / "pairs.yaml"
    entries: list[Any] = next(iter(read_yaml(path, datetime.now(UTC))), []) if path.exists() else []
    known = {fault.name: fault for fault in load_faults(world_name)}
    return tuple(pair_of(world_name, entry, known) for entry in entries)


def with_both(pair: Pair) -> World:
    """The world with both faults done; LabError when the second finds nothing left to change."""
    world = load_world(pair.world)
    for fault in pair.faults:
        world = apply_fault(world, fault)
    return world


def pair_of(world: str, entry: Mapping[str, Any], known: Mapping[str, Fault]) -> Pair:
    """Check one entry of a file; LabError says what is wrong with it."""
    names = [str(name) for name in entry.get("faults") or ()]
    unknown = [*sorted(set(entry) - _KEYS), *(name for name in names if name not in known)]
    whole = entry.get("apart") is True or (entry.get("first") and entry.get("second"))
    if len(names) != 2 or unknown or not whole:
        raise LabError(
            f"{world}/pairs.yaml, {'+'.join(names)}: needs two faults, and first and second or apart: true; "
            f"unknown: {', '.join(unknown) or 'none'}"
        )
    one, other = (known[name] for name in names)
    return Pair(
        world=world,
        faults=(one, other),
        host=str(entry.get("host") or one.host),
        first=str(entry.get("first") or ""),
        second=str(entry.get("second") or ""),
        symptom=str(entry.get("symptom") or ""),
        apart=entry.get("apart") is True,
    )
