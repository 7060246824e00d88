"""Ask every hop for its greeting where a client gets none that is good, from the load balancer to MariaDB.

Nothing is asked while the client's own greeting is good, and MariaDB only where MaxScale's is not: each probe is an
aborted handshake to it. Hops in pods are reached by port-forwards, which a role has to grant.
"""

from __future__ import annotations

from typing import Final

import msgspec

from ingressdoctor.collect.sql_wire import read_words
from ingressdoctor.collect.together import together
from ingressdoctor.errors import SourceError
from ingressdoctor.evidence.backend import BackendView
from ingressdoctor.evidence.controller import Controller
from ingressdoctor.evidence.database_objects import DatabaseObjects
from ingressdoctor.evidence.hetzner import LoadBalancerLookup
from ingressdoctor.evidence.sql import SqlGreeting
from ingressdoctor.evidence.sql_hops import HopPlace, SqlHop, SqlHops, greets_well
from ingressdoctor.evidence.tcp_route import TcpRoute
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Inapplicable, Unavailable
from ingressdoctor.routing.addresses import in_ranges
from ingressdoctor.sources.base import Sql

__all__ = ["HopPlaces", "PodPort", "collect_hops", "collect_places", "places_of"]

_WANTED: Final = "the greeting at each hop"
_TIMEOUT_S: Final = 4.0
_LOOPBACK: Final = "127.0.0.1"  # whence a port-forward connects, inside of the pod
_LOCAL: Final = b"PROXY TCP4 127.0.0.1 127.0.0.1 40000 3306\r\n"


class PodPort(msgspec.Struct, frozen=True, kw_only=True):
    """A port of a pod, what is said there first, and why its answer may be no measure."""

    place: HopPlace
    namespace: str
    pod: str
    port: int
    say: bytes = b""
    note: str = ""

    @property
    def target(self) -> str:
        """How it is named."""
        return f"Pod {self.namespace}/{self.pod} port {self.port}"


class HopPlaces(msgspec.Struct, frozen=True, kw_only=True):
    """Where to ask; ``balancer`` is the load balancer's own address, empty where it is not known."""

    port: int
    balancer: str = ""
    traefik: PodPort | None = None
    maxscale: PodPort | None = None
    mariadb: PodPort | None = None


@collector(wanted="the hops of the connection")
async def collect_places(
    route: TcpRoute,
    controller: Controller,
    lookup: LoadBalancerLookup | Unavailable,
    view: BackendView | Unavailable,
    objects: DatabaseObjects | Unavailable,
) -> HopPlaces:
    """Find a pod for each hop."""
    return places_of(route, controller, lookup, view, objects)


def places_of(
    route: TcpRoute,
    controller: Controller,
    lookup: LoadBalancerLookup | Unavailable,
    view: BackendView | Unavailable,
    objects: DatabaseObjects | Unavailable,
) -> HopPlaces:
    """Choose one pod for each hop, a ready one."""
    found = lookup.found if isinstance(lookup, LoadBalancerLookup) else None
    return HopPlaces(
        port=route.entry.port,
        balancer=found.ipv4 if found is not None and found.public_enabled else "",
        traefik=_traefik(route, controller),
        maxscale=_maxscale(view),
        mariadb=_mariadb(objects),
    )


def _traefik(route: TcpRoute, controller: Controller) -> PodPort | None:
    """Return Traefik's port, with the header that its entry point waits for.

    The connection comes from the pod's own loopback address, which an allow list seldom holds.
    """
    pod, port = next(iter(controller.ready_pods), None), route.entry.path.container_port
    if pod is None or not port:
        return None
    # A list that cannot be read keeps nobody out: it costs the whole route, which is seen here as anywhere.
    judging = [item for item in route.lists if item.judges and item.ranges and not item.invalid]
    refusing = next((item.ref for item in judging if not in_ranges(item.ranges, _LOOPBACK)), "")
    return PodPort(
        place=HopPlace.TRAEFIK,
        namespace=pod.namespace,
        pod=pod.name,
        port=port,
        say=_LOCAL if route.expects_header is not None else b"",
        note=f"{refusing} does not list the address of a port-forward" if refusing else "",
    )


def _maxscale(view: BackendView | Unavailable) -> PodPort | None:
    serving = () if isinstance(view, Unavailable) else view.serving
    first = next((item for item in serving if item.pod and item.port), None)
    if first is None or isinstance(view, Unavailable):
        return None
    return PodPort(place=HopPlace.MAXSCALE, namespace=view.ref.namespace, pod=first.pod, port=first.port or 0)


def _mariadb(objects: DatabaseObjects | Unavailable) -> PodPort | None:
    known = () if isinstance(objects, Unavailable) or isinstance(objects.mariadbs, Unavailable) else objects.mariadbs
    if len(known) != 1:  # of several nobody knows which is meant
        return None
    (item,) = known
    pod = item.primary or f"{item.name}-0"
    return PodPort(place=HopPlace.MARIADB, namespace=item.namespace, pod=pod, port=item.port)


@collector(wanted=_WANTED, timeout_s=20.0)
async def collect_hops(seen: SqlGreeting, places: HopPlaces, sql: Sql) -> SqlHops | Unavailable:
    """Ask the hops behind the one that the client got no good greeting of."""
    if greets_well(seen):
        return Inapplicable(wanted=_WANTED, reason="the client gets its greeting, so no hop has to be asked")
    address = seen.words.address
    first = HopPlace.BALANCER if address == places.balancer else HopPlace.NAME
    hops = [SqlHop(place=first, target=f"{address}:{places.port}", greeting=seen)]
    pods = [item for item in (places.traefik, places.maxscale) if item is not None]
    beside = [_balancer(sql, places)] if first is HopPlace.NAME and places.balancer else []
    hops += await together(*beside, *(_pod(sql, item) for item in pods))
    if places.mariadb is not None and not any(hop.well for hop in hops):
        hops.append(await _pod(sql, places.mariadb))
    behind = [hop.greeting for hop in hops[1:]]
    gaps = [item for item in behind if isinstance(item, Unavailable)]
    if not behind:
        return Unavailable(wanted=_WANTED, reason="no hop behind the client's is known")
    if len(gaps) == len(behind):
        return Unavailable(wanted=_WANTED, reason=gaps[0].reason, enable_with=gaps[0].enable_with)
    return SqlHops(hops=tuple(hops))


async def _balancer(sql: Sql, places: HopPlaces) -> SqlHop:
    words = await sql.greet(places.balancer, places.port, timeout_s=_TIMEOUT_S)
    target = f"{places.balancer}:{places.port}"
    return SqlHop(place=HopPlace.BALANCER, target=target, greeting=read_words(words))


async def _pod(sql: Sql, item: PodPort) -> SqlHop:
    """Ask one pod; where no port-forward is to be had, that is a gap of this hop alone."""
    greeting: SqlGreeting | Unavailable
    try:
        words = await sql.greet_pod(item.namespace, item.pod, item.port, say=item.say, timeout_s=_TIMEOUT_S)
        greeting = read_words(words)
    except SourceError as error:
        greeting = Unavailable(wanted=f"the greeting of {item.target}", reason=error.message, enable_with=error.hint)
    return SqlHop(place=item.place, target=item.target, greeting=greeting, note=item.note)
