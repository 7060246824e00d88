"""What the load balancer checks share: who manages the balancer, the commands that show it.

Holds no check and judges nothing.
"""

from __future__ import annotations

from typing import Final

from ingressdoctor.api import (
    Command,
    Controller,
    Finding,
    LoadBalancer,
    LoadBalancerLookup,
    Service,
    ServicePort,
    Unavailable,
    changes,
    look,
    skip,
)

__all__ = [
    "API",
    "API_SERVICE",
    "API_STATIC",
    "PREFIX",
    "describe",
    "managed",
    "no_balancer",
    "resync",
    "resync_text",
    "service_gap",
    "service_of",
    "service_port",
    "subject",
]

API: Final = "Hetzner API: GET /load_balancers"
API_SERVICE: Final = f"{API}, against the Service"
API_STATIC: Final = f"{API}, against the controller's static configuration"
PREFIX: Final = "load-balancer.hetzner.cloud/"


def no_balancer(lookup: LoadBalancerLookup) -> Finding:
    """Say why a check has nothing to look at."""
    if lookup.not_in_path:
        return skip(f"No Hetzner load balancer belongs on this path: {lookup.not_in_path}.")
    return skip("There is no load balancer to look at.")


def subject(balancer: LoadBalancer) -> str:
    """Name a load balancer in findings."""
    return f"Load balancer {balancer.name}"


def managed(balancer: LoadBalancer | None, service: Service | None) -> bool:
    """Tell whether the cloud controller keeps it, so that changes belong on the Service and not at Hetzner."""
    if service is None or service.spec.type != "LoadBalancer":
        return False
    labelled = balancer is not None and bool(balancer.uid_label)
    return labelled or any(key.startswith(PREFIX) for key in service.annotations)


def service_of(controller: Controller | Unavailable) -> Service | None:
    """Return the Service in front of the controller, None also where the cluster could not be asked."""
    return None if isinstance(controller, Unavailable) else controller.service


def service_gap(controller: Controller | Unavailable) -> Unavailable | None:
    """Say why it is not known which Service stands in front of the controller; None where it is."""
    if isinstance(controller, Unavailable):
        return controller
    return controller.unread[0] if controller.service is None and controller.unread else None


def service_port(service: Service | None, listen_port: int) -> ServicePort | None:
    """Return the TCP port of the Service that the load balancer's port stands for."""
    ports = service.ports if service else ()
    return next((p for p in ports if p.port == listen_port and (p.protocol or "TCP") == "TCP"), None)


def describe(balancer: LoadBalancer) -> Command:
    """Return the command that shows a load balancer with its resolved targets."""
    return look("hcloud", "load-balancer", "describe", balancer.name, "--expand-targets")


def resync(service: Service) -> Command:
    """Return the command that makes the cloud controller sync at once."""
    annotation = "sync-requested=1"
    return changes("kubectl", "-n", service.namespace, "annotate", "service", service.name, annotation, "--overwrite")


def resync_text(service: Service | None) -> str:
    """Explain that drift stays until something makes the cloud controller sync."""
    name = service.ref if service else "the Service"
    return f"The cloud controller repairs drift only when it syncs; any changed annotation on {name} makes it do so"
