"""Which upstreams serve locations, and which canaries stand beside them.

The controller keeps one upstream for each Service port, whoever names it. A canary is a mark of the upstream that it
made, and it is put beside the upstream of the location it repeats: with it beside every other location of that Service
port, on any host. Source: ingress-nginx controller.go (createUpstreams, mergeAlternativeBackends).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ingressdoctor.evidence.routes import BackendRef
from ingressdoctor.routing.ingress_nginx.servers import CanaryBackend, Location

__all__ = ["Upstreams", "name_of"]


def name_of(backend: BackendRef | None) -> str:
    """Return the name of an upstream, empty for the default backend."""
    if backend is None:
        return ""
    return f"{backend.namespace}-{backend.name}-{backend.port}" if backend.port else f"{backend.namespace}-INVALID"


class Upstreams:
    """Every upstream while the configuration is being written."""

    def __init__(self) -> None:
        self._serves: dict[str, bool] = {}
        self._beside: dict[str, list[CanaryBackend]] = {}

    def add(self, backend: BackendRef | None, *, canary: bool, anew: bool = False) -> None:
        """Add one; whoever names it first decides whether it is a canary, but a default backend does so *anew*."""
        if backend is not None and (anew or name_of(backend) not in self._serves):
            self._serves[name_of(backend)] = not canary

    def serves(self, backend: BackendRef | None) -> bool:
        """Whether it gets locations of its own."""
        return self._serves.get(name_of(backend), False)

    def merge(self, beside: CanaryBackend, twins: Iterable[tuple[Location, bool]]) -> str:
        """Put a canary beside the upstreams of those *twins* that it repeats; return why it is deleted, else nothing.

        Args:
            beside: The canary.
            twins: Every location of its server, and whether it has the same path and type.
        """
        name = name_of(beside.backend)
        if name not in self._serves:
            return ""
        merged = same = False
        for twin, repeated in twins:
            primary = name_of(twin.backend)
            if primary and primary not in self._serves:
                continue
            same = primary == name
            if same:
                break
            if primary and repeated and self._serves[primary]:
                merged = True
                if all(name_of(item.backend) != name for item in self._beside.get(primary, ())):
                    self._beside.setdefault(primary, []).append(beside)
        if same or merged:
            return ""
        del self._serves[name]
        return f"unable to find real backend for alternative backend {name}. Deleting."

    def canary_of(self, location: Location) -> CanaryBackend | None:
        """Return the canary that gets some of a location's requests: the first one beside it, if it still exists."""
        first = next(self._of(location), None)
        return first if first is not None and name_of(first.backend) in self._serves else None

    def _of(self, location: Location) -> Iterator[CanaryBackend]:
        yield from self._beside.get(name_of(location.backend), ())
