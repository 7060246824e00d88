"""The program: its commands, and the one place where errors become exit codes.

Exit codes, in every output format: 0 healthy, 1 broken, 2 usage error, 3 could not tell, 4 internal error.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from typing import Final, Literal

import typer
from typer.core import TyperGroup

from ingressdoctor.cli import diagnose
from ingressdoctor.cli.arrange import COMMANDS, arranged, makes_report, only_diagnoses, wants_json
from ingressdoctor.cli.interrupts import refuse_if_interrupted
from ingressdoctor.cli.options import WATCH_S
from ingressdoctor.cli.output import complain, silence, write
from ingressdoctor.errors import ConfigError, IngressDoctorError, LabError, PluginError, SourceError, UsageError

__all__ = ["build_app", "run"]

_INTERNAL: Final = 4
ErrorKind = Literal["usage", "config", "plugin", "lab", "source", "interrupted", "internal"]
_COULD_NOT_TELL: Final = 3


class DoctorGroup(TyperGroup):
    """The group of all commands, with diagnosing as the command that needs no name."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]
        """Put the command first, then parse as ever."""
        commands = self.commands
        takes_value = {
            name
            for command in commands.values()
            for option in command.params
            for name in option.opts
            if option.param_type_name == "option" and not getattr(option, "is_flag", False)
        }
        return super().parse_args(ctx, arranged(args, COMMANDS, takes_value, WATCH_S))


def _show_version(value: bool) -> None:
    if value:
        from ingressdoctor.cli.version import version

        write(f"ingressdoctor {version()}\n")
        raise typer.Exit


def build_app(*, whole: bool = True) -> typer.Typer:
    """Return the program with all its commands, or with ``diagnose`` alone."""
    app = typer.Typer(
        cls=DoctorGroup,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        subcommand_metavar="HOST|COMMAND ...",
        context_settings={"help_option_names": ["--help", "-h"]},
        epilog="Exit codes: 0 healthy, 1 broken, 2 wrong usage, 3 could not tell, 4 internal error.",
    )

    @app.callback()
    def main(
        version: bool = typer.Option(
            False, "--version", callback=_show_version, is_eager=True, help="Show the version."
        ),
    ) -> None:
        """Say at which hop the way from browser to pod breaks, why, and what to type next.

        'ingressdoctor www.example.org' diagnoses a host; its options: 'ingressdoctor diagnose --help'.
        """
        del version

    diagnose.add_to(app)
    if whole:
        _add_others(app)
    return app


def _add_others(app: typer.Typer) -> None:
    # Imported here: reading the options of all commands takes as long as everything else on the way to a diagnosis.
    from ingressdoctor.cli import (
        access,
        checks,
        config,
        demo,
        explain,
        lab,
        onboard,
        route,
        schema,
        sweep,
        targets,
        walks,
    )

    for module in (sweep, route, targets, access, onboard, checks, walks, explain, config, lab, demo, schema):
        module.add_to(app)


def run(words: Sequence[str], program: str) -> int:
    """Run the program on *words* and return its exit code; every error is told here and nowhere else."""
    completing = any(name.startswith("_") and name.endswith("_COMPLETE") for name in os.environ)
    command = typer.main.get_command(build_app(whole=completing or not only_diagnoses(words)))
    if completing:
        command.main(list(words), prog_name=program)
    try:
        refuse_if_interrupted()
        if not words:
            # Not 0: in a script, "ingressdoctor $HOST" with an empty variable must not look healthy.
            command.main(["--help"], prog_name=program, standalone_mode=False)
            return 2
        with command.make_context(program, list(words)) as context:
            command.invoke(context)
    except typer.Exit as end:
        return end.exit_code
    except BrokenPipeError:
        # Whoever read the output has left, as in: ingressdoctor --help | head -1
        silence()
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last line: no traceback may reach a user
        return _told(words, *_explained(error))
    return 0


def _explained(error: BaseException) -> tuple[ErrorKind, str, str, int]:
    """Return the kind, message, hint and exit code of an error."""
    match error:
        case KeyboardInterrupt() | typer.Abort():
            return "interrupted", "Interrupted before anything was known.", "", _COULD_NOT_TELL
        case typer.TyperException():
            return "usage", *_usage(error), 2
        case IngressDoctorError():
            return _kind(error), error.message, error.hint, error.exit_code
        case _:
            return _bug(error)


def _bug(error: BaseException) -> tuple[ErrorKind, str, str, int]:
    if os.environ.get("INGRESSDOCTOR_DEBUG") == "1":
        import traceback

        traceback.print_exception(error)
    message = f"This is a bug in ingressdoctor: {type(error).__name__}: {error}"
    return "internal", message, "INGRESSDOCTOR_DEBUG=1 shows where.", _INTERNAL


def _told(words: Sequence[str], kind: ErrorKind, message: str, hint: str, exit_code: int) -> int:
    """Tell an error on standard error and, where JSON was asked for, as the one object on standard output."""
    if wants_json(words):
        from ingressdoctor.cli.version import version
        from ingressdoctor.render.json_v1 import error_to_json
        from ingressdoctor.render.schema_v1 import ErrorV1

        error = ErrorV1(kind=kind, message=message, hint=hint)
        # That standard output cannot be written may be the very error to tell.
        with contextlib.suppress(IngressDoctorError):
            write(error_to_json(error, version=version(), exit_code=exit_code, as_report=makes_report(words)))
    complain(message, hint)
    return exit_code


def _usage(error: typer.TyperException) -> tuple[str, str]:
    """Return the parser's complaint and what to do about it."""
    near = getattr(error, "possibilities", None)
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "ingressdoctor"
    hint = f"Did you mean {' or '.join(sorted(near)[:3])}?" if near else f"See: {path} --help"
    message = error.message if near else error.format_message()
    return " ".join(message.split()), hint


def _kind(error: IngressDoctorError) -> ErrorKind:
    match error:
        case ConfigError():
            return "config"
        case UsageError():
            return "usage"
        case PluginError():
            return "plugin"
        case LabError():
            return "lab"
        case SourceError():
            return "source"
        case _:
            return "internal"


def main() -> int:
    """Run the program on the process's own words and return its exit code."""
    name = os.path.basename(sys.argv[0]) if sys.argv else ""  # noqa: PTH119 - pathlib is not needed for this
    program = "kubectl ingressdoctor" if name.startswith("kubectl-ingressdoctor") else "ingressdoctor"
    return run(sys.argv[1:], program)
