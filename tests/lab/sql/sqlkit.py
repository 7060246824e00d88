"""Worlds of the SQL path to change, and clients of their port 3306, pods and REST API."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import socket
from collections.abc import Iterator, Mapping
from typing import Any

from kubernetes import client, config
from kubernetes.stream import portforward

from ingressdoctor.lab import Expectation, Fault, Lab, World, apply_fault, load_world, made_ready, running
from ingressdoctor.lab.world import merged
from lab import mysql_visitor

NAMESPACE = "ecommercen-clients-wecare"
URL = "mysql://erp-db-user@erp.wecare.gr:3306/wecare"
USER = "erp-db-user"
PORT = "203.0.113.10:3306:127.0.0.1:"

Operation = Mapping[str, Any]


def tenant(kind: str, name: str, **change: Any) -> Operation:
    """An operation on one of the tenant's objects: set=…, remove=…, delete=True."""
    return {"object": {"kind": kind, "namespace": NAMESPACE, "name": name}, **change}


def listener_params(**params: str) -> Operation:
    return tenant("MaxScale", "maxscale", set={"spec.services[0].listener.params": params})


def image(tag: str) -> Operation:
    return tenant("MaxScale", "maxscale", set={"spec.image": f"docker.io/mariadb/maxscale:{tag}"})


def to_mariadb() -> tuple[Operation, ...]:
    """The route past MaxScale, straight to the primary."""
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "primary", "namespace": NAMESPACE},
        "spec": {
            "clusterIP": "10.43.21.99",
            "selector": {"statefulset.kubernetes.io/pod-name": "mariadb-0"},
            "ports": [{"name": "mariadb", "port": 3306, "targetPort": "mariadb", "protocol": "TCP"}],
        },
    }
    leads = {"spec.routes[0].services[0].name": "primary"}
    return ({"add": service}, tenant("IngressRouteTCP", "maxscale-tcp-route", set=leads))


def changed(*operations: Operation, sql: Mapping[str, Any] | None = None, **settings: Any) -> World:
    """wecare with operations done, and settings of its own; ready to be asked for MySQL."""
    fault = Fault(
        name="made-here",
        world="wecare",
        title="",
        kind="fault",
        host=URL,
        patch=operations,
        expect=Expectation(status="fail"),
    )
    world = made_ready(apply_fault(load_world("wecare"), fault), URL)
    policy = {"network_policy": "ignore", "sql": dict(sql or {}), **settings}
    return replaced(world, policy)


def replaced(world: World, settings: Mapping[str, Any]) -> World:
    fields = {name: getattr(world, name) for name in World.__dataclass_fields__}
    return World(**{**fields, "settings": merged(world.settings, settings)})


@contextlib.contextmanager
def serving(*operations: Operation, sql: Mapping[str, Any] | None = None, **settings: Any) -> Iterator[Lab]:
    with running(changed(*operations, sql=sql, **settings)) as lab:
        yield lab


def port_of(lab: Lab) -> int:
    return next(int(entry.removeprefix(PORT)) for entry in lab.handout.connect_to if entry.startswith(PORT))


def log_in(lab: Lab, *, user: str = USER, password: str | None = None, database: str = "wecare") -> Any:
    right = lab.handout.environment["INGRESSDOCTOR_SQL_PASSWORD"]
    return mysql_visitor.connected(port_of(lab), user, right if password is None else password, database)


def ask(connection: Any, statement: str) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        found: tuple[Any, ...] = cursor.fetchone() or ()
        return found


def packets_of(lab: Lab, count: int, say: bytes = b"") -> list[tuple[int, bytes]]:
    """(sequence, payload) of the first packets on the port, after saying something or nothing."""
    with socket.create_connection(("127.0.0.1", port_of(lab)), timeout=10) as sock:
        if say:
            sock.sendall(say)
        sock.settimeout(8.0)
        return raw_packets(sock, count)


def raw_packets(sock: socket.socket, count: int) -> list[tuple[int, bytes]]:
    data = b""
    found: list[tuple[int, bytes]] = []
    while len(found) < count:
        if len(data) >= 4 and len(data) >= 4 + int.from_bytes(data[:3], "little"):
            size = 4 + int.from_bytes(data[:3], "little")
            found.append((data[3], data[4:size]))
            data = data[size:]
            continue
        more = sock.recv(4096)
        if not more:
            break
        data += more
    return found


def answer_of(sock: socket.socket) -> tuple[bytes, bytes]:
    """Head and body of an HTTP answer, which says how long it is."""
    answer = b""
    while True:
        head, _, body = answer.partition(b"\r\n\r\n")
        size = re.search(rb"(?i)content-length: (\d+)", head)
        if size and len(body) >= int(size[1]):
            return head, body
        data = sock.recv(65536)
        assert data, "the answer ends early"
        answer += data


def core(lab: Lab) -> Any:
    settings = client.Configuration()
    load: Any = config.load_kube_config
    load(str(lab.handout.kubeconfig), client_configuration=settings)
    return client.CoreV1Api(client.ApiClient(settings))


def forwarded(lab: Lab, pod: str, port: int) -> Any:
    """A port-forward to a pod, as the Python client makes it."""
    return portforward(core(lab).connect_get_namespaced_pod_portforward, pod, NAMESPACE, ports=str(port))


def rest(lab: Lab, path: str, *, user: str = "mariadb-operator", password: str | None = None) -> tuple[int, Any]:
    """Status and body of a GET of MaxScale's REST API, by port-forward."""
    right = lab.handout.environment["INGRESSDOCTOR_MAXSCALE_PASSWORD"]
    pair = f"{user}:{right if password is None else password}".encode()
    head = f"GET {path} HTTP/1.1\r\nHost: maxscale\r\nConnection: close\r\nAuthorization: Basic "
    forward = forwarded(lab, "maxscale-0", 8989)
    sock = forward.socket(8989)
    sock.settimeout(10.0)
    try:
        sock.sendall(head.encode() + base64.b64encode(pair) + b"\r\n\r\n")
        top, body = answer_of(sock)
    finally:
        forward.close()
    return int(top.split()[1]), json.loads(body) if body[:1] in {b"{", b"["} else body
