"""Names that Traefik makes for Kubernetes objects: router keys, ``<namespace>-<name>@provider`` ids.

Source: traefik: pkg/provider/configuration.go (Normalize), pkg/provider/kubernetes/crd/kubernetes.go (makeID,
makeServiceKey), pkg/provider/kubernetes/ingress/kubernetes.go (routerKey).
"""

from __future__ import annotations

import hashlib
import re

__all__ = ["crd_router_name", "ingress_router_name", "normalize", "with_hash"]

_NOT_WORD = re.compile(r"[\W_]+")
_USUAL = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


def normalize(name: str) -> str:
    """Join the runs of letters and digits by single hyphens."""
    if _USUAL.fullmatch(name):
        return name
    return "-".join(part for part in _NOT_WORD.split(name) if part)


def crd_router_name(namespace: str, name: str, match: str) -> str:
    """Return the router's name as the API and the logs have it, without ``@kubernetescrd``."""
    digest = hashlib.sha256(match.encode("utf-8", "replace")).hexdigest()[:20]
    return normalize(f"{namespace}-{name}-{digest}")


def ingress_router_name(namespace: str, name: str, host: str, path: str) -> str:
    """Return the name of the router of one Ingress path, without ``@kubernetes``."""
    return normalize(f"{namespace}-{name}-{host}{path}")


def with_hash(name: str, rule: str) -> str:
    """Return the name of a router whose plain name several paths of one Ingress share."""
    return f"{name}-{hashlib.sha256(rule.encode('utf-8', 'replace')).hexdigest()[:20]}"
