"""Does the load balancer stand where visitors and nodes reach it: public interface, private network?

Source: docs.hetzner.cloud (networks); a private target needs both sides in the same network, in any subnet.
"""

from __future__ import annotations

from collections.abc import Iterator

from ingressdoctor.api import (
    Command,
    Controller,
    Finding,
    LbTarget,
    LoadBalancer,
    LoadBalancerLookup,
    Remedy,
    Server,
    Service,
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
    PREFIX,
    describe,
    managed,
    no_balancer,
    resync,
    service_of,
    subject,
)

__all__ = ["network_detached", "public_disabled"]

_NETWORKS = look("hcloud", "network", "list")


@check(
    id="lb.public-disabled",
    title="The load balancer can be reached from the internet",
    step="balancer",
    link="edge → LB",
    causes=(
        "lb.origin-unreachable",
        "edge-522",
        "response-timeout",
        "edge-523",
        "edge-521",
        "connect-timeout",
        "connect-refused",
        "mysql-timeout",
        "mysql-refused",
    ),
)
def public_disabled(lookup: LoadBalancerLookup, controller: Controller | Unavailable) -> Iterator[Finding]:
    """Its public interface is on, has an address, and no address is blocked."""
    balancer = lookup.found
    if balancer is None:
        yield no_balancer(lookup)
        return
    name = subject(balancer)
    seen = {
        "public_net.enabled": str(balancer.public_enabled).lower(),
        "addresses": ", ".join(filter(None, (balancer.ipv4, balancer.ipv6))) or "none",
    }
    if not balancer.public_enabled:
        yield fail(
            f"{name} has its public interface switched off, so nothing from the internet reaches it.",
            subject=name,
            where=API,
            seen=seen,
            remedy=_switch_on(balancer, service_of(controller)),
        )
    elif not balancer.ipv4 and not balancer.ipv6:
        yield fail(
            f"{name} has no public address.",
            subject=name,
            where=API,
            seen=seen,
            remedy=Remedy(
                text="Give it a Primary IP, then let the DNS records follow.",
                commands=(look("hcloud", "primary-ip", "list"), describe(balancer)),
                proof=describe(balancer),
            ),
        )
    elif balancer.blocked:
        verb = fail if balancer.ipv4 in balancer.blocked or not balancer.ipv4 else warn
        yield verb(
            f"Hetzner has blocked {', '.join(balancer.blocked)} of {name}.",
            subject=name,
            where=API,
            seen=seen | {"blocked": ", ".join(balancer.blocked)},
            remedy=Remedy(
                text="Read the abuse or lock message in the Hetzner Console and answer it; only Hetzner unblocks.",
                commands=(describe(balancer),),
                proof=describe(balancer),
            ),
        )
    else:
        yield ok(f"{name} has its public interface on.", subject=name, seen=seen, where=API)


def _switch_on(balancer: LoadBalancer, service: Service | None) -> Remedy:
    key = f"{PREFIX}disable-public-network"
    if service is not None and managed(balancer, service) and service.annotations.get(key):
        command = changes(
            "kubectl", "-n", service.namespace, "annotate", "service", service.name, f"{key}=false", "--overwrite"
        )
        text = f"The annotation {key} asks for it: set it to false, in git too if the Service comes from there."
        return Remedy(text=text, commands=(command,), proof=describe(balancer))
    command = changes("hcloud", "load-balancer", "enable-public-interface", balancer.name)
    return Remedy(text="Switch the public interface on again.", commands=(command,), proof=describe(balancer))


@check(
    id="lb.network-detached",
    title="The load balancer is in the private network of its targets",
    step="balancer",
    link="LB → nodes",
    causes=(
        "lb.targets-unhealthy",
        "lb.no-targets",
        "edge-525",
        "edge-520",
        "edge-521",
        "edge-522",
        "response-timeout",
        "http-503",
        "lb.origin-unreachable",
        "mysql-closed",
        "mysql-silent",
    ),
)
def network_detached(lookup: LoadBalancerLookup, controller: Controller | Unavailable) -> Iterator[Finding]:
    """Private targets and the load balancer share a network."""
    balancer = lookup.found
    if balancer is None:
        yield no_balancer(lookup)
        return
    private = tuple(target for target in balancer.targets if target.use_private_ip)
    if not private and not _asks_for_private(service_of(controller)):
        yield skip(f"{subject(balancer)} reaches its targets over public addresses.")
    elif not balancer.networks:
        yield _detached(balancer, lookup, service_of(controller), len(private))
    else:
        yield from _servers(balancer, lookup, private)


def _asks_for_private(service: Service | None) -> bool:
    value = service.annotations.get(f"{PREFIX}use-private-ip", "") if service else ""
    return value.lower() in ("true", "1", "t")


def _detached(balancer: LoadBalancer, lookup: LoadBalancerLookup, service: Service | None, private: int) -> Finding:
    targeted = {target.server_id for target in balancer.targets}
    near = [item for item in lookup.servers if item.id in targeted] or list(lookup.servers)
    networks = sorted({network for item in near for network in item.networks})
    network = str(networks[0]) if networks else "NETWORK"
    commands: list[Command] = [_NETWORKS]
    commands.append(changes("hcloud", "load-balancer", "attach-to-network", "--network", network, balancer.name))
    if service is not None and managed(balancer, service):
        commands.append(resync(service))
    return fail(
        f"{subject(balancer)} is attached to no private network, but its targets are to be reached by private address.",
        subject=subject(balancer),
        where=API,
        seen={
            "private_net": "none",
            "targets by private address": str(private),
            "networks of the servers": ", ".join(map(str, networks)) or "none",
        },
        remedy=Remedy(
            text=(
                "Attach it to the network of the nodes. If the cloud controller runs, HCLOUD_NETWORK must name that "
                "network, else the next sync detaches it again."
            ),
            commands=tuple(commands),
            proof=describe(balancer),
        ),
    )


def _servers(balancer: LoadBalancer, lookup: LoadBalancerLookup, private: tuple[LbTarget, ...]) -> Iterator[Finding]:
    networks = ", ".join(map(str, balancer.networks))
    known = [(target, lookup.server(target.server_id)) for target in private]
    apart = [server for _, server in known if server is not None and not _shares(server, balancer)]
    looked = sum(1 for _, server in known if server is not None)
    seen = {"networks of the load balancer": networks, "private targets": str(len(private))}
    if not apart:
        yield ok(
            f"{subject(balancer)} is in private network {networks}.", subject=subject(balancer), seen=seen, where=API
        )
        return
    names = ", ".join(server.name for server in apart)
    attach = tuple(
        changes("hcloud", "server", "attach-to-network", "--network", str(balancer.networks[0]), server.name)
        for server in apart[:5]
    )
    verb = fail if len(apart) == looked and looked == len(private) else warn
    yield verb(
        f"{names} {'is' if len(apart) == 1 else 'are'} not in the private network of {subject(balancer)}.",
        subject=subject(balancer),
        where="Hetzner API: GET /servers",
        seen=seen | {"servers outside": names},
        remedy=Remedy(
            text="Attach the servers to the load balancer's network.", commands=attach, proof=describe(balancer)
        ),
    )


def _shares(server: Server, balancer: LoadBalancer) -> bool:
    return bool(set(server.networks) & set(balancer.networks))
