"""``ingressdoctor sweep notify-test``: send a test notification through every channel that is configured."""

from __future__ import annotations

import typer

from ingressdoctor.cli.options import ConfigFile, Connection

__all__ = ["add_to"]

_NOT_DELIVERED = 1


def add_to(group: typer.Typer) -> None:
    """Register the command in the group ``sweep``."""
    group.command("notify-test")(notify_test)


def notify_test(config: ConfigFile = "") -> None:
    """Send a test notification through every channel of the configuration, once, and say how each went."""
    import asyncio

    from ingressdoctor.cli.output import write
    from ingressdoctor.cli.settings import settings_for
    from ingressdoctor.errors import UsageError
    from ingressdoctor.notify import send_trial

    channels = settings_for(Connection(config=config)).notify
    if not channels:
        raise UsageError("There is nobody to tell: no channel is configured.", hint="Write one: [[notify]], see docs")
    results = asyncio.run(send_trial(channels))
    for name, error in results:
        write(f"{name}: {f'not delivered: {error}' if error else 'delivered'}\n")
    if any(error for _, error in results):
        raise typer.Exit(_NOT_DELIVERED)
