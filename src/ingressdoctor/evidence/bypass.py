"""What leads visitors past a load balancer: a tunnel, or the nodes' own addresses."""

from __future__ import annotations

import msgspec

__all__ = ["Bypass"]


class Bypass(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a tunnel is known to lead to the name, and whether its record leads to nodes themselves."""

    tunnel: bool = False
    nodes: bool = False
