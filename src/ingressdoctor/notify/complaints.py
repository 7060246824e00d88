"""What could not be told, and which of it is news: a receiver that is down for a day is a line, not one per sweep.

A trouble stands from its first failure until it is over. It is said when it begins, when its reason changes, and when
it is over. Every failure is kept for whoever asks, up to a hundred.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from ingressdoctor.model.text import clean

__all__ = ["Complaints"]

_MOST_KEPT: Final = 100


class Complaints:
    """The failures of all channels, a line each."""

    def __init__(self) -> None:
        self._all: deque[str] = deque(maxlen=_MOST_KEPT)
        self._news: deque[str] = deque(maxlen=_MOST_KEPT)
        self._standing: dict[str, str] = {}

    @property
    def failures(self) -> tuple[str, ...]:
        """The last hundred."""
        return tuple(self._all)

    def fail(self, line: str, *, trouble: str = "", reason: str = "") -> None:
        """Keep a failure; it is news unless the same *trouble* stands for the same *reason*."""
        told = _one_line(line)
        self._all.append(told)
        if not trouble or self._standing.get(trouble) != reason:
            self._news.append(f"Error: {told}")
        if trouble:
            self._standing[trouble] = reason

    def stands(self, trouble: str) -> str:
        """Return the reason of a trouble that is not over; empty where there is none."""
        return self._standing.get(trouble, "")

    def end(self, trouble: str, line: str = "") -> None:
        """Take a trouble for over, and say so with *line*, if there was one."""
        if self._standing.pop(trouble, "") and line:
            self.say(line)

    def say(self, line: str) -> None:
        """Say what is no failure of its own."""
        self._news.append(_one_line(line))

    def news(self) -> tuple[str, ...]:
        """Return what is to be said since this was asked last."""
        fresh = tuple(self._news)
        self._news.clear()
        return fresh


def _one_line(text: str) -> str:
    return " ".join(clean(text).split())
