"""Does the name answer with a private address, and is that the address of a living node?

What else DNS says about the name, and gets in the way of browsers, is in ``lan_records``.
Source: RFC 1918, 4193, 6598; Cloudflare's documentation of proxy status; klipper-lb publishes addresses of nodes.
"""

from __future__ import annotations

from collections.abc import Iterator

from ingressdoctor.api import (
    AddressRanges,
    DnsView,
    Finding,
    LanName,
    LanOwner,
    LanOwners,
    LanSurroundings,
    OutsideProbe,
    Reach,
    Remedy,
    Symptom,
    Unavailable,
    ZoneFacts,
    canonical_address,
    check,
    fail,
    is_cloudflare,
    is_lan,
    ok,
    skip,
    unknown,
    warn,
)
from ingressdoctor_checks.dns_common import answers_of
from ingressdoctor_checks.lan_common import NODES, STEP, lan_addresses, nodes_command, shown, where_record
from ingressdoctor_checks.outside_view import curl, dig, works

__all__ = ["address_unowned", "not_private", "proxied"]

_UNREACHED = (
    "edge.unreachable",
    "edge.certificate-invalid",
    str(Symptom.CONNECT_REFUSED),
    str(Symptom.CONNECT_TIMEOUT),
    str(Symptom.CONNECT_RESET),
    str(Symptom.TLS_HANDSHAKE),
    str(Symptom.TLS_UNTRUSTED),
    str(Symptom.EMPTY_REPLY),
    str(Symptom.RESPONSE_TIMEOUT),
)
_STRANGER = (
    str(Symptom.CONTROLLER_404),
    str(Symptom.APP_404),
    str(Symptom.HTTP_403),
    str(Symptom.HTTP_421),
    str(Symptom.HTTP_502),
    str(Symptom.HTTP_503),
)


@check(
    id="lan.not-private",
    title="The name resolves to private addresses only",
    step=STEP,
    link="name → private address",
    causes=(*_UNREACHED, *_STRANGER),
)
def not_private(
    view: DnsView, lan: LanName | Unavailable, ranges: AddressRanges, probe: OutsideProbe | Unavailable
) -> Iterator[Finding]:
    """A public address, of whomever, where one of the LAN should stand."""
    addresses = tuple(dict.fromkeys(view.addresses))
    seen = answers_of(view.resolvers)
    public = tuple(a for a in addresses if not is_lan(a) and not is_cloudflare(ranges, a))
    if not addresses:
        yield skip("The name has no address here to judge.")
    elif public:
        meant = f" Its record at Cloudflare says {shown(lan)}." if isinstance(lan, LanName) else ""
        verdict = warn if works(probe) else fail
        yield verdict(
            f"{view.hostname} resolves to {', '.join(public)}, which is no address of a LAN.{meant}",
            subject=view.hostname,
            seen=seen,
            where="DNS",
            remedy=Remedy(
                text=f"Set the A record to the private address of a worker, DNS only, {where_record(view)}. If the "
                "name is meant to be public, ask for the other walk: --walk public.",
                commands=(dig(view.hostname, "A"), nodes_command()),
                proof=dig(view.hostname, "A"),
            ),
        )
    elif not any(map(is_lan, addresses)):
        yield skip("The name resolves to Cloudflare's edge; whether it may is judged under lan.proxied.")
    else:
        yield ok(f"{view.hostname} resolves to {', '.join(addresses)}, an address of a LAN.", seen=seen, where="DNS")


@check(
    id="lan.proxied",
    title="Cloudflare does not stand before the name",
    step=STEP,
    link="name → private address",
    causes=(
        "lan.ech-record",
        "lan.not-private",
        "lan.split-answers",
        "edge.error-page",
        *_UNREACHED,
        *_STRANGER,
        str(Symptom.EDGE_502),
        str(Symptom.EDGE_504),
        str(Symptom.EDGE_520),
        str(Symptom.EDGE_521),
        str(Symptom.EDGE_522),
        str(Symptom.EDGE_523),
        str(Symptom.EDGE_525),
        str(Symptom.EDGE_530),
        str(Symptom.EDGE_1000),
        str(Symptom.EDGE_1016),
    ),
)
def proxied(
    view: DnsView, lan: LanName | Unavailable, zone: ZoneFacts | Unavailable, ranges: AddressRanges
) -> Iterator[Finding]:
    """The record is orange, or the answers are Cloudflare's: the edge cannot dial an address of the LAN."""
    own = () if isinstance(zone, Unavailable) or zone.wildcard else zone.records
    orange = [record for record in own if record.proxied]
    if orange and not any(is_lan(record.content) for record in orange) and _only_lan(view):
        yield skip(f"Visitors here do not go by the record ({orange[0].content}); see lan.ech-record for what does.")
        return
    addresses = tuple(dict.fromkeys(view.addresses))
    edge = tuple(address for address in addresses if is_cloudflare(ranges, address))
    seen = answers_of(view.resolvers) | {f"record {item.type}": f"{item.content}, proxied" for item in orange[:3]}
    if isinstance(zone, ZoneFacts) and zone.wildcard and edge:
        yield skip("It is a wildcard that answers; that is judged under lan.wildcard-in-the-way.")
    elif orange or edge:
        goal = orange[0].content if orange else shown(lan) if isinstance(lan, LanName) else ""
        why = f"its record ({goal}) is proxied" if orange else "the answers are addresses of Cloudflare's edge"
        yield fail(
            f"{view.hostname} leads through Cloudflare's edge, which cannot reach a private address: {why}.",
            subject=view.hostname,
            seen=seen,
            where="DNS" if not orange else "Cloudflare API: GET /zones/{id}/dns_records",
            remedy=Remedy(
                text="Turn the cloud grey (DNS only) under DNS > Records. A name that the internet should reach needs "
                "a CNAME to a tunnel instead.",
                commands=(dig(view.hostname, "A"), dig(view.hostname, "HTTPS")),
                proof=dig(view.hostname, "A"),
            ),
        )
    elif not addresses:
        yield skip("The name has no address here to judge.")
    elif own:
        yield ok(f"The record of {view.hostname} is DNS only.", seen=seen, where="Cloudflare API")
    else:
        yield ok("No answer is an address of Cloudflare's edge.", seen=seen, where="DNS")


def _only_lan(view: DnsView) -> bool:
    """Tell whether this machine's own resolver answers with private addresses only."""
    own = view.resolvers[0].addresses if view.resolvers else ()
    return bool(own) and all(map(is_lan, own))


@check(
    id="lan.address-unowned",
    title="The address is that of a living node",
    step=STEP,
    link="private address → node",
    causes=(*_UNREACHED, *_STRANGER, str(Symptom.HTTP_504)),
)
def address_unowned(
    view: DnsView,
    lan: LanName | Unavailable,
    owners: LanOwners | Unavailable,
    around: LanSurroundings | Unavailable,
    probe: OutsideProbe | Unavailable,
) -> Iterator[Finding]:
    """No node and no Service has it any more, or the node that has it is down."""
    name = lan_addresses(lan)
    if isinstance(name, Finding):
        yield name
        return
    if isinstance(owners, Unavailable):
        yield unknown(
            f"Whose address {shown(name)} is could not be told: {owners.reason}.",
            enable_with=owners.enable_with or "Allow list on nodes and services.",
        )
        return
    connects = _connects(around)
    bad = [item for item in owners.owners if _why(item)]
    if not bad:
        whose = ", ".join(f"{item.address} of {_owner(item)}" for item in owners.owners)
        yield ok(f"{view.hostname} leads to {whose}.", seen=dict(_facts(owners, connects)), where=NODES)
        return
    all_bad = len(bad) == len(owners.owners)
    if works(probe) and all_bad and all(connects.get(item.address) is Reach.OK and not item.known for item in bad):
        yield ok(
            f"{', '.join(item.address for item in bad)} is no node's address, but serves the name: a proxy or a "
            "floating address stands there.",
            seen=dict(_facts(owners, connects)),
            where=NODES,
        )
        return
    yield _unowned(view, owners, bad, connects, harmless=works(probe))


def _unowned(
    view: DnsView, owners: LanOwners, bad: list[LanOwner], connects: dict[str, Reach], *, harmless: bool
) -> Finding:
    ready = [(node.ref, node.addresses[0]) for node in owners.nodes if node.ready and node.addresses]
    goal = f"{ready[0][1]} ({ready[0][0]})" if ready else "a node that is ready"
    some = "" if len(bad) == len(owners.owners) else f" {len(owners.owners) - len(bad)} more of its addresses are fine."
    down = bad[0].node
    text = f"Set the record to {goal}, or to several workers, {where_record(view)}."
    if down is not None:
        text = f"Bring {down.ref} back: look at its kubelet and its power. Until then set the record to {goal}."
    verdict = warn if harmless else fail
    return verdict(
        f"{view.hostname} resolves to {bad[0].address}, {_why(bad[0])}.{some}",
        subject=view.hostname,
        seen=dict(_facts(owners, connects)),
        where=NODES,
        remedy=Remedy(
            text=text,
            commands=(dig(view.hostname, "A"), nodes_command()),
            proof=curl(
                f"https://{view.hostname}/", "--resolve", f"{view.hostname}:443:{ready[0][1] if ready else '<node>'}"
            ),
        ),
    )


def _why(owner: LanOwner) -> str:
    """Say what is wrong with an address, empty when nothing is."""
    if not owner.known:
        return "which is the address of no node and of no Service of the cluster"
    if owner.node is not None and owner.node.ready is False:
        return f"the address of {owner.node.ref}, which is not ready"
    return ""


def _owner(owner: LanOwner) -> str:
    return owner.node.ref if owner.node is not None else owner.services[0]


def _connects(around: LanSurroundings | Unavailable) -> dict[str, Reach]:
    return {} if isinstance(around, Unavailable) else {item.address: item.reach for item in around.attempts}


def _facts(owners: LanOwners, connects: dict[str, Reach]) -> Iterator[tuple[str, str]]:
    for item in owners.owners:
        whose = ", ".join((*((item.node.ref,) if item.node else ()), *item.services)) or "nobody's"
        came = connects.get(canonical_address(item.address))
        yield item.address, whose + (f"; a connection: {came.value}" if came else "")
    for node in owners.nodes[:8]:
        state = {True: "ready", False: "not ready", None: "state not told"}[node.ready]
        yield node.ref, f"{', '.join(node.addresses[:4]) or 'no address'}; {state}"
