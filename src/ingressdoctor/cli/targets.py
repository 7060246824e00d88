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

    from ingressdoctor.cli.known import known_names
    from ingressdoctor.cli.output import page_for, write
    from ingressdoctor.cli.settings import settings_for
    from ingressdoctor.model.target import Target
    from ingressdoctor.render.lists import HostV1, TargetsV1, targets_to_json, targets_to_terminal, walk_of

    settings = settings_for(connection)
    names, limits = known_names(settings)
    patterns = settings.walks.patterns
    hosts = tuple(
        HostV1(
            hostname=(host := Target.parse(name).hostname),
            target=name,
            objects=objects,
            walk=walk_of(host, objects, patterns),
        )
        for name, objects in sorted(names.items(), key=lambda item: (Target.parse(item[0]).hostname, item[0]))
    )
    view = TargetsV1(hosts=hosts, limits=limits)
    write(targets_to_json(view) if as_json else targets_to_terminal(view, page_for(sys.stdout)))
    raise typer.Exit(3 if limits else 0)
