"""At which port the target's requests arrive at the origin."""

from __future__ import annotations

import msgspec

__all__ = ["OriginPort"]


class OriginPort(msgspec.Struct, frozen=True, kw_only=True):
    """The port of the origin (load balancer, node or controller) at which the target's requests arrive.

    ``plain`` tells that the edge asks there over http for visitors of https, as SSL modes Flexible and Off have it;
    ``raw`` that no HTTP is spoken there, but a protocol in which the server speaks first. It says nothing of the
    target's name: most hosts of a sweep have the same one, and what is judged by it alone is judged once.
    """

    number: int
    plain: bool = False
    raw: bool = False

    @property
    def of_interest(self) -> tuple[int, ...]:
        """The ports to judge: this one first, and for the web its companion."""
        return (self.number,) if self.raw else tuple(dict.fromkeys((self.number, 443, 80)))
