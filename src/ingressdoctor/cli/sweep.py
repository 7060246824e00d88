"""``ingressdoctor sweep``: judge every known hostname, once or on a schedule; ``sweep history`` tells what was."""

from __future__ import annotations

import contextlib
import shlex
from typing import Final

import typer
from typer.core import TyperCommand, TyperGroup

from ingressdoctor.cli import sweep_history, sweep_notify
from ingressdoctor.cli.options import Connection, RunChoice, spread
from ingressdoctor.cli.sweep_options import SweepChoice, SweepOutput, SweepRepeat, WhichTargets
from ingressdoctor.errors import IngressDoctorError, UsageError
from ingressdoctor.model.text import clean
from ingressdoctor.render.sweep_format import SweepFormat

__all__ = ["add_to"]

_NAMES_A_HOST: Final = frozenset(".:/*")


class SweepGroup(TyperGroup):
    """The group ``sweep``: a hostname in the place of a command is a hostname, and told what takes one."""

    def resolve_command(  # type: ignore[override]
        self, ctx: typer.Context, args: list[str]
    ) -> tuple[str | None, TyperCommand | None, list[str]]:
        """Find the command as ever.

        Raises:
            UsageError: it is a hostname, a URL or a pattern.
        """
        word = args[0] if args else ""
        if word not in self.commands and _NAMES_A_HOST.intersection(word):
            raise UsageError(f"A sweep takes no host as an argument: {clean(word, 100)}.", hint=_instead_of(word))
        return super().resolve_command(ctx, args)  # type: ignore[return-value]


def _instead_of(word: str) -> str:
    shown = shlex.quote(clean(word, 100))
    ways = [] if "*" in word else [f"To diagnose it: ingressdoctor {shown}"]
    if "/" not in word:
        ways.append(f"to sweep those known that fit: ingressdoctor sweep --match {shown}")
    ways.append("to sweep a list: ingressdoctor sweep -f FILE, or -f - for standard input")
    hint = "; ".join(ways)
    return hint[0].upper() + hint[1:]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(cls=SweepGroup, rich_markup_mode=None, invoke_without_command=True)
    group.callback()(spread(sweep))
    sweep_history.add_to(group)
    sweep_notify.add_to(group)
    app.add_typer(group, name="sweep", help="Judge every known hostname, or a list; again and again with --every.")


def sweep(  # noqa: PLR0913 - one parameter for each bundle of options
    *,
    called: typer.Context,
    which: WhichTargets,
    choice: SweepChoice,
    output: SweepOutput,
    repeat: SweepRepeat,
    run: RunChoice,
    connection: Connection,
) -> None:
    """Judge every hostname that the installation names, or those of a list; one incident for each cause."""
    if called.invoked_subcommand is not None:
        return
    from ingressdoctor.cli.settings import settings_for
    from ingressdoctor.cli.sweeping import SweepRequest, run_sweeps

    try:
        settings = settings_for(connection, run)
        request = SweepRequest(settings=settings, which=which, choice=choice, output=output, repeat=repeat, run=run)
        code = run_sweeps(request)
    except IngressDoctorError as error:
        if output.form is SweepFormat.NAGIOS:
            _tell_nagios(error)
        raise
    raise typer.Exit(code)


def _tell_nagios(error: IngressDoctorError) -> None:
    """Say it where monitoring reads, with a code that it knows: an empty line and 4, or 2, would say something else."""
    from ingressdoctor.cli.output import write
    from ingressdoctor.render.sweep_nagios import UNKNOWN_CODE, refusal_to_nagios

    error.exit_code = UNKNOWN_CODE
    with contextlib.suppress(IngressDoctorError):
        write(refusal_to_nagios(error.message))
