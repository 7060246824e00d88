"""Does the allow list let the client through, and does it judge the client at all?

Whether a list can be used is judged in ``allowlist_lists``. Traefik compares the address that it sees: the client's own
only where the load balancer sends the PROXY protocol and the entry point trusts it.
Source: traefik pkg/middlewares/tcp/ipallowlist, pkg/server/server_entrypoint_tcp.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    AllowList,
    Finding,
    Remedy,
    SeenAs,
    SqlGreeting,
    Target,
    TcpRoute,
    Unavailable,
    changes,
    check,
    fail,
    look,
    ok,
    skip,
    unknown,
    warn,
)
from ingressdoctor_checks.sql_common import get_middleware, nc, restricts, taken, words_of

__all__ = ["client_not_listed", "open_to_world", "sees_wrong_address"]

_LINK: Final = "client → allow list"


def _ranges(item: AllowList) -> str:
    more = f" and {len(item.ranges) - 8} more" if len(item.ranges) > 8 else ""
    return ", ".join(item.ranges[:8]) + more


@check(
    id="allow.client-not-listed",
    title="The allow list lets the client through",
    step="allowlist",
    link=_LINK,
    causes=("mysql-closed",),
)
def client_not_listed(
    target: Target, route: TcpRoute | Unavailable, greeting: SqlGreeting | Unavailable
) -> Iterator[Finding]:
    """Every allow list of the route holds the address of --client-ip."""
    judged = taken(route)
    if isinstance(judged, Finding):
        yield judged
        return
    route, meant = judged
    lists = [item for item in route.lists if restricts(item)]
    if any(item.exists is None for item in route.lists):
        unread = next(item.ref for item in route.lists if item.exists is None)
        yield unknown(f"{unread} could not be read.", enable_with="Allow list on middlewaretcps (traefik.io).")
    elif not lists:
        yield ok("No allow list keeps any client out.", subject=meant.ref)
    elif not target.client_ip:
        yield _nobody_named(lists[0], greeting)
    elif route.seen.kind is not SeenAs.CLIENT:
        yield _other_address(route, lists, target.client_ip)
    else:
        yield _judged(target, lists)


def _judged(target: Target, lists: list[AllowList]) -> Finding:
    address = target.client_ip
    refusing = next((item for item in lists if item.lets_client is False), None)
    if refusing is None:
        names = ", ".join(item.ref for item in lists)
        seen = {item.ref: _ranges(item) for item in lists}
        return ok(f"{names} lets {address} through.", subject=lists[0].ref, seen=seen)
    kind, namespace, name = words_of(refusing.ref)
    return fail(
        f"{refusing.ref} does not list {address}: Traefik closes its connections at once, without a byte.",
        subject=refusing.ref,
        where=f"spec.{refusing.kind}.sourceRange",
        seen={"client": address, "sourceRange": _ranges(refusing)},
        remedy=Remedy(
            text=f"If that client may come in, add {_as_range(address)} to sourceRange; it takes effect in seconds.",
            commands=(get_middleware(refusing), changes("kubectl", "-n", namespace, "edit", kind, name)),
            proof=look(
                "ingressdoctor",
                target.hostname,
                "--port",
                str(target.port),
                "--client-ip",
                address,
                "--only",
                "allow.*",
            ),
        ),
    )


def _as_range(address: str) -> str:
    return f"{address}/{128 if ':' in address else 32}"


def _nobody_named(item: AllowList, greeting: SqlGreeting | Unavailable) -> Finding:
    """Without --client-ip the client is this machine, whose address Traefik alone knows."""
    if isinstance(greeting, SqlGreeting) and greeting.words.first:
        text = f"{item.ref} lets this machine through; of others nothing is said without --client-ip."
        return ok(text, subject=item.ref, seen={"sourceRange": _ranges(item)})
    return unknown(
        f"{item.ref} lets only some addresses through, and which client it is about was not said.",
        subject=item.ref,
        seen={"sourceRange": _ranges(item)},
        enable_with="Name the client's address: --client-ip ADDRESS.",
    )


def _other_address(route: TcpRoute, lists: list[AllowList], address: str) -> Finding:
    if route.seen.kind is not SeenAs.UNKNOWN:
        return skip(
            f"Traefik does not see the client's address but {route.seen.kind.value}, so {address} is not judged."
        )
    listed = all(item.lets_client for item in lists)
    return unknown(
        f"{lists[0].ref} {'lists' if listed else 'does not list'} {address}; whether Traefik sees that address is not "
        f"known: {route.seen.why}.",
        subject=lists[0].ref,
        seen={"sourceRange": _ranges(lists[0])},
        enable_with="Set HCLOUD_TOKEN, so that the load balancer's PROXY setting can be read.",
    )


@check(
    id="allow.sees-wrong-address",
    title="The allow list judges the client's own address",
    step="allowlist",
    link="address that Traefik sees",
    causes=("mysql-closed",),
)
def sees_wrong_address(target: Target, route: TcpRoute | Unavailable) -> Iterator[Finding]:
    """Without the PROXY protocol a list compares the address of a node or of the load balancer."""
    judged = taken(route)
    if isinstance(judged, Finding):
        yield judged
        return
    route, meant = judged
    lists = [item for item in route.lists if restricts(item)]
    seen = route.seen
    if not lists:
        yield skip("No allow list looks at the client's address.")
    elif seen.kind is SeenAs.CLIENT:
        yield ok("Traefik sees the client's own address.", subject=meant.ref, seen={"why": seen.why})
    elif seen.kind is SeenAs.UNKNOWN:
        yield unknown(
            f"Whether Traefik sees the client's own address is not known: {seen.why}.",
            enable_with="Set HCLOUD_TOKEN, so that the load balancer's PROXY setting can be read.",
        )
    else:
        yield _wrong(target, route, lists)


def _wrong(target: Target, route: TcpRoute, lists: list[AllowList]) -> Finding:
    seen = route.seen
    refusing = next((item for item in lists if item.lets_seen is False), None)
    item = refusing or lists[0]
    shown = ", ".join(seen.addresses[:3]) or "not known"
    kind = seen.kind.value
    facts = {
        "Traefik sees": f"{kind} ({shown})",
        "why": seen.why,
        "load balancer sends PROXY": {True: "yes", False: "no", None: "not known"}[route.sends_header],
        "entry point trusts": ", ".join(route.expects_header or ()) or "off",
        "sourceRange": _ranges(item),
    }
    point = route.entry.entry_point
    remedy = Remedy(
        text=(
            "Let the load balancer send the PROXY protocol and the entry point trust its peers "
            f"(--entryPoints.{point}.proxyProtocol.trustedIPs=...): both at the same time, for every port of the "
            "Service. Listing nodes instead would let everybody in."
        ),
        commands=(get_middleware(item),),
        proof=nc(target.hostname, target.port),
    )
    if refusing is not None:
        text = f"{item.ref} compares {kind} ({shown}) instead of the client's, and does not list it: nobody gets in."
        return fail(text, subject=item.ref, where="PROXY protocol on both sides", seen=facts, remedy=remedy)
    if all(one.lets_seen for one in lists):
        text = f"{item.ref} compares {kind} ({shown}) instead of the client's, and lists it: everybody gets in."
    else:
        text = f"{item.ref} compares {kind} ({shown}) instead of the client's: who gets in is left to chance."
    return warn(text, subject=item.ref, where="PROXY protocol on both sides", seen=facts, remedy=remedy)


@check(
    id="allow.open-to-world",
    title="Not everybody may connect to the database",
    step="allowlist",
    link=_LINK,
)
def open_to_world(route: TcpRoute | Unavailable) -> Iterator[Finding]:
    """Some allow list, or the rule's own ClientIP, keeps strangers out."""
    judged = taken(route)
    if isinstance(judged, Finding):
        yield judged
        return
    route, meant = judged
    if "clientip(" in meant.rule.lower() or any(restricts(item) for item in route.lists):
        yield ok("Only listed addresses may connect.", subject=meant.ref)
        return
    if any(item.exists is not True or item.invalid or (item.judges and not item.ranges) for item in route.lists):
        yield skip("A middleware of the route cannot be used; that is said elsewhere.")
        return
    wide = next((item for item in route.lists if item.open_to_world), None)
    edit = ("middlewaretcp", words_of(wide.ref)[1], words_of(wide.ref)[2]) if wide else None
    kind, namespace, name = edit or ("ingressroutetcp", meant.namespace, meant.name)
    what = f"{wide.ref} lists {_ranges(wide)}" if wide else f"{meant.ref} has no allow list"
    yield warn(
        f"{what}: anybody on the internet may try passwords on the database.",
        subject=wide.ref if wide else meant.ref,
        seen={"sourceRange": _ranges(wide) if wide else "none"},
        remedy=Remedy(
            text="Name the clients' addresses (ipAllowList.sourceRange), and see --client-ip before and after.",
            commands=(changes("kubectl", "-n", namespace, "edit", kind, name),),
            proof=look("kubectl", "-n", namespace, "get", kind, name, "-o", "yaml"),
        ),
    )
