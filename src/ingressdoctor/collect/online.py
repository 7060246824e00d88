"""Whether this machine reaches anything at all, asked before anyone else is blamed.

Looks at the anchors only, never at the target. Without anchors there is no proof either way.
"""

from __future__ import annotations

import asyncio
from typing import Final

from ingressdoctor.evidence.net import Reach, TcpAttempt
from ingressdoctor.evidence.outside import Online
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.sources.base import Net

__all__ = ["collect_online", "offline_reason", "split_host_port"]

_TIMEOUT_S: Final = 2.0


@collector(wanted="whether this machine is online", timeout_s=_TIMEOUT_S + 3.0)
async def collect_online(net: Net) -> Online | Unavailable:
    """Connect to all anchors at once; the first that answers proves that we are online."""
    anchors = tuple(place for anchor in net.anchors if (place := split_host_port(anchor)) is not None)
    if not anchors:
        return Unavailable(
            wanted="whether this machine is online",
            reason="no address to probe is configured",
            enable_with="Set probe under [online] to host:port addresses that always answer.",
        )
    attempts: list[TcpAttempt] = []
    tasks = [asyncio.create_task(net.tcp(host, port, timeout_s=_TIMEOUT_S)) for host, port in anchors]
    try:
        for done in asyncio.as_completed(tasks):
            attempts.append(await done)
            if attempts[-1].reach is Reach.OK:
                return Online(online=True, attempts=tuple(attempts))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return Online(online=False, attempts=tuple(attempts))


def offline_reason(online: Online | Unavailable) -> str:
    """Return the reason for not judging anything outside, or "" when we are online or cannot tell."""
    if isinstance(online, Unavailable) or online.online:
        return ""
    return "this machine is offline: none of the addresses that always answer could be reached"


def split_host_port(text: str) -> tuple[str, int] | None:
    """Split ``host:port``; an IPv6 address stands in brackets. None when it is neither."""
    host, separator, port = text.strip().rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not (separator and host and port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65_536):
        return None
    return host, int(port)
