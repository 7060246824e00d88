"""Which names were seen before, and on which line: about twenty bytes for each instead of the name itself."""

from __future__ import annotations

from array import array
from typing import Final

__all__ = ["Seen"]

_SMALLEST: Final = 1 << 10
_KEY: Final = (1 << 64) - 1


class Seen:
    """A set of names by their hashes of 64 bits.

    Two of a million names share one with a chance of one in 37 million; the second would be taken for a repetition.
    """

    def __init__(self) -> None:
        self._count = 0
        # A table with open addressing: a hash of 0 is an empty place.
        self._keys = array("Q", bytes(8 * _SMALLEST))
        self._lines = array("L", bytes(array("L").itemsize * _SMALLEST))

    def before(self, name: str, line: int) -> int:
        """Return the line on which *name* was seen before, 0 where it was not: then it is seen on *line* now."""
        key = hash(name) & _KEY or 1
        place = self._place(key)
        if self._keys[place]:
            return self._lines[place]
        self._keys[place], self._lines[place] = key, line
        self._count += 1
        if 3 * self._count > 2 * len(self._keys):
            self._grow()
        return 0

    def _place(self, key: int) -> int:
        keys, last = self._keys, len(self._keys) - 1
        place = key & last
        while keys[place] not in (0, key):
            place = (place + 1) & last
        return place

    def _grow(self) -> None:
        keys, lines = self._keys, self._lines
        self._keys = array("Q", bytes(2 * len(keys) * keys.itemsize))
        self._lines = array("L", bytes(2 * len(lines) * lines.itemsize))
        for key, line in zip(keys, lines, strict=True):
            if key:
                place = self._place(key)
                self._keys[place], self._lines[place] = key, line
