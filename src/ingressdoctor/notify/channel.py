"""One channel with what still has to go through it: a bounded queue and the one task that empties it.

Nothing is told twice; what could not be delivered is told again when the next sweep still sees it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

import httpx

from ingressdoctor.config import ChannelKind, ChannelSettings, SecretRef
from ingressdoctor.errors import SourceError
from ingressdoctor.model.text import Secret
from ingressdoctor.notify.command import run_command
from ingressdoctor.notify.complaints import Complaints
from ingressdoctor.notify.notice import Event, Notice, is_wanted
from ingressdoctor.notify.pace import Pace
from ingressdoctor.notify.payload_v1 import payload_of
from ingressdoctor.notify.poster import client_for, deliver
from ingressdoctor.notify.posts import Post, alerts, signed, slack
from ingressdoctor.notify.sent import SentLog

__all__ = ["MAX_WAITING", "Channel", "Sender"]

MAX_WAITING: Final = 1_000
_MAX_BATCH: Final = 200
_MOST_COUNTED: Final = 10_000
_ALERTS_PATH: Final = "/api/v2/alerts"


class Sender:
    """Delivers notices of one channel. Opened with ``async with``; secrets are fetched when they are used."""

    def __init__(
        self, settings: ChannelSettings, pace: Pace, lasts: timedelta, environ: Mapping[str, str] | None = None
    ) -> None:
        self._settings, self._pace, self._lasts, self._environ = settings, pace, lasts, environ
        self._client: httpx.AsyncClient | None = None

    async def close(self) -> None:
        """End its connections."""
        if self._client is not None:
            await self._client.aclose()

    async def send(self, notices: Sequence[Notice]) -> None:
        """Deliver the notices as one; all but Alertmanager take one at a time.

        Raises:
            SourceError: they could not be delivered.
        """
        settings, notice = self._settings, notices[0]
        make: Callable[[datetime], Post]
        match settings.kind:
            case ChannelKind.COMMAND:
                body = payload_of(notice, settings.name, settings.severity)
                await run_command(settings.command, body, timeout_s=settings.timeout_s)
                return
            case ChannelKind.ALERTMANAGER:
                token = await self._secret(settings.token)
                make = partial(self._alerts, notices, token)
            case ChannelKind.SLACK:
                post = slack(notice)
                make = partial(_always, post)
            case ChannelKind.WEBHOOK:
                secret = await self._secret(settings.secret)
                if secret is None:
                    raise SourceError("there is no signing secret")
                make = partial(self._signed, notice, secret)
        if self._client is None:
            self._client = client_for(settings.ca_file)
        await deliver(self._client, await self._url(), make, timeout_s=settings.timeout_s, pace=self._pace)

    def _alerts(self, notices: Sequence[Notice], token: Secret | None, now: datetime) -> Post:
        return alerts(notices, self._settings.severity, now=now, lasts=self._lasts, token=token)

    def _signed(self, notice: Notice, secret: Secret, now: datetime) -> Post:
        return signed(notice, self._settings.name, self._settings.severity, secret=secret, now=now)

    async def _url(self) -> Secret:
        kept = self._settings.url
        url = await self._secret(kept) if isinstance(kept, SecretRef) else Secret(kept)
        if url is None or self._settings.kind is not ChannelKind.ALERTMANAGER:
            return url or Secret("")
        return Secret(url.reveal().rstrip("/").removesuffix(_ALERTS_PATH) + _ALERTS_PATH)

    async def _secret(self, ref: SecretRef | None) -> Secret | None:
        """Fetch a secret in a thread: a command may ask somebody for a password."""
        return None if ref is None else await asyncio.to_thread(ref.resolve, self._environ)


def _always(post: Post, now: datetime) -> Post:
    del now
    return post


class Channel:
    """One channel: takes notices at once, and delivers them one after the other in a task of its own."""

    def __init__(self, settings: ChannelSettings, sender: Sender, sent: SentLog, complaints: Complaints) -> None:
        self.settings = settings
        self.delivered = self.failed = 0
        self._sender, self._sent, self._complaints = sender, sent, complaints
        self._undelivered: set[str] = set()
        self._waiting: dict[str, Notice] = {}
        self._on_its_way: tuple[Notice, ...] = ()
        self._known: set[str] = set()
        self._something, self._nothing = asyncio.Event(), asyncio.Event()
        self._nothing.set()

    @property
    def undelivered(self) -> tuple[Notice, ...]:
        """What waits or is on its way."""
        return (*self._on_its_way, *self._waiting.values())

    def tell(self, notice: Notice) -> None:
        """Put a notice in line, unless nobody wants it. Returns at once; whether it was told already is asked later."""
        if not is_wanted(notice, self.settings):
            return
        key = notice.key(self.settings.name)
        if not self._is_repeated(notice) and (key in self._known or key in self._waiting or self._is_under_way(key)):
            return
        if len(self._waiting) >= MAX_WAITING and key not in self._waiting:
            self.failed += 1
            self._complain("queue", f"more than {MAX_WAITING} are waiting", f"{notice}: ")
            return
        self._waiting[key] = notice
        self._nothing.clear()
        self._something.set()

    def presume(self, notice: Notice, event: Event) -> None:
        """Take it for granted that somebody before us told this event of the incident."""
        self._known.add(notice.key(self.settings.name, event))

    def _is_repeated(self, notice: Notice) -> bool:
        """An active alert is sent to Alertmanager with every sweep, or it would expire."""
        return self.settings.kind is ChannelKind.ALERTMANAGER and notice.event is not Event.CLOSED

    def _is_under_way(self, key: str) -> bool:
        return any(notice.key(self.settings.name) == key for notice in self._on_its_way)

    async def run(self) -> None:
        """Deliver until cancelled. A notice that fails is left for the next sweep."""
        while True:
            await self._something.wait()
            self._on_its_way = self._next()
            if news := await self._news(self._on_its_way):
                self._on_its_way = news
                await self._deliver(news)
            self._on_its_way = ()
            if not self._waiting:
                self._something.clear()
                self._nothing.set()

    async def drained(self) -> None:
        """Wait until nothing waits and nothing is on its way."""
        await self._nothing.wait()

    def _next(self) -> tuple[Notice, ...]:
        """Take the next notice, or for Alertmanager all that fit into one request."""
        size = _MAX_BATCH if self.settings.kind is ChannelKind.ALERTMANAGER else 1
        return tuple(self._waiting.pop(key) for key in list(self._waiting)[:size])

    async def _news(self, notices: tuple[Notice, ...]) -> tuple[Notice, ...]:
        """Leave out what was told already, and the end of what nobody here was told of."""
        begun = {notice.incident.id for notice in notices if notice.event is not Event.CLOSED}
        found = []
        for notice in notices:
            is_told = not self._is_repeated(notice) and await self._was_sent(notice, notice.event)
            if not is_told and (notice.event is not Event.CLOSED or await self._was_begun(notice, begun)):
                found.append(notice)
        return tuple(found)

    async def _was_begun(self, notice: Notice, begun: set[str]) -> bool:
        if notice.incident.id in begun or await self._was_sent(notice, Event.OPENED):
            return True
        return await self._was_sent(notice, Event.FLAPPING)

    async def _deliver(self, notices: tuple[Notice, ...]) -> None:
        try:
            await self._sender.send(notices)
        except SourceError as error:
            self._fail(notices, error.message)
        except Exception as error:  # noqa: BLE001 - a bug here costs one notification, and its text may hold an address
            self._fail(notices, f"a bug in ingressdoctor: {type(error).__name__}")
        else:
            self._works()
            self.delivered += len(notices)
            for notice in notices:
                await self._mark(notice.key(self.settings.name))

    def _fail(self, notices: tuple[Notice, ...], reason: str) -> None:
        self.failed += len(notices)
        more = f" and {len(notices) - 1} more" if len(notices) > 1 else ""
        if len(self._undelivered) < _MOST_COUNTED:
            self._undelivered.update(notice.key(self.settings.name) for notice in notices)
        self._complain("delivery", reason, f"{notices[0]}{more}: ")

    def _works(self) -> None:
        self._complaints.end(f"{self.settings.name}/queue")
        missed = f"; {_counted(len(self._undelivered), 'had not been')} delivered" if self._undelivered else ""
        self._complaints.end(f"{self.settings.name}/delivery", f"{self.settings.name}: delivers again{missed}.")
        self._undelivered.clear()

    def end(self) -> None:
        """Say at the end of the program how much was not delivered, where one line stood for several."""
        reason = self._complaints.stands(f"{self.settings.name}/delivery")
        if reason and len(self._undelivered) > 1:
            count = _counted(len(self._undelivered), "were not")
            self._complaints.say(f"Error: {self.settings.name}: {count} delivered: {reason}")

    def _complain(self, trouble: str, reason: str, what: str = "") -> None:
        line = f"{self.settings.name}: {what}{reason}"
        self._complaints.fail(line, trouble=f"{self.settings.name}/{trouble}", reason=reason)

    async def _was_sent(self, notice: Notice, event: Event) -> bool:
        key = notice.key(self.settings.name, event)
        if key in self._known:
            return True
        try:
            is_sent = await asyncio.to_thread(self._sent.was_sent, key)
        except Exception as error:  # noqa: BLE001 - whoever keeps the log may fail in any way; telling twice is better
            self._complain("looking up", f"cannot look up what was told ({type(error).__name__})")
            return False
        self._complaints.end(f"{self.settings.name}/looking up")
        if is_sent:
            self._known.add(key)
        return is_sent

    async def _mark(self, key: str) -> None:
        if key in self._known:
            return
        self._known.add(key)
        try:
            await asyncio.to_thread(self._sent.mark_sent, key, datetime.now(UTC))
        except Exception as error:  # noqa: BLE001 - as above
            self._complain("remembering", f"cannot remember what was told ({type(error).__name__})")
        else:
            self._complaints.end(f"{self.settings.name}/remembering")


def _counted(number: int, verb: str) -> str:
    return f"{number} notification{'' if number == 1 else 's'} {verb}"
