"""Which TCP routers lose connections to each other, or to HTTPS routers, on one entry point. No I/O.

Compared are rules that are made of HostSNI alone, joined by "or": what they match is certain. Of others (ClientIP,
ALPN, regular expressions) nothing is said. Who takes a connection is the model's business (``routing/traefik/``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from ingressdoctor.evidence.route_view import Clash, ClashKind
from ingressdoctor.routing.traefik.answer import AnswerModel
from ingressdoctor.routing.traefik.handler import EntryPointHandlers, Handler, Speaks, select_handler
from ingressdoctor.routing.traefik.table import LiveRouter
from ingressdoctor.routing.traefik.tcp_matchers import Connection
from ingressdoctor.routing.traefik.tcp_table import TcpRouter

__all__ = ["tcp_clashes"]

_ARGUMENT: Final = r"\s*(?:`[^`]*`|\"[^\"]*\")\s*"
_HOSTS: Final = re.compile(rf"HostSNI\({_ARGUMENT}(?:,{_ARGUMENT})*\)", re.IGNORECASE)
_JOINS: Final = frozenset("()| \t\n")
_LONGEST: Final = 20_000
_MOST: Final = 20_000


def tcp_clashes(model: AnswerModel, live: Sequence[LiveRouter]) -> Iterator[Clash]:
    """Yield what TCP routers lose to each other, and to HTTPS routers."""
    titles = {item.draft.name: (item.draft.ref, item.draft.rule, item.priority) for item in live}
    for name, point in model.points.items():
        for group in (point.plain, point.tls):
            yield from _among(name, group)
        yield from _behind_https(name, point, titles)


def _among(point: str, routers: Sequence[TcpRouter]) -> Iterator[Clash]:
    """Compare the routers of one kind; of more than twenty thousand none, lest it take minutes."""
    every = [(router, _names(router)) for router in routers[:_MOST]]
    by_host: dict[str, list[TcpRouter]] = {}
    for router, hosts in every:
        for host in hosts:
            by_host.setdefault(host, []).append(router)
    for router, hosts in every:
        if router.rule.never:
            yield _clash(ClashKind.NEVER_MATCHES, point, router, None, router.rule.never)
            continue
        yield from _of_router(point, router, hosts, by_host)


def _of_router(
    point: str, router: TcpRouter, hosts: tuple[str, ...], by_host: dict[str, list[TcpRouter]]
) -> Iterator[Clash]:
    taken: dict[str, TcpRouter] = {}
    ties: dict[str, tuple[TcpRouter, str]] = {}
    for host in hosts:
        others = [item for item in _matching(host, by_host) if item is not router]
        first = next((item for item in others if item.priority > router.priority), None)
        if first is not None:
            taken[host] = first
        for item in others:
            if item.priority == router.priority and item.name > router.name:
                ties.setdefault(item.name, (item, host))
    if taken:
        host, by = next(iter(taken.items()))
        whole = len(taken) == len(hosts)
        kind = ClashKind.UNREACHABLE if whole else ClashKind.PARTLY_SHADOWED
        names = ", ".join(list(taken)[:3])
        yield _clash(kind, point, router, by, f"connections for {names} are taken by a router of higher priority", host)
        return
    for item, host in ties.values():
        why = f"both match connections for {host} with the same priority: which one wins may change at each reload"
        yield _clash(ClashKind.TIE, point, router, item, why, host)


def _names(router: TcpRouter) -> tuple[str, ...]:
    """Return the hosts of a rule that consists of HostSNI alone; none for another."""
    text = router.text
    if len(text) > _LONGEST or not _JOINS.issuperset(_HOSTS.sub("", text)):
        return ()
    return tuple(dict.fromkeys(router.rule.hosts))


def _matching(host: str, by_host: dict[str, list[TcpRouter]]) -> Iterator[TcpRouter]:
    """Yield the routers that surely match all connections for a host: by the same name, a wildcard over it, or any."""
    wildcard = "*." + host.partition(".")[2]
    for name in dict.fromkeys((host, wildcard, "*") if host != "*" else ("*",)):
        yield from by_host.get(name, ())


def _behind_https(name: str, point: EntryPointHandlers, titles: Mapping[str, tuple[str, str, int]]) -> Iterator[Clash]:
    """Yield the TCP routers whose hosts HTTPS routers claim: those are asked first."""
    for router in point.tls[:_MOST]:
        hosts = _names(router)
        taken = {host: claim for host in hosts if (claim := _claimed(point, host))}
        if taken:
            host, claim = next(iter(taken.items()))
            kind = ClashKind.UNREACHABLE if len(taken) == len(hosts) else ClashKind.PARTLY_SHADOWED
            why = f"an HTTPS route claims {host} on this entry point, and those are asked before TCP routes"
            found = _clash(kind, name, router, None, why, host)
            by, rule, priority = titles.get(claim, (claim, "", 0))
            yield replace(found, by=by, by_rule=rule, by_priority=priority)


def _claimed(point: EntryPointHandlers, host: str) -> str:
    """Return the HTTPS router that takes connections for a host, empty where none does."""
    if "*" in host or host not in point.sni.by_host:
        return ""
    decision = select_handler(point, Connection(server_name=host), Speaks.TLS)
    claim = point.sni.by_host[host].routers
    return claim[0] if decision.handler is Handler.HTTPS and claim else ""


def _clash(kind: ClashKind, point: str, router: TcpRouter, by: TcpRouter | None, why: str, host: str = "") -> Clash:
    return Clash(
        kind=kind,
        host="" if host == "*" else host,
        route=router.ref,
        rule=router.text,
        priority=router.priority,
        entry_points=(point,),
        why=why,
        by=by.ref if by is not None else "",
        by_rule=by.text if by is not None else "",
        by_priority=by.priority if by is not None else 0,
        example=f"a connection with the server name {host}" if host not in ("", "*") else "",
    )
