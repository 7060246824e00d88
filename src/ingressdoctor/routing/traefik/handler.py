"""Say who handles a connection on an entry point: a TCP router, the HTTP or the HTTPS routers, or nobody.

Traefik decides this before any HTTP rule is looked at, from what the client says first. What the client is answered
is ``answer.py``'s business.

Source: traefik: pkg/server/router/tcp/router.go (ServeTCP, clientHelloInfo), postgres.go (v3.7.9; v2.11 alike).
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from ingressdoctor.routing.traefik.sni_table import SniEntry, SniTable, build_sni_table
from ingressdoctor.routing.traefik.table import RouteTable
from ingressdoctor.routing.traefik.tcp_index import TcpIndex
from ingressdoctor.routing.traefik.tcp_matchers import ACME_PROTOCOL, Connection
from ingressdoctor.routing.traefik.tcp_rules import judge_tcp
from ingressdoctor.routing.traefik.tcp_table import TcpRouter, TcpTable
from ingressdoctor.routing.traefik.tls_options import DEFAULT_OPTION, TlsOptions

__all__ = ["EntryPointHandlers", "Handler", "HandlerDecision", "Speaks", "build_handlers", "select_handler"]


class Speaks(StrEnum):
    """What a client sends before it hears anything."""

    PLAIN = "bytes that are not TLS"
    TLS = "a TLS handshake"
    NOTHING = "nothing: it waits for the server"
    POSTGRES = "the PostgreSQL request for TLS"


class Handler(StrEnum):
    """Who takes the connection."""

    TCP = "TCP router"
    TCP_TLS = "TCP router behind Traefik's TLS"
    PASSTHROUGH = "TCP router, TLS passed through"
    HTTP = "HTTP routers"
    HTTPS = "HTTPS routers"
    ACME = "the ACME TLS challenge"
    CLOSED = "nobody: closed at once"
    STALLED = "nobody: closed after the read timeout"
    UNDECIDED = "not determined"


class HandlerDecision(msgspec.Struct, frozen=True, kw_only=True):
    """Who takes a connection, and why.

    ``router`` is set for the TCP handlers; ``sni`` is the claim of HTTPS routers that decided, ``tls_options`` the
    options of the handshake (several when not determined); ``hidden`` are TCP routers that match the connection too
    but are never asked; ``after_s`` is when a stalled connection is closed, None for never.
    """

    handler: Handler
    entry_point: str
    why: str
    router: TcpRouter | None = None
    sni: SniEntry | None = None
    tls_options: tuple[str, ...] = ()
    hidden: tuple[TcpRouter, ...] = ()
    after_s: float | None = 0.0
    limits: tuple[str, ...] = ()


class EntryPointHandlers(msgspec.Struct, frozen=True, kw_only=True):
    """Everything on one entry point that decides about a connection; ``limits`` says what could not be looked at.

    ``sanitizes`` tells that it cleans the paths of requests.
    """

    name: str
    plain: tuple[TcpRouter, ...]
    tls: tuple[TcpRouter, ...]
    sni: SniTable
    index: TcpIndex
    read_timeout_s: float = 60.0
    sanitizes: bool = True
    acme: bool = False
    postgres: bool = True
    limits: tuple[str, ...] = ()

    @property
    def reads_first(self) -> bool:
        """Whether Traefik waits for the client's first byte; fatal for protocols in which the server speaks first."""
        return not self.plain or bool(self.tls) or self.sni.has_routes

    @property
    def blockers(self) -> tuple[str, ...]:
        """The routers that make Traefik wait although a plain TCP router is there; each one is enough."""
        if not self.plain:
            return ()
        claims = (name for entry in self.sni.by_host.values() for name in entry.routers)
        return tuple(dict.fromkeys((*(router.name for router in self.tls), *claims)))


def build_handlers(table: RouteTable, tcp: TcpTable, options: TlsOptions, entry_point: str) -> EntryPointHandlers:
    """Gather what one entry point has; keep it for many connections."""
    static = table.static
    point = static.entry_point(entry_point)
    challenge = any(
        name.startswith("certificatesresolvers.") and ".acme.tlschallenge" in name for name in static.options
    )
    encrypted = tcp.tls.get(entry_point, ())
    return EntryPointHandlers(
        name=entry_point,
        plain=tcp.plain.get(entry_point, ()),
        tls=encrypted,
        index=TcpIndex.of(encrypted),
        sni=build_sni_table(table, options, entry_point),
        read_timeout_s=point.read_timeout_s if point else 60.0,
        sanitizes=static.enabled(f"entrypoints.{entry_point}.http.sanitizepath", default=True),
        acme=challenge and not static.enabled(f"entrypoints.{entry_point}.allowacmebypass"),
        postgres=table.version.major >= 3,
        limits=tuple(f"not read, could take it: {name}" for name in (*tcp.unread, *table.unread)),
    )


def select_handler(point: EntryPointHandlers, connection: Connection, speaks: Speaks) -> HandlerDecision:
    """Decide who takes a connection."""
    name = connection.server_name.strip().lower()
    seen = connection if name == connection.server_name else replace(connection, server_name=name)
    decision = _fast(point, seen) or _by_first_bytes(point, seen, speaks)
    return replace(decision, limits=(*decision.limits, *point.limits)) if point.limits else decision


def _fast(point: EntryPointHandlers, seen: Connection) -> HandlerDecision | None:
    """Decide without a byte from the client, which only an entry point with nothing but plain TCP routers allows."""
    if point.reads_first:
        return None
    found = _first(point.plain, Connection(client_ip=seen.client_ip))
    if found.router is None and not found.limits:
        return None
    return _tcp(point, found, "only plain TCP routers are on the entry point, so no byte is awaited")


def _by_first_bytes(point: EntryPointHandlers, seen: Connection, speaks: Speaks) -> HandlerDecision:
    if speaks is Speaks.NOTHING:
        return _stalled(point)
    if speaks is Speaks.TLS:
        return _encrypted(point, seen)
    if speaks is Speaks.POSTGRES and point.postgres:
        return _postgres(point, seen)
    found = _first(point.plain, Connection(client_ip=seen.client_ip))
    if found.router is not None or found.limits:
        return _tcp(point, found, "a TCP router without TLS comes before all HTTP routers")
    return _decided(point, Handler.HTTP, "it is no TLS, and no TCP router without TLS matches")


def _stalled(point: EntryPointHandlers) -> HandlerDecision:
    others = ", ".join(point.blockers[:3])
    reason = f"the entry point also serves {others}" if others else "no plain TCP router takes such connections here"
    waits = point.read_timeout_s or None
    return replace(
        _decided(point, Handler.STALLED, f"Traefik waits for the client to speak first: {reason}"), after_s=waits
    )


def _postgres(point: EntryPointHandlers, seen: Connection) -> HandlerDecision:
    found = _first(point.index.candidates(seen.server_name), seen)
    if found.router is None and not found.limits:
        return _decided(point, Handler.CLOSED, "no TCP router with TLS matches the PostgreSQL connection")
    return _tcp(point, found, "PostgreSQL asked for TLS")


def _encrypted(point: EntryPointHandlers, seen: Connection) -> HandlerDecision:
    """Decide about a TLS handshake, in Traefik's order."""
    if point.acme and ACME_PROTOCOL in seen.protocols:
        return _decided(point, Handler.ACME, "the handshake is an ACME TLS challenge")
    claims = point.sni.find(seen.server_name)
    found = _first(point.index.candidates(seen.server_name), seen)
    last_resort = found.router is not None and found.router.rule.catch_all
    wanted = bool(found.limits) if found.router is None else not last_resort
    if claims and not (claims[0].catch_all and wanted):
        decision = _https(point, claims, seen)
        return replace(decision, hidden=(found.router,)) if found.router else decision
    if found.router is not None or found.limits:
        why = "no HTTPS router is without a host, so HostSNI(`*`) takes what is left"
        return _tcp(point, found, why if last_resort else "no HTTPS router names this host")
    return _default_https(point)


def _https(point: EntryPointHandlers, claims: tuple[SniEntry, ...], seen: Connection) -> HandlerDecision:
    entry = claims[0]
    shown = seen.server_name or "no SNI"
    why = "some HTTPS router has no host" if entry.catch_all else f"an HTTPS router names {shown}"
    options = tuple(dict.fromkeys([option for claim in claims for option in claim.options]))
    return _with_options(point, Handler.HTTPS, why, options, tuple([claim.broken for claim in claims]), entry)


def _default_https(point: EntryPointHandlers) -> HandlerDecision:
    why = "nothing names this host; HTTPS answers with the default certificate"
    return _with_options(point, Handler.HTTPS, why, (DEFAULT_OPTION,), (point.sni.default_broken,), None)


def _with_options(
    point: EntryPointHandlers,
    handler: Handler,
    why: str,
    options: tuple[str, ...],
    problems: tuple[str | None, ...],
    entry: SniEntry | None = None,
) -> HandlerDecision:
    broken = [problem for problem in problems if problem]
    if broken and len(broken) == len(problems):
        return replace(_decided(point, Handler.CLOSED, broken[0]), sni=entry, tls_options=options)
    limits: tuple[str, ...] = ()
    if len(options) > 1 or broken:
        limits = (f"which TLS options the handshake gets is not determined: {', '.join(options)}",)
    elif None in problems and options != (DEFAULT_OPTION,):
        limits = (f"the TLS options {', '.join(options)} were not read",)
    return HandlerDecision(
        handler=handler, entry_point=point.name, why=why, sni=entry, tls_options=options, limits=limits
    )


def _tcp(point: EntryPointHandlers, found: _Match, why: str) -> HandlerDecision:
    router = found.router
    if router is None or found.tied:
        return replace(_decided(point, Handler.UNDECIDED, "; ".join(found.limits)), limits=found.limits)
    handler, options = Handler.TCP, (router.tls_options,) if router.tls_options else ()
    if router.passthrough:
        handler = Handler.PASSTHROUGH
    elif router.tls:
        handler = Handler.CLOSED if router.broken_options else Handler.TCP_TLS
    said = router.broken_options or f"{why}: {found.why}"
    return replace(_decided(point, handler, said), router=router, tls_options=options, limits=found.limits)


def _decided(point: EntryPointHandlers, handler: Handler, why: str) -> HandlerDecision:
    return HandlerDecision(handler=handler, entry_point=point.name, why=why)


class _Match(msgspec.Struct, frozen=True):
    """The first router that matches; ``limits`` say what could come before it, ``tied`` that an equal one may win."""

    router: TcpRouter | None
    why: str = ""
    limits: tuple[str, ...] = ()
    tied: bool = False


def _first(routers: Iterable[TcpRouter], seen: Connection) -> _Match:
    limits: list[str] = []
    winner: TcpRouter | None = None
    why = ""
    for router in routers:
        if winner is not None and router.priority < winner.priority:
            break
        verdict = judge_tcp(router.rule, seen)
        if verdict.matches is False:
            continue
        if winner is not None:
            if router.services == winner.services and router.middlewares == winner.middlewares:
                continue
            tie = f"equal priority {winner.priority}: {winner.name} and {router.name}; Traefik may take either"
            return _Match(winner, why, (*limits, tie), tied=True)
        if verdict.matches is None:
            limits.append(f"{router.ref} may take it: {verdict.why}")
            continue
        winner, why = router, verdict.why
    return _Match(winner, why, tuple(limits))
