"""Is MaxScale's monitor let in by the servers, does it run, and has MaxScale ever reached a server?

Source: MaxScale server/modules/monitor/mariadbmon, MariaDB/mariadb_client.cc (default version).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    DatabaseObjects,
    Finding,
    MaxScaleLogs,
    MaxScaleServer,
    MaxScaleState,
    Remedy,
    SqlGreeting,
    SqlSpeaker,
    Status,
    Unavailable,
    check,
    fail,
    look,
    ok,
    skip,
    warn,
)
from ingressdoctor_checks.maxscale_common import (
    LINK,
    LOGIN,
    SERVERS,
    STEP,
    Seen,
    by_resource,
    log_command,
    logged,
    maxctrl,
    maxctrl_changes,
    missing,
    of_all,
    seen_of,
    subject,
)
from ingressdoctor_checks.maxscale_status import monitor_by_status, rejected_by_status

__all__ = ["monitor_rejected", "monitor_stopped", "never_connected"]

_MONITORS: Final = "MaxScale's REST API: GET /v1/monitors"
_LOG: Final = "the log of MaxScale"


@check(
    id="mxs.never-connected",
    title="MaxScale has reached a server since it started",
    step=STEP,
    link=LINK,
    causes=("mysql-1045",),
)
def never_connected(
    greeting: SqlGreeting | Unavailable, state: MaxScaleState | Unavailable, logs: MaxScaleLogs | Unavailable
) -> Iterator[Finding]:
    """Until then it greets with a version of its own and knows no account, so that every login fails with 1045."""
    if isinstance(greeting, Unavailable) or greeting.greeting is None:
        yield missing(state) if isinstance(state, Unavailable) else skip("No greeting came that would tell.")
        return
    version = greeting.greeting.version
    if greeting.speaker is not SqlSpeaker.MAXSCALE_ALONE:
        yield ok(f"The greeting carries the version of a server ({version}).", seen={"version": version})
        return
    line = next(iter(logged(logs, "users-none", "monitor-refused", "users-refused")), None)
    namespace, name = (state.namespace, state.name) if isinstance(state, MaxScaleState) else ("NAMESPACE", "NAME")
    yield fail(
        "MaxScale has not reached any server since it started: it knows no account, and every login gets 1045, "
        "however right the password is.",
        subject=f"MaxScale {namespace}/{name}",
        where="the greeting on the port",
        seen={"version": version} | ({"log": line.line} if line else {}),
        remedy=Remedy(
            text="Leave the password alone; find out what keeps MaxScale from its servers: its log names it (name "
            "resolution, a NetworkPolicy, the monitor's account, a PROXY header that MariaDB refuses).",
            commands=(
                look("kubectl", "-n", namespace, "logs", f"statefulset/{name}", "--since=1h"),
                look("kubectl", "-n", namespace, "get", "mariadbs.k8s.mariadb.com,pods", "-o", "wide"),
            ),
            proof=look("kubectl", "-n", namespace, "get", "maxscales.k8s.mariadb.com", name),
        ),
    )


@check(
    id="mxs.monitor-rejected",
    title="The servers let MaxScale's monitor in",
    step=STEP,
    link=LINK,
    causes=(
        "mxs.never-connected",
        "mxs.servers-down",
        "mxs.no-master",
        "mxs.users-stale",
        "op.maxscale-not-ready",
        "mysql-1045",
        "mysql-1815",
        "mysql-closed-after-ok",
    ),
)
def monitor_rejected(
    state: MaxScaleState | Unavailable, objects: DatabaseObjects | Unavailable, logs: MaxScaleLogs | Unavailable
) -> Iterator[Finding]:
    """``Auth Error``: the account cannot log in, or lacks a privilege."""
    seen = seen_of(state)
    denied = next((line for line in logged(logs, "monitor-refused") if "Access denied" in line.line), None)
    if isinstance(seen, Finding):
        told = rejected_by_status(objects, seen)
        if told.status is Status.UNKNOWN and denied is not None and isinstance(state, MaxScaleState):
            told = fail(
                f"The server {denied.fields.get('server', '')} refuses the account of MaxScale's monitor.",
                subject=subject(state),
                where=_LOG,
                seen={"log": denied.line},
                remedy=_password(state, denied.pod),
            )
        yield told
        return
    refusing = [server for server in seen.first.servers if server.rejects_monitor]
    if not refusing:
        yield ok("No server refuses the monitor's account.", subject=subject(seen.state))
        return
    yield _rejected(seen, refusing, denied.line if denied is not None else "")


def _rejected(seen: Seen, refusing: list[MaxScaleServer], line: str) -> Finding:
    names = ", ".join(server.name for server in refusing)
    facts = {server.name: ", ".join(server.states) for server in refusing[:10]} | ({"log": line} if line else {})
    if any(server.running for server in refusing):
        return warn(
            f"The account of MaxScale's monitor lacks privileges on {names}: replication and failover are not watched.",
            subject=subject(seen.state),
            where=SERVERS,
            seen=facts,
            remedy=Remedy(
                text="Grant the monitor what it needs (REPLICA MONITOR, SLAVE MONITOR, RELOAD and more, see "
                f"docs/checks/maxscale.md). {LOGIN}",
                commands=(maxctrl(seen.state, "list", "servers"), log_command(seen.state.namespace, seen.first.place)),
                proof=maxctrl(seen.state, "list", "servers"),
            ),
        )
    everywhere = len(refusing) == len(seen.first.servers)
    return (fail if everywhere else warn)(
        f"{names} {'refuse' if len(refusing) > 1 else 'refuses'} the account of MaxScale's monitor: MaxScale takes "
        f"{'them' if len(refusing) > 1 else 'it'} for down{' and leads nobody anywhere' if everywhere else ''}.",
        subject=subject(seen.state),
        where=SERVERS,
        seen=facts,
        remedy=_password(seen.state, seen.first.place),
    )


def _password(state: MaxScaleState, pod: str) -> Remedy:
    return Remedy(
        text=f"The Secret {state.name}-monitor and the account at MariaDB have drifted apart: look at the User of the "
        f"monitor, which the operator applies again by itself, and at who changed the password. {LOGIN}",
        commands=(
            look("kubectl", "-n", state.namespace, "get", "users.k8s.mariadb.com"),
            log_command(state.namespace, pod),
        ),
        proof=maxctrl(state, "list", "servers"),
    )


@check(
    id="mxs.monitor-stopped",
    title="MaxScale's monitor runs",
    step=STEP,
    link=LINK,
    causes=("mxs.no-master", "mysql-1815", "mysql-closed-after-ok"),
)
def monitor_stopped(
    state: MaxScaleState | Unavailable, objects: DatabaseObjects | Unavailable, greeting: SqlGreeting | Unavailable
) -> Iterator[Finding]:
    """Stopped, it leaves the states of the servers as they were: no failure is noticed, and no failover done."""
    seen = seen_of(state)
    if isinstance(seen, Finding):
        yield monitor_by_status(objects, seen)
        return
    idle, everywhere = of_all(
        seen.instances, lambda item: bool(item.monitors) and not any(monitor.running for monitor in item.monitors)
    )
    if not idle:
        monitors = seen.first.monitors
        names = ", ".join(monitor.name for monitor in monitors)
        yield ok(f"The monitor {names} runs.", subject=subject(seen.state)) if names else skip("It has no monitor.")
        return
    resource = by_resource(objects)
    works = isinstance(greeting, SqlGreeting) and greeting.speaker is SqlSpeaker.MAXSCALE
    monitor = idle[0].monitors[0]
    yield (warn if works or not everywhere else fail)(
        f"The monitor {monitor.name} of MaxScale in {idle[0].place} is {monitor.state.lower() or 'not running'}: the "
        "states of the servers stand still, and no failover will happen.",
        subject=subject(seen.state),
        where=_MONITORS,
        seen={monitor.name: monitor.state for monitor in idle[0].monitors[:5]}
        | ({"suspended": "true"} if resource is not None and resource.suspended else {}),
        remedy=Remedy(
            text=f"Start it; if somebody stopped it on purpose (suspend), ask them first. {LOGIN}",
            commands=(maxctrl_changes(seen.state, "start", "monitor", monitor.name),),
            proof=maxctrl(seen.state, "list", "monitors"),
        ),
    )
