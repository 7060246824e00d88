"""Open the history that the settings name: for ``sweep``, which writes it, and ``sweep history``, which shows it.

Loads SQLAlchemy; commands import this module where they open a history.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ingressdoctor.config import Settings, history_url, state_folder
from ingressdoctor.errors import HistoryError
from ingressdoctor.history import History, open_history

__all__ = ["open_configured"]


def open_configured(settings: Settings, *, create: bool, environ: Mapping[str, str] | None = None) -> History:
    """Open the history of *settings*; the user's own state folder is made where it is needed, no other one is.

    Raises:
        HistoryError: it cannot be opened, or *create* is false and there is none.
        SourceError: its password cannot be had.
    """
    environ = os.environ if environ is None else environ
    url = history_url(settings, environ)
    if create and not settings.history.url:
        folder = state_folder(environ)
        try:
            Path(folder).mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise HistoryError(
                f"The folder {folder} for the history cannot be made: {error.strerror or 'system error'}.",
                hint="Name another place: history.url in the configuration.",
            ) from None
    fetch = settings.history.password.optional(environ) if "://" in url else None
    password = fetch().reveal() if fetch is not None else ""
    return open_history(url, retention_days=settings.history.retention_days, password=password, create=create)
