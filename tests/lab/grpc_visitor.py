"""A small gRPC client on HTTP/2: one unary call, its HTTP status, message, and the status in headers or trailers.

As simple as grpcurl and without any code of the product or the lab.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass

import h2.config
import h2.connection
import h2.events
import h2.exceptions

HEALTH_CHECK = "/grpc.health.v1.Health/Check"
PATIENCE_S = 6.0


@dataclass(frozen=True, kw_only=True)
class GrpcAnswer:
    """What came of a call: *grpc_status* None when neither headers nor trailers had one."""

    status: int
    headers: dict[str, str]
    trailers: dict[str, str]
    body: bytes

    @property
    def grpc_status(self) -> str | None:
        return self.trailers.get("grpc-status", self.headers.get("grpc-status"))


async def call(port: int, host: str, tls: ssl.SSLContext, *, path: str = HEALTH_CHECK) -> GrpcAnswer:
    """One call of a method without arguments; ssl.SSLError and OSError rise as they come."""
    tls.set_alpn_protocols(["h2"])
    async with asyncio.timeout(PATIENCE_S):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls, server_hostname=host)
        try:
            return await _exchange(reader, writer, host, path)
        finally:
            writer.close()


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, path: str) -> GrpcAnswer:
    secured: ssl.SSLObject = writer.get_extra_info("ssl_object")
    assert secured.selected_alpn_protocol() == "h2", "the server does not speak HTTP/2"
    connection = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
    connection.initiate_connection()
    head = [
        (":method", "POST"),
        (":scheme", "https"),
        (":authority", host),
        (":path", path),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        ("user-agent", "grpc-visitor"),
    ]
    connection.send_headers(1, head)
    connection.send_data(1, b"\0\0\0\0\0", end_stream=True)
    status, headers, trailers, body = 0, {}, {}, b""
    while True:
        writer.write(connection.data_to_send())
        data = await reader.read(65_536)
        if not data:
            raise ConnectionResetError("closed before the answer was whole")
        for event in connection.receive_data(data):
            match event:
                case h2.events.ResponseReceived():
                    headers = {str(key): str(value) for key, value in event.headers or ()}
                    status = int(headers[":status"])
                case h2.events.TrailersReceived():
                    trailers = {str(key): str(value) for key, value in event.headers or ()}
                case h2.events.DataReceived():
                    body += event.data or b""
                    connection.acknowledge_received_data(event.flow_controlled_length or 0, 1)
                case h2.events.StreamEnded():
                    return GrpcAnswer(status=status, headers=headers, trailers=trailers, body=body)
                case h2.events.StreamReset() | h2.events.ConnectionTerminated():
                    raise ConnectionResetError("the server gave the stream up")
                case _:
                    pass
