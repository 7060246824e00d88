"""Which certificate Traefik shows: by SNI among all loaded Secrets, else its self-signed default.

Expiry is never looked at, as in Traefik: a stale certificate is served while its names match.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping

from ingressdoctor.lab.pki import Order, Pki, covers, server_context
from ingressdoctor.lab.serve.http2 import ALPN


class Certificates:
    """Issues the orders of a configuration once and chooses among them."""

    def __init__(self, pki: Pki) -> None:
        self._pki = pki
        self._default = server_context(pki.default_certificate(), ALPN)
        self._contexts: dict[Order, ssl.SSLContext] = {}

    def choose(
        self, orders: Mapping[str, Order], server_name: str, default: Order | None = None
    ) -> tuple[ssl.SSLContext, bool]:
        """The context for an SNI and whether it is the default certificate's (*default*, else Traefik's own).

        The first Secret (by key) of those with equal names wins; names are tried in descending order, so an
        exact name comes before a wildcard.
        """
        fallback = self._context(default) if default else self._default
        if not server_name:
            return fallback, True
        by_names: dict[str, Order] = {}
        for key in sorted(orders):
            by_names.setdefault(",".join(sorted(name.lower() for name in orders[key].names)), orders[key])
        for names in sorted(by_names, reverse=True):
            if any(covers(name, server_name) for name in names.split(",")):
                return self._context(by_names[names]), False
        return fallback, True

    def _context(self, order: Order) -> ssl.SSLContext:
        if order not in self._contexts:
            self._contexts[order] = server_context(self._pki.issue(order), ALPN)
        return self._contexts[order]
