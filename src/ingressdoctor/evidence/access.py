"""What today's credentials may look at, source by source."""

from __future__ import annotations

import msgspec

__all__ = ["AccessSurvey", "LoginSights", "Sight"]


class Sight(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was tried.

    ``readable`` is None when it could not be tried (the source does not answer, or there was nothing to try it on);
    ``feeds`` are the evidence types that are lost, in part or whole, when it is not readable.
    """

    source: str
    readable: bool | None
    detail: str
    enable_with: str = ""
    feeds: tuple[type, ...] = ()


class LoginSights(msgspec.Struct, frozen=True, kw_only=True):
    """Logins of their own beside the APIs' tokens: the service token of Access, and that of MaxScale's REST API."""

    access: tuple[Sight, ...] = ()
    maxscale: tuple[Sight, ...] = ()


class AccessSurvey(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was tried, in the order of the path."""

    sights: tuple[Sight, ...]
