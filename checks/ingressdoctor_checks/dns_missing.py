"""Which record to create for a name that has none: one like its neighbours', and every choice where those tell nothing.

Holds no check. Source: Cloudflare's documentation of DNS records for tunnels; a private address is never proxied.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ingressdoctor.api import (
    LoadBalancer,
    NearNames,
    RecordGoal,
    TunnelRoute,
    Unavailable,
    ZoneRecord,
    clean,
    is_private,
)

__all__ = ["choices", "in_the_lan", "like_neighbours"]

_TUNNEL: Final = ".cfargotunnel.com"
_MOST_NAMES: Final = 3
# Of the names beside it, so many lead the same way that one more would.
_MAJORITY: Final = 2 / 3


def in_the_lan(goal: RecordGoal | Unavailable, near: NearNames | Unavailable) -> str:
    """Say which record leads visitors of the LAN to the Ingress of the name; nothing where it is not one of the LAN.

    Names beside it may be reached from outside all the same, through a tunnel: then that way is told too.
    """
    if isinstance(goal, Unavailable) or not goal.address:
        return ""
    whose = f" ({goal.owner})" if goal.owner else ""
    ways = _ways(() if isinstance(near, Unavailable) else near.beside)
    tunnel, names = next(((way[1], names) for way, names in ways.items() if way[0] == "tunnel"), ("", ()))
    other = (
        f"to be reached from outside as {_some(names)}, it needs a proxied CNAME to {tunnel}{_TUNNEL} and a rule of "
        "that tunnel"
        if tunnel
        else "to be reached from outside it needs a proxied CNAME to a tunnel and a rule of that tunnel"
    )
    return (
        f"Its Ingress listens at private addresses ({goal.told_by}), and no rule of a tunnel is known that names it: "
        f"create an A record to {goal.address}{whose}, DNS only, for the LAN; {other}."
    )


def like_neighbours(
    host: str, near: NearNames | Unavailable, balancer: LoadBalancer | None, *, proxied: bool = True
) -> str:
    """Say which record the names beside *host* speak for, or that they go different ways; nothing without any.

    Args:
        host: The name that has no record.
        near: Its neighbours.
        balancer: The load balancer in front of the cluster.
        proxied: Whether the edge may carry what the target speaks; it does not carry MySQL, and no tunnel does.
    """
    ways = _ways(() if isinstance(near, Unavailable) else near.beside)
    if not ways:
        return ""
    total = len({name for names in ways.values() for name in names})
    kinds: dict[str, list[str]] = {}
    for (of_kind, _), beside in ways.items():
        kinds.setdefault(of_kind, []).extend(beside)
    kind, names = max(kinds.items(), key=lambda item: len(item[1]))
    if kind == "tunnel" and not proxied:
        return ""
    goals = sorted((way for way in ways if way[0] == kind), key=lambda way: -len(ways[way]))
    if len(names) < total * _MAJORITY:
        told = "; ".join(f"{_some(ways[way])} to {_place(way, balancer)}" for way in sorted(ways))
        return f"The names beside it go different ways ({told}): create the record of the way that {host} shall take."
    goal = goals[0]
    # Of names with several addresses, one more would have all of them.
    same = sorted(way[1] for way in goals if set(ways[way]) == set(ways[goal]))
    if len(same) > 1:
        alike = f"A records to all of them, {'proxied' if proxied and kind == 'public' else 'DNS only'}"
        return f"The names beside it ({_some(ways[goal])}) lead to {_some(tuple(same))}: create {alike}."
    record = {
        "tunnel": f"a proxied CNAME to {goal[1]}{_TUNNEL}, and list {host} in the rules of that tunnel (for a name of "
        "the LAN an A record to the private address, DNS only)",
        "lan": f"an A record to {goal[1]}, DNS only: it is an address of the LAN",
        "public": f"an A record to {_place(goal, balancer)}, {'proxied' if proxied else 'DNS only'}",
    }[kind]
    return f"The names beside it ({_some(ways[goal])}) lead to {_place(goal, balancer)}: create {record}."


def choices(
    host: str,
    zone: str,
    balancer: LoadBalancer | None,
    route: TunnelRoute | Unavailable,
    *,
    proxied: bool = True,
) -> str:
    """Say which record to create where nothing but the cluster tells where the name should lead."""
    address = f"{balancer.ipv4} (load balancer {balancer.name})" if balancer and balancer.ipv4 else ""
    if proxied and isinstance(route, TunnelRoute) and (alike := route.tenant or route.pattern):
        tunnel = route.tunnel or next((item.identity.id for item in route.workloads if item.identity.id), "<tunnel id>")
        return (
            f"Rules of cloudflared list names like it ({_some(alike)}): create a proxied CNAME to {tunnel}{_TUNNEL}, "
            f"and list {host} in the rules."
        )
    cloud = "proxied" if proxied else "DNS only, since Cloudflare does not carry MySQL"
    where = f"in the zone {zone}" if zone else "in its zone"
    tunnels = proxied and (not address or (isinstance(route, TunnelRoute) and bool(route.workloads)))
    if not tunnels:
        goal = address or "the address at which MySQL is reached"
        return f"Create an A record for {host} to {goal} {where}, {cloud}."
    return (
        f"Create the record {where} that suits its way: for a tunnel a proxied CNAME to <tunnel id>{_TUNNEL}, for a "
        f"load balancer or node an A record to {address or 'its public address'}, {cloud}, for a name of the LAN an A "
        "record to the private address, DNS only."
    )


def _ways(records: tuple[ZoneRecord, ...]) -> Mapping[tuple[str, str], tuple[str, ...]]:
    """Return the names by where they lead: ("tunnel", id), ("lan", address) or ("public", address)."""
    found: dict[tuple[str, str], list[str]] = {}
    for item in records:
        content = item.content.lower().rstrip(".")
        if item.type == "CNAME" and content.endswith(_TUNNEL):
            way = ("tunnel", clean(content.removesuffix(_TUNNEL), 100))
        elif item.type == "A":
            way = ("lan" if is_private(content) else "public", clean(content, 60))
        else:
            continue
        found.setdefault(way, []).append(item.name)
    return {way: tuple(dict.fromkeys(names)) for way, names in found.items()}


def _some(names: tuple[str, ...]) -> str:
    more = ", ..." if len(names) > _MOST_NAMES else ""
    return clean(", ".join(names[:_MOST_NAMES]), 200) + more


def _place(way: tuple[str, str], balancer: LoadBalancer | None) -> str:
    kind, goal = way
    if kind == "tunnel":
        return f"the tunnel {goal}"
    if kind == "lan":
        return f"{goal} in the LAN"
    return f"{goal} (load balancer {balancer.name})" if balancer is not None and goal == balancer.ipv4 else goal
