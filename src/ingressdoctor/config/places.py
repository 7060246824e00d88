"""Where the program keeps what it remembers. Names a place; makes and opens nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ingressdoctor.config.settings import Settings

__all__ = ["history_url", "state_folder"]


def state_folder(environ: Mapping[str, str]) -> Path:
    """Return the user's own folder for what is remembered between runs, as the XDG base directories have it."""
    base = environ.get("XDG_STATE_HOME", "")
    home = environ.get("HOME") or os.path.expanduser("~")  # noqa: PTH111 - Path.home() raises without a home
    return (Path(base) if base else Path(home) / ".local/state") / "ingressdoctor"


def history_url(settings: Settings, environ: Mapping[str, str] | None = None) -> str:
    """Return where the history is: as configured, else a file in the user's state folder."""
    return settings.history.url or str(state_folder(os.environ if environ is None else environ) / "history.db")
