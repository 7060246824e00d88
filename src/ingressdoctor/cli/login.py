"""The account for a login at a MySQL port: from the options, the target or the configuration, and its password.

A password comes from a file, a variable or a command, else from a prompt where somebody sits before a terminal. It is
never an option, and never in a target.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from msgspec.structs import replace

from ingressdoctor.cli.options import Format, Login, Output, TargetChoice
from ingressdoctor.config import Settings
from ingressdoctor.config.secrets import Kind
from ingressdoctor.errors import UsageError
from ingressdoctor.model.target import Protocol, Target

__all__ = ["target_of", "with_account", "with_password"]


def target_of(host: str, what: TargetChoice, login: Login) -> Target:
    """Read the target with what the options say about it.

    Raises:
        UsageError: it is no target, or an account is named for one that does not speak MySQL.
    """
    target = Target.parse(
        host,
        port=what.port,
        client_ip=what.client_ip,
        sql_user=login.sql_user,
        protocol=Protocol(what.protocol) if what.protocol else None,
    )
    if target.protocol is not Protocol.MYSQL and (login.sql_user or login.sql_password_file):
        given = "--sql-user" if login.sql_user else "--sql-password-file"
        raise UsageError(
            f"{given} is for a MySQL port, and {target.hostname} is asked about as {target.scheme}.",
            hint=f"For example: ingressdoctor {target.hostname} --port 3306 --sql-user NAME",
        )
    return target


def with_account(target: Target, settings: Settings) -> Target:
    """Return the target with the account of the configuration, where MySQL is spoken and none was named."""
    if target.protocol is not Protocol.MYSQL or target.sql_user:
        return target
    return replace(target, sql_user=settings.sql.user)


def with_password(target: Target, settings: Settings, output: Output) -> Mapping[str, str] | None:
    """Ask for the password where one is needed, none is configured, and somebody is there to answer.

    Returns the environment with the answer in the variable that the configuration names; None where nobody was asked.
    """
    reference = settings.sql.password
    if not target.sql_user or reference.kind is not Kind.ENV or reference.state() != "not set":
        return None
    if output.form is not Format.TERMINAL or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    from getpass import getpass

    answer = getpass(f"Password of {target.sql_user} at {target.hostname} (Enter: no login): ", stream=sys.stderr)
    return {**os.environ, reference.place[0]: answer} if answer else None
