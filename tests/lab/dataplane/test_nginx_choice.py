"""The model of ingress-nginx chooses server and location as nginx itself does, from Debian's package."""

from __future__ import annotations

import random
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from build.nginx import a_class, a_path, an_ingress
from ingressdoctor.evidence.kube import Ingress
from ingressdoctor.routing.ingress_nginx.choose import BadPathError, choose_server, judge_locations, normal_path
from ingressdoctor.routing.ingress_nginx.servers import CATCH_ALL, Location, NginxTable, Server
from ingressdoctor.routing.ingress_nginx.settings import NginxSettings
from ingressdoctor.routing.ingress_nginx.table import build_nginx_table
from lab.dataplane.test_debian import NGINX, nginx_here

pytestmark = [pytest.mark.debian, nginx_here]

TABLES = 25
HOSTS = (None, "a.test", "b.a.test", "*.a.test", "*.b.a.test", "*.test", "c.test")
PATHS = ("/", "/a", "/a/", "/a/b", "/A", "/ab", "/a.c", "/a/b/", "/a b", "/api(/|$)(.*)", "/v[0-9]+", "/a$")
KINDS = ("Prefix", "Exact", "ImplementationSpecific")
NOTES: tuple[dict[str, str], ...] = (
    {},
    {},
    {},
    {"use-regex": "true"},
    {"rewrite-target": "/$1"},
    {"rewrite-target": "/a"},
    {"server-alias": "alias.test,*.wild.test"},
    {"server-alias": "~^r[0-9]+\\.test$"},
    {"server-alias": "front.*,.dot.test"},
)
ASKED = (
    *("a.test", "A.TEST", "a.test.", "b.a.test", "x.a.test", "x-1_y.a.test", "x.b.a.test", "x.y.a.test", "c.test"),
    *("d.test", "alias.test", "q.wild.test", "wild.test", "r12.test", "rx.test", "front.example"),
    *("dot.test", "n.dot.test", "nobody.example", "_"),
)  # fmt: skip
URIS = (
    *("/", "/a", "/a/", "/a/b", "/a/b/", "/a/b/c", "/ab", "/A", "/A/x", "/a.c", "/abc", "/axc", "//", "//a//b"),
    *("/a/./b", "/a/../b", "/x/../a", "/a/..", "/a/.", "/..", "/../a", "/a/../../b", "/%61/b", "/a%2Fb", "/a%2fb/"),
    *("/%2e%2e/a", "/a/%2e%2e/a", "/a%20b", "/a?x=/b", "/a/?", "/%", "/%4", "/%zz", "/a%00", "/api", "/api/"),
    *("/api/x", "/apix", "/v12", "/vx", "/a;b", "/a#b", "/%C3%A9", "/a$", "/a%24"),
)  # fmt: skip


def tables(seed: int) -> Iterator[NginxTable]:
    """Yield configurations that nginx takes, made of up to five Ingresses."""
    chance = random.Random(seed)
    while True:
        ingresses = [_ingress(chance, number) for number in range(chance.randint(1, 5))]
        table = build_nginx_table(ingresses, NginxSettings(), (a_class(),))
        if not table.broken:
            yield table


def _ingress(chance: random.Random, number: int) -> Ingress:
    paths = [a_path(chance.choice(PATHS), chance.choice(KINDS)) for _ in range(chance.randint(1, 3))]
    host, notes = chance.choice(HOSTS), chance.choice(NOTES)
    return an_ingress(*paths, name=f"i{number}", host=host, age=chance.randint(1, 9), annotations=notes)


def written(table: NginxTable, sock: Path) -> str:
    """Return the servers as the controller's template writes them; each location answers with its place."""
    return "".join(_server(table, table.servers[name], index, sock) for index, name in enumerate(sorted(table.servers)))


def _server(table: NginxTable, server: Server, index: int, sock: Path) -> str:
    default = " default_server" if server.host == CATCH_ALL else ""
    name = server.host
    if name.startswith("*."):
        escaped = name[2:].replace(".", "\\.")
        name = f"~^(?<subdomain>[\\w-]+)\\.{escaped}$"
    names = " ".join(f'"{item}"' for item in (name, *server.aliases))
    blocks = "".join(
        f'location {_shape(server, item)} {{ return 200 "{index}/{place}"; }}\n'
        for place, item in enumerate(server.locations)
    )
    assert table.servers[server.host] is server
    return f"server {{ listen unix:{sock}{default}; server_name {names};\n{blocks}}}\n"


def _shape(server: Server, location: Location) -> str:
    if server.regex:
        return f'~* "^{location.path}"'
    return f'= "{location.path}"' if location.exact else f'"{location.path}"'


def model_says(table: NginxTable, host: str, uri: str) -> str:
    """Return the same of the model: the place of the location, or the status where there is none."""
    try:
        path = normal_path(uri.partition("?")[0].partition("#")[0])
    except BadPathError:
        return "400"
    server, _ = choose_server(table, host)
    judged = judge_locations(server, path)
    assert all(item.takes is not None for item in judged)
    taken = next((item.location for item in judged if item.takes), None)
    if taken is None:
        return "404"
    return f"{sorted(table.servers).index(server.host)}/{server.locations.index(taken)}"


def nginx_says(sock: Path, host: str, uri: str) -> str:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(str(sock))
        connection.sendall(f"GET {uri} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while more := connection.recv(65_536):
            answer += more
    head, _, body = answer.partition(b"\r\n\r\n")
    status = head.split(b" ")[1].decode()
    return body.decode() if status == "200" else status


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder whose path is short enough for a socket."""
    return tmp_path_factory.mktemp("n")


@pytest.mark.parametrize("seed", range(4))
def test_the_same_server_and_location(seed: int, folder: Path) -> None:
    made = tables(seed)
    served = {folder / f"s{number}": next(made) for number in range(TABLES)}
    body = "".join(written(table, sock) for sock, table in served.items())
    temps = "".join(f"{name}_temp_path {folder}/t;\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    config = folder / "nginx.conf"
    config.write_text(
        f"daemon off; master_process off; worker_processes 1; pid {folder}/pid; error_log stderr crit;\n"
        f"events {{ worker_connections 512; }}\n"
        f"http {{ access_log off; server_names_hash_bucket_size 128; {temps} {body} }}\n"
    )
    process = subprocess.Popen([NGINX, "-p", str(folder), "-c", str(config)], stderr=subprocess.PIPE)
    try:
        _wait(process, list(served))
        wrong = [
            (host, uri, nginx, model, _shown(table))
            for sock, table in served.items()
            for host in ASKED
            for uri in URIS[:: 1 if host in ("a.test", "x.a.test") else 5]
            if (nginx := nginx_says(sock, host, uri)) != (model := model_says(table, host, uri))
        ]
    finally:
        process.terminate()
        process.communicate(timeout=20)
    assert wrong[:3] == []


def _shown(table: NginxTable) -> dict[str, list[str]]:
    return {name: [_shape(server, item) for item in server.locations] for name, server in table.servers.items()}


def _wait(process: subprocess.Popen[bytes], socks: list[Path]) -> None:
    for _ in range(600):
        assert process.poll() is None, process.communicate()[1].decode()
        if all(sock.exists() for sock in socks):
            return
        time.sleep(0.05)
    raise AssertionError("nginx did not listen within 30 s")
