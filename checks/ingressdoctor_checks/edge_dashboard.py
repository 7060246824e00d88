"""Whether a request ends at Traefik's own entry point, where its dashboard, its ping and its metrics live.

Without the cluster that cannot be told, and neither can what a name that is not for everybody owes a visitor.
Holds no check; ``edge.http-error`` says what a 404 from there means. Source: Traefik's documentation of the API and the
dashboard (the router matches ``/api`` and ``/dashboard``, nothing at ``/`` without ``api.insecure``).
"""

from __future__ import annotations

from typing import Final

from ingressdoctor.api import (
    BackendView,
    Controller,
    Finding,
    OutsideProbe,
    Remedy,
    Symptom,
    Target,
    TunnelRoute,
    Unavailable,
    ZoneFacts,
    look,
    warn,
)
from ingressdoctor_checks.access_common import on_tunnel
from ingressdoctor_checks.outside_view import SEEN, curl

__all__ = ["at_own_entry_point", "dashboard_elsewhere", "not_for_visitors", "perhaps_by_design"]

_OWN: Final = "traefik"
_PAGE: Final = "/dashboard/"


def at_own_entry_point(backend: BackendView | Unavailable, controller: Controller | Unavailable) -> bool:
    """Tell whether the Service leads to Traefik's own pods, at the entry point that holds its dashboard."""
    if isinstance(backend, Unavailable) or isinstance(controller, Unavailable):
        return False
    if backend.service is None or backend.port is None or isinstance(backend.pods, Unavailable):
        return False
    traefiks = {(pod.namespace, pod.name) for pod in controller.pods}
    if not any((pod.namespace, pod.name) in traefiks for pod in backend.pods):
        return False
    where = controller.behind(backend.service).path_of(backend.port.port).entry_point
    return where is not None and where.name == _OWN


def not_for_visitors(probe: OutsideProbe, zone: ZoneFacts | Unavailable, route: TunnelRoute | Unavailable) -> bool:
    """Tell whether the name is behind an Access login or on a tunnel, where nothing need be served at ``/``."""
    return probe.gate is not None or on_tunnel(zone, route)


def perhaps_by_design(target: Target, url: str, seen: dict[str, str]) -> Finding:
    """Say what would tell a missing route from Traefik's dashboard, where the cluster could not be read."""
    page = url.partition("?")[0].removesuffix("/") + _PAGE
    return warn(
        f"{url} answers 404 as Traefik does where it has no route, and as its dashboard and applications "
        "written in Go do by design; which it is cannot be told without the cluster.",
        subject=target.hostname,
        seen=seen | {"entry point": "not known, the cluster could not be read"},
        where=SEEN,
        symptom=Symptom.CONTROLLER_404,
        remedy=Remedy(
            text="Let the cluster be read (--kubeconfig, --context): the routes tell whether one is missing. Or ask "
            f"for a path that this name has; Traefik's dashboard is at {_PAGE}.",
            commands=(look("ingressdoctor", "route", target.url), curl(page)),
            proof=curl(page),
        ),
    )


def dashboard_elsewhere(target: Target, url: str, seen: dict[str, str]) -> Finding:
    """Say where the dashboard is; Traefik is up, and nothing is served at the path that was asked for."""
    page = url.partition("?")[0].removesuffix("/") + _PAGE if target.path == "/" else ""
    return warn(
        f"{url} answers 404: Traefik is up, but its own entry point has nothing at {target.path}; "
        f"the dashboard is at {_PAGE}.",
        subject=target.hostname,
        seen=seen | {"entry point": _OWN},
        where=SEEN,
        symptom=Symptom.APP_404,
        remedy=Remedy(
            text=f"Ask for {_PAGE}, with the slash at its end. Where that answers 404 too, no router serves "
            "api@internal: an IngressRoute here for PathPrefix(`/dashboard`) || PathPrefix(`/api`) does.",
            commands=(curl(page or url), look("kubectl", "get", "ingressroute", "-A")),
            proof=curl(page or url),
        ),
    )
