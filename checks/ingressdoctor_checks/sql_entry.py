"""Does the port lead to an entry point, and does a TCP route on it take the connection?

What stands in a route's way is judged in ``sql_route``, the PROXY protocol in ``sql_proxy``.
Source: traefik pkg/server/router/tcp/router.go, pkg/provider/kubernetes/crd/kubernetes_tcp.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Final

from ingressdoctor.api import (
    Controller,
    DropReason,
    Finding,
    Remedy,
    Target,
    TcpRoute,
    Unavailable,
    WrittenRoute,
    changes,
    check,
    fail,
    look,
    ok,
    rooted,
    skip,
    unknown,
    warn,
)
from ingressdoctor_checks.sql_common import get_route, nc, show_args, taken, unseen

__all__ = ["OWNED", "entry_point_missing", "route_missing", "traefik_not_ready", "wrong_entry_point"]

_LINK: Final = "port → entry point"
# What other checks say about a route that Traefik leaves out.
OWNED: Final = frozenset(
    {DropReason.RULE, DropReason.ENTRY_POINT, DropReason.MIDDLEWARE_MISSING, DropReason.MIDDLEWARE_INVALID}
)


@check(
    id="sql.traefik-not-ready",
    title="Traefik has pods that take connections",
    step="entry",
    link="node → Traefik",
    causes=("lb.targets-unhealthy", "mysql-closed", "mysql-refused", "mysql-timeout", "mysql-silent"),
)
def traefik_not_ready(controller: Controller) -> Iterator[Finding]:
    """At least one pod is ready."""
    if controller.pods_unread is not None:
        gap = controller.pods_unread
        yield unknown(f"Traefik's pods could not be looked at: {gap.reason}.", enable_with=gap.enable_with)
        return
    ready, every = len(controller.ready_pods), len(controller.pods)
    name = f"{controller.namespace}/{controller.workload}"
    pods = look("kubectl", "-n", controller.namespace, "get", "pods", "-o", "wide")
    if ready == every and every:
        yield ok(
            f"All {every} pods of Traefik ({name}) are ready." if every > 1 else f"Traefik's pod ({name}) is ready."
        )
        return
    say = warn if ready else fail
    finding = say(
        f"{every - ready} of {every} pods of Traefik ({name}) are not ready."
        if every
        else f"Traefik ({name}) has no pod.",
        subject=name,
        where="status of the pods",
        seen={"ready": f"{ready} of {every}"},
        remedy=Remedy(
            text="Look at what keeps them: their events and the log of the last run.",
            commands=(pods, look("kubectl", "-n", controller.namespace, "describe", "pods")),
            proof=pods,
        ),
    )
    yield rooted(finding, controller.root)


@check(
    id="sql.entry-point-missing",
    title="An entry point of Traefik listens on the port",
    step="entry",
    link=_LINK,
    causes=("lb.service-missing", "lb.targets-unhealthy", "sql.route-missing", "mysql-closed", "mysql-refused"),
)
def entry_point_missing(target: Target, route: TcpRoute | Unavailable, controller: Controller) -> Iterator[Finding]:
    """Service port, targetPort, container port and entry point follow from each other."""
    if isinstance(route, Unavailable):
        yield unseen(route)
        return
    path, static = route.entry.path, controller.static
    points = ", ".join(f"{item.name} (:{item.port})" for item in static.entry_points) or "none"
    if path.entry_point is not None:
        point = path.entry_point
        yield ok(f"Port {target.port} leads to the entry point {point.name}.", seen={"entry points": points})
        return
    if not controller.pods:
        yield skip("There is no pod of Traefik whose entry points could be looked at.")
        return
    if static.unreadable and path.container_port:
        yield unknown(
            f"Which entry points Traefik has could not be read: {static.unreadable}.",
            enable_with="Allow reading the ConfigMap that holds Traefik's static configuration.",
        )
        return
    service = controller.service.ref if controller.service else "none"
    yield fail(
        f"Port {target.port} leads to no entry point of Traefik: {path.gap}.",
        subject=f"{controller.namespace}/{controller.workload}",
        where="Service, container ports and Traefik's arguments",
        seen={"entry points": points, "Service": service},
        remedy=Remedy(
            text=(
                f"Give Traefik an entry point of its own for MySQL (--entryPoints.mysql.address=:{target.port}/tcp), "
                "and publish it in the Service. Helm: ports.mysql with expose.default: true does both."
            ),
            commands=(show_args(controller),),
            proof=nc(target.hostname, target.port),
        ),
    )


@check(
    id="sql.wrong-entry-point",
    title="The TCP route is on the entry point that the port leads to",
    step="entry",
    link="entry point → route",
    causes=("sql.route-missing", "mysql-silent", "mysql-closed"),
)
def wrong_entry_point(target: Target, route: TcpRoute | Unavailable, controller: Controller) -> Iterator[Finding]:
    """A route counts only where its entryPoints say so."""
    judged = taken(route)
    if isinstance(judged, Finding):
        yield judged
        return
    route, meant = judged
    point = route.entry.path.entry_point
    if point is None:
        yield skip("The port leads to no entry point.")
        return
    if meant.here:
        yield ok(f"{meant.ref} is on the entry point {point.name}.", subject=meant.ref)
        return
    there = {item.name for item in controller.static.entry_points}
    strange = [name for name in meant.entry_points if name not in there]
    misspelt = bool(strange) and bool(get_close_matches(point.name, strange, n=1, cutoff=0.6))
    gone = ", which does not exist" if strange else ""
    hint = f" Did you mean {point.name}?" if misspelt else ""
    named = ", ".join(meant.entry_points) or "none"
    yield fail(
        f"{meant.ref} is on the entry point {named}{gone}, but port {target.port} leads to {point.name}.{hint}",
        subject=meant.ref,
        where="spec.entryPoints",
        seen={"entryPoints of the route": named, f"port {target.port}": point.name},
        remedy=Remedy(
            text=f"Write entryPoints: [{point.name}] into the route.",
            commands=(
                get_route(meant),
                changes("kubectl", "-n", meant.namespace, "edit", "ingressroutetcp", meant.name),
            ),
            proof=nc(target.hostname, target.port),
        ),
    )


@check(
    id="sql.route-missing",
    title="A TCP route takes connections on the port",
    step="entry",
    link="entry point → route",
    causes=("mysql-silent", "mysql-closed"),
)
def route_missing(target: Target, route: TcpRoute | Unavailable, controller: Controller) -> Iterator[Finding]:
    """Traefik has a router for it, and its rule matches a client that sends nothing."""
    if isinstance(route, Unavailable):
        yield unseen(route)
        return
    entry = route.entry
    if entry.winner is not None:
        yield ok(
            f"{entry.winner.ref} takes connections on {entry.entry_point}.",
            subject=entry.winner.ref,
            seen={"rule": entry.winner.rule, "why": entry.why, "a client gets": f"{route.end.kind} ({route.end.why})"},
        )
    elif entry.path.entry_point is None:
        yield skip("The port leads to no entry point.")
    elif entry.undecided:
        yield unknown(
            f"Which TCP route takes the connection cannot be told: {entry.undecided}.",
            enable_with="Name the client's address (--client-ip), and allow list on every kind of traefik.io.",
        )
    elif entry.meant is None:
        yield _none(target, route, controller)
    elif entry.meant.here and not _owned(entry.meant) and not entry.eaters:
        yield _left_out(target, route, entry.meant)
    else:
        yield skip(f"{entry.meant.ref} is there; what keeps it from taking connections is said elsewhere.")


def _owned(meant: WrittenRoute) -> bool:
    return meant.dropped is not None and meant.dropped.reason in OWNED


def _none(target: Target, route: TcpRoute, controller: Controller) -> Finding:
    entry = route.entry
    others = ", ".join(dict.fromkeys(item.ref for item in entry.written)) or "none"
    return fail(
        f"No IngressRouteTCP takes connections on the entry point {entry.entry_point}: clients wait for a greeting in "
        "vain.",
        subject=f"entry point {entry.entry_point}",
        where="IngressRouteTCPs of all namespaces",
        seen={"IngressRouteTCPs": others, "why": entry.why},
        remedy=Remedy(
            text=(
                "Apply the IngressRouteTCP again (a GitOps tool may have pruned it): entryPoints "
                f"[{entry.entry_point}], match HostSNI(`*`), services with MaxScale's port."
            ),
            commands=(look("kubectl", "get", "ingressroutetcps", "-A"), show_args(controller)),
            proof=nc(target.hostname, target.port),
        ),
    )


def _left_out(target: Target, route: TcpRoute, meant: WrittenRoute) -> Finding:
    dropped = meant.dropped
    if dropped is not None:
        why, seen = (
            f"Traefik leaves it out: {dropped.detail}",
            {"reason": dropped.reason.value, "log": dropped.log_line},
        )
    else:
        judged = next((item for item in route.entry.routers if (item.ref, item.rule) == (meant.ref, meant.rule)), None)
        why, seen = f"its rule does not match: {judged.why if judged else route.entry.why}", {}
    return fail(
        f"{meant.ref} is meant for port {target.port}, but {why}.",
        subject=meant.ref,
        where="the route as Traefik reads it",
        seen={"rule": meant.rule, **{name: value for name, value in seen.items() if value}},
        remedy=Remedy(
            text="Only HostSNI(`*`), alone or with ClientIP, matches a client that sends nothing before the greeting.",
            commands=(
                get_route(meant),
                changes("kubectl", "-n", meant.namespace, "edit", "ingressroutetcp", meant.name),
            ),
            proof=nc(target.hostname, target.port),
        ),
    )
