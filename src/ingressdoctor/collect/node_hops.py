"""Ask each node that the record leads to, where no load balancer stands before them.

Two requests to every address, side by side, at most eight addresses; nothing is followed and any certificate accepted.
What a dead one means is for ``node_states`` and the checks. Source: Cloudflare's round robin over several A records.
"""

from __future__ import annotations

import asyncio
from typing import Final

from msgspec.structs import replace

from ingressdoctor.collect.online import offline_reason
from ingressdoctor.collect.reach import not_connected, send
from ingressdoctor.collect.upgrade import upgrade_headers
from ingressdoctor.evidence.net import HttpExchange, HttpRequest
from ingressdoctor.evidence.node_hops import NodeHop, NodeHops, NodeLead, NodeOwner
from ingressdoctor.evidence.outside import Online
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.target import Target
from ingressdoctor.sources.base import Net

__all__ = ["collect_node_hops"]

_WANTED: Final = "what the nodes answer"
_ANSWER_S: Final = 8.0
_PORTS: Final = {"http": 80, "https": 443}


@collector(wanted=_WANTED, timeout_s=20.0)
async def collect_node_hops(
    target: Target, lead: NodeLead, online: Online | Unavailable, net: Net
) -> NodeHops | Unavailable:
    """Send the target's request to every address."""
    hops = tuple(await asyncio.gather(*(_asked(target, net, owner) for owner in lead.owners)))
    if (offline := offline_reason(online)) and not any(hop.plain.status or hop.secure.status for hop in hops):
        return Unavailable(wanted=_WANTED, reason=offline, enable_with="Connect this machine to the internet.")
    return NodeHops(hops=hops, lead=lead)


async def _asked(target: Target, net: Net, owner: NodeOwner) -> NodeHop:
    plain, secure = await asyncio.gather(*(_answer(target, net, owner.address, scheme) for scheme in ("http", "https")))
    return NodeHop(address=owner.address, plain=plain, secure=secure, node=owner.node, server=owner.server)


async def _answer(target: Target, net: Net, address: str, scheme: str) -> HttpExchange:
    """Send the target's request to one address; its own port goes with its own scheme."""
    side = target if target.scheme == scheme else replace(target, scheme=scheme, port=_PORTS[scheme])
    request = HttpRequest(
        url=side.url, address=address, headers=upgrade_headers(target), verify=False, timeout_s=_ANSWER_S
    )
    came = await send(net, request)
    return came if isinstance(came, HttpExchange) else not_connected(request, came)
