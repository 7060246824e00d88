"""``ingressdoctor targets``: every hostname that a sweep would judge."""

from __future__ import annotations

import typer

from ingressdoctor.cli.options import AsJson, Connection, spread

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("targets")(spread(targets))


def targets(connection: Connection, as_json: AsJson = False) -> None:
    """List every hostname found, the objects that name it, and the walk it takes."""
    import sys

    from ingressdoctor.cli.known import known_targets
    from ingressdoctor.cli.output import page_for, write
    from ingressdoctor.cli.settings import settings_for
    from ingressdoctor.render.lists import HostV1, TargetsV1, targets_to_json, targets_to_terminal, walk_of

    settings = settings_for(connection)
    known, limits = known_targets(settings)
    hosts = tuple(
        HostV1(
            hostname=item.target.hostname,
            target=item.name,
            objects=item.sources,
            walk=walk or walk_of(item.target.hostname, item.sources, settings.walks.patterns),
        )
        for item, walk in sorted(known, key=lambda pair: (pair[0].target.hostname, pair[0].name))
    )
    view = TargetsV1(hosts=hosts, limits=limits)
    write(targets_to_json(view) if as_json else targets_to_terminal(view, page_for(sys.stdout)))
    raise typer.Exit(3 if limits else 0)
