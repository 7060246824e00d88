"""How hostnames of one pattern relate: which look like a slip of another, which belong to the same tenant. Pure.

Management names are built from parts, as ``maxscale-wecare-ecnv4-mgmt.example.org``: what is shared at the end, by
dashes or by the domain, is the pattern; what is left names application and tenant, in either order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher

import msgspec

__all__ = ["Kin", "kin_of"]

_NEAR = 0.72
_MOST = 2_000
_SHOWN = 5
_LEAST_LABELS = 3


class Kin(msgspec.Struct, frozen=True, kw_only=True):
    """The hostnames that are related to one: ``pattern`` of the same build, ``near`` and ``tenant`` among them."""

    pattern: tuple[str, ...] = ()
    near: tuple[str, ...] = ()
    tenant: tuple[str, ...] = ()


def kin_of(host: str, names: Iterable[str]) -> Kin:
    """Compare a hostname with those of the rules, itself and wildcards left out."""
    others = tuple(dict.fromkeys(name.lower() for name in names if not name.startswith("*") and name.lower() != host))[
        :_MOST
    ]
    pattern = tuple(name for name in others if _same_build(host, name))
    return Kin(pattern=pattern, near=_near(host, pattern or _siblings(host, others)), tenant=_tenant(host, pattern))


def _split(host: str) -> tuple[list[str], str]:
    first, _, parent = host.partition(".")
    return first.split("-"), parent


def _shared_end(one: Sequence[str], other: Sequence[str]) -> int:
    """Return how many parts two names share at their ends."""
    count = 0
    for left, right in zip(reversed(one), reversed(other), strict=False):
        if left != right:
            break
        count += 1
    return count


def _same_build(host: str, name: str) -> bool:
    mine, parent = _split(host)
    theirs, other = _split(name)
    if parent != other or not parent:
        return False
    shared = _shared_end(mine, theirs)
    if 0 < shared < len(mine) and shared < len(theirs):
        return True
    # Below a domain of its own, as grafana.mgmt.example.org, the domain is the pattern.
    return parent.count(".") + 1 >= _LEAST_LABELS


def _siblings(host: str, names: Sequence[str]) -> tuple[str, ...]:
    parent = _split(host)[1]
    return tuple(name for name in names if _split(name)[1] == parent)


def _near(host: str, names: Sequence[str]) -> tuple[str, ...]:
    """Return the names with the same parts in another order, then those that differ by a slip of the pen."""
    mine, _ = _split(host)
    swapped = [name for name in names if sorted(_split(name)[0]) == sorted(mine)]
    scored = sorted(((_likeness(mine, _split(name)[0]), name) for name in names), reverse=True)
    return tuple(dict.fromkeys((*swapped, *(name for score, name in scored if score >= _NEAR))))[:_SHOWN]


def _likeness(mine: Sequence[str], theirs: Sequence[str]) -> float:
    """Compare what two names do not share at the end."""
    shared = min(_shared_end(mine, theirs), len(mine) - 1, len(theirs) - 1)
    left = "-".join(mine[: len(mine) - shared]), "-".join(theirs[: len(theirs) - shared])
    return SequenceMatcher(None, *left).ratio()


def _tenant(host: str, pattern: Sequence[str]) -> tuple[str, ...]:
    """Return the names that share a part with the host which names the tenant: one that several names have."""
    mine, _ = _split(host)
    parts = [_split(name)[0] for name in pattern]
    # What the whole pattern has in common says nothing about the tenant.
    end = min((_shared_end(mine, item) for item in parts), default=0)
    own = set(mine[: len(mine) - end])
    rest = [set(item[: len(item) - end]) for item in parts]
    return tuple(name for name, item in zip(pattern, rest, strict=True) if item & own)
