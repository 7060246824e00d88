"""What the checks of raw MySQL share: the route that is meant, whom its lists refuse, the commands that show them.

Holds no check and judges nothing.
"""

from __future__ import annotations

from typing import Final

from ingressdoctor.api import (
    AllowList,
    Command,
    Controller,
    Finding,
    Inapplicable,
    SeenAs,
    TcpRoute,
    Unavailable,
    WrittenRoute,
    look,
    skip,
    unknown,
)

__all__ = [
    "GRANT",
    "get_middleware",
    "get_route",
    "keeps_us_out",
    "nc",
    "restricts",
    "show_args",
    "taken",
    "unseen",
    "words_of",
]

GRANT: Final = "Allow list on ingressroutetcps, middlewaretcps and serverstransporttcps (traefik.io)."


def taken(route: TcpRoute | Unavailable) -> tuple[TcpRoute, WrittenRoute] | Finding:
    """Return the way of the connection and the route that is meant for it, or the finding that says why there is none.

    A port without any route is judged by ``sql.route-missing`` alone.
    """
    if isinstance(route, Unavailable):
        return unseen(route)
    meant = route.entry.meant
    return (route, meant) if meant is not None else skip("No IngressRouteTCP seems to be meant for this port.")


def unseen(gap: Unavailable) -> Finding:
    """Say that there is no TCP route to look at, or why it could not be looked at."""
    if isinstance(gap, Inapplicable):
        return skip(f"There is no TCP route to look at: {gap.reason}.")
    return unknown(f"The TCP route could not be looked at: {gap.reason}.", enable_with=gap.enable_with or GRANT)


def restricts(item: AllowList) -> bool:
    """Tell whether a middleware lets only some addresses through."""
    return item.judges and bool(item.ranges) and not item.invalid and not item.open_to_world


def keeps_us_out(route: TcpRoute | Unavailable) -> str:
    """Return the allow list that may close this machine's connections, empty where none can be the reason.

    Where the client of --client-ip is not listed either, this machine sees what that client gets.
    """
    if isinstance(route, Unavailable) or route.entry.winner is None:
        return ""
    lists = [item for item in route.lists if restricts(item)]
    by_own = route.seen.kind in (SeenAs.CLIENT, SeenAs.UNKNOWN)
    if not by_own or any(item.lets_client is False for item in lists):
        return ""
    return lists[0].ref if lists else ""


def words_of(ref: str) -> tuple[str, str, str]:
    """Turn ``MiddlewareTCP shop/office`` into (kind as kubectl takes it, namespace, name)."""
    kind, _, rest = ref.partition(" ")
    namespace, _, name = rest.partition("/")
    return kind.lower(), namespace, name


def get_middleware(item: AllowList) -> Command:
    """Return the command that shows a middleware."""
    kind, namespace, name = words_of(item.ref)
    return look("kubectl", "-n", namespace, "get", kind, name, "-o", "yaml")


def get_route(route: WrittenRoute) -> Command:
    """Return the command that shows an IngressRouteTCP."""
    return look("kubectl", "-n", route.namespace, "get", "ingressroutetcp", route.name, "-o", "yaml")


def show_args(controller: Controller) -> Command:
    """Return the command that shows how Traefik is started."""
    args = "jsonpath={.items[0].spec.containers[0].args}"
    labels = "app.kubernetes.io/name=traefik"
    return look("kubectl", "-n", controller.namespace, "get", "pods", "-l", labels, "-o", args)


def nc(host: str, port: int) -> Command:
    """Return the command that shows a port's first bytes."""
    return look("nc", "-w", "10", host, str(port))
