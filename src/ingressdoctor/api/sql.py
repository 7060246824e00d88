"""The evidence about raw TCP and SQL that checks may ask for; listed apart because it is long, nothing else.

Ask for these types through ``ingressdoctor.api``.
"""

from __future__ import annotations

from ingressdoctor.evidence.sql_hops import HopPlace, SqlHop, SqlHops
from ingressdoctor.evidence.tcp_route import (
    AllowList,
    Ending,
    RouteEater,
    SeenAddress,
    SeenAs,
    TcpEnd,
    TcpEntry,
    TcpRoute,
    WrittenRoute,
    WrittenService,
)

__all__ = [
    "AllowList",
    "Ending",
    "HopPlace",
    "RouteEater",
    "SeenAddress",
    "SeenAs",
    "SqlHop",
    "SqlHops",
    "TcpEnd",
    "TcpEntry",
    "TcpRoute",
    "WrittenRoute",
    "WrittenService",
]
