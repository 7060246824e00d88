"""WebSocket (RFC 6455) as far as an application needs it to answer: the handshake, and an echo of short messages."""

from __future__ import annotations

import base64
import hashlib

from ingressdoctor.lab.serve.wire import Request, Response, upgrade_of
from ingressdoctor.lab.stream import Duplex

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_CLOSE = 8
_SHORT = 126  # longer messages have a longer head, and end the conversation here


def accept_key(key: str) -> str:
    """What the server answers to Sec-WebSocket-Key."""
    return base64.b64encode(hashlib.sha1((key + _GUID).encode(), usedforsecurity=False).digest()).decode()


def handshake(request: Request) -> Response | None:
    """The answer that opens a WebSocket; None when the request does not ask for one."""
    granted = upgrade_of(request.headers)
    key = request.get("sec-websocket-key")
    if not granted or granted[1][1].lower() != "websocket" or not key:
        return None
    headers = (*granted, ("Sec-WebSocket-Accept", accept_key(key)))
    return Response(status=101, headers=headers, then=_echo)


async def _echo(stream: Duplex) -> None:
    """Send every message back until the peer closes or says something long."""
    data = b""
    while more := await stream.read():
        data += more
        while len(data) >= 2:
            opcode, size, masked = data[0] & 15, data[1] & 127, bool(data[1] & 128)
            whole = 2 + 4 * masked + size
            if size >= _SHORT:
                return
            if len(data) < whole:
                break
            mask, payload = data[2:6] if masked else b"\0\0\0\0", data[whole - size : whole]
            plain = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
            await stream.write(bytes((data[0], len(plain))) + plain)
            if opcode == _CLOSE:
                return
            data = data[whole:]
