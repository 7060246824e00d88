"""HTTP on a Traefik entry point: forwarded headers, router, middlewares, service, access log.

Answers Traefik gives itself carry no Server header and the exact bodies of Go's net/http and of its proxy.
"""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from ingressdoctor.lab.serve.http2_server import H2Stream, serve_h2
from ingressdoctor.lab.serve.traefik.journal import Access, Notes
from ingressdoctor.lab.serve.traefik.layers import Layer, Visit
from ingressdoctor.lab.serve.traefik.matchers import facts_of, in_network, sanitize
from ingressdoctor.lab.serve.traefik.model import Server, Sticky
from ingressdoctor.lab.serve.traefik.proxy import STATUS_CLIENT_GONE, Proxy, Services, server_hash
from ingressdoctor.lab.serve.traefik.runtime import Active, Tables, first_match
from ingressdoctor.lab.serve.wire import Hangup, Request, Response, serve_http, without
from ingressdoctor.lab.stream import Duplex, TlsStream

BAD_REQUEST = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request"
)
_FORWARDED = (
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-proto",
    "x-forwarded-server",
    "x-forwarded-uri",
    "x-forwarded-method",
    "x-forwarded-tls-client-cert",
    "x-real-ip",
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What an entry point's HTTP handler works with."""

    proxy: Proxy
    services: Services
    server_name: str
    log_access: Callable[[Access], None]
    log: Callable[[Notes], None]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    response: Response
    router: str = ""
    service: str = ""
    server_url: str = ""
    origin_status: int = 0
    origin_ns: int = 0


def not_found() -> Response:
    """Go's 404."""
    headers = (("Content-Type", "text/plain; charset=utf-8"), ("X-Content-Type-Options", "nosniff"))
    return Response(status=404, headers=headers, body=b"404 page not found\n")


class HttpEntry:
    """Serves HTTP of one entry point, plain or over TLS."""

    def __init__(self, tables: Tables, tools: Tools) -> None:
        self._tables = tables
        self._tools = tools
        self._count = itertools.count(1)

    async def serve(self, stream: Duplex, *, secure: bool) -> None:
        """Answer requests until the connection ends."""
        routers = self._tables.secure if secure else self._tables.plain

        async def app(request: Request, stream: Duplex) -> Response:
            started, clock = datetime.now(UTC), time.monotonic_ns()
            request = dataclasses.replace(
                request,
                headers=self._trusted(request, stream.peer.ip, secure=secure),
                target=_clean(request.target),
            )
            result = await self._route(routers, request, stream)
            if not result.service.endswith("@internal"):
                self._log(request, stream, result, (started, time.monotonic_ns() - clock))
            if result.response.status == STATUS_CLIENT_GONE:
                raise Hangup
            date = () if result.response.get("date") else (("Date", started.strftime("%a, %d %b %Y %H:%M:%S GMT")),)
            headers = (*result.response.headers, *date)
            return dataclasses.replace(result.response, headers=headers)

        if isinstance(stream, TlsStream) and stream.alpn() == "h2":
            await serve_h2(stream, app)
        else:
            await serve_http(stream, app, bad_request=BAD_REQUEST)

    async def _route(self, routers: tuple[Active, ...], request: Request, stream: Duplex) -> _Result:
        facts = facts_of(request.method, request.target, request.headers, stream.peer.ip)
        router = first_match(routers, facts)
        if router is None:
            return _Result(response=not_found())
        visit = Visit(request=request, scheme=request.get("x-forwarded-proto", "http"), peer_ip=stream.peer.ip)
        passed: list[tuple[Layer, Visit]] = []
        for layer in router.layers:
            answer = layer.before(visit)
            passed.append((layer, visit))
            if isinstance(answer, Response):
                result = _Result(response=answer, router=router.name, service=router.service)
                break
            visit = answer
        else:
            result = await self._serve(router, visit, stream)
        response = result.response
        for layer, seen in reversed(passed):
            response = layer.after(response, seen)
        return dataclasses.replace(result, response=response)

    async def _serve(self, router: Active, visit: Visit, stream: Duplex) -> _Result:
        name = router.service
        if name.endswith("@internal"):
            answer = _internal_answer(name, visit.request)
            return _Result(response=answer, router=router.name, service=name)
        chosen = self._tools.services.pick(name, _cookies(visit.request))
        if chosen is None:
            headers = (
                ("Content-Type", "text/plain; charset=utf-8"),
                ("X-Content-Type-Options", "nosniff"),
            )
            none = Response(status=503, headers=headers, body=b"no available server\n")
            return _Result(response=none, router=router.name, service=name)
        service, server = chosen
        if service.status:
            return _Result(response=Response(status=service.status), router=router.name, service=name)
        outgoing = self._outgoing(visit, stream, pass_host=service.pass_host, address=server.address)
        outcome = await self._tools.proxy.forward(service, server, outgoing, stream)
        if outcome.error:
            notes = Notes()
            text = f"{outcome.response.status} {outcome.response.body.decode()}"
            (notes.error if "tls:" in outcome.error else notes.debug)(text, error=outcome.error)
            self._tools.log(notes)
        # A client that shows the cookie of a server that is still there gets no new one.
        kept = service.sticky and _cookies(visit.request).get(service.sticky.name) == server_hash(server)
        cookie = (("Set-Cookie", _set_cookie(service.sticky, server)),) if service.sticky and not kept else ()
        return _Result(
            response=dataclasses.replace(outcome.response, headers=(*cookie, *outcome.response.headers)),
            router=router.name,
            service=name,
            server_url=server.url,
            origin_status=outcome.response.status,
            origin_ns=outcome.origin_ns,
        )

    def _trusted(self, request: Request, peer_ip: str, *, secure: bool) -> tuple[tuple[str, str], ...]:
        """Headers with X-Forwarded-* only from trusted peers, and Traefik's own additions."""
        point = self._tables.entry_point
        trusted = point.forwarded_insecure or any(in_network(peer_ip, net) for net in point.forwarded_trusted)
        headers = request.headers if trusted else without(request.headers, _FORWARDED)
        present = {key.lower() for key, _ in headers}
        added = {
            "X-Real-Ip": peer_ip,
            "X-Forwarded-Proto": "https" if secure else "http",
            "X-Forwarded-Port": "443" if secure else "80",
            "X-Forwarded-Host": request.get("host"),
            "X-Forwarded-Server": self._tools.server_name,
        }
        return (*headers, *((key, value) for key, value in added.items() if key.lower() not in present))

    def _outgoing(self, visit: Visit, stream: Duplex, *, pass_host: bool, address: str) -> Request:
        request = visit.request
        chain = ", ".join(filter(None, (request.get("x-forwarded-for"), stream.peer.ip)))
        host = request.get("host") if pass_host else address
        kept = without(request.headers, ("host", "x-forwarded-for"))
        headers = (("Host", host), *kept, ("X-Forwarded-For", chain))
        return dataclasses.replace(request, headers=headers)

    def _log(self, request: Request, stream: Duplex, result: _Result, timing: tuple[datetime, int]) -> None:
        connection = stream.below if isinstance(stream, H2Stream) else stream
        secured = connection if isinstance(connection, TlsStream) else None
        self._tools.log_access(
            Access(
                client=str(stream.peer),
                client_host=request.get("x-forwarded-for") or stream.peer.ip,
                method=request.method,
                host=request.get("host"),
                path=request.target,
                protocol=f"HTTP/{request.version}",
                scheme="https" if secured else "http",
                status=result.response.status,
                size=len(result.response.body),
                started=timing[0],
                duration_ns=timing[1],
                entry_point=self._tables.entry_point.name,
                router=result.router,
                service=result.service,
                server_url=result.server_url,
                origin_status=result.origin_status,
                origin_ns=result.origin_ns,
                count=next(self._count),
                referer=request.get("referer"),
                agent=request.get("user-agent"),
                tls_version=(secured.version().removeprefix("TLSv") if secured else ""),
                tls_cipher=secured.cipher() if secured else "",
            )
        )


def _internal_answer(name: str, request: Request) -> Response:
    """What Traefik's own services answer; noop is what a redirect leads to whose scheme the request already had."""
    html = (("Content-Type", "text/html; charset=utf-8"),)
    match name.partition("@")[0], request.path:
        case "ping", _:
            return Response(status=200, body=b"OK")
        case "noop", _:
            return Response(status=418, body=b"")
        case "api" | "dashboard", "/":
            return Response(status=302, headers=(*html, ("Location", "/dashboard/")), body=b"")
        case "api" | "dashboard", path if path.startswith("/dashboard/"):
            return Response(status=200, headers=html, body=b"<!doctype html>\n<title>Traefik Proxy</title>\n")
        case "api", path if path.startswith("/api/"):
            return Response(status=200, headers=(("Content-Type", "application/json"),), body=b"{}\n")
        case _:
            return not_found()


def _cookies(request: Request) -> Mapping[str, str]:
    lines = (value for key, value in request.headers if key.lower() == "cookie")
    pairs = (part.strip().partition("=") for line in lines for part in line.split(";"))
    return {name: value.strip('"') for name, _, value in pairs}


def _set_cookie(sticky: Sticky, server: Server) -> str:
    """The cookie as Go's net/http writes it; an unknown SameSite is left out."""
    same_site = {"none": "None", "lax": "Lax", "strict": "Strict"}.get(sticky.same_site.lower(), "")
    parts = (
        f"{sticky.name}={server_hash(server)}",
        f"Path={sticky.path}" if sticky.path else "",
        f"Domain={sticky.domain.removeprefix('.')}" if sticky.domain else "",
        f"Max-Age={max(sticky.max_age, 0)}" if sticky.max_age else "",
        "HttpOnly" if sticky.http_only else "",
        "Secure" if sticky.secure else "",
        f"SameSite={same_site}" if same_site else "",
    )
    return "; ".join(part for part in parts if part)


def _clean(target: str) -> str:
    path, mark, query = target.partition("?")
    return sanitize(path) + mark + query if path.startswith("/") else target
