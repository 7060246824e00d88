"""Cloudflare's edge: TLS by SNI on the anycast addresses, zone settings, and a real request to the origin.

What a visitor gets depends on the zone's objects and on what the origin's sockets did, nothing else. Zone extras of
a world: `waf` (rules with host, path and action block, challenge or ratelimit) and `certificate_packs` (hosts). Access
stands before the origin (edge_access.py); a tunnel's requests go to one of its connectors, or end with 530 and 1033.
"""

from __future__ import annotations

import asyncio
import dataclasses
import ipaddress
import json
import secrets
import ssl
import time
from collections.abc import Awaitable, Callable

from ingressdoctor.lab.cluster import mapping, sequence, text
from ingressdoctor.lab.network import Handler, Network
from ingressdoctor.lab.pki import Pki, covers, server_context
from ingressdoctor.lab.serve.edge_access import Access, without_token
from ingressdoctor.lab.serve.edge_origin import OriginClient, OriginFailure, Turns, Way
from ingressdoctor.lab.serve.edge_pages import challenge_page, error_page, redirect
from ingressdoctor.lab.serve.edge_zones import Origin, Zone, Zones, matching_rule
from ingressdoctor.lab.serve.http2 import ALPN
from ingressdoctor.lab.serve.http2_server import serve_h2
from ingressdoctor.lab.serve.wire import HOP_BY_HOP, Headers, Request, Response, serve_http, upgrade_of, without
from ingressdoctor.lab.stream import Duplex, TlsStream
from ingressdoctor.lab.world import World

COLO = "ATH"
SOURCE_IP = "172.69.150.20"
SOURCE_IP6 = "2a06:98c0:3600::103"
BAD_REQUEST = (
    b"HTTP/1.1 400 Bad Request\r\nServer: cloudflare\r\nContent-Type: text/html\r\nContent-Length: 24\r\n"
    b"Connection: close\r\nCF-RAY: -\r\n\r\n<h1>400 Bad Request</h1>"
)
_REWRITTEN = (
    "host",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-real-ip",
    "cf-ray",
    "cf-visitor",
    "cf-ipcountry",
    "cdn-loop",
)
_HANDSHAKE_S = 3.0

Serve = Callable[[Request], Awaitable[Response]]


class Edge:
    """The edge of one world."""

    def __init__(
        self, network: Network, pki: Pki, world: World, access: Access, tunnel: Callable[[str], Serve | None]
    ) -> None:
        """*tunnel* gives the connector that takes a tunnel's next request; None when there is none."""
        cloudflare, settings = world.cloudflare, world.settings
        anycast = mapping(settings.get("anycast"))
        self.addresses = (*map(text, sequence(anycast.get("v4"))), *map(text, sequence(anycast.get("v6"))))
        self._network = network
        self._access = access
        self._tunnel = tunnel
        self._read_s = float(settings.get("edge_read_s", 0.8))
        self._zones = Zones(cloudflare, self.addresses)
        self.latency_s = 0.0
        self._turns = Turns()
        self._client = OriginClient(
            network,
            connect_s=float(settings.get("edge_connect_s", 0.25)),
            read_s=self._read_s,
        )
        self._contexts = {zone.name: _context(pki, zone) for zone in self._zones.all}
        # An origin is asked in HTTP/2 for gRPC only, which needs it; by (strict, gRPC).
        self._clients = {
            (strict, grpc): pki.client_context(strict=strict, alpn=ALPN if grpc else ("http/1.1",))
            for strict in (False, True)
            for grpc in (False, True)
        }

    def attach(self) -> None:
        """Listen on ports 80 and 443 of every anycast address."""
        for ip in self.addresses:
            self._network.listen(ip, 80, self._plain)
            self._network.listen(ip, 443, self._secure())

    def _secure(self) -> Handler:
        async def handle(stream: Duplex) -> None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.set_alpn_protocols(list(ALPN))
            asked: list[str] = []

            def choose(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> int | None:
                host = (name or "").lower().rstrip(".")
                zone = self._zones.of(host)
                if zone is None or not zone.active or not any(covers(n, host) for n in zone.certificate_names):
                    return int(ssl.ALERT_DESCRIPTION_HANDSHAKE_FAILURE)
                asked.append(host)
                connection.context = self._contexts[zone.name]
                return None

            context.sni_callback = choose
            secured = TlsStream(stream, context)
            async with asyncio.timeout(_HANDSHAKE_S):
                await secured.handshake()
            http2 = secured.alpn() == "h2"
            await self._http(secured, scheme="https", sni=asked[0] if asked else "", http2=http2)

        return handle

    async def _plain(self, stream: Duplex) -> None:
        await self._http(stream, scheme="http", sni="")

    async def _http(self, stream: Duplex, *, scheme: str, sni: str, http2: bool = False) -> None:
        async def app(request: Request, stream: Duplex) -> Response:
            ray = f"{secrets.token_hex(8)}-{COLO}"
            visit = _Visit(request, scheme=scheme, sni=sni, ray=ray, client_ip=stream.peer.ip)
            response = await self._answer(visit)
            if self.latency_s:
                await asyncio.sleep(self.latency_s)
            headers = without(response.headers, (*HOP_BY_HOP, "server", "cf-ray", "content-length"))
            length = (("Content-Length", value),) if (value := response.get("content-length")) else ()
            switched = upgrade_of(response.headers)
            return dataclasses.replace(
                response, headers=(*headers, *switched, *length, ("Server", "cloudflare"), ("CF-RAY", ray))
            )

        if http2:
            await serve_h2(stream, app)
        else:
            await serve_http(stream, app, bad_request=BAD_REQUEST)

    async def _answer(self, visit: _Visit) -> Response:
        zone = self._zones.of(visit.host)
        code = self._refusal(visit)
        if code or zone is None:
            return error_page(code or 1001, visit.request, visit.host, visit.ray)
        if visit.request.path == "/cdn-cgi/trace":
            return _trace(visit)
        own = self._own_answer(zone, visit)
        return own if own is not None else await self._from_origin(zone, visit)

    def _refusal(self, visit: _Visit) -> int:
        """Code of the error that ends a request before its zone's settings count; 0 for none."""
        host = visit.host
        if _is_address(host):
            return 1003
        if visit.sni and visit.sni != host and self._zones.of(visit.sni) is not self._zones.of(host):
            return 1013
        if not self._zones.serves(host):
            return 1001
        # A request that already went through the edge has come back to it.
        return 1000 if visit.request.get("cf-connecting-ip") else 0

    def _own_answer(self, zone: Zone, visit: _Visit) -> Response | None:
        """What the zone's settings, WAF rules and Access applications answer before the origin is asked."""
        request, host = visit.request, visit.host
        secure = f"https://{host}{request.target}"
        if visit.scheme == "http" and zone.setting("always_use_https", "off") == "on":
            return redirect(301, secure)
        if visit.scheme == "https" and zone.setting("ssl", "full") == "off":
            return redirect(301, f"http://{host}{request.target}")
        match matching_rule(zone, host, request.path).get("action"):
            case "block":
                return error_page(1020, request, host, visit.ray)
            case "challenge":
                return challenge_page(host)
            case "ratelimit":
                return error_page(1015, request, host, visit.ray)
            case _:
                pass
        passage = self._access.judge(request, host, visit.client_ip)
        visit.granted = passage.headers
        return passage.response

    async def _from_origin(self, zone: Zone, visit: _Visit) -> Response:
        origin = self._zones.origin(visit.host)
        code = origin.error
        if not code:
            try:
                response = await self._ask(zone, visit, origin)
            except OriginFailure as failure:
                code = failure.code
            else:
                pass_through = zone.setting("origin_error_page_pass_thru", "off") == "on"
                if response.status not in {502, 504} or pass_through:
                    return dataclasses.replace(response, headers=(*response.headers, ("CF-Cache-Status", "DYNAMIC")))
                code = response.status
        return error_page(code, visit.request, visit.host, visit.ray)

    async def _ask(self, zone: Zone, visit: _Visit, origin: Origin) -> Response:
        """The origin's answer, over its tunnel where it has one; OriginFailure when there is none."""
        if not origin.tunnel:
            chosen = self._turns.take(visit.host, origin.addresses)[: zone.tries]
            return await self._client.ask(chosen, self._way(zone, visit, origin), _forwarded(visit))
        serve = self._tunnel(origin.tunnel)
        if serve is None:
            raise OriginFailure(1033)
        try:
            async with asyncio.timeout(self._read_s):
                return await serve(_forwarded(visit))
        except TimeoutError as error:
            raise OriginFailure(524) from error

    def _way(self, zone: Zone, visit: _Visit, origin: Origin) -> Way:
        mode = zone.setting("ssl", "full")
        plain = mode in {"off", "flexible"} or (visit.scheme == "http" and mode != "origin_pull")
        if plain:
            return Way(port=80, source_ip=SOURCE_IP, source_ip6=SOURCE_IP6)
        strict = mode in {"strict", "origin_pull"}
        return Way(
            port=443,
            source_ip=SOURCE_IP,
            source_ip6=SOURCE_IP6,
            tls=self._clients[strict, visit.request.get("content-type").startswith("application/grpc")],
            server_name=visit.host,
            accepted_names=origin.names if strict else (),
        )


def _context(pki: Pki, zone: Zone) -> ssl.SSLContext:
    """The zone's certificate, and HTTP/2 unless the zone has it off."""
    protocols = ALPN if zone.setting("http2", "on") == "on" else ("http/1.1",)
    return server_context(pki.issue(zone.certificate), protocols)


class _Visit:
    """One request at the edge and what is known about its connection."""

    def __init__(self, request: Request, *, scheme: str, sni: str, ray: str, client_ip: str) -> None:
        self.request = request
        self.scheme = scheme
        self.sni = sni
        self.ray = ray
        self.client_ip = client_ip
        self.host = _host(request.get("host"))
        self.granted: Headers = ()


def _host(value: str) -> str:
    """Host header without port, lower case, without a trailing dot; brackets of IPv6 are cut."""
    value = value.strip().lower()
    if value.startswith("["):
        return value[1:].partition("]")[0]
    return value.partition(":")[0].rstrip(".")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _forwarded(visit: _Visit) -> Request:
    request = visit.request
    chain = ", ".join(filter(None, (request.get("x-forwarded-for"), visit.client_ip)))
    headers = (
        ("Host", visit.host),
        *without_token(without(request.headers, (*HOP_BY_HOP, *_REWRITTEN))),
        *visit.granted,
        *upgrade_of(request.headers),
        *((("TE", "trailers"),) if request.get("content-type").startswith("application/grpc") else ()),
        ("X-Forwarded-For", chain),
        ("X-Forwarded-Proto", visit.scheme),
        ("CF-Connecting-IP", visit.client_ip),
        ("CF-IPCountry", "GR"),
        ("CF-RAY", visit.ray),
        ("CF-Visitor", json.dumps({"scheme": visit.scheme}, separators=(",", ":"))),
        ("CDN-Loop", "cloudflare; loops=1"),
    )
    return Request(method=request.method, target=request.target, headers=headers, body=request.body)


def _trace(visit: _Visit) -> Response:
    lines = {
        "fl": "412f57",
        "h": visit.host,
        "ip": visit.client_ip,
        "ts": f"{time.time():.3f}",
        "visit_scheme": visit.scheme,
        "uag": visit.request.get("user-agent"),
        "colo": COLO,
        "sliver": "none",
        "http": f"http/{visit.request.version}",
        "loc": "GR",
        "tls": "TLSv1.3" if visit.scheme == "https" else "off",
        "sni": "plaintext" if visit.sni else "off",
        "warp": "off",
        "gateway": "off",
        "rbi": "off",
        "kex": "X25519",
    }
    body = "".join(f"{key}={value}\n" for key, value in lines.items())
    headers = (("Content-Type", "text/plain"), ("Cache-Control", "no-cache"))
    return Response(status=200, headers=headers, body=body.encode())
