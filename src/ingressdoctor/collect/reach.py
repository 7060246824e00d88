"""Send a request without waiting its whole time for a host that is not there.

A request has one time limit, made for slow answers. A bare connect beside it says within a few seconds that nobody
accepts connections. It begins when no answer came at once: a healthy host costs neither time nor a second connection.
"""

from __future__ import annotations

import asyncio
from typing import Final
from urllib.parse import urlsplit

from ingressdoctor.evidence.net import HttpExchange, HttpRequest, Reach, TcpAttempt
from ingressdoctor.sources.base import Net
from ingressdoctor.sources.left_out import LeftOut

__all__ = ["CONNECT_S", "not_connected", "port_of", "send"]

# Two retransmissions of a SYN fit in (after 1 s and 3 s); who has not answered by then will not.
CONNECT_S: Final = 3.5
# Most hosts have answered by then.
_HEAD_START_S: Final = 0.3
_NOT_CONNECTED: Final = frozenset({Reach.REFUSED, Reach.TIMEOUT, Reach.UNREACHABLE})


async def send(net: Net, request: HttpRequest) -> HttpExchange | TcpAttempt:
    """Return the exchange, or the failed connect when *request*'s address does not accept connections."""
    if isinstance(net, LeftOut):
        # Whoever refuses needs no tasks to do so.
        await net.http(request)
    exchange = asyncio.create_task(net.http(request))
    connect: asyncio.Task[TcpAttempt] | None = None
    try:
        await asyncio.wait({exchange}, timeout=_HEAD_START_S)
        if exchange.done() and exchange.result().reach not in _NOT_CONNECTED:
            return exchange.result()
        left = CONNECT_S - (0.0 if exchange.done() else _HEAD_START_S)
        connect = asyncio.create_task(net.tcp(request.address, port_of(request.url), timeout_s=left))
        await asyncio.wait({exchange, connect}, return_when=asyncio.FIRST_COMPLETED)
        if exchange.done() and exchange.result().reach not in _NOT_CONNECTED:
            return exchange.result()
        attempt = await connect
        return await exchange if attempt.reach is Reach.OK else attempt
    finally:
        for task in (exchange, connect):
            if task is not None and not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)


def not_connected(request: HttpRequest, attempt: TcpAttempt) -> HttpExchange:
    """Return the exchange that a failed connect amounts to."""
    return HttpExchange(
        url=request.url,
        method=request.method,
        address=attempt.address,
        port=attempt.port,
        reach=attempt.reach,
        detail=attempt.detail,
    )


def port_of(url: str) -> int:
    """Return the port that a URL is dialled on."""
    parts = urlsplit(url)
    return parts.port or (80 if parts.scheme == "http" else 443)
