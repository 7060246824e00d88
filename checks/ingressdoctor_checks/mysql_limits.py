"""Does the login work? The limits: connections used up, addresses blocked.

Source: MariaDB and MaxScale 23.08 and 24.02, observed: which of them sends an error shows in its SQLSTATE and its text.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    DatabaseObjects,
    Finding,
    MaxScaleState,
    ServerError,
    SqlGreeting,
    SqlLogin,
    Symptom,
    Target,
    Unavailable,
    check,
    look,
    ok,
    skip,
)
from ingressdoctor_checks.mysql_common import LOGIN, at_mariadb, at_maxscale, login_failed, refused_with
from ingressdoctor_checks.mysql_errors import by_number

__all__ = ["host_blocked", "too_many_connections"]

_LINK: Final = "client → connection"
_ACCOUNT: Final = (
    "Raise maxUserConnections of the User (the operator's default is 10), or make the client's pool smaller."
)


def _nothing_refused(login: SqlLogin | Unavailable, seen: SqlGreeting | Unavailable, good: str) -> Finding:
    """Say that nothing was refused for this reason, as far as somebody came."""
    if isinstance(login, SqlLogin) and login.identity is not None:
        return ok(good, where=LOGIN)
    if isinstance(seen, SqlGreeting) and seen.greeting is not None:
        return skip("The greeting came without that error, and nobody got further than that.")
    return skip("Nothing greeted, so nobody could be refused for this.")


def _who_is_full(error: ServerError, seen: SqlGreeting | Unavailable) -> str:
    """Say whose limit an error 1040 speaks of."""
    early = isinstance(seen, SqlGreeting) and seen.error is not None
    if early and error.sqlstate:
        return "MaxScale's service has as many connections as it may (its max_connections)"
    if early:
        return "MariaDB has as many connections as it may, or MaxScale before 24.02 has"
    return "MariaDB has as many connections as it may (its max_connections)"


@check(
    id="mysql.too-many-connections",
    title="There is room for one more connection",
    step="auth",
    link=_LINK,
    causes=(str(Symptom.MYSQL_1040), str(Symptom.MYSQL_ERROR), "sql.error-greeting"),
)
def too_many_connections(
    target: Target,
    login: SqlLogin | Unavailable,
    seen: SqlGreeting | Unavailable,
    state: MaxScaleState | Unavailable,
    objects: DatabaseObjects | Unavailable,
) -> Iterator[Finding]:
    """1040, and the limits of one account: 1203 and 1226."""
    error = refused_with(login, seen, 1040, 1203, 1226)
    if error is None:
        yield _nothing_refused(login, seen, "No limit of connections is reached.")
        return
    if error.errno == 1040:
        what, advice = _who_is_full(error, seen), by_number(1040).look
    else:
        what, advice = by_number(error.errno).what, _ACCOUNT
    yield login_failed(
        f"There is no connection left: {what}.",
        error,
        target,
        remedy=advice,
        commands=(
            at_maxscale(state, "list", "services"),
            at_mariadb(objects, by_number(error.errno).sql),
            look("kubectl", "get", "users.k8s.mariadb.com", "-A"),
        ),
    )


@check(
    id="mysql.host-blocked",
    title="The address is not blocked after failures",
    step="auth",
    link=_LINK,
    causes=(str(Symptom.MYSQL_1129), "sql.error-greeting"),
)
def host_blocked(
    target: Target,
    login: SqlLogin | Unavailable,
    seen: SqlGreeting | Unavailable,
    state: MaxScaleState | Unavailable,
    objects: DatabaseObjects | Unavailable,
) -> Iterator[Finding]:
    """1129, which MariaDB and MaxScale send for different reasons and times."""
    error = refused_with(login, seen, 1129)
    if error is None:
        yield _nothing_refused(login, seen, "The address is not blocked.")
        return
    if error.sqlstate or "temporarily" in error.text:
        yield login_failed(
            "MaxScale blocks the address for a minute, after too many failed logins from it.",
            error,
            target,
            remedy="Find the client that logs in with a wrong password and correct it; the block ends after a minute. "
            "Behind Traefik without a PROXY header all clients share one address, and one of them locks out all.",
            commands=(at_maxscale(state, "show", "maxscale"), at_maxscale(state, "list", "services")),
        )
        return
    yield login_failed(
        "MariaDB blocks the address after too many broken connections, until somebody lifts it.",
        error,
        target,
        remedy="Lift it with FLUSH HOSTS, then find who connects without logging in: health checks do that. With "
        "skip_name_resolve=ON MariaDB keeps no such list.",
        commands=(at_mariadb(objects, by_number(1129).sql), at_mariadb(objects, "SELECT @@max_connect_errors")),
    )
