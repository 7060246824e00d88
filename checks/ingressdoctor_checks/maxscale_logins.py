"""What MaxScale's log says of logins: addresses that it blocks, and logins that the servers refused behind it.

A login that MaxScale accepts and a server refuses ends without an error: the client sees OK, then a closed connection.
Source: MaxScale server/modules/protocol/MariaDB; failure modes observed on 23.08 and 24.02.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    Clock,
    Finding,
    LoggedSignature,
    MaxScaleLogs,
    MaxScaleState,
    Remedy,
    SqlGreeting,
    Unavailable,
    changes,
    check,
    fail,
    look,
    ok,
    warn,
)
from ingressdoctor_checks.maxscale_common import (
    LOGIN,
    STEP,
    log_command,
    logged,
    minutes_ago,
    missing,
    subject,
    users_command,
)

__all__ = ["host_blocked", "logins_fail_behind"]

_LINK: Final = "MaxScale → MariaDB"
_BLOCKED_MIN: Final = 2.0
_RECENT_MIN: Final = 10.0
_NO_ROOM: Final = ("1040", "1203", "1226")
_BLOCKED: Final = 1129
# What a server's refusal means behind MaxScale, which had let the login pass, and what to do.
_MEANS: Final = {
    "1045": (
        "the password in MaxScale's copy is an old one, or the account does not admit MaxScale's own address",
        "Have the copy made anew (maxctrl reload service); the account needs a host that matches MaxScale's pods too.",
    ),
    "1130": (
        "no account admits the address of MaxScale's pods",
        "Make the account for the pods' network too, or let MaxScale send the PROXY protocol to the servers.",
    ),
    "1044": ("the account may not use that database", "Grant it: a Grant of the operator with the same user and host."),
    "1049": ("the database does not exist", "Correct its name at the client, or create it."),
    "4151": (
        "the account is locked",
        "A User of the operator without a password is created locked: give it one (passwordSecretKeyRef).",
    ),
    "1129": (
        "MariaDB blocks MaxScale's address",
        "mariadb-admin flush-hosts, and then maxctrl clear server maintenance.",
    ),
}


@check(
    id="mxs.host-blocked",
    title="MaxScale blocks nobody for failed logins",
    step=STEP,
    link="Traefik → MaxScale",
    causes=("mysql-1129",),
)
def host_blocked(
    state: MaxScaleState | Unavailable,
    logs: MaxScaleLogs | Unavailable,
    greeting: SqlGreeting | Unavailable,
    clock: Clock,
) -> Iterator[Finding]:
    """For 60 seconds after some failed logins of one address, which behind Traefik is everybody's."""
    if isinstance(logs, Unavailable):
        yield missing(logs)
        return
    error = greeting.error if isinstance(greeting, SqlGreeting) else None
    now = error is not None and error.errno == _BLOCKED
    found = logged(logs, "server-blocks-us", "host-blocked")
    if not found:
        yield ok("MaxScale's log names no blocked address.")
        return
    line = found[0]
    age = minutes_ago(line, clock)
    namespace = state.namespace if isinstance(state, MaxScaleState) else "NAMESPACE"
    name = subject(state) if isinstance(state, MaxScaleState) else "MaxScale"
    if line.code == "server-blocks-us":
        yield _server_blocks(line, namespace, name)
        return
    host = line.fields.get("host", "an address")
    recent = now or age is None or age <= _BLOCKED_MIN
    yield (fail if recent else warn)(
        f"MaxScale {'blocks' if recent else 'blocked'} {host} for 60 seconds because of failed logins (1129, last at "
        f"{line.when[:19] or 'an unknown time'} UTC).",
        subject=name,
        where=f"the log of {line.pod}",
        seen={"log": line.line, "times": str(line.count)},
        remedy=Remedy(
            text="Some client tries a wrong password again and again. Behind Traefik without the PROXY protocol the "
            "address is Traefik's, and all clients are locked out with it: find that client, and carry the addresses "
            f"through. max_auth_errors_until_block=0 switches the block off. {LOGIN}",
            commands=(
                log_command(namespace, line.pod),
                look(
                    "kubectl",
                    "-n",
                    namespace,
                    "get",
                    "pods",
                    "-A",
                    "-o",
                    "wide",
                    "--field-selector",
                    f"status.podIP={host}",
                ),
            ),
            proof=log_command(namespace, line.pod),
        ),
    )


def _server_blocks(line: LoggedSignature, namespace: str, name: str) -> Finding:
    server = line.fields.get("server", "")
    return fail(
        f"The server {server} blocks MaxScale's address (connection errors), and MaxScale put it into maintenance.",
        subject=name,
        where=f"the log of {line.pod}",
        seen={"log": line.line},
        remedy=Remedy(
            text=f"Lift the block at MariaDB, then end the maintenance. {LOGIN}",
            commands=(
                changes("kubectl", "-n", namespace, "exec", server or "POD", "--", "mariadb-admin", "flush-hosts"),
                changes(
                    "kubectl",
                    "-n",
                    namespace,
                    "exec",
                    line.pod,
                    "--",
                    "maxctrl",
                    "clear",
                    "server",
                    server,
                    "maintenance",
                ),
            ),
            proof=log_command(namespace, line.pod),
        ),
    )


@check(
    id="mxs.logins-fail-behind",
    title="The servers accept the logins that MaxScale accepts",
    step=STEP,
    link=_LINK,
    causes=("mysql-closed-after-ok",),
)
def logins_fail_behind(
    state: MaxScaleState | Unavailable, logs: MaxScaleLogs | Unavailable, clock: Clock
) -> Iterator[Finding]:
    """The client sees no error at all; only this log has the number."""
    if isinstance(logs, Unavailable):
        yield missing(logs)
        return
    lines = [line for line in logged(logs, "login-refused-behind") if line.fields.get("errno") not in _NO_ROOM]
    if not lines:
        yield ok("No server refused a login that MaxScale had accepted in the last hour.")
        return
    line = lines[0]
    errno, server = line.fields.get("errno", ""), line.fields.get("server", "")
    means, cure = _MEANS.get(errno, ("its number says why", "Look the number up, and correct the account."))
    age = minutes_ago(line, clock)
    namespace = state.namespace if isinstance(state, MaxScaleState) else "NAMESPACE"
    yield (warn if age is not None and age > _RECENT_MIN else fail)(
        f"The server {server} refused a login that MaxScale had accepted ({errno}): {means}.",
        subject=subject(state) if isinstance(state, MaxScaleState) else "MaxScale",
        where=f"the log of {line.pod}",
        seen={"log": line.line, "times": str(line.count), "last": line.when},
        remedy=Remedy(
            text=f"{cure} {LOGIN}",
            commands=(log_command(namespace, line.pod), users_command(namespace)),
            proof=log_command(namespace, line.pod),
        ),
    )
