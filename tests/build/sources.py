"""Small sources for tests of collectors: they answer from tables and note what was asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping

from build.values import replace
from ingressdoctor.api import (
    Answer,
    DnsRecord,
    DnsReply,
    HttpExchange,
    HttpRequest,
    Rcode,
    Reach,
    SourceError,
    TcpAttempt,
    TlsAttempt,
)


class TableDns:
    """Answers from ``{(name, type): data}``; *broken* servers give one rcode to everything."""

    def __init__(
        self,
        table: Mapping[tuple[str, str], tuple[str, ...]],
        *,
        resolvers: tuple[str, ...] = ("192.0.2.53:53", "9.9.9.9:53"),
        authoritative: str = "",
        broken: Mapping[str, Rcode] | None = None,
        by_server: Mapping[str, Mapping[tuple[str, str], tuple[str, ...]]] | None = None,
    ) -> None:
        self.resolvers = resolvers
        self.authoritative = authoritative
        self.asked: list[tuple[str, str, str]] = []
        self._table, self._broken, self._by_server = table, broken or {}, by_server or {}

    async def query(self, name: str, rdtype: str, server: str, *, recurse: bool = True) -> DnsReply:
        """Look the question up; a CNAME of the name is followed."""
        self.asked.append((name, rdtype, server))
        if server in self._broken:
            return DnsReply(name=name, rdtype=rdtype, server=server, rcode=self._broken[server])
        table = self._by_server.get(server, self._table)
        answers: list[DnsRecord] = []
        owner = name
        while (alias := table.get((owner, "CNAME"))) and rdtype != "CNAME":
            answers.append(DnsRecord(name=owner, rdtype="CNAME", ttl=300, data=alias[0]))
            owner = alias[0].rstrip(".")
        answers += [DnsRecord(name=owner, rdtype=rdtype, ttl=300, data=d) for d in table.get((owner, rdtype), ())]
        known = any(key[0] == owner for key in table)
        authority = tuple(
            DnsRecord(name=zone, rdtype="SOA", ttl=300, data=data[0])
            for (zone, kind), data in table.items()
            if kind == "SOA" and (owner == zone or owner.endswith(f".{zone}")) and not answers
        )
        code = Rcode.NOERROR if any(a.rdtype == rdtype for a in answers) else Rcode.NODATA if known else Rcode.NXDOMAIN
        return DnsReply(
            name=name, rdtype=rdtype, server=server, rcode=code, answers=tuple(answers), authority=authority
        )


class FakeAccessToken:
    """A service token by its id, empty for none; *broken* cannot be read, and *hosts* are where it may go."""

    def __init__(self, client_id: str = "", *, broken: bool = False, hosts: tuple[str, ...] = ()) -> None:
        self._client_id, self._broken, self._hosts = client_id, broken, hosts

    async def client_id(self) -> str:
        """Return the id."""
        if self._broken:
            raise SourceError("no token: the file secret is empty")
        return self._client_id

    def fits(self, hostname: str) -> bool:
        """Tell whether the host is one of those given."""
        return not self._hosts or hostname in self._hosts


class ScriptedNet:
    """Answers HTTP by a function of the request; *tcp* maps addresses to how a connect ends (default: it works)."""

    anchors: tuple[str, ...] = ()

    def __init__(
        self,
        answer: Callable[[HttpRequest], HttpExchange],
        *,
        tcp: Mapping[str, Reach] | None = None,
        anchors: tuple[str, ...] = (),
    ) -> None:
        self.anchors = anchors
        self.requests: list[HttpRequest] = []
        self.connects: list[str] = []
        self._answer, self._tcp = answer, tcp or {}

    async def tcp(self, address: str, port: int, *, timeout_s: float = 5.0) -> TcpAttempt:
        """Connect by the table; a timeout takes a moment, as in life."""
        self.connects.append(address)
        reach = self._tcp.get(address, Reach.OK)
        await asyncio.sleep(0.02 if reach is Reach.TIMEOUT else 0.001)
        return TcpAttempt(address=address, port=port, reach=reach)

    async def tls(self, address: str, port: int, *, sni: str, timeout_s: float = 5.0) -> TlsAttempt:
        """Nothing here needs a bare handshake."""
        raise NotImplementedError

    async def http(self, request: HttpRequest) -> HttpExchange:
        """Answer by the function, from the address asked; an address that is not there hangs."""
        self.requests.append(request)
        if self._tcp.get(request.address, Reach.OK) is not Reach.OK:
            await asyncio.sleep(30.0)
        return replace(self._answer(request), url=request.url, address=request.address)


class TableApi:
    """Answers GETs from ``{path or "path?query": (status, body)}``; what is not there is 404. *down* raises."""

    context = "test"

    def __init__(self, table: Mapping[str, tuple[int, object]], *, down: bool = False) -> None:
        self.asked: list[str] = []
        self._table, self._down = table, down

    async def get(self, path: str, query: Mapping[str, str]) -> Answer:
        """Look the path up, with its ``name`` or ``name.exact`` first."""
        if self._down:
            raise SourceError("no API token", hint="Set CLOUDFLARE_API_TOKEN.")
        name = query.get("name") or query.get("name.exact")
        key = f"{path}?{name}" if name else path
        self.asked.append(key)
        status, body = self._table.get(key) or self._table.get(path) or (404, {"success": False})
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return Answer(status=status, body=raw)


def envelope(result: object) -> tuple[int, object]:
    """A successful answer of the Cloudflare API."""
    return 200, {"success": True, "errors": [], "messages": [], "result": result}


def refused(status: int = 403, code: int = 10000, message: str = "Authentication error") -> tuple[int, object]:
    """A failed answer of the Cloudflare API."""
    return status, {"success": False, "errors": [{"code": code, "message": message}], "result": None}
