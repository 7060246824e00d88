"""``ingressdoctor onboard HOST``: how far a new hostname is set up, and the one next step."""

from __future__ import annotations

from typing import Annotated

import typer

from ingressdoctor.cli.options import AsJson, Connection, spread

__all__ = ["add_to"]

Name = Annotated[str, typer.Argument(metavar="HOST", help="The new hostname.")]
Management = Annotated[
    bool | None,
    typer.Option(
        "--management/--public",
        help="A name behind a tunnel and Access, or a public one; told by its pattern otherwise.",
    ),
]


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("onboard")(spread(onboard))


def onboard(host: Name, connection: Connection, management: Management = None, as_json: AsJson = False) -> None:
    """Walk the checklist of a new hostname: what is done, what is not, and exactly what to do next."""
    import sys

    from ingressdoctor.cli.asking import ask, refuse_unseen
    from ingressdoctor.cli.output import page_for, write
    from ingressdoctor.cli.settings import settings_for
    from ingressdoctor.evidence.onboarding import ManagementOnboarding, Onboarding, PublicOnboarding
    from ingressdoctor.evidence.preferences import Preferences
    from ingressdoctor.model.evidence import Unavailable
    from ingressdoctor.model.target import Target
    from ingressdoctor.render.onboard import exit_code_of, onboard_to_json, onboard_to_terminal

    target = Target.parse(host)
    settings = settings_for(connection)
    if management is None:
        patterns = Preferences(management=settings.access.management, public=settings.access.public)
        management = patterns.wants_login(target.hostname) is True
    wanted = ManagementOnboarding if management else PublicOnboarding
    (found,) = ask(settings, lambda session: session.evidence((wanted,), target))
    if isinstance(found, Unavailable):
        raise refuse_unseen(found)
    if not isinstance(found, Onboarding):
        raise TypeError(f"a collector returned {type(found).__name__} instead of a checklist")
    write(onboard_to_json(found) if as_json else onboard_to_terminal(found, page_for(sys.stdout)))
    raise typer.Exit(exit_code_of(found))
