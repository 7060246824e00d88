"""Is there a load balancer, and does the Service publish its addresses?

Its interfaces are judged in ``balancer_network``, ports in ``balancer_service`` and ``balancer_proxy``, targets in
``balancer_targets``, the cloud controller in ``balancer_sync``.
Source: hcloud-cloud-controller-manager (identity by label, then by name; what it writes into the status).
"""

from __future__ import annotations

from collections.abc import Iterator

from ingressdoctor.api import (
    Controller,
    Finding,
    LoadBalancer,
    LoadBalancerLookup,
    Remedy,
    Service,
    Unavailable,
    canonical_address,
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
    PREFIX,
    describe,
    managed,
    no_balancer,
    resync,
    resync_text,
    service_gap,
    service_of,
    subject,
)

__all__ = ["address_mismatch", "missing"]

_LIST = look("hcloud", "load-balancer", "list", "-o", "columns=name,health,ipv4,ipv6,labels")
_HCCM_LOG = look("kubectl", "-n", "kube-system", "logs", "deploy/hcloud-cloud-controller-manager", "--tail=100")


@check(
    id="lb.missing",
    title="The load balancer exists",
    step="balancer",
    link="edge → LB",
    causes=(
        "lb.origin-unreachable",
        "edge-521",
        "edge-522",
        "response-timeout",
        "edge-523",
        "edge-525",
        "edge-520",
        "connect-timeout",
        "connect-refused",
        "mysql-timeout",
        "mysql-refused",
    ),
)
def missing(lookup: LoadBalancerLookup, controller: Controller | Unavailable) -> Iterator[Finding]:
    """The project holds the load balancer that the controller's Service asks for, or that the record leads to."""
    if lookup.not_in_path:
        yield no_balancer(lookup)
    elif lookup.found is None:
        yield _not_found(lookup, service_of(controller))
    elif isinstance(controller, Unavailable) or lookup.by_record:
        yield _unclaimed(lookup.found, lookup)
    else:
        yield from _identity(lookup.found, lookup, controller.service)


def _unclaimed(balancer: LoadBalancer, lookup: LoadBalancerLookup) -> Finding:
    """Say that it is there, where the cluster did not say that it is its own."""
    seen = {"found by": lookup.matched_by, "name": balancer.name}
    return ok(f"{subject(balancer)} exists.", subject=subject(balancer), seen=seen, where=API)


def _not_found(lookup: LoadBalancerLookup, service: Service | None) -> Finding:
    name = service.ref if service else "the controller"
    seen = {
        "looked for": "; ".join(lookup.looked_for) or "nothing to go by",
        "load balancers of the project": ", ".join(lookup.project) or "none",
    }
    if lookup.nodes_here is False or (lookup.nodes_here is None and not lookup.project and not lookup.servers):
        return unknown(
            f"No load balancer of {name} is in this Hetzner project, but none of the cluster's nodes is either: "
            "the token belongs to another project.",
            subject=name,
            seen=seen,
            enable_with="Set HCLOUD_TOKEN to a read-only token of the project that holds the cluster's servers.",
        )
    commands = [_LIST]
    if service is not None:
        commands += [look("kubectl", "-n", service.namespace, "describe", "service", service.name), _HCCM_LOG]
        commands.append(resync(service))
    return fail(
        f"The load balancer of {name} does not exist: the Hetzner project holds none with its label, name or address.",
        subject=name,
        where=API,
        seen=seen,
        remedy=Remedy(
            text=(
                "Let the cloud controller make it again: a changed annotation makes it sync; its log says why if it "
                "cannot. A new load balancer gets new addresses, so DNS has to follow. If it was only renamed, put its "
                "name or its hcloud-ccm/service-uid label back instead."
            ),
            commands=tuple(commands),
            proof=_LIST,
        ),
    )


def _identity(balancer: LoadBalancer, lookup: LoadBalancerLookup, service: Service | None) -> Iterator[Finding]:
    """Judge by what it was recognised; a working load balancer is never worse than a warning here."""
    uid = (service.metadata.uid or "") if service else ""
    named = service.annotations.get(f"{PREFIX}name", "") if service else ""
    seen = {"found by": lookup.matched_by, "name": balancer.name, "service-uid label": balancer.uid_label or "none"}
    label = f"hcloud-ccm/service-uid={uid}"
    overwrite = changes("hcloud", "load-balancer", "add-label", "--overwrite", balancer.name, label)
    if lookup.rivals:
        rivals = ", ".join(lookup.rivals)
        yield warn(
            f"{subject(balancer)} shares its Service label with {rivals}; the cloud controller refuses to choose.",
            subject=subject(balancer),
            where=API,
            seen=seen | {"same label": rivals},
            remedy=Remedy(
                text=(
                    "Find out which one DNS points at, and remove the label hcloud-ccm/service-uid from the other: "
                    "hcloud load-balancer remove-label NAME hcloud-ccm/service-uid."
                ),
                commands=(_LIST, describe(balancer)),
                proof=_LIST,
            ),
        )
    elif managed(balancer, service) and balancer.uid_label != uid:
        yield warn(
            f"{subject(balancer)} does not carry the label of {service.ref if service else 'the Service'}; "
            "it was recognised by its " + lookup.matched_by + ".",
            subject=subject(balancer),
            where=API,
            seen=seen,
            remedy=Remedy(
                text="Set the label, else a later rename or deletion of the Service leaves this load balancer behind.",
                commands=(overwrite,),
                proof=describe(balancer),
            ),
        )
    elif named and named != balancer.name:
        yield warn(
            f"{subject(balancer)} is the Service's, but the Service calls it {named}: somebody renamed it.",
            subject=subject(balancer),
            where=API,
            seen=seen | {"name annotation": named},
            remedy=Remedy(
                text="Nothing is broken. Change the annotation or the name; the next sync renames it.",
                commands=(changes("hcloud", "load-balancer", "update", balancer.name, "--name", named),),
                proof=describe(balancer),
            ),
        )
    else:
        yield ok(f"{subject(balancer)} exists.", subject=subject(balancer), seen=seen, where=API)


@check(
    id="lb.address-mismatch",
    title="The Service publishes the load balancer's addresses",
    step="balancer",
    link="Service status → LB address",
    causes=("dns.origin-mismatch",),
)
def address_mismatch(lookup: LoadBalancerLookup, controller: Controller) -> Iterator[Finding]:
    """status.loadBalancer.ingress names addresses of this load balancer."""
    balancer, service = lookup.found, controller.service
    if balancer is not None and service is None and (gap := service_gap(controller)) is not None:
        # The record tells which load balancer it is; what the Service publishes could not be read.
        yield unknown(f"Whether a Service publishes its addresses: {gap.reason}", enable_with=gap.enable_with)
        return
    if balancer is None or service is None:
        yield no_balancer(lookup)
        return
    if service.spec.type != "LoadBalancer":
        yield skip(f"{service.ref} is not of type LoadBalancer, so it publishes no address.")
        return
    published = tuple(filter(None, (canonical_address(item.ip or "") for item in service.published)))
    names = tuple(item.hostname for item in service.published if item.hostname)
    seen = {
        "Service publishes": ", ".join((*published, *names)) or "nothing",
        "load balancer has": ", ".join(balancer.addresses) or "nothing",
    }
    foreign = tuple(address for address in published if address not in balancer.addresses)
    if names and not published:
        yield ok(f"{service.ref} publishes the name {names[0]} instead of addresses.", subject=service.ref, seen=seen)
    elif not published:
        yield _empty(balancer, controller, service, seen)
    elif foreign:
        yield _foreign(foreign, lookup, service, seen)
    else:
        yield ok(f"{service.ref} publishes addresses of {subject(balancer)}.", subject=service.ref, seen=seen)


def _empty(balancer: LoadBalancer, controller: Controller, service: Service, seen: dict[str, str]) -> Finding:
    return warn(
        f"{service.ref} publishes no address although {subject(balancer)} exists: its last sync did not succeed.",
        subject=service.ref,
        seen=seen,
        remedy=Remedy(
            text=resync_text(service) + "; its events and log say what stops it.",
            commands=(
                look("kubectl", "-n", service.namespace, "describe", "service", service.name),
                _HCCM_LOG,
                resync(service),
            ),
            proof=look("kubectl", "-n", service.namespace, "get", "service", service.name),
        ),
    )


def _foreign(foreign: tuple[str, ...], lookup: LoadBalancerLookup, service: Service, seen: dict[str, str]) -> Finding:
    published = sum(1 for item in service.published if canonical_address(item.ip or ""))
    machines = {address: item.name for item in lookup.servers for address in (item.ipv4, *item.private_ips) if address}
    nodes = tuple(machines[address] for address in foreign if address in machines)
    shown = ", ".join(foreign)
    if nodes:
        why = f"they are addresses of {', '.join(nodes)}, so another controller (ServiceLB of k3s) writes the status"
        text = "Two controllers serve this Service. Switch ServiceLB off (k3s: --disable=servicelb), then sync again."
    else:
        why = "they are left over from an earlier load balancer or written by another controller"
        text = "Let the cloud controller sync, so that the status and all that reads it (external-dns) follow."
    verb = fail if len(foreign) == published else warn
    return verb(
        f"{service.ref} publishes {shown}, which {'is' if len(foreign) == 1 else 'are'} not the balancer's; {why}.",
        subject=service.ref,
        seen=seen,
        remedy=Remedy(
            text=text,
            commands=(_HCCM_LOG, resync(service)),
            proof=look("kubectl", "-n", service.namespace, "get", "service", service.name, "-o", "wide"),
        ),
    )
