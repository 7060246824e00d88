"""Options of ``ingressdoctor route`` alone. Only typer is imported here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

__all__ = ["AskedFor", "Supposed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedFor:
    """What about the request is asked beyond its URL."""

    method: Annotated[str, typer.Option("--method", metavar="METHOD", help="Method of the request.")] = "GET"
    header: Annotated[
        list[str] | None, typer.Option("--header", metavar="NAME:VALUE", help="Header of the request; repeatable.")
    ] = None
    sni: Annotated[str, typer.Option("--sni", metavar="NAME", help="Server name of the TLS handshake.")] = ""
    entry_point: Annotated[
        str, typer.Option("--entry-point", metavar="NAME", help="Entry point, instead of the one of the port.")
    ] = ""
    everything: Annotated[
        bool, typer.Option("--all", help="Judge all routes: dropped, never reached, tied, shadowed.")
    ] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Supposed:
    """What is looked at instead of the cluster as it is."""

    manifests: Annotated[
        list[str] | None,
        typer.Option(
            "--manifests", metavar="DIR|FILE|-", help="Judge these files instead of a cluster; - is standard input."
        ),
    ] = None
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", metavar="NAME", help="Namespace of objects in files that name none.")
    ] = "default"
    static_args: Annotated[
        list[str] | None,
        typer.Option("--static-args", metavar="TEXT", help="Suppose that Traefik was started with these arguments."),
    ] = None
    traefik_version: Annotated[
        str, typer.Option("--traefik-version", metavar="VERSION", help="Suppose this version, as 3.7.9.")
    ] = ""
    controller: Annotated[
        str,
        typer.Option(
            "--as", metavar="traefik|nginx", help="Ask this controller, whichever has the host, and list what differs."
        ),
    ] = ""
    cloudflared_config: Annotated[
        str,
        typer.Option(
            "--cloudflared-config",
            metavar="FILE|-",
            help="Ask the rules of this cloudflared configuration (or ConfigMap) instead of Traefik.",
        ),
    ] = ""
