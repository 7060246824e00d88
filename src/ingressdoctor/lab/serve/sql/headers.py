"""PROXY headers in front of a MySQL client's first packet: taken off the stream, judged elsewhere (networks.py)."""

from __future__ import annotations

import dataclasses

from ingressdoctor.lab.serve import proxyprotocol
from ingressdoctor.lab.serve.sql.wire import Packets
from ingressdoctor.lab.stream import Address


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """A PROXY header as it came; *source* is None where it names nobody, *broken* where it cannot be read."""

    raw: bytes
    source: Address | None = None
    broken: bool = False


async def proxy_header(client: Packets) -> Header | None:
    """Take a PROXY header off the stream; None when what comes next is none."""
    wanted = 1
    while True:
        data = await client.more(wanted)
        try:
            header = proxyprotocol.parse(data)
        except EOFError:
            if len(data) < wanted:
                return None
            wanted = len(data) + 1
            continue
        except proxyprotocol.ProxyHeaderError:
            return Header(raw=client.rest(), broken=True)
        if header is None:
            return None
        client.skip(header.length)
        return Header(raw=data[: header.length], source=header.source)
