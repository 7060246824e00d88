"""Batches of targets: handed out, given back when their worker died, and split until the one that kills is alone.

Pure bookkeeping; knows no process and no cluster.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

import msgspec

from ingressdoctor.model.sweep import SweepTarget

__all__ = ["Batch", "Batches"]

_MOST: Final = 500
_ROUNDS: Final = 8
_TRIES: Final = 2


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Targets for one worker; ``tries`` is how many workers it has cost."""

    targets: tuple[SweepTarget, ...]
    tries: int = 0


class Batches:
    """What is still to be judged. Several rounds a worker, so that a slow batch at the end keeps nobody waiting."""

    def __init__(self, targets: Sequence[SweepTarget], workers: int) -> None:
        size = max(1, min(_MOST, -(-len(targets) // (workers * _ROUNDS))))
        self._waiting = deque(
            Batch(targets=tuple(targets[start : start + size])) for start in range(0, len(targets), size)
        )

    def __len__(self) -> int:
        """How many batches wait."""
        return len(self._waiting)

    def take(self) -> Batch | None:
        """Return the next batch, None when there is no more."""
        return self._waiting.popleft() if self._waiting else None

    def give_back(self, batch: Batch, seen: frozenset[str] | set[str] = frozenset()) -> tuple[SweepTarget, ...]:
        """Take back a batch whose worker died; targets *seen* have their outcome.

        Returns:
            Targets that are not tried again: alone in their batch, they have cost more than one worker.
        """
        left = tuple(item for item in batch.targets if item.name not in seen)
        tries = batch.tries + 1
        if tries < _TRIES:
            self._waiting.append(Batch(targets=left, tries=tries))
            return ()
        if len(left) <= 1:
            return left
        # One of them may be what kills: halves find it, and the others get their outcome.
        middle = len(left) // 2
        self._waiting.append(Batch(targets=left[:middle], tries=tries - 1))
        self._waiting.append(Batch(targets=left[middle:], tries=tries - 1))
        return ()
