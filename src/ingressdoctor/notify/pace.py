"""How patient the sending of notifications is. Values and the arithmetic of waiting; no clock."""

from __future__ import annotations

import random

import msgspec

__all__ = ["Pace"]


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """Attempts for one notification, and the seconds between and after them.

    ``first_s`` doubles with every attempt up to ``most_s``; ``asked_s`` bounds what a server may ask for with
    Retry-After; ``farewell_s`` is how long the end of the program waits for what is still on its way.
    """

    attempts: int = 5
    first_s: float = 0.5
    most_s: float = 30.0
    asked_s: float = 300.0
    farewell_s: float = 10.0

    def wait_s(self, attempt: int, asked: float | None) -> float:
        """Return how long to wait after attempt number *attempt* (from 1); never less than the server asked for."""
        if asked is not None:
            return min(max(asked, 0.0), self.asked_s)
        longest = min(self.first_s * 2.0 ** (attempt - 1), self.most_s)
        # Many sweeps that failed at once shall not come back at once.
        return random.SystemRandom().uniform(longest / 2, longest)
