"""The same greeting asked for at every hop, from the client inwards: the first two that disagree enclose the fault."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from ingressdoctor.evidence.sql import SqlGreeting, SqlSpeaker
from ingressdoctor.model.evidence import Unavailable

__all__ = ["HopPlace", "SqlHop", "SqlHops", "greets_well"]


class HopPlace(StrEnum):
    """Where the greeting was asked for."""

    NAME = "the name's address"
    BALANCER = "the load balancer"
    TRAEFIK = "Traefik"
    MAXSCALE = "MaxScale"
    MARIADB = "MariaDB"


class SqlHop(msgspec.Struct, frozen=True, kw_only=True):
    """What one hop says.

    ``target`` names it (``203.0.113.10:3306``, ``Pod traefik/traefik-1 port 3306``). ``note`` says why what it says
    there is no measure for what clients get, as behind an allow list that does not know us; empty when it is one.
    """

    place: HopPlace
    target: str
    greeting: SqlGreeting | Unavailable
    note: str = ""

    @property
    def well(self) -> bool:
        """Whether a client could log in after what was said."""
        return isinstance(self.greeting, SqlGreeting) and greets_well(self.greeting)

    @property
    def counts(self) -> bool:
        """Whether it was seen, and seen as a client would see it."""
        return isinstance(self.greeting, SqlGreeting) and not self.note


class SqlHops(msgspec.Struct, frozen=True, kw_only=True):
    """The hops from the client inwards; the first is what a client gets at the name's address."""

    hops: tuple[SqlHop, ...]

    @property
    def disagreement(self) -> tuple[SqlHop, SqlHop] | None:
        """The innermost hop that is ill before one that is well, and that one; None when no two hops disagree."""
        counted = [hop for hop in self.hops if hop.counts]
        inner = next((place for place, hop in enumerate(counted) if hop.well), None)
        return (counted[inner - 1], counted[inner]) if inner else None


def greets_well(seen: SqlGreeting) -> bool:
    """Tell whether a greeting came, no error after it, and of a server that has somebody behind it."""
    return seen.greeting is not None and seen.second is None and seen.speaker is not SqlSpeaker.MAXSCALE_ALONE
