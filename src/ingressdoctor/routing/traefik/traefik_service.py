"""What a TraefikService is made of. Whether its parts can be built is the business of ``crd_services.py``.

Source: traefik: pkg/provider/kubernetes/crd/kubernetes_http.go (buildTraefikService), pkg/server/service/loadbalancer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ingressdoctor.evidence.routes import Custom
from ingressdoctor.model.untyped import as_list, as_map
from ingressdoctor.routing.traefik.version import Version

__all__ = ["BALANCERS", "mirrored", "parts_of", "type_of"]

_TYPES: Final = (
    ("weighted", (0, 0, 0)),
    ("mirroring", (0, 0, 0)),
    ("highestRandomWeight", (3, 6, 0)),
    ("failover", (3, 7, 0)),
)
BALANCERS: Final = {
    "p2c": "P2C",
    "hrw": "HRW",
    "highestRandomWeight": "HRW",
    "leasttime": "LeastTime",
    "mirroring": "mirroring",
    "failover": "failover",
}


def mirrored(item: Custom | None) -> int | None:
    """Return how many of a TraefikService's children answer: of mirroring only the first."""
    spec = item.spec if item is not None else {}
    only_first = isinstance(spec.get("mirroring"), dict) and not isinstance(spec.get("weighted"), dict)
    return 1 if only_first else None


def parts_of(item: Custom, version: Version) -> Iterator[tuple[str, Mapping[str, Any] | None]]:
    """Yield the references of the first type that a TraefikService has, and what Traefik puts before their errors."""
    kind = type_of(item.spec, version)
    section = as_map(item.spec.get(kind))
    if kind in ("weighted", "highestRandomWeight"):
        yield "", None
        yield from (("", as_map(one)) for one in as_list(section.get("services")))
    elif kind == "mirroring":
        yield "", section
        yield from (("", as_map(one)) for one in as_list(section.get("mirrors")))
    elif kind == "failover":
        yield "getting service: ", as_map(section.get("service"))
        yield "getting fallback service: ", as_map(section.get("fallback"))


def type_of(spec: Mapping[str, Any], version: Version) -> str:
    """Return which of its types Traefik takes a TraefikService for, empty for none."""
    return next((kind for kind, since in _TYPES if isinstance(spec.get(kind), dict) and version.since(since)), "")
