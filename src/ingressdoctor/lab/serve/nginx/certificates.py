"""Which certificate nginx shows: by SNI among the servers that have one, else the default one.

Source: kubernetes/ingress-nginx rootfs/etc/nginx/lua/certificate.lua: the exact name, then the name with its first
label replaced by `*`, then the default certificate. The same question decides whether a host redirects to https.
"""

from __future__ import annotations

import dataclasses
import ssl

from ingressdoctor.lab.pki import Order, Pki, server_context
from ingressdoctor.lab.serve.http2 import ALPN
from ingressdoctor.lab.serve.nginx.model import CATCH_ALL, Configuration

FAKE = Order(
    names=("ingress.local",),
    issuer="self",
    common_name="Kubernetes Ingress Controller Fake Certificate",
    organisation="Acme Co",
    not_before_days=0,
    not_after_days=365,
)


class Certificates:
    """Issues the certificates of a lab's controllers once."""

    def __init__(self, pki: Pki) -> None:
        self._pki = pki
        self._contexts: dict[tuple[Order, tuple[str, ...]], ssl.SSLContext] = {}

    def context(self, order: Order, *, http2: bool) -> ssl.SSLContext:
        """Server side TLS with the certificate."""
        alpn = ALPN if http2 else ("http/1.1",)
        if (order, alpn) not in self._contexts:
            self._contexts[order, alpn] = server_context(self._pki.issue(order), alpn)
        return self._contexts[order, alpn]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The certificates of one configuration, by host."""

    configuration: Configuration
    by_host: dict[str, Order]
    default: Order

    def order(self, name: str) -> Order | None:
        """The certificate bound to a name; None when no server has one for it."""
        host = name.lower().rstrip(".")
        parent = host.partition(".")[2]
        return self.by_host.get(host) or (self.by_host.get(f"*.{parent}") if parent else None)

    def context(self, certificates: Certificates, name: str) -> ssl.SSLContext | None:
        """What a client that asks for *name* gets; None when its handshake is refused."""
        bound = self.order(name)
        if bound is None and self.configuration.options.config.reject_handshake:
            return None
        return certificates.context(bound or self.default, http2=self.configuration.options.config.use_http2)


def shown(configuration: Configuration) -> Shown:
    """The table of a configuration: hosts with TLS, and aliases that their certificate names."""
    default = configuration.default_certificate or FAKE
    found: dict[str, Order] = {}
    for server in configuration.servers.values():
        if server.secured and server.host != CATCH_ALL:
            order = server.certificate or default
            found[server.host] = order
            found.update({alias: order for alias in server.aliases if alias in order.names})
    return Shown(configuration=configuration, by_host=found, default=default)
