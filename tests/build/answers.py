"""What probes and logs say of one request, with overridable parts."""

from __future__ import annotations

from ingressdoctor.api import (
    AccessLogLine,
    CertificateFacts,
    ControllerLogs,
    EdgeError,
    HttpExchange,
    OriginProbe,
    OutsideProbe,
    Phases,
    Reach,
    TlsAttempt,
)

HOST = "www.shop.example.org"


def an_exchange(
    status: int = 200,
    *,
    body: bytes = b"hello",
    reach: Reach = Reach.OK,
    total_s: float = 0.2,
    tls: TlsAttempt | None = None,
) -> HttpExchange:
    """One https answer."""
    return HttpExchange(
        url=f"https://{HOST}/",
        method="GET",
        address="203.0.113.10",
        port=443,
        reach=reach,
        status=status,
        body=body,
        tls=tls,
        phases=Phases(first_byte_s=total_s, total_s=total_s),
    )


def a_leaf(
    *,
    names: tuple[str, ...] = (HOST,),
    issuer: str = "CN=R11,O=Let's Encrypt,C=US",
    subject: str = f"CN={HOST}",
    not_before: str = "2026-10-01T00:00:00Z",
    not_after: str = "2027-01-10T00:00:00Z",
    self_signed: bool = False,
) -> CertificateFacts:
    """A certificate that is valid at the time of the tests."""
    return CertificateFacts(
        subject=subject,
        issuer=issuer,
        names=names,
        not_before=not_before,
        not_after=not_after,
        self_signed=self_signed,
    )


def default_leaf() -> CertificateFacts:
    """What Traefik serves when no Secret fits."""
    name = "0123456789abcdef0123456789abcdef.fedcba9876543210fedcba9876543210.traefik.default"
    return a_leaf(subject="CN=TRAEFIK DEFAULT CERT", issuer="CN=TRAEFIK DEFAULT CERT", names=(name,), self_signed=True)


def a_handshake(leaf: CertificateFacts | None = None, *, trusted: bool = True, code: int = 0) -> TlsAttempt:
    """A handshake with the origin."""
    return TlsAttempt(
        address="203.0.113.10",
        port=443,
        sni=HOST,
        reach=Reach.OK,
        trusted=trusted,
        verify_code=code,
        chain=(leaf or a_leaf(),),
    )


def an_origin(https: HttpExchange | None = None) -> OriginProbe:
    """The origin's own answer."""
    return OriginProbe(
        address="203.0.113.10",
        source="load balancer lb",
        https=https or an_exchange(tls=a_handshake()),
        http=an_exchange(301),
    )


def serving(leaf: CertificateFacts | None = None, *, trusted: bool = True, code: int = 0) -> OriginProbe:
    """An origin that answers 200 with this certificate."""
    return an_origin(an_exchange(tls=a_handshake(leaf, trusted=trusted, code=code)))


def an_outside(exchange: HttpExchange | None = None, *, edge_code: int = 0, edge: bool = True) -> OutsideProbe:
    """What a visitor gets; *edge_code* is an error that the edge made."""
    error = EdgeError(code=edge_code, http_status=edge_code, title="") if edge_code else None
    return OutsideProbe(hops=(exchange or an_exchange(edge_code or 200),), edge=edge, edge_error=error)


def a_line(status: int = 200, *, origin: int | None = None, duration_s: float = 0.1, host: str = HOST) -> AccessLogLine:
    """One line of the access log, of a request that was sent on to a pod."""
    return AccessLogLine(
        when="2026-11-21T11:59:30Z",
        host=host,
        method="GET",
        path="/",
        status=status,
        origin_status=status if origin is None else origin,
        router="shop-web@kubernetescrd",
        service_url="http://10.42.1.5:8080",
        duration_s=duration_s,
    )


def some_logs(*access: AccessLogLine, errors: tuple[str, ...] = (), lines: int = 100) -> ControllerLogs:
    """The controller's log."""
    return ControllerLogs(errors=errors, access=access, access_log_on=True, lines_read=lines)
