"""Stand before a lab's API server: small pages, and whatever answers a test wants in the place of the real ones."""

from __future__ import annotations

import contextlib
import re
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import yaml

from ingressdoctor.lab import Lab

Instead = Callable[[int, str], int]
"""Told the number of a request (from 1) and its path with query; the status to answer, or 0 to pass it on."""

_BODY = b'{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"%s","code":%d}'
_REASONS = {401: b"Unauthorized", 410: b"Expired", 503: b"ServiceUnavailable"}


@contextlib.contextmanager
def before_the_api(lab: Lab, folder: Path, instead: Instead, *, page: int = 0) -> Iterator[dict[str, str]]:
    """Serve the lab's API over a proxy; yields the environment that leads to it. *page* is how long lists may be."""
    config = yaml.safe_load(lab.handout.kubeconfig.read_text("utf-8"))
    cluster = config["clusters"][0]["cluster"]
    trust = ssl.create_default_context(cafile=cluster.get("certificate-authority"))
    if "certificate-authority-data" in cluster:
        import base64

        trust = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    real, count, lock = str(cluster["server"]), [0], threading.Lock()
    client = httpx.Client(verify=trust, trust_env=False, timeout=30)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            with lock:
                count[0] += 1
                status = instead(count[0], self.path)
            if status:
                return self._answer(status, _BODY % (_REASONS[status], status))
            path = re.sub(r"\blimit=500\b", f"limit={page}", self.path) if page else self.path
            headers = {name: self.headers[name] for name in ("Authorization", "Accept") if name in self.headers}
            got = client.get(real + path, headers=headers)
            return self._answer(got.status_code, got.content)

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    config["clusters"][0]["cluster"] = {"server": f"http://127.0.0.1:{server.server_address[1]}"}
    (folder / "kubeconfig").write_text(yaml.safe_dump(config), "utf-8")
    text = lab.handout.config.read_text("utf-8").replace(str(lab.handout.kubeconfig), str(folder / "kubeconfig"))
    (folder / "proxied.toml").write_text(text, "utf-8")
    try:
        yield {
            **lab.handout.environment,
            "INGRESSDOCTOR_CONFIG": str(folder / "proxied.toml"),
            "KUBECONFIG": str(folder / "kubeconfig"),
        }
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        client.close()
