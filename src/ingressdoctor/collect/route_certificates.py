"""Which names are on the certificates of Secrets, without reading any Secret: what cert-manager put there. No I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from ingressdoctor.evidence.kube import Loaded
from ingressdoctor.evidence.routes import Custom, RoutingObjects
from ingressdoctor.model.untyped import as_list, as_map

__all__ = ["certificate_names"]

_MOST: Final = 100  # names on one certificate, as Let's Encrypt has it


def certificate_names(objects: RoutingObjects) -> dict[tuple[str, str], tuple[str, ...]] | None:
    """Return the names on the certificate in a Secret, by (namespace, name); None where nobody looked.

    Only of certificates that are issued: before that the Secret may hold anything, or an older certificate. Of several
    that write to one Secret none tells.
    """
    if not isinstance(objects.certificates, Loaded):
        return None
    writers: dict[tuple[str, str], list[Custom]] = {}
    for item in objects.certificates.items:
        secret = item.spec.get("secretName")
        if isinstance(secret, str) and secret:
            writers.setdefault((item.namespace, secret), []).append(item)
    return {
        key: tuple(_names(items[0].spec))
        for key, items in writers.items()
        if len(items) == 1 and _is_ready(items[0].status)
    }


def _names(spec: Mapping[str, object]) -> Iterator[str]:
    for name in (spec.get("commonName"), *as_list(spec.get("dnsNames"))[:_MOST], *as_list(spec.get("ipAddresses"))):
        if isinstance(name, str) and name:
            yield name


def _is_ready(status: Mapping[str, object]) -> bool:
    conditions = map(as_map, as_list(status.get("conditions")))
    return any(item.get("type") == "Ready" and item.get("status") == "True" for item in conditions)
