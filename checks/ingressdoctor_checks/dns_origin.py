"""Does Cloudflare send visitors to the load balancer?

Behind an orange cloud only the API tells the address; without one DNS itself does. It is held against what the load
balancer has, else against what the controller's Service publishes.
Source: Cloudflare's documentation of DNS records and of 52x errors.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    AddressRanges,
    Controller,
    DnsView,
    Finding,
    Inapplicable,
    LoadBalancerLookup,
    OutsideProbe,
    Remedy,
    Symptom,
    Unavailable,
    ZoneFacts,
    canonical_address,
    check,
    fail,
    is_cloudflare,
    is_originless,
    is_private,
    ok,
    skip,
    unknown,
    warn,
)
from ingressdoctor_checks.balancer_common import service_gap
from ingressdoctor_checks.outside_view import curl, dig, works

__all__ = ["origin_mismatch"]

_API: Final = "Cloudflare API: GET /zones/{id}/dns_records"


@check(
    id="dns.origin-mismatch",
    title="The record points at the load balancer",
    step="dns",
    link="record → origin",
    causes=(
        "edge.unreachable",
        "edge.certificate-invalid",
        str(Symptom.EDGE_520),
        str(Symptom.EDGE_521),
        str(Symptom.EDGE_522),
        str(Symptom.EDGE_523),
        str(Symptom.EDGE_524),
        str(Symptom.EDGE_525),
        str(Symptom.EDGE_526),
        str(Symptom.EDGE_530),
        str(Symptom.EDGE_1000),
        str(Symptom.EDGE_1016),
        str(Symptom.CONTROLLER_404),
        str(Symptom.APP_404),
        str(Symptom.HTTP_403),
        str(Symptom.HTTP_421),
        str(Symptom.HTTP_503),
        str(Symptom.CONNECT_REFUSED),
        str(Symptom.CONNECT_TIMEOUT),
        str(Symptom.CONNECT_RESET),
        str(Symptom.TLS_HANDSHAKE),
        str(Symptom.TLS_UNTRUSTED),
        str(Symptom.EMPTY_REPLY),
        str(Symptom.RESPONSE_TIMEOUT),
        str(Symptom.MYSQL_REFUSED),
        str(Symptom.MYSQL_TIMEOUT),
        str(Symptom.MYSQL_CLOSED),
        str(Symptom.MYSQL_NOT_MYSQL),
    ),
)
def origin_mismatch(
    view: DnsView,
    ranges: AddressRanges,
    zone: ZoneFacts | Unavailable,
    lookup: LoadBalancerLookup | Unavailable,
    controller: Controller | Unavailable,
    probe: OutsideProbe | Unavailable,
) -> Iterator[Finding]:
    """The addresses that visitors are sent to are the load balancer's, or those of the Service's status."""
    if isinstance(zone, ZoneFacts) and zone.tunnel:
        yield skip("The record leads to a tunnel, not to an address.")
        return
    held, told_by = _record_addresses(view, ranges, zone)
    wanted, owner = _origin_addresses(lookup, controller)
    if not held:
        yield _no_record_address(view, zone, probe, owner if wanted else "")
    elif any(is_originless(address) for address in held):
        yield skip("The record holds a placeholder that means: no origin, on purpose.")
    elif isinstance(lookup, LoadBalancerLookup) and lookup.by_record:
        yield _unclaimed(lookup, controller, held, told_by)
    elif not wanted:
        yield _no_origin_address(lookup, controller)
    elif not (strangers := [address for address in held if address not in wanted]):
        yield ok(f"The record of {view.hostname} points at {owner}.", seen={"record": ", ".join(held)}, where=told_by)
    else:
        seen = {"record": ", ".join(held), owner: ", ".join(wanted)}
        harmless = works(probe) or len(strangers) < len(held)
        yield _mismatch(view, strangers, seen, probe, harmless=harmless, owner=owner)


def _unclaimed(
    lookup: LoadBalancerLookup, controller: Controller | Unavailable, held: tuple[str, ...], told_by: str
) -> Finding:
    """Say what the record leads to where the cluster does not say what it should."""
    what = f"load balancer {lookup.found.name} of the Hetzner project" if lookup.found else lookup.not_in_path
    gap = service_gap(controller)
    why = f": {gap.reason}" if gap else ""
    return unknown(
        f"The record leads to {what.removeprefix('the record leads to ')}; whether that is right, the cluster does not "
        f"tell{why}.",
        seen={"record": ", ".join(held), "told by": told_by},
        enable_with=(gap.enable_with if gap else "") or "Let the kubeconfig read Services.",
    )


def _record_addresses(
    view: DnsView, ranges: AddressRanges, zone: ZoneFacts | Unavailable
) -> tuple[tuple[str, ...], str]:
    """Return (where visitors end, who told it): the zone's record, or DNS itself where nothing proxies it."""
    if isinstance(zone, ZoneFacts):
        return tuple(canonical_address(address) or address for address in zone.origin_addresses), _API
    addresses = tuple(dict.fromkeys(canonical_address(address) for address in view.addresses))
    if not addresses or any(is_cloudflare(ranges, address) or is_private(address) for address in addresses):
        return (), ""
    return addresses, "DNS"


def _origin_addresses(
    lookup: LoadBalancerLookup | Unavailable, controller: Controller | Unavailable
) -> tuple[tuple[str, ...], str]:
    """Return (the origin's public addresses, whose they are)."""
    if isinstance(lookup, LoadBalancerLookup) and lookup.found is not None and lookup.found.public_enabled:
        found = lookup.found
        addresses = tuple(a for a in map(canonical_address, (found.ipv4, found.ipv6)) if a)
        if addresses:
            return addresses, f"load balancer {found.name}"
    if isinstance(controller, Controller) and controller.service is not None:
        published = (canonical_address(item.ip or "") for item in controller.service.published)
        addresses = tuple(a for a in published if a and not is_private(a))
        return addresses, f"status of Service {controller.service.ref}"
    return (), ""


def _no_record_address(
    view: DnsView, zone: ZoneFacts | Unavailable, probe: OutsideProbe | Unavailable, owner: str
) -> Finding:
    if not view.addresses:
        return skip("The name has no address to compare.")
    if isinstance(zone, Unavailable) and isinstance(probe, OutsideProbe) and probe.gate is not None:
        return skip("A login of Access stands before it, as on tunnels, which have no address behind the edge.")
    if isinstance(zone, Unavailable):
        return unknown(
            f"The address behind the edge is not visible in DNS, and the API could not tell it: {zone.reason}.",
            enable_with=zone.enable_with or "Set CLOUDFLARE_API_TOKEN with Zone > DNS > Read.",
        )
    if not zone.records:
        return unknown(
            f"The zone {zone.name} holds no A, AAAA or CNAME record for the name, yet it resolves.",
            enable_with="Look for a Cloudflare load balancer, a Worker route or another account that answers for it.",
        )
    goal = zone.chain[-1] if zone.chain else zone.records[0].content
    if not _edge_found_none(probe):
        return unknown(
            f"No address was found for {goal}, the end of the CNAME.", enable_with=f"Look up {goal} with dig."
        )
    right = f"that of {owner}" if owner else "the origin's address"
    return fail(
        f"The record of {view.hostname} leads to {goal}, which has no address: the edge finds no origin.",
        subject=view.hostname,
        seen={
            "record": f"{zone.records[0].type} {zone.records[0].content}",
            "CNAMEs": " → ".join(zone.chain) or "none",
        },
        where=_API,
        remedy=Remedy(
            text=f"Create {goal}, or set the record of {view.hostname} to {right}.",
            commands=(dig(goal),),
            proof=curl(f"https://{view.hostname}/"),
        ),
    )


def _edge_found_none(probe: OutsideProbe | Unavailable) -> bool:
    """Tell whether the edge itself says that the origin's name does not resolve; our resolver may just have failed."""
    error = probe.edge_error if isinstance(probe, OutsideProbe) else None
    return error is not None and error.code in {1001, 1016, 530}


def _no_origin_address(lookup: LoadBalancerLookup | Unavailable, controller: Controller | Unavailable) -> Finding:
    gaps = [item for item in (lookup, controller) if isinstance(item, Unavailable)]
    if gaps:
        return unknown(
            f"What the record should lead to is not known: {gaps[0].wanted}: {gaps[0].reason}.",
            enable_with=gaps[0].enable_with or "Set HCLOUD_TOKEN, or let the kubeconfig read Services.",
        )
    return skip("No load balancer and no published address is known to compare with.")


def _mismatch(
    view: DnsView,
    strangers: list[str],
    seen: dict[str, str],
    probe: OutsideProbe | Unavailable,
    *,
    harmless: bool,
    owner: str,
) -> Finding:
    name, verdict = view.hostname, warn if harmless else fail
    right = next((value for key, value in seen.items() if key == owner), "").partition(",")[0]
    raw = isinstance(probe, Inapplicable)  # no HTTP is spoken
    still = " It works now, so another origin answers there." if harmless else ""
    return verdict(
        f"The record of {name} points at {', '.join(strangers)}, which is not {owner} ({right}).{still}",
        subject=name,
        seen=seen,
        where=_API,
        remedy=Remedy(
            text=f"In the Cloudflare dashboard under DNS > Records set {name} to {right}, if this cluster is "
            "to serve it.",
            commands=(dig(name, "A") if raw else curl(f"https://{name}/", "-k", "--resolve", f"{name}:443:{right}"),),
            proof=dig(name, "A") if raw else curl(f"https://{name}/"),
        ),
    )
