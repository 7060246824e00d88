"""Does MaxScale see its servers: do they run, is one of them the primary?

By the REST API of each instance, else by what the operator's status shows of trouble.
Source: MaxScale server/core/target.cc (states), failure modes observed on 23.08 and 24.02.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    Command,
    DatabaseObjects,
    Finding,
    MaxScaleInstance,
    MaxScaleLogs,
    MaxScaleServer,
    MaxScaleState,
    Remedy,
    Unavailable,
    check,
    fail,
    look,
    ok,
    skip,
    warn,
)
from ingressdoctor_checks.backend_common import many
from ingressdoctor_checks.maxscale_common import (
    LINK,
    LOGIN,
    SERVERS,
    STEP,
    Seen,
    log_command,
    logged,
    maxctrl,
    maxctrl_changes,
    of_all,
    seen_of,
    subject,
)
from ingressdoctor_checks.maxscale_status import master_by_status, servers_by_status

__all__ = ["no_master", "servers_down"]

_READS_GO_ON: Final = ("fail_on_write", "error_on_write")


@check(
    id="mxs.servers-down",
    title="MaxScale reaches its MariaDB servers",
    step=STEP,
    link=LINK,
    causes=(
        "mxs.never-connected",
        "mxs.no-master",
        "mxs.users-stale",
        "op.mariadb-not-ready",
        "op.maxscale-not-ready",
        "mysql-1045",
        "mysql-1815",
        "mysql-closed-after-ok",
    ),
)
def servers_down(
    state: MaxScaleState | Unavailable, objects: DatabaseObjects | Unavailable, logs: MaxScaleLogs | Unavailable
) -> Iterator[Finding]:
    """A server is Down while the monitor cannot connect to it."""
    seen = seen_of(state)
    if isinstance(seen, Finding):
        yield servers_by_status(objects, seen)
        return
    blind, everywhere = of_all(seen.instances, lambda item: not any(server.running for server in item.servers))
    if not blind:
        yield from (_single(seen, server) for server in seen.first.servers if not server.running or server.resting)
        if all(server.running and not server.resting for server in seen.first.servers):
            count = many(len(seen.first.servers), "server")
            yield ok(f"MaxScale reaches {count}.", subject=subject(seen.state), seen=_states(seen.first))
    elif blind[0].servers and all(server.rejects_monitor for server in blind[0].servers):
        yield skip("The servers answer and refuse the monitor's account; that is said elsewhere.")
    else:
        yield _none(seen, blind[0], logs, everywhere=everywhere)


def _none(seen: Seen, item: MaxScaleInstance, logs: MaxScaleLogs | Unavailable, *, everywhere: bool) -> Finding:
    names = ", ".join(server.name for server in item.servers)
    what = f"reaches none of its {many(len(item.servers), 'server')} ({names})" if names else "has no servers at all"
    say = fail if everywhere else warn
    line = next(iter(logged(logs, "monitor-refused", "proxy-refused")), None)
    return say(
        f"MaxScale in {item.place} {what}{_reason(line.line if line else '')}: nobody can log in through it.",
        subject=subject(seen.state),
        where=SERVERS,
        seen=_states(item) | ({"log": line.line} if line else {}),
        remedy=Remedy(
            text="Look whether MariaDB's pods run and whether a NetworkPolicy lets MaxScale to them. Its log names "
            "what stands in the way; a PROXY header that MariaDB refuses, and TLS that it demands, look like "
            f"this too. {LOGIN}",
            commands=(
                maxctrl(seen.state, "list", "servers"),
                _databases(seen.state),
                log_command(seen.state.namespace, item.place),
            ),
            proof=maxctrl(seen.state, "list", "servers"),
        ),
    )


def _reason(line: str) -> str:
    """Return the reason that a line of the log gives, as the end of a sentence."""
    if "roxy header is not accepted" in line:
        return " because MariaDB refuses the PROXY header that it sends (proxy_protocol_networks)"
    if "insecure transport" in line:
        return " because MariaDB demands TLS and the servers are configured without (ssl)"
    return ""


def _single(seen: Seen, server: MaxScaleServer) -> Finding:
    ending = maxctrl_changes(seen.state, "clear", "server", server.name, "maintenance")
    return warn(
        f"The server {server.name} ({server.address}:{server.port}) is "
        f"{'in maintenance' if server.resting else 'down'} for MaxScale; the others carry its load.",
        subject=subject(seen.state),
        where=SERVERS,
        seen=_states(seen.first),
        remedy=Remedy(
            text=f"Bring it back, or end the maintenance. {LOGIN}",
            commands=(ending,) if server.resting else (_databases(seen.state),),
            proof=maxctrl(seen.state, "list", "servers"),
        ),
    )


@check(
    id="mxs.no-master",
    title="One of the servers is the primary",
    step=STEP,
    link=LINK,
    causes=(
        "op.mariadb-not-ready",
        "op.maxscale-not-ready",
        "mysql-1815",
        "mysql-1290",
        "mysql-closed-after-ok",
        "mysql-error",
    ),
)
def no_master(
    state: MaxScaleState | Unavailable, objects: DatabaseObjects | Unavailable, logs: MaxScaleLogs | Unavailable
) -> Iterator[Finding]:
    """Without a primary no write has anywhere to go; with the older default no login has."""
    seen = seen_of(state)
    if isinstance(seen, Finding):
        yield master_by_status(objects, seen)
        return
    without, everywhere = of_all(seen.instances, lambda item: not any(server.master for server in item.servers))
    if not without:
        names = ", ".join(server.name for server in seen.first.servers if server.master)
        yield ok(f"{names} is the primary.", subject=subject(seen.state), seen=_states(seen.first))
    elif not any(server.running for server in without[0].servers):
        yield skip("MaxScale reaches no server, so none can be the primary; that is said elsewhere.")
    else:
        yield _masterless(seen, without[0], logs, everywhere=everywhere)


def _masterless(seen: Seen, item: MaxScaleInstance, logs: MaxScaleLogs | Unavailable, *, everywhere: bool) -> Finding:
    service = item.service_of(item.listener_on(seen.state.port or 0)) or next(iter(item.services), None)
    mode = service.master_failure_mode if service is not None else ""
    line = next(iter(logged(logs, "master-read-only")), None)
    why = f": {line.fields.get('server', 'the one that was')} is read-only" if line else ""
    what = "writes end the connection" if mode in _READS_GO_ON else "every login is refused (1815)"
    say = fail if everywhere else warn
    return say(
        f"No server of MaxScale in {item.place} is the primary{why}; {what}.",
        subject=subject(seen.state),
        where=SERVERS,
        seen=_states(item) | ({"master_failure_mode": mode} if mode else {}) | ({"log": line.line} if line else {}),
        remedy=Remedy(
            text="If the primary is down, bring it back or fail over; if it turned read-only, find out who set that "
            f"before it is undone (spec.primaryServer, a switchover that stopped half-way). {LOGIN}",
            commands=(
                maxctrl(seen.state, "list", "servers"),
                maxctrl(seen.state, "list", "monitors"),
                _databases(seen.state),
            ),
            proof=maxctrl(seen.state, "list", "servers"),
        ),
    )


def _states(item: MaxScaleInstance) -> dict[str, str]:
    return {server.name: ", ".join(server.states) or "no state" for server in item.servers[:10]} or {"servers": "none"}


def _databases(state: MaxScaleState) -> Command:
    return look("kubectl", "-n", state.namespace, "get", "mariadbs.k8s.mariadb.com,pods", "-o", "wide")
