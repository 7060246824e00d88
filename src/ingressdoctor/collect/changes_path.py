"""Pick the objects of the target's path out of what the run has read anyway. Makes no request, judges nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from ingressdoctor.collect.changes_pods import owner_of_pod
from ingressdoctor.collect.gitops import owner_of
from ingressdoctor.collect.tcp_entry import TcpObjects
from ingressdoctor.evidence.backend import BackendView, PolicyVerdict
from ingressdoctor.evidence.certificates import GitOpsView
from ingressdoctor.evidence.controller import Controller
from ingressdoctor.evidence.gateway import GatewayObjects, GatewayView
from ingressdoctor.evidence.gitops import Applications, PathOwners
from ingressdoctor.evidence.hetzner import ClusterNodes
from ingressdoctor.evidence.kube import Loaded, Pod, Resource
from ingressdoctor.evidence.nginx import NginxDecision
from ingressdoctor.evidence.routes import KnownHosts, RouteDecision, RoutingObjects
from ingressdoctor.evidence.tcp_route import TcpRoute
from ingressdoctor.evidence.timelines import PathApplications, PathMakers, PathRoutes, PathWorkloads, RoutesRead
from ingressdoctor.evidence.tunnel import TunnelRoute
from ingressdoctor.evidence.tunnel_rules import ConfigHome, ConfigSource, TunnelConfig
from ingressdoctor.evidence.workloads import Deployments, OtherWorkloads
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.needs import Seen

__all__ = ["maker_of", "path_applications", "path_makers", "path_routes", "path_workloads", "routes_read"]

_HASH: Final = re.compile(r"-[a-z0-9]{6,10}$")
_WORDS: Final = re.compile(r"[\s#@]+")
_MOST: Final = 30
_NEAR: Final = 2


@collector(wanted="the routing objects that were read")
async def routes_read(
    objects: Seen[RoutingObjects], tcp: Seen[TcpObjects], gateways: Seen[GatewayObjects]
) -> RoutesRead:
    """Put together every route, Middleware and Gateway that some part of the run has listed."""
    kinds: list[Loaded[Any] | Unavailable] = []
    if objects.value is not None:
        kinds += [objects.value.ingress_routes, objects.value.ingresses, objects.value.middlewares]
    if tcp.value is not None:
        kinds += [tcp.value.routes, tcp.value.middlewares]
    if gateways.value is not None:
        kinds += [gateways.value.http_routes, gateways.value.grpc_routes, gateways.value.gateways]
    return RoutesRead(items=tuple(item for loaded in kinds if isinstance(loaded, Loaded) for item in loaded.items))


@collector(wanted="the route's objects")
async def path_routes(
    read: RoutesRead,
    decision: Seen[RouteDecision],
    hosts: Seen[KnownHosts],
    nginx: Seen[NginxDecision],
    tcp: Seen[TcpRoute],
    gateway: Seen[GatewayView],
) -> PathRoutes:
    """Find the route that takes the request, those left out or of a name like the target's, and their Middlewares."""
    decisions = [decision.value] if decision.value is not None else []
    decisions += [nginx.value.decision] if nginx.value is not None else []
    known = {_key(item.ref): item for item in read.items}
    refs, names = _of_decisions(decisions)
    if hosts.value is not None and not any(item.winner or item.dropped for item in decisions):
        # Of a route whose host was misspelt only the wrong name is left.
        near = [host for item in decisions for host in item.near[:_NEAR]]
        refs += [ref for host in near for ref in hosts.value.naming(host)]
    if tcp.value is not None:
        entry = tcp.value.entry
        refs += [route.ref for route in (entry.winner, entry.meant) if route is not None]
        refs += [eater.ref for eater in entry.eaters]
        names += [item.ref for item in tcp.value.lists]
    if gateway.value is not None:
        refs += [route.ref for route in gateway.value.routes]
        names += [parent.ref for route in gateway.value.routes for parent in route.parents]
    found = [known[key] for ref in (*refs, *names)[:_MOST] if (key := _key(ref)) in known]
    items = tuple({item.ref: item for item in found}.values())
    return PathRoutes(items=items, namespace=items[0].namespace if items else "")


def _of_decisions(decisions: Iterable[RouteDecision]) -> tuple[list[str], list[str]]:
    """Return the references of routes, and of the Middlewares that the winner names."""
    refs: list[str] = []
    names: list[str] = []
    for item in decisions:
        if item.winner is not None:
            refs.append(item.winner.ref)
            names += [f"Middleware {name.partition('@')[0]}" for name in item.winner.middlewares]
        refs += [route.ref for route in item.dropped]
        # What stands beside the winner may have taken the request from the one that was meant, or the other way round.
        refs += [route.ref for route in (*item.candidates, *item.elsewhere) if route.matches is not False]
        names += [f"Middleware {route.related}" for route in item.dropped if route.related]
    return refs, names


def _key(ref: str) -> str:
    """Return what two ways of writing an object have in common: ``Kind namespace/name``, without a rule's number.

    A Middleware may be written as the router names it: ``namespace-name``.
    """
    words = _WORDS.split(ref.strip())
    return " ".join(words[:2]).replace("/", "-")


@collector(wanted="the workloads behind the route")
async def path_workloads(
    view: Seen[BackendView],
    controller: Seen[Controller],
    tunnel: Seen[TunnelRoute],
    nginx: Seen[NginxDecision],
    policy: Seen[PolicyVerdict],
    nodes: Seen[ClusterNodes],
) -> PathWorkloads:
    """Gather Services, pods, policies and nodes of every hop that the run has looked at."""
    backend = view.value
    pods = _pods(backend.pods) if backend is not None else ()
    services: list[Resource] = [backend.service] if backend is not None and backend.service is not None else []
    carriers: list[Pod] = []
    if controller.value is not None and not (backend is not None and backend.tunnel):
        carriers += controller.value.pods
        services += [controller.value.service] if controller.value.service is not None else []
    if nginx.value is not None:
        carriers += _pods(nginx.value.controller.pods)
        services += [nginx.value.controller.service] if nginx.value.controller.service is not None else []
    for item in tunnel.value.workloads if tunnel.value is not None else ():
        carriers += _pods(item.pods)
    selector = (backend.service.spec.selector if backend is not None and backend.service else None) or {}
    return PathWorkloads(
        namespace=backend.ref.namespace if backend is not None else "",
        selector=",".join(f"{key}={value or ''}" for key, value in selector.items()),
        services=tuple(services),
        pods=pods,
        carriers=tuple(carriers),
        makers=_makers(backend, pods),
        policies=policy.value.policies if policy.value is not None else (),
        nodes=nodes.value.nodes if nodes.value is not None else (),
        events=() if backend is None or isinstance(backend.events, Unavailable) else backend.events,
        configs=tuple(dict.fromkeys(_configs(tunnel.value))) if tunnel.value is not None else (),
    )


def _configs(route: TunnelRoute) -> Iterator[ConfigSource]:
    for config in (route.config, *(item.config for item in route.workloads)):
        if isinstance(config, TunnelConfig) and config.source.home is ConfigHome.CONFIG_MAP:
            yield config.source


@collector(wanted="the Applications that own the path")
async def path_applications(
    routes: PathRoutes, view: Seen[GitOpsView], owners: Seen[PathOwners], read: Seen[Applications]
) -> PathApplications:
    """Name the owners of the route and of what is behind it, and find them among the Applications that were listed."""
    names = [owner for item in routes.items if (owner := owner_of(item))]
    names += [item.application.name for item in owners.value.objects] if owners.value is not None else []
    names += [view.value.application] if view.value is not None and view.value.application else []
    wanted = tuple(dict.fromkeys(names))
    bare = {name.rpartition("/")[2] for name in wanted}
    listed = () if read.value is None else read.value.items
    return PathApplications(
        names=wanted, items=tuple(item for item in listed if item.name in bare), listed=read.value is not None
    )


@collector(wanted="what makes the pods of the path")
async def path_makers(
    workloads: PathWorkloads,
    tunnel: Seen[TunnelRoute],
    nginx: Seen[NginxDecision],
    deployments: Seen[Deployments],
    others: Seen[OtherWorkloads],
) -> PathMakers:
    """Find them among the workloads of the cluster where the run has listed those: for tunnels and ingress-nginx."""
    refs = [*workloads.makers, *map(maker_of, workloads.carriers)]
    refs += [item.ref for item in (tunnel.value.workloads if tunnel.value is not None else ())]
    refs += [nginx.value.controller.ref] if nginx.value is not None else []
    lists = [] if deployments.value is None else [deployments.value.loaded]
    lists += [] if others.value is None else [others.value.daemon_sets, others.value.stateful_sets]
    wanted = frozenset(refs)
    items = [item for loaded in lists if isinstance(loaded, Loaded) for item in loaded.items if item.ref in wanted]
    return PathMakers(items=tuple(items[:_MOST]))


def _pods(pods: tuple[Pod, ...] | Unavailable) -> tuple[Pod, ...]:
    return () if isinstance(pods, Unavailable) else pods


def _makers(view: BackendView | None, pods: tuple[Pod, ...]) -> tuple[str, ...]:
    found = [maker_of(pod) for pod in pods]
    if view is not None and not pods:
        found = [item.ref for item in view.makers]
    return tuple(dict.fromkeys(ref for ref in found if ref))[:_MOST]


def maker_of(pod: Pod) -> str:
    """Return the workload whose pod it is, as ``Deployment shop/web``; empty for a pod that nothing made."""
    owner = owner_of_pod(pod)
    kind, _, place = owner.partition(" ")
    if kind == "ReplicaSet":
        return f"Deployment {_HASH.sub('', place)}"
    return owner if kind != "Pod" else ""
