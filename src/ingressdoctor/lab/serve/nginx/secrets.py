"""TLS Secrets to certificates: which one a host gets, or the default one, with the controller's warnings.

Source: kubernetes/ingress-nginx internal/ingress/controller/controller.go (createServers, extractTLSSecretName).
Secrets are read from the Ingress's own namespace; a certificate that does not name the host is not used, an expired
one is.
"""

from __future__ import annotations

from ingressdoctor.lab.cluster import Cluster, Object, dig, mapping, namespace_of, sequence, text
from ingressdoctor.lab.pki import Order, covers, order_in
from ingressdoctor.lab.serve.nginx.journal import Notes

_SOON_DAYS = 10  # 240 hours


class Secrets:
    """The TLS Secrets of a cluster."""

    def __init__(self, cluster: Cluster, notes: Notes) -> None:
        self._cluster = cluster
        self._notes = notes

    def default(self, where: str) -> Order | None:
        """The certificate of --default-ssl-certificate; None for the controller's own."""
        if not where:
            return None
        namespace, _, name = where.partition("/")
        order = self._order(namespace, name)
        if order is None:
            self._notes.error(
                "nginx.go:1100", "Error loading custom default certificate, falling back to generated default"
            )
        return order

    def of(self, ingress: Object, host: str) -> Order | None:
        """The certificate of a host of this Ingress; None for the default one."""
        namespace, name = namespace_of(ingress), self._name(ingress, host)
        if not name:
            return None
        key = f"{namespace}/{name}"
        order = self._order(namespace, name)
        if order is None:
            self._notes.warn(
                "controller.go:1489",
                f'Error getting SSL certificate "{key}": local SSL certificate {key} was not found. '
                "Using default certificate",
            )
            return None
        if not any(covers(item, host) for item in order.names):
            self._refuse(key, host, order)
            return None
        if order.not_after_days <= 0:
            self._notes.warn("controller.go:1521", f'SSL certificate for server "{host}" expired')
        elif order.not_after_days < _SOON_DAYS:
            self._notes.warn("controller.go:1523", f'SSL certificate for server "{host}" is about to expire')
        return order

    def _name(self, ingress: Object, host: str) -> str:
        """The Secret of the block that lists the host, else of the first one whose certificate names it."""
        blocks = [mapping(item) for item in sequence(dig(ingress, "spec", "tls"))]
        for block in blocks:
            if host in (text(item).lower() for item in sequence(block.get("hosts"))):
                return text(block.get("secretName"))
        for name in (text(block.get("secretName")) for block in blocks):
            order = self._order(namespace_of(ingress), name) if name else None
            if order is not None and any(covers(item, host) for item in order.names):
                return name
        return ""

    def _order(self, namespace: str, name: str) -> Order | None:
        secret = self._cluster.get("Secret", namespace, name)
        return order_in(mapping(dig(secret, "metadata", "annotations"))) if secret is not None else None

    def _refuse(self, key: str, host: str, order: Order) -> None:
        valid = ", ".join(order.names)
        problem = f"x509: certificate is valid for {valid}, not {host}"
        self._notes.warn(
            "controller.go:1502",
            f'Unexpected error validating SSL certificate "{key}" for server "{host}": {problem}',
        )
        self._notes.warn(
            "controller.go:1507",
            f'SSL certificate "{key}" does not contain a Common Name or Subject Alternative Name for server '
            f'"{host}": {problem}',
        )
        self._notes.warn("controller.go:1509", "Using default certificate")
