"""The log of one simulated container: a bounded buffer behind what the world's files say it had logged before."""

from __future__ import annotations

import collections

MAX_LINES = 2_000


class Buffer:
    """The last lines of one container."""

    def __init__(self, seed: str = "") -> None:
        """*seed* is what the container had logged before."""
        self._lines: collections.deque[str] = collections.deque(seed.splitlines(), maxlen=MAX_LINES)

    def append(self, line: str) -> None:
        """Add one line."""
        self._lines.append(line)

    def text(self) -> str:
        """Everything kept, each line ended."""
        return "".join(f"{line}\n" for line in self._lines)
