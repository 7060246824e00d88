"""Does the Service that the route names exist, and has it the port that the route names?

Its endpoints are judged in ``backend_endpoints``, the pods in ``backend_pods``.
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Final

from ingressdoctor.api import (
    BackendView,
    DropReason,
    Finding,
    Remedy,
    RouteDecision,
    ServiceForm,
    ServicePort,
    Unavailable,
    changes,
    check,
    fail,
    look,
    ok,
    skip,
    warn,
)
from ingressdoctor_checks.backend_common import (
    NO_SERVER,
    STEP,
    backend_of,
    kubectl,
    subject,
)

_LINK: Final = "route → Service"


@check(
    id="backend.service-missing",
    title="The Service that the route names exists",
    step=STEP,
    link=_LINK,
    causes=(*NO_SERVER, "traefik.route-missing", "backend.no-endpoints", "app-404", "http-500"),
)
def service_missing(decision: RouteDecision, view: BackendView | Unavailable) -> Iterator[Finding]:
    """A route to a Service that does not exist is dropped or answers 503."""
    backend = backend_of(decision, view)
    if isinstance(backend, Finding):
        yield backend
        return
    if backend.service is not None:
        yield ok(f"{subject(backend)} exists.", subject=subject(backend))
        yield from _dropped_beside(decision, backend)
        return
    near = get_close_matches(backend.ref.name, backend.siblings, n=3, cutoff=0.6)
    hint = f" Did you mean {near[0]}?" if near else ""
    yield fail(
        f"{backend.route} names {subject(backend)}, which does not exist.{hint}",
        subject=subject(backend),
        where=f"GET Service {backend.ref.name} in namespace {backend.ref.namespace}: 404",
        seen={
            "route": backend.route,
            "Services of the namespace": ", ".join(backend.siblings[:10]) or "none",
            "nearest names": ", ".join(near) or "none",
        },
        remedy=Remedy(
            text="Point the route at a Service that exists in its namespace, or create the Service.",
            commands=(
                look(*kubectl(backend.ref.namespace, "get", "services")),
                changes(*_route_words(backend, "edit")),
            ),
            proof=look(*kubectl(backend.ref.namespace, "get", "service", near[0] if near else backend.ref.name)),
        ),
    )


def _route_words(backend: BackendView, verb: str) -> tuple[str, ...]:
    """Turn ``IngressRoute shop/web #2``, or a rule that is kept in a ConfigMap, into a kubectl command."""
    if backend.home:
        return ("kubectl", *backend.home[:2], verb, *backend.home[2:])
    words = backend.route.split()
    named = (words[0].lower(), words[1].rpartition("/")[2].partition("#")[0]) if len(words) > 1 else ("ingressroute",)
    return kubectl(backend.ref.namespace, verb, *named)


def _dropped_beside(decision: RouteDecision, backend: BackendView) -> Iterator[Finding]:
    """Another route of the host may be gone for want of its Service while this one still answers."""
    if not backend.live:
        return
    for route in decision.dropped:
        if route.reason is DropReason.SERVICE_MISSING:
            namespace = route.backends[0].namespace if route.backends else backend.ref.namespace
            yield warn(
                f"{route.ref}, also for this host, is left out by the controller: {route.detail}.",
                subject=route.ref,
                seen={"rule": route.rule, "reason": route.detail},
                remedy=Remedy(
                    text="Create that Service or remove the route.",
                    commands=(look(*kubectl(namespace, "get", "services")),),
                ),
            )


@check(
    id="backend.port-missing",
    title="The Service has the port that the route names",
    step=STEP,
    link=_LINK,
    causes=(*NO_SERVER, "traefik.route-missing", "backend.no-endpoints", "app-404"),
)
def port_missing(decision: RouteDecision, view: BackendView | Unavailable) -> Iterator[Finding]:
    """Routes name a Service's port, by number or name, and never a container's."""
    backend = backend_of(decision, view)
    if isinstance(backend, Finding):
        yield backend
        return
    if backend.service is None:
        yield skip("The Service does not exist, so it has no ports to look at.")
        return
    if backend.form is ServiceForm.EXTERNAL_NAME:
        yield skip(f"{subject(backend)} is an ExternalName: the controller dials the port that the route names.")
        return
    if backend.port is not None:
        yield ok(f"{subject(backend)} has port {_port_text(backend.port)}.", subject=subject(backend))
        return
    ports = backend.service.ports
    wanted = backend.ref.port
    meant = next((item for item in ports if wanted and str(item.target_port) == wanted), None)
    better = meant or (ports[0] if len(ports) == 1 else None)
    hint = f" {wanted} is the targetPort of its port {meant.port}: routes name the Service's port." if meant else ""
    named = f"port {wanted}" if wanted else "no port at all"
    yield fail(
        f"{backend.route} names {named} of {subject(backend)}, which has {_ports_text(ports)}.{hint}",
        subject=subject(backend),
        where="spec.ports of the Service",
        seen={"port in the route": wanted or "none", "ports of the Service": _ports_text(ports)},
        remedy=Remedy(
            text=f"Name {f'port {better.port}' if better else 'one of these ports'} in the route"
            f"{'' if not wanted else f', or add port {wanted} to the Service'}.",
            commands=(
                look(*kubectl(backend.ref.namespace, "get", "service", backend.ref.name, "-o", "wide")),
                changes(*_route_words(backend, "edit")),
            ),
            proof=look(*_route_words(backend, "get"), "-o", "yaml"),
        ),
    )


def _port_text(port: ServicePort) -> str:
    return f"{port.port} ({port.name})" if port.name else str(port.port)


def _ports_text(ports: tuple[ServicePort, ...]) -> str:
    return ", ".join(_port_text(item) for item in ports) or "no port"
