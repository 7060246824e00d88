"""``ingressdoctor demo``: the shortest way to see a diagnosis."""

from __future__ import annotations

import typer

from ingressdoctor.cli.options import Output, RunChoice, spread

__all__ = ["add_to"]

WORLD = "wecare"
FAULT = "lb-no-443"


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("demo")(spread(demo))


def demo(output: Output, run: RunChoice) -> None:
    """Break the embedded environment in a telling way, diagnose it, and say what to try next."""
    from ingressdoctor.cli.labrun import broken_world, diagnose_in_lab
    from ingressdoctor.cli.output import tell

    broken = broken_world(WORLD, (FAULT,))
    tell(f"In the embedded environment {WORLD}, the fault {FAULT}: ingressdoctor {broken.host}\n")
    diagnose_in_lab(broken, "", run, output)
    tell(
        "\nTry next:\n"
        f"  ingressdoctor lab list {WORLD}                               every way to break it\n"
        f"  ingressdoctor lab run {WORLD} --fault pods-crashing-oom -v   another fault, every finding\n"
        f"  ingressdoctor lab up {WORLD}                                 keep it up, use a second terminal\n"
        "  ingressdoctor YOUR.HOST                                     your own, with your kubeconfig"
    )
