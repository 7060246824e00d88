"""One gRPC call over one HTTP/2 connection of ours, and everything that came back of it.

A gRPC library says of a lost trailer only that the stream was removed, so the frames are read here: h2 is the parser,
and the connection is that of the other probes. Takes 0.1 s to load (h2, httpcore): loaded by grpc.py with the first
call. Source: gRPC's PROTOCOL-HTTP2.md (request headers, length-prefixed messages), health.proto.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import httpcore
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.exceptions import H2Error
from msgspec.structs import replace

from ingressdoctor.evidence.grpc import HEALTH_CHECK, GrpcExchange
from ingressdoctor.evidence.net import HttpRequest, Reach
from ingressdoctor.model.text import clean
from ingressdoctor.sources.connect_to import ConnectTo
from ingressdoctor.sources.dial import Dialer, reach_of
from ingressdoctor.sources.http import user_agent
from ingressdoctor.sources.stream import Stream
from ingressdoctor.sources.tls import Endpoint, TlsClient, tls_failure
from ingressdoctor.sources.trust import ALPN, Trust

__all__ = ["GrpcCalls"]

_CHUNK: Final = 65_536
_STREAM: Final = 1
_HTTP1: Final = b"HTTP/1."
_MAX_NAME: Final = 100


@dataclass(slots=True)
class _Progress:
    """What is known so far of a running call, so that a deadline or an error loses nothing of it."""

    exchange: GrpcExchange
    began: float
    body: bytearray = field(default_factory=bytearray)
    stream: Stream | None = None
    done: bool = False

    def note(self, **fields: object) -> None:
        self.exchange = replace(self.exchange, **fields)

    def phases(self, **seconds: float) -> None:
        self.note(phases=replace(self.exchange.phases, **seconds))


class GrpcCalls:
    """Makes single calls over connections of its own."""

    def __init__(self, connect_to: ConnectTo, trust: Trust) -> None:
        self._dialer = Dialer(connect_to)
        self._tls = TlsClient(self._dialer, trust)
        self._agent = f"{user_agent()} grpc"

    async def health(self, request: HttpRequest, service: str) -> GrpcExchange:
        """Call Health/Check for *service*; whatever happens is in the exchange, and nothing is raised."""
        parts = urlsplit(request.url)
        port = request.port or parts.port or (80 if parts.scheme == "http" else 443)
        blank = GrpcExchange(url=request.url, address=request.address, port=port, reach=Reach.OK)
        progress = _Progress(exchange=blank, began=time.monotonic())
        try:
            progress.stream = await self._connect(request, progress)
            if progress.stream is not None:
                async with asyncio.timeout(request.timeout_s - (time.monotonic() - progress.began)):
                    await _speak(self._head(request), _message(service), progress, request.max_body)
        except TimeoutError as error:
            late = (Reach.READ_TIMEOUT, "no whole answer came in time")
            _failed(progress, late if error.errno is None else reach_of(error))
        except ssl.SSLError as error:
            _failed(progress, tls_failure(error, b"", progress.stream.received if progress.stream else 0))
        except OSError as error:
            _failed(progress, reach_of(error))
        except httpcore.WriteError as error:
            _failed(progress, (Reach.RESET, clean(str(error), 200)))
        except (H2Error, ValueError, TypeError) as error:  # what h2 refuses, to send or to have received
            _failed(progress, (Reach.PROTOCOL, f"not HTTP/2: {clean(str(error), 200)}"))
        finally:
            if progress.stream is not None:
                progress.stream.close()
        progress.phases(total_s=time.monotonic() - progress.began)
        return replace(progress.exchange, body=bytes(progress.body[: request.max_body]))

    async def _connect(self, request: HttpRequest, progress: _Progress) -> Stream | None:
        parts, port = urlsplit(request.url), progress.exchange.port
        host = parts.hostname or ""
        if parts.scheme == "http":
            plain = await self._dialer.connect(request.address or host, port, timeout_s=request.timeout_s)
            progress.note(address=plain.address, alpn="h2c", reach=plain.reach, detail=plain.detail)
            return plain.stream
        endpoint = Endpoint(
            address=request.address or host,
            port=port,
            sni=request.sni or host,
            alpn=ALPN,
            timeout_s=request.timeout_s,
        )
        secured = await self._tls.open(endpoint)
        attempt = secured.attempt
        progress.note(address=attempt.address, tls=attempt, alpn=attempt.alpn)
        if secured.connection.reach is Reach.OK:
            progress.phases(connect_s=secured.connection.elapsed_s, tls_s=attempt.elapsed_s)
        if secured.stream is None:
            _failed(progress, (attempt.reach, attempt.detail))
            return None
        refused = ""
        if request.verify and attempt.trusted is False:
            refused = f"the certificate is not trusted: {attempt.verify_text}"
        elif attempt.alpn != "h2":
            refused = f"the server agrees to {attempt.alpn or 'no protocol by ALPN'}, and gRPC needs h2"
        if refused:
            secured.stream.close()
            _failed(progress, (Reach.TLS_OTHER if attempt.trusted is False else Reach.PROTOCOL, refused))
            return None
        return secured.stream

    def _head(self, request: HttpRequest) -> list[tuple[str, str]]:
        parts = urlsplit(request.url)
        own = [
            (":method", "POST"),
            (":scheme", parts.scheme),
            (":authority", request.host or parts.netloc),
            (":path", HEALTH_CHECK),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
            ("grpc-timeout", f"{max(int(request.timeout_s), 1)}S"),
            ("user-agent", self._agent),
        ]
        return own + [(name.lower(), value) for name, value in request.headers]


async def _speak(head: list[tuple[str, str]], message: bytes, progress: _Progress, most: int) -> None:
    stream = progress.stream
    if stream is None:
        return
    connection = H2Connection(H2Configuration(client_side=True, header_encoding=None))
    connection.initiate_connection()
    connection.send_headers(_STREAM, head)
    connection.send_data(_STREAM, message, end_stream=True)
    sent = time.monotonic()
    await stream.write(connection.data_to_send())
    while not progress.done:
        data = await stream.read(_CHUNK)
        if not data or stream.said.startswith(_HTTP1):
            _closed(progress, stream.said)
            return
        for event in connection.receive_data(data):
            _take(connection, progress, event, sent)
        if len(progress.body) > most:
            return
        await stream.write(connection.data_to_send())


def _take(connection: H2Connection, progress: _Progress, event: Event, sent: float) -> None:
    """Note one event; the last one of our stream ends the call."""
    match event:
        case ResponseReceived(headers=headers):
            fields = _fields(headers)
            status = next((value for name, value in fields if name == ":status"), "")
            progress.note(
                status=int(status) if status.isascii() and status.isdigit() else 0,
                headers=tuple(item for item in fields if not item[0].startswith(":")),
            )
            progress.phases(first_byte_s=time.monotonic() - sent)
        case DataReceived(data=data, flow_controlled_length=length):
            progress.body += data or b""
            connection.acknowledge_received_data(length or 0, _STREAM)
        case TrailersReceived(headers=headers):
            progress.note(trailers=_fields(headers), trailed=True)
        case StreamEnded():
            progress.done = True
            progress.note(ended=True)
        case StreamReset(error_code=code):
            progress.done = True
            progress.note(reset=_code(code))
        case ConnectionTerminated(error_code=code, last_stream_id=last):
            # A graceful GOAWAY still answers our stream.
            if code or (last or 0) < _STREAM:
                progress.done = True
                progress.note(reset=_code(code))
        case _:
            pass


def _fields(headers: object) -> tuple[tuple[str, str], ...]:
    pairs = headers if isinstance(headers, list | tuple) else ()
    return tuple((_text(name).lower(), _text(value)) for name, value in pairs)


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _code(code: int | None) -> str:
    try:
        return ErrorCodes(code or 0).name
    except ValueError:
        return f"error {code}"


def _closed(progress: _Progress, said: bytes) -> None:
    if said.startswith(_HTTP1):  # h2 takes it for the start of a large frame, and waits for the rest
        line = said.split(b"\n", 1)[0].decode("latin-1").rstrip("\r")
        _failed(progress, (Reach.PROTOCOL, f"not HTTP/2: {clean(line, 120)}"))
    elif progress.exchange.status:
        _failed(progress, (Reach.RESET, "the connection closed in the middle of the answer"))
    else:
        _failed(progress, (Reach.CLOSED, "the connection closed without an answer"))


def _failed(progress: _Progress, how: tuple[Reach, str]) -> None:
    progress.note(reach=how[0], detail=how[1])


def _message(service: str) -> bytes:
    """Return a HealthCheckRequest (field 1: the service's name) as a length-prefixed message."""
    name = service.encode()[:_MAX_NAME]
    body = b"\x0a" + bytes((len(name),)) + name if name else b""
    return b"\0" + len(body).to_bytes(4, "big") + body
