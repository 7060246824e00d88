"""``ingressdoctor walks list|show``: the documented debugging sequences."""

from __future__ import annotations

from typing import Annotated

import typer

from ingressdoctor.cli.options import AsJson, ConfigFile, Connection

__all__ = ["add_to"]

WalkId = Annotated[str, typer.Argument(metavar="NAME", help="Name of the walk, as public.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(rich_markup_mode=None)
    group.command("list")(list_walks)
    group.command("show")(show_walk)
    app.add_typer(group, name="walks", help="List the walks, or show the steps of one.")


def list_walks(config: ConfigFile = "", as_json: AsJson = False) -> None:
    """List every walk with its steps."""
    import sys

    from ingressdoctor.cli.output import page_for, write
    from ingressdoctor.cli.settings import settings_for
    from ingressdoctor.render.catalog import walks_to_json, walks_to_terminal
    from ingressdoctor.wiring import load_catalog

    walks = load_catalog(settings_for(Connection(config=config))).walks
    write(walks_to_json(walks) if as_json else walks_to_terminal(walks, page_for(sys.stdout)))


def show_walk(walk: WalkId, config: ConfigFile = "") -> None:
    """Show the steps of a walk and the checks that answer each."""
    import difflib
    import sys

    from ingressdoctor.cli.output import page_for, write
    from ingressdoctor.cli.settings import settings_for
    from ingressdoctor.errors import UsageError
    from ingressdoctor.render.catalog import walk_to_terminal
    from ingressdoctor.wiring import load_catalog

    catalog = load_catalog(settings_for(Connection(config=config)))
    found = catalog.walk(walk)
    if found is None:
        names = [item.id for item in catalog.walks]
        near = difflib.get_close_matches(walk, names, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"Known walks: {', '.join(names)}."
        raise UsageError(f"There is no walk {walk[:40]!r}.", hint=hint)
    write(walk_to_terminal(found, catalog.checks_of(found), page_for(sys.stdout)))
