"""``/metrics`` and ``/healthz`` for who comes to ask, and the file that node_exporter reads.

Serves the text that was published last, from threads of its own: a busy sweep keeps nobody waiting. Bound to loopback
unless told otherwise; knows nothing of what the text says.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
import socketserver
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from ingressdoctor.errors import IngressDoctorError, UsageError
from ingressdoctor.model.text import clean

__all__ = ["CONTENT_TYPE", "MetricsServer", "listen_address", "write_textfile"]

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_LOOPBACK: Final = "127.0.0.1"
_MAX_VISITORS: Final = 16
_VISIT_S: Final = 10.0


def listen_address(text: str) -> tuple[str, int]:
    """Return host and port of ``HOST:PORT``, ``[IPV6]:PORT``, ``:PORT`` or ``PORT``; without a host it is loopback.

    Raises:
        UsageError: it is none of these.
    """
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]") or _LOOPBACK
    if not (port.isascii() and port.isdigit() and len(port) < 6 and int(port) < 65536):
        raise UsageError(
            f"--metrics {clean(text, 80)}: there is no port in it.", hint="As in 127.0.0.1:9464, or :9464 for loopback."
        )
    if host != "localhost":
        try:
            ipaddress.ip_address(host)
        except ValueError:
            raise UsageError(
                f"--metrics {clean(text, 80)}: {clean(host, 60)} is no address of this machine.",
                hint="As in 127.0.0.1:9464, or 0.0.0.0:9464 for all.",
            ) from None
    return host, int(port)


class MetricsServer:
    """Serves what was published last. A context manager; ``address`` is where it listens.

    Args:
        address: Host and port; port 0 takes any that is free.
        stale_after_s: ``/healthz`` answers 503 when nothing was published for so long; 0: never.

    Raises:
        UsageError: on entering, the address cannot be listened on.
    """

    def __init__(self, address: tuple[str, int], *, stale_after_s: float = 0.0) -> None:
        self._address, self._stale_after_s = address, stale_after_s
        self._text = b""
        self._published = time.monotonic()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        return self._address if self._server is None else self._server.server_address[:2]  # type: ignore[return-value]

    def publish(self, text: str) -> None:
        """Serve *text* from now on."""
        self._text = text.encode("utf-8", "replace")
        self._published = time.monotonic()

    def answer(self, path: str) -> tuple[int, str, bytes]:
        """Return status, content type and body for a path."""
        match path.partition("?")[0]:
            case "/metrics":
                return 200, CONTENT_TYPE, self._text
            case "/healthz":
                late = self._stale_after_s and time.monotonic() - self._published > self._stale_after_s
                return (503, "text/plain", b"no sweep ended in time\n") if late else (200, "text/plain", b"ok\n")
            case _:
                return 404, "text/plain", b"/metrics or /healthz\n"

    def __enter__(self) -> Self:
        """Listen."""
        try:
            self._server = _Server(self._address, self)
        except (OSError, OverflowError) as error:
            host, port = self._address
            reason = (error.strerror if isinstance(error, OSError) else "") or "no such address"
            raise UsageError(f"Cannot listen on {host}:{port}: {reason}.", hint="Choose another port.") from None
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="metrics", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening; who is being served is not waited for."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
        if self._thread is not None:
            self._thread.join()


class _Server(ThreadingHTTPServer):
    """A few visitors at a time, each for a short while."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], metrics: MetricsServer) -> None:
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.metrics = metrics
        self._places = threading.BoundedSemaphore(_MAX_VISITORS)
        super().__init__(address, _Visit)

    def server_bind(self) -> None:
        """Bind without asking DNS what this machine is called, as the standard library would."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "localhost", int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as in the standard library
        """Serve a visitor, or send him away when there are too many."""
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Serve him in a thread, and free his place."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Say nothing: a visitor who left is no news."""


class _Visit(BaseHTTPRequestHandler):
    """One request, one answer."""

    server: _Server
    timeout = _VISIT_S
    server_version, sys_version = "ingressdoctor", ""

    def do_GET(self) -> None:
        """Answer with the body."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """Answer without it."""
        self._answer(with_body=False)

    def _answer(self, *, with_body: bool) -> None:
        status, kind, body = self.server.metrics.answer(self.path)
        self.send_response(status)
        for name, value in (("Content-Type", kind), ("Content-Length", str(len(body))), ("Connection", "close")):
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's name
        """Say nothing."""


def write_textfile(path: str, text: str) -> None:
    """Replace the file at *path* by *text* as a whole: who reads it sees the old or the new one, never half.

    Raises:
        IngressDoctorError: it cannot be written; what was there is still there.
    """
    target = Path(path)
    # The collector reads all *.prom: the file on its way must not look like one.
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(0o644)
            Path(name).replace(target)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise
    except OSError as error:
        raise IngressDoctorError(f"Cannot write {clean(path, 300)}: {error.strerror or error}.") from None
