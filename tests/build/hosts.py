"""Many hostnames on one address of loopback, some of which take a request and never answer it, with their own DNS."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import threading
from collections.abc import Collection, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trustme

__all__ = ["DOMAIN", "Hosts", "hosts"]

DOMAIN = "many.example"
_START_S = 60.0


class _Answers(asyncio.DatagramProtocol):
    """Answers every question for an address with 127.0.0.1, everything else with nothing."""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        end = data.index(b"\0", 12) + 5
        is_address = data[end - 4 : end - 2] == b"\0\1"
        answer = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x7f\0\0\1" if is_address else b""
        head = data[:2] + b"\x85\x80\0\1" + (b"\0\1" if is_address else b"\0\0") + b"\0\0\0\0"
        self._transport.sendto(head + data[12:end] + answer, addr)


@dataclass(slots=True)
class Hosts:
    """A running one. ``asked`` are the names that were sent a request, as often as they were."""

    config: Path
    hanging: Collection[str]
    asked: list[str] = field(default_factory=list)
    writers: list[asyncio.StreamWriter] = field(default_factory=list, repr=False)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, or leave it without an answer until who asked goes away."""
        self.writers.append(writer)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            name = next(
                (line[5:].strip().decode() for line in head.split(b"\r\n") if line.lower().startswith(b"host:")), ""
            )
            self.asked.append(name)
            if name in self.hanging:
                await reader.read()
            else:
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@contextmanager
def hosts(folder: Path, hanging: Collection[str]) -> Iterator[Hosts]:
    """Serve every name below ``DOMAIN``; *hanging* of them take requests and do not answer."""
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(f"*.{DOMAIN}", key_type=trustme.KeyType.ECDSA).configure_cert(context)
    authority.cert_pem.write_to_path(folder / "ca.pem")
    found = Hosts(config=folder / "doctor.toml", hanging=frozenset(hanging))
    ready, ending = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        secure = await asyncio.start_server(found.answer, "127.0.0.1", 0, ssl=context, backlog=512)
        plain = await asyncio.start_server(_redirect, "127.0.0.1", 0, backlog=512)
        dns, _ = await loop.create_datagram_endpoint(_Answers, local_addr=("127.0.0.1", 0))
        ports = (secure.sockets[0].getsockname()[1], plain.sockets[0].getsockname()[1])
        found.config.write_text(_settings(folder, dns.get_extra_info("sockname")[1], *ports))
        ready.set()
        await ending.wait()
        dns.close()
        for server in (secure, plain):
            server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        for writer in found.writers:
            writer.transport.abort()

    thread = threading.Thread(target=lambda: _run(loop, serve()), name="hosts", daemon=True)
    thread.start()
    assert ready.wait(_START_S)
    try:
        yield found
    finally:
        loop.call_soon_threadsafe(ending.set)
        thread.join(_START_S)


def _run(loop: asyncio.AbstractEventLoop, serving: Coroutine[Any, Any, None]) -> None:
    with contextlib.closing(loop):
        loop.run_until_complete(serving)
        # Sockets are closed in the round after the one that was told so.
        loop.run_until_complete(asyncio.sleep(0.1))
        loop.run_until_complete(loop.shutdown_asyncgens())


async def _redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    name = next((line[5:].strip() for line in head.split(b"\r\n") if line.lower().startswith(b"host:")), b"")
    writer.write(b"HTTP/1.1 301 Moved\r\nContent-Length: 0\r\nLocation: https://" + name + b"/\r\n\r\n")
    await writer.drain()
    writer.close()


def _settings(folder: Path, dns: int, secure: int, plain: int) -> str:
    connect = json.dumps([f"127.0.0.1:443:127.0.0.1:{secure}", f"127.0.0.1:80:127.0.0.1:{plain}"])
    return f"""
[dns]
resolvers = ["127.0.0.1:{dns}"]
[http]
ca_file = "{folder / "ca.pem"}"
connect_to = {connect}
[online]
probe = ["127.0.0.1:{secure}"]
[kubernetes]
kubeconfig = "{folder / "none"}"
"""
