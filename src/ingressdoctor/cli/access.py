"""``ingressdoctor access``: what today's credentials can read, and what each missing one costs."""

from __future__ import annotations

import typer

from ingressdoctor.cli.options import AsJson, Connection, spread

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("access")(spread(access))


def access(connection: Connection, as_json: AsJson = False) -> None:
    """Show which sources today's credentials can read, and which checks each missing one costs."""
    import sys

    from ingressdoctor.cli.asking import ask
    from ingressdoctor.cli.output import page_for, write
    from ingressdoctor.cli.settings import settings_for
    from ingressdoctor.render.lists import AccessV1, SourceV1, access_to_json, access_to_terminal

    sources = tuple(
        SourceV1(
            source=item.source,
            readable=item.readable,
            detail=item.detail,
            costs=item.costs,
            enable_with=item.enable_with,
        )
        for item in ask(settings_for(connection), lambda session: session.access())
    )
    view = AccessV1(sources=sources)
    write(access_to_json(view) if as_json else access_to_terminal(view, page_for(sys.stdout)))
    raise typer.Exit(0 if all(source.readable for source in sources) else 3)
