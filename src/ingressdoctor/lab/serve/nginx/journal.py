"""What ingress-nginx writes: klog lines of the controller, nginx's error log and access log, into one container log.

Formats: the chart's defaults (log-format-upstream) and nginx's own. Errno texts are musl's, as in the Alpine image.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator
from datetime import UTC, datetime

from ingressdoctor.lab.serve.buffer import Buffer

_PID = 7
_WORKER = 31


class Notes:
    """Collects klog lines while a configuration is built."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def warn(self, source: str, message: str) -> None:
        """A W line; *source* is file:line."""
        self.lines.append(_klog("W", source, message))

    def error(self, source: str, message: str) -> None:
        """An E line."""
        self.lines.append(_klog("E", source, message))


def _klog(level: str, source: str, message: str) -> str:
    return f"{level}{datetime.now(UTC):%m%d %H:%M:%S.%f} {_PID:7d} {source}] {message}"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The request of a log line."""

    client: str
    server: str
    line: str
    host: str
    referer: str = ""
    agent: str = ""
    size: int = 0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One attempt at an upstream: its address, status and size, and how long it took."""

    address: str
    status: str
    size: int
    seconds: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What came of a request, as the access log has it."""

    status: str
    sent: int
    upstream: str
    tries: tuple[Try, ...]
    seconds: float


class Journal:
    """One container's log."""

    def __init__(self, buffer: Buffer) -> None:
        self._buffer = buffer
        self._count: Iterator[int] = itertools.count(1)

    def notes(self, lines: list[str] | tuple[str, ...]) -> None:
        """Lines of the controller."""
        for line in lines:
            self._buffer.append(line)

    def error(self, message: str, asked: Asked, upstream: str = "") -> None:
        """One [error] line of nginx."""
        parts = (
            f"{message}, client: {asked.client}",
            f"server: {asked.server}",
            f'request: "{asked.line}"',
            *((f'upstream: "{upstream}"',) if upstream else ()),
            f'host: "{asked.host}"',
        )
        number = next(self._count)
        stamp = f"{datetime.now(UTC):%Y/%m/%d %H:%M:%S}"
        self._buffer.append(f"{stamp} [error] {_WORKER}#{_WORKER}: *{number} " + ", ".join(parts))

    def info(self, message: str) -> None:
        """A connection that ended before a request."""
        stamp = f"{datetime.now(UTC):%Y/%m/%d %H:%M:%S}"
        self._buffer.append(f"{stamp} [error] {_WORKER}#{_WORKER}: *{next(self._count)} {message}")

    def access(self, asked: Asked, answered: Answered) -> None:
        """One line of log-format-upstream."""
        tries = answered.tries
        columns = (
            [item.address for item in tries],
            [str(item.size) for item in tries],
            [f"{item.seconds:.3f}" for item in tries],
            [item.status for item in tries],
        )
        upstreams = " ".join(", ".join(column) or "-" for column in columns)
        stamp = f"{datetime.now(UTC):%d/%b/%Y:%H:%M:%S +0000}"
        self._buffer.append(
            f'{asked.client} - - [{stamp}] "{asked.line}" {answered.status} {answered.sent} '
            f'"{asked.referer or "-"}" "{asked.agent or "-"}" {asked.size} {answered.seconds:.3f} '
            f"[{answered.upstream}] [] {upstreams} {next(self._count):032x}"
        )
