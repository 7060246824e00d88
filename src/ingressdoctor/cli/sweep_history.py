"""``ingressdoctor sweep history [HOST]``: uptime, outages, and what was different when a host last worked.

Reads the history and nothing else: no cluster, no network but the database's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from ingressdoctor.cli.options import AsJson, ConfigFile, Connection, Verbose, spread

__all__ = ["add_to"]

Name = Annotated[str, typer.Argument(metavar="HOST", help="One host, with all that is known of it; default: all.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Which history, and which part of it."""

    since: Annotated[str, typer.Option("--since", metavar="SPAN", help="How far back, as 12h, 7d or 4w.")] = "7d"
    vantage: Annotated[str, typer.Option("--vantage", metavar="NAME", help="Only as seen from this place.")] = ""
    history: Annotated[
        str, typer.Option("--history", metavar="URL", help="Where results are kept: a path or postgresql://…")
    ] = ""


def add_to(group: typer.Typer) -> None:
    """Register the command in the group ``sweep``."""
    group.command("history")(spread(history))


def history(
    look: Look, host: Name = "", config: ConfigFile = "", as_json: AsJson = False, verbose: Verbose = False
) -> None:
    """Show what sweeps remember: since when a host fails, what was different when it last worked, uptime, incidents."""
    import sys
    from datetime import UTC, datetime

    from ingressdoctor.cli.durations import duration
    from ingressdoctor.cli.history_place import open_configured
    from ingressdoctor.cli.output import page_for, write
    from ingressdoctor.cli.settings import settings_for
    from ingressdoctor.config import override
    from ingressdoctor.render.history import history_to_terminal, hosts_to_terminal
    from ingressdoctor.render.history_v1 import history_to_json, hosts_to_json

    until = datetime.now(UTC)
    begin = until - duration(look.since, "--since")
    place = look.vantage or None
    settings = settings_for(Connection(config=config))
    if look.history:
        settings = override(settings, {"history.url": ("--history", look.history)})
    with open_configured(settings, create=False) as store:
        if host:
            name = _known(host, store.names())
            found = store.timeline(name, begin, until=until, vantage=place)
            if found is None:
                raise _never_from(name, look.vantage)
            text = history_to_json(found, store.shown) if as_json else ""
            text = text or history_to_terminal(found, page_for(sys.stdout, verbose=verbose))
        else:
            from ingressdoctor.history import excused

            hosts = excused(store.hosts(begin, until=until, vantage=place), store.incidents())
            text = hosts_to_json(hosts, begin, until, store.shown) if as_json else ""
            text = text or hosts_to_terminal(hosts, begin, until, page_for(sys.stdout, verbose=verbose))
    write(text)


def _known(host: str, names: tuple[str, ...]) -> str:
    """Return the name under which *host* is remembered: as typed, or as the target that it names.

    Raises:
        UsageError: no sweep has seen it.
    """
    import difflib

    from ingressdoctor.errors import UsageError
    from ingressdoctor.model.target import Target
    from ingressdoctor.model.text import clean

    if host in names:
        return host
    target = Target.parse(host)
    fitting = [name for name in (target.url.rstrip("/"), target.url, target.hostname) if name in names]
    if fitting:
        return fitting[0]
    near = difflib.get_close_matches(target.hostname, names, n=3, cutoff=0.6)
    hint = f"Did you mean {' or '.join(near)}?" if near else "All that are known: ingressdoctor sweep history"
    raise UsageError(f"No sweep has seen {clean(host, 100)}.", hint=hint)


def _never_from(name: str, vantage: str) -> Exception:
    from ingressdoctor.errors import UsageError
    from ingressdoctor.model.text import clean

    return UsageError(
        f"No sweep from {clean(vantage, 60)} has seen {clean(name, 100)}.",
        hint="Leave out --vantage to see from where it was seen.",
    )
