"""Applications in pods: HTTP servers that answer as the world's backends say.

A pod listens only while its container runs, only on the ports its backend lists, whatever the Service claims: so
a wrong targetPort is refused because nobody is there. A request gets the entry whose `path` is its own, else the one
with the longest `prefix`; `{method}`, `{path}`, `{host}` and `{proto}` in a body or redirect are filled in, the last
from X-Forwarded-Proto. Per path: status, headers, body, redirect, delay_s, websocket (an upgrade is granted, and
echoes), close (no answer), raw (bytes as they are), header_bytes (one huge header), trickle_s (slow body), needs (a
Service and port that the pod must reach, else the answer is the entry's own status, headers and body). Of several
entries for one port the first counts whose `if` holds: a ConfigMap of the pod's namespace has this value under this
key. `https_only` sends whoever did not come by https (X-Forwarded-Proto) there. A backend with a `node` in the place
of a selector is a process of that machine, on all of its addresses.
`protocol: tcp` is a bare TCP service with an optional `greeting`; `protocol: grpc` speaks HTTP/2 only and knows the
methods of its `services`, each of which answers `status` (a gRPC status, 0 unless said) and `message`, or 14 while a
Service that it `needs` is out of reach; other protocols are served elsewhere. `tls` holds the order of a certificate.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Mapping
from typing import Any

from ingressdoctor.lab.cluster import (
    Cluster,
    Object,
    dig,
    is_running,
    labels_of,
    mapping,
    matches,
    namespace_of,
    pod_address,
    sequence,
    text,
)
from ingressdoctor.lab.network import Handler, Network
from ingressdoctor.lab.pki import Order, Pki, server_context
from ingressdoctor.lab.serve.http2_server import serve_h2_only
from ingressdoctor.lab.serve.nodes import Nodes, host_addresses
from ingressdoctor.lab.serve.websocket import handshake
from ingressdoctor.lab.serve.wire import App, Hangup, Request, Response, serve_http
from ingressdoctor.lab.stream import Duplex

MAX_DELAY_S = 20.0
DEPENDENCY_S = 0.3
_HEALTH_CHECK = "/grpc.health.v1.Health/Check"
_SERVING = b"\x08\x01"  # HealthCheckResponse: field 1 (status), 1 (SERVING)


def start_backends(
    network: Network, cluster: Cluster, nodes: Nodes, pki: Pki, backends: tuple[Mapping[str, Any], ...]
) -> None:
    """Listen for every running pod that a backend selects, and for what runs on machines beside the cluster."""
    for backend in backends:
        machine = text(backend.get("node"))
        if machine and nodes.is_up(machine):
            places = (*nodes.internal(machine), *nodes.external(machine))
            _listen(network, pki, backend, _Reach(network, cluster, {}), tuple(dict.fromkeys(places)))
        for pod in () if machine else _selected(cluster, mapping(backend.get("selector"))):
            if _is_serving(pod, text(backend.get("container"))):
                _listen(network, pki, backend, _Reach(network, cluster, pod), host_addresses(nodes, pod))


def _listen(network: Network, pki: Pki, backend: Mapping[str, Any], reach: _Reach, places: tuple[str, ...]) -> None:
    taken: set[int] = set()
    for entry in map(mapping, sequence(backend.get("listen"))):
        port = entry.get("port")
        protocol = entry.get("protocol", "http")
        if not isinstance(port, int) or protocol not in {"http", "tcp", "grpc"}:
            continue
        if port in taken or not reach.holds(mapping(entry.get("if"))):
            continue
        taken.add(port)
        order = Order.from_annotation(entry.get("tls"))
        alpn = ("h2",) if protocol == "grpc" else ("http/1.1",)
        tls = server_context(pki.issue(order), alpn) if order else None
        handler = _handler_of(protocol, entry, reach)
        for ip in places:
            network.listen(ip, port, handler, tls=tls)


class _Reach:
    """What one pod reads and reaches: ConfigMaps, and a real connection to a Service, made as that pod."""

    def __init__(self, network: Network, cluster: Cluster, pod: Object) -> None:
        self._network = network
        self._cluster = cluster
        self._pod = pod

    def holds(self, condition: Mapping[str, Any]) -> bool:
        """Whether a ConfigMap says what an entry depends on; an entry without a condition always counts."""
        if not condition:
            return True
        found = self._cluster.get("ConfigMap", namespace_of(self._pod), text(condition.get("config_map")))
        return text(dig(found, "data", text(condition.get("key")))) == text(condition.get("value"))

    async def reaches(self, wanted: Mapping[str, Any]) -> bool:
        """Whether a Service of the pod's namespace accepts a connection."""
        service = self._cluster.get("Service", namespace_of(self._pod), text(wanted.get("service")))
        address, port = text(dig(service, "spec", "clusterIP")), wanted.get("port")
        if not address or not isinstance(port, int):
            return False
        try:
            stream = await self._network.connect(
                address, port, source_ip=pod_address(self._pod), timeout_s=DEPENDENCY_S
            )
        except OSError:
            return False
        stream.close()
        return True


def _handler_of(protocol: str, entry: Mapping[str, Any], reach: _Reach) -> Handler:
    if protocol == "grpc":
        return _grpc(entry, reach)
    return _handler(_paths(entry), reach) if protocol == "http" else _greeter(text(entry.get("greeting")))


def _selected(cluster: Cluster, selector: Mapping[str, Any]) -> tuple[Object, ...]:
    namespace = text(selector.get("namespace"))
    wanted = {"matchLabels": selector.get("labels")}
    return tuple(
        pod for pod in cluster.all("Pod") if namespace in {"", namespace_of(pod)} and matches(labels_of(pod), wanted)
    )


def _is_serving(pod: Object, container: str) -> bool:
    """Whether the container that answers runs: the named one, else the pod's first."""
    names = [text(mapping(item).get("name")) for item in sequence(dig(pod, "spec", "containers"))]
    chosen = container or (names[0] if names else "")
    return bool(chosen) and is_running(pod, chosen)


def _paths(entry: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """Exact paths first, then the longest prefix."""
    paths = [mapping(item) for item in sequence(entry.get("paths"))]
    return tuple(sorted(paths, key=lambda item: ("path" not in item, -len(text(item.get("prefix", "/"))))))


def _is_for(spec: Mapping[str, Any], path: str) -> bool:
    return path == spec["path"] if "path" in spec else path.startswith(text(spec.get("prefix", "/")))


def _handler(paths: tuple[Mapping[str, Any], ...], reach: _Reach) -> Handler:
    async def handle(stream: Duplex) -> None:
        await serve_http(stream, _app(paths, reach), bad_request=b"HTTP/1.1 400 Bad Request\r\n\r\n")

    return handle


def _grpc(entry: Mapping[str, Any], reach: _Reach) -> Handler:
    """A gRPC server (C-core): HTTP/2 with prior knowledge, POST only; what it does not know is unimplemented."""
    services = tuple(map(text, sequence(entry.get("services"))))

    async def outcome(request: Request) -> tuple[int, str]:
        if request.method != "POST":
            return 2, "Bad method header"
        if request.path.strip("/").partition("/")[0] not in services:
            return 12, ""
        needs = mapping(entry.get("needs"))
        if needs and not await reach.reaches(needs):
            return 14, f"failed to connect to {text(needs.get('service'))}"
        return int(_number(entry.get("status"))), text(entry.get("message"))

    async def answer(request: Request, _: Duplex) -> Response:
        status, message = await outcome(request)
        ending = (("grpc-status", str(status)), ("grpc-message", message))
        headers = (("Content-Type", "application/grpc"),)
        if status:
            return Response(status=200, headers=(*headers, *ending))  # "Trailers-Only"
        reply = _SERVING if request.path == _HEALTH_CHECK else b""
        return Response(status=200, headers=headers, body=struct.pack(">BI", 0, len(reply)) + reply, trailers=ending)

    async def handle(stream: Duplex) -> None:
        await serve_h2_only(stream, answer)

    return handle


def _greeter(greeting: str) -> Handler:
    """A TCP service that says *greeting* (may be empty) and then listens until the client leaves."""

    async def handle(stream: Duplex) -> None:
        await stream.write(greeting.encode("latin-1", "replace"))
        while await stream.read():
            pass
        await stream.finish()

    return handle


def _app(paths: tuple[Mapping[str, Any], ...], reach: _Reach) -> App:
    async def answer(request: Request, stream: Duplex) -> Response:
        spec = next((item for item in paths if _is_for(item, request.path)), None)
        if spec is None:
            return Response(status=404, headers=(("Content-Type", "text/plain"),), body=b"Not Found\n")
        needs = mapping(spec.get("needs"))
        if needs and not await reach.reaches(needs):
            spec = needs
        if spec.get("https_only") is True and request.get("x-forwarded-proto") != "https":
            spec = {"status": 301, "redirect": "https://{host}{path}"}
        await asyncio.sleep(min(_number(spec.get("delay_s")), MAX_DELAY_S))
        if spec.get("close"):
            raise Hangup
        if spec.get("websocket") is True and (opened := handshake(request)):
            return opened
        if spec.get("raw") is not None:
            await stream.write(text(spec["raw"]).encode("latin-1", "replace"))
            raise Hangup
        return _response(spec, request)

    return answer


def _response(spec: Mapping[str, Any], request: Request) -> Response:
    headers = {text(key): text(value) for key, value in mapping(spec.get("headers")).items()}
    if huge := int(_number(spec.get("header_bytes"))):
        headers["X-Session"] = "x" * huge
    status = spec.get("status", 200)
    redirect = text(spec.get("redirect"))
    if redirect:
        status = status if isinstance(status, int) and 300 <= status < 400 else 301
        headers["Location"] = _filled(redirect, request, path=request.target)
    headers.setdefault("Content-Type", "text/html; charset=utf-8")
    return Response(
        status=status if isinstance(status, int) and 200 <= status <= 599 else 500,
        headers=tuple(headers.items()),
        body=_filled(text(spec.get("body")), request, path=request.path).encode(),
        trickle_s=_number(spec.get("trickle_s")),
    )


def _filled(template: str, request: Request, *, path: str) -> str:
    """*template* with what the request says; an application that is told no scheme takes its own."""
    known = {
        "{method}": request.method,
        "{path}": path,
        "{host}": request.get("host"),
        "{proto}": request.get("x-forwarded-proto", "http"),
    }
    for key, value in known.items():
        template = template.replace(key, value)
    return template


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) and value > 0 else 0.0
