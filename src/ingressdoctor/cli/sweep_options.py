"""Options of ``sweep``, in bundles. Only typer is imported here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from ingressdoctor.render.sweep_format import SweepFormat

__all__ = ["SweepChoice", "SweepOutput", "SweepRepeat", "WhichTargets"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WhichTargets:
    """Which targets are swept."""

    file: Annotated[
        str, typer.Option("--file", "-f", metavar="FILE", help="One target a line, - is standard input; default: all.")
    ] = ""
    match: Annotated[
        list[str] | None, typer.Option("--match", metavar="GLOB", help="Only these hostnames; repeatable.")
    ] = None
    exclude: Annotated[
        list[str] | None, typer.Option("--exclude", metavar="GLOB", help="Not these hostnames; repeatable.")
    ] = None
    namespace: Annotated[
        list[str] | None,
        typer.Option("--namespace", "-n", metavar="GLOB", help="Only what objects there name; repeatable."),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepChoice:
    """How they are judged."""

    no_probe: Annotated[bool, typer.Option("--no-probe", help="Judge from configuration alone.")] = False
    probe_only: Annotated[bool, typer.Option("--probe-only", help="Judge from outside alone.")] = False
    at_once: Annotated[int | None, typer.Option("--at-once", min=1, max=2000, help="Targets under way at a time.")] = (
        None
    )
    per_origin: Annotated[
        int | None, typer.Option("--per-origin", min=1, max=1000, help="Probes at one address at a time.")
    ] = None
    vantage: Annotated[str, typer.Option("--vantage", metavar="NAME", help="Name of the place swept from.")] = ""
    workers: Annotated[
        int, typer.Option("--workers", min=1, max=64, metavar="N", help="Processes on this machine.")
    ] = 1
    dask: Annotated[
        str, typer.Option("--dask", metavar="ADDRESS", help="Scheduler of a Dask cluster, as tcp://host:8786.")
    ] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepOutput:
    """What is written where."""

    as_json: Annotated[bool, typer.Option("--json", help="Write one JSON object; same as --format json.")] = False
    format: Annotated[SweepFormat, typer.Option("--format", help="Form of the report.")] = SweepFormat.TERMINAL
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Every target.")] = False
    prometheus_textfile: Annotated[
        str, typer.Option("--prometheus-textfile", metavar="PATH", help="Write metrics for the node exporter there.")
    ] = ""
    metrics: Annotated[
        str,
        typer.Option("--metrics", metavar="[HOST:]PORT", help="Serve /metrics while repeating (default: loopback)."),
    ] = ""

    @property
    def form(self) -> SweepFormat:
        """The form that was asked for."""
        return SweepFormat.JSON if self.as_json else self.format


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRepeat:
    """Whether to sweep again and again, and what is remembered and told."""

    every: Annotated[
        str, typer.Option("--every", metavar="TIME", help="Again at this interval, as 5m, until Ctrl-C or SIGTERM.")
    ] = ""
    no_overlap: Annotated[
        bool, typer.Option("--no-overlap", help="Refuse while another sweep with --no-overlap goes on (for cron).")
    ] = False
    history: Annotated[
        str, typer.Option("--history", metavar="URL", help="Where results are kept: a path or postgresql://…")
    ] = ""
    no_history: Annotated[bool, typer.Option("--no-history", help="Remember nothing.")] = False
    no_notify: Annotated[bool, typer.Option("--no-notify", help="Tell nobody.")] = False
