"""Two faults at once: both causes are named, each as itself, and what explains the symptom comes first."""

from __future__ import annotations

import pytest

from doubles import pairs, run_pair
from ingressdoctor.errors import LabError
from ingressdoctor.lab import Pair, list_worlds, load_faults, load_pairs
from ingressdoctor.lab.pairs import pair_of


@pytest.mark.lab
@pytest.mark.parametrize("pair", pairs(), ids=lambda item: f"{item.world}-{item.name}")
def test_pair(pair: Pair) -> None:
    outcome = run_pair(pair)

    assert outcome.right, str(outcome)


@pytest.mark.parametrize("world", list_worlds())
def test_every_world_has_pairs_on_one_path_and_apart(world: str) -> None:
    found = load_pairs(world)

    assert {pair.apart for pair in found} == {False, True}
    assert len({pair.name for pair in found}) == len(found)


@pytest.mark.parametrize("pair", [item for item in pairs() if not item.apart], ids=lambda item: item.name)
def test_the_causes_of_a_pair_are_those_of_its_faults(pair: Pair) -> None:
    assert {pair.first, pair.second} == {fault.expect.cause for fault in pair.faults}


BAD = [
    pytest.param(
        {"faults": ["route-deleted", "no-such-fault"], "first": "a.b", "second": "c.d"}, "no-such-fault", id="fault"
    ),
    pytest.param({"faults": ["route-deleted"], "apart": True}, "needs two faults", id="one-fault"),
    pytest.param({"faults": ["route-deleted", "lb-deleted"], "first": "a.b"}, "first and second", id="one-cause"),
    pytest.param({"faults": ["route-deleted", "lb-deleted"], "apart": True, "why": "x"}, "unknown: why", id="key"),
]


@pytest.mark.parametrize(("entry", "says"), BAD)
def test_an_entry_that_is_no_pair_is_refused(entry: dict[str, object], says: str) -> None:
    known = {fault.name: fault for fault in load_faults("wecare")}

    with pytest.raises(LabError, match=says):
        pair_of("wecare", entry, known)
