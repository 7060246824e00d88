"""Tells all channels what changed, without ever holding up a sweep.

``tell`` only puts things in line; each channel has a task of its own, so that one that hangs delays no other. At the
end there is a deadline, and what was not delivered by then is named.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType, TracebackType
from typing import Final, Self

from ingressdoctor.config import ChannelSettings
from ingressdoctor.errors import SourceError
from ingressdoctor.model.sweep import IncidentState, SweepReport
from ingressdoctor.model.text import clean
from ingressdoctor.notify.channel import Channel, Sender
from ingressdoctor.notify.complaints import Complaints
from ingressdoctor.notify.notice import Event, Notice, notices_of, trial
from ingressdoctor.notify.pace import Pace
from ingressdoctor.notify.poster import quiet
from ingressdoctor.notify.sent import MemorySentLog, SentLog

__all__ = ["Notifier", "send_trial"]

_NAMED: Final = 3
_ALONE_LASTS: Final = timedelta(hours=1)
_SHORTEST_LASTS: Final = timedelta(minutes=15)


class Notifier:
    """All channels. An async context manager: tasks begin with it and end with it.

    Args:
        channels: From the settings (``settings.notify``).
        sent: What remembers over restarts what was told. Without it an incident that was there before the process
            is taken for told, so that sweeps started one by one do not repeat themselves.
        every_s: Seconds between the beginnings of sweeps, 0 for a single one: how long an alert outlives a sweep.
        environ: Where secrets are looked up, in place of the process's environment.
        pace: How patient it is.
    """

    def __init__(
        self,
        channels: Sequence[ChannelSettings],
        *,
        sent: SentLog | None = None,
        every_s: float = 0.0,
        environ: Mapping[str, str] | None = None,
        pace: Pace | None = None,
    ) -> None:
        self._pace = pace or Pace()
        self._complaints = Complaints()
        self._stack = contextlib.ExitStack()
        self._tasks: tuple[asyncio.Task[None], ...] = ()
        log, lasts = sent if sent is not None else MemorySentLog(), _lasting(every_s)
        self._forgets, self._seen = sent is None, set[str]()
        self._senders = tuple(Sender(settings, self._pace, lasts, environ) for settings in channels)
        self._channels = tuple(
            Channel(settings, sender, log, self._complaints)
            for settings, sender in zip(channels, self._senders, strict=True)
        )

    @property
    def pending(self) -> int:
        """How many notifications wait or are on their way."""
        return sum(len(channel.undelivered) for channel in self._channels)

    @property
    def failures(self) -> tuple[str, ...]:
        """The last hundred failures, a line each."""
        return self._complaints.failures

    def news(self) -> tuple[str, ...]:
        """Return what to say since this was asked last: who cannot be told, and why, or can be again."""
        return self._complaints.news()

    @property
    def sent(self) -> Mapping[str, int]:
        """How many were delivered, by channel."""
        return MappingProxyType({channel.settings.name: channel.delivered for channel in self._channels})

    @property
    def failed(self) -> Mapping[str, int]:
        """How many could not be delivered, by channel; one that is tried again after a later sweep counts again."""
        return MappingProxyType({channel.settings.name: channel.failed for channel in self._channels})

    def tell(self, report: SweepReport) -> None:
        """Put in line what a sweep has to tell. Returns at once."""
        changes = {item.incident.id: item.was for item in report.transitions}
        for notice in notices_of(report):
            if self._forgets:
                self._presume(notice, changes)
            for channel in self._channels:
                channel.tell(notice)

    def _presume(self, notice: Notice, changes: Mapping[str, IncidentState | None]) -> None:
        """Take for told what was there when this process met the incident first."""
        name = notice.incident.id
        if name in self._seen:
            return
        self._seen.add(name)
        if name in changes and changes[name] in (None, IncidentState.PENDING):
            return
        for channel in self._channels:
            channel.presume(notice, Event.OPENED)
            if name not in changes:
                channel.presume(notice, notice.event)

    async def drained(self) -> None:
        """Wait until everything was delivered or has failed."""
        for channel in self._channels:
            await channel.drained()

    async def __aenter__(self) -> Self:
        """Begin to deliver."""
        self._stack.enter_context(quiet())
        self._tasks = tuple(asyncio.create_task(channel.run()) for channel in self._channels)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for what is on its way, but not for long; name what was not delivered."""
        try:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.drained(), self._pace.farewell_s)
        finally:
            for task in self._tasks:
                task.cancel()
            left = [(channel.settings.name, channel.undelivered) for channel in self._channels]
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await asyncio.gather(*(sender.close() for sender in self._senders), return_exceptions=True)
            self._stack.close()
            told = "; ".join(f"{name}: {_named(notices)}" for name, notices in left if notices)
            if told:
                self._complaints.fail(f"not delivered within {self._pace.farewell_s:g} s: {told}")
            for channel in self._channels:
                channel.end()


def _lasting(every_s: float) -> timedelta:
    """How long an alert lives without being sent again: four sweeps, as Prometheus does; one alone: an hour."""
    return max(timedelta(seconds=4 * every_s), _SHORTEST_LASTS) if every_s > 0 else _ALONE_LASTS


def _named(notices: Sequence[Notice]) -> str:
    shown = ", ".join(map(str, notices[:_NAMED]))
    return f"{shown} and {len(notices) - _NAMED} more" if len(notices) > _NAMED else shown


async def send_trial(
    channels: Sequence[ChannelSettings], *, environ: Mapping[str, str] | None = None
) -> tuple[tuple[str, str], ...]:
    """Send a test notification through every channel, once and side by side; return names and errors ("" is well)."""

    async def one(settings: ChannelSettings) -> str:
        sender = Sender(settings, Pace(attempts=1), _ALONE_LASTS, environ)
        try:
            await sender.send((trial(datetime.now(UTC)),))
        except SourceError as error:
            hint = f" ({clean(error.hint)})" if error.hint else ""
            return " ".join(f"{clean(error.message)}{hint}".split())
        finally:
            await sender.close()
        return ""

    with quiet():
        results = await asyncio.gather(*map(one, channels))
    return tuple((settings.name, result) for settings, result in zip(channels, results, strict=True))
