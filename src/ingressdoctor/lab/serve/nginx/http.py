"""HTTP of one nginx: server and location, redirects, refusals, the upstream, and the headers on both sides.

The order is nginx's: body size, `return` directives, the redirect to https, no endpoints (503), address lists (403),
the upstream. Source: kubernetes/ingress-nginx rootfs/etc/nginx/template/nginx.tmpl and lua/lua_ingress.lua (v1.15).
"""

from __future__ import annotations

import dataclasses
import random
import secrets
import time
from datetime import UTC, datetime

from ingressdoctor.lab.serve.nginx.certificates import Shown
from ingressdoctor.lab.serve.nginx.hosts import Hosts
from ingressdoctor.lab.serve.nginx.journal import Answered, Asked, Journal
from ingressdoctor.lab.serve.nginx.locations import find, normalised, rewritten
from ingressdoctor.lab.serve.nginx.model import DEFAULT_BACKEND, Location, Server, Upstream
from ingressdoctor.lab.serve.nginx.options import inside
from ingressdoctor.lab.serve.nginx.pages import page, redirect
from ingressdoctor.lab.serve.nginx.proxy import RAW, Outcome, Proxy
from ingressdoctor.lab.serve.nginx.upstreams import DEFAULT_PORT
from ingressdoctor.lab.serve.wire import HOP_BY_HOP, Hangup, Headers, Request, Response, upgrade_of, without
from ingressdoctor.lab.stream import Duplex

_HIDDEN = (*HOP_BY_HOP, "date", "server", "x-pad", "x-accel-redirect", "x-accel-expires", "content-length")
_REPLACED = (
    *("host", "x-request-id", "x-real-ip", "x-forwarded-for", "x-forwarded-host", "x-forwarded-port", "proxy"),
    *("x-forwarded-proto", "x-forwarded-scheme", "x-scheme", "x-original-forwarded-for", "x-original-forwarded-host"),
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Visit:
    """A request and what nginx believes of it."""

    request: Request
    scheme: str
    believed: str
    host: str
    client: str
    port: str
    asked: Asked


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    response: Response
    upstream: str = ""
    outcome: Outcome | None = None
    logged: bool = True


class Front:
    """Answers the requests of one controller pod."""

    def __init__(self, table: Shown, proxy: Proxy, journal: Journal) -> None:
        self._table = table
        self._servers = table.configuration.servers
        self._config = table.configuration.options.config
        self._proxy = proxy
        self._journal = journal
        self._hosts = Hosts(self._servers)

    async def answer(self, request: Request, stream: Duplex, *, secure: bool) -> Response:
        """The app of a listener."""
        started = time.monotonic()
        server = self._hosts.server(_host_of(request))
        visit = self._visit(request, stream, server, secure=secure)
        result = await self._route(server, visit)
        response = result.response
        if result.logged:
            self._journal.access(
                visit.asked,
                Answered(
                    status=f"{response.status:03d}",
                    sent=len(response.body),
                    upstream=result.upstream,
                    tries=result.outcome.tries if result.outcome else (),
                    seconds=time.monotonic() - started,
                ),
            )
        if response.status == RAW:
            return await _raw(response, request, stream, self._added(secure=secure))
        return dataclasses.replace(response, headers=(*response.headers, *self._added(secure=secure)))

    def _visit(self, request: Request, stream: Duplex, server: Server, *, secure: bool) -> _Visit:
        config, options = self._config, self._table.configuration.options
        scheme = "https" if secure else "http"
        client, believed, host = stream.peer.ip, scheme, request.get("host")
        port = "443" if secure else str(options.http_port)
        if config.use_forwarded_headers:
            client = self._real_ip(client, request.get("x-forwarded-for"))
            believed = request.get("x-forwarded-proto") or believed
            host = request.get("x-forwarded-host").split(",")[0] or host
            port = request.get("x-forwarded-port") or port
        if config.use_proxy_protocol and stream.local.port == 443:
            believed = "https"
        asked = Asked(
            client=client,
            server=server.host,
            line=f"{request.method} {request.target} HTTP/{request.version}",
            host=request.get("host"),
            referer=request.get("referer"),
            agent=request.get("user-agent"),
            size=len(request.body) + sum(len(key) + len(value) + 4 for key, value in request.headers),
        )
        return _Visit(
            request=request, scheme=scheme, believed=believed, host=host, client=client, port=port, asked=asked
        )

    def _real_ip(self, peer: str, chain: str) -> str:
        """The last address of X-Forwarded-For that no trusted proxy is (real_ip_recursive)."""
        if not chain or not inside(peer, self._config.trusted):
            return peer
        hops = [item.strip() for item in chain.split(",") if item.strip()]
        untrusted = [item for item in reversed(hops) if not inside(item, self._config.trusted)]
        return untrusted[0] if untrusted else hops[0] if hops else peer

    async def _route(self, server: Server, visit: _Visit) -> _Result:
        www = self._to_www(visit)
        if www is not None:
            return _Result(response=www)
        uri = normalised(visit.request.target)
        if uri is None:
            return _Result(response=page(400))
        roots = [item.annotations.app_root for item in server.locations if item.annotations.app_root]
        if uri == "/" and roots:
            return _Result(response=redirect(302, f"{visit.scheme}://{visit.request.get('host')}{roots[0]}"))
        location = find(server, uri)
        if location is None:
            return _Result(response=page(404))
        own = self._returned(location, visit) or self._refused(location, visit)
        if own is not None:
            return _Result(response=own, upstream=location.upstream.name)
        upstream = self._chosen(location.upstream, visit.request)
        return await self._from_upstream(location, upstream, visit, uri)

    def _returned(self, location: Location, visit: _Visit) -> Response | None:
        """A body that is too large, and what nginx redirects."""
        wishes = location.annotations
        if wishes.body_size and len(visit.request.body) > wishes.body_size:
            words = f"client intended to send too large body: {len(visit.request.body)} bytes"
            self._journal.error(words, visit.asked)
            return page(413)
        if wishes.redirect_url and not wishes.denied:
            return redirect(wishes.redirect_code, wishes.redirect_url)
        if not wishes.denied and self._redirects(location, visit):
            target = visit.request.target
            target = target[:-1] if target.endswith("/") and not wishes.keep_slash else target
            return redirect(self._config.redirect_code, f"https://{visit.host.split(':')[0]}{target}")
        return None

    def _refused(self, location: Location, visit: _Visit) -> Response | None:
        """Nobody to ask, or nobody who may."""
        wishes = location.annotations
        if wishes.denied or not location.upstream.endpoints:
            return page(503)
        if inside(visit.client, wishes.deny) or (wishes.allow and not inside(visit.client, wishes.allow)):
            self._journal.error("access forbidden by rule", visit.asked)
            return page(403)
        return None

    def _redirects(self, location: Location, visit: _Visit) -> bool:
        # no-tls-redirect-locations is about the location's own path, not about what is asked below it.
        if visit.believed != "http" or location.path.startswith("/.well-known/acme-challenge"):
            return False
        wishes = location.annotations
        bound = self._table.order(_host_of(visit.request)) is not None
        return wishes.force_ssl_redirect or (wishes.ssl_redirect and bound)

    def _to_www(self, visit: _Visit) -> Response | None:
        """The redirect between example.com and www.example.com, for the one that has no server of its own."""
        host = _host_of(visit.request)
        other = host.removeprefix("www.") if host.startswith("www.") else f"www.{host}"
        twin = self._servers.get(other)
        if host in self._servers or twin is None or not twin.www:
            return None
        return redirect(self._config.redirect_code, f"{visit.scheme}://{other}{visit.request.target}")

    def _chosen(self, upstream: Upstream, request: Request) -> Upstream:
        """The upstream or its canary: by header, then by cookie, then by weight."""
        rules = upstream.canary_rules
        if upstream.canary is None or rules is None or not upstream.canary.endpoints:
            return upstream
        said = request.get(rules.canary_header) if rules.canary_header else ""
        if said and (said == rules.canary_header_value or (not rules.canary_header_value and said == "always")):
            return upstream.canary
        if said == "never" and not rules.canary_header_value:
            return upstream
        pairs = (part.strip().partition("=") for part in request.get("cookie").split(";"))
        cookie = {name: value for name, _, value in pairs}.get(rules.canary_cookie, "")
        if cookie in {"always", "never"}:
            return upstream.canary if cookie == "always" else upstream
        drawn = random.randrange(100) < rules.canary_weight  # noqa: S311  # a share of requests
        return upstream.canary if drawn else upstream

    async def _from_upstream(self, location: Location, upstream: Upstream, visit: _Visit, uri: str) -> _Result:
        if upstream.name == DEFAULT_BACKEND and upstream.endpoints == (("127.0.0.1", DEFAULT_PORT),):
            log = self._config.log_default_backend or location.ingress != ""
            return _Result(response=page(404), upstream=upstream.name, logged=log)
        request = self._outgoing(location, visit, uri)
        wishes = location.annotations
        if upstream.name == DEFAULT_BACKEND:
            wishes = dataclasses.replace(wishes, protocol="HTTP")
        outcome = await self._proxy.forward(upstream, wishes, request, visit.asked, self._journal)
        response = outcome.response
        kept = without(response.headers, _HIDDEN)
        length = (("Content-Length", value),) if (value := response.get("content-length")) else ()
        cors = (("Access-Control-Allow-Origin", wishes.cors_origin),) if wishes.cors_origin else ()
        headers = (*kept, *upgrade_of(response.headers), *length, *cors)
        return _Result(response=dataclasses.replace(response, headers=headers), upstream=upstream.name, outcome=outcome)

    def _outgoing(self, location: Location, visit: _Visit, uri: str) -> Request:
        request, wishes = visit.request, location.annotations
        _, mark, query = request.target.partition("?")
        target = rewritten(location, uri) + mark + query if wishes.rewrites(location.path) else request.target
        chain = request.get("x-forwarded-for")
        full = ", ".join(filter(None, (chain, visit.client)))
        full_chain = self._config.use_forwarded_headers and self._config.full_forwarded_for
        added: Headers = (
            ("Host", wishes.vhost or visit.host),
            ("X-Request-ID", request.get("x-request-id") or secrets.token_hex(16)),
            ("X-Real-IP", visit.client),
            ("X-Forwarded-For", full if full_chain else visit.client),
            ("X-Forwarded-Host", visit.host),
            ("X-Forwarded-Port", visit.port),
            ("X-Forwarded-Proto", visit.believed),
            ("X-Forwarded-Scheme", visit.believed),
            ("X-Scheme", visit.believed),
            *((("X-Original-Forwarded-For", chain),) if chain else ()),
        )
        te = (("TE", "trailers"),) if "trailers" in request.get("te").lower() else ()
        kept = without(request.headers, (*HOP_BY_HOP, *_REPLACED))
        return dataclasses.replace(
            request, target=target, headers=(*added, *kept, *te, *upgrade_of(request.headers)), version="1.1"
        )

    def _added(self, *, secure: bool) -> Headers:
        date = (("Date", datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")),)
        if not secure or not self._config.hsts:
            return date
        parts = (
            f"max-age={self._config.hsts_max_age}",
            *(("includeSubDomains",) if self._config.hsts_subdomains else ()),
            *(("preload",) if self._config.hsts_preload else ()),
        )
        return (*date, ("Strict-Transport-Security", "; ".join(parts)))


async def _raw(response: Response, request: Request, stream: Duplex, added: Headers) -> Response:
    """An answer in HTTP/0.9: bytes without a head for HTTP/1, a bare 200 for HTTP/2, whose frames need one."""
    if request.version.startswith("2"):
        return Response(status=200, headers=added, body=response.body)
    await stream.write(response.body)
    raise Hangup


def _host_of(request: Request) -> str:
    """Host header without its port, lower case."""
    return request.get("host").strip().lower().partition(":")[0].rstrip(".")
