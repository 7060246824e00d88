"""Compare Traefik versions. An unknown version counts as the newest one that the model was checked against."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

import msgspec

__all__ = ["CHECKED", "NEWEST", "Version"]

_VERSION: Final = re.compile(r"v?(\d{1,3})\.(\d{1,3})(?:\.(\d{1,4}))?")
NEWEST: Final = (3, 7, 9)
CHECKED: Final = "2.10, 2.11 and 3.0 to 3.7"


class Version(msgspec.Struct, frozen=True):
    """A version as three numbers; ``known`` is False when the image tag gave none (then the newest is assumed)."""

    numbers: tuple[int, int, int] = NEWEST
    known: bool = False

    @classmethod
    def parse(cls, text: str) -> Version:
        """Read an image tag such as ``v3.7.9``, ``3.6`` or ``2.11.2-debian``; a missing patch is the newest one."""
        return _parsed(text)

    @property
    def major(self) -> int:
        """2 or 3."""
        return self.numbers[0]

    @property
    def untested(self) -> bool:
        """Whether the model was not checked against this line: older than the oldest, or newer than the newest."""
        return self.known and not (2, 10) <= self.numbers[:2] <= NEWEST[:2]

    def since(self, *releases: tuple[int, int, int]) -> bool:
        """Tell whether a change made in these releases (one per maintained line) is in this version."""
        numbers = self.numbers
        if numbers >= max(releases):
            return True
        return any(numbers[:2] == release[:2] and numbers >= release for release in releases)

    def __str__(self) -> str:
        text = ".".join(str(number) for number in self.numbers if number != 999)
        return text if self.known else f"unknown (judged as {text})"


# A sweep asks with every target.
@lru_cache(maxsize=64)
def _parsed(text: str) -> Version:
    match = _VERSION.match(text.strip())
    if match is None:
        return Version()
    major, minor, patch = match.groups()
    return Version((int(major), int(minor), int(patch) if patch is not None else 999), known=True)
