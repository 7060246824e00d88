"""Where the program keeps what it remembers, and for how long. Names a place; makes and opens nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ingressdoctor.config.settings import Settings
from ingressdoctor.config.values import UnfitError, path, text

__all__ = ["days", "history_place", "history_url", "state_folder"]

_MAX_DAYS: Final = 3650


def state_folder(environ: Mapping[str, str]) -> Path:
    """Return the user's own folder for what is remembered between runs, as the XDG base directories have it."""
    base = environ.get("XDG_STATE_HOME", "")
    home = environ.get("HOME") or os.path.expanduser("~")  # noqa: PTH111 - Path.home() raises without a home
    return (Path(base) if base else Path(home) / ".local/state") / "ingressdoctor"


def history_url(settings: Settings, environ: Mapping[str, str] | None = None) -> str:
    """Return where the history is: as configured, else a file in the user's state folder."""
    return settings.history.url or str(state_folder(os.environ if environ is None else environ) / "history.db")


def history_place(raw: object, base: Path) -> str:
    """A path, a ``sqlite:///`` URL or a ``postgresql://`` URL that holds no password; or empty."""
    found = text(raw, base)
    scheme, separator, rest = found.partition("://")
    if not separator:
        return path(raw, base)
    if scheme == "sqlite" and rest.startswith("/") and len(rest) > 1:
        return path(rest[1:], base)
    if scheme not in ("postgresql", "postgres") or "/" not in rest:
        raise UnfitError('a path, or a URL as in "postgresql://USER@HOST/DATABASE"')
    # Everything up to the last @ is the account, whatever a password that was not escaped looks like.
    if ":" in rest.rpartition("@")[0] or "password=" in rest.lower():
        raise UnfitError("a URL without a password; where that is kept is said by history.password")
    return found


def days(raw: object, base: Path) -> int:
    """A whole number of days, from one to ten years."""
    del base
    if isinstance(raw, bool) or not isinstance(raw, int) or not 1 <= raw <= _MAX_DAYS:
        raise UnfitError(f"a whole number of days from 1 to {_MAX_DAYS}, without quotes, as in 90")
    return raw
