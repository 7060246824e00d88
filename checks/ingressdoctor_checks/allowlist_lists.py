"""Can Traefik use the MiddlewareTCPs that the route names?

One that it cannot use costs the whole route: nothing is let through then, and clients wait in vain for a greeting.
Source: traefik pkg/server/middleware/tcp/middlewares.go, pkg/middlewares/tcp/ipallowlist.
"""

from __future__ import annotations

from collections.abc import Iterator

from ingressdoctor.api import (
    AllowList,
    Finding,
    Remedy,
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
from ingressdoctor_checks.sql_common import get_middleware, get_route, taken, words_of

__all__ = ["empty", "invalid_cidr", "middleware_missing", "old_name"]

_LINK = "allow list as written"
_COSTS = ("sql.route-missing", "mysql-silent", "mysql-closed")


def _lists(route: TcpRoute | Unavailable) -> tuple[AllowList, ...] | Finding:
    """Return the middlewares to judge, or the finding that says why there are none."""
    judged = taken(route)
    if isinstance(judged, Finding):
        return judged
    return judged[0].lists or skip(f"{judged[1].ref} names no middleware.")


def _edit(item: AllowList) -> Remedy:
    kind, namespace, name = words_of(item.ref)
    return Remedy(
        text="Write addresses or CIDRs, one per entry: 203.0.113.7, 203.0.113.0/24. Names of hosts are not possible.",
        commands=(changes("kubectl", "-n", namespace, "edit", kind, name),),
        proof=get_middleware(item),
    )


@check(
    id="allow.middleware-missing",
    title="The middlewares that the TCP route names exist",
    step="allowlist",
    link=_LINK,
    causes=_COSTS,
)
def middleware_missing(route: TcpRoute | Unavailable) -> Iterator[Finding]:
    """A route that names one that does not exist is not built."""
    lists = _lists(route)
    if isinstance(lists, Finding):
        yield lists
        return
    gone = [item for item in lists if item.exists is False]
    odd = [item for item in lists if item.exists and not item.kind]
    unread = [item for item in lists if item.exists is None]
    for item in gone:
        yield _gone(item, route)
    for item in odd:
        yield fail(
            f"{item.ref} has no type that Traefik knows for TCP, so the route that names it is not built.",
            subject=item.ref,
            seen={"types": "ipAllowList, inFlightConn"},
            remedy=_edit(item),
        )
    if not gone and not odd and unread:
        grant = "Allow list on middlewaretcps (traefik.io)."
        yield unknown(f"{unread[0].ref} could not be read.", subject=unread[0].ref, enable_with=grant)
    elif not gone and not odd:
        yield ok(f"{', '.join(item.ref for item in lists)}: there.", subject=lists[0].ref)


def _gone(item: AllowList, route: TcpRoute | Unavailable) -> Finding:
    _, namespace, _ = words_of(item.ref)
    meant = None if isinstance(route, Unavailable) else route.entry.meant
    hint = f" Did you mean {item.near[0]}?" if item.near else ""
    named = meant.ref if meant else "The route"
    return fail(
        f"{named} names {item.ref}, which does not exist, so Traefik does not build the route.{hint}",
        subject=item.ref,
        seen={"nearest names": ", ".join(item.near) or "none"},
        remedy=Remedy(
            text="Correct the name in the route, or create the middleware: a MiddlewareTCP, not a Middleware.",
            commands=(
                look("kubectl", "-n", namespace, "get", "middlewaretcps"),
                *((changes("kubectl", "-n", meant.namespace, "edit", "ingressroutetcp", meant.name),) if meant else ()),
            ),
            proof=get_route(meant) if meant else None,
        ),
    )


@check(
    id="allow.invalid-cidr",
    title="Every entry of the allow list is an address or a CIDR",
    step="allowlist",
    link=_LINK,
    causes=_COSTS,
)
def invalid_cidr(route: TcpRoute | Unavailable) -> Iterator[Finding]:
    """One wrong entry costs the whole route."""
    lists = _lists(route)
    if isinstance(lists, Finding):
        yield lists
        return
    wrong = [item for item in lists if item.invalid]
    for item in wrong:
        shown = ", ".join(item.invalid[:5])
        yield fail(
            f"{item.ref} holds {shown}, which Traefik cannot read: it builds no route with it, and nobody gets in.",
            subject=item.ref,
            where=f"spec.{item.kind}.sourceRange",
            seen={"wrong entries": shown, "entries": str(len(item.ranges))},
            remedy=_edit(item),
        )
    if not wrong:
        yield ok("Traefik can read every entry.") if any(item.ranges for item in lists) else skip("No list to read.")


@check(
    id="allow.empty",
    title="The allow list is not empty",
    step="allowlist",
    link=_LINK,
    causes=_COSTS,
)
def empty(route: TcpRoute | Unavailable) -> Iterator[Finding]:
    """An empty list is no list: Traefik refuses to build it, and the route with it."""
    lists = _lists(route)
    if isinstance(lists, Finding):
        yield lists
        return
    bare = [item for item in lists if item.judges and not item.ranges]
    for item in bare:
        yield fail(
            f"{item.ref} lists nobody: Traefik builds no route with an empty sourceRange, and nobody gets in.",
            subject=item.ref,
            where=f"spec.{item.kind}.sourceRange",
            seen={"sourceRange": "empty"},
            remedy=_edit(item),
        )
    if not bare:
        judging = any(item.judges for item in lists)
        yield ok("The allow list has entries.") if judging else skip("The route has no allow list.")


@check(
    id="allow.old-name",
    title="The allow list has today's name",
    step="allowlist",
    link="allow list's name",
)
def old_name(route: TcpRoute | Unavailable) -> Iterator[Finding]:
    """``ipWhiteList`` is deprecated since Traefik 2.11, and still built."""
    lists = _lists(route)
    if isinstance(lists, Finding):
        yield lists
        return
    old = [item for item in lists if item.kind == "ipWhiteList"]
    for item in old:
        yield warn(
            f"{item.ref} is an ipWhiteList, which a later Traefik no longer knows; it then costs the whole route.",
            subject=item.ref,
            seen={"type": item.kind},
            remedy=Remedy(
                text="Rename the key to ipAllowList; what is in it stays as it is.",
                commands=(changes("kubectl", "-n", words_of(item.ref)[1], "edit", *_kind_and_name(item)),),
                proof=get_middleware(item),
            ),
        )
    if not old:
        yield ok("No ipWhiteList is used.")


def _kind_and_name(item: AllowList) -> tuple[str, str]:
    kind, _, name = words_of(item.ref)
    return kind, name
