"""Can a protocol in which the server speaks first pass the route as it is written?

Source: traefik pkg/server/router/tcp/router.go (ServeTCP: with any TLS or HTTPS route on the entry point, the first
bytes of the client are awaited), pkg/muxer/tcp (HostSNI).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    BackendView,
    DropReason,
    Finding,
    Remedy,
    SqlGreeting,
    SqlSpeaker,
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
from ingressdoctor_checks.sql_common import get_route, nc, taken, unseen

__all__ = ["bypasses_maxscale", "route_swallowed", "sni_without_tls"]

_LINK: Final = "entry point → route"
_NO_TLS: Final = "no TLS on router"


@check(
    id="sql.sni-without-tls",
    title="The route's rule suits a client that sends no name",
    step="entry",
    link=_LINK,
    causes=("sql.route-missing", "sql.route-swallowed", "mysql-silent", "mysql-closed"),
)
def sni_without_tls(target: Target, route: TcpRoute | Unavailable) -> Iterator[Finding]:
    """A MySQL client waits for the greeting, and even with TLS it sends no SNI before that."""
    judged = taken(route)
    if isinstance(judged, Finding):
        yield judged
        return
    _, meant = judged
    dropped = meant.dropped
    by_rule = dropped is not None and dropped.reason is DropReason.RULE
    if dropped is not None and by_rule and _NO_TLS not in dropped.detail:
        what = f"{meant.ref} has a rule that Traefik cannot use: {dropped.detail}"
    elif by_rule:
        what = f"{meant.ref} asks for a host name ({meant.rule}) without TLS, so Traefik does not build it"
    elif meant.tls:
        what = (
            f"{meant.ref} has a tls section, so Traefik waits for a TLS handshake that a MySQL client never starts with"
        )
    else:
        yield ok(f"The rule {meant.rule} asks for no name.", subject=meant.ref)
        return
    yield fail(
        f"{what}.",
        subject=meant.ref,
        where="match and tls of the IngressRouteTCP",
        seen={
            "rule": meant.rule,
            "tls": "yes" if meant.tls else "no",
            "Traefik says": dropped.detail if dropped else "",
        },
        remedy=Remedy(
            text="Write match: HostSNI(`*`) and no tls section; tell databases apart by port, not by name.",
            commands=(
                get_route(meant),
                changes("kubectl", "-n", meant.namespace, "edit", "ingressroutetcp", meant.name),
            ),
            proof=nc(target.hostname, target.port),
        ),
    )


@check(
    id="sql.route-swallowed",
    title="Nothing on the entry point waits for the client's first bytes",
    step="entry",
    link="entry point alone for MySQL",
    causes=("mysql-silent", "mysql-closed"),
)
def route_swallowed(target: Target, route: TcpRoute | Unavailable) -> Iterator[Finding]:
    """One route with TLS on the entry point is enough to keep every greeting away."""
    if isinstance(route, Unavailable):
        yield unseen(route)
        return
    entry = route.entry
    if not entry.entry_point:
        yield skip("The port leads to no entry point.")
        return
    meant = entry.meant
    eaters = [item for item in entry.eaters if meant is None or (item.ref, item.rule) != (meant.ref, meant.rule)]
    if not eaters:
        yield ok(f"Only plain TCP routes are on {entry.entry_point}.")
        return
    first = eaters[0]
    more = f" and {len(eaters) - 1} more" if len(eaters) > 1 else ""
    namespace, _, name = first.ref.partition(" ")[2].partition("/")
    kind = first.ref.partition(" ")[0].lower()
    yield fail(
        f"{first.ref}{more}, {first.kind}, is on the entry point {entry.entry_point}: Traefik waits there for the "
        "client's first bytes, and MySQL's client waits for the greeting.",
        subject=first.ref,
        where="routes on the entry point",
        seen={item.ref: f"{item.kind}: {item.rule}" for item in eaters[:5]},
        remedy=Remedy(
            text=(
                "Name the entry points of those routes (entryPoints: [websecure]); a route that names none is on all "
                "of them, unless one is marked asDefault."
            ),
            commands=(
                look("kubectl", "-n", namespace, "get", kind, name.partition("#")[0].split()[0], "-o", "yaml"),
                changes("kubectl", "-n", namespace, "edit", kind, name.partition("#")[0].split()[0]),
            ),
            proof=nc(target.hostname, target.port),
        ),
    )


@check(
    id="sql.bypasses-maxscale",
    title="The route leads to MaxScale, not past it",
    step="entry",
    link="route → MaxScale",
)
def bypasses_maxscale(
    route: TcpRoute | Unavailable, greeting: SqlGreeting | Unavailable, view: BackendView | Unavailable
) -> Iterator[Finding]:
    """MariaDB itself greets: its capabilities tell, whatever version is shown."""
    judged = taken(route)
    if isinstance(judged, Finding):
        yield judged
        return
    _, meant = judged
    images = _images(view)
    database = any("mariadb" in image or "mysql" in image for image in images)
    speaker = greeting.speaker if isinstance(greeting, SqlGreeting) else None
    if speaker in (SqlSpeaker.MAXSCALE, SqlSpeaker.MAXSCALE_ALONE) or any("maxscale" in image for image in images):
        yield ok("MaxScale takes the connections.", subject=meant.ref)
        return
    if speaker in (SqlSpeaker.MARIADB, SqlSpeaker.MYSQL) or database:
        yield warn(
            f"{meant.ref} leads straight to a database server, past MaxScale: after a failover it may be a replica.",
            subject=meant.ref,
            seen={
                "greets": speaker.value if speaker else "not seen",
                "Services": ", ".join(f"{item.ref.namespace}/{item.ref.name}" for item in meant.services),
                "images": ", ".join(images) or "not seen",
            },
            remedy=Remedy(
                text="Point the route at MaxScale's Service, if there is a MaxScale; each probe counts as an aborted "
                "handshake here.",
                commands=(get_route(meant), look("kubectl", "-n", meant.namespace, "get", "services")),
                proof=get_route(meant),
            ),
        )
        return
    if speaker is None and not images:
        reason = "neither a greeting nor the backend's pods were seen"
        yield unknown(f"Who takes the connections is not known: {reason}.", enable_with="Allow list on pods.")
        return
    yield skip("What takes the connections is neither MaxScale nor known to be a database server.")


def _images(view: BackendView | Unavailable) -> tuple[str, ...]:
    """Return the images of the backend's pods, without registry and tag, lower case."""
    pods = () if isinstance(view, Unavailable) else view.current_pods
    every = (container.image or "" for pod in pods for container in pod.containers)
    return tuple(dict.fromkeys(text.rpartition("/")[2].partition(":")[0].lower() for text in every if text))
