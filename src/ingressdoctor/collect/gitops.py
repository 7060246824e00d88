"""Find out which Argo CD Application owns the route, or should have made it.

A route that exists names its owner in an annotation: no request. Applications are listed only when no route serves
the host, and the owner alone is read when the application answers 404: a sibling route for that path may be in git
only. An Argo CD that is not installed is an answer, not a failure. Source: Argo CD docs, resource tracking.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

from msgspec.structs import replace

from ingressdoctor.collect.gateway import with_gateways
from ingressdoctor.collect.kinds import APPLICATIONS, Kind
from ingressdoctor.collect.kube import list_kind
from ingressdoctor.evidence.certificates import GitOpsView, Stated, TrackedResource
from ingressdoctor.evidence.gateway import GatewayObjects
from ingressdoctor.evidence.gitops import Applications
from ingressdoctor.evidence.kube import Loaded, Resource
from ingressdoctor.evidence.outside import OutsideProbe
from ingressdoctor.evidence.routes import RouteDecision, RoutingObjects
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.needs import Later
from ingressdoctor.model.untyped import as_map, as_text
from ingressdoctor.sources.base import Kubernetes

__all__ = ["collect_applications", "gitops_view", "judge", "kinship_of", "owner_of", "tracked"]

_WANTED: Final = "the Argo CD Application that owns the route"
_TRACKING: Final = "argocd.argoproj.io/tracking-id"
_ROUTES: Final = ("IngressRoute", "Ingress", "HTTPRoute", "GRPCRoute")
_GATEWAY_ROUTES: Final = ("HTTPRoute ", "GRPCRoute ")
_READ: Final = _ROUTES[:2]  # of the others it is not known here which are in the cluster
_MORE: Final = ("Service", "Deployment", "Certificate", "Middleware")
_KIND: Final = Kind(
    Stated, APPLICATIONS.name, APPLICATIONS.group, APPLICATIONS.version, APPLICATIONS.plural, custom=True
)


@collector(wanted="the Argo CD Applications", timeout_s=15.0)
async def collect_applications(kube: Kubernetes) -> Applications | Unavailable:
    """List them once for all targets."""
    loaded = await list_kind(kube, _KIND)
    if isinstance(loaded, Unavailable):
        return loaded
    return Applications(items=loaded.items, installed=loaded.installed)


@collector(wanted=_WANTED, timeout_s=15.0)
async def gitops_view(
    kube: Kubernetes,
    decision: RouteDecision,
    objects: RoutingObjects,
    outside: OutsideProbe | Unavailable,
    applications: Later[Applications],
    gateways: Later[GatewayObjects],
) -> GitOpsView | Unavailable:
    """Read the route's own annotation; without a live route for the path, what the Applications say is missing."""
    ref = decision.winner.ref if decision.winner else next((item.ref for item in decision.dropped), "")
    if ref.startswith(_GATEWAY_ROUTES):
        objects = with_gateways(objects, await gateways.get())
    if ref:
        owner = owner_of(_route(objects, ref))
        return (await _sibling_missing(kube, owner, decision, objects) if _is_404(outside) else None) or _named(owner)
    loaded = await applications.get()
    if isinstance(loaded, Unavailable):
        return loaded
    if not loaded.installed:
        return Unavailable(wanted=_WANTED, reason="Argo CD is not installed")
    return judge(loaded.items, objects.derived(_present), decision.request.host)


def _is_404(outside: OutsideProbe | Unavailable) -> bool:
    """Tell whether some application said that it has no such path."""
    if isinstance(outside, Unavailable) or outside.edge_error is not None or outside.left_host:
        return False
    return outside.last.status in (404, 405)


async def _sibling_missing(
    kube: Kubernetes, owner: str, decision: RouteDecision, objects: RoutingObjects
) -> GitOpsView | None:
    """Return what the owner of the winning route says, if another route of its own is in git only."""
    if not owner:
        return None
    namespace, _, name = owner.rpartition("/")
    loaded = await list_kind(kube, _KIND, fields=f"metadata.name={name}")
    if isinstance(loaded, Unavailable):
        return None
    mine = tuple(item for item in loaded.items if item.name == name and namespace in ("", item.namespace))
    view = judge(mine, objects.derived(_present), decision.request.host)
    return view if any(item.kind in _ROUTES for item in view.missing) else None


# Most routes have no owner, or one of a few; checks that see the same view judge once.
@lru_cache(maxsize=256)
def _named(application: str) -> GitOpsView:
    return GitOpsView(
        application=application, sync_status="", health_status="", operation="", message="", self_heal=False
    )


def _routes(objects: RoutingObjects) -> Iterable[Resource]:
    for loaded in (objects.ingress_routes, objects.ingresses, objects.http_routes, objects.grpc_routes):
        if isinstance(loaded, Loaded):
            yield from loaded.items


def _route(objects: RoutingObjects, ref: str) -> Resource | None:
    """Return the object that a route's *ref* (``IngressRoute shop/web``, perhaps with a rule number) speaks of."""
    return objects.derived(_by_ref).get(" ".join(ref.replace("#", " ").split()[:2]))


def _by_ref(objects: RoutingObjects) -> Mapping[str, Resource]:
    """Return every route object by its name as findings have it; the first of two that are called the same."""
    found: dict[str, Resource] = {}
    for item in _routes(objects):
        found.setdefault(" ".join(item.ref.split()), item)
    return found


def _present(objects: RoutingObjects) -> frozenset[tuple[str, str, str]] | None:
    """Every route object in the cluster, or None when some kind could not be read."""
    if isinstance(objects.ingress_routes, Unavailable) or isinstance(objects.ingresses, Unavailable):
        return None
    return frozenset((item.kind or "", item.namespace, item.name) for item in _routes(objects))


def owner_of(item: Resource | None) -> str:
    """Return the Application that the tracking annotation names, if it speaks of this very object.

    Copies of an object carry the annotation of the original: ``<app>:<group>/<Kind>:<namespace>/<name>`` must fit.
    """
    parts = item.annotations.get(_TRACKING, "").split(":") if item is not None else []
    if item is None or len(parts) != 3:
        return ""
    kind = parts[1].rpartition("/")[2]
    fits = kind == item.kind and parts[2] in (f"{item.namespace}/{item.name}", f"/{item.name}")
    return parts[0].replace("_", "/", 1) if fits else ""


def tracked(application: Stated) -> tuple[TrackedResource, ...]:
    """Return status.resources of one Application; what is no object there is left out."""
    raw = application.status.get("resources")
    return tuple(
        TrackedResource(
            kind=entry["kind"],
            namespace=as_text(entry.get("namespace")),
            name=as_text(entry.get("name")),
            status=as_text(entry.get("status")),
            health=as_text(as_map(entry.get("health")).get("status")),
            application=application.name,
        )
        for entry in (raw if isinstance(raw, list) else ())
        if isinstance(entry, Mapping) and isinstance(entry.get("kind"), str)
    )


def judge(applications: tuple[Stated, ...], present: frozenset[tuple[str, str, str]] | None, host: str) -> GitOpsView:
    """Say which Application should have brought a route for *host*, going by names where git cannot be read.

    Args:
        applications: All that may be listed.
        present: Kind, namespace and name of the route objects in the cluster; None when they could not be read.
        host: Hostname without a route.
    """
    missing: list[TrackedResource] = []
    stale: list[TrackedResource] = []
    drifted: list[TrackedResource] = []
    for application in applications:
        for plain in tracked(application):
            item = replace(plain, related=_kinship(plain, host) > 0)
            known = present is not None and item.kind in _READ
            absent = known and (item.kind, item.namespace, item.name) not in (present or ())
            if item.status == "OutOfSync" and item.kind in (*_ROUTES, *_MORE):
                gone = item.health == "Missing" or (item.kind in _ROUTES and absent)
                (missing if gone else drifted).append(item)
            elif absent and item.status == "Synced":
                stale.append(item)
    missing.sort(key=lambda item: (item.kind not in _ROUTES, -_kinship(item, host)))
    stale.sort(key=lambda item: -_kinship(item, host))
    lead = next((item.application for item in (*missing, *stale)), "")
    broken = [item for item in applications if _phase(item) in ("Failed", "Error")]
    chosen = next((item for item in applications if item.name == lead), None) or (
        max(broken, key=lambda item: kinship_of(item.name, host), default=None)
    )
    return _describe(chosen, tuple(missing), tuple(drifted), tuple(stale))


def _describe(
    chosen: Stated | None,
    missing: tuple[TrackedResource, ...],
    drifted: tuple[TrackedResource, ...],
    stale: tuple[TrackedResource, ...],
) -> GitOpsView:
    status = chosen.status if chosen else {}
    operation = as_map(status.get("operationState"))
    automated = as_map(as_map(chosen.spec.get("syncPolicy")).get("automated")) if chosen else {}
    conditions = status.get("conditions")
    return GitOpsView(
        application=chosen.name if chosen else "",
        namespace=chosen.namespace if chosen else "",
        sync_status=as_text(as_map(status.get("sync")).get("status")),
        health_status=as_text(as_map(status.get("health")).get("status")),
        operation=as_text(operation.get("phase")),
        message=as_text(operation.get("message")),
        self_heal=automated.get("selfHeal") is True and automated.get("enabled") is not False,
        missing=missing,
        out_of_sync=drifted,
        stale=stale,
        conditions=tuple(
            f"{as_text(item.get('type'))}: {as_text(item.get('message'))}"
            for item in (conditions if isinstance(conditions, list) else ())
            if isinstance(item, Mapping)
        ),
        listed=True,
    )


def _phase(application: Stated) -> str:
    return as_text(as_map(application.status.get("operationState")).get("phase"))


def _kinship(item: TrackedResource, host: str) -> int:
    return kinship_of(f"{item.name} {item.namespace} {item.application}", host)


def kinship_of(text: str, host: str) -> int:
    """Count the words that *text* shares with the hostname, leaving out what every hostname has."""
    words = set(re.split(r"[^a-z0-9]+", host.lower())) - {"www", "com", "org", "net", "io", ""}
    return len(words & set(re.split(r"[^a-z0-9]+", text.lower())))
