"""A receiver of notifications on loopback: a real HTTP server that answers as it was told to, and keeps what came."""

from __future__ import annotations

import contextlib
import json
import ssl
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["Answer", "Got", "Receiver", "receiver"]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One answer. ``hangs``: none comes until the test is over; ``closes``: the connection ends "before" it or mid."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b"ok"
    hangs: bool = False
    closes: str = ""


@dataclass(frozen=True, kw_only=True)
class Got:
    """One request that came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """Where it is, what came, and what it answers: one after the other, the last for ever."""

    port: int
    answers: Sequence[Answer]
    scheme: str = "http"
    got: list[Got] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/services/T000/s3cr3tpath"

    def next(self, got: Got) -> Answer:
        with self.lock:
            self.got.append(got)
            return self.answers[min(len(self.got), len(self.answers)) - 1]


@contextlib.contextmanager
def receiver(*answers: Answer, tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """Listen on a port of loopback."""

    class Visit(BaseHTTPRequestHandler):
        timeout = 30

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            answer = mine.next(Got(path=self.path, headers=dict(self.headers.items()), body=body))
            self.close_connection = True
            if answer.hangs:
                mine.over.wait(30)
            if answer.closes == "before" or answer.hangs:
                return
            self.send_response(answer.status)
            for name, value in answer.headers:
                self.send_header(name, value)
            longer = 1_000 if answer.closes == "mid" else 0
            self.send_header("Content-Length", str(len(answer.body) + longer))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """Who left is no news."""

    server = Server(("127.0.0.1", 0), Visit)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    scheme = "http" if tls is None else "https"
    mine = Receiver(port=server.server_address[1], answers=answers or (Answer(),), scheme=scheme)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield mine
    finally:
        mine.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
