"""Whose rules decide where the target's name leads, and which of them takes the request.

The cluster and the API are asked only where the name may be a tunnel's (``tunnel_lead``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec
from msgspec.structs import replace

from ingressdoctor.collect.cloudflared_args import is_uuid
from ingressdoctor.collect.cloudflared_config import config_of_text, remote_config, taken_by
from ingressdoctor.collect.tunnel_lead import SUFFIX, Lead
from ingressdoctor.collect.tunnel_names import kin_of
from ingressdoctor.evidence.preferences import Preferences
from ingressdoctor.evidence.routes import NOT_READ
from ingressdoctor.evidence.tunnel import Cloudflared, Cloudflareds, TunnelRoute
from ingressdoctor.evidence.tunnel_api import TunnelFacts, TunnelObject
from ingressdoctor.evidence.tunnel_rules import ConfigHome, ConfigSource, TunnelConfig
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.needs import Later
from ingressdoctor.model.target import Target
from ingressdoctor.model.text import clean

__all__ = ["Told", "collect_tunnel_route", "config_of_file", "judge_route"]

_WANTED: Final = "the tunnel that the name leads to"
_MAX_FILE: Final = 5_000_000


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """Where rules may be: the cluster's cloudflared, the Cloudflare API, and a file that was given."""

    found: Cloudflareds | Unavailable
    facts: TunnelFacts | Unavailable = NOT_READ
    file: TunnelConfig | Unavailable | None = None


class _Known(msgspec.Struct, frozen=True, kw_only=True):
    """One configuration that may decide, and the workload that runs with it (None: not in this cluster)."""

    config: TunnelConfig | Unavailable
    workload: Cloudflared | None = None


@collector(wanted=_WANTED, timeout_s=25.0)
async def collect_tunnel_route(
    target: Target,
    preferences: Preferences,
    lead: Lead,
    cloudflareds: Later[Cloudflareds],
    facts: Later[TunnelFacts],
) -> TunnelRoute | Unavailable:
    """Follow the name to a tunnel, by its record, by DNS or by the rules that name it."""
    path = preferences.cloudflared_config
    file = await asyncio.to_thread(config_of_file, path) if path else None
    if lead.refuted and not (lead.by_route and isinstance(file, TunnelConfig) and _exactly(target.hostname, file)):
        return Unavailable(wanted=_WANTED, reason=lead.refuted)
    found, told = await asyncio.gather(cloudflareds.get(), facts.get())
    return judge_route(target, lead, Told(found=found, facts=told, file=file))


def config_of_file(path: str) -> TunnelConfig | Unavailable:
    """Read the file that was given in place of the cluster's or the API's configuration."""
    wanted = f"cloudflared's configuration in {clean(path, 200)}"
    source = ConfigSource(home=ConfigHome.FILE, ref=f"file {clean(path, 200)}")
    try:
        with Path(path).open("rb") as file:
            text = file.read(_MAX_FILE + 1)
    except OSError as error:
        return Unavailable(wanted=wanted, reason=error.strerror or "it cannot be read", enable_with="Correct the path.")
    return config_of_text(text.decode("utf-8", "replace"), source)


def judge_route(target: Target, lead: Lead, told: Told) -> TunnelRoute | Unavailable:
    """Choose the configuration that decides, and the rule in it that takes the request."""
    items = () if isinstance(told.found, Unavailable) else told.found.items
    known = [_Known(config=told.file)] if told.file is not None else []
    known += [_Known(config=_config_of(item), workload=item) for item in items]
    chosen = _by_tunnel(lead, known) if lead.tunnel else _by_name(target.hostname, known)
    remote = remote_config(told.facts, local=chosen is not None and isinstance(chosen.config, TunnelConfig))
    if remote is not None and lead.tunnel:
        chosen = _Known(config=remote, workload=chosen.workload if chosen else None)
    wanted_by = () if isinstance(told.facts, Unavailable) else told.facts.wanted_by
    if chosen is None and not lead.tunnel:
        return _wanted(wanted_by[0]) if wanted_by else _nothing(target.hostname, told.found)
    workloads = tuple(_workloads(lead.tunnel, chosen, items))
    config = chosen.config if chosen else _nobody(lead.tunnel, told.found, items)
    others = [item for item in known if chosen is None or item.config is not chosen.config]
    route = TunnelRoute(
        tunnel=lead.tunnel or (workloads[0].identity.id if workloads else ""),
        ground=lead.ground,
        by_record=bool(lead.tunnel),
        workloads=workloads,
        config=config,
        elsewhere=tuple(_elsewhere(target.hostname, others)),
    )
    return _with_rule(target, route) if isinstance(config, TunnelConfig) else route


def _wanted(tunnel: TunnelObject) -> TunnelRoute:
    """Only the API knows of rules for the name: those of a tunnel to which no record leads."""
    shown = f"the tunnel {tunnel.name or tunnel.id}"
    gap = Unavailable(
        wanted="cloudflared's rules",
        reason=f"no record leads to {shown}, so that its rules were not read",
        enable_with=f"Create the record, a proxied CNAME to {tunnel.id}{SUFFIX}, first.",
    )
    return TunnelRoute(
        tunnel=tunnel.id, ground=f"the rules of {shown} at Cloudflare name it", config=gap, named="exact"
    )


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
