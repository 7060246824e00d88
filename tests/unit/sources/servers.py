"""Real servers on loopback that behave well or badly: TCP, TLS, HTTP and DNS."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import socket
import ssl
import struct
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from build.ports import free_port as free_port

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
HOST = "127.0.0.1"


@asynccontextmanager
async def serve(behaviour: Behaviour, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serve *behaviour* on an ephemeral port; every connection is dropped at the end."""
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await behaviour(reader, writer)
        except (OSError, asyncio.CancelledError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()
            tasks.discard(task)

    server = await asyncio.start_server(handle, HOST, 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)


@contextlib.contextmanager
def black_hole() -> Iterator[int]:
    """Yield a port whose backlog is full, so that a SYN is never answered."""
    listener = socket.socket()
    fillers = []
    try:
        listener.bind((HOST, 0))
        listener.listen(0)
        for _ in range(4):
            filler = socket.socket()
            fillers.append(filler)
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect(listener.getsockname())
        yield listener.getsockname()[1]
    finally:
        for filler in fillers:
            filler.close()
        listener.close()


@contextlib.contextmanager
def serve_openssl(context: ssl.SSLContext) -> Iterator[int]:
    """Shake hands as OpenSSL's blocking server does: asyncio's closes without sending the alert."""
    listener = socket.create_server((HOST, 0))
    listener.settimeout(0.1)
    stop = threading.Event()

    def run() -> None:
        while not stop.is_set():
            with contextlib.suppress(OSError):
                plain, _ = listener.accept()
                plain.settimeout(5)
                with plain, context.wrap_socket(plain, server_side=True) as secured:
                    secured.recv(10)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        stop.set()
        thread.join(10)
        listener.close()


async def read_request(reader: asyncio.StreamReader) -> bytes:
    return await reader.readuntil(b"\r\n\r\n")


def answering(raw: bytes) -> Behaviour:
    """Answer every request with the same bytes, then close."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(raw)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    return behave


def greeting(raw: bytes) -> Behaviour:
    """Say something before being asked, as MySQL does, or as a proxy that wants a PROXY header."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()
        await reader.read(100)

    return behave


async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


async def close_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(10_000)
    writer.close()


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(10)
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def endless_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n")
    while True:
        writer.write(b"spam " * 4_000)
        await writer.drain()


async def huge_headers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nX-Huge: " + b"x" * 2_000_000 + b"\r\n\r\n")
    await writer.drain()


@dataclass
class Pki:
    """One private CA and certificates of it."""

    folder: Path
    ca: trustme.CA = field(default_factory=trustme.CA)

    @property
    def ca_file(self) -> str:
        path = self.folder / "ca.pem"
        self.ca.cert_pem.write_to_path(str(path))
        return str(path)

    def context(self, *names: str, not_after: dt.datetime | None = None) -> ssl.SSLContext:
        """Return a server context with a certificate for *names*, full chain included."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ca.issue_cert(*names, not_after=not_after).configure_cert(context)
        return context

    def expired(self, name: str) -> ssl.SSLContext:
        past = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
        return self.context(name, not_after=past)

    def self_signed(self, name: str) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "TRAEFIK DEFAULT CERT")])
        now = dt.datetime.now(dt.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
            .sign(key, hashes.SHA256())
        )
        path = self.folder / "self-signed.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


@dataclass
class Scripted:
    """A fake JSON API: path to (status, headers, body); remembers what was asked."""

    answers: Mapping[str, list[tuple[int, dict[str, str], bytes]]]
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = (await read_request(reader)).decode("latin-1").split("\r\n")
            target = head[0].split(" ")[1]
            headers = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
            raw = dict(line.split(": ", 1) for line in head[1:] if ": " in line)
            self.requests.append((target, {name.lower(): value for name, value in raw.items()} | {"": str(headers)}))
            queue = self.answers[target.partition("?")[0]]
            status, extra, body = queue.pop(0) if len(queue) > 1 else queue[0]
            lines = [f"HTTP/1.1 {status} X", *(f"{name}: {value}" for name, value in extra.items())]
            if "Content-Length" not in extra:
                lines.append(f"Content-Length: {len(body)}")
            writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
            await writer.drain()
            if "Content-Length" in extra:  # half a body
                return


class DnsServer(asyncio.DatagramProtocol):
    """A DNS server whose answers a function makes from the wire query; None drops, over UDP and TCP alike."""

    def __init__(self, answer: Callable[[bytes, str], bytes | None]) -> None:
        self.answer = answer
        self.asked: list[str] = []
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.asked.append("udp")
        answer = self.answer(data, "udp")
        if answer is not None and self.transport is not None:
            self.transport.sendto(answer, addr)

    async def stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append("tcp")
        size = int.from_bytes(await reader.readexactly(2), "big")
        answer = self.answer(await reader.readexactly(size), "tcp")
        if answer is not None:
            writer.write(len(answer).to_bytes(2, "big") + answer)
            await writer.drain()
            await reader.read(1)


@asynccontextmanager
async def serve_dns(
    answer: Callable[[bytes, str], bytes | None], *, tcp: bool = True
) -> AsyncIterator[tuple[str, DnsServer]]:
    """Serve *answer* over UDP, and over TCP on the same port number."""
    server = DnsServer(answer)
    async with contextlib.AsyncExitStack() as stack:
        if tcp:
            port = await stack.enter_async_context(serve(server.stream))
        else:
            port = free_port()
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: server, local_addr=(HOST, port)
        )
        try:
            yield f"{HOST}:{port}", server
        finally:
            transport.close()
            await asyncio.sleep(0)


def dns_answer(
    *, rcode: int = 0, records: tuple[str, ...] = (), authority: tuple[str, ...] = (), flags: int = 0
) -> Callable[[bytes, str], bytes]:
    """Return an answerer with fixed records in zone-file form, ``name ttl IN TYPE data``."""

    def answer(wire: bytes, transport: str) -> bytes:
        reply = dns.message.make_response(dns.message.from_wire(wire))
        reply.set_rcode(dns.rcode.Rcode(rcode))
        reply.flags |= flags
        for section, lines in ((reply.answer, records), (reply.authority, authority)):
            for line in lines:
                name, ttl, _, kind, data = line.split(" ", 4)
                section.append(dns.rrset.from_text(name, int(ttl), "IN", kind, data))
        return reply.to_wire(max_size=65_535)

    return answer
