"""nginx as Debian ships it, on loopback: each listener stands at an address of its own, port 443 or 80.

The addresses are documentation ones, redirected by ``--connect-to``; what the product reports names them.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from build.ports import free_port
from ingressdoctor.sources.calls import CallLog
from ingressdoctor.sources.connect_to import ConnectTo
from ingressdoctor.sources.net import LiveNet

__all__ = ["NGINX", "WebServer", "here", "nginx"]

NGINX = shutil.which("nginx") or "/usr/sbin/nginx"
_HOST = "127.0.0.1"
_PATIENCE_S = 30.0
_CONFIG = """
daemon off;
worker_processes 1;
worker_shutdown_timeout 20s;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  map $http_upgrade $upgraded {{ default upgrade; "" close; }}
{blocks}
}}
"""


def here() -> bool:
    """Whether nginx is installed."""
    return Path(NGINX).exists()


@dataclass(slots=True)
class WebServer:
    """A running nginx. ``ports`` are its listeners by name, ``addresses`` what stands for each of them."""

    folder: Path
    ports: Mapping[str, int]
    process: subprocess.Popen[bytes]
    addresses: Mapping[str, str] = field(default_factory=dict)

    def net(self, ca_file: str) -> LiveNet:
        """The product's own source, which finds each listener at its address on 443 and on 80."""
        entries = [
            f"{self.addresses[name]}:{dialled}:{_HOST}:{port}"
            for name, port in self.ports.items()
            for dialled in (80, 443)
        ]
        return LiveNet(ca_file=ca_file, connect_to=ConnectTo.parse(entries), anchors=(), calls=CallLog())

    def reload(self) -> None:
        """Have the configuration and the certificates read anew; workers change over a moment later."""
        self.process.send_signal(signal.SIGHUP)

    def log(self) -> str:
        """What nginx wrote to its error log."""
        return (self.folder / "error.log").read_text(errors="replace")


@contextlib.contextmanager
def nginx(folder: Path, listeners: tuple[str, ...], blocks: str) -> Iterator[WebServer]:
    """Run nginx until the block ends; ``<name>`` in *blocks* becomes the address and port of that listener."""
    ports: dict[str, int] = {}
    for name in listeners:
        while (port := free_port()) in ports.values():
            continue
        ports[name] = port
    for name, port in ports.items():
        blocks = blocks.replace(f"<{name}>", f"{_HOST}:{port}")
    config = folder / "nginx.conf"
    config.write_text(_CONFIG.format(folder=folder, blocks=blocks))
    process = subprocess.Popen(
        [NGINX, "-e", str(folder / "error.log"), "-c", str(config), "-p", str(folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        _wait(process, ports.values(), folder)
        addresses = {name: f"203.0.113.{number}" for number, name in enumerate(ports, start=1)}
        yield WebServer(folder=folder, ports=ports, process=process, addresses=addresses)
    finally:
        process.terminate()
        process.communicate(timeout=_PATIENCE_S)


def _wait(process: subprocess.Popen[bytes], ports: Iterable[int], folder: Path) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    for port in ports:
        while True:
            assert process.poll() is None, (process.communicate()[1], (folder / "error.log").read_text())
            try:
                socket.create_connection((_HOST, port), timeout=1).close()
            except OSError:
                assert time.monotonic() < deadline, f"nginx does not listen on {port}"
                time.sleep(0.02)
            else:
                break
