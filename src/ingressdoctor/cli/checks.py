"""``ingressdoctor checks list|show``: what can be checked, and the documentation of one check."""

from __future__ import annotations

from typing import Annotated

import typer

from ingressdoctor.cli.options import AsJson, ConfigFile, Connection

__all__ = ["add_to"]

Only = Annotated[list[str] | None, typer.Option("--only", metavar="GLOB", help="Only these ids, as in 'dns.*'.")]
CheckId = Annotated[str, typer.Argument(metavar="ID", help="Id of the check, as dns.not-proxied.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(rich_markup_mode=None)
    group.command("list")(list_checks)
    group.command("show")(show_check)
    app.add_typer(group, name="checks", help="List the checks, or show the documentation of one.")


def list_checks(config: ConfigFile = "", only: Only = None, as_json: AsJson = False) -> None:
    """List every check with its id, step and title."""
    import sys

    from ingressdoctor.cli.output import page_for, write
    from ingressdoctor.cli.settings import settings_for
    from ingressdoctor.engine.choose import select
    from ingressdoctor.render.catalog import checks_to_json, checks_to_terminal
    from ingressdoctor.wiring import load_catalog

    catalog = load_catalog(settings_for(Connection(config=config)))
    chosen = select(catalog.checks, tuple(only or ()), ())
    write(checks_to_json(chosen) if as_json else checks_to_terminal(chosen, catalog.walks, page_for(sys.stdout)))


def show_check(check_id: CheckId, config: ConfigFile = "") -> None:
    """Show what a check means: symptom, cause, proof and fix."""
    import sys

    from ingressdoctor.cli.docs import section_of
    from ingressdoctor.cli.output import page_for, write
    from ingressdoctor.cli.settings import settings_for
    from ingressdoctor.engine.choose import select
    from ingressdoctor.render.catalog import check_to_terminal
    from ingressdoctor.wiring import load_catalog

    [check, *_] = select(load_catalog(settings_for(Connection(config=config))).checks, (check_id,), ())
    write(check_to_terminal(check, section_of(check.id), page_for(sys.stdout)))
