"""What a sweep reads from: each kind of object once, probes in turns, and what an option leaves out not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ingressdoctor.collect.cloudflare_shelf import CloudflareShelf
from ingressdoctor.collect.kinds import (
    ENDPOINT_SLICES,
    INGRESS_ROUTES,
    INGRESSES,
    PODS,
    SERVICES,
    Kind,
)
from ingressdoctor.collect.once import Once
from ingressdoctor.collect.shelf import Shelf
from ingressdoctor.engine.limits import standing_still
from ingressdoctor.sources.base import Answer, Cloudflare, Dns, Grpc, Hetzner, Kubernetes, MaxScale, Net, Sql
from ingressdoctor.sources.left_out import LeftOut
from ingressdoctor.sources.live import Sources
from ingressdoctor.sources.polite import PoliteNet, Turns

__all__ = ["NO_PROBE", "PROBE_ONLY", "ROUTES", "Apis", "read_ahead", "shared_sources", "without"]

NO_PROBE: Final = "--no-probe"
PROBE_ONLY: Final = "--probe-only"
_PROBES: Final = (Dns, Net, Grpc, Sql)
# Of these there are as many as there are hosts, or more; a sweep without them would judge no route.
ROUTES: Final[tuple[Kind[Any], ...]] = (INGRESSES, INGRESS_ROUTES)
_MOST_OF: Final[tuple[Kind[Any], ...]] = (PODS, SERVICES, ENDPOINT_SLICES, INGRESSES, INGRESS_ROUTES)
_INSIDE: Final = (Kubernetes, Hetzner, Cloudflare, MaxScale)


@dataclass(frozen=True, slots=True, kw_only=True)
class Apis:
    """The three sources that GET from an API."""

    kubernetes: Kubernetes
    hetzner: Hetzner
    cloudflare: Cloudflare


class _HetznerOnce:
    """A ``Hetzner`` source that asks each question once."""

    def __init__(self, hetzner: Hetzner) -> None:
        self._hetzner = hetzner
        self._once = Once()

    async def get(self, path: str, query: Mapping[str, str]) -> Answer:
        """GET *path*.

        Raises:
            SourceError: no token, no connection, timeout.
        """
        question = (path, *sorted(query.items()))
        answer: Answer = await self._once.ask(question, lambda: self._hetzner.get(path, query))
        return answer


def shared_sources(sources: Sources, *, overall: int, each: int, apis: Apis | None = None) -> dict[type, object]:
    """Return what stands in for the live sources in one sweep, by protocol; for that one sweep only.

    *apis* are asked in place of the live APIs, where they record or replay.
    """
    asked = apis or Apis(kubernetes=sources.kubernetes, hetzner=sources.hetzner, cloudflare=sources.cloudflare)
    return {
        Kubernetes: Shelf(asked.kubernetes),
        Cloudflare: CloudflareShelf(asked.cloudflare),
        Hetzner: _HetznerOnce(asked.hetzner),
        Net: PoliteNet(sources.net, Turns(overall, each, standing_still)),
    }


async def read_ahead(instead: Mapping[type, object], kinds: Sequence[Kind[Any]] = _MOST_OF) -> None:
    """Read what most targets need and large clusters have most of, before the time of any target begins."""
    shelf = instead.get(Kubernetes)
    if isinstance(shelf, Shelf):
        await shelf.fill(kinds)


def without(instead: Mapping[type, object], *, probes: bool, inside: bool) -> dict[type, object]:
    """Return *instead* with what is not asked for left out."""
    left: dict[type, object] = {}
    if not probes:
        left.update(dict.fromkeys(_PROBES, LeftOut(NO_PROBE)))
    if not inside:
        left.update(dict.fromkeys(_INSIDE, LeftOut(PROBE_ONLY)))
    return {**instead, **left}
