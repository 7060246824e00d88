"""Valid evidence of the outside half, with overridable parts: a proxied shop that answers 200."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from ingressdoctor.api import (
    AccessGate,
    AddressRanges,
    CertificateFacts,
    Clock,
    DnsRecord,
    DnsReply,
    DnsView,
    EdgeError,
    HttpExchange,
    LoadBalancer,
    LoadBalancerLookup,
    Online,
    OriginProbe,
    OutsideProbe,
    Rcode,
    Reach,
    ResolverView,
    Target,
    TcpAttempt,
    TlsAttempt,
    Unavailable,
    ZoneFacts,
    ZoneRecord,
)

HOST = "www.shop.example"
URL = f"https://{HOST}/"
ORIGIN = "203.0.113.10"
EDGE = ("104.21.32.11", "172.67.150.7")
RAY = "8f2c1d5e3b7a4e6f-ATH"
CLOCK = Clock(now=datetime(2026, 11, 20, 12, tzinfo=UTC))
RANGES = AddressRanges(cidrs=("104.16.0.0/13", "172.64.0.0/13", "2606:4700::/32"), source="test", as_of="2026-02-11")
TARGET = Target(hostname=HOST)
MISSING = Unavailable(wanted="it", reason="no token", enable_with="Set a token.")
EDGE_HEADERS = (("server", "cloudflare"), ("cf-ray", RAY), ("content-type", "text/html; charset=UTF-8"))


def certificate(not_after: str = "2027-01-20T00:00:00Z", not_before: str = "2026-10-20T00:00:00Z") -> CertificateFacts:
    """A leaf that is valid for a while."""
    return CertificateFacts(
        subject=f"CN={HOST}", issuer="CN=A Root", names=(HOST,), not_before=not_before, not_after=not_after
    )


def handshake(
    *,
    reach: Reach = Reach.OK,
    trusted: bool | None = True,
    code: int = 0,
    text: str = "",
    chain: tuple[CertificateFacts, ...] | None = None,
) -> TlsAttempt:
    """A handshake with the host's name as SNI."""
    return TlsAttempt(
        address=EDGE[0],
        port=443,
        sni=HOST,
        reach=reach,
        trusted=trusted,
        verify_code=code,
        verify_text=text,
        version="TLSv1.3",
        chain=(certificate(),) if chain is None else chain,
    )


def exchange(
    status: int = 200,
    *,
    url: str = URL,
    reach: Reach = Reach.OK,
    headers: tuple[tuple[str, str], ...] = EDGE_HEADERS,
    body: bytes = b"",
    address: str = EDGE[0],
    tls: TlsAttempt | None = None,
) -> HttpExchange:
    """One exchange; over https it carries a good handshake unless told otherwise."""
    secure = url.startswith("https")
    return HttpExchange(
        url=url,
        method="GET",
        address=address,
        port=443 if secure else 80,
        reach=reach,
        status=status,
        headers=headers,
        body=body,
        tls=tls if tls is not None or not secure else handshake(),
    )


def failed(reach: Reach, *, url: str = URL, address: str = EDGE[0], tls: TlsAttempt | None = None) -> HttpExchange:
    """An exchange without any answer."""
    chainless = handshake(reach=reach, trusted=None, chain=())
    return exchange(0, url=url, reach=reach, headers=(), address=address, tls=tls or chainless)


def redirect(to: str, *, url: str = URL, status: int = 301) -> HttpExchange:
    """A redirect through the edge."""
    return exchange(status, url=url, headers=(*EDGE_HEADERS, ("location", to)))


def visited(
    *hops: HttpExchange,
    edge: bool = True,
    error: int = 0,
    http_status: int = 0,
    loop: bool = False,
    too_many: bool = False,
    challenge: bool = False,
    login: str = "",
    left_host: str = "",
    unanswered: tuple[TcpAttempt, ...] = (),
) -> OutsideProbe:
    """A visit; *error* is the code of an edge error."""
    made = EdgeError(code=error, http_status=http_status or error, title="", ray_id=RAY, form="html") if error else None
    return OutsideProbe(
        hops=hops or (exchange(error or 200),),
        edge=edge,
        edge_error=made,
        loop=loop,
        too_many_redirects=too_many,
        challenge=challenge,
        access_login=login,
        gate=AccessGate(login=login, exchange=(hops or (exchange(),))[-1]) if login else None,
        left_host=left_host,
        unanswered=unanswered,
    )


def reply(
    rdtype: str = "A",
    *data: str,
    rcode: Rcode | None = None,
    server: str = "9.9.9.9:53",
    authority: tuple[DnsRecord, ...] = (),
) -> DnsReply:
    """One DNS answer; without data it is NODATA unless told otherwise."""
    return DnsReply(
        name=HOST,
        rdtype=rdtype,
        server=server,
        rcode=rcode or (Rcode.NOERROR if data else Rcode.NODATA),
        answers=tuple(DnsRecord(name=HOST, rdtype=rdtype, ttl=300, data=item) for item in data),
        authority=authority,
    )


def resolver(
    *addresses: str,
    server: str = "9.9.9.9:53",
    rcode: Rcode | None = None,
    authority: tuple[DnsRecord, ...] = (),
) -> ResolverView:
    """One resolver's view of the host's addresses."""
    v4 = tuple(a for a in addresses if ":" not in a)
    v6 = tuple(a for a in addresses if ":" in a)
    pairs = (("A", v4), ("AAAA", v6))
    return ResolverView(
        server=server,
        replies=tuple(
            reply(kind, *data, rcode=None if data else rcode, server=server, authority=authority)
            for kind, data in pairs
        ),
    )


def dns_view(*resolvers: ResolverView, chain: tuple[str, ...] = ()) -> DnsView:
    """What the resolvers say; by default two that agree on the edge."""
    default = (resolver(*EDGE, server="192.0.2.53:53"), resolver(*EDGE))
    return DnsView(hostname=HOST, resolvers=resolvers or default, cname_chain=chain)


def record(content: str = ORIGIN, *, kind: str = "A", proxied: bool = True) -> ZoneRecord:
    """A record of the host."""
    return ZoneRecord(name=HOST, type=kind, content=content, proxied=proxied)


def zone(
    *records: ZoneRecord,
    status: str = "active",
    paused: bool = False,
    settings: Mapping[str, str] | Unavailable | None = None,
    origin: tuple[str, ...] | None = None,
    chain: tuple[str, ...] = (),
    bare: bool = False,
) -> ZoneFacts:
    """The zone at Cloudflare; *bare* leaves it without records."""
    held = () if bare else records or (record(),)
    found = tuple(r.content for r in held if r.type != "CNAME")
    return ZoneFacts(
        id="682aad07066959e8b2a6b5fee52ba85f",
        name="shop.example",
        status=status,
        paused=paused,
        name_servers=("ada.ns.cloudflare.com", "rob.ns.cloudflare.com"),
        records=held,
        wildcard=False,
        origin_addresses=found if origin is None else origin,
        settings={"ssl": "strict"} if settings is None else settings,
        chain=chain,
    )


def asked(https: HttpExchange | None = None, http: HttpExchange | None = None, *, address: str = ORIGIN) -> OriginProbe:
    """The origin asked directly: 200 over https, a redirect over http."""
    to_https = exchange(301, url=f"http://{HOST}/", headers=(("location", URL),), address=address)
    return OriginProbe(
        address=address,
        source="load balancer shop-lb",
        https=https or exchange(headers=(), address=address),
        http=http or to_https,
    )


def lookup(ipv4: str = ORIGIN, *, public: bool = True, found: bool = True) -> LoadBalancerLookup:
    """The load balancer in front of the controller."""
    balancer = LoadBalancer(
        id=1,
        name="shop-lb",
        ipv4=ipv4,
        ipv6="2001:db8:4c1:22::1",
        public_enabled=public,
        networks=(),
        private_ips=("10.0.0.5",),
        services=(),
        targets=(),
        labels={},
    )
    return LoadBalancerLookup(found=balancer if found else None, matched_by="uid", looked_for=(), project=())


def online(*, yes: bool = True) -> Online:
    """One anchor, reached or not."""
    reach = Reach.OK if yes else Reach.TIMEOUT
    return Online(online=yes, attempts=(TcpAttempt(address="192.0.2.1", port=443, reach=reach),))
