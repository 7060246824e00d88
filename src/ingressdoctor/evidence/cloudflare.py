"""What the Cloudflare API says about the target's zone."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import msgspec

from ingressdoctor.model.evidence import Unavailable

__all__ = ["NearNames", "ZoneFacts", "ZoneRecord"]


class ZoneRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One record at Cloudflare: name, type, content, and whether it is orange-clouded."""

    name: str
    type: str
    content: str
    proxied: bool
    ttl: int = 1
    modified_on: str = ""


class ZoneFacts(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """The zone that holds the target, its records for the target's name, and its settings.

    ``records`` are those of the exact name, else of the wildcard above it (``wildcard`` True); ``origin_addresses``
    are where they lead, CNAMEs followed; ``settings`` maps setting ids (``ssl``,
    ``always_use_https`` ...) to values, or is Unavailable when the token may not read them. ``chain`` are the CNAME
    targets followed; ``resolved_by_dns`` tells that the chain left the account and DNS answered for its end.
    ``account_id`` is the account that owns the zone, empty when the API does not tell. ``wildcards`` are records of the
    wildcards above the name, also where it has records of its own.
    """

    id: str
    name: str
    status: str
    paused: bool
    name_servers: tuple[str, ...]
    records: tuple[ZoneRecord, ...]
    wildcard: bool
    origin_addresses: tuple[str, ...]
    settings: Mapping[str, str] | Unavailable
    chain: tuple[str, ...] = ()
    resolved_by_dns: bool = False
    account_id: str = ""
    wildcards: tuple[ZoneRecord, ...] = ()

    @cached_property
    def proxied(self) -> bool:
        """Whether the edge answers for the name: one proxied A, AAAA or CNAME makes all of them so."""
        return any(record.proxied for record in self.records)

    @cached_property
    def tunnel(self) -> str:
        """The id of the tunnel that the name leads to, or the empty string."""
        ends = (name for name in self.chain if name.endswith(".cfargotunnel.com"))
        return next((name.removesuffix(".cfargotunnel.com") for name in ends), "")

    def setting(self, name: str) -> str:
        """Return one setting's value, or the empty string when it is not known."""
        return "" if isinstance(self.settings, Unavailable) else self.settings.get(name, "")


class NearNames(msgspec.Struct, frozen=True, kw_only=True):
    """Names of the zone that the target's may have meant, the nearest first; none where it exists.

    ``beside`` are the records of its neighbours, CNAMEs to names of the zone followed: of names in the same domain, or
    of the closest one above it that has any.
    """

    names: tuple[str, ...] = ()
    beside: tuple[ZoneRecord, ...] = ()
