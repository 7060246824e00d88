"""Does MaxScale take connections: does the listener of the port run, is there room, does its release read the header?

Source: MaxScale server/core/listener.cc and service.cc, MXS-5132 and MXS-5159; observed on 23.08 and 24.02.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    Clock,
    Command,
    DatabaseObjects,
    Finding,
    LoggedSignature,
    MaxScaleInstance,
    MaxScaleLogs,
    MaxScaleState,
    Remedy,
    Unavailable,
    check,
    fail,
    ok,
    skip,
    warn,
)
from ingressdoctor_checks.maxscale_common import (
    LOGIN,
    STEP,
    Seen,
    corrected_in,
    log_command,
    logged,
    maxctrl,
    maxctrl_changes,
    minutes_ago,
    seen_of,
    subject,
    users_command,
)
from ingressdoctor_checks.maxscale_status import listeners_by_status

__all__ = ["limits", "listener_stopped", "version_bug"]

_LISTENERS: Final = "MaxScale's REST API: GET /v1/listeners and /v1/services"
_LINK: Final = "Traefik → MaxScale"
_FULL: Final = {
    "1040": "the server's max_connections is used up",
    "1203": "the server's max_user_connections is used up",
    "1226": "the account's own limit is used up (the operator gives each User 10 connections unless told otherwise)",
}
_RECENT_MIN: Final = 10.0
_NEARLY: Final = 0.8


@check(
    id="mxs.listener-stopped",
    title="MaxScale's listener takes connections",
    step=STEP,
    link=_LINK,
    causes=("mysql-silent", "mysql-refused", "mysql-closed"),
)
def listener_stopped(state: MaxScaleState | Unavailable, objects: DatabaseObjects | Unavailable) -> Iterator[Finding]:
    """The kernel still completes handshakes for a stopped listener, and a Ready pod says nothing about it."""
    seen = seen_of(state)
    if isinstance(seen, Finding):
        yield listeners_by_status(objects, seen)
        return
    port = seen.state.port
    if port is None:
        yield skip("Which port connections arrive at is not known.")
        return
    idle = [(item, reason) for item in seen.instances if (reason := _idle(item, port))]
    if not idle:
        listener = seen.first.listener_on(port)
        name = listener.name if listener is not None else ""
        yield ok(f"The listener {name} takes connections on port {port}.", subject=subject(seen.state))
        return
    item, reason = idle[0]
    yield (fail if len(idle) == len(seen.instances) else warn)(
        f"{reason} in {item.place}.",
        subject=subject(seen.state),
        where=_LISTENERS,
        seen={
            **{f"{one.name} (port {one.port})": one.state for one in item.listeners[:10]},
            **{f"service {one.name}": one.state for one in item.services[:10]},
        },
        remedy=Remedy(
            text="Start it; a stopped service stops its listeners. Connections that wait are then served. Look for "
            f"suspend: true in the resource, or somebody undoes it again. {LOGIN}",
            commands=_starting(seen, item, port),
            proof=maxctrl(seen.state, "list", "listeners"),
        ),
    )


def _idle(item: MaxScaleInstance, port: int) -> str:
    """Return why nobody takes connections on a port, as a clause; empty when somebody does."""
    listener = item.listener_on(port)
    if listener is None:
        return f"No listener of MaxScale is on port {port}" if item.listeners else ""
    if not listener.running:
        late = ": connections are accepted and never answered," if listener.state == "Stopped" else ""
        state = listener.state.lower() or "not running"
        return f"MaxScale's listener {listener.name} on port {port} is {state}{late}"
    service = item.service_of(listener)
    if service is not None and not service.started:
        return f"MaxScale's service {service.name} behind the listener on port {port} is {service.state.lower()}"
    return ""


def _starting(seen: Seen, item: MaxScaleInstance, port: int) -> tuple[Command, ...]:
    listener = item.listener_on(port)
    if listener is None:
        return (maxctrl(seen.state, "list", "listeners"),)
    service = item.service_of(listener)
    if service is not None and not service.started:
        return (maxctrl_changes(seen.state, "start", "service", service.name),)
    return (maxctrl_changes(seen.state, "start", "listener", listener.name),)


@check(
    id="mxs.limits",
    title="There is room for more connections",
    step=STEP,
    link=_LINK,
    causes=("mysql-1040", "mysql-closed-after-ok", "mysql-error"),
)
def limits(state: MaxScaleState | Unavailable, logs: MaxScaleLogs | Unavailable, clock: Clock) -> Iterator[Finding]:
    """A service's own limit answers in place of the greeting; limits behind it close the connection after the login."""
    refused = [line for line in logged(logs, "login-refused-behind") if line.fields.get("errno") in _FULL]
    if refused:
        yield _refused(state, refused[0], clock)
    seen = seen_of(state)
    if isinstance(seen, Finding):
        if not refused:
            known = not isinstance(logs, Unavailable)
            yield ok("No login was refused for want of room in the last hour.") if known else seen
        return
    rooms = sorted((room for item in seen.instances for room in _rooms(item)), key=lambda room: room[1])
    fullest = {name: (name, used, most) for name, used, most in rooms}
    tight = [room for room in fullest.values() if room[1] >= _NEARLY * room[2]]
    for name, used, most in tight:
        yield (fail if used >= most else warn)(
            f"{name} has {used} of at most {most} connections{'' if used < most else ': nobody else gets in'}.",
            subject=subject(seen.state),
            where=_LISTENERS,
            seen={"connections": str(used), "limit": str(most)},
            remedy=Remedy(
                text=f"Find out who keeps them open (a pool without a limit) before the limit is raised. {LOGIN}",
                commands=(maxctrl(seen.state, "list", "sessions"), maxctrl(seen.state, "list", "services")),
                proof=maxctrl(seen.state, "list", "services"),
            ),
        )
    if not tight and not refused:
        yield ok("There is room for more connections.", subject=subject(seen.state))


def _rooms(item: MaxScaleInstance) -> Iterator[tuple[str, int, int]]:
    """Yield what has a limit: its name, the connections it has, and the limit."""
    for service in item.services:
        if service.limit > 0:
            yield f"MaxScale's service {service.name}", service.connections, service.limit
    for server in item.servers:
        if server.limit > 0:
            yield f"The server {server.name} of MaxScale", server.connections, server.limit


def _refused(state: MaxScaleState | Unavailable, line: LoggedSignature, clock: Clock) -> Finding:
    age = minutes_ago(line, clock)
    errno = line.fields.get("errno", "")
    namespace = state.namespace if isinstance(state, MaxScaleState) else "NAMESPACE"
    when = f"{line.when[:19]} UTC" if line.when else "in the last hour"
    return (warn if age is not None and age > _RECENT_MIN else fail)(
        f"The server {line.fields.get('server', '')} refused logins that MaxScale had accepted ({errno}, last {when}): "
        f"{_FULL[errno]}.",
        subject=subject(state) if isinstance(state, MaxScaleState) else "MaxScale",
        where=f"the log of {line.pod}",
        seen={"log": line.line, "times": str(line.count)},
        remedy=Remedy(
            text="Close what the client does not need, or raise the limit: maxUserConnections of the User for 1226, "
            "max_connections of MariaDB for 1040.",
            commands=(log_command(namespace, line.pod), users_command(namespace)),
            proof=log_command(namespace, line.pod),
        ),
    )


@check(
    id="mxs.version-bug",
    title="MaxScale's release takes the PROXY header for matching accounts",
    step=STEP,
    link=_LINK,
    causes=("mxs.host-pattern", "mysql-1045"),
)
def version_bug(state: MaxScaleState | Unavailable) -> Iterator[Finding]:
    """Older releases accept the header, show its address, and then match accounts by that of the sender (MXS-5159)."""
    seen = seen_of(state)
    if isinstance(seen, Finding):
        yield seen
        return
    listener = seen.first.listener_on(seen.state.port or 0)
    networks = listener.proxy_networks if listener is not None else ""
    version = seen.first.version
    better = corrected_in(version)
    if not networks:
        yield skip("The listener expects no PROXY header.")
    elif not better:
        yield ok(
            f"MaxScale {version} matches accounts by the address of the PROXY header.", subject=subject(seen.state)
        )
    else:
        yield warn(
            f"MaxScale {version} accepts the PROXY header and does not use its address to match accounts: accounts of "
            "single hosts are refused with 1045.",
            subject=subject(seen.state),
            where="MaxScale's REST API: GET /v1/maxscale",
            seen={"version": version, "proxy_protocol_networks": networks},
            remedy=Remedy(
                text=f"Take release {better} or later (MXS-5159); until then accounts "
                "must match the address that sends the header.",
                commands=(maxctrl(seen.state, "show", "maxscale"),),
                proof=maxctrl(seen.state, "show", "maxscale"),
            ),
        )
