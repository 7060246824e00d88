"""Say which Ingress stops the whole provider of an older Traefik: its code panics, and is retried for ever.

Until that Ingress is gone the provider defines nothing new: no Ingress of the cluster has a router.

Source: traefik: pkg/provider/kubernetes/ingress/kubernetes.go (loadConfigurationFromIngresses), v2.11.53, v3.0 to v3.6.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ingressdoctor.evidence.kube import Ingress
from ingressdoctor.evidence.routes import DropReason
from ingressdoctor.routing.traefik.annotations import read_router_options
from ingressdoctor.routing.traefik.middlewares import Problem
from ingressdoctor.routing.traefik.version import Version

__all__ = ["first_panic"]

_PATHS_CHECKED: Final = ((3, 4, 1), (2, 11, 25))
_DEFAULT_CHECKED: Final = (3, 6, 7)


def first_panic(items: Iterable[Ingress], version: Version) -> Problem | None:
    """Return what every Ingress suffers from one of *items*, those that the provider looks at; None without such."""
    if version.since(*_PATHS_CHECKED) and version.since(_DEFAULT_CHECKED):
        return None
    for item in items:
        if _panics(item, version) and not isinstance(read_router_options(item.annotations, version), Problem):
            said = f"Traefik {version} crashes on a backend of {item.ref} that is no Service, and has no Ingress at all"
            return Problem(DropReason.OTHER, said, item.ref)
    return None


def _panics(item: Ingress, version: Version) -> bool:
    spec = item.spec
    if not spec.rules and spec.default_backend is not None:
        return spec.default_backend.service is None and not version.since(_DEFAULT_CHECKED)
    paths = (path for rule in spec.rules or () for path in (rule.http.paths if rule.http else None) or ())
    return not version.since(*_PATHS_CHECKED) and any(path.backend.service is None for path in paths)
