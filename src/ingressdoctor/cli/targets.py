"""``ingressdoctor targets``: every hostname that the cluster's routing objects name."""

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

    from ingressdoctor.cli.asking import ask, refuse_unseen
    from ingressdoctor.cli.output import page_for, write
    from ingressdoctor.cli.settings import settings_for
    from ingressdoctor.model.evidence import Unavailable
    from ingressdoctor.render.lists import HostV1, TargetsV1, targets_to_json, targets_to_terminal, walk_of

    settings = settings_for(connection)
    found = ask(settings, lambda session: session.known_hosts())
    if isinstance(found, Unavailable):
        raise refuse_unseen(found)
    patterns = settings.walks.patterns
    hosts = tuple(
        HostV1(hostname=name, objects=objects, walk=walk_of(name, objects, patterns))
        for name, objects in sorted(found.hosts.items())
    )
    limits = tuple(f"{gap.wanted}: {gap.reason}" for gap in found.unread)
    view = TargetsV1(hosts=hosts, limits=limits)
    write(targets_to_json(view) if as_json else targets_to_terminal(view, page_for(sys.stdout)))
    raise typer.Exit(3 if limits else 0)
