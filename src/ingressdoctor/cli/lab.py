"""``ingressdoctor lab list|run|up``: the embedded environments, served over real protocols on loopback."""

from __future__ import annotations

from typing import Annotated

import typer

from ingressdoctor.cli.options import LabChoice, Output, RunChoice, spread

__all__ = ["add_to"]

World = Annotated[str, typer.Argument(metavar="WORLD", help="Name of the environment, as wecare.")]
MaybeWorld = Annotated[str, typer.Argument(metavar="[WORLD]", help="List the faults of this one.", show_default=False)]
MaybeHost = Annotated[
    str, typer.Argument(metavar="[HOST]", help="What to diagnose; default: what it is about.", show_default=False)
]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(rich_markup_mode=None)
    group.command("list")(list_lab)
    group.command("run")(spread(run))
    group.command("up")(spread(up))
    app.add_typer(group, name="lab", help="Embedded environments to try things on: list, diagnose, or keep one up.")


def list_lab(world: MaybeWorld = "") -> None:
    """List the environments, or the faults of one."""
    import sys

    from ingressdoctor.cli.output import page_for, write
    from ingressdoctor.lab import list_worlds, load_faults, load_world
    from ingressdoctor.render.catalog import pairs_to_terminal

    page = page_for(sys.stdout)
    if world:
        write(pairs_to_terminal([(fault.name, fault.title) for fault in load_faults(world)], page))
        return
    write(pairs_to_terminal([(name, load_world(name).title) for name in list_worlds()], page))


def run(world: World, output: Output, choice: RunChoice, lab: LabChoice, host: MaybeHost = "") -> None:
    """Start WORLD, diagnose HOST in it, and stop it again."""
    from ingressdoctor.cli.labrun import broken_world, diagnose_in_lab

    raise typer.Exit(diagnose_in_lab(broken_world(world, tuple(lab.fault or ())), host, choice, output, lab))


def up(world: World, lab: LabChoice) -> None:
    """Start WORLD and keep it up until Ctrl-C; prints what to type in a second terminal."""
    from ingressdoctor.cli.labrun import broken_world, stay_up

    stay_up(broken_world(world, tuple(lab.fault or ())), lab)
