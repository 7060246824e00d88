"""``ingressdoctor route URL``: which router takes the request, and why not the others; ``--all``: the whole set."""

from __future__ import annotations

from typing import Annotated

import typer

from ingressdoctor.cli.options import AsJson, Connection, TargetChoice, Verbose, spread
from ingressdoctor.cli.route_options import AskedFor, Supposed

__all__ = ["add_to"]

Url = Annotated[str, typer.Argument(metavar="[URL]", help="Hostname or URL with path; with --all a host, or none.")]


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("route")(spread(route))


def route(  # noqa: PLR0913 - one parameter for each bundle of options
    *,
    what: TargetChoice,
    asked: AskedFor,
    supposed: Supposed,
    connection: Connection,
    url: Url = "",
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Show which router, rule and Service URL reaches, and why not the others."""
    import sys

    from ingressdoctor.cli.output import page_for, write
    from ingressdoctor.cli.routing import Wanted, look, shown

    # What can be wrong on the command line is said before anything else is read.
    wanted = Wanted.of(url, what, asked)
    if supposed.cloudflared_config:
        from ingressdoctor.cli.route_cloudflared import rules_answer

        page = page_for(sys.stdout, verbose=verbose)
        text, code = rules_answer(wanted, supposed, page, as_json=as_json)
        write(text)
        raise typer.Exit(code)
    found = look(wanted, supposed, connection)
    text, code = shown(found, page_for(sys.stdout, verbose=verbose), as_json=as_json)
    write(text)
    raise typer.Exit(code)
