"""Does the address that a rule names still belong to somebody?

A rule that names an address does not follow when DHCP, a new node or another load balancer changes it.
"""

from __future__ import annotations

from collections.abc import Iterator

from ingressdoctor.api import (
    AddressOwner,
    Finding,
    Inapplicable,
    OutsideProbe,
    Remedy,
    TunnelRoute,
    Unavailable,
    check,
    fail,
    look,
    ok,
    skip,
    unknown,
)
from ingressdoctor_checks.rules_common import STEP, ruled
from ingressdoctor_checks.tunnel_workloads import edit_config, errors_of_edge

__all__ = ["origin_address_stale"]


@check(
    id="rule.origin-address-stale",
    title="The address that the rule names belongs to the cluster",
    step=STEP,
    link="rule → address",
    causes=("edge-502", "edge-504", "response-timeout", "edge.error-page", "tunnel.log-errors"),
)
def origin_address_stale(
    route: TunnelRoute | Unavailable, owner: AddressOwner | Unavailable, probe: OutsideProbe | Unavailable
) -> Iterator[Finding]:
    """No node and no Service has the address, and cloudflared gets no answer there."""
    found = ruled(route)
    if isinstance(found, Finding):
        yield found
        return
    if isinstance(owner, Inapplicable):
        yield skip(f"There is no address to look for: {owner.reason}.")
    elif isinstance(owner, Unavailable):
        yield unknown(f"Whose address it is could not be told: {owner.reason}.", enable_with=owner.enable_with)
    elif owner.owners:
        yield ok(f"{owner.address} is the address of {owner.owners[0]}.", subject=found.rule.shown)
    elif errors_of_edge(probe) not in (502, 504):
        yield skip(f"No node and no Service has {owner.address}; something outside of the cluster may.")
    else:
        near = next(iter(owner.others), ("", ""))
        yield fail(
            f"{found.rule.shown} names {owner.address}, which no node and no Service of the cluster has.",
            subject=found.config.source.ref,
            where="addresses of nodes, and of Services",
            seen={"in the rule": owner.address, **dict(owner.others[:6])},
            remedy=Remedy(
                text=(f"{near[0]} has {near[1]}. " if near[0] else "")
                + "Name the address of today, or better one that does not change: localhost, where cloudflared runs on "
                "that machine, or a fixed lease.",
                commands=(
                    look("kubectl", "get", "nodes", "-o", "wide"),
                    look("kubectl", "get", "services", "-A"),
                    *edit_config(found.config.source),
                ),
                proof=look("curl", "-skI", f"{found.origin.scheme}://{near[1] or owner.address}:{found.origin.port}/"),
            ),
        )
