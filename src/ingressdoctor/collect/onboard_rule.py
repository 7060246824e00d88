"""The first item of a management hostname: does a rule of cloudflared take it, and where would one go? Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from ingressdoctor.collect.cloudflared_config import taken_by
from ingressdoctor.collect.onboard_common import (
    Applications,
    done,
    home_in_git,
    missing,
    origin_guess,
    sync_action,
    unseen,
)
from ingressdoctor.collect.onboard_sides import TunnelSide
from ingressdoctor.collect.tunnel_names import kin_of
from ingressdoctor.evidence.kube import Service
from ingressdoctor.evidence.onboarding import NextAction, OnboardItem
from ingressdoctor.evidence.tunnel import Cloudflared, Cloudflareds, TunnelRoute
from ingressdoctor.evidence.tunnel_api import TunnelFacts, TunnelObject
from ingressdoctor.evidence.tunnel_rules import ConfigHome, TunnelConfig, TunnelRule
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.finding import Command, changes, look

__all__ = ["Ruling", "rule_item", "ruling_of"]

_IDENT: Final = "tunnel-rule"
_TITLE: Final = "A rule of the tunnel takes the hostname"


class Ruling(msgspec.Struct, frozen=True, kw_only=True):
    """Whose rules decide, or should: the configuration, who runs with it, and the tunnel's id.

    ``gap`` says why there is no configuration to look at; ``remote`` is a tunnel whose rules at Cloudflare name it.
    """

    config: TunnelConfig | None = None
    workload: Cloudflared | None = None
    tunnel: str = ""
    gap: Unavailable | None = None
    remote: TunnelObject | None = None

    @property
    def namespace(self) -> str:
        """The namespace of the connector, for service names without one."""
        return self.workload.namespace if self.workload is not None else ""


def ruling_of(host: str, side: TunnelSide) -> Ruling:
    """Return the configuration of the tunnel that the name leads to, else the one with most names like it."""
    route, cloudflareds, facts = side.route, side.cloudflareds, side.facts
    remote = facts.wanted_by[0] if isinstance(facts, TunnelFacts) and facts.wanted_by else None
    if isinstance(route, TunnelRoute) and isinstance(route.config, TunnelConfig):
        workload = next(iter(route.workloads), None)
        return _ruling(route.config, workload, route.tunnel, remote)
    items = () if isinstance(cloudflareds, Unavailable) else cloudflareds.items
    known = [(item, item.config) for item in items if isinstance(item.config, TunnelConfig)]
    if known:
        workload, config = max(known, key=lambda pair: _kinship(host, pair[1]))
        return _ruling(config, workload, "", remote)
    return Ruling(gap=_gap(route, cloudflareds, items), remote=remote, tunnel=remote.id if remote else "")


def _kinship(host: str, config: TunnelConfig) -> tuple[int, int]:
    return len(kin_of(host, config.hostnames).pattern), len(config.hostnames)


def _ruling(config: TunnelConfig, workload: Cloudflared | None, tunnel: str, remote: TunnelObject | None) -> Ruling:
    own = workload.identity.id if workload is not None else ""
    return Ruling(config=config, workload=workload, tunnel=own or tunnel or config.tunnel, remote=remote)


def _gap(
    route: TunnelRoute | Unavailable, cloudflareds: Cloudflareds | Unavailable, items: Sequence[Cloudflared]
) -> Unavailable:
    wanted = "cloudflared's rules"
    unread = [item.config for item in items if isinstance(item.config, Unavailable)]
    for gap in (cloudflareds, *unread, route.config if isinstance(route, TunnelRoute) else route):
        if isinstance(gap, Unavailable) and gap.enable_with:
            return Unavailable(wanted=wanted, reason=gap.reason, enable_with=gap.enable_with)
    if isinstance(cloudflareds, Cloudflareds):
        for kind in cloudflareds.unread:
            return Unavailable(wanted=wanted, reason=kind.reason, enable_with=kind.enable_with)
    return Unavailable(
        wanted=wanted,
        reason="no cloudflared with readable rules was found in the cluster",
        enable_with="Give its file with tunnel.config_file in the configuration, or set CLOUDFLARE_API_TOKEN with the "
        "permission Account > Cloudflare Tunnel > Read.",
    )


def rule_item(host: str, ruling: Ruling, argo: Applications | Unavailable, services: Sequence[Service]) -> OnboardItem:
    """Judge whether a rule takes requests for the host, and say where one would go."""
    config = ruling.config
    item = _by_config(host, ruling, config) if config is not None else None
    if item is not None:
        return item
    if ruling.remote is not None:
        return done(_IDENT, _TITLE, f"the rules of the tunnel {ruling.remote.name} at Cloudflare name it.")
    if config is None:
        return unseen(_IDENT, _TITLE, ruling.gap or Unavailable(wanted="cloudflared's rules", reason="none were found"))
    detail = f"none of the {len(config.rules)} rules in {config.source.ref} names it."
    return missing(_IDENT, _TITLE, detail, _add(host, ruling, config, argo, services))


def _by_config(host: str, ruling: Ruling, config: TunnelConfig) -> OnboardItem | None:
    """Judge by the configuration alone; None when nothing in it names the host."""
    if config.missing:
        detail = f"{config.source.ref}, which the connector mounts, does not exist."
        return missing(_IDENT, _TITLE, detail, NextAction(text="Create it first.", commands=_edit(ruling)[:1]))
    if config.error:
        action = NextAction(text="Correct the configuration first.", commands=_edit(ruling))
        return missing(_IDENT, _TITLE, f"cloudflared refuses {config.source.ref}: {config.error}", action)
    rule, origin, passed, named = taken_by(config, host, "/", ruling.namespace)
    if not named or rule is None or origin is None or rule.catch_all:
        return None
    own = next((item.rule for item in passed if item.rule.hostname.lower() == host and item.later), None)
    if own is None:
        return done(_IDENT, _TITLE, f"{rule.shown}, in {config.source.ref}.")
    text = f"Move rule {own.number} above rule {rule.number}: the first rule that matches wins."
    detail = f"{own.shown} names it, but rule {rule.number} ({rule.hostname}) comes first."
    return missing(_IDENT, _TITLE, detail, NextAction(text=text, commands=_edit(ruling)))


def _add(
    host: str, ruling: Ruling, config: TunnelConfig, argo: Applications | Unavailable, services: Sequence[Service]
) -> NextAction:
    source = config.source
    tracked = (
        argo.tracking("ConfigMap", source.namespace, source.name)
        if isinstance(argo, Applications) and source.home is ConfigHome.CONFIG_MAP
        else None
    )
    if tracked is not None and tracked[1].status == "OutOfSync":
        return sync_action(tracked[0], f"another {source.ref} than the cluster has: the rule may be in git already")
    names = kin_of(host, config.hostnames).pattern
    url, meant = origin_guess(host, names, services)
    last = next((rule for rule in config.rules if _takes_all_of(rule, host)), None)
    where = (
        f"above rule {last.number} ({last.hostname or 'the one that takes everything'})" if last else "before the last"
    )
    why = f" {meant} is the Service called like it." if meant else " Put the address of the Service in."
    return NextAction(
        text=f"Add this rule to {source.ref}, {where}: the first rule that matches wins.{why}{home_in_git(tracked)}",
        place=f"ingress: of {source.ref}",
        paste=f"- hostname: {host}\n  service: {url}",
        commands=_edit(ruling) if tracked is None else _in_git(ruling, tracked[0].name),
    )


def _in_git(ruling: Ruling, application: str) -> tuple[Command, ...]:
    """Return what remains to be typed where git decides: an edit in the cluster would be reverted."""
    return (*_edit(ruling)[:1], changes("argocd", "app", "sync", application))


def _takes_all_of(rule: TunnelRule, host: str) -> bool:
    wild = rule.hostname.startswith("*.") and host.endswith(rule.hostname[1:].lower())
    return rule.catch_all or (wild and not rule.path)


def _edit(ruling: Ruling) -> tuple[Command, ...]:
    """Return the commands that show and change the configuration where it lives."""
    source = ruling.config.source if ruling.config is not None else None
    if source is None:
        return ()
    if source.home is ConfigHome.CONFIG_MAP:
        words = ("kubectl", "-n", source.namespace)
        return (
            look(*words, "get", "configmap", source.name, "-o", "yaml"),
            changes(*words, "edit", "configmap", source.name),
        )
    if source.home is ConfigHome.FILE:
        return (
            changes("sudoedit", "/etc/cloudflared/config.yml"),
            look("cloudflared", "tunnel", "ingress", "validate"),
            changes("sudo", "systemctl", "restart", "cloudflared"),
        )
    return (look("cloudflared", "tunnel", "info", ruling.tunnel),) if ruling.tunnel else ()
