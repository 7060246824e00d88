"""Accounts as mariadb-operator makes them: User, Grant and Database, and what their fields come to at the server.

Of the account that was named (``--sql-user``) trouble is a failure; without a name, of every account, a warning. Grants
are read for a named account only.
Source: mariadb-operator api/v1alpha1 user_types.go, grant_types.go, pkg/sql (v26).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeVar

from ingressdoctor.api import (
    DatabaseObjects,
    Finding,
    GrantObject,
    Operated,
    Remedy,
    Target,
    Unavailable,
    UserObject,
    check,
    fail,
    look,
    ok,
    skip,
    unknown,
    warn,
)
from ingressdoctor_checks.backend_common import many
from ingressdoctor_checks.database_common import RESOURCES, objects_of, said
from ingressdoctor_checks.maxscale_common import STEP, edit_command, resource_command, users_command

__all__ = ["grant_host", "user_limit", "user_locked", "user_not_ready"]

_MOST: Final = 5
_DEFAULT_LIMIT: Final = 10

T = TypeVar("T", bound=Operated)


def _users(objects: DatabaseObjects | Unavailable, target: Target) -> tuple[UserObject, ...] | Finding:
    """Return the accounts to judge: those of the name asked for, or all."""
    found = objects_of(objects)
    if isinstance(found, Finding):
        return found
    if isinstance(found.users, Unavailable):
        return unknown(f"The Users could not be read: {found.users.reason}.", enable_with=found.users.enable_with)
    if not target.sql_user:
        return found.users or skip(f"The operator manages no account in namespace {found.namespace}.")
    named = tuple(item for item in found.users if item.user == target.sql_user)
    return named or skip(f"The operator manages no account {target.sql_user!r} in namespace {found.namespace}.")


@check(
    id="op.user-not-ready",
    title="The operator has made the account, its grants and its database",
    step=STEP,
    link=RESOURCES,
    causes=("mxs.user-unknown", "mxs.users-stale", "mysql-1045", "mysql-1044", "mysql-1049"),
)
def user_not_ready(target: Target, objects: DatabaseObjects | Unavailable) -> Iterator[Finding]:
    """A User that is not ready does not exist at the server, or not as it is written."""
    users = _users(objects, target)
    if isinstance(users, Finding) or isinstance(objects, Unavailable):
        yield users if isinstance(users, Finding) else skip("There is nothing to judge.")
        return
    grants = _items(objects.grants, lambda item: not target.sql_user or item.user == target.sql_user)
    schemas = _items(objects.databases, lambda item: not target.database or item.database == target.database)
    unready = [item for item in (*users, *grants, *schemas) if not item.is_ready]
    if not unready:
        yield ok(f"{many(len(users), 'account')} of the operator {'are' if len(users) > 1 else 'is'} ready.")
        return
    say = fail if target.sql_user else warn
    for item in unready[:_MOST]:
        yield say(
            f"{item.ref} is not ready: {said(item.ready)}.",
            subject=item.ref,
            where=f"status.conditions of the {item.kind}",
            seen={"Ready": item.ready.status if item.ready else "not written", "reason": _reason(item)},
            remedy=Remedy(
                text="The message says at what the operator failed: a MariaDB that is not there or not ready, a Secret "
                "without the key, or a statement that the server refused. It tries again by itself.",
                commands=(
                    resource_command(item.namespace, item.kind.lower(), item.name),
                    look("kubectl", "logs", "-A", "-l", "app.kubernetes.io/name=mariadb-operator", "--tail=50"),
                ),
                proof=users_command(item.namespace),
            ),
        )


def _items(items: tuple[T, ...] | Unavailable, wanted: Callable[[T], bool]) -> tuple[T, ...]:
    return () if isinstance(items, Unavailable) else tuple(item for item in items if wanted(item))


def _reason(item: Operated) -> str:
    return (item.ready.reason or "") if item.ready is not None else ""


@check(
    id="op.user-locked",
    title="The account has a password",
    step=STEP,
    link=RESOURCES,
    causes=("mxs.logins-fail-behind", "mysql-4151", "mysql-1045", "mysql-closed-after-ok"),
)
def user_locked(target: Target, objects: DatabaseObjects | Unavailable) -> Iterator[Finding]:
    """Without any reference to a password the operator creates it locked, with the password expired."""
    users = _users(objects, target)
    if isinstance(users, Finding):
        yield users
        return
    bare = [item for item in users if not item.has_password]
    if not bare:
        yield ok(f"{many(len(users), 'account')} of the operator {'have' if len(users) > 1 else 'has'} a password.")
        return
    say = fail if target.sql_user else warn
    for item in bare[:_MOST]:
        yield say(
            f"{item.ref} refers to no password: the operator makes {item.user!r}@{item.host!r} locked and expired, and "
            "nobody can log in with it.",
            subject=item.ref,
            where="spec of the User",
            seen={"passwordSecretKeyRef": "none", "passwordHashSecretKeyRef": "none", "passwordPlugin": "none"},
            remedy=Remedy(
                text="Refer to the Secret with its password (passwordSecretKeyRef). MaxScale accepts such a "
                "login and closes the connection right after, so that clients see no error.",
                commands=(edit_command(item.namespace, "users", item.name),),
                proof=resource_command(item.namespace, "user", item.name),
            ),
        )


@check(
    id="op.user-limit", title="The account may have as many connections as its client opens", step=STEP, link=RESOURCES
)
def user_limit(target: Target, objects: DatabaseObjects | Unavailable) -> Iterator[Finding]:
    """Ten, unless the User says otherwise; a pool opens more."""
    if not target.sql_user:
        yield skip("No account was named (--sql-user, or mysql://user@host).")
        return
    users = _users(objects, target)
    if isinstance(users, Finding):
        yield users
        return
    for item in users:
        if item.limit_set or item.max_connections > _DEFAULT_LIMIT:
            yield ok(f"{item.ref} may have {item.max_connections} connections.", subject=item.ref)
            continue
        yield warn(
            f"{item.ref} does not say how many connections {item.user!r} may have: the operator allows 10, and the "
            "next login is closed without an error (1226).",
            subject=item.ref,
            where="spec of the User",
            seen={"maxUserConnections": "not set, so 10"},
            remedy=Remedy(
                text="Set maxUserConnections to what the client's pools open at most, with some room.",
                commands=(edit_command(item.namespace, "users", item.name),),
                proof=resource_command(item.namespace, "user", item.name),
            ),
        )


@check(
    id="op.grant-host",
    title="Each Grant is for the host of its User",
    step=STEP,
    link=RESOURCES,
    causes=("op.user-not-ready", "mysql-1044", "mysql-1045", "mysql-error"),
)
def grant_host(target: Target, objects: DatabaseObjects | Unavailable) -> Iterator[Finding]:
    """The same name with another host is another account, and what it is granted helps nobody else."""
    users = _users(objects, target)
    if isinstance(users, Finding) or isinstance(objects, Unavailable):
        yield users if isinstance(users, Finding) else skip("There is nothing to judge.")
        return
    if not target.sql_user:
        yield skip("No account was named (--sql-user, or mysql://user@host).")
        return
    if isinstance(objects.grants, Unavailable):
        yield unknown(f"The Grants could not be read: {objects.grants.reason}.", enable_with=objects.grants.enable_with)
        return
    astray = [(grant, hosts) for grant in objects.grants if (hosts := _other_hosts(grant, users))]
    if not astray:
        yield ok("Every Grant is for the host of its User.")
        return
    for grant, hosts in astray[:_MOST]:
        well = any(item.user == grant.user and item.host in hosts for item in objects.grants)
        yield (warn if well else fail)(
            f"{grant.ref} grants to {grant.user!r}@{grant.host!r}, and the account is for {hosts[0]!r}: it gets "
            "nothing of it.",
            subject=grant.ref,
            where="spec of the Grant, against that of the User",
            seen={"Grant": f"{grant.user}@{grant.host}", "User": ", ".join(f"{grant.user}@{host}" for host in hosts)},
            remedy=Remedy(
                text="Write the same host into both; a host cannot be changed afterwards, so make the Grant anew.",
                commands=(users_command(grant.namespace), resource_command(grant.namespace, "grant", grant.name)),
                proof=users_command(grant.namespace),
            ),
        )


def _other_hosts(grant: GrantObject, users: Sequence[UserObject]) -> tuple[str, ...]:
    """Return the hosts of the accounts of that name, if none of them is the Grant's."""
    hosts = tuple(item.host for item in users if item.user == grant.user)
    return hosts if hosts and grant.host not in hosts else ()
