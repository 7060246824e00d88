"""Has the load balancer somebody to hand connections to, and do they answer its health checks?

Under externalTrafficPolicy Local a node without a controller pod fails its check by design; that is no fault.
Source: docs.hetzner.cloud (targets, health_status), hcloud-cloud-controller-manager (which nodes become targets).
"""

from __future__ import annotations

from collections.abc import Iterator

from ingressdoctor.api import (
    ClusterNodes,
    Controller,
    Finding,
    LoadBalancer,
    LoadBalancerLookup,
    OriginPort,
    Remedy,
    Unavailable,
    check,
    fail,
    look,
    ok,
    skip,
    unknown,
    warn,
)
from ingressdoctor_checks.balancer_common import (
    API,
    describe,
    no_balancer,
    service_gap,
    service_of,
    subject,
)
from ingressdoctor_checks.balancer_hints import TargetView, views_of
from ingressdoctor_checks.balancer_repair import fill, nodes_seen, remedy_for

__all__ = ["no_targets", "targets_unhealthy"]

_SYMPTOMS = (
    "lb.origin-unreachable",
    "edge-525",
    "edge-520",
    "edge-521",
    "edge-502",
    "http-503",
    "empty-reply",
    "tls-handshake",
    "mysql-closed",
)


@check(
    id="lb.no-targets",
    title="The load balancer has targets",
    step="balancer",
    link="LB → nodes",
    causes=("lb.targets-unhealthy", *_SYMPTOMS),
)
def no_targets(
    lookup: LoadBalancerLookup, controller: Controller | Unavailable, nodes: ClusterNodes | Unavailable
) -> Iterator[Finding]:
    """At least one server or address is a target, label selectors resolved."""
    balancer = lookup.found
    if balancer is None:
        yield no_balancer(lookup)
        return
    count = len(balancer.targets)
    if count:
        yield from _enough(balancer, count)
        return
    yield fail(
        f"{subject(balancer)} has no targets: it accepts connections and closes them at once.",
        subject=subject(balancer),
        where=API,
        seen={"targets": "0"}
        | ({"label selectors": "; ".join(balancer.selectors)} if balancer.selectors else {})
        | nodes_seen(nodes),
        remedy=fill(balancer, service_of(controller), nodes, lookup),
    )


def _enough(balancer: LoadBalancer, count: int) -> Iterator[Finding]:
    limit = balancer.max_targets
    seen = {"targets": str(count), "limit": f"{limit} ({balancer.type_name})" if limit else "not told"}
    if limit and count >= limit:
        yield warn(
            f"{subject(balancer)} has {count} targets, as many as its type {balancer.type_name} takes.",
            subject=subject(balancer),
            where=API,
            seen=seen,
            remedy=Remedy(
                text="The next node will not become a target. Take a larger type, or fewer nodes by node-selector.",
                commands=(look("hcloud", "load-balancer-type", "list"),),
                proof=describe(balancer),
            ),
        )
        return
    yield ok(f"{subject(balancer)} has {count} targets.", subject=subject(balancer), seen=seen, where=API)


@check(
    id="lb.targets-unhealthy",
    title="The load balancer's targets pass their health checks",
    step="balancer",
    link="LB → nodes",
    causes=_SYMPTOMS,
)
def targets_unhealthy(
    lookup: LoadBalancerLookup,
    controller: Controller | Unavailable,
    nodes: ClusterNodes | Unavailable,
    asked: OriginPort,
) -> Iterator[Finding]:
    """On the port that is asked for some target is healthy, and every unhealthy one is explained."""
    balancer = lookup.found
    if balancer is None:
        yield no_balancer(lookup)
        return
    if not balancer.targets:
        yield skip(f"{subject(balancer)} has no targets whose health could be looked at.")
        return
    ports = [port for port in asked.of_interest if balancer.service(port) is not None]
    if not ports:
        yield skip(f"{subject(balancer)} has no service on port {asked.number}, so nothing is checked for it.")
        return
    gap = nodes_seen(nodes) if isinstance(nodes, Unavailable) and service_of(controller) else {}
    for alike, views in _alike({port: views_of(balancer, port, (lookup, controller, nodes)) for port in ports}):
        yield _judge(balancer, alike, views, controller, gap, needed=asked.number in alike)


def _alike(by_port: dict[int, tuple[TargetView, ...]]) -> Iterator[tuple[tuple[int, ...], tuple[TargetView, ...]]]:
    """Yield ports whose targets are in the same state for the same reason together: what ails a node is said once."""
    groups: dict[tuple[tuple[str, str, str, bool], ...], list[int]] = {}
    for port, views in by_port.items():
        key = tuple((view.name, view.status, view.reason, view.expected) for view in views)
        groups.setdefault(key, []).append(port)
    yield from ((tuple(ports), by_port[ports[0]]) for ports in groups.values())


def _judge(
    balancer: LoadBalancer,
    ports: tuple[int, ...],
    views: tuple[TargetView, ...],
    controller: Controller | Unavailable,
    gap: dict[str, str],
    *,
    needed: bool,
) -> Finding:
    """Judge ports that are alike by the health of their targets; *gap* is what could not be looked at."""
    port = f"port {ports[0]}" if len(ports) == 1 else f"ports {' and '.join(map(str, ports))}"
    healthy = [view for view in views if view.status == "healthy"]
    ill = [view for view in views if view.status == "unhealthy" and not view.expected]
    expected = [view for view in views if view.status == "unhealthy" and view.expected]
    seen = {port: f"{len(healthy)} of {len(views)} targets healthy"} | gap
    seen |= {view.name: f"{view.status}{f' ({view.detail})' if view.detail else ''}" for view in views[:10]}
    name = subject(balancer)
    if not healthy and (ill or expected):
        verb = fail if needed else warn
        return verb(
            f"No target of {name} passes the health check on {port}{_common(ill or expected)}.",
            subject=name,
            where=API,
            seen=seen,
            remedy=remedy_for(balancer, ports, tuple(ill or expected), controller),
        )
    if ill and (silent := service_gap(controller)) is not None and not any(view.evident for view in ill):
        return _perhaps_by_design(balancer, port, ill, silent, seen)
    if ill:
        names = ", ".join(view.name for view in ill)
        return warn(
            f"{len(ill)} of {len(views)} targets of {name} {'fails' if len(ill) == 1 else 'fail'} the health check on "
            f"{port}: {names}{_common(ill)}.",
            subject=name,
            where=API,
            seen=seen,
            remedy=remedy_for(balancer, ports, tuple(ill), controller),
        )
    if not healthy:
        return warn(
            f"{name} has not finished its first health checks on {port}.",
            subject=name,
            where=API,
            seen=seen,
            remedy=Remedy(
                text="Right after a change this lasts about a minute; look again.",
                commands=(describe(balancer),),
                proof=describe(balancer),
            ),
        )
    rest = f"; {len(expected)} without a controller pod are unhealthy by design" if expected else ""
    return ok(
        f"{len(healthy)} of {len(views)} targets of {name} are healthy on {port}{rest}.",
        subject=name,
        seen=seen,
        where=API,
    )


def _perhaps_by_design(
    balancer: LoadBalancer,
    port: str,
    ill: list[TargetView],
    gap: Unavailable,
    seen: dict[str, str],
) -> Finding:
    """Say that some targets are unhealthy, which under externalTrafficPolicy Local is right."""
    return unknown(
        f"{', '.join(view.name for view in ill)} of {subject(balancer)} failed the health check on {port}, others pass "
        f"it; whether by design, as nodes without a controller pod do, the cluster does not tell: {gap.reason}.",
        subject=subject(balancer),
        seen=seen,
        enable_with=gap.enable_with or "Let the kubeconfig read Services and pods.",
    )


def _common(ill: list[TargetView]) -> str:
    """Return the reason that the unhealthy targets share, if it is one."""
    reasons = {view.reason for view in ill}
    return f": {reasons.pop()}" if len(reasons) == 1 and "" not in reasons else ""
