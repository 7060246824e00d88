"""Do load balancer, entry point and backend agree about the PROXY protocol, hop by hop?

In a protocol in which the server speaks first, a header that is awaited and does not come keeps the greeting back for
a minute, and a header that nobody takes off comes to the database as data.
Source: traefik pkg/server/server_entrypoint_tcp.go, pkg/tcp/dialer.go; pires/go-proxyproto; how MaxScale 23.08 and
24.02 and MariaDB 10.11 and 11.8 answer a header was observed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    Command,
    Controller,
    Finding,
    LoadBalancerLookup,
    Remedy,
    ServerError,
    SqlGreeting,
    SqlLogin,
    Target,
    TcpRoute,
    Unavailable,
    WrittenRoute,
    WrittenService,
    changes,
    check,
    fail,
    look,
    ok,
    skip,
    unknown,
    warn,
)
from ingressdoctor_checks.balancer_common import PREFIX, describe, managed
from ingressdoctor_checks.sql_common import get_route, nc, show_args, taken, unseen

__all__ = ["proxy_mismatch", "proxy_overridden", "proxy_to_maxscale", "refused_header"]

_KEY: Final = f"{PREFIX}uses-proxyprotocol"
_BY_ADDRESS: Final = frozenset({1045, 1130})
_REFUSALS: Final = frozenset({1130, 1156, 1105})
_SETTING: Final = "Set HCLOUD_TOKEN, so that the load balancer's PROXY setting can be read."


def refused_header(greeting: SqlGreeting | Unavailable) -> ServerError | None:
    """Return the error that came unasked right after the greeting, as a PROXY header in the data brings it about."""
    second = greeting.second if isinstance(greeting, SqlGreeting) else None
    return second if second is not None and second.errno in _REFUSALS else None


@check(
    id="sql.proxy-mismatch",
    title="Load balancer and entry point agree about the PROXY protocol",
    step="entry",
    link="LB → entry point (PROXY)",
    causes=(
        "allow.sees-wrong-address",
        "mysql-silent",
        "mysql-late",
        "mysql-closed",
        "mysql-1130",
        "mysql-1156",
        "mysql-error",
    ),
)
def proxy_mismatch(
    target: Target,
    route: TcpRoute | Unavailable,
    controller: Controller,
    lookup: LoadBalancerLookup | Unavailable,
    greeting: SqlGreeting | Unavailable,
) -> Iterator[Finding]:
    """Both on or both off; anything else keeps the greeting back or spoils the login."""
    if isinstance(route, Unavailable):
        yield unseen(route)
        return
    point, expects, sends = route.entry.path.entry_point, route.expects_header is not None, route.sends_header
    if point is None:
        yield skip("The port leads to no entry point.")
        return
    seen = {
        "load balancer sends": {True: "yes", False: "no", None: "not known"}[sends],
        "said by": route.header_source,
        f"entryPoints.{point.name}.proxyProtocol": ", ".join(route.expects_header or ()) or "off",
    }
    switch = _switch(lookup, controller, target.port, "true" if expects else "false")
    if sends is None or (sends and not expects and controller.static.unreadable):
        gap = controller.static.unreadable if sends else route.header_source
        yield unknown(f"Whether both sides agree about the PROXY protocol is not known: {gap}.", enable_with=_SETTING)
    elif sends and not expects:
        yield _polluted(target, route, (show_args(controller), *switch), seen, refused_header(greeting))
    elif expects and not sends:
        wait = f"{point.read_timeout_s:g} s" if point.read_timeout_s else "ever"
        yield fail(
            f"The entry point {point.name} waits for a PROXY header that the load balancer does not send: clients see "
            f"no greeting for {wait}.",
            subject=f"entry point {point.name}",
            where="PROXY protocol on both sides",
            seen=seen,
            remedy=Remedy(
                text="Let the load balancer send it (the annotation is for all ports of the Service), or take "
                f"proxyProtocol off the entry point {point.name}.",
                commands=(show_args(controller), *switch),
                proof=nc(target.hostname, target.port),
            ),
        )
    else:
        how = "speak" if sends else "do without"
        yield ok(f"Load balancer and entry point {point.name} both {how} the PROXY protocol.", seen=seen)


def _polluted(
    target: Target,
    route: TcpRoute,
    commands: tuple[Command, ...],
    seen: dict[str, str],
    refusal: ServerError | None,
) -> Finding:
    point = route.entry.entry_point
    said = {"came after the greeting": f"{refusal.errno} {refusal.text}"} if refusal else {}
    return fail(
        f"The load balancer sends the PROXY protocol, and the entry point {point} does not expect it: the header comes "
        "to the backend as data, and every login fails.",
        subject=f"entry point {point}",
        where="PROXY protocol on both sides",
        seen=seen | said,
        remedy=Remedy(
            text=f"Let the entry point expect it (--entryPoints.{point}.proxyProtocol.trustedIPs= with the peers' "
            "range), or stop sending it; the annotation is for all ports of the Service.",
            commands=commands,
            proof=nc(target.hostname, target.port),
        ),
    )


def _switch(
    lookup: LoadBalancerLookup | Unavailable, controller: Controller, port: int, value: str
) -> tuple[Command, ...]:
    found, service = (None if isinstance(lookup, Unavailable) else lookup.found), controller.service
    if service is not None and (found is None or managed(found, service)):
        words = ("annotate", "service", service.name, f"{_KEY}={value}", "--overwrite")
        return (changes("kubectl", "-n", service.namespace, *words),)
    if found is None:
        return ()
    flags = ("--listen-port", str(port), f"--proxy-protocol={value}")
    return (describe(found), changes("hcloud", "load-balancer", "update-service", found.name, *flags))


@check(
    id="sql.proxy-to-maxscale",
    title="The backend takes the PROXY header that Traefik sends",
    step="entry",
    link="Traefik → MaxScale (PROXY)",
    causes=("mysql-1130", "mysql-1156", "mysql-error", "mysql-1045"),
)
def proxy_to_maxscale(
    target: Target, route: TcpRoute | Unavailable, greeting: SqlGreeting | Unavailable
) -> Iterator[Finding]:
    """A header that the listener does not expect brings an error right after the greeting."""
    judged = taken(route)
    if isinstance(judged, Finding):
        yield judged
        return
    route, meant = judged
    service = next((item for item in meant.services if item.proxy_version != 0), None)
    if service is None:
        yield ok("Traefik sends no PROXY header to the backend.", subject=meant.ref)
        return
    refusal = refused_header(greeting)
    if service.proxy_version is None:
        yield unknown(
            f"Whether Traefik sends a PROXY header to {_name(service)} is not known: ServersTransportTCP "
            f"{service.transport} was not read.",
            enable_with="Allow list on serverstransporttcps (traefik.io).",
        )
    elif refusal is not None and not (route.sends_header and route.expects_header is None):
        yield _refused(target, meant, service, refusal)
    elif isinstance(greeting, SqlGreeting) and greeting.greeting is not None and greeting.second is None:
        yield ok(f"{_name(service)} takes the PROXY header (version {service.proxy_version}).", subject=meant.ref)
    else:
        yield skip("No greeting came by which it could be told whether the header is taken.")


def _name(service: WrittenService) -> str:
    return f"Service {service.ref.namespace}/{service.ref.name}"


def _refused(target: Target, meant: WrittenRoute, service: WrittenService, refusal: ServerError) -> Finding:
    return fail(
        f"{meant.ref} sends the PROXY protocol to {_name(service)}, which does not accept it: error {refusal.errno} "
        "follows right after the greeting.",
        subject=meant.ref,
        where="the second packet, unasked",
        seen={
            "error": f"{refusal.errno} {refusal.text}",
            "packet number": str(refusal.sequence),
            "PROXY version": str(service.proxy_version),
        },
        remedy=Remedy(
            text="Let MaxScale's listener accept it (proxy_protocol_networks = the network of Traefik's pods; "
            "operator: spec.services[].listener.params), or take proxyProtocol off the route's service.",
            commands=(
                get_route(meant),
                look("kubectl", "-n", service.ref.namespace, "get", "maxscales", "-o", "yaml"),
                changes("kubectl", "-n", meant.namespace, "edit", "ingressroutetcp", meant.name),
            ),
            proof=nc(target.hostname, target.port),
        ),
    )


@check(
    id="sql.proxy-overridden",
    title="What the route says of the PROXY protocol counts",
    step="entry",
    link="route → transport",
    causes=(
        "mxs.host-pattern",
        "mxs.user-unknown",
        "mysql.wrong-password",
        "mysql.user-missing",
        "mysql.host-not-allowed",
        "mysql-1045",
        "mysql-1130",
    ),
)
def proxy_overridden(route: TcpRoute | Unavailable, login: SqlLogin | Unavailable) -> Iterator[Finding]:
    """A serversTransport makes the service's own proxyProtocol void since Traefik 3.5.2.

    MaxScale then sees Traefik's address: a failure where a login is refused, else a warning.
    """
    judged = taken(route)
    if isinstance(judged, Finding):
        yield judged
        return
    _, meant = judged
    found = [item for item in meant.services if item.overridden]
    refused = isinstance(login, SqlLogin) and login.error is not None and login.error.errno in _BY_ADDRESS
    say = fail if refused else warn
    for item in found:
        real = f"version {item.proxy_version}" if item.proxy_version else "no header at all"
        namespace, name = item.ref.namespace, item.transport.partition("@")[0]
        yield say(
            f"{meant.ref} asks for the PROXY protocol (version {item.asked_version}) towards {_name(item)}, but its "
            f"serversTransport {item.transport} decides: {real} is sent.",
            subject=meant.ref,
            seen={"proxyProtocol of the service": str(item.asked_version), "serversTransport": item.transport},
            remedy=Remedy(
                text="Set spec.proxyProtocol.version on the ServersTransportTCP, and take it off the route.",
                commands=(
                    look("kubectl", "-n", namespace, "get", "serverstransporttcp", name, "-o", "yaml"),
                    changes("kubectl", "-n", namespace, "edit", "serverstransporttcp", name),
                ),
                proof=get_route(meant),
            ),
        )
    if not found:
        yield ok("No transport overrides what the route says.", subject=meant.ref)
