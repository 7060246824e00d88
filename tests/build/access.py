"""Valid evidence of Access and of the tunnel's API, with overridable parts: a panel behind a login on a live tunnel."""

from __future__ import annotations

from build.outside import CLOCK, EDGE_HEADERS, exchange
from ingressdoctor.api import (
    AccessApplication,
    AccessCoverage,
    AccessDestination,
    AccessGate,
    AccessMatch,
    AccessPolicy,
    Decision,
    EdgeConnection,
    HttpExchange,
    Neighbour,
    OutsideProbe,
    RemoteRule,
    RemoteRules,
    ServiceToken,
    TokenUse,
    TunnelConnector,
    TunnelFacts,
    TunnelObject,
    Unavailable,
    ZoneFacts,
    ZoneRecord,
)

__all__ = ["CLOCK"]

PANEL = "grafana-mgmt.shop.example"
ACCOUNT = "4261fb4ee5645a23bc9788db50c7ae11"
TUNNEL = "8f2c1d5e-3b7a-4e6f-9a10-2c4d6e8f0a1b"
OTHER = "11111111-3b7a-4e6f-9a10-2c4d6e8f0a1b"
LOGIN = "shop.cloudflareaccess.com"
AUD = "a1b2c3d4"
ALLOW = AccessPolicy(name="staff", decision=Decision.ALLOW)
BYPASS = AccessPolicy(name="open", decision=Decision.BYPASS, everyone=True)
FORBIDDEN = Unavailable(
    wanted="the Access applications",
    reason="the Cloudflare API does not let this token look",
    enable_with="Give the API token the permission Account > Access: Apps and Policies > Read.",
)


def application(
    *uris: str,
    policies: tuple[AccessPolicy, ...] | Unavailable = (ALLOW,),
    name: str = "management",
    type: str = "self_hosted",  # noqa: A002 - the API's word
    aud: str = AUD,
    public: tuple[str, ...] = (),
) -> AccessApplication:
    """An application before some destinations; *public* are exceptions from its login."""
    destinations = [AccessDestination(uri=uri) for uri in uris]
    destinations += [AccessDestination(uri=uri, public=True) for uri in public]
    return AccessApplication(
        id=f"id-{name}", name=name, type=type, aud=aud, destinations=tuple(destinations), policies=policies
    )


def match(uri: str = "*.shop.example", *, app: AccessApplication | None = None, public: bool = False) -> AccessMatch:
    """An application that covers the panel."""
    return AccessMatch(application=app or application(uri), destination=AccessDestination(uri=uri, public=public))


def neighbours(*, covered: int = 0, open_to_all: int = 0, suffix: str = "") -> tuple[Neighbour, ...]:
    """Other hostnames on the tunnel, so many of them behind a login and so many not."""
    count = range(covered + open_to_all)
    return tuple(Neighbour(hostname=f"n{i}{suffix}.shop.example", covered=i < covered) for i in count)


def coverage(
    found: AccessMatch | None = None,
    *,
    host: str = PANEL,
    path: str = "/",
    relevant: bool = True,
    others: tuple[AccessMatch, ...] = (),
    below: tuple[AccessMatch, ...] = (),
    near: tuple[str, ...] = (),
    beside: tuple[Neighbour, ...] = (),
    tokens: tuple[ServiceToken, ...] | Unavailable = (),
) -> AccessCoverage:
    """What Access demands at the panel; nothing unless *found* is given."""
    return AccessCoverage(
        hostname=host,
        path=path,
        relevant=relevant,
        match=found,
        others=others,
        below=below,
        near=near,
        applications=1,
        neighbours=beside,
        tokens=tokens,
    )


def token(
    *, expires_at: str = "2027-11-20T00:00:00Z", enabled: bool = True, ours: bool = True, ident: str = "t1"
) -> ServiceToken:
    """A service token."""
    return ServiceToken(id=ident, name="ci", client_id="0123abcd…", expires_at=expires_at, enabled=enabled, ours=ours)


def login_answer(*, status: int = 302, url: str = f"https://{PANEL}/") -> HttpExchange:
    """What a visitor without a session gets."""
    location = f"https://{LOGIN}/cdn-cgi/access/login/{PANEL}?kid={AUD}"
    return exchange(status, url=url, headers=(*EDGE_HEADERS, ("location", location)))


def at_the_login(use: TokenUse = TokenUse.NONE, refusal: HttpExchange | None = None) -> OutsideProbe:
    """The visit ends at the login."""
    gate = AccessGate(login=LOGIN, exchange=login_answer(), aud=AUD, token=use, refusal=refusal)
    return OutsideProbe(hops=(login_answer(),), edge=True, access_login=LOGIN, gate=gate)


def seen_through(last: HttpExchange | None = None) -> OutsideProbe:
    """The visit with a service token, behind the login."""
    gate = AccessGate(login=LOGIN, exchange=login_answer(), aud=AUD, token=TokenUse.ACCEPTED)
    return OutsideProbe(hops=(last or exchange(url=f"https://{PANEL}/"),), edge=True, gate=gate)


def without_login(last: HttpExchange | None = None) -> OutsideProbe:
    """The visit meets no login."""
    return OutsideProbe(hops=(last or exchange(url=f"https://{PANEL}/"),), edge=True)


def tunnel_zone(
    ident: str = TUNNEL, *, proxied: bool = True, name: str = PANEL, account: str = ACCOUNT, wildcard: bool = False
) -> ZoneFacts:
    """A zone whose record for the panel leads to a tunnel; an empty *ident*: it has no record."""
    end = f"{ident}.cfargotunnel.com"
    record = ZoneRecord(name="*.shop.example" if wildcard else name, type="CNAME", content=end, proxied=proxied)
    return ZoneFacts(
        id="z1",
        name="shop.example",
        status="active",
        paused=False,
        name_servers=("ada.ns.cloudflare.com",),
        records=(record,) if ident else (),
        wildcard=wildcard,
        origin_addresses=(),
        settings={"ssl": "strict"},
        chain=(end,) if ident else (),
        account_id=account,
    )


def tunnel(
    ident: str = TUNNEL, *, status: str = "healthy", name: str = "cluster", deleted_at: str = "", source: str = "local"
) -> TunnelObject:
    """A tunnel at Cloudflare."""
    return TunnelObject(id=ident, name=name, status=status, config_src=source, deleted_at=deleted_at)


def connector(
    ident: str = "c1",
    *,
    live: int = 4,
    pending: int = 0,
    ip: str = "203.0.113.10",
    version: str = "2026.8.2",
    run_at: str = "2026-11-19T12:00:00Z",
    config_version: int | None = None,
) -> TunnelConnector:
    """A cloudflared process with so many connections."""
    connections = [EdgeConnection(colo="ATH", origin_ip=ip, pending=i >= live) for i in range(live + pending)]
    return TunnelConnector(
        id=ident, version=version, run_at=run_at, config_version=config_version, connections=tuple(connections)
    )


def rules(*hostnames: str, source: str = "local", version: int = 3) -> RemoteRules:
    """A configuration as the API shows it, with a catch-all at its end."""
    named = [RemoteRule(service="http://svc:80", hostname=name) for name in hostnames]
    document = {"ingress": [{"hostname": n, "service": "http://svc:80"} for n in hostnames]}
    return RemoteRules(
        version=version, source=source, rules=(*named, RemoteRule(service="http_status:404")), document=document
    )


def facts(
    found: TunnelObject | None = None,
    *,
    ident: str = TUNNEL,
    connectors: tuple[TunnelConnector, ...] | Unavailable = (),
    its_rules: RemoteRules | Unavailable | None = None,
    others: tuple[TunnelObject, ...] | Unavailable = (),
    wanted_by: tuple[TunnelObject, ...] = (),
) -> TunnelFacts:
    """What the API says of the record's tunnel; none unless *found* is given."""
    return TunnelFacts(
        account_id=ACCOUNT,
        tunnel_id=ident,
        tunnel=found,
        connectors=connectors,
        rules=its_rules,
        others=others,
        wanted_by=wanted_by,
    )
