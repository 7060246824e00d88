"""``ingressdoctor HOST``: diagnose one host, once, again and again, or until it is healthy."""

from __future__ import annotations

import typer

from ingressdoctor.cli.options import Connection, Host, Output, Repeat, RunChoice, TargetChoice, spread

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("diagnose")(spread(diagnose))


def diagnose(
    host: Host, output: Output, run: RunChoice, what: TargetChoice, repeat: Repeat, connection: Connection
) -> None:
    """Say at which hop the way to HOST breaks, why, and what to type next."""
    from ingressdoctor.cli.settings import settings_for
    from ingressdoctor.model.target import Target

    # What can be wrong on the command line is said before anything heavy is loaded.
    target = Target.parse(host, port=what.port, client_ip=what.client_ip)
    settings = settings_for(connection, run)
    from ingressdoctor.cli.running import Request, run_request

    raise typer.Exit(run_request(Request(target=target, settings=settings, run=run, output=output, repeat=repeat)))
