"""Can MaxScale's REST API be read, and is it open to more people than it should be?

Source: MaxScale Documentation/REST-API (authentication), mariadb-operator pkg/builder/service_builder.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    ApiRefusal,
    ApiTrouble,
    BackendView,
    DatabaseObjects,
    Finding,
    MaxScaleState,
    Remedy,
    Service,
    Unavailable,
    changes,
    check,
    fail,
    look,
    ok,
    skip,
    unknown,
    warn,
)
from ingressdoctor_checks.backend_common import many
from ingressdoctor_checks.maxscale_common import STEP, by_resource, missing, subject

__all__ = ["api_exposed", "api_refused"]

_LINK: Final = "MaxScale's REST API"
_ADMIN_PORT: Final = 8989
_PUBLIC: Final = ("LoadBalancer", "NodePort")


@check(id="mxs.api-refused", title="MaxScale's REST API can be read", step=STEP, link=_LINK)
def api_refused(state: MaxScaleState | Unavailable, objects: DatabaseObjects | Unavailable) -> Iterator[Finding]:
    """Everything else about MaxScale rests on it; the operator reads its status there, too."""
    if isinstance(state, Unavailable):
        yield missing(state)
        return
    if not state.instances and not state.unread:
        yield skip("There is no pod of MaxScale to ask; that is said elsewhere.")
        return
    if state.instances:
        way = f" by {state.way.value}" if state.way is not None else ""
        yield ok(f"The REST API of {many(len(state.instances), 'instance')} was read{way}.", subject=subject(state))
    for gap in state.unread:
        yield _refused(state, gap, objects) if gap.trouble is ApiTrouble.UNAUTHORISED else _unread(state, gap)


def _unread(state: MaxScaleState, gap: ApiRefusal) -> Finding:
    say = {
        ApiTrouble.CLOSED: "closed the connection without an answer, as one that speaks TLS does to plain HTTP",
        ApiTrouble.UNTRUSTED: f"shows a certificate that is not trusted ({gap.reason})",
        ApiTrouble.TLS: f"does not finish the TLS handshake ({gap.reason})",
        ApiTrouble.REFUSED: "refuses the connection",
        ApiTrouble.TIMEOUT: "does not answer in time",
    }.get(gap.trouble, f"was not read: {gap.reason}")
    return unknown(
        f"The REST API of MaxScale at {gap.place} {say}.",
        enable_with=gap.enable_with,
        subject=subject(state),
        seen={"asked by": gap.way.value, "outcome": gap.trouble.value},
    )


def _refused(state: MaxScaleState, gap: ApiRefusal, objects: DatabaseObjects | Unavailable) -> Finding:
    resource = by_resource(objects)
    secret = resource.admin_secret if resource is not None else f"{state.name}-admin"
    user = resource.admin_user if resource is not None else "mariadb-operator"
    return warn(
        f"MaxScale at {gap.place} refuses the login that is configured for its REST API ({gap.reason}).",
        subject=subject(state),
        where=f"{gap.way.value}: GET /v1/servers",
        seen={"answer": gap.reason},
        remedy=Remedy(
            text=f"The operator logs in as {user} with the password in the Secret {secret}. If that is "
            "configured, the pod has lost or never got the account: then the operator cannot manage it either.",
            commands=(
                look("kubectl", "-n", state.namespace, "get", "maxscales.k8s.mariadb.com", state.name),
                look("ingressdoctor", "config", "show"),
            ),
            proof=look("ingressdoctor", "access"),
        ),
    )


@check(id="mxs.api-exposed", title="MaxScale's REST API is not open to the world", step=STEP, link=_LINK)
def api_exposed(view: BackendView | Unavailable, objects: DatabaseObjects | Unavailable) -> Iterator[Finding]:
    """The operator puts the admin port into the same Service as the listeners, whatever the type of that."""
    resource = by_resource(objects)
    service = view.service if not isinstance(view, Unavailable) else None
    if resource is not None and resource.service_type in _PUBLIC:
        yield fail(
            f"{resource.ref} asks for a Service of type {resource.service_type}: besides the listeners that publishes "
            f"MaxScale's REST API (port {resource.admin_port}), which can stop and reconfigure everything.",
            subject=resource.ref,
            where="spec.kubernetesService of the MaxScale resource",
            seen={"type": resource.service_type, "admin port": str(resource.admin_port)},
            remedy=Remedy(
                text="Leave that Service a ClusterIP, and publish the SQL port by Traefik or a Service of its own.",
                commands=(
                    changes("kubectl", "-n", resource.namespace, "edit", "maxscales.k8s.mariadb.com", resource.name),
                ),
                proof=look("kubectl", "-n", resource.namespace, "get", "service", resource.name),
            ),
        )
    elif service is not None and service.spec.type in _PUBLIC and _has_admin(service):
        yield fail(
            f"{service.ref} is of type {service.spec.type} and has MaxScale's REST API among its ports.",
            subject=service.ref,
            where="ports of the Service",
            seen={"ports": ", ".join(f"{port.name or ''} {port.port}".strip() for port in service.ports)},
            remedy=Remedy(
                text="Take the admin port out of it.",
                commands=(changes("kubectl", "-n", service.namespace, "edit", "service", service.name),),
                proof=look("kubectl", "-n", service.namespace, "get", "service", service.name),
            ),
        )
    elif resource is None and service is None:
        gap = view if isinstance(view, Unavailable) else objects
        yield missing(gap) if isinstance(gap, Unavailable) else skip("There is no Service that could publish it.")
    else:
        ref = resource.ref if resource is not None else service.ref if service is not None else ""
        yield ok(f"No Service of {ref} publishes MaxScale's REST API.", subject=ref)


def _has_admin(service: Service) -> bool:
    return any(port.name == "admin" or _ADMIN_PORT in (port.port, port.target_port) for port in service.ports)
