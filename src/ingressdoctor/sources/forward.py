"""A connection to one port of one pod through the API server, as ``kubectl port-forward`` makes it.

The bytes travel in WebSocket messages: the first byte of each is the channel (0 data, 1 errors), and the first message
of a channel names the port. Everything above sees a plain socket. Blocking, and for threads; the messages are moved by
a thread of their own, because the official client's mover raises where nobody can catch it.

Source: kubelet pkg/kubelet/server/portforward/websocket.go (v4.channel.k8s.io).
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias
from urllib.parse import quote

from ingressdoctor.errors import SourceError
from ingressdoctor.model.text import clean
from ingressdoctor.sources.failures import reason_of
from ingressdoctor.sources.loading import load

__all__ = ["ForwardedPort", "Forwarder", "open_forward"]

_PROTOCOL: Final = "v4.channel.k8s.io"
_BINARY: Final = 2
_CLOSE: Final = 8
_CHUNK: Final = 65_536
_IDLE_S: Final = 60.0
_GRANT: Final = (
    "Bind the ClusterRole ingressdoctor-hop-probes in that namespace (docs/rbac.md); newer API servers want the verb "
    "create on pods/portforward besides get."
)


class ForwardedPort:
    """One end of the connection: ``socket`` is non-blocking; ``trouble`` is what the kubelet said went wrong."""

    def __init__(self, websocket: Any) -> None:  # noqa: ANN401 - the library is untyped
        self.socket, self._inner = socket.socketpair()
        self.socket.setblocking(False)
        self.trouble = ""
        self._websocket = websocket
        threading.Thread(target=self._move, name="ingressdoctor-forward", daemon=True).start()

    def _move(self) -> None:
        # Whatever breaks here shows as the end of the connection.
        with contextlib.suppress(Exception), selectors.DefaultSelector() as selector:
            selector.register(self._websocket.sock, selectors.EVENT_READ, "pod")
            selector.register(self._inner, selectors.EVENT_READ, "us")
            named: set[int] = set()
            while ready := selector.select(_IDLE_S):
                sides = {key.data for key, _ in ready}
                if "us" in sides:
                    data = self._inner.recv(_CHUNK)
                    if not data:
                        break
                    self._websocket.send_binary(b"\0" + data)
                if "pod" in sides and not self._take(named):
                    break
        with contextlib.suppress(OSError):
            self._inner.close()
        with contextlib.suppress(Exception):
            self._websocket.shutdown()

    def _take(self, named: set[int]) -> bool:
        """Pass on every message that is there; False when the connection is over."""
        while True:
            opcode, data = self._websocket.recv_data()
            if opcode == _CLOSE:
                return False
            if opcode == _BINARY and data:
                channel, rest = data[0], data[1:]
                if channel not in named:
                    named.add(channel)
                elif channel == 0:
                    self._inner.sendall(rest)
                else:
                    self.trouble = clean(rest.decode("utf-8", "replace"), 300)
                    return False
            pending = getattr(self._websocket.sock, "pending", None)
            if pending is None or not pending():
                return True


Forwarder: TypeAlias = "Callable[[str, str, int], Awaitable[ForwardedPort]]"
"""Opens a connection to (namespace, pod, port); raises SourceError."""


def open_forward(
    settings: Any,  # noqa: ANN401 - the library is untyped
    headers: Mapping[str, str],
    place: tuple[str, str, int],
    timeout_s: float,
) -> ForwardedPort:
    """Connect to a port of a pod.

    Args:
        settings: The official library's configuration: server, CA, client certificate.
        headers: What authenticates the request.
        place: Namespace, pod, port.
        timeout_s: For connecting and for the API server's answer.

    Raises:
        SourceError: no connection, or the API server refuses it.
    """
    load("websocket")
    import websocket

    namespace, pod, port = place
    path = f"/api/v1/namespaces/{quote(namespace, safe='')}/pods/{quote(pod, safe='')}/portforward?ports={port}"
    sock: Any = websocket.WebSocket(sslopt=_tls_options(settings))
    sock.settimeout(timeout_s)
    sent = [f"{name}: {value}" for name, value in headers.items() if name.lower() == "authorization"]
    try:
        sock.connect("ws" + settings.host.removeprefix("http") + path, header=sent, subprotocols=[_PROTOCOL])
    except websocket.WebSocketBadStatusException as error:
        raise _refused(error.status_code, f"{namespace}/{pod}") from None
    except Exception as error:  # noqa: BLE001 - websocket-client lets through what the system and ssl raise
        raise SourceError(
            f"No connection to port {port} of pod {clean(namespace, 80)}/{clean(pod, 80)} through the API server: "
            f"{reason_of(error)}.",
            hint="Try it by hand: kubectl port-forward.",
        ) from None
    return ForwardedPort(sock)


def _refused(status: int, pod: str) -> SourceError:
    if status == 403:
        return SourceError("403: pods/portforward is not granted.", hint=_GRANT)
    return SourceError(f"The API server answers {status} to a port-forward to pod {clean(pod, 160)}.", hint="")


def _tls_options(settings: Any) -> dict[str, Any]:  # noqa: ANN401 - the library is untyped
    import ssl

    if not settings.verify_ssl:
        return {"cert_reqs": ssl.CERT_NONE, "check_hostname": False}
    options: dict[str, Any] = {"cert_reqs": ssl.CERT_REQUIRED}
    chosen = {
        "ca_certs": settings.ssl_ca_cert,
        "certfile": settings.cert_file,
        "keyfile": settings.key_file,
        "server_hostname": settings.tls_server_name,
        "check_hostname": settings.assert_hostname,
    }
    options.update({name: value for name, value in chosen.items() if value not in (None, "")})
    return options
