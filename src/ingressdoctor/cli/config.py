"""``ingressdoctor config init|show|validate``: the configuration file."""

from __future__ import annotations

from typing import Annotated

import typer

from ingressdoctor.cli.options import ConfigFile, Connection

__all__ = ["add_to"]

ToFile = Annotated[
    str, typer.Argument(metavar="[FILE]", help="Where to write; '-' is standard output.", show_default=False)
]
Force = Annotated[bool, typer.Option("--force", help="Overwrite a file that is there.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(rich_markup_mode=None)
    group.command("init")(init)
    group.command("show")(show)
    group.command("validate")(validate)
    app.add_typer(group, name="config", help="Write, show or check the configuration file.")


def init(file: ToFile = "ingressdoctor.toml", force: Force = False) -> None:
    """Write a commented configuration file to start from."""
    from pathlib import Path

    from ingressdoctor.cli.output import tell, write
    from ingressdoctor.config import example_toml
    from ingressdoctor.errors import UsageError

    if file == "-":
        write(example_toml())
        return
    try:
        with Path(file).open("w" if force else "x", encoding="utf-8") as out:
            out.write(example_toml())
    except FileExistsError:
        raise UsageError(f"{file} exists already.", hint="Overwrite it with --force.") from None
    except OSError as error:
        raise UsageError(f"Cannot write {file}: {error.strerror or error}.") from None
    tell(f"Wrote {file}. Its first five lines are the ones that matter.")


def show(config: ConfigFile = "") -> None:
    """Show every value in effect and where it came from; of secrets only whether they are there."""
    from ingressdoctor.cli.output import write
    from ingressdoctor.cli.settings import settings_for
    from ingressdoctor.config import effective_toml

    write(effective_toml(settings_for(Connection(config=config))))


def validate(config: ConfigFile = "") -> None:
    """Check the file, the places where secrets are kept, and the folders of checks."""
    from ingressdoctor.cli.output import tell, write
    from ingressdoctor.cli.settings import settings_for
    from ingressdoctor.wiring import load_catalog

    settings = settings_for(Connection(config=config))
    catalog = load_catalog(settings)
    told = [(f"notify {item.name}.{key}", ref) for item in settings.notify for key, ref in item.references]
    apis = [("hetzner.token", settings.hetzner.token), ("cloudflare.token", settings.cloudflare.token)]
    for name, ref in (*apis, *told):
        if ref.state() in ("not set", "no such file"):
            tell(f"Note: {name}: {ref} ({ref.state()}); what needs it will be reported as unknown.")
    write(f"{settings.path or 'Defaults only, no file'}: valid, {len(catalog.checks)} checks.\n")
