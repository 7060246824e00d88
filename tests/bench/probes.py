"""What live probes need on loopback: Debian's nginx with a certificate of our own CA, and a light DNS server.

``python -m bench.probes`` answers every question for an address with 127.0.0.1 until its standard input ends; its
first line is the port.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import trustme

from build.ports import free_port

__all__ = ["DOMAIN", "probed"]

DOMAIN = "sweep.test"
NGINX = "/usr/sbin/nginx"
CONF = """
daemon off; worker_processes 1; error_log stderr crit; pid {folder}/nginx.pid;
events {{ worker_connections 4096; }}
http {{
  access_log off; client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  ssl_certificate {folder}/site.pem; ssl_certificate_key {folder}/site.key; ssl_session_tickets off;
  ssl_conf_command NumTickets 0;  # of TLS 1.3; nobody here comes twice
  server {{ listen 127.0.0.1:{secure} ssl backlog=4096; return 200 "ok"; }}
  server {{ listen 127.0.0.1:{plain} backlog=4096; return 301 https://$host$request_uri; }}
}}
"""


@contextmanager
def probed() -> Iterator[dict[str, str]]:
    """Serve every name below ``DOMAIN``; yields what the program's environment is to hold.

    Raises:
        SystemExit: nginx is not installed.
    """
    if shutil.which(NGINX) is None:
        raise SystemExit("Live probes need nginx: apt-get install nginx-light")
    with tempfile.TemporaryDirectory(prefix="ingressdoctor-bench-") as name, _dns() as dns:
        folder, secure, plain = Path(name), free_port(), free_port()
        authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
        site = authority.issue_cert(f"*.{DOMAIN}", key_type=trustme.KeyType.ECDSA)
        authority.cert_pem.write_to_path(folder / "ca.pem")
        site.private_key_pem.write_to_path(folder / "site.key")
        (folder / "site.pem").write_bytes(b"".join(pem.bytes() for pem in site.cert_chain_pems))
        (folder / "nginx.conf").write_text(CONF.format(folder=folder, secure=secure, plain=plain))
        (folder / "doctor.toml").write_text(_settings(folder, dns, secure, plain))
        argv = [NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf")]
        with subprocess.Popen(argv, stderr=subprocess.DEVNULL) as server:
            try:
                _wait_for(secure, server)
                yield {"INGRESSDOCTOR_CONFIG": str(folder / "doctor.toml"), "KUBECONFIG": str(folder / "none")}
            finally:
                server.terminate()
                server.wait(30)


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
"""


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        if server.poll() is not None:
            break
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit("nginx did not start")


@contextmanager
def _dns() -> Iterator[int]:
    argv = [sys.executable, "-m", "bench.probes"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()
            process.wait(30)


def _answer(data: bytes) -> bytes:
    """Copy the question: A gets 127.0.0.1, everything else nothing."""
    end = data.index(b"\0", 12) + 5
    if data[end - 4 : end - 2] == b"\0\1":
        return data[:2] + b"\x85\x80\0\1\0\1\0\0\0\0" + data[12:end] + b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x7f\0\0\1"
    return data[:2] + b"\x85\x80\0\1\0\0\0\0\0\0" + data[12:end]


def _serve() -> None:
    # No event loop: it shares two cores with what is measured, and would take more of them than the answers do.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        print(server.getsockname()[1], flush=True)  # noqa: T201
        threading.Thread(target=_leave_with_our_user, daemon=True).start()
        while True:
            data, where = server.recvfrom(1_500)
            server.sendto(_answer(data), where)


def _leave_with_our_user() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    _serve()
