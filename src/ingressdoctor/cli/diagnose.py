"""``ingressdoctor HOST``: diagnose one host, once, again and again, or until it is healthy."""

from __future__ import annotations

import typer

from ingressdoctor.cli.options import Connection, Host, Login, Output, Repeat, RunChoice, TargetChoice, spread

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("diagnose")(spread(diagnose))


def diagnose(  # noqa: PLR0913 - one parameter for each bundle of options
    *,
    host: Host,
    output: Output,
    run: RunChoice,
    what: TargetChoice,
    login: Login,
    repeat: Repeat,
    connection: Connection,
) -> None:
    """Say at which hop the way to HOST breaks, why, and what to type next."""
    from ingressdoctor.cli.login import target_of, with_account, with_password
    from ingressdoctor.cli.settings import settings_for

    # What can be wrong on the command line is said before anything heavy is loaded.
    target = target_of(host, what, login)
    settings = settings_for(connection, run, login=login)
    target = with_account(target, settings)
    environ = with_password(target, settings, output)
    from ingressdoctor.cli.running import Request, run_request

    request = Request(target=target, settings=settings, run=run, output=output, repeat=repeat, environ=environ)
    raise typer.Exit(run_request(request))
