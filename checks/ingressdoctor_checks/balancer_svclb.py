"""Does k3s' ServiceLB (klipper) hold the ports of ingress-nginx on the nodes?

Source: k3s pkg/cloudprovider/servicelb.go: one svclb pod per node with hostPort = Service port; a port that somebody
else has keeps the pod Pending, and the Service without an address.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    Clock,
    Finding,
    NginxDecision,
    NginxWay,
    OutsideProbe,
    Pod,
    Remedy,
    Service,
    Unavailable,
    check,
    fail,
    look,
    ok,
    skip,
    unknown,
    warn,
)
from ingressdoctor_checks.backend_trouble import trouble_of
from ingressdoctor_checks.nginx_common import BROKEN_WAY, STEP, nginx_of, serves

__all__ = ["svclb_pending"]

_THROUGH: Final = (NginxWay.PUBLISHED, NginxWay.HOST_PORT)
_COLUMNS: Final = "NS:.metadata.namespace,POD:.metadata.name,HOSTPORTS:.spec.containers[*].ports[*].hostPort"
_HOST_PORTS: Final = look("kubectl", "get", "pods", "-A", "-o", f"custom-columns={_COLUMNS}")


@check(
    id="lb.svclb-pending",
    title="The nodes lead the ports to ingress-nginx",
    step=STEP,
    link="node → ingress-nginx",
    causes=(
        *(*BROKEN_WAY, "rule.scheme-mismatch", "rule.origin-untrusted"),
        # Who else may have the port answers in its own way.
        *("cert.origin-invalid", "edge.certificate-invalid", "nginx.default-certificate", "tls-untrusted"),
        *("controller-404", "app-404", "http-400", "http-403", "http-421"),
    ),
)
def svclb_pending(
    nginx: NginxDecision | Unavailable, probe: OutsideProbe | Unavailable, clock: Clock
) -> Iterator[Finding]:
    """A svclb pod that gets no port stays Pending, and nobody answers on the node, or somebody else does."""
    found = nginx_of(nginx)
    if isinstance(found, Finding):
        yield found
        return
    controller = found.controller
    service, pods = controller.service, controller.balancers
    if found.way not in _THROUGH or service is None or service.spec.type != "LoadBalancer":
        yield skip(f"No load balancer of the cluster is in between: {found.visitor} reaches {found.way}.")
    elif _left_out(found, service) and not serves(probe):
        yield _elsewhere(service, found)
    elif pods is None:
        addresses = ", ".join(item.ip or item.hostname or "" for item in service.published[:3])
        yield ok(f"{service.ref} has the address {addresses}.", subject=service.ref)
    elif isinstance(pods, Unavailable):
        yield unknown(
            f"Why {service.ref} has no address could not be looked at: {pods.reason}.", enable_with=pods.enable_with
        )
    elif any(pod.ready for pod in pods):
        yield ok(f"A svclb pod of {service.ref} is ready; the Service has no address yet.", subject=service.ref)
    else:
        yield _pending(service, pods, clock, found, served=serves(probe))


def _left_out(found: NginxDecision, service: Service) -> bool:
    """Tell whether the Service is led there from other addresses than the one that visitors dial."""
    controller = found.controller
    bound = controller.host_network or found.port in controller.host_ports
    published = [item.ip for item in service.published if item.ip]
    return bool(found.address and published) and not bound and found.address not in published


def _elsewhere(service: Service, found: NginxDecision) -> Finding:
    published = ", ".join(item.ip or "" for item in service.published[:5])
    labels = f"svccontroller.k3s.cattle.io/svcname={service.name}"
    return fail(
        f"Nothing leads port {found.port} of {found.address} to {service.ref}: it is led there from {published} only.",
        subject=service.ref,
        where="status of the Service",
        seen={"addresses of the Service": published, "dialled": f"{found.address} port {found.port}"},
        remedy=Remedy(
            text="On k3s the svclb pod of that node is not running, mostly because another pod has the hostPort: "
            "free it. Until then set the record to one of the other addresses.",
            commands=(
                look("kubectl", "get", "pods", "-A", "-l", labels, "-o", "wide"),
                _HOST_PORTS,
                look("kubectl", "-n", service.namespace, "get", "service", service.name, "-o", "wide"),
            ),
            proof=look("kubectl", "-n", service.namespace, "get", "service", service.name),
        ),
    )


def _pending(service: Service, pods: tuple[Pod, ...], clock: Clock, found: NginxDecision, *, served: bool) -> Finding:
    pod = next(iter(pods), None)
    trouble = trouble_of(pod, clock) if pod is not None else None
    message = trouble.message or trouble.reason if trouble is not None else ""
    if pod is None:
        summary = f"{service.ref} has no address, and no svclb pod was made for it: no load balancer serves it."
        text = "On k3s: is servicelb disabled, or do labels svccontroller.k3s.cattle.io/enablelb keep the nodes out?"
    elif "free ports" in message:
        summary = f"{pod.ref} gets no port: another pod has port {found.port} or 80 of the node, so nobody leads it on."
        text = "Find the pod with the same hostPort (or hostNetwork) and give it another one."
    else:
        summary = f"{pod.ref} is not ready, so that no port of the node leads to {service.ref}."
        text = "Its events say why."
    labels = f"svccontroller.k3s.cattle.io/svcname={service.name}"
    return (warn if served else fail)(
        summary,
        subject=pod.ref if pod is not None else service.ref,
        where="status of the Service and of its svclb pods",
        seen={
            "address of the Service": "none",
            "svclb pods": ", ".join(item.name for item in pods[:5]) or "none",
            **({"the scheduler says": message} if message else {}),
        },
        remedy=Remedy(
            text=text,
            commands=(
                look("kubectl", "get", "pods", "-A", "-l", labels, "-o", "wide"),
                _HOST_PORTS,
                look("kubectl", "-n", service.namespace, "describe", "service", service.name),
            ),
            proof=look("kubectl", "-n", service.namespace, "get", "service", service.name),
        ),
    )
