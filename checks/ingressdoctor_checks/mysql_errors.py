"""What each error number on the way to a MySQL server means, which hop it speaks of, and what to look at next. Data.

Source: MariaDB's list of error codes; who sends which, and when, was observed on MariaDB 10.11 and 11.8 and on MaxScale
23.08 and 24.02.
"""

from __future__ import annotations

from typing import Final

import msgspec

from ingressdoctor.api import ServerError, Symptom

__all__ = ["CATALOGUE", "MySqlError", "by_number", "is_about_header", "meaning_of", "symptom_of"]


class MySqlError(msgspec.Struct, frozen=True, kw_only=True):
    """One number: the hop that it speaks of, what happened as the end of a sentence, and the next look.

    ``sql`` is a statement that shows more at MariaDB, ``maxctrl`` are words for MaxScale's own tool; each may be empty.
    """

    hop: str
    what: str
    look: str
    sql: str = ""
    maxctrl: tuple[str, ...] = ()


_SERVERS: Final = ("list", "servers")
_SERVICES: Final = ("list", "services")
_BLOCKED: Final = "SELECT host, ip, sum_connect_errors FROM performance_schema.host_cache"
_LIMITS: Final = "SHOW GLOBAL STATUS LIKE 'Max_used_connections%'"
_ACCOUNTS: Final = "SELECT user, host, plugin FROM mysql.user ORDER BY user, host"
_LOCKS: Final = "SELECT user, host, JSON_VALUE(priv, '$.account_locked') AS locked FROM mysql.global_priv"
_NETWORK: Final = MySqlError(
    hop="the network",
    what="packets are cut or damaged on the way",
    look="Look for a hop that cuts idle connections (load balancer, NAT), and switch keep-alive on.",
    sql="SHOW GLOBAL STATUS LIKE 'Aborted%'",
)
_EXPIRED: Final = MySqlError(
    hop="MySQL authentication",
    what="the account's password has expired",
    look="Set a new password; an account that mariadb-operator made without one is locked and expired on purpose.",
    sql="SELECT user, host, JSON_VALUE(priv, '$.password_last_changed') AS changed FROM mysql.global_priv",
)

CATALOGUE: Final = {
    1040: MySqlError(
        hop="MariaDB or MaxScale",
        what="all connections that are allowed are in use",
        look="Compare the limits with what is in use: max_connections at MariaDB, and that of MaxScale's service.",
        sql=_LIMITS,
        maxctrl=_SERVICES,
    ),
    1042: MySqlError(
        hop="MariaDB",
        what="it cannot look up the client's name",
        look="Set skip_name_resolve at MariaDB; accounts then match by address only.",
        sql="SELECT @@skip_name_resolve",
    ),
    1043: MySqlError(
        hop="the client",
        what="the first packet was not a login",
        look="Look what speaks to the port: a health check, or a client of another protocol.",
    ),
    1044: MySqlError(
        hop="MySQL authentication",
        what="the account may not use that schema, or there is no such schema",
        look="Look at the Grant and the Database; MariaDB says the same of a schema that does not exist.",
        sql="SHOW DATABASES",
    ),
    1045: MySqlError(
        hop="MySQL authentication",
        what="the login is refused",
        look="Compare user, password and host pattern; MaxScale says the same for a list of accounts that is stale.",
        sql=_ACCOUNTS,
        maxctrl=_SERVICES,
    ),
    1049: MySqlError(
        hop="MySQL authentication",
        what="there is no such schema",
        look="Compare the schema's name with what exists, letter by letter: case counts.",
        sql="SHOW DATABASES",
    ),
    1053: MySqlError(
        hop="MariaDB", what="it is shutting down", look="Look at the pods' events, and try again.", maxctrl=_SERVERS
    ),
    1105: MySqlError(
        hop="the PROXY header",
        what="the PROXY header before the client's bytes cannot be read",
        look="Look which hop sends it, and in which version.",
    ),
    1129: MySqlError(
        hop="MariaDB or MaxScale",
        what="the address is blocked after too many failures",
        look="Find the client that fails over and over, then lift the block.",
        sql=_BLOCKED,
    ),
    1130: MySqlError(
        hop="MySQL authentication",
        what="no account may come from that address",
        look="Compare the hosts of the accounts with the address that MariaDB sees: behind a proxy, the proxy's.",
        sql=_ACCOUNTS,
    ),
    1156: MySqlError(
        hop="the PROXY header",
        what="bytes arrived that are not MySQL's",
        look="A PROXY header or a request of another protocol comes to a peer that does not expect it.",
    ),
    1157: _NETWORK,
    1158: _NETWORK,
    1159: _NETWORK,
    1160: _NETWORK,
    1161: _NETWORK,
    1184: MySqlError(
        hop="MariaDB",
        what="a statement that it runs for each new connection (init_connect) fails",
        look="Look at init_connect and at MariaDB's log.",
        sql="SELECT @@init_connect",
    ),
    1203: MySqlError(
        hop="MariaDB",
        what="the account has as many connections as any account may have",
        look="Raise max_user_connections, or find who keeps them; it cannot be changed while it runs with 0.",
        sql="SELECT user, COUNT(*) FROM information_schema.processlist GROUP BY user",
    ),
    1226: MySqlError(
        hop="MySQL authentication",
        what="the account has used up its own limit",
        look="Raise maxUserConnections of the User (the operator's default is 10), or make the client's pool smaller.",
        sql="SELECT user, COUNT(*) FROM information_schema.processlist GROUP BY user",
    ),
    1227: MySqlError(
        hop="MySQL authentication",
        what="the account lacks a privilege",
        look="Look at its grants.",
        sql="SELECT * FROM information_schema.user_privileges",
    ),
    1290: MySqlError(
        hop="MaxScale",
        what="the server takes no writes",
        look="Look which server is the master, and which port the client uses.",
        sql="SELECT @@hostname, @@read_only",
        maxctrl=_SERVERS,
    ),
    1396: MySqlError(
        hop="mariadb-operator",
        what="an account could not be created or changed",
        look="Look at the User's condition.",
        sql=_ACCOUNTS,
    ),
    1524: MySqlError(
        hop="MaxScale",
        what="nothing there knows the account's way of authenticating",
        look="Give the account mysql_native_password; MaxScale's listener knows others only where it is told to.",
        sql=_ACCOUNTS,
        maxctrl=("list", "listeners"),
    ),
    1698: MySqlError(
        hop="MySQL authentication",
        what="the login is refused: the account is for the server's own machine only, or does not exist",
        look="Look whether the account exists and how it authenticates; unix_socket does not work over the network.",
        sql=_ACCOUNTS,
    ),
    1815: MySqlError(
        hop="MaxScale",
        what="MaxScale has no server that it could use",
        look="Look at the state of its servers: one must be Master and Running.",
        maxctrl=_SERVERS,
    ),
    1820: _EXPIRED,
    1862: _EXPIRED,
    1927: MySqlError(
        hop="MaxScale", what="the connection was ended by hand", look="Look at MaxScale's log.", maxctrl=_SERVERS
    ),
    3118: MySqlError(
        hop="MySQL authentication", what="the account is locked", look="Unlock it, or use another.", sql=_LOCKS
    ),
    3159: MySqlError(
        hop="MySQL authentication",
        what="the server takes logins over TLS only",
        look="Let the client use TLS; through MaxScale its listener and its servers need TLS both.",
        sql="SELECT @@require_secure_transport",
    ),
    4031: MySqlError(
        hop="MariaDB", what="the connection was idle for too long", look="Use keep-alive, or raise wait_timeout."
    ),
    4150: MySqlError(
        hop="MySQL authentication",
        what="the account is blocked after too many wrong passwords",
        look="Find the client with the wrong password, correct it, then unblock the account.",
        sql="SELECT @@max_password_errors",
    ),
    4151: MySqlError(
        hop="MySQL authentication",
        what="the account is locked",
        look="Unlock it; mariadb-operator locks an account whose User names no password.",
        sql=_LOCKS,
    ),
}
_OTHER: Final = MySqlError(
    hop="MariaDB or MaxScale",
    what="the server refuses",
    look="Look the number up in MariaDB's list of error codes, and at the server's log.",
)
_ALIASES: Final = {1698: 1045, 3118: 4151}


def meaning_of(error: ServerError) -> MySqlError:
    """Return what an error means; one about a PROXY header is told by its text."""
    return CATALOGUE[1105 if error.errno == 1105 else 1156] if is_about_header(error) else by_number(error.errno)


def by_number(errno: int) -> MySqlError:
    """Return what is known of a number."""
    return CATALOGUE.get(errno, _OTHER)


def is_about_header(error: ServerError) -> bool:
    """Tell whether an error is the answer to a PROXY header that was not expected."""
    return error.errno in (1105, 1156) or (error.errno == 1130 and "proxy header" in error.text.lower())


def symptom_of(errno: int) -> Symptom:
    """Return the symptom of a number."""
    exact = f"mysql-{_ALIASES.get(errno, errno)}"
    return Symptom(exact) if exact in set(Symptom) else Symptom.MYSQL_ERROR
