"""`pods/portforward` over a WebSocket: two channels for each port, its data and its error, as the kubelet serves them.

Source: kubernetes pkg/kubelet/server and the v4 channel protocol: a message starts with the number of its channel, the
first message of each says the port in two bytes. A pod sees the connection come from its own loopback.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl

from ingressdoctor.lab.cluster import Object, dig, name_of, namespace_of, text
from ingressdoctor.lab.serve.kube import status as words
from ingressdoctor.lab.serve.websocket import accept_key
from ingressdoctor.lab.serve.wire import Request, Response, upgrade_of
from ingressdoctor.lab.stream import Duplex, Stream

PROTOCOL = "v4.channel.k8s.io"
MAX_MESSAGE = 1_048_576
END_S = 0.2
_CLOSE, _PING, _PONG, _BINARY = 8, 9, 10, 2

Dial = Callable[[Object, int], Awaitable[Stream]]
"""A pod and a port to a connection made inside it; OSError when nobody listens."""


def open_forward(pod: Object, request: Request, dial: Dial) -> Response:
    """The answer to a request for ports of a pod."""
    ports = [port for key, port in parse_qsl(request.target.partition("?")[2]) if key == "ports"]
    wanted = [int(port) for each in ports for port in each.split(",") if port.isdigit() and 0 < int(port) < 65_536]
    if not wanted:
        return words.status(400, 'query parameter "port" is required', reason="BadRequest")
    granted = upgrade_of(request.headers)
    offered = [name.strip() for name in request.get("sec-websocket-protocol").split(",")]
    if not granted or granted[1][1].lower() != "websocket" or PROTOCOL not in offered:
        return words.status(400, "Upgrade request required", reason="BadRequest")
    if text(dig(pod, "status", "phase")) != "Running":
        return words.status(500, f"pod not running ({text(dig(pod, 'status', 'phase'))})", reason="InternalError")

    async def forward(stream: Duplex) -> None:
        await _Forward(stream, pod, dial).run(wanted)

    key = accept_key(request.get("sec-websocket-key"))
    headers = (*granted, ("Sec-WebSocket-Accept", key), ("Sec-WebSocket-Protocol", PROTOCOL))
    return Response(status=101, headers=headers, then=forward)


class _Forward:
    def __init__(self, stream: Duplex, pod: Object, dial: Dial) -> None:
        self._stream = stream
        self._pod = pod
        self._dial = dial
        self._open: dict[int, Stream] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def run(self, ports: list[int]) -> None:
        """Carry until the client leaves or every port has finished."""
        for index, port in enumerate(ports):
            for channel in (2 * index, 2 * index + 1):
                await self._send(channel, struct.pack("<H", port))
        for index, port in enumerate(ports):
            await self._connect(2 * index, port)
        try:
            await self._listen()
        finally:
            for task in self._tasks:
                task.cancel()
            for stream in self._open.values():
                stream.close()

    async def _connect(self, channel: int, port: int) -> None:
        try:
            self._open[channel] = stream = await self._dial(self._pod, port)
        except OSError:
            where = f"pod {name_of(self._pod)}_{namespace_of(self._pod)}"
            why = f"dial tcp4 127.0.0.1:{port}: connect: connection refused"
            told = f"error forwarding port {port} to {where}: failed to connect to localhost:{port} inside: {why}"
            await self._send(channel + 1, told.encode())
            await self._message(_CLOSE, b"")
            return
        self._tasks.append(asyncio.ensure_future(self._copy(channel, stream)))

    async def _copy(self, channel: int, stream: Stream) -> None:
        with contextlib.suppress(OSError):
            while data := await stream.read(32_768):
                await self._send(channel, data)
            # A client that finds data and the end in one piece may drop the data; kubelets end a little later, too.
            await asyncio.sleep(END_S)
            await self._message(_CLOSE, b"")

    async def _send(self, channel: int, data: bytes) -> None:
        await self._message(_BINARY, bytes((channel,)) + data)

    async def _message(self, opcode: int, data: bytes) -> None:
        size = bytes((len(data),)) if len(data) < 126 else b"\x7e" + struct.pack(">H", len(data))
        await self._stream.write(bytes((0x80 | opcode,)) + size + data)

    async def _listen(self) -> None:
        """Carry what the client sends to the ports."""
        data = b""
        while True:
            found = _frame(data)
            if found is None:
                more = await self._stream.read()
                if not more or len(data) > MAX_MESSAGE:
                    return
                data += more
                continue
            opcode, payload, used = found
            data = data[used:]
            if opcode == _CLOSE:
                return
            if opcode == _PING:
                await self._message(_PONG, payload)
            elif payload and payload[0] in self._open:
                with contextlib.suppress(OSError):
                    await self._open[payload[0]].write(payload[1:])


def _frame(data: bytes) -> tuple[int, bytes, int] | None:
    """Opcode, payload and length of the first frame; None when it is not whole."""
    if len(data) < 2:
        return None
    size, at = data[1] & 127, 2
    if size >= 126:
        width = 2 if size == 126 else 8
        size, at = int.from_bytes(data[2 : 2 + width], "big"), 2 + width
    mask = data[at : at + 4] if data[1] & 128 else b"\0\0\0\0"
    at += 4 if data[1] & 128 else 0
    if len(data) < at + size:
        return None
    payload = bytes(byte ^ mask[index % 4] for index, byte in enumerate(data[at : at + size]))
    return data[0] & 15, payload, at + size
