"""Batches of targets: handed out, given back when their worker died, and split until the one that kills is alone.

Pure bookkeeping; knows no process and no cluster.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from itertools import islice
from typing import Final

import msgspec

from ingressdoctor.model.sweep import Outcome, SweepTarget

__all__ = ["Batch", "Batches", "Ledger"]

_MOST: Final = 500
_ROUNDS: Final = 8
_TRIES: Final = 2


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Targets for one worker; ``tries`` is how many workers it has cost."""

    targets: tuple[SweepTarget, ...]
    tries: int = 0


class Ledger:
    """What is still to come of one batch. Whatever a worker says, each target that was asked about counts once."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._left = {item.name: item for item in batch.targets}

    def accept(self, outcome: Outcome) -> bool:
        """Tell whether an outcome is one that was asked for, and not here yet."""
        return self._left.pop(outcome.name, None) is not None

    @property
    def rest(self) -> Batch:
        """The targets that have no outcome yet."""
        return Batch(targets=tuple(self._left.values()), tries=self._batch.tries)


class Batches:
    """What is still to be judged. Several rounds a worker, so that a slow batch at the end keeps nobody waiting.

    A batch is no smaller than what a worker has under way at a time: the slowest of a batch would keep it idle. It is
    made when its turn comes.
    """

    def __init__(self, targets: Collection[SweepTarget], workers: int, at_once: int = 1) -> None:
        share = -(-len(targets) // workers)
        self._size = max(1, min(max(_MOST, at_once), max(-(-share // _ROUNDS), min(at_once, share))))
        self._fresh = iter(targets)
        self._to_come = -(-len(targets) // self._size)
        self._waiting: deque[Batch] = deque()

    def __len__(self) -> int:
        """How many batches wait."""
        return self._to_come + len(self._waiting)

    def take(self) -> Batch | None:
        """Return the next batch, None when there is no more."""
        if self._to_come:
            self._to_come -= 1
            return Batch(targets=tuple(islice(self._fresh, self._size)))
        return self._waiting.popleft() if self._waiting else None

    def give_back(self, rest: Batch) -> tuple[SweepTarget, ...]:
        """Take back what a worker that died, or that sent nonsense, has left of a batch.

        Returns:
            Targets that are not tried again: alone in their batch, they have cost more than one worker.
        """
        left, tries = rest.targets, rest.tries + 1
        if not left:
            return ()
        if tries < _TRIES:
            self._waiting.append(Batch(targets=left, tries=tries))
            return ()
        if len(left) == 1:
            return left
        # One of them may be what kills: halves find it, and the others get their outcome.
        middle = len(left) // 2
        self._waiting.append(Batch(targets=left[:middle], tries=tries - 1))
        self._waiting.append(Batch(targets=left[middle:], tries=tries - 1))
        return ()
