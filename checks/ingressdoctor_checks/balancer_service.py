"""Does the load balancer listen where visitors come, and does it forward to the Service's node ports?

The cloud controller copies ports only when it syncs, so a Service whose node ports changed, or a hand-made change
at Hetzner, stays apart until then.
Source: hcloud-cloud-controller-manager internal/hcops/load_balancer.go.
"""

from __future__ import annotations

from collections.abc import Iterator

from ingressdoctor.api import (
    Command,
    Controller,
    Finding,
    LbService,
    LoadBalancer,
    LoadBalancerLookup,
    OriginPort,
    Remedy,
    Service,
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
from ingressdoctor_checks.balancer_common import (
    API,
    API_SERVICE,
    describe,
    managed,
    no_balancer,
    resync,
    resync_text,
    service_of,
    service_port,
    subject,
)

__all__ = ["service_missing", "wrong_node_port"]


@check(
    id="lb.service-missing",
    title="The load balancer listens on the port that visitors use",
    step="balancer",
    link="edge → LB",
    causes=(
        "lb.origin-unreachable",
        "edge-521",
        "edge-522",
        "response-timeout",
        "edge-525",
        "connect-refused",
        "connect-timeout",
        "mysql-refused",
        "mysql-timeout",
    ),
)
def service_missing(
    lookup: LoadBalancerLookup, controller: Controller | Unavailable, asked: OriginPort
) -> Iterator[Finding]:
    """A service listens on the asked port, and passes TLS where visitors speak it."""
    balancer = lookup.found
    if balancer is None:
        yield no_balancer(lookup)
        return
    service = service_of(controller)
    for port in asked.of_interest:
        published = service_port(service, port)
        served = balancer.service(port)
        if served is None and (port == asked.number or published is not None):
            yield _absent(balancer, service, port, published, needed=port == asked.number)
        elif served is not None and port == 443 and served.protocol == "http":
            yield _plain(balancer, service, needed=port == asked.number)
        elif served is not None and port == asked.number:
            yield ok(
                f"{subject(balancer)} listens on port {port}.",
                subject=subject(balancer),
                seen={"service": f"{served.protocol} {port} → node port {served.destination_port}"},
                where=API,
            )


def _absent(
    balancer: LoadBalancer, service: Service | None, port: int, published: ServicePort | None, *, needed: bool
) -> Finding:
    listening = ", ".join(str(item.listen_port) for item in balancer.services) or "nothing"
    limit = balancer.max_services
    full = f" Its type {balancer.type_name} takes {limit} services, and all are used." if _full(balancer) else ""
    verb = fail if needed else warn
    return verb(
        f"{subject(balancer)} does not listen on port {port}, so nobody gets in there.",
        subject=subject(balancer),
        where=API_SERVICE if service else API,
        seen={"load balancer listens on": listening}
        | ({f"{service.ref} publishes": ", ".join(str(p.port) for p in service.ports)} if service else {}),
        remedy=Remedy(
            text=_why_absent(service, balancer, published) + full,
            commands=_add(balancer, service, port, published),
            proof=describe(balancer),
        ),
    )


def _full(balancer: LoadBalancer) -> bool:
    return balancer.max_services is not None and len(balancer.services) >= balancer.max_services


def _why_absent(service: Service | None, balancer: LoadBalancer, published: ServicePort | None) -> str:
    if service is None and balancer.uid_label:
        return (
            "The cloud controller keeps this load balancer: expose the port on its Service in the cluster (Helm: "
            "ports.<name>.expose), or have the controller sync again where the Service does publish it."
        )
    if service is not None and published is None:
        return "The Service does not publish this port either: expose it there first (Helm: ports.<name>.expose)."
    if managed(balancer, service):
        return f"Have the cloud controller sync again: the Service does publish the port. {resync_text(service)}."
    return "Add the service to the load balancer by hand."


def _add(
    balancer: LoadBalancer, service: Service | None, port: int, published: ServicePort | None
) -> tuple[Command, ...]:
    if service is None and balancer.uid_label:
        return (look("kubectl", "get", "services", "--all-namespaces"), describe(balancer))
    if service is not None and managed(balancer, service):
        shown = look("kubectl", "-n", service.namespace, "describe", "service", service.name)
        return (shown, resync(service)) if published is not None else (shown,)
    # Where no cluster tells it: the listen port itself, if that is what the others forward to.
    host_ports = all(item.destination_port == item.listen_port for item in balancer.services)
    node_port = str((published.node_port if published else None) or (port if service or host_ports else "NODE_PORT"))
    ports = ("--protocol", "tcp", "--listen-port", str(port), "--destination-port", node_port)
    return (changes("hcloud", "load-balancer", "add-service", balancer.name, *ports),)


def _plain(balancer: LoadBalancer, service: Service | None, *, needed: bool) -> Finding:
    if service is not None and managed(balancer, service):
        key = "load-balancer.hetzner.cloud/protocol=tcp"
        command = changes("kubectl", "-n", service.namespace, "annotate", "service", service.name, key, "--overwrite")
    else:
        ports = ("--listen-port", "443", "--protocol", "tcp")
        command = changes("hcloud", "load-balancer", "update-service", balancer.name, *ports)
    verb = fail if needed else warn
    return verb(
        f"{subject(balancer)} speaks plain HTTP on port 443, so TLS handshakes fail there.",
        subject=subject(balancer),
        where=API,
        seen={"services[443].protocol": "http"},
        remedy=Remedy(
            text="Let it pass TLS through (protocol tcp); the ingress controller terminates it.",
            commands=(command,),
            proof=describe(balancer),
        ),
    )


@check(
    id="lb.wrong-node-port",
    title="The load balancer forwards to the Service's node ports",
    step="balancer",
    link="LB → nodes",
    causes=(
        "lb.targets-unhealthy",
        "lb.origin-unreachable",
        "edge-520",
        "edge-525",
        "edge-521",
        "edge-502",
        "http-503",
        "empty-reply",
        "tls-handshake",
        "mysql-closed",
    ),
)
def wrong_node_port(lookup: LoadBalancerLookup, controller: Controller, asked: OriginPort) -> Iterator[Finding]:
    """destination_port is the nodePort of the same Service port."""
    balancer = lookup.found
    if balancer is None:
        yield no_balancer(lookup)
        return
    judged = False
    for port in asked.of_interest:
        published, served = service_port(controller.service, port), balancer.service(port)
        if published is None or served is None or not published.node_port:
            continue
        judged = True
        yield _compare(balancer, controller, served, published.node_port, needed=port == asked.number)
    if not judged:
        yield skip(f"No port of the Service and {subject(balancer)} can be compared by node port.")


def _compare(
    balancer: LoadBalancer, controller: Controller, served: LbService, node_port: int, *, needed: bool
) -> Finding:
    port, check_port = served.listen_port, served.health_check.port
    name = subject(balancer)
    seen = {
        f"services[{port}].destination_port": str(served.destination_port),
        f"services[{port}].health_check.port": str(check_port),
        f"Service port {port} nodePort": str(node_port),
    }
    if served.destination_port != node_port:
        verb = fail if needed else warn
        return verb(
            f"{name} forwards port {port} to node port {served.destination_port}, the Service listens on {node_port}.",
            subject=name,
            where=API_SERVICE,
            seen=seen,
            remedy=_repoint(balancer, controller, port, node_port),
        )
    if check_port != node_port:
        return warn(
            f"{name} checks the health of port {port} on {check_port}, not on its node port {node_port}.",
            subject=name,
            where=API_SERVICE,
            seen=seen,
            remedy=_repoint(balancer, controller, port, node_port),
        )
    return ok(f"{name} forwards port {port} to node port {node_port}.", subject=name, seen=seen, where=API_SERVICE)


def _repoint(balancer: LoadBalancer, controller: Controller, port: int, node_port: int) -> Remedy:
    ports = ("--listen-port", str(port), "--destination-port", str(node_port), "--health-check-port", str(node_port))
    by_hand = changes("hcloud", "load-balancer", "update-service", balancer.name, *ports)
    service = controller.service
    if service is not None and managed(balancer, service):
        text = resync_text(service) + ". Until then the second command repairs it at once."
        return Remedy(text=text, commands=(resync(service), by_hand), proof=describe(balancer))
    return Remedy(text="Point it at the node port.", commands=(by_hand,), proof=describe(balancer))
