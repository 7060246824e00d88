"""What a client is predicted to get, from configuration alone: an HTTP answer, or how its connection ends."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec

__all__ = ["AnswerSource", "ConnectionEnd", "PredictedAnswer", "Shortfall"]


class AnswerSource(StrEnum):
    """Who makes the answer."""

    CONTROLLER = "controller"
    BACKEND = "backend"
    NOBODY = "nobody"
    UNKNOWN = "unknown"


class ConnectionEnd(StrEnum):
    """How a connection ends that gets no HTTP answer."""

    OPEN = "open"
    CLOSED = "closed at once"
    TIMED_OUT = "closed after a wait"
    TLS_ALERT = "TLS alert"


class PredictedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What the client gets.

    ``status`` is None where the backend chooses it, where nobody answers by HTTP, and where it is not known; ``body``
    is the whole body when the controller writes it (a text that identifies it), ``headers`` those it sets. ``end`` is
    set when there is no HTTP answer, ``after_s`` how long that takes (None: for ever). ``path`` is the request's path
    and query as the backend sees it; ``log`` what the controller logs about it; ``limits`` say what could change the
    answer and was not, or cannot be, looked at.
    """

    source: AnswerSource
    why: str
    status: int | None = None
    body: str = ""
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    end: ConnectionEnd | None = None
    after_s: float | None = 0.0
    path: str = ""
    log: str = ""
    certificate: str = ""
    limits: tuple[str, ...] = ()

    @property
    def location(self) -> str:
        """Where a redirect leads to, empty for other answers."""
        return self.headers.get("Location", "")


class Shortfall(msgspec.Struct, frozen=True, kw_only=True):
    """Something that Traefik leaves out of an object that it takes otherwise: what it logs, and what comes of that."""

    ref: str
    log: str
    effect: str
