"""What mariadb-operator says of the databases: MaxScale, MariaDB, and Connections, which prove less than they seem to.

``Ready`` of a MaxScale looks at its StatefulSet and its servers only: it is no proof that listeners, services, the
monitor or the accounts are well. So it can fail here, and never clears what the other checks of this step look at.

Source: mariadb-operator pkg/condition/ready.go and api/v1alpha1 (v26).
"""

from __future__ import annotations

from collections.abc import Iterator

from ingressdoctor.api import (
    BackendView,
    ConnectionObject,
    DatabaseObjects,
    Finding,
    MariaDbObject,
    Operated,
    Remedy,
    Target,
    Unavailable,
    check,
    fail,
    look,
    ok,
    skip,
    unknown,
    warn,
)
from ingressdoctor_checks.backend_common import many
from ingressdoctor_checks.database_common import RESOURCES, objects_of, said
from ingressdoctor_checks.maxscale_common import STEP, edit_command, resource_command

__all__ = ["connection_unproven", "mariadb_not_ready", "maxscale_not_ready"]

# Words of the operator for a state in which nobody is to expect connections.
_ON_PURPOSE = ("Suspended", "Cordoned", "Maintenance")


@check(
    id="op.maxscale-not-ready",
    title="The operator says that MaxScale is ready",
    step=STEP,
    link=RESOURCES,
    causes=("mxs.never-connected", "mysql-1815", "mysql-silent", "mysql-closed", "mysql-closed-after-ok"),
)
def maxscale_not_ready(objects: DatabaseObjects | Unavailable, view: BackendView | Unavailable) -> Iterator[Finding]:
    """Its condition Ready, and whether all its pods are."""
    found = objects_of(objects)
    if isinstance(found, Finding):
        yield found
        return
    item = found.target
    if item is None:
        yield _not_found(found)
        return
    proof = resource_command(item.namespace, "maxscale", item.name)
    if item.ready is None:
        yield unknown(
            f"The operator has not written yet whether {item.ref} is ready.",
            enable_with="Look whether mariadb-operator runs, and at its log.",
            subject=item.ref,
        )
        return
    if item.ready.reason == "StatefulSetNotReady" and _short(view, item.replicas):
        yield skip(f"{item.ref} is not ready since its pods are not; that is said elsewhere.")
        return
    if not item.is_ready or item.suspended:
        reason = item.ready.reason or ""
        on_purpose = reason in _ON_PURPOSE or (item.suspended and item.is_ready)
        what = (
            "is suspended: the operator leaves it as it is" if item.suspended else f"is not ready: {said(item.ready)}"
        )
        yield (warn if on_purpose else fail)(
            f"{item.ref} {what}.",
            subject=item.ref,
            where="status.conditions of the MaxScale resource",
            seen={"Ready": item.ready.status, "reason": reason, "message": item.ready.message or ""},
            remedy=Remedy(
                text="The operator retries by itself; the checks of MaxScale's servers say what is behind it.",
                commands=(
                    edit_command(item.namespace, "maxscales", item.name)
                    if item.suspended
                    else look("kubectl", "-n", item.namespace, "describe", "maxscales.k8s.mariadb.com", item.name),
                    look("kubectl", "logs", "-A", "-l", "app.kubernetes.io/name=mariadb-operator", "--tail=50"),
                ),
                proof=proof,
            ),
        )
        return
    short = _short(view, item.replicas)
    if short:
        yield warn(
            f"{item.ref} calls itself ready, and {short}.",
            subject=item.ref,
            where="status of its pods",
            seen={"replicas": str(item.replicas)},
            remedy=Remedy(
                text="Look at the pods that are not.",
                commands=(look("kubectl", "-n", item.namespace, "get", "pods"),),
                proof=proof,
            ),
        )
        return
    yield ok(f"The operator calls {item.ref} ready; that speaks of its pods and servers only.", subject=item.ref)


def _not_found(found: DatabaseObjects) -> Finding:
    if isinstance(found.maxscales, Unavailable):
        return unknown(
            f"The MaxScale resources could not be read: {found.maxscales.reason}.",
            enable_with=found.maxscales.enable_with,
        )
    return skip(f"No MaxScale resource of namespace {found.namespace} stands behind this Service.")


def _short(view: BackendView | Unavailable, replicas: int) -> str:
    """Return how many of its pods are not ready, as a clause."""
    if isinstance(view, Unavailable) or isinstance(view.pods, Unavailable):
        return ""
    out = replicas - sum(pod.ready for pod in view.current_pods)
    if out <= 0:
        return ""
    return f"{many(out, 'pod')} of {replicas} {'are' if out > 1 else 'is'} not ready"


@check(
    id="op.mariadb-not-ready",
    title="The operator says that MariaDB is ready",
    step=STEP,
    link=RESOURCES,
    causes=("op.user-not-ready", "mysql-1815"),
)
def mariadb_not_ready(objects: DatabaseObjects | Unavailable) -> Iterator[Finding]:
    """The one that the MaxScale of the target refers to; without that, the only one of the namespace."""
    found = objects_of(objects)
    if isinstance(found, Finding):
        yield found
        return
    if isinstance(found.mariadbs, Unavailable):
        yield unknown(
            f"The MariaDB resources could not be read: {found.mariadbs.reason}.", enable_with=found.mariadbs.enable_with
        )
        return
    item = found.mariadb or (found.mariadbs[0] if len(found.mariadbs) == 1 else None)
    if item is None:
        yield skip(f"It cannot be told which of {many(len(found.mariadbs), 'MariaDB resource')} is behind MaxScale.")
    elif item.ready is None:
        yield unknown(
            f"The operator has not written yet whether {item.ref} is ready.",
            enable_with="Look whether mariadb-operator runs, and at its log.",
            subject=item.ref,
        )
    elif item.is_ready:
        yield ok(f"The operator calls {item.ref} ready.", subject=item.ref, seen={"primary": item.primary})
    else:
        yield _unready(item)


def _unready(item: MariaDbObject) -> Finding:
    ready = item.ready
    reason = ready.reason or "" if ready is not None else ""
    return (warn if reason in _ON_PURPOSE else fail)(
        f"{item.ref} is not ready: {said(ready)}.",
        subject=item.ref,
        where="status.conditions of the MariaDB resource",
        seen={"reason": reason, "primary": item.primary, "replicas": str(item.replicas)},
        remedy=Remedy(
            text="Its events and those of its pods say why; a switchover or a restore takes a while and is no fault.",
            commands=(
                look("kubectl", "-n", item.namespace, "describe", "mariadbs.k8s.mariadb.com", item.name),
                look("kubectl", "-n", item.namespace, "get", "events", "--sort-by=.lastTimestamp"),
            ),
            proof=resource_command(item.namespace, "mariadb", item.name),
        ),
    )


@check(id="op.connection-unproven", title="Connections that are called ready were tried", step=STEP, link=RESOURCES)
def connection_unproven(target: Target, objects: DatabaseObjects | Unavailable) -> Iterator[Finding]:
    """Without a health check a Connection turns ready without ever connecting."""
    if target.sql_user:
        yield skip("A login of its own proves more than Connections do.")
        return
    found = objects_of(objects)
    if isinstance(found, Finding):
        yield found
        return
    if isinstance(found.connections, Unavailable):
        yield unknown(
            f"The Connections could not be read: {found.connections.reason}.", enable_with=found.connections.enable_with
        )
        return
    ours = [item for item in found.connections if _is_ours(item, found.target)]
    failing = [item for item in ours if item.ready is not None and not item.is_ready]
    for item in failing:
        yield warn(
            f"{item.ref} is not ready: {said(item.ready)}.",
            subject=item.ref,
            where="status.conditions of the Connection",
            seen={"account": item.user, "message": (item.ready.message or "") if item.ready else ""},
            remedy=Remedy(
                text="The operator tried to log in with it; what it was told is in the message.",
                commands=(resource_command(item.namespace, "connection", item.name),),
                proof=resource_command(item.namespace, "connection", item.name),
            ),
        )
    if failing:
        return
    untried = [item.name for item in ours if not item.checked]
    if untried:
        names = ", ".join(untried[:5])
        yield skip(f"Of {names} nobody knows whether they work: a Connection without healthCheck is ready untried.")
    elif ours:
        yield ok(f"{many(len(ours), 'Connection')} of it could log in.")
    else:
        yield skip("There is no Connection to this MaxScale.")


def _is_ours(item: ConnectionObject, target: Operated | None) -> bool:
    return target is None or item.maxscale == target.name
