"""What was done to the load balancer, the servers and the Firewalls in the last day, by the project's actions.

One request per object, side by side, for the load balancer of the path, for at most two servers that do not run or
whose health checks fail, and for one Firewall. Actions do not say who asked for them.

Source: docs.hetzner.cloud, actions (kept for some weeks; command, status, started, finished, error).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Final

from ingressdoctor.collect.changes_day import Day, change
from ingressdoctor.collect.hetzner import api_refusal
from ingressdoctor.errors import NotAskedError, SourceError
from ingressdoctor.evidence.clock import Clock
from ingressdoctor.evidence.firewalls import HetznerFirewalls
from ingressdoctor.evidence.hetzner import LoadBalancerLookup, Server
from ingressdoctor.evidence.timelines import HetznerTimeline
from ingressdoctor.evidence.tunnel import TunnelRoute
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.needs import Seen
from ingressdoctor.model.timeline import Change
from ingressdoctor.model.untyped import as_list, as_map, as_text
from ingressdoctor.sources.base import Hetzner

__all__ = ["action_changes", "collect_hetzner_timeline", "objects_to_ask"]

_SERVERS: Final = 2
_PER_PAGE: Final = "50"


@collector(wanted="what was done in the Hetzner project", timeout_s=6.0)
async def collect_hetzner_timeline(
    hetzner: Hetzner,
    clock: Clock,
    lookup: Seen[LoadBalancerLookup],
    firewalls: Seen[HetznerFirewalls],
    tunnel: Seen[TunnelRoute],
) -> HetznerTimeline:
    """Read the actions of the objects on the path, as far as the run knows any; a tunnel passes all of them by."""
    if tunnel.value is not None and tunnel.value.by_record:
        return HetznerTimeline()
    asked = tuple(objects_to_ask(lookup.value, firewalls.value))
    found = await asyncio.gather(*(_actions(hetzner, path, ref) for path, ref in asked))
    day = Day.of(clock)
    changes: list[Change] = []
    unread: list[Unavailable] = []
    for (_, ref), value in zip(asked, found, strict=True):
        if isinstance(value, Unavailable):
            unread.append(value)
        else:
            changes += action_changes(value, ref, day)
    return HetznerTimeline(changes=tuple(changes), unread=tuple(unread[:1]))


def objects_to_ask(lookup: LoadBalancerLookup | None, firewalls: HetznerFirewalls | None) -> Iterator[tuple[str, str]]:
    """Yield path and name of what stands on the way and may have been changed."""
    servers: tuple[Server, ...] = ()
    if lookup is not None and lookup.found is not None:
        balancer = lookup.found
        yield f"/load_balancers/{balancer.id}/actions", f"Load balancer {balancer.name}"
        targets = [(lookup.server(item.server_id), item.health) for item in balancer.targets]
        servers = tuple(
            server
            for server, health in targets
            if server is not None and (server.status != "running" or "unhealthy" in health.values())
        )
        for server in servers[:_SERVERS]:
            yield f"/servers/{server.id}/actions", f"Server {server.name}"
    for item in (firewalls.items if firewalls is not None else ())[:1]:
        yield f"/firewalls/{item.id}/actions", f"Firewall {item.name}"


async def _actions(hetzner: Hetzner, path: str, ref: str) -> tuple[object, ...] | Unavailable:
    wanted = f"what was done to {ref}"
    try:
        answer = await hetzner.get(path, {"sort": "started:desc", "per_page": _PER_PAGE})
    except NotAskedError:
        return ()
    except SourceError as error:
        return Unavailable(wanted=wanted, reason=error.message, enable_with=error.hint)
    try:
        body = as_map(json.loads(answer.body))
    except (ValueError, RecursionError):
        body = {}
    if answer.status != 200 or not isinstance(body.get("actions"), list):
        return api_refusal(answer, wanted)
    return as_list(body["actions"])


def action_changes(actions: tuple[object, ...], ref: str, day: Day) -> Iterator[Change]:
    """Yield the actions of the last day on one object, those that are alike and end alike once."""
    groups: dict[tuple[str, str], list[str]] = {}
    for item in map(as_map, actions[:200]):
        at = day.at(item.get("started"))
        if not at:
            continue
        said = as_text(as_map(item.get("error")).get("message"))
        status = as_text(item.get("status"))
        ended = "" if status == "success" else ": ".join(filter(None, (status, said)))
        groups.setdefault((as_text(item.get("command")).replace("_", " ") or "action", ended), []).append(at)
    for (command, ended), times in groups.items():
        often = f"{len(times)} times" if len(times) > 1 else ""
        yield change(max(times), command, ref, detail=", ".join(filter(None, (often, ended))))
