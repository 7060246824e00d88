"""What leads visitors past a load balancer: a tunnel, the nodes' own addresses, or those of a LAN."""

from __future__ import annotations

import msgspec

__all__ = ["Bypass"]


class Bypass(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a tunnel is known to lead to the name, whether its record leads to nodes themselves, or into the LAN."""

    tunnel: bool = False
    nodes: bool = False
    lan: bool = False
