"""A small gRPC client on HTTP/2: one unary call, its HTTP status, message, and the status in headers or trailers.

As simple as grpcurl and without any code of the product or the lab.
"""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.events

HEALTH_CHECK = "/grpc.health.v1.Health/Check"
PATIENCE_S = 6.0


@dataclass(kw_only=True)
class GrpcAnswer:
    """What came of a call."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    trailers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def grpc_status(self) -> str | None:
        """None when neither headers nor trailers had one."""
        return self.trailers.get("grpc-status", self.headers.get("grpc-status"))


def call(port: int, host: str, tls: ssl.SSLContext, *, path: str = HEALTH_CHECK) -> GrpcAnswer:
    """One call of a method without arguments; ssl.SSLError and OSError rise as they come."""
    tls.set_alpn_protocols(["h2"])
    raw = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
    with raw, tls.wrap_socket(raw, server_hostname=host) as secured:
        assert secured.selected_alpn_protocol() == "h2", "the server does not speak HTTP/2"
        return _exchange(secured, host, path)


def _exchange(secured: ssl.SSLSocket, host: str, path: str) -> GrpcAnswer:
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
    answer = GrpcAnswer()
    while True:
        secured.sendall(connection.data_to_send())
        data = secured.recv(65_536)
        if not data:
            raise ConnectionResetError("closed before the answer was whole")
        for event in connection.receive_data(data):
            if _take(connection, answer, event):
                return answer


def _take(connection: h2.connection.H2Connection, answer: GrpcAnswer, event: h2.events.Event) -> bool:
    """Note one event; True when the answer is whole."""
    match event:
        case h2.events.ResponseReceived():
            answer.headers = {str(key): str(value) for key, value in event.headers or ()}
            answer.status = int(answer.headers[":status"])
        case h2.events.TrailersReceived():
            answer.trailers = {str(key): str(value) for key, value in event.headers or ()}
        case h2.events.DataReceived():
            answer.body += event.data or b""
            connection.acknowledge_received_data(event.flow_controlled_length or 0, 1)
        case h2.events.StreamReset() | h2.events.ConnectionTerminated():
            raise ConnectionResetError("the server gave the stream up")
        case _:
            pass
    return isinstance(event, h2.events.StreamEnded)
