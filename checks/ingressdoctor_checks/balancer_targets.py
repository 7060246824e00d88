"""Has the load balancer somebody to hand connections to, and do they answer its health checks?

Under externalTrafficPolicy Local a node without a controller pod fails its check by design; that is no fault.
Source: docs.hetzner.cloud (targets, health_status), hcloud-cloud-controller-manager (which nodes become targets).
"""

from __future__ import annotations

from collections.abc import Iterator

from ingressdoctor.api import (
    ClusterNodes,
    Command,
    Controller,
    Finding,
    LoadBalancer,
    LoadBalancerLookup,
    Remedy,
    Service,
    Target,
    Unavailable,
    ZoneFacts,
    changes,
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
    asked_port,
    describe,
    managed,
    no_balancer,
    ports_of_interest,
    resync,
    resync_text,
    service_gap,
    service_of,
    subject,
)
from ingressdoctor_checks.balancer_hints import EXCLUDE, TargetView, excluded, views_of

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
        | _nodes_seen(nodes),
        remedy=_fill(balancer, service_of(controller), nodes, lookup),
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


def _nodes_seen(nodes: ClusterNodes | Unavailable) -> dict[str, str]:
    if isinstance(nodes, Unavailable):
        return {"nodes of the cluster": f"not looked at: {nodes.reason}. {nodes.enable_with}".rstrip()}
    if not nodes.asked:
        return {}
    kept_out = [node.name for node in nodes.nodes if excluded(node)]
    foreign = [node.name for node in nodes.nodes if "://" not in (node.spec.provider_id or "")]
    seen = {"nodes of the cluster": str(len(nodes.nodes))}
    if kept_out:
        seen[f"nodes with the label {EXCLUDE}"] = ", ".join(kept_out)
    if foreign:
        seen["nodes without a providerID"] = ", ".join(foreign)
    return seen


def _fill(
    balancer: LoadBalancer, service: Service | None, nodes: ClusterNodes | Unavailable, lookup: LoadBalancerLookup
) -> Remedy:
    """Say how targets come back: by label, by a sync, or by hand."""
    known = () if isinstance(nodes, Unavailable) else nodes.nodes
    kept_out = [node for node in known if excluded(node)]
    if kept_out and len(kept_out) == len(known):
        unlabel = tuple(changes("kubectl", "label", "node", node.name, f"{EXCLUDE}-") for node in kept_out[:3])
        text = "Every node is kept out of load balancers by its label; take it off the nodes that may serve traffic."
        return Remedy(text=text, commands=unlabel, proof=describe(balancer))
    if balancer.selectors and not balancer.targets and service is not None and not managed(balancer, service):
        selector = balancer.selectors[0]
        text = f"No server matches the label selector {selector}, or none has the address it wants; label the nodes."
        commands: tuple[Command, ...] = (look("hcloud", "server", "list", "--selector", selector),)
        return Remedy(text=text, commands=commands, proof=describe(balancer))
    if service is not None and managed(balancer, service):
        shown = look("kubectl", "-n", service.namespace, "describe", "service", service.name)
        text = resync_text(service) + "; a service it cannot write also leaves the balancer without targets."
        return Remedy(text=text, commands=(shown, resync(service)), proof=describe(balancer))
    if service is None and balancer.uid_label:
        text = "The cloud controller keeps its targets: its log, and the Service's events, say what it lacks."
        shown = look("kubectl", "get", "nodes", "-o", "wide")
        return Remedy(text=text, commands=(shown, describe(balancer)), proof=describe(balancer))
    private = ("--use-private-ip",) if balancer.networks else ()
    names = [item.name for item in lookup.servers] or ["SERVER"]
    add = tuple(
        changes("hcloud", "load-balancer", "add-target", balancer.name, "--server", name, *private)
        for name in names[:3]
    )
    return Remedy(text="Add the cluster's nodes as targets.", commands=add, proof=describe(balancer))


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
    target: Target,
    zone: ZoneFacts | Unavailable,
) -> Iterator[Finding]:
    """On the port that is asked for some target is healthy, and every unhealthy one is explained."""
    balancer = lookup.found
    if balancer is None:
        yield no_balancer(lookup)
        return
    if not balancer.targets:
        yield skip(f"{subject(balancer)} has no targets whose health could be looked at.")
        return
    asked = asked_port(target, zone)
    ports = [port for port in ports_of_interest(target, asked) if balancer.service(port) is not None]
    if not ports:
        yield skip(f"{subject(balancer)} has no service on port {asked}, so nothing is checked for it.")
        return
    gap = _nodes_seen(nodes) if isinstance(nodes, Unavailable) and service_of(controller) else {}
    for alike, views in _alike({port: views_of(balancer, port, (lookup, controller, nodes)) for port in ports}):
        yield _judge(balancer, alike, views, controller, gap, needed=asked in alike)


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
            remedy=_remedy(balancer, ports, tuple(ill or expected), controller),
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
            remedy=_remedy(balancer, ports, tuple(ill), controller),
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


def _remedy(
    balancer: LoadBalancer, ports: tuple[int, ...], ill: tuple[TargetView, ...], controller: Controller | Unavailable
) -> Remedy:
    """Point at what the most telling target needs."""
    served = [item for port in ports if (item := balancer.service(port)) is not None]
    node_ports = list(dict.fromkeys(item.health_check.port for item in served))
    down = tuple(view for view in ill if view.server is not None and view.server.status not in ("running", ""))
    if down:
        on = tuple(changes("hcloud", "server", "poweron", view.name) for view in down[:3])
        return Remedy(text="Start the servers that are switched off.", commands=on, proof=describe(balancer))
    gone = tuple(view for view in ill if view.gone)
    if gone:
        text = "Targets name servers that no longer exist; the cloud controller drops them with its next sync."
        return Remedy(text=text, commands=(look("hcloud", "server", "list"),), proof=describe(balancer))
    dropped = any("timeout" in view.detail for view in ill)
    private = any(view.private for view in ill)
    commands = [look("kubectl", "get", "nodes", "-o", "wide")]
    if (service := service_of(controller)) is not None:
        commands.append(look("kubectl", "-n", service.namespace, "get", "service", service.name, "-o", "wide"))
    if not isinstance(controller, Unavailable):
        commands.append(look("kubectl", "-n", controller.namespace, "get", "pods", "-o", "wide"))
    if dropped and not private:
        commands.append(look("hcloud", "firewall", "list"))
    if dropped:
        cause = "the private network between them" if private else "a Hetzner Firewall without that port"
        why = f"It times out, so something drops it: a firewall on the node, or {cause}."
    else:
        why = (
            "It fails, so kube-proxy (or the CNI) does not serve that node port: compare it with the Service's "
            "nodePort and see whether the controller has ready pods."
        )
    checked = f"port{'' if len(node_ports) == 1 else 's'} {' and '.join(map(str, node_ports))}"
    text = f"The health check connects to {checked} of each node. {why}"
    return Remedy(text=text, commands=tuple(commands), proof=describe(balancer))
