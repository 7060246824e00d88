"""The checklist of a new management hostname: tunnel rule, CNAME, Access application, sync and reload.

Collects what each item needs and judges them in that order; what the next step needs is taken from the neighbours: the
configuration that lists names like it, the tunnel that this runs, the application that covers them.
Source: Cloudflare's documentation of tunnels (rules, DNS records) and of Access (destinations of an application).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from ingressdoctor.collect.onboard_common import done, missing, unseen
from ingressdoctor.collect.onboard_record import cname_item
from ingressdoctor.collect.onboard_rule import Ruling, rule_item, ruling_of
from ingressdoctor.collect.onboard_sides import AccessSide, ClusterSide, NameSide, TunnelSide
from ingressdoctor.collect.onboard_sync import sync_item
from ingressdoctor.collect.tunnel_names import kin_of
from ingressdoctor.evidence.access_apps import AccessApplication
from ingressdoctor.evidence.onboarding import ManagementOnboarding, NextAction, OnboardItem, Progress
from ingressdoctor.evidence.outside import OutsideProbe
from ingressdoctor.evidence.tunnel import TunnelRoute
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.needs import Later
from ingressdoctor.model.target import Target
from ingressdoctor.routing.access import covering, gates, near_misses

__all__ = ["Scene", "access_item", "collect_management", "judge_management"]

_TITLE: Final = "The Access application covers the hostname"


@collector(wanted="how far the management hostname is set up", timeout_s=40.0)
async def collect_management(
    target: Target,
    name: NameSide,
    tunnels: TunnelSide,
    cluster: ClusterSide,
    access: AccessSide,
    visit: Later[OutsideProbe],
) -> ManagementOnboarding:
    """Judge the checklist; a visit tells what the API does not, and a name that nobody created yet is not visited."""
    scene = Scene(hostname=target.hostname, name=name, tunnels=tunnels, cluster=cluster, access=access)
    outside = isinstance(tunnels.route, TunnelRoute) and not tunnels.route.workloads
    if name.addresses and (isinstance(access.apps, Unavailable) or outside):
        scene = msgspec.structs.replace(scene, visit=await visit.get())
    return judge_management(scene)


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the checklist is judged by; ``visit`` is None where nobody looked."""

    hostname: str
    name: NameSide
    tunnels: TunnelSide
    cluster: ClusterSide
    access: AccessSide
    visit: OutsideProbe | Unavailable | None = None


def judge_management(scene: Scene) -> ManagementOnboarding:
    """Say of each item whether it is done, and what would get it done."""
    host, cluster = scene.hostname, scene.cluster
    ruling = ruling_of(host, scene.tunnels)
    rule = rule_item(host, ruling, cluster.argo, cluster.services)
    return ManagementOnboarding(
        hostname=host,
        management=True,
        items=(
            rule,
            cname_item(host, ruling, scene.name),
            access_item(host, scene.access.apps, scene.visit, ruling),
            sync_item(host, ruling, cluster.argo, scene.visit, ruled=rule.progress is Progress.DONE),
        ),
        near=_near(host, ruling) if rule.progress is Progress.MISSING else (),
    )


def _near(host: str, ruling: Ruling) -> tuple[str, ...]:
    return kin_of(host, ruling.config.hostnames).near[:3] if ruling.config is not None else ()


def access_item(
    host: str,
    apps: tuple[AccessApplication, ...] | Unavailable,
    visit: OutsideProbe | Unavailable | None,
    ruling: Ruling,
) -> OnboardItem:
    """Judge whether an application asks visitors of the host to log in."""
    ident = "access-application"
    if isinstance(apps, Unavailable):
        return _seen_from_outside(ident, host, apps, visit)
    found = covering(apps, host, "/")
    if found and not found[0].open:
        first = found[0]
        return done(ident, _TITLE, f"{first.application.name or first.application.id} lists {first.destination.uri}.")
    neighbour = _neighbour(host, apps, ruling)
    if found:
        name = found[0].application.name or found[0].application.id
        return missing(
            ident,
            _TITLE,
            f"{name} covers it, but lets everybody through without a login.",
            NextAction(text=f"Take the bypass out of {name}, or list the hostname in another application."),
        )
    near = near_misses(apps, host)
    slip = f" It lists {near[0]}." if near else ""
    return missing(
        ident,
        _TITLE,
        f"none of the account's applications ({len(apps)}) lists it: whoever knows it gets in.{slip}",
        neighbour,
    )


def _seen_from_outside(
    ident: str, host: str, gap: Unavailable, visit: OutsideProbe | Unavailable | None
) -> OnboardItem:
    if isinstance(visit, OutsideProbe) and visit.gate is not None:
        return done(ident, _TITLE, f"visitors are asked to log in ({visit.gate.login}); seen from outside.")
    open_to_all = isinstance(visit, OutsideProbe) and visit.edge and visit.edge_error is None and visit.last.status
    if open_to_all:
        return missing(
            ident,
            _TITLE,
            f"https://{host}/ answers without asking for a login; seen from outside.",
            NextAction(text=_ADD.format(name="the application of the other management names", host=host)),
        )
    return unseen(ident, _TITLE, gap)


_ADD: Final = "Add {host} to the public hostnames of {name}: Zero Trust > Access > Applications."


def _neighbour(host: str, apps: Sequence[AccessApplication], ruling: Ruling) -> NextAction:
    """Return how to list the host where names like it are listed, else in an application of its own."""
    names = ruling.config.hostnames if ruling.config is not None else ()
    kin = kin_of(host, names).pattern or tuple(name for name in names if name != host)
    counted = [(sum(1 for name in kin if covering((app,), name, "/")), app) for app in apps if gates(app)]
    best = max(counted, key=lambda item: item[0], default=None)
    place = "destinations of the application (dashboard, Terraform or API)"
    paste = f'{{"type": "public", "uri": "{host}"}}'
    if best is None or not best[0]:
        return NextAction(
            text=f"Create a self-hosted application for {host} with a policy: Zero Trust > Access > Applications.",
            place=place,
            paste=paste,
        )
    name = best[1].name or best[1].id
    return NextAction(
        text=_ADD.format(name=f"{name}, which covers {best[0]} names like it", host=host), place=place, paste=paste
    )
