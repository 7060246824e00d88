"""Which account a login uses, by the rules of MariaDB and MaxScale: name first, then the most specific host.

``%`` stands for any characters and ``_`` for one; ``address/netmask`` compares bits, with a netmask written out: the
short form (``/24``) is no netmask there and matches nothing. A host that is a name matches only by reverse DNS.

Source: MariaDB documentation (Create User, Host Name Component), MaxScale user_data.cc.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from enum import StrEnum
from typing import Final

import msgspec

from ingressdoctor.evidence.maxscale import MaxScaleAccount

__all__ = ["AccountMatch", "HostFit", "fit_of", "match_account"]

_WILDCARDS: Final = "%_"


class HostFit(StrEnum):
    """Whether an account's host admits an address."""

    YES = "matches"
    NO = "does not match"
    BY_NAME = "is a name: it matches only where reverse DNS says so"
    SHORT_MASK = "has a netmask in the short form, which matches nothing"


class AccountMatch(msgspec.Struct, frozen=True, kw_only=True):
    """The account that a login uses, None when none admits it.

    ``of_user`` are all accounts of that name, ``by_name`` those whose host is a name, so that reverse DNS would decide.
    ``anonymous`` tells that the account is the one without a name.
    """

    account: MaxScaleAccount | None = None
    of_user: tuple[MaxScaleAccount, ...] = ()
    by_name: tuple[MaxScaleAccount, ...] = ()
    anonymous: bool = False


def match_account(user: str, address: str, accounts: Sequence[MaxScaleAccount]) -> AccountMatch:
    """Choose the account for *user* who comes from *address*."""
    named = sorted((item for item in accounts if item.user == user), key=_rank)
    nameless = sorted((item for item in accounts if not item.user), key=_rank) if user else []
    chosen = next((item for item in (*named, *nameless) if fit_of(item.host, address) is HostFit.YES), None)
    return AccountMatch(
        account=chosen,
        of_user=tuple(named),
        by_name=tuple(item for item in named if fit_of(item.host, address) is HostFit.BY_NAME),
        anonymous=chosen is not None and not chosen.user and bool(user),
    )


def fit_of(pattern: str, address: str) -> HostFit:
    """Tell whether the host part of an account admits an address."""
    plain = _plain(address)
    if pattern in ("", "%"):
        return HostFit.YES
    if "/" in pattern:
        return _masked(pattern, plain)
    if ":" not in pattern and any(sign.isalpha() for sign in pattern):
        return HostFit.BY_NAME
    if any(sign in pattern for sign in _WILDCARDS):
        return HostFit.YES if _like(pattern.lower(), plain) else HostFit.NO
    return HostFit.YES if _plain(pattern) == plain else HostFit.NO


def _rank(account: MaxScaleAccount) -> tuple[bool, int, str]:
    """Sort the most specific host first: without wildcards, else by how late the first one comes."""
    places = [place for sign in _WILDCARDS if (place := account.host.find(sign)) >= 0]
    return bool(places) or not account.host, -min(places, default=0), account.host


def _masked(pattern: str, address: str) -> HostFit:
    base, _, mask = pattern.partition("/")
    try:
        network, bits = ipaddress.IPv4Address(base), ipaddress.IPv4Address(mask)
        client = ipaddress.IPv4Address(address)
    except ValueError:
        return HostFit.SHORT_MASK if mask.isascii() and mask.isdigit() else HostFit.NO
    return HostFit.YES if int(client) & int(bits) == int(network) else HostFit.NO


def _like(pattern: str, text: str) -> bool:
    """Match as SQL's LIKE does, without a regular expression: patterns are other people's."""
    reached = {0}
    for sign in pattern[:256]:
        if sign == "%":
            reached = set(range(min(reached, default=len(text) + 1), len(text) + 1))
        else:
            reached = {at + 1 for at in reached if at < len(text) and sign in ("_", text[at])}
    return len(text) in reached


def _plain(address: str) -> str:
    """Return an address in its usual form; IPv4 within IPv6 as IPv4. What is none stays as it is."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address.lower()
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return str(mapped or found)
