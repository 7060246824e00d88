"""MaxScale's log: lines as it writes them, for the container's log and for /v1/maxscale/logs/data."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime

from ingressdoctor.lab.serve.buffer import Buffer

_MOST = 500


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line: when, how bad, what, and whose session it was ("" for nobody's)."""

    number: int
    at: datetime
    priority: str
    message: str
    session: str = ""

    @property
    def stamp(self) -> str:
        """As the log has it."""
        return self.at.strftime("%Y-%m-%d %H:%M:%S")


class Journal:
    """One MaxScale's log. Repeats of the last minute are left out, as a real one throttles what is said too often."""

    def __init__(self, buffer: Buffer) -> None:
        self._buffer = buffer
        self._entries: collections.deque[Entry] = collections.deque(maxlen=_MOST)
        self._count = 0

    @property
    def entries(self) -> Sequence[Entry]:
        """The last lines, newest last."""
        return tuple(self._entries)

    def write(self, priority: str, message: str, *, session: int = 0, once: bool = False) -> None:
        """Log one line; *once*: not again while it is known."""
        if once and any(entry.message == message for entry in self._entries):
            return
        self._count += 1
        entry = Entry(
            number=self._count,
            at=datetime.now(UTC),
            priority=priority,
            message=message,
            session=str(session) if session else "",
        )
        self._entries.append(entry)
        who = f"({session}) " if session else ""
        self._buffer.append(f"{entry.stamp}   {priority:<7}: {who}{message}")

    def error(self, message: str, *, session: int = 0, once: bool = False) -> None:
        """An error."""
        self.write("error", message, session=session, once=once)

    def warning(self, message: str, *, session: int = 0, once: bool = False) -> None:
        """A warning."""
        self.write("warning", message, session=session, once=once)

    def notice(self, message: str, *, session: int = 0, once: bool = False) -> None:
        """A notice."""
        self.write("notice", message, session=session, once=once)
