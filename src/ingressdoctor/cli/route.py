"""``ingressdoctor route URL``: which router takes the request, and why not the others."""

from __future__ import annotations

from typing import Annotated

import typer

from ingressdoctor.cli.options import AsJson, Connection, TargetChoice, Verbose, spread

__all__ = ["add_to"]

Url = Annotated[str, typer.Argument(metavar="URL", help="Hostname or URL with path.")]


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("route")(spread(route))


def route(
    url: Url, what: TargetChoice, connection: Connection, as_json: AsJson = False, verbose: Verbose = False
) -> None:
    """Show which router, rule and Service URL reaches, and why not the others."""
    import sys

    from ingressdoctor.cli.settings import settings_for
    from ingressdoctor.model.target import Target

    # What can be wrong on the command line is said before anything heavy is loaded.
    target = Target.parse(url, port=what.port, client_ip=what.client_ip)
    settings = settings_for(connection)
    from ingressdoctor.cli.asking import ask, refuse_unseen
    from ingressdoctor.cli.output import page_for, write
    from ingressdoctor.model.evidence import Unavailable
    from ingressdoctor.render.route import exit_code_of, route_to_json, route_to_terminal

    decision = ask(settings, lambda session: session.route(target))
    if isinstance(decision, Unavailable):
        raise refuse_unseen(decision)
    code = exit_code_of(decision)
    page = page_for(sys.stdout, verbose=verbose)
    write(
        route_to_json(decision, target.url, exit_code=code)
        if as_json
        else route_to_terminal(decision, target.url, page)
    )
    raise typer.Exit(code)
