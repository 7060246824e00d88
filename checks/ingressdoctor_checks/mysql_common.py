"""What the checks of MySQL's port and login share: the commands to type, and how a failed login is told.

Holds no check. No command carries a password: each client asks for it.
"""

from __future__ import annotations

from typing import Final

from ingressdoctor.api import (
    Command,
    DatabaseObjects,
    Finding,
    Inapplicable,
    MaxScaleAccount,
    MaxScaleState,
    Remedy,
    ServerError,
    SqlGreeting,
    SqlLogin,
    SqlSpeaker,
    Status,
    Symptom,
    Target,
    Unavailable,
    fail,
    look,
    unknown,
)
from ingressdoctor_checks.mysql_errors import MySqlError, symptom_of

__all__ = [
    "LOGIN",
    "accounts_known",
    "at_mariadb",
    "at_maxscale",
    "commands_for",
    "login_failed",
    "not_tried",
    "operator_users",
    "refused_with",
    "try_login",
    "try_port",
    "went_to_maxscale",
]

LOGIN: Final = "one login at the target's port"


def try_port(target: Target) -> Command:
    """Return the command that shows what a port says unasked."""
    return look("nc", "-v", "-w", "10", target.hostname, str(target.port))


def try_login(target: Target, statement: str = "SELECT CURRENT_USER(), USER()", *options: str) -> Command:
    """Return the login as a client makes it; it asks for the password."""
    schema = (target.database,) if target.database else ()
    words = ("-h", target.hostname, "-P", str(target.port), "-u", target.sql_user or "USER", "-p", *options)
    return look("mariadb", *words, "-e", statement, *schema)


def at_maxscale(state: MaxScaleState | Unavailable, *words: str) -> Command:
    """Return what to ask MaxScale's own tool, in its pod where that is known."""
    if isinstance(state, Unavailable):
        return look("kubectl", "get", "pods", "-A", "-l", "app.kubernetes.io/name=maxscale")
    pod = next((item.place for item in state.instances if "/" not in item.place), f"{state.name}-0")
    return look("kubectl", "-n", state.namespace, "exec", pod, "-c", "maxscale", "--", "maxctrl", *words)


def at_mariadb(objects: DatabaseObjects | Unavailable, statement: str) -> Command:
    """Return what to ask MariaDB itself, in the pod that takes writes where that is known."""
    if isinstance(objects, Unavailable) or objects.mariadb is None:
        return look("mariadb", "-h", "MARIADB", "-u", "root", "-p", "-e", statement)
    server = objects.mariadb
    pod = server.primary or f"{server.name}-0"
    inside = ("-c", "mariadb", "--", "mariadb", "-u", "root", "-p", "-e", statement)
    return look("kubectl", "-n", server.namespace, "exec", "-it", pod, *inside)


def commands_for(
    meaning: MySqlError, state: MaxScaleState | Unavailable, objects: DatabaseObjects | Unavailable
) -> tuple[Command, ...]:
    """Return the next looks that the catalogue names for an error."""
    found = [at_maxscale(state, *meaning.maxctrl)] if meaning.maxctrl else []
    if meaning.sql:
        found.append(at_mariadb(objects, meaning.sql))
    return tuple(found)


def refused_with(
    login: SqlLogin | Unavailable, seen: SqlGreeting | Unavailable | None, *numbers: int
) -> ServerError | None:
    """Return the error with one of these numbers, as answer to the login or (with *seen*) in place of the greeting."""
    errors = (
        login.error if isinstance(login, SqlLogin) else None,
        seen.error if isinstance(seen, SqlGreeting) else None,
    )
    return next((error for error in errors if error is not None and error.errno in numbers), None)


def not_tried(gap: Unavailable) -> Finding:
    """Say that no login was tried, and what would make one: it is neither well nor refused."""
    if not isinstance(gap, Inapplicable):
        return unknown(f"No login was tried: {gap.reason}.", enable_with=gap.enable_with)
    way = gap.enable_with or "The findings about the greeting say what is in the way of a login."
    return Finding(status=Status.SKIP, summary=f"No login was tried: {gap.reason}.", enable_with=way)


def went_to_maxscale(seen: SqlGreeting | Unavailable) -> bool:
    """Tell whether it is MaxScale that greets."""
    return isinstance(seen, SqlGreeting) and seen.speaker in (SqlSpeaker.MAXSCALE, SqlSpeaker.MAXSCALE_ALONE)


def accounts_known(state: MaxScaleState | Unavailable) -> tuple[MaxScaleAccount, ...] | None:
    """Return the accounts that MaxScale knows for the port, None where that cannot be told.

    Pods may differ: a user that one of them knows is known.
    """
    if isinstance(state, Unavailable) or state.port is None:
        return None
    copies = [
        service.users
        for item in state.instances
        if (service := item.service_of(item.listener_on(state.port))) is not None and service.users is not None
    ]
    return tuple(dict.fromkeys(account for copy in copies for account in copy)) if copies else None


def operator_users(objects: DatabaseObjects | Unavailable) -> frozenset[str] | None:
    """Return the accounts that mariadb-operator was told to make; None where it makes none or cannot be asked."""
    if isinstance(objects, Unavailable) or isinstance(objects.users, Unavailable) or not objects.users:
        return None
    return frozenset(item.user for item in objects.users)


def login_failed(
    summary: str,
    error: ServerError,
    target: Target,
    *,
    remedy: str,
    commands: tuple[Command, ...],
    seen: dict[str, str] | None = None,
) -> Finding:
    """Say why a login, or the greeting before it, is refused with an error."""
    return fail(
        summary,
        subject=f"{target.hostname}:{target.port}",
        where=LOGIN,
        symptom=Symptom(symptom_of(error.errno)),
        seen={"error": f"{error.errno} ({error.sqlstate or 'no SQLSTATE'}) {error.text}", **(seen or {})},
        remedy=Remedy(text=remedy, commands=commands, proof=try_login(target)),
    )
