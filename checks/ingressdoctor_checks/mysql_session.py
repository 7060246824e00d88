"""Does the login work? What comes with it: schema, TLS, the way to authenticate, and what any other error means.

Source: MariaDB and MaxScale 23.08 and 24.02, and PyMySQL 1.2, observed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    DatabaseObjects,
    Finding,
    MaxScaleState,
    Reach,
    Remedy,
    SqlLogin,
    Symptom,
    Target,
    Unavailable,
    check,
    fail,
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
    commands_for,
    login_failed,
    refused_with,
    try_login,
    try_port,
)
from ingressdoctor_checks.mysql_errors import by_number, is_about_header, meaning_of, symptom_of

__all__ = ["login_refused", "no_database", "plugin_unsupported", "tls_required"]

_LINK: Final = "client → session"
_OWNED: Final = (1040, 1044, 1045, 1049, 1129, 1203, 1226, 1290, 1524, 1698, 1820, 1862, 3118, 3159, 4150, 4151)
_PACKAGES: Final = {
    "pynacl": ("ed25519", "PyNaCl", "PyMySQL[ed25519]"),
    "cryptography": ("caching_sha2_password or sha256_password", "cryptography", "PyMySQL[rsa]"),
}


@check(
    id="mysql.no-database",
    title="The schema is there, and the account may use it",
    step="auth",
    link=_LINK,
    causes=(str(Symptom.MYSQL_1049), str(Symptom.MYSQL_1044)),
)
def no_database(target: Target, login: SqlLogin, objects: DatabaseObjects | Unavailable) -> Iterator[Finding]:
    """1049, and 1044, which MariaDB also answers for a schema that does not exist."""
    error = refused_with(login, None, 1044, 1049)
    if error is None:
        if not login.database:
            yield skip("No schema was asked for; mysql://user@host/schema names one.")
        elif login.identity is not None:
            yield ok(f"The schema {login.database} is there, and {login.user} may use it.", where=LOGIN)
        else:
            yield skip("The login did not get as far as the schema.")
        return
    what = (
        f"There is no schema {login.database}."
        if error.errno == 1049
        else f"The account {login.user} may not use the schema {login.database}, or there is none of that name."
    )
    made = () if isinstance(objects, Unavailable) or isinstance(objects.databases, Unavailable) else objects.databases
    yield login_failed(
        what,
        error,
        target,
        seen={"schemas that the operator made": ", ".join(sorted(item.database for item in made)[:12]) or "not told"},
        remedy="Compare the name letter by letter: case counts. A Grant holds for exactly its own user and host.",
        commands=(
            look("kubectl", "get", "databases.k8s.mariadb.com,grants.k8s.mariadb.com", "-A"),
            at_mariadb(objects, "SHOW DATABASES"),
        ),
    )


@check(
    id="mysql.tls-required",
    title="The login is as encrypted as the account demands",
    step="auth",
    link=_LINK,
    causes=(
        str(Symptom.MYSQL_1045),
        str(Symptom.MYSQL_CLOSED_AFTER_OK),
        str(Symptom.MYSQL_ERROR),
        "mysql.closed-after-ok",
        "mxs.logins-fail-behind",
    ),
)
def tls_required(
    target: Target, login: SqlLogin, state: MaxScaleState | Unavailable, objects: DatabaseObjects | Unavailable
) -> Iterator[Finding]:
    """3159; or a refusal, early or late, of an account of which MaxScale knows that it demands TLS."""
    error = refused_with(login, None, 3159)
    mine = tuple(item for item in accounts_known(state) or () if item.user == login.user)
    demanded = bool(mine) and all(item.tls for item in mine) and not login.cipher
    if error is None and demanded:
        error = refused_with(login, None, 1045)
    if error is None and not (demanded and login.closed_after_ok):
        if login.accepted:
            yield ok("The login is accepted as it is.", seen={"TLS": login.cipher or "no"}, where=LOGIN)
        else:
            yield skip("Nothing says that TLS is what is missing.")
        return
    by_server = error is not None and error.errno == 3159
    who = "The server takes logins" if by_server else f"The account {login.user} may log in"
    said = (
        f"{error.errno} {error.text}" if error is not None else "the login is accepted, then the connection is closed"
    )
    yield fail(
        f"{who} over TLS only, and this login was in the clear.",
        subject=f"{target.hostname}:{target.port}",
        where=LOGIN,
        symptom=symptom_of(error.errno) if error is not None else Symptom.MYSQL_CLOSED_AFTER_OK,
        seen={"user": login.user, "TLS": login.cipher or "no", "said": said},
        remedy=Remedy(
            text="Switch TLS on at MaxScale's listener and its servers, and at the client; or drop REQUIRE.",
            commands=(at_maxscale(state, "list", "listeners"), at_mariadb(objects, by_number(3159).sql)),
            proof=try_login(target),
        ),
    )


@check(
    id="mysql.plugin-unsupported",
    title="Both sides know the account's way of authenticating",
    step="auth",
    link=_LINK,
    causes=(str(Symptom.MYSQL_ERROR),),
)
def plugin_unsupported(
    target: Target, login: SqlLogin, state: MaxScaleState | Unavailable, objects: DatabaseObjects | Unavailable
) -> Iterator[Finding]:
    """1524 at MaxScale; and what this program cannot speak, which says nothing about other clients."""
    error = refused_with(login, None, 1524)
    if error is not None:
        yield login_failed(
            f"MaxScale cannot log {login.user} in: it does not know the account's way of authenticating.",
            error,
            target,
            seen={"user": login.user},
            remedy=by_number(1524).look,
            commands=commands_for(by_number(1524), state, objects),
        )
        return
    words = login.client_error.lower()
    package = next((value for key, value in _PACKAGES.items() if f"'{key}' package is required" in words), None)
    if package is not None:
        plugin, name, extra = package
        yield unknown(
            f"The server asks {login.user} for {plugin}, which needs the Python package {name} here. MariaDB asks the "
            "same of names that do not exist.",
            enable_with=f"pip install '{extra}', then ask again.",
            seen={"client": login.client_error},
        )
    elif words.startswith("2059") or "not configured" in words:
        yield unknown(
            f"The server asks {login.user} for a way of authenticating that PyMySQL does not speak.",
            enable_with="Try it with MariaDB's own client: " + try_login(target).shell(),
            seen={"client": login.client_error},
        )
    elif login.accepted or refused_with(login, None, 1045) is not None:
        yield ok("Client and server know the same way of authenticating.", where=LOGIN)
    else:
        yield skip("The login did not get as far as authenticating.")


@check(
    id="mysql.login-refused",
    title="The login ends with no other error",
    step="auth",
    link=_LINK,
    causes=(str(Symptom.MYSQL_1815), str(Symptom.MYSQL_1156), str(Symptom.MYSQL_1130), str(Symptom.MYSQL_ERROR)),
)
def login_refused(
    target: Target, login: SqlLogin, state: MaxScaleState | Unavailable, objects: DatabaseObjects | Unavailable
) -> Iterator[Finding]:
    """Any error that no other check of this step speaks of, by the catalogue; and logins that just break off."""
    error = login.error
    if error is not None and error.errno not in _OWNED and not (error.errno == 1130 and not is_about_header(error)):
        meaning = meaning_of(error)
        yield login_failed(
            f"The login as {login.user} is refused with error {error.errno}: {meaning.what}.",
            error,
            target,
            seen={"speaks of": meaning.hop},
            remedy=meaning.look,
            commands=commands_for(meaning, state, objects),
        )
    elif error is not None:
        yield skip(f"Another check of this step speaks of error {error.errno}.")
    elif login.identity is not None:
        yield ok(f"The login as {login.user} works, and statements are answered.", where=LOGIN)
    elif login.closed_after_ok or _own_limit(login):
        yield skip("Another check of this step says how the login ended.")
    else:
        yield _broke_off(target, login, state)


def _own_limit(login: SqlLogin) -> bool:
    words = login.client_error.lower()
    return "package is required" in words or words.startswith("2059") or "not configured" in words


def _broke_off(target: Target, login: SqlLogin, state: MaxScaleState | Unavailable) -> Finding:
    """Say what it means when no error comes, but the connection ends or keeps silent."""
    header = "sequence number" in login.client_error or login.reach is Reach.RESET
    if header:
        what = "the connection breaks right after the greeting, as it does when a PROXY header is not expected"
        advice = (
            "Let Traefik send a PROXY header only where MaxScale's listener lists it in proxy_protocol_networks, and "
            "the load balancer only where the entry point trusts it."
        )
    elif login.reach is Reach.READ_TIMEOUT:
        what, advice = "no answer comes in time", "Look whether MaxScale or MariaDB hangs: connections, locks, storage."
    else:
        what, advice = (
            "the connection ends without an error",
            "Look at the logs of MaxScale and of Traefik at that time.",
        )
    return fail(
        f"The login as {login.user} does not end well: {what}.",
        subject=f"{target.hostname}:{target.port}",
        where=LOGIN,
        symptom=Symptom.MYSQL_ERROR,
        seen={"client": login.client_error or "nothing", "connection": login.reach.value},
        remedy=Remedy(
            text=advice, commands=(try_port(target), at_maxscale(state, "list", "sessions")), proof=try_login(target)
        ),
    )
