"""Try every source with today's credentials, asking for as little as each one allows.

Reads nothing that a diagnosis would not read, and judges nothing. Lists are asked for one item.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Final

from msgspec.structs import replace

from ingressdoctor.collect.access_cloudflare import cloudflare_sights
from ingressdoctor.collect.hetzner import api_refusal
from ingressdoctor.collect.kinds import (
    APPLICATIONS,
    CERTIFICATES,
    ENDPOINT_SLICES,
    EVENTS,
    INGRESS_CLASSES,
    INGRESS_ROUTES,
    INGRESSES,
    MAXSCALES,
    MIDDLEWARES,
    NETWORK_POLICIES,
    NODES,
    PODS,
    SERVICES,
    USERS,
    Kind,
)
from ingressdoctor.collect.kube import refusal
from ingressdoctor.errors import SourceError
from ingressdoctor.evidence.access import AccessSurvey, LoginSights, Sight
from ingressdoctor.evidence.backend import BackendView, PolicyVerdict
from ingressdoctor.evidence.certificates import CertificateChain, GitOpsView
from ingressdoctor.evidence.controller import Controller, ControllerLogs
from ingressdoctor.evidence.database_objects import DatabaseObjects
from ingressdoctor.evidence.dns import Rcode
from ingressdoctor.evidence.hetzner import ClusterNodes, HetznerProject, LoadBalancerLookup, ServiceEvents
from ingressdoctor.evidence.outside import DnsView, Online, OutsideProbe
from ingressdoctor.evidence.routes import RoutingObjects
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.sources.base import Cloudflare, Dns, Hetzner, Kubernetes

__all__ = ["survey_access"]

# What a diagnosis loses without each kind.
_KINDS: Final[Mapping[Kind[Any], tuple[type, ...]]] = {
    INGRESS_ROUTES: (RoutingObjects,),
    INGRESSES: (RoutingObjects,),
    MIDDLEWARES: (RoutingObjects,),
    INGRESS_CLASSES: (RoutingObjects,),
    SERVICES: (Controller, BackendView),
    PODS: (Controller, BackendView),
    ENDPOINT_SLICES: (BackendView,),
    NETWORK_POLICIES: (PolicyVerdict,),
    EVENTS: (ServiceEvents,),
    NODES: (ClusterNodes,),
    CERTIFICATES: (CertificateChain,),
    APPLICATIONS: (GitOpsView,),
    MAXSCALES: (DatabaseObjects,),
    USERS: (DatabaseObjects,),
}
_ROOT: Final = "."


@collector(wanted="what the credentials can read", timeout_s=20.0)
async def survey_access(
    online: Online | Unavailable,
    kube: Kubernetes,
    hetzner: Hetzner,
    cloudflare: Cloudflare,
    logins: LoginSights,
    dns: Dns,
) -> AccessSurvey:
    """Try everything side by side; a source that does not answer costs its own line only."""
    inside: list[Awaitable[Sight]] = [_kind(kube, kind, feeds) for kind, feeds in _KINDS.items()]
    named, edge, project, cluster = await asyncio.gather(
        asyncio.gather(*(_resolver(dns, server) for server in dns.resolvers)),
        cloudflare_sights(cloudflare),
        _hetzner(hetzner),
        asyncio.gather(*inside, _logs(kube)),
    )
    # Who runs no MaxScale has no login for one, and need not hear of it.
    databases = [item for item in logins.maxscale if item.readable is not None or _has_maxscale(cluster)]
    return AccessSurvey(sights=(_online(online), *named, *edge, *logins.access, project, *_folded(cluster), *databases))


def _has_maxscale(sights: Sequence[Sight]) -> bool:
    return any(
        item.readable and item.source == f"Kubernetes {MAXSCALES.plural}" and "not installed" not in item.detail
        for item in sights
    )


def _folded(sights: Sequence[Sight]) -> tuple[Sight, ...]:
    """Say once what is the same for every kind: that the cluster cannot be reached at all."""
    first = sights[0]
    if any(
        sight.readable or (sight.detail, sight.enable_with) != (first.detail, first.enable_with) for sight in sights
    ):
        return tuple(sights)
    feeds = tuple(dict.fromkeys(item for sight in sights for item in sight.feeds))
    return (replace(first, source="Kubernetes API", feeds=feeds),)


def _online(online: Online | Unavailable) -> Sight:
    if isinstance(online, Unavailable):
        return Sight(source="network", readable=None, detail=online.reason, enable_with=online.enable_with)
    tried = ", ".join(f"{attempt.address}:{attempt.port}" for attempt in online.attempts)
    if online.online:
        return Sight(source="network", readable=True, detail="this machine is online")
    return Sight(
        source="network",
        readable=False,
        detail=f"this machine reaches none of {tried}",
        enable_with="Check this machine's own network, or name an address it can reach under [online] probe.",
        feeds=(Online, DnsView, OutsideProbe),
    )


async def _resolver(dns: Dns, server: str) -> Sight:
    reply = await dns.query(_ROOT, "NS", server)
    source = f"DNS {server}"
    if reply.rcode in (Rcode.NOERROR, Rcode.NODATA, Rcode.NXDOMAIN, Rcode.REFUSED):
        return Sight(source=source, readable=True, detail="answers")
    return Sight(
        source=source,
        readable=False,
        detail=f"{reply.rcode} {reply.detail}".strip(),
        enable_with="Name resolvers that answer: [dns] resolvers, or --resolver.",
        feeds=(DnsView,),
    )


async def _hetzner(hetzner: Hetzner) -> Sight:
    source = "Hetzner Cloud API"
    # The look-up bears the loss of the project, since a Service tells some of it; what it then says is less.
    feeds = (HetznerProject, LoadBalancerLookup)
    try:
        answer = await hetzner.get("/load_balancers", {"per_page": "1"})
    except SourceError as error:
        return _unseen(source, error, feeds)
    if answer.status == 200:
        return Sight(source=source, readable=True, detail="load balancers can be listed")
    gap = api_refusal(answer, "the load balancers")
    return Sight(source=source, readable=False, detail=gap.reason, enable_with=gap.enable_with, feeds=feeds)


async def _kind(kube: Kubernetes, kind: Kind[Any], feeds: tuple[type, ...]) -> Sight:
    source = f"Kubernetes {kind.plural}"
    try:
        answer = await kube.get(kind.path(), {"limit": "1"})
    except SourceError as error:
        return _unseen(source, error, feeds)
    if answer.status == 200:
        return Sight(source=source, readable=True, detail="can be listed in all namespaces")
    if answer.status == 404 and kind.custom:
        return Sight(source=source, readable=True, detail=f"{kind.group} is not installed here")
    gap = refusal(answer, kind, verb="list", namespace="")
    return Sight(source=source, readable=False, detail=gap.reason, enable_with=gap.enable_with, feeds=feeds)


async def _logs(kube: Kubernetes) -> Sight:
    """Ask for the log of a pod that does not exist: 404 proves the grant, 403 its absence."""
    source = "Kubernetes pods/log"
    path = PODS.path("kube-system", "ingressdoctor-asks-for-no-pod") + "/log"
    try:
        answer = await kube.get(path, {"tailLines": "1"})
    except SourceError as error:
        return _unseen(source, error, (ControllerLogs,))
    if answer.status in (200, 400, 404):
        return Sight(source=source, readable=True, detail="can be read")
    grant = "Grant 'get' on pods/log in all namespaces (a ClusterRole)."
    detail = f"the API server answers {answer.status}"
    return Sight(source=source, readable=False, detail=detail, enable_with=grant, feeds=(ControllerLogs,))


def _unseen(source: str, error: SourceError, feeds: tuple[type, ...]) -> Sight:
    return Sight(source=source, readable=False, detail=error.message, enable_with=error.hint, feeds=feeds)
