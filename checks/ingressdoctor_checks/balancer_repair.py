"""How a load balancer's targets come back: by label, by a sync, by hand, or by what the most telling target needs.

Holds no check. Source: docs.hetzner.cloud (targets), hcloud-cloud-controller-manager (which nodes become targets).
"""

from __future__ import annotations

from ingressdoctor.api import (
    ClusterNodes,
    Command,
    Controller,
    LoadBalancer,
    LoadBalancerLookup,
    Remedy,
    Service,
    Unavailable,
    changes,
    look,
)
from ingressdoctor_checks.balancer_common import describe, managed, resync, resync_text, service_of
from ingressdoctor_checks.balancer_hints import EXCLUDE, TargetView, excluded

__all__ = ["fill", "nodes_seen", "remedy_for"]


def nodes_seen(nodes: ClusterNodes | Unavailable) -> dict[str, str]:
    """Return what the cluster's nodes say about being targets, or why they could not be asked."""
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


def fill(
    balancer: LoadBalancer, service: Service | None, nodes: ClusterNodes | Unavailable, lookup: LoadBalancerLookup
) -> Remedy:
    """Say how targets come back where there are none: by label, by a sync, or by hand."""
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


def remedy_for(
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
