"""Find every target that the cluster, its tunnels and the zones at Cloudflare name.

A record of a zone is a target where it leads to us: through a tunnel, by the edge, or to an address of the load
balancer or of a node. What leads elsewhere (mail, other hosters) is left out, and so are wildcards, which nobody can
ask for. Judges nothing.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from typing import Final

from ingressdoctor.collect.cloudflare_api import refusal
from ingressdoctor.collect.cloudflare_shelf import CloudflareShelf
from ingressdoctor.collect.discovery_paths import paths_to_ask
from ingressdoctor.collect.gateway import gateway_hosts
from ingressdoctor.collect.tcp_entry import TcpObjects
from ingressdoctor.collect.tunnel_route import config_of_file
from ingressdoctor.evidence.controller import Controller
from ingressdoctor.evidence.discovery import Discovered, FoundName, ZoneName, ZoneNames
from ingressdoctor.evidence.gateway import GatewayObjects
from ingressdoctor.evidence.hetzner import ClusterBalancer, LoadBalancerLookup
from ingressdoctor.evidence.kube import Loaded
from ingressdoctor.evidence.preferences import Preferences
from ingressdoctor.evidence.routes import KnownHosts, RoutingObjects
from ingressdoctor.evidence.tunnel import Cloudflareds
from ingressdoctor.evidence.tunnel_rules import TunnelConfig
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Inapplicable, Unavailable
from ingressdoctor.model.text import clean
from ingressdoctor.model.untyped import as_list, as_map, as_text
from ingressdoctor.routing.addresses import canonical_address, is_originless
from ingressdoctor.routing.traefik.hosts import hosts_in
from ingressdoctor.sources.base import Cloudflare

__all__ = ["collect_discovered", "collect_zone_names"]

_LEADING: Final = frozenset({"A", "AAAA", "CNAME"})
_TUNNEL: Final = ".cfargotunnel.com"
_ANY_NAME: Final = re.compile(r"HostSNI\(\s*[`\"']\*[`\"']")
_RECORD: Final = "DNS record "
_SHOWN: Final = 3
_MOST_ZONES: Final = 500


@collector(wanted="the names in the zones at Cloudflare", timeout_s=60.0)
async def collect_zone_names(cloudflare: Cloudflare) -> ZoneNames | Unavailable:
    """List the active zones, and the records of each.

    Raises:
        SourceError: the API does not answer.
    """
    shelf = cloudflare if isinstance(cloudflare, CloudflareShelf) else CloudflareShelf(cloudflare)
    zones = await shelf.records("/zones")
    if zones is None:
        # The single question says why: a token that may not, or an API that has no time.
        why = refusal(await shelf.get("/zones", {"per_page": "5"}), "the zones at Cloudflare", "Zone > Zone > Read")
        return why or Unavailable(
            wanted="the zones at Cloudflare",
            reason="the token may not list them",
            enable_with="Give the API token the permission Zone > Zone > Read.",
        )
    names: list[ZoneName] = []
    unread: list[str] = []
    active = (as_map(item) for same in list(zones.values())[:_MOST_ZONES] for item in same)
    for zone in (item for item in active if item.get("status") == "active" and item.get("paused") is not True):
        ident, title = as_text(zone.get("id")), clean(as_text(zone.get("name")), 253)
        found = await shelf.records(f"/zones/{ident}/dns_records") if ident.isalnum() else None
        if found is None:
            unread.append(title)
        else:
            names += _zone_names(found)
    return ZoneNames(names=tuple(names), unread=tuple(unread))


def _zone_names(records: Mapping[str, list[object]]) -> Iterator[ZoneName]:
    for name, same in records.items():
        leading = [item for item in map(as_map, same) if as_text(item.get("type")) in _LEADING]
        if leading:
            yield ZoneName(
                name=clean(name, 253),
                contents=tuple(
                    clean(as_text(item.get("content")).strip().rstrip(".").lower(), 253) for item in leading
                ),
                proxied=any(item.get("proxied") is True for item in leading),
            )


@collector(wanted="the targets that the installation names", timeout_s=120.0)
async def collect_discovered(  # noqa: PLR0913, PLR0917 - each is a place that names targets
    hosts: KnownHosts | Unavailable,
    objects: RoutingObjects | Unavailable,
    gateways: GatewayObjects | Unavailable,
    tunnels: Cloudflareds | Unavailable,
    tcp: TcpObjects | Unavailable,
    zones: ZoneNames | Unavailable,
    balancer: ClusterBalancer,
    controller: Controller | Unavailable,
    preferences: Preferences,
) -> Discovered:
    """Join what each of them names; what could not be looked at is said beside."""
    found = _Names()
    gaps = [item for item in (hosts, tunnels, tcp, zones) if isinstance(item, Unavailable)]
    paths = {} if isinstance(objects, Unavailable) else paths_to_ask(objects)
    if isinstance(hosts, KnownHosts):
        gaps += hosts.unread
        for host, refs in hosts.hosts.items():
            found.add(host, refs, path=paths.get(host, ""))
    if isinstance(gateways, GatewayObjects):
        gaps += gateways.unread
        for host, refs in gateway_hosts(gateways).items():
            found.add(host, refs, path=paths.get(host, ""))
    rules = await _rules(preferences, tunnels)
    read = any(isinstance(config, TunnelConfig) and not config.missing for config in rules)
    for config in rules:
        if isinstance(config, Unavailable):
            gaps.append(config)
        else:
            for host in config.hostnames:
                found.add(host.lower(), (f"cloudflared {config.source.ref}",))
    sql = list(_sql_routes(tcp))
    for host, ref in sql:
        if "*" not in host:
            found.add(host, (ref,), scheme="mysql://")
    # Where routes or rules are not known, nobody can tell that nothing but the record names it.
    whole = isinstance(hosts, KnownHosts) and all(isinstance(gap, Inapplicable) or gap is zones for gap in gaps)
    if isinstance(zones, ZoneNames):
        ours = _ours(balancer.lookup, controller)
        any_name = next((ref for host, ref in sql if host == "*"), "")
        for item in zones.names:
            _add_record(found, item, ours, any_name, read=read)
        gaps += [_unread(zone) for zone in zones.unread]
    real = tuple(dict.fromkeys(gap for gap in gaps if not isinstance(gap, Inapplicable)))
    return Discovered(names=found.names(whole=whole), left_out=found.left_out(), gaps=real)


async def _rules(
    preferences: Preferences, tunnels: Cloudflareds | Unavailable
) -> tuple[TunnelConfig | Unavailable, ...]:
    """Return the rules of the cluster's connectors, and those of a file that stands for a connector elsewhere."""
    path = preferences.cloudflared_config
    known = [await asyncio.to_thread(config_of_file, path)] if path else []
    known += [] if isinstance(tunnels, Unavailable) else [item.config for item in tunnels.items if item.config]
    return (*known, *(() if isinstance(tunnels, Unavailable) else tunnels.unread))


def _unread(zone: str) -> Unavailable:
    return Unavailable(
        wanted=f"the records of the zone {zone}",
        reason="the Cloudflare API does not list them to this token, or not now",
        enable_with="Give the API token the permission Zone > DNS > Read.",
    )


def _sql_routes(tcp: TcpObjects | Unavailable) -> Iterator[tuple[str, str]]:
    """Yield the names of TCP routes, "*" for one that takes any, with the IngressRouteTCP."""
    if isinstance(tcp, Unavailable) or not isinstance(tcp.routes, Loaded):
        return
    for item in tcp.routes.items:
        for raw in as_list(item.spec.get("routes")):
            rule = as_text(as_map(raw).get("match"))
            if _ANY_NAME.search(rule):
                yield "*", item.ref
            for host in hosts_in(rule.replace("HostSNI", "Host")):
                yield host, item.ref


def _ours(balancer: LoadBalancerLookup | Unavailable, controller: Controller | Unavailable) -> frozenset[str]:
    """Return the addresses of the load balancer, also those of one that was deleted and that the Service still has."""
    found = None if isinstance(balancer, Unavailable) else balancer.found
    service = None if isinstance(controller, Unavailable) else controller.service
    told = service.status.load_balancer if service is not None and service.status is not None else None
    status = [canonical_address(item.ip or "") for item in (told.ingress or () if told is not None else ())]
    return frozenset((*(found.addresses if found is not None else ()), *filter(None, status)))


def _add_record(found: _Names, item: ZoneName, ours: frozenset[str], any_sql: str, *, read: bool) -> None:
    """Add a name of a zone; *read* tells whether the rules of a tunnel are known, of which one would name it."""
    addresses = {canonical_address(text) or text for text in item.contents}
    record = f"{_RECORD}{item.name}"
    tunnel = next((text.removesuffix(_TUNNEL) for text in item.contents if text.endswith(_TUNNEL)), "")
    if tunnel and not read:
        found.add(item.name, (record, f"tunnel {tunnel}, whose rules were not read"))
    elif tunnel or found.knows(item.name):
        found.add(item.name, (record,))
    elif addresses & ours:
        # A grey record to the load balancer that no web route names is what clients of its TCP port use.
        sql = any_sql and not item.proxied
        found.add(item.name, (record, any_sql) if sql else (record,), scheme="mysql://" if sql else "")
    elif item.proxied and all(not is_originless(address) for address in addresses):
        found.add(item.name, (record,))
    else:
        found.leave("DNS records that lead elsewhere", item.name)


class _Names:
    """Names with what names them, and those left out, by reason."""

    def __init__(self) -> None:
        self._found: dict[str, dict[str, None]] = {}
        self._left: dict[str, dict[str, None]] = {}
        self._paths: dict[str, str] = {}

    def knows(self, host: str) -> bool:
        return host in self._paths

    def add(self, host: str, sources: tuple[str, ...], scheme: str = "", path: str = "") -> None:
        if "*" in host:
            self.leave("wildcards, which nobody can ask for", host)
            return
        if not scheme:
            path = self._paths.setdefault(host, path)
        self._found.setdefault(scheme + host + path, {}).update(dict.fromkeys(sources))

    def leave(self, why: str, host: str) -> None:
        self._left.setdefault(why, {})[host] = None

    def names(self, *, whole: bool) -> tuple[FoundName, ...]:
        return tuple(
            FoundName(
                text=text,
                sources=tuple(sources),
                namespaces=tuple(dict.fromkeys(space for ref in sources if (space := _namespace(ref)))),
                only_record=whole and all(ref.startswith(_RECORD) for ref in sources),
            )
            for text, sources in sorted(self._found.items())
        )

    def left_out(self) -> tuple[str, ...]:
        lines = []
        for why, hosts in self._left.items():
            more = f" and {len(hosts) - _SHOWN} more" if len(hosts) > _SHOWN else ""
            lines.append(f"{why}: {', '.join(list(hosts)[:_SHOWN])}{more}")
        return tuple(lines)


def _namespace(ref: str) -> str:
    """Return the namespace of an object as findings name it (``Ingress shop/web``)."""
    kind, _, rest = ref.partition(" ")
    return rest.partition("/")[0] if "/" in rest and kind[:1].isupper() and kind != "DNS" else ""
