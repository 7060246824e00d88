"""Which Argo CD Applications track the objects that the request passes: route, rules, Service. One request, or none.

Asked only where something is wrong, since a tracked object that serves needs no look. Objects are found by
``status.resources`` of the Applications, which needs no annotation and names also what the cluster does not have.
Source: Argo CD docs, resource tracking; Application CRD.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from ingressdoctor.collect.gitops import kinship_of, tracked
from ingressdoctor.evidence.backend import BackendView
from ingressdoctor.evidence.certificates import Stated
from ingressdoctor.evidence.gitops import Applications, OwnedObject, OwningApplication, PathOwners
from ingressdoctor.evidence.outside import OutsideProbe
from ingressdoctor.evidence.routes import Outcome, RouteDecision
from ingressdoctor.evidence.tcp_route import TcpEntry
from ingressdoctor.evidence.tunnel import TunnelRoute
from ingressdoctor.evidence.tunnel_rules import ConfigHome
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Inapplicable, Unavailable
from ingressdoctor.model.needs import Later
from ingressdoctor.model.text import clean
from ingressdoctor.model.untyped import as_list, as_map, as_text

__all__ = ["PathObject", "collect_path_owners", "owners_of", "path_of"]

_WANTED: Final = "the Argo CD Applications that own the objects of the path"
_FINE: Final = Inapplicable(wanted=_WANTED, reason="nothing is wrong that git could explain")
_ROUTES: Final = ("IngressRoute", "Ingress", "HTTPRoute", "GRPCRoute")


class PathObject(msgspec.Struct, frozen=True, kw_only=True):
    """One object that the request passes, or would; ``name`` is empty where any of its kind is meant."""

    kinds: tuple[str, ...]
    namespace: str = ""
    name: str = ""
    lacking: str = ""


@collector(wanted=_WANTED, timeout_s=15.0)
async def collect_path_owners(
    decision: RouteDecision | Unavailable,
    view: BackendView | Unavailable,
    tunnel: TunnelRoute | Unavailable,
    entry: TcpEntry | Unavailable,
    outside: OutsideProbe | Unavailable,
    applications: Later[Applications],
) -> PathOwners | Unavailable:
    """Find them where the host is seen to fail, or where the path lacks an object."""
    path = path_of(decision, view, tunnel, entry)
    if not path:
        return Inapplicable(wanted=_WANTED, reason="no object of the path is known")
    if not any(item.lacking for item in path) and not _fails(outside) and not _unwell(view):
        return _FINE
    found = await applications.get()
    if isinstance(found, Unavailable):
        return found
    if not found.installed:
        return Inapplicable(wanted=_WANTED, reason="Argo CD is not installed")
    host = "" if isinstance(decision, Unavailable) else decision.request.host
    return PathOwners(objects=tuple(owners_of(found.items, path, host)))


def _fails(outside: OutsideProbe | Unavailable) -> bool:
    """Tell whether controller or application answer with an error; how a connection ends is no matter of git's."""
    if isinstance(outside, Unavailable) or outside.edge_error is not None:
        return False
    return outside.last.status == 404 or outside.last.status >= 500


def _unwell(view: BackendView | Unavailable) -> bool:
    return isinstance(view, BackendView) and not isinstance(view.endpoints, Unavailable) and not view.serving


def path_of(
    decision: RouteDecision | Unavailable,
    view: BackendView | Unavailable,
    tunnel: TunnelRoute | Unavailable,
    entry: TcpEntry | Unavailable,
) -> tuple[PathObject, ...]:
    """Return the objects that decide about the request, and what it lacks of each."""
    return (*_routes(decision, tunnel, entry), *_rules(tunnel), *_service(view))


def _routes(
    decision: RouteDecision | Unavailable, tunnel: TunnelRoute | Unavailable, entry: TcpEntry | Unavailable
) -> Iterator[PathObject]:
    if isinstance(entry, TcpEntry):
        meant = entry.winner.ref if entry.winner is not None else ""
        missing = "" if entry.winner is not None or entry.undecided else "a TCP route for the port"
        yield _named(meant, ("IngressRouteTCP",), missing)
    elif isinstance(decision, RouteDecision) and not (isinstance(tunnel, TunnelRoute) and tunnel.certain):
        missing = "a route for the host" if decision.outcome is Outcome.NO_ROUTE and not decision.dropped else ""
        known = decision.winner or next(iter(decision.dropped), None)
        if known is not None or missing:
            yield _named(known.ref if known is not None else "", _ROUTES, missing)


def _named(ref: str, kinds: tuple[str, ...], lacking: str) -> PathObject:
    """Read ``Kind namespace/name``, perhaps with a rule's number behind it."""
    kind, _, where = ref.partition(" ")
    namespace, _, name = where.partition(" ")[0].partition("#")[0].partition("/")
    return PathObject(kinds=(kind,) if kind else kinds, namespace=namespace, name=name, lacking=lacking)


def _rules(tunnel: TunnelRoute | Unavailable) -> Iterator[PathObject]:
    if isinstance(tunnel, Unavailable) or isinstance(tunnel.config, Unavailable):
        return
    source = tunnel.config.source
    if source.home is ConfigHome.CONFIG_MAP:
        missing = "" if tunnel.named else "a rule for the host"
        yield PathObject(kinds=("ConfigMap",), namespace=source.namespace, name=source.name, lacking=missing)


def _service(view: BackendView | Unavailable) -> Iterator[PathObject]:
    if isinstance(view, Unavailable):
        return
    lacking = "the Service" if view.service is None else "the Service's port" if view.port is None else ""
    yield PathObject(kinds=("Service",), namespace=view.ref.namespace, name=view.ref.name, lacking=lacking)


def owners_of(applications: tuple[Stated, ...], path: tuple[PathObject, ...], host: str) -> Iterator[OwnedObject]:
    """Yield the tracked objects of the path; of what is known by kind alone, the one that is nearest to the host."""
    for wanted in path:
        found = [
            (application, item)
            for application in applications
            for item in tracked(application)
            if item.kind in wanted.kinds
            and (
                (item.namespace, item.name) == (wanted.namespace, wanted.name)
                if wanted.name
                else item.status == "OutOfSync" and kinship_of(f"{item.name} {item.namespace} {application.name}", host)
            )
        ]
        for application, item in sorted(found, key=lambda one: -kinship_of(one[1].name, host))[:1]:
            yield OwnedObject(ref=item.ref, application=_state(application), status=item.status, lacking=wanted.lacking)


def _state(application: Stated) -> OwningApplication:
    status = application.status
    operation = as_map(status.get("operationState"))
    automated = as_map(application.spec.get("syncPolicy")).get("automated")
    on = isinstance(automated, dict) and automated.get("enabled") is not False
    conditions = (as_map(item) for item in as_list(status.get("conditions")))
    errors = (item for item in conditions if as_text(item.get("type")).endswith("Error"))
    trouble = next((f"{as_text(item.get('type'))}: {as_text(item.get('message'))}" for item in errors), "")
    return OwningApplication(
        name=application.name,
        namespace=application.namespace,
        sync=as_text(as_map(status.get("sync")).get("status")),
        health=as_text(as_map(status.get("health")).get("status")),
        operation=as_text(operation.get("phase")),
        message=clean(as_text(operation.get("message")), 300),
        trouble=clean(trouble, 300),
        automated=on,
        self_heal=on and as_map(automated).get("selfHeal") is True,
    )
