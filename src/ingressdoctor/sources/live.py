"""Open every live source from one value of settings.

Decides nothing and reads no configuration: wiring does. Each source's library is imported only here, when it is
opened, so that a command that needs none loads none.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from ingressdoctor.sources.base import AccessToken, Cloudflare, Dns, Grpc, Hetzner, Kubernetes, MaxScale, Net, Sql
from ingressdoctor.sources.calls import CallLog
from ingressdoctor.sources.connect_to import ConnectTo
from ingressdoctor.sources.credential import TokenSource
from ingressdoctor.sources.maxscale import LiveMaxScale, RestSettings

__all__ = ["SourceSettings", "Sources", "open_sources"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSettings:
    """Everything that the live sources can be told. Times are seconds; empty means the default.

    ``connect_to`` redirects probes (TCP, TLS, HTTP) only. The APIs and DNS servers have endpoints of their own, and a
    catch-all entry for the probes must not swallow those.
    """

    kubeconfig: str | None = None
    context: str | None = None
    kube_timeout_s: float = 20.0
    hetzner_token: TokenSource = None
    hetzner_endpoint: str = ""
    cloudflare_token: TokenSource = None
    cloudflare_endpoint: str = ""
    access_client_id: TokenSource = None
    access_client_secret: TokenSource = None
    access_hosts: tuple[str, ...] = ()
    sql_password: TokenSource = None
    resolvers: tuple[str, ...] = ()
    authoritative: str = ""
    ca_file: str = ""
    connect_to: tuple[str, ...] = ()
    anchors: tuple[str, ...] = ("1.1.1.1:443", "8.8.8.8:443", "9.9.9.9:443")
    maxscale: RestSettings = field(default_factory=RestSettings)
    timeout_s: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """One of each source, live or replaying, and the log that they share; for one event loop."""

    kubernetes: Kubernetes
    hetzner: Hetzner
    cloudflare: Cloudflare
    access: AccessToken
    dns: Dns
    net: Net
    grpc: Grpc
    sql: Sql
    maxscale: MaxScale
    calls: CallLog
    closers: tuple[Callable[[], Awaitable[None]], ...] = field(default=(), repr=False)

    async def aclose(self) -> None:
        """Close every connection that is kept open."""
        for close in self.closers:
            await close()


def open_sources(settings: SourceSettings) -> Sources:
    """Build the live sources; nothing is connected yet.

    Raises:
        UsageError: a connect-to entry or a DNS server is malformed.
        ConfigError: the CA file cannot be used.
    """
    from ingressdoctor.sources.access_token import LiveAccessToken
    from ingressdoctor.sources.cloudflare import CLOUDFLARE_ENDPOINT, LiveCloudflare
    from ingressdoctor.sources.dns import LiveDns, check_server
    from ingressdoctor.sources.grpc import LiveGrpc
    from ingressdoctor.sources.hetzner import HETZNER_ENDPOINT, LiveHetzner
    from ingressdoctor.sources.kubernetes import LiveKubernetes
    from ingressdoctor.sources.net import LiveNet
    from ingressdoctor.sources.sql import LiveSql

    for server in (*settings.resolvers, *filter(None, (settings.authoritative,))):
        check_server(server)
    calls = CallLog()
    timeout = (min(3.0, settings.timeout_s), settings.timeout_s)
    connect_to = ConnectTo.parse(settings.connect_to)
    access = LiveAccessToken(
        client_id=settings.access_client_id, client_secret=settings.access_client_secret, hosts=settings.access_hosts
    )
    net = LiveNet(ca_file=settings.ca_file, connect_to=connect_to, anchors=settings.anchors, calls=calls, access=access)
    kubernetes = LiveKubernetes(
        kubeconfig=settings.kubeconfig or None,
        context=settings.context or None,
        timeout_s=settings.kube_timeout_s,
        calls=calls,
    )
    hetzner = LiveHetzner(
        token=settings.hetzner_token,
        endpoint=settings.hetzner_endpoint or HETZNER_ENDPOINT,
        timeout=timeout,
        calls=calls,
    )
    cloudflare = LiveCloudflare(
        token=settings.cloudflare_token,
        endpoint=settings.cloudflare_endpoint or CLOUDFLARE_ENDPOINT,
        timeout=timeout,
        calls=calls,
    )
    dns = LiveDns(resolvers=settings.resolvers, authoritative=settings.authoritative, calls=calls)
    return Sources(
        kubernetes=kubernetes,
        hetzner=hetzner,
        cloudflare=cloudflare,
        access=access,
        dns=dns,
        net=net,
        grpc=LiveGrpc(ca_file=settings.ca_file, connect_to=connect_to, calls=calls, access=access),
        sql=LiveSql(connect_to=connect_to, calls=calls, password=settings.sql_password, forward=kubernetes.forward),
        maxscale=LiveMaxScale(settings.maxscale, calls=calls, forward=kubernetes.forward),
        calls=calls,
        closers=(kubernetes.aclose, hetzner.aclose, cloudflare.aclose),
    )
