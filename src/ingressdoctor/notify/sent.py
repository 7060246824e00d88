"""What has been told already, so that nobody is told twice, not even after a restart."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

__all__ = ["MemorySentLog", "SentLog"]


class SentLog(Protocol):
    """Remembers keys of notifications. A key is channel, incident id and event, one text of at most 300 characters.

    Both methods are called from worker threads and may block for a while. One that raises costs the memory of that
    notification, never the notification.
    """

    def was_sent(self, key: str) -> bool:
        """Tell whether a notification with this key was delivered."""

    def mark_sent(self, key: str, at: datetime) -> None:
        """Remember that it was delivered; the same key may come again."""


class MemorySentLog:
    """Remembers as long as the process lives."""

    def __init__(self) -> None:
        self._keys: dict[str, datetime] = {}

    def was_sent(self, key: str) -> bool:
        """Tell whether a notification with this key was delivered."""
        return key in self._keys

    def mark_sent(self, key: str, at: datetime) -> None:
        """Remember that it was delivered."""
        self._keys[key] = at
