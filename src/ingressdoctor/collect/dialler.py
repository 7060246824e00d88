"""Whose pods connect to the backend: the controller's, cloudflared's, or those of ingress-nginx behind it. Pure."""

from __future__ import annotations

from typing import Final

from ingressdoctor.evidence.backend import BackendDialler, ChosenBackend
from ingressdoctor.evidence.controller import Controller
from ingressdoctor.evidence.kube import Pod
from ingressdoctor.evidence.nginx import NginxDecision
from ingressdoctor.evidence.tunnel import TunnelRoute
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Inapplicable, Unavailable

__all__ = ["collect_dialler"]

_UNKNOWN: Final = Inapplicable(
    wanted="the pods that connect to the backend", reason="the pods of the Gateway's controller are not known"
)


@collector(wanted="the pods that connect to the backend")
async def collect_dialler(
    chosen: ChosenBackend,
    controller: Controller | Unavailable,
    route: TunnelRoute | Unavailable,
    nginx: NginxDecision | Unavailable,
) -> BackendDialler:
    """Return the ready pods where there are any, else those that should be."""
    if chosen.gateway:
        return BackendDialler(pods=_UNKNOWN)
    if chosen.nginx:
        return BackendDialler(pods=_nginx_pods(nginx))
    return BackendDialler(pods=_tunnel_pods(route) if chosen.tunnel else _controller_pods(controller))


def _nginx_pods(nginx: NginxDecision | Unavailable) -> tuple[Pod, ...] | Unavailable:
    if isinstance(nginx, Unavailable):
        return nginx
    found = nginx.controller
    return found.pods if isinstance(found.pods, Unavailable) else found.ready_pods or found.live_pods


def _controller_pods(controller: Controller | Unavailable) -> tuple[Pod, ...] | Unavailable:
    if isinstance(controller, Unavailable):
        return controller
    if controller.pods_unread is not None:
        return controller.pods_unread
    return controller.ready_pods or controller.pods


def _tunnel_pods(route: TunnelRoute | Unavailable) -> tuple[Pod, ...] | Unavailable:
    """Return the pods of cloudflared that serve the name, ready ones where there are any."""
    if isinstance(route, Unavailable):
        return route
    gap = next((item.pods for item in route.workloads if isinstance(item.pods, Unavailable)), None)
    ready = tuple(pod for item in route.workloads for pod in item.ready_pods)
    return ready or tuple(pod for item in route.workloads for pod in item.live_pods) or gap or ()
