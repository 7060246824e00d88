"""Which tunnel the target's name leads to, whose rules decide there, and which of them takes the request.

The cluster is asked for its cloudflared only where the name may be a tunnel's: not when the zone says that its records
lead elsewhere, and not when a route of the cluster names the host and nothing speaks of a tunnel.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec
from msgspec.structs import replace

from ingressdoctor.collect.cloudflared_args import is_uuid
from ingressdoctor.collect.cloudflared_config import config_of_text, taken_by
from ingressdoctor.collect.tunnel_names import kin_of
from ingressdoctor.evidence.cloudflare import ZoneFacts
from ingressdoctor.evidence.outside import DnsView
from ingressdoctor.evidence.preferences import Preferences
from ingressdoctor.evidence.routes import KnownHosts
from ingressdoctor.evidence.tunnel import (
    Cloudflared,
    Cloudflareds,
    ConfigHome,
    ConfigSource,
    TunnelConfig,
    TunnelRoute,
)
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.needs import Later
from ingressdoctor.model.target import Target
from ingressdoctor.model.text import clean

__all__ = ["Lead", "collect_tunnel_route", "judge_route", "lead_of"]

_WANTED: Final = "the tunnel that the name leads to"
_SUFFIX: Final = ".cfargotunnel.com"
_MAX_FILE: Final = 5_000_000


class Lead(msgspec.Struct, frozen=True, kw_only=True):
    """What record and DNS say: the tunnel's id and who told it, or why the name is no tunnel's."""

    tunnel: str = ""
    ground: str = ""
    refuted: str = ""


class _Known(msgspec.Struct, frozen=True, kw_only=True):
    """One configuration that may decide, and the workload that runs with it (None: not in this cluster)."""

    config: TunnelConfig | Unavailable
    workload: Cloudflared | None = None


@collector(wanted=_WANTED, timeout_s=25.0)
async def collect_tunnel_route(
    target: Target,
    preferences: Preferences,
    zone: ZoneFacts | Unavailable,
    dns: DnsView | Unavailable,
    hosts: KnownHosts | Unavailable,
    cloudflareds: Later[Cloudflareds],
) -> TunnelRoute | Unavailable:
    """Follow the name to a tunnel, by its record, by DNS or by the rules that name it."""
    lead = lead_of(target.hostname, zone, dns, hosts)
    file = await asyncio.to_thread(_file_of, preferences.cloudflared_config) if preferences.cloudflared_config else None
    if lead.refuted:
        return Unavailable(wanted=_WANTED, reason=lead.refuted)
    found = await cloudflareds.get()
    return judge_route(target, lead, found, file)


def lead_of(
    host: str, zone: ZoneFacts | Unavailable, dns: DnsView | Unavailable, hosts: KnownHosts | Unavailable
) -> Lead:
    """Say to which tunnel a name leads, or that it leads elsewhere."""
    if isinstance(zone, ZoneFacts) and zone.tunnel:
        return Lead(tunnel=zone.tunnel.lower(), ground=f"its record at Cloudflare leads to the tunnel {zone.tunnel}")
    chain = () if isinstance(dns, Unavailable) else dns.cname_chain
    seen = next((name for name in chain if name.rstrip(".").lower().endswith(_SUFFIX)), "")
    if seen:
        tunnel = seen.rstrip(".").lower().removesuffix(_SUFFIX)
        return Lead(tunnel=clean(tunnel, 100), ground=f"DNS shows a CNAME to the tunnel {clean(tunnel, 100)}")
    if isinstance(zone, ZoneFacts) and zone.records:
        return Lead(refuted=f"the zone {zone.name} at Cloudflare holds a record for it, which leads to no tunnel")
    naming = () if isinstance(hosts, Unavailable) else hosts.naming(host)
    if naming:
        return Lead(refuted=f"{naming[0]} names the host, and nothing speaks of a tunnel")
    return Lead()


def _file_of(path: str) -> TunnelConfig | Unavailable:
    """Read the file that was given in place of the cluster's or the API's configuration."""
    wanted = f"cloudflared's configuration in {clean(path, 200)}"
    source = ConfigSource(home=ConfigHome.FILE, ref=f"file {clean(path, 200)}")
    try:
        with Path(path).open("rb") as file:
            text = file.read(_MAX_FILE + 1)
    except OSError as error:
        return Unavailable(wanted=wanted, reason=error.strerror or "it cannot be read", enable_with="Correct the path.")
    return config_of_text(text.decode("utf-8", "replace"), source)


def judge_route(
    target: Target,
    lead: Lead,
    found: Cloudflareds | Unavailable,
    file: TunnelConfig | Unavailable | None = None,
) -> TunnelRoute | Unavailable:
    """Choose the configuration that decides, and the rule in it that takes the request."""
    items = () if isinstance(found, Unavailable) else found.items
    known = [_Known(config=file)] if file is not None else []
    known += [_Known(config=_config_of(item), workload=item) for item in items]
    chosen = _by_tunnel(lead, known) if lead.tunnel else _by_name(target.hostname, known)
    if chosen is None and not lead.tunnel:
        return _nothing(target.hostname, found)
    mine = [chosen] if chosen else []
    workloads = tuple(_workloads(lead.tunnel, chosen, items))
    config = chosen.config if chosen else _nobody(lead.tunnel, found, items)
    route = TunnelRoute(
        tunnel=lead.tunnel or (workloads[0].identity.id if workloads else ""),
        ground=lead.ground,
        by_record=bool(lead.tunnel),
        workloads=workloads,
        config=config,
        elsewhere=tuple(_elsewhere(target.hostname, [item for item in known if item not in mine])),
    )
    return _with_rule(target, route) if isinstance(config, TunnelConfig) else route


def _config_of(item: Cloudflared) -> TunnelConfig | Unavailable:
    if item.config is not None:
        return item.config
    return Unavailable(
        wanted="cloudflared's rules",
        reason=f"{item.ref} gets them from Cloudflare",
        enable_with="Set CLOUDFLARE_API_TOKEN with the permission Account > Cloudflare Tunnel > Read.",
    )


def _by_tunnel(lead: Lead, known: Sequence[_Known]) -> _Known | None:
    """Return the configuration of the tunnel that the name leads to; a file that names no id is taken at its word."""
    for item in known:
        config = item.config
        if item.workload is None and (isinstance(config, Unavailable) or _fits(config.tunnel, lead.tunnel)):
            return item
    mine = [item for item in known if item.workload is not None and item.workload.identity.id == lead.tunnel]
    # What runs on a token out of a Secret may be it: no other workload of the cluster claims the tunnel.
    mine = mine or [item for item in known if item.workload is not None and _may_be(item.workload)]
    return min(mine, key=lambda item: isinstance(item.config, Unavailable), default=None)


def _fits(written: str, tunnel: str) -> bool:
    return not is_uuid(written) or written.lower() == tunnel


def _may_be(workload: Cloudflared) -> bool:
    return not workload.identity.id


def _by_name(host: str, known: Sequence[_Known]) -> _Known | None:
    """Return the configuration that names the host exactly, else by a wildcard, else names of the same pattern."""
    configs = [(item, item.config) for item in known if isinstance(item.config, TunnelConfig)]
    for fits in (_exactly, _by_wildcard, _by_pattern):
        best = next((item for item, config in configs if fits(host, config)), None)
        if best is not None:
            return best
    return None


def _exactly(host: str, config: TunnelConfig) -> bool:
    return any(name.lower() == host for name in config.hostnames)


def _by_wildcard(host: str, config: TunnelConfig) -> bool:
    return any(name.startswith("*.") and host.endswith(name[1:].lower()) for name in config.hostnames)


def _by_pattern(host: str, config: TunnelConfig) -> bool:
    kin = kin_of(host, config.hostnames)
    return bool(kin.pattern or kin.near)


def _nothing(host: str, found: Cloudflareds | Unavailable) -> Unavailable:
    if isinstance(found, Unavailable):
        return Unavailable(wanted=_WANTED, reason=found.reason, enable_with=found.enable_with)
    where = f"no rule of {', '.join(item.ref for item in found.items[:3])} names" if found.items else "nothing leads"
    return Unavailable(wanted=_WANTED, reason=f"{where} {host} to a tunnel" if not found.items else f"{where} {host}")


def _nobody(tunnel: str, found: Cloudflareds | Unavailable, items: Sequence[Cloudflared]) -> Unavailable:
    wanted = "cloudflared's rules"
    if isinstance(found, Unavailable):
        return Unavailable(wanted=wanted, reason=found.reason, enable_with=found.enable_with)
    others = ", ".join(f"{item.ref} runs {item.identity.id or item.identity.name or 'another'}" for item in items[:3])
    more = f"; {others}" if others else ""
    return Unavailable(
        wanted=wanted,
        reason=f"no cloudflared of this cluster runs the tunnel {tunnel}{more}",
        enable_with="Give its file with --cloudflared-config FILE, or set CLOUDFLARE_API_TOKEN with the permission "
        "Account > Cloudflare Tunnel > Read.",
    )


def _workloads(tunnel: str, chosen: _Known | None, items: Sequence[Cloudflared]) -> Iterator[Cloudflared]:
    """Yield the workloads that run the tunnel, the one whose configuration decides first."""
    if chosen is not None and chosen.workload is not None:
        yield chosen.workload
        tunnel = tunnel or chosen.workload.identity.id
    for item in items:
        if tunnel and item.identity.id == tunnel and (chosen is None or item is not chosen.workload):
            yield item


def _elsewhere(host: str, known: Sequence[_Known]) -> Iterator[str]:
    for item in known:
        if isinstance(item.config, TunnelConfig) and _exactly(host, item.config):
            yield item.config.source.ref


def _with_rule(target: Target, route: TunnelRoute) -> TunnelRoute:
    """Add the rule, where it leads, and the names around it."""
    config, host = route.config, target.hostname
    if isinstance(config, Unavailable):
        return route
    namespace = config.source.namespace or (route.workloads[0].namespace if route.workloads else "")
    rule, origin, passed, named = taken_by(config, host, target.path, namespace)
    if rule is None and not named:
        named = "exact" if _exactly(host, config) else "wildcard" if _by_wildcard(host, config) else ""
    kin = kin_of(host, config.hostnames)
    naming = next((item for item in config.rules if item.hostname.lower() == host), None) or rule
    ground = route.ground
    if not ground and named and naming is not None:
        ground = f"rule {naming.number} of {config.source.ref} names it"
    elif not ground and kin.pattern:
        ground = f"the rules of {config.source.ref} have {len(kin.pattern)} names of the same pattern"
    elif not ground:
        ground = f"the rules of {config.source.ref} have names like it"
    return replace(
        route,
        rule=rule,
        origin=origin,
        passed=passed,
        named=named,
        ground=ground,
        near=kin.near,
        tenant=kin.tenant,
        pattern=kin.pattern,
    )
