"""Where a history is kept: a file of SQLite, or a database of PostgreSQL. Opens nothing, and never shows a password."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError

from ingressdoctor.errors import HistoryError
from ingressdoctor.model.text import clean

__all__ = ["Place", "place_of"]

_FORMS: Final = "Write a path, sqlite:///PATH, or postgresql://USER@HOST/DATABASE."
_DRIVERS: Final = ("postgresql", "postgres", "postgresql+psycopg")


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """One place. ``url`` holds the password, if there is one, in a type that does not show it.

    ``file`` is the absolute path with SQLite, None with PostgreSQL; ``shown`` is how the place is called in messages.
    """

    url: sa.URL
    file: Path | None
    shown: str

    def __repr__(self) -> str:
        return f"Place({self.shown})"

    def conceal(self, text: str) -> str:
        """Return a text of the database or its driver as one safe line, without the password."""
        secret = str(self.url.password or "")
        return clean(" ".join((text.replace(secret, "***") if secret else text).split()), 300)


def place_of(url: str, password: str = "") -> Place:
    """Read a URL or a path; *password* is used where the URL has none.

    Raises:
        HistoryError: it is neither; the message holds no password.
    """
    if "://" not in url:
        return _file(url)
    scheme, _, rest = url.partition("://")
    if scheme == "sqlite":
        # As everywhere: sqlite:///relative, sqlite:////absolute.
        if not rest.startswith("/"):
            raise HistoryError("A sqlite:// URL with a host names no file.", hint="Three slashes: sqlite:///PATH")
        return _file(rest[1:].partition("?")[0])
    if scheme not in _DRIVERS:
        raise HistoryError(f"The history cannot be kept in {clean(scheme, 40)!r}.", hint=_FORMS)
    try:
        parsed = sa.make_url(f"postgresql+psycopg://{rest}")
    except (ArgumentError, ValueError):
        raise HistoryError("The URL of the history is not one of PostgreSQL.", hint=_FORMS) from None
    if not parsed.database:
        raise HistoryError("The URL of the history names no database.", hint=_FORMS)
    if not parsed.password and password:
        parsed = parsed.set(password=password)
    return Place(url=parsed, file=None, shown=_shown(parsed))


def _file(path: str) -> Place:
    if not path or path == ":memory:":
        raise HistoryError("The history needs a file: what is kept in memory is not remembered.", hint=_FORMS)
    if "\x00" in path:
        raise HistoryError("The path of the history holds a NUL character.", hint=_FORMS)
    file = Path(os.path.abspath(Path(path).expanduser()))  # noqa: PTH100 - no links resolved, nothing looked at
    return Place(url=sa.URL.create("sqlite", database=str(file)), file=file, shown=clean(str(file), 300))


def _shown(url: sa.URL) -> str:
    """Return scheme, user, host and database, without password and parameters (one of them may be a password)."""
    account = f"{url.username}@" if url.username else ""
    port = f":{url.port}" if url.port else ""
    return clean(f"postgresql://{account}{url.host or ''}{port}/{url.database}", 300)
