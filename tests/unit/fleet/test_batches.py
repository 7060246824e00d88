"""Batches of targets: handed out, given back, and split until the one that kills is alone."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import pytest

from build.sweep import outcome
from ingressdoctor.fleet.batches import Batch, Batches, Ledger
from ingressdoctor.model.sweep import SweepTarget
from ingressdoctor.model.target import Target


def targets(count: int) -> tuple[SweepTarget, ...]:
    hosts = [f"s{number}.example.org" for number in range(count)]
    return tuple(SweepTarget(name=host, target=Target.parse(host)) for host in hosts)


def sizes(batches: Batches) -> list[int]:
    found = []
    while (batch := batches.take()) is not None:
        found.append(len(batch.targets))
    return found


@pytest.mark.parametrize(
    ("count", "workers", "at_once", "wanted"),
    [
        pytest.param(0, 2, 64, [], id="no-targets"),
        pytest.param(1, 4, 64, [1], id="one-target"),
        pytest.param(10, 2, 64, [5, 5], id="few-targets-go-to-all-workers"),
        pytest.param(100, 2, 8, [8] * 12 + [4], id="no-smaller-than-what-is-under-way"),
        pytest.param(160, 2, 1, [10] * 16, id="several-rounds"),
        pytest.param(9000, 1, 64, [500] * 18, id="no-larger-than-500"),
        pytest.param(9000, 1, 3000, [3000] * 3, id="unless-more-are-under-way"),
    ],
)
def test_sizes(count: int, workers: int, at_once: int, wanted: list[int]) -> None:
    assert sizes(Batches(targets(count), workers, at_once)) == wanted


def test_every_target_is_handed_out_once() -> None:
    batches, found = Batches(targets(77), 3, 4), list[SweepTarget]()
    waiting = len(batches)
    while (batch := batches.take()) is not None:
        found += batch.targets
        waiting -= 1
        assert len(batches) == waiting

    assert found == list(targets(77))


def test_targets_are_made_when_their_batch_is_handed_out() -> None:
    made: list[str] = []

    class Lazy(Collection[SweepTarget]):
        def __len__(self) -> int:
            return 1_000

        def __iter__(self) -> Iterator[SweepTarget]:
            for item in targets(1_000):
                made.append(item.name)
                yield item

        def __contains__(self, item: object) -> bool:
            return item in targets(1_000)

    batches = Batches(Lazy(), 1, 64)
    assert (len(batches), made) == (8, [])
    batches.take()
    assert (len(batches), len(made)) == (7, 125)


def test_a_batch_is_tried_again_whole_and_then_in_halves() -> None:
    batches = Batches(targets(5), 1, 5)
    first = batches.take()
    assert first is not None

    assert batches.give_back(first) == ()
    again = batches.take()
    assert again == Batch(targets=first.targets, tries=1)
    assert batches.give_back(again) == ()
    assert sizes(batches) == [2, 3]


def test_nothing_left_is_nothing_to_try() -> None:
    batches = Batches((), 1)

    assert batches.give_back(Batch(targets=(), tries=1)) == ()
    assert batches.take() is None


@pytest.mark.parametrize("count", [1, 2, 7, 64, 500])
@pytest.mark.parametrize("place", [0.0, 0.5, 0.99])
def test_one_that_kills_its_workers_is_found(count: int, place: float) -> None:
    all_of_them = targets(count)
    killer = all_of_them[int(place * count)]
    batches, judged, given_up, deaths = Batches(all_of_them, 2, 500), list[SweepTarget](), list[SweepTarget](), 0
    while (batch := batches.take()) is not None:
        if killer in batch.targets:
            deaths += 1
            given_up += batches.give_back(batch)
        else:
            judged += batch.targets

    assert given_up == [killer]
    assert sorted(item.name for item in judged) == sorted(item.name for item in all_of_them if item != killer)
    assert deaths <= 11


def test_an_outcome_counts_once_and_only_if_it_was_asked_for() -> None:
    batch = Batch(targets=targets(3), tries=1)
    ledger = Ledger(batch)

    assert ledger.accept(outcome("s1.example.org"))
    assert not ledger.accept(outcome("s1.example.org"))
    assert not ledger.accept(outcome("another.example.org"))
    assert ledger.rest == Batch(targets=(batch.targets[0], batch.targets[2]), tries=1)
