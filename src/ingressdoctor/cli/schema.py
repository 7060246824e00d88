"""``ingressdoctor schema``: the JSON Schemas that scripts can rely on."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

__all__ = ["add_to"]


class Of(StrEnum):
    """What is described."""

    REPORT = "report"
    ROUTE = "route"
    ROUTES = "routes"
    RULES = "rules"
    TARGETS = "targets"
    ACCESS = "access"
    ONBOARD = "onboard"
    EXPLAIN = "explain"
    SWEEP = "sweep"
    SWEEP_LINE = "sweep-line"
    NOTIFICATION = "notification"
    HISTORY = "history"
    ERROR = "error"


# With the names as its type, the help would be one line of them all, wider than a terminal.
What = Annotated[
    str,
    typer.Argument(metavar="NAME", help=f"Whose JSON: {', '.join(Of)}.", autocompletion=lambda: list(Of)),
]


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command("schema")(schema)


def schema(name: What = "report") -> None:
    """Print the JSON Schema of a report, or of another command's JSON."""
    import msgspec

    from ingressdoctor.cli.output import write
    from ingressdoctor.notify.payload_v1 import NotificationV1
    from ingressdoctor.render.explain_v1 import ExplainV1
    from ingressdoctor.render.history_v1 import HistoryV1
    from ingressdoctor.render.json_v1 import encode
    from ingressdoctor.render.lists import AccessV1, TargetsV1
    from ingressdoctor.render.onboard import OnboardV1
    from ingressdoctor.render.route_v1 import RoutesV1, RouteV1
    from ingressdoctor.render.rules_v1 import RulesV1
    from ingressdoctor.render.schema_v1 import ErrorOnlyV1, ReportV1, schema_of
    from ingressdoctor.render.sweep_v1 import SweepV1, line_schema

    if name not in tuple(Of):
        raise typer.BadParameter(f"{name!r} is not one of {', '.join(Of)}.", param_hint="'NAME'")
    of = Of(name)
    structs: dict[Of, type[msgspec.Struct]] = {
        Of.REPORT: ReportV1,
        Of.ROUTE: RouteV1,
        Of.ROUTES: RoutesV1,
        Of.RULES: RulesV1,
        Of.TARGETS: TargetsV1,
        Of.ACCESS: AccessV1,
        Of.ONBOARD: OnboardV1,
        Of.EXPLAIN: ExplainV1,
        Of.SWEEP: SweepV1,
        Of.NOTIFICATION: NotificationV1,
        Of.HISTORY: HistoryV1,
        Of.ERROR: ErrorOnlyV1,
    }
    # A line is one of two objects, so no single struct describes it.
    lines = of is Of.SWEEP_LINE
    write(encode(line_schema() if lines else schema_of(structs[of], f"ingressdoctor.{of}/v1")))
