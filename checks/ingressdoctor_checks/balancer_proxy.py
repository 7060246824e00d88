"""Do the load balancer and the controller agree about the PROXY protocol, port by port?

Four states: both on or both off work; on at the balancer only breaks every connection; on at the controller only
loses the client's address over HTTP and stalls protocols in which the server speaks first.
Source: traefik pkg/server/server_entrypoint_tcp.go, pires/go-proxyproto protocol.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    Command,
    Controller,
    EntryPoint,
    Finding,
    LbService,
    LoadBalancer,
    LoadBalancerLookup,
    OriginPort,
    Remedy,
    ServicePort,
    canonical_address,
    changes,
    check,
    fail,
    in_ranges,
    look,
    ok,
    skip,
    unknown,
    warn,
)
from ingressdoctor_checks.balancer_common import (
    API_SERVICE,
    API_STATIC,
    PREFIX,
    describe,
    managed,
    no_balancer,
    service_port,
    subject,
)

__all__ = ["entry_point_of", "proxy_protocol_mismatch"]

_KEY: Final = f"{PREFIX}uses-proxyprotocol"
_TRUE: Final = ("1", "t", "T", "TRUE", "true", "True")
_FALSE: Final = ("0", "f", "F", "FALSE", "false", "False")


@check(
    id="lb.proxy-protocol-mismatch",
    title="Load balancer and controller agree about the PROXY protocol",
    step="balancer",
    link="LB → controller",
    causes=(
        "lb.origin-unreachable",
        "edge-525",
        "edge-520",
        "http-400",
        "tls-handshake",
        "empty-reply",
    ),
)
def proxy_protocol_mismatch(lookup: LoadBalancerLookup, controller: Controller, asked: OriginPort) -> Iterator[Finding]:
    """Per port: what the balancer sends is what the entry point expects."""
    balancer = lookup.found
    if balancer is None:
        yield no_balancer(lookup)
        return
    if asked.raw:
        yield skip("Where the server speaks first, Traefik's side of it is judged with its TCP route.")
        yield from _drift(balancer, controller)
        return
    judged: list[Finding] = []
    for port in asked.of_interest:
        served, published = balancer.service(port), service_port(controller.service, port)
        if served is None or published is None:
            continue
        entry = entry_point_of(published, controller)
        if entry is not None:
            judged.append(_judge(balancer, served, entry, controller))
        elif port == asked.number and (controller.pods or controller.pods_unread is not None):
            judged.append(_unseen(served, published, controller))
    if judged:
        yield judged[0]
        yield from (finding for finding in judged[1:] if finding.remedy is not None)
    else:
        yield skip(f"No port of {subject(balancer)} leads to an entry point that could be compared.")
    yield from _drift(balancer, controller)
    yield from _hairpin(balancer, controller)


def entry_point_of(published: ServicePort, controller: Controller) -> EntryPoint | None:
    """Return the entry point that a Service port ends at: by container port, else by the name both share."""
    wanted = published.target_port if published.target_port is not None else published.port
    if isinstance(wanted, int) or wanted.isdigit():
        numbers = {int(wanted)}
    else:
        named = (p for pod in controller.pods for container in pod.containers for p in container.ports or ())
        numbers = {port.container_port for port in named if port.name == wanted}
    by_port = (e for e in controller.static.entry_points if e.port in numbers and e.protocol == "tcp")
    return next(by_port, None) or controller.static.entry_point(str(wanted))


def _unseen(served: LbService, published: ServicePort, controller: Controller) -> Finding:
    why = controller.static.unreadable or "no entry point listens on its target port"
    return unknown(
        f"It is not known whether the controller expects the PROXY protocol on port {served.listen_port}: {why}.",
        subject=controller.workload,
        seen={"target port": str(published.target_port or published.port)},
        enable_with=(controller.pods_unread.enable_with if controller.pods_unread is not None else "")
        or "Allow reading the controller's pods, and its ConfigMap where the static configuration is a file.",
    )


def _judge(balancer: LoadBalancer, served: LbService, entry: EntryPoint, controller: Controller) -> Finding:
    """Judge one port against the table of the module header."""
    sends, expects = served.proxyprotocol, entry.proxy_protocol is not None
    port = served.listen_port
    name = subject(balancer)
    trusted = ", ".join(entry.proxy_protocol or ()) or "off"
    seen = {
        f"services[{port}].proxyprotocol": str(sends).lower(),
        f"entryPoints.{entry.name}.proxyProtocol.trustedIPs": trusted,
    }
    if sends and not expects and controller.static.unreadable:
        return unknown(
            f"{name} sends the PROXY protocol on port {port}; whether entry point {entry.name} expects it could not be "
            f"read: {controller.static.unreadable}.",
            subject=name,
            seen=seen,
            enable_with="Allow reading the ConfigMap that holds the controller's static configuration.",
        )
    if sends and not expects:
        return fail(
            f"{name} sends the PROXY protocol on port {port}, but entry point {entry.name} does not expect it: "
            "TLS handshakes fail and plain requests get 400.",
            subject=name,
            where=API_STATIC,
            seen=seen,
            remedy=_expect(balancer, port, entry, controller),
        )
    if expects and not sends:
        return warn(
            f"Entry point {entry.name} expects the PROXY protocol, {name} does not send it on port {port}: the "
            "controller sees no client address.",
            subject=name,
            where=API_STATIC,
            seen=seen,
            remedy=_send(balancer, port, controller),
        )
    if sends:
        return _trusted(balancer, port, entry, controller, seen)
    return ok(f"Port {port} uses no PROXY protocol on either side.", subject=name, seen=seen, where=API_STATIC)


def _trusted(
    balancer: LoadBalancer, port: int, entry: EntryPoint, controller: Controller, seen: dict[str, str]
) -> Finding:
    """Tell whether the entry point believes the header that its peer sends; if not it drops the client's address."""
    peers, trusted = _peers(balancer, controller), entry.proxy_protocol or ()
    believed = tuple(peer for peer in peers if "*" in trusted or in_ranges(trusted, peer))
    seen = seen | {"peers": ", ".join(peers) or "not known"}
    if peers and not believed:
        return warn(
            f"Entry point {entry.name} does not trust {', '.join(peers[:3])}, whence port {port}'s connections come: "
            "it drops the client's address.",
            subject=subject(balancer),
            where=API_STATIC,
            seen=seen,
            remedy=Remedy(
                text=(
                    f"Add those addresses to proxyProtocol.trustedIPs of entry point {entry.name}, or set "
                    "externalTrafficPolicy: Local, so that the load balancer itself is the peer."
                ),
                commands=_show_args(controller),
                proof=look("kubectl", "-n", controller.namespace, "get", "pods", "-o", "wide"),
            ),
        )
    text = f"Port {port} speaks the PROXY protocol on both sides."
    return ok(text, subject=subject(balancer), seen=seen, where=API_STATIC)


def _peers(balancer: LoadBalancer, controller: Controller) -> tuple[str, ...]:
    """Return whom the controller sees: the balancer under policy Local, else a node, after kube-proxy's SNAT."""
    policy = controller.service.spec.external_traffic_policy if controller.service else None
    if policy == "Local":
        private = any(target.use_private_ip for target in balancer.targets)
        return balancer.private_ips if private else tuple(filter(None, (balancer.ipv4,)))
    hosts = (canonical_address(pod.status.host_ip or "") for pod in controller.pods)
    return tuple(dict.fromkeys(filter(None, hosts)))


def _drift(balancer: LoadBalancer, controller: Controller) -> Iterator[Finding]:
    """Compare the annotation with what the balancer does; only an explicit value can be contradicted."""
    service = controller.service
    value = service.annotations.get(_KEY, "") if service else ""
    if service is None or value not in (*_TRUE, *_FALSE):
        return
    wanted = value in _TRUE
    other = tuple(str(item.listen_port) for item in balancer.services if item.proxyprotocol is not wanted)
    if not other:
        return
    flip = "false" if wanted else "true"
    yield warn(
        f"{service.ref} asks for the PROXY protocol to be {'on' if wanted else 'off'}, but {subject(balancer)} has it "
        f"{'off' if wanted else 'on'} on port {', '.join(other)}: the next sync flips it.",
        subject=service.ref,
        where=API_SERVICE,
        seen={_KEY: value, "ports that differ": ", ".join(other)},
        remedy=Remedy(
            text="Make the annotation say what the controller expects, before a sync changes it at a bad moment.",
            commands=(describe(balancer), _annotate(controller, flip)),
            proof=describe(balancer),
        ),
    )


def _hairpin(balancer: LoadBalancer, controller: Controller) -> Iterator[Finding]:
    """In-cluster clients of the balancer's address are short-circuited without a header under ipMode VIP."""
    service = controller.service
    sends = any(item.proxyprotocol for item in balancer.services)
    if service is None or not sends or not any(item.ip_mode == "VIP" for item in service.published):
        return
    yield warn(
        f"{service.ref} publishes its addresses with ipMode VIP, so connections from inside the cluster skip the load "
        "balancer and arrive without PROXY header: self-checks such as HTTP-01 fail.",
        subject=service.ref,
        seen={"ipMode": "VIP", "proxyprotocol": "true"},
        remedy=Remedy(
            text="Set the annotation explicitly; the cloud controller (1.21 and later) then publishes ipMode Proxy.",
            commands=(_annotate(controller, "true"),),
            proof=look("kubectl", "-n", service.namespace, "get", "service", service.name, "-o", "yaml"),
        ),
    )


def _annotate(controller: Controller, value: str) -> Command:
    service = controller.service
    name, namespace = (service.name, service.namespace) if service else (controller.workload, controller.namespace)
    return changes("kubectl", "-n", namespace, "annotate", "service", name, f"{_KEY}={value}", "--overwrite")


def _show_args(controller: Controller) -> tuple[Command, ...]:
    args = "jsonpath={.items[0].spec.containers[0].args}"
    return (look("kubectl", "-n", controller.namespace, "get", "pods", "-o", args),)


def _switch(balancer: LoadBalancer, controller: Controller, port: int, value: str) -> Command:
    if managed(balancer, controller.service):
        return _annotate(controller, value)
    flags = ("--listen-port", str(port), f"--proxy-protocol={value}")
    return changes("hcloud", "load-balancer", "update-service", balancer.name, *flags)


def _expect(balancer: LoadBalancer, port: int, entry: EntryPoint, controller: Controller) -> Remedy:
    trusted = ",".join(balancer.private_ips) or "10.0.0.0/8"
    return Remedy(
        text=(
            f"Either let the controller expect it (--entryPoints.{entry.name}.proxyProtocol.trustedIPs={trusted} or "
            "the nodes' range; Helm: ports.<name>.proxyProtocol), or stop sending it. The annotation covers all ports."
        ),
        commands=(*_show_args(controller), _switch(balancer, controller, port, "false")),
        proof=describe(balancer),
    )


def _send(balancer: LoadBalancer, port: int, controller: Controller) -> Remedy:
    return Remedy(
        text="Let the load balancer send it, so that logs, allow lists and rate limits see the client again.",
        commands=(_switch(balancer, controller, port, "true"),),
        proof=describe(balancer),
    )
