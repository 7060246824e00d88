"""Does the login work? The account: is it there, may it come from here, is it locked, does the password fit?

A login is tried once; after an error 1045 nobody tries again, for failures add up to a block. Through MaxScale, 1045
has three classes, of which only one concerns the client's credentials: its copy of the accounts tells them apart.
Source: MariaDB and MaxScale 23.08 and 24.02, observed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    DatabaseObjects,
    Finding,
    MaxScaleState,
    SqlGreeting,
    SqlLogin,
    Symptom,
    Target,
    Unavailable,
    check,
    is_private,
    look,
    ok,
    skip,
    unknown,
)
from ingressdoctor_checks.mysql_common import (
    LOGIN,
    accounts_known,
    at_mariadb,
    at_maxscale,
    login_failed,
    not_tried,
    operator_users,
    refused_with,
    went_to_maxscale,
)
from ingressdoctor_checks.mysql_errors import by_number, is_about_header

__all__ = ["account_locked", "host_not_allowed", "user_missing", "wrong_password"]

_LINK: Final = "client → account"
_REFUSED: Final = (1045, 1698)
_LOCKED: Final = {
    3118: "is locked",
    4151: "is locked",
    4150: "is blocked after too many wrong passwords",
    1820: "has an expired password",
    1862: "has an expired password",
}
_UNLOCK: Final = (
    "mariadb-operator makes an account locked and expired when its User names no password: name one under "
    "passwordSecretKeyRef. An account that was locked by hand is unlocked with ALTER USER ... ACCOUNT UNLOCK."
)
_ONCE: Final = "Do not try again and again: failures add up to a block."


def _missing(login: SqlLogin, state: MaxScaleState | Unavailable, objects: DatabaseObjects | Unavailable) -> str:
    """Return who says that the account does not exist, empty when nobody does."""
    known = accounts_known(state)
    if known is not None:
        return "MaxScale's copy of the accounts" if known and all(item.user != login.user for item in known) else ""
    users = operator_users(objects)
    if login.error is not None and login.error.errno == 1698 and users is not None and login.user not in users:
        return "mariadb-operator's Users"
    return ""


@check(
    id="mysql.wrong-password",
    title="The server takes the user and the password",
    step="auth",
    link=_LINK,
    causes=(str(Symptom.MYSQL_1045),),
)
def wrong_password(
    target: Target,
    login: SqlLogin | Unavailable,
    seen: SqlGreeting | Unavailable,
    state: MaxScaleState | Unavailable,
    objects: DatabaseObjects | Unavailable,
) -> Iterator[Finding]:
    """1045 for an account that exists, as far as can be told; and that nobody tried, where nobody did."""
    if isinstance(login, Unavailable):
        yield not_tried(login)
        return
    error = refused_with(login, None, *_REFUSED)
    if error is None:
        if login.accepted or login.identity is not None:
            yield ok(f"The login as {login.user} is accepted.", where=LOGIN)
        else:
            yield skip("The login did not get as far as the password; another check of this step says why.")
        return
    known = accounts_known(state)
    if who := _missing(login, state, objects):
        yield skip(f"There is no account {login.user}, by {who}: the password is not the question.")
        return
    if known is not None and not known:
        yield skip("MaxScale knows no account at all, and so refuses everybody: the password is not the question.")
        return
    mine = tuple(item for item in known or () if item.user == login.user)
    if mine and all(item.tls for item in mine) and not login.cipher:
        yield skip("MaxScale's copy says that the account demands TLS, which this login had none of.")
        return
    facts = {"user": login.user, "TLS": login.cipher or "no"}
    if login.age_s:
        facts["tried"] = f"{login.age_s:.0f} s ago, and not again since: refusals add up to a block"
    if mine:
        facts["accounts that MaxScale knows"] = ", ".join(f"{item.user}@{item.host}" for item in mine[:6])
        anywhere = any(item.host in ("%", "") for item in mine)
        what = "its password is wrong" + ("" if anywhere else ", or its host pattern does not match")
    elif error.errno == 1698:
        what = "it does not exist, or is for the server's own machine only (unix_socket)"
    elif went_to_maxscale(seen):
        what = "password, user or host do not fit, or MaxScale's list of accounts is old: it says the same for all"
    else:
        what = "its password is wrong, it does not exist, or it demands TLS: MariaDB says the same for all"
    yield login_failed(
        f"The login as {login.user} is refused ({error.errno}): {what}.",
        error,
        target,
        seen=facts,
        remedy=f"Compare the password with the Secret that the User names, letter by letter. {_ONCE} What was changed "
        "within the last 30 s may not be known to MaxScale yet.",
        commands=(
            look("kubectl", "get", "users.k8s.mariadb.com,grants.k8s.mariadb.com", "-A"),
            at_mariadb(objects, by_number(1045).sql),
            at_maxscale(state, "list", "services"),
        ),
    )


@check(
    id="mysql.user-missing",
    title="The account exists",
    step="auth",
    link=_LINK,
    causes=(str(Symptom.MYSQL_1045), "mysql.wrong-password"),
)
def user_missing(
    target: Target, login: SqlLogin, state: MaxScaleState | Unavailable, objects: DatabaseObjects | Unavailable
) -> Iterator[Finding]:
    """The login is refused, and whoever knows the accounts does not know this one."""
    error = refused_with(login, None, *_REFUSED)
    if error is None:
        if login.accepted:
            yield ok(f"The account {login.user} exists.", where=LOGIN)
        else:
            yield skip("The login did not get as far as the account.")
        return
    who = _missing(login, state, objects)
    if who:
        known = sorted(
            {item.user for item in accounts_known(state) or () if item.user} | (operator_users(objects) or set())
        )
        yield login_failed(
            f"There is no account {login.user}: {who} has none of that name.",
            error,
            target,
            seen={"user": login.user, "accounts that are there": ", ".join(known[:12]) or "none"},
            remedy="Create it: a User of mariadb-operator, with its password in a Secret, and a Grant for exactly the "
            "same user and host. MaxScale learns of it within 30 s.",
            commands=(
                look("kubectl", "get", "users.k8s.mariadb.com,grants.k8s.mariadb.com", "-A"),
                at_mariadb(objects, by_number(1045).sql),
            ),
        )
    elif accounts_known(state) is not None:
        yield ok(f"MaxScale knows the account {login.user}.", where="MaxScale's copy of the accounts")
    else:
        gap = state if isinstance(state, Unavailable) else None
        yield unknown(
            "Whether the account exists cannot be told from the refusal: it is the same for both.",
            enable_with=gap.enable_with
            if gap and gap.enable_with
            else "Let MaxScale's REST API be read: it lists them.",
        )


@check(
    id="mysql.host-not-allowed",
    title="The account may come from where MariaDB sees it",
    step="auth",
    link=_LINK,
    causes=(str(Symptom.MYSQL_1130), "sql.error-greeting"),
)
def host_not_allowed(
    target: Target,
    login: SqlLogin | Unavailable,
    seen: SqlGreeting | Unavailable,
    objects: DatabaseObjects | Unavailable,
) -> Iterator[Finding]:
    """1130: no account matches the address; and which address MariaDB sees where it does."""
    error = refused_with(login, seen, 1130)
    if error is not None and not is_about_header(error):
        yield login_failed(
            f"MariaDB lets nobody in from the address that it sees: {error.text}.",
            error,
            target,
            remedy="Give the account a host that matches that address: behind Traefik or MaxScale it is their pod's, "
            "unless each hop passes the client's on with a PROXY header.",
            commands=(at_mariadb(objects, by_number(1045).sql),),
        )
    elif isinstance(login, Unavailable):
        yield skip(f"Nobody logged in, so no account could be refused: {login.reason}.")
    elif login.identity is None:
        yield skip("The login did not get as far as the statement that shows the address.")
    else:
        yield ok(
            _seen_as(login), where=LOGIN, seen={"account": login.identity.account, "seen as": login.identity.seen_as}
        )


def _seen_as(login: SqlLogin) -> str:
    """Say which address MariaDB takes for the client's; a private one is a proxy's."""
    identity = login.identity
    account, whom = (identity.account, identity.seen_as) if identity else ("", "")
    address = whom.rpartition("@")[2]
    hop = "a private address, as a hop's own: then no PROXY header reaches MariaDB"
    whose = hop if is_private(address) else "the client's address"
    return f"The account {account} matched; MariaDB sees the client as {whom} ({whose})."


@check(
    id="mysql.account-locked",
    title="The account is neither locked, blocked nor expired",
    step="auth",
    link=_LINK,
    causes=(str(Symptom.MYSQL_4151), str(Symptom.MYSQL_ERROR)),
)
def account_locked(target: Target, login: SqlLogin, objects: DatabaseObjects | Unavailable) -> Iterator[Finding]:
    """4151 and its relatives: the account is there, and nobody may use it."""
    error = refused_with(login, None, *_LOCKED)
    if error is None:
        if login.identity is not None:
            yield ok(f"The account {login.user} is open.", where=LOGIN)
        else:
            yield skip("The login ended before MariaDB could say whether the account is open.")
        return
    yield login_failed(
        f"The account {login.user} {_LOCKED[error.errno]}.",
        error,
        target,
        seen={"user": login.user},
        remedy=_UNLOCK,
        commands=(
            look("kubectl", "get", "users.k8s.mariadb.com", "-A"),
            at_mariadb(objects, by_number(error.errno).sql),
        ),
    )
