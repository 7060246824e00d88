"""Options shared by commands, each spelled once, bundled into frozen dataclasses.

A command takes a bundle as one parameter; ``spread`` shows typer the single options. Only typer is imported here.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from functools import wraps
from typing import Annotated, Any, Final, get_type_hints

import typer

__all__ = [
    "AsJson",
    "Connection",
    "Format",
    "Host",
    "LabChoice",
    "Login",
    "Output",
    "Repeat",
    "RunChoice",
    "TargetChoice",
    "Verbose",
    "spread",
]

WATCH_S: Final = 5.0


class Format(StrEnum):
    """How the report is written to standard output."""

    TERMINAL = "terminal"
    JSON = "json"
    MARKDOWN = "markdown"


Host = Annotated[str, typer.Argument(metavar="HOST", help="Hostname, host:port or URL to diagnose.")]
AsJson = Annotated[bool, typer.Option("--json", help="Write one JSON object.")]
ConfigFile = Annotated[str, typer.Option("--config", metavar="FILE", help="Configuration file.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Tell more.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What is written, and how much of it."""

    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object; same as --format json.")] = False
    format: Annotated[Format, typer.Option("--format", help="Form of the report.")] = Format.TERMINAL
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Every finding with its facts.")] = False

    @property
    def form(self) -> Format:
        """The form that was asked for."""
        return Format.JSON if self.as_json else self.format


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """Which configuration and cluster, and how to reach things."""

    config: ConfigFile = ""
    context: Annotated[str, typer.Option("--context", metavar="NAME", help="Context of the kubeconfig.")] = ""
    resolver: Annotated[
        list[str] | None,
        typer.Option("--resolver", metavar="ADDRESS[:PORT]", help="DNS server to ask; repeat to compare several."),
    ] = None
    connect_to: Annotated[
        list[str] | None,
        typer.Option(
            "--connect-to", metavar="HOST:PORT:HOST:PORT", help="Connect elsewhere, as in curl; repeatable, first wins."
        ),
    ] = None
    ca_file: Annotated[
        str, typer.Option("--ca-file", metavar="FILE", help="Roots to trust instead of the system's.")
    ] = ""


class Spoken(StrEnum):
    """What may be spoken to a target."""

    HTTP = "http"
    WEBSOCKET = "websocket"
    GRPC = "grpc"
    MYSQL = "mysql"


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetChoice:
    """What about the host is asked."""

    port: Annotated[int | None, typer.Option("--port", min=1, max=65535, help="Port that clients use.")] = None
    protocol: Annotated[
        Spoken | None, typer.Option("--protocol", help="What is spoken to the host, where no scheme says it.")
    ] = None
    client_ip: Annotated[
        str, typer.Option("--client-ip", metavar="ADDRESS", help="Client to judge allow lists for.")
    ] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """With which account to log in at a MySQL port. The password is never an option."""

    sql_user: Annotated[str, typer.Option("--sql-user", metavar="NAME", help="Log in at a MySQL port with this.")] = ""
    sql_password_file: Annotated[
        str,
        typer.Option("--sql-password-file", metavar="FILE", help="Password for it; default: a variable, or a prompt."),
    ] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunChoice:
    """Which checks run, and how long."""

    walk: Annotated[str, typer.Option("--walk", metavar="NAME", help="Take this walk instead of choosing.")] = ""
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="GLOB", help="Only these checks, as in 'dns.*'; repeatable.")
    ] = None
    skip: Annotated[list[str] | None, typer.Option("--skip", metavar="GLOB", help="Not these checks; repeatable.")] = (
        None
    )
    cloudflared_config: Annotated[
        str, typer.Option("--cloudflared-config", metavar="FILE", help="Rules of a cloudflared outside of the cluster.")
    ] = ""
    strict: Annotated[bool, typer.Option("--strict", help="Warnings count as broken (exit code 1).")] = False
    timeout: Annotated[
        float | None, typer.Option("--timeout", min=0.1, max=3600, help="Seconds for one diagnosis.")
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabChoice:
    """What is done to an embedded environment before it is used."""

    fault: Annotated[
        list[str] | None, typer.Option("--fault", metavar="NAME", help="Break it in this way; repeatable.")
    ] = None
    checks: Annotated[
        list[str] | None, typer.Option("--checks", metavar="FOLDER", help="With your own check files; repeatable.")
    ] = None
    latency: Annotated[float, typer.Option("--latency", min=0, max=5, help="Seconds added to every API answer.")] = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """Whether to diagnose again and again."""

    watch: Annotated[
        float | None,
        typer.Option("--watch", min=0.5, metavar="[SECONDS]", help=f"Again every SECONDS (default {WATCH_S:g})."),
    ] = None
    wait: Annotated[bool, typer.Option("--wait", help="Again until it is healthy.")] = False
    timeout_total: Annotated[
        float, typer.Option("--timeout-total", min=1, help="Seconds after which --wait gives up.")
    ] = 300.0


def spread(function: Callable[..., None]) -> Callable[..., None]:
    """Show typer the fields of every option bundle among the parameters of *function* as options of their own."""
    hints = get_type_hints(function, include_extras=True)
    hints.pop("return", None)
    bundles: dict[str, Any] = {name: kind for name, kind in hints.items() if is_dataclass(kind)}
    plain = inspect.signature(function).parameters.values()
    parameters = [item.replace(annotation=hints[item.name]) for item in plain if item.name not in bundles]
    for kind in bundles.values():
        parameters += _parameters_of(kind)

    @wraps(function)
    def call(**given: Any) -> None:  # noqa: ANN401 - whatever the options are
        for name, kind in bundles.items():
            given[name] = kind(**{field.name: given.pop(field.name) for field in fields(kind)})
        function(**given)

    del call.__wrapped__
    signature = inspect.Signature(
        [item.replace(kind=inspect.Parameter.KEYWORD_ONLY) for item in parameters], return_annotation=None
    )
    vars(call)["__signature__"] = signature
    call.__annotations__ = {item.name: item.annotation for item in parameters}
    return call


def _parameters_of(bundle: Any) -> list[inspect.Parameter]:  # noqa: ANN401 - a dataclass
    hints = get_type_hints(bundle, include_extras=True)
    return [
        inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=hints[field.name]
        )
        for field in fields(bundle)
    ]
