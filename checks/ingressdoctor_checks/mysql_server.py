"""Does the login work? The server behind it: does it stay, does it take writes, and are reads and writes told apart?

Nothing is written to prove it: within a transaction that may write, the server that would is asked for its name and for
read_only. Source: MaxScale's readwritesplit, observed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    Finding,
    MaxScaleService,
    MaxScaleState,
    Remedy,
    SqlGreeting,
    SqlLogin,
    Symptom,
    Target,
    Unavailable,
    check,
    fail,
    ok,
    skip,
    warn,
)
from ingressdoctor_checks.mysql_common import LOGIN, at_maxscale, try_login, went_to_maxscale

__all__ = ["closed_after_ok", "not_split", "read_only"]

_LINK: Final = "MaxScale → MariaDB"


@check(
    id="mysql.closed-after-ok",
    title="The connection stays after the login",
    step="auth",
    link=_LINK,
    causes=(str(Symptom.MYSQL_CLOSED_AFTER_OK),),
)
def closed_after_ok(target: Target, login: SqlLogin, state: MaxScaleState | Unavailable) -> Iterator[Finding]:
    """MaxScale says OK, then MariaDB refuses it: the error is in MaxScale's log only."""
    if login.closed_after_ok:
        yield fail(
            f"The login as {login.user} is accepted, and then the connection is closed without a word.",
            subject=f"{target.hostname}:{target.port}",
            where=LOGIN,
            symptom=Symptom.MYSQL_CLOSED_AFTER_OK,
            seen={"login": "OK", "then": login.client_error or "closed"},
            remedy=Remedy(
                text="MaxScale accepted what MariaDB then refused: an account that is locked or over its limit, a "
                "password that was just changed, no room for connections, or no server for writes. MaxScale's log has "
                "the number: look for 'Authentication to'.",
                commands=(
                    at_maxscale(state, "list", "servers"),
                    at_maxscale(state, "show", "logging"),
                ),
                proof=try_login(target),
            ),
        )
    elif login.identity is not None:
        yield ok("The connection stays open after the login.", where=LOGIN)
    else:
        yield skip("The login was not accepted.")


@check(
    id="mysql.read-only",
    title="The server behind the port takes writes",
    step="auth",
    link=_LINK,
    causes=(str(Symptom.MYSQL_1290),),
)
def read_only(target: Target, login: SqlLogin, state: MaxScaleState | Unavailable) -> Iterator[Finding]:
    """Within a transaction that may write, the server must not be read-only."""
    if login.write is None or login.identity is None:
        refused = login.error is not None and login.error.errno == 1290
        if not refused:
            yield skip("No statement was answered that could show it.")
            return
    elif not login.write.read_only:
        yield ok(f"Server {login.write.server_id} takes writes.", seen={"read_only": "0"}, where=LOGIN)
        return
    server = login.write.server_id if login.write else 0
    service = _service(state)
    reader = service is not None and service.router == "readconnroute"
    yield fail(
        f"Writes would fail with error 1290: server {server}, where transactions end, is read-only.",
        subject=f"{target.hostname}:{target.port}",
        where=LOGIN,
        symptom=Symptom.MYSQL_1290,
        seen={
            "within a transaction": f"server {server}, read_only",
            "hostname": login.identity.hostname if login.identity else "not told",
            "router": service.router if service is not None else "not told",
        },
        remedy=Remedy(
            text="The port leads to replicas: use the port of the service that reads and writes."
            if reader
            else "Look which server is the master. After a failover the new one may still be read-only: switch over "
            "with the operator (spec.primaryServer of the MaxScale) rather than by hand.",
            commands=(at_maxscale(state, "list", "servers"), at_maxscale(state, "list", "services")),
            proof=try_login(target, "START TRANSACTION; SELECT @@hostname, @@read_only; ROLLBACK"),
        ),
    )


def _service(state: MaxScaleState | Unavailable) -> MaxScaleService | None:
    """Return the service behind the port, of the first pod that tells."""
    if isinstance(state, Unavailable) or state.port is None:
        return None
    found = (item.service_of(item.listener_on(state.port)) for item in state.instances)
    return next((service for service in found if service is not None), None)


def _replicas(state: MaxScaleState) -> int:
    """Count the servers that could take reads off the master."""
    first = next(iter(state.instances), None)
    return sum(1 for item in first.servers if item.usable and not item.master) if first is not None else 0


@check(id="mysql.not-split", title="Reads and writes go to different servers", step="auth", link=_LINK)
def not_split(
    target: Target, login: SqlLogin, seen: SqlGreeting | Unavailable, state: MaxScaleState | Unavailable
) -> Iterator[Finding]:
    """A service that splits, replicas that could read, and still one server that answers both."""
    if login.read is None or login.write is None:
        yield skip("No statement was answered that could show who reads and who writes.")
        return
    facts = {
        "outside of a transaction": f"server {login.read.server_id}",
        "within a transaction": f"server {login.write.server_id}",
    }
    if login.read.server_id != login.write.server_id:
        yield ok(
            f"Server {login.read.server_id} answers reads, and server {login.write.server_id} takes writes.",
            seen=facts,
            where=LOGIN,
        )
        return
    service = _service(state)
    if not went_to_maxscale(seen):
        yield skip("No MaxScale stands before the server, so nothing could be split.")
    elif service is None or isinstance(state, Unavailable):
        yield skip(f"Server {login.read.server_id} answers both; MaxScale would have to tell whether others could.")
    elif service.router != "readwritesplit" or not _replicas(state):
        why = "it has no other that could read" if service.router == "readwritesplit" else f"it is a {service.router}"
        yield ok(f"The service {service.name} sends both to server {login.read.server_id}: {why}.", seen=facts)
    else:
        yield warn(
            f"The service {service.name} sends reads to the master as well, although there are replicas.",
            subject=f"service {service.name}",
            where=LOGIN,
            seen={**facts, "replicas that could read": str(_replicas(state))},
            remedy=Remedy(
                text="Look at max_replication_lag and master_accept_reads of the service: replicas that lag are left "
                "out. Clients that never commit (autocommit=0) are kept on the master as well.",
                commands=(at_maxscale(state, "show", "service", service.name), at_maxscale(state, "list", "servers")),
                proof=try_login(target, "SELECT @@server_id; START TRANSACTION; SELECT @@server_id; ROLLBACK"),
            ),
        )
