"""TLS Secrets to certificate orders: the lab issues what a Secret's annotation asks for, and never stores keys."""

from __future__ import annotations

from ingressdoctor.lab.cluster import Cluster, dig, labels_of, mapping
from ingressdoctor.lab.pki import Order, order_in
from ingressdoctor.lab.serve.traefik.model import DropError


def order_of(cluster: Cluster, namespace: str, name: str) -> Order:
    """The certificate a TLS Secret holds.

    Raises:
        DropError: with Traefik's reason when there is no usable one.
    """
    secret = cluster.get("Secret", namespace, name)
    # Traefik's informer filters Secrets that Helm owns.
    if secret is None or labels_of(secret).get("owner") == "helm":
        raise DropError(f"secret {namespace}/{name} does not exist")
    order = order_in(mapping(dig(secret, "metadata", "annotations")))
    if order is not None:
        return order
    data = mapping(secret.get("data"))
    missing = [key for key in ("tls.crt", "tls.key") if key not in data]
    if missing:
        raise DropError(f"secret {namespace}/{name} is missing the following TLS data entries: {', '.join(missing)}")
    raise DropError(f"secret {namespace}/{name} contains the following empty TLS data entries: tls.crt, tls.key")
