"""What went wrong with the database, in one line and a next step. Texts of drivers may hold passwords and values.

``explain`` takes whatever a driver raises and returns the error to show; it never hands on SQL or its parameters.
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Final

import msgspec
from sqlalchemy.exc import DBAPIError

from ingressdoctor.errors import HistoryError
from ingressdoctor.history.place import Place

__all__ = ["Trouble", "explain"]


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """Why results are not in the database: ``waiting`` are kept and tried again, ``lost`` had no room to wait."""

    message: str
    hint: str = ""
    waiting: int = 0
    lost: int = 0

    def __str__(self) -> str:
        """The whole trouble as one line."""
        counts = [f"{self.waiting} results wait" if self.waiting else "", f"{self.lost} are lost" if self.lost else ""]
        told = ", ".join(filter(None, counts))
        return f"{self.message} ({told})" if told else self.message


# Words of SQLite's messages; the first that fits is taken. {what} is the place, {file} its path.
_SQLITE: Final = (
    ("database is locked", "The history {what} is locked by another process.", "See who has it open: fuser {file}"),
    ("readonly", "The history {what} cannot be written: it is read-only.", "Check: ls -l {file} and mount {folder}"),
    ("is full", "The disk is full: the history {what} cannot be written.", "Make room: df -h {folder}"),
    ("disk i/o", "The disk fails: the history {what} cannot be read or written.", "Look at: df -h {folder}; dmesg"),
    ("too big", "The disk is full: the history {what} cannot be written.", "Make room: df -h {folder}"),
    (
        "malformed",
        "The history {what} is damaged.",
        "Put it aside, and sweep again: mv {file} {file}.damaged; what it held: sqlite3 {file}.damaged .recover",
    ),
    (
        "not a database",
        "The file {what} is not a SQLite database.",
        "Name another file for the history, or put this one aside: mv {file} {file}.other",
    ),
    ("no such table", "The history {what} has lost its tables.", "Put it aside: mv {file} {file}.damaged"),
    ("unable to open", "The history {what} cannot be opened.", "Check: ls -ld {folder} {file}"),
)

_POSTGRES: Final = {
    "28P01": ("refuses the password", "Set INGRESSDOCTOR_HISTORY_PASSWORD, or history.password in the configuration."),
    "28000": ("refuses the account", "Check the account, and pg_hba.conf of the server."),
    "3D000": ("has no such database", "Create it: createdb NAME"),
    "42501": ("does not let this account write", "GRANT CREATE, USAGE ON SCHEMA public TO the account."),
    "53100": ("has a full disk", "Make room on the server's disk."),
    "53300": ("has no connection left", "Raise max_connections, or close others."),
    "55P03": ("is locked by another process", "See who: SELECT * FROM pg_stat_activity"),
    "57014": ("was too slow", "See what it waits for: SELECT * FROM pg_stat_activity"),
    "25006": ("is read-only", "Name the primary server, not a standby."),
    "42P01": ("has lost its tables", "Name an empty database for the history."),
}


def explain(error: Exception, place: Place) -> HistoryError:
    """Return the error to show for what a driver or the system raised."""
    if isinstance(error, HistoryError):
        return error
    if isinstance(error, OSError):
        return _of_system(error, place)
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return _of_sqlite(cause, place) if place.file is not None else _of_postgres(cause, place)


def _of_system(error: OSError, place: Place) -> HistoryError:
    file = place.file or Path()
    if error.errno == errno.ENOENT and file.is_symlink():
        return HistoryError(f"The history {place.shown} is a link to nowhere.", hint=f"Check: readlink -f {file}")
    if error.errno == errno.ENOENT and file.parent.is_dir():
        # As /proc and /sys do, of which the kernel makes up the files.
        return HistoryError(
            f"The folder {file.parent} takes no new files: the history {place.shown} cannot be made.",
            hint="Name a file in another folder for the history (--history, history.url).",
        )
    if error.errno == errno.ENOENT:
        return HistoryError(f"There is no folder {file.parent} for the history.", hint=f"mkdir -p {file.parent}")
    return HistoryError(
        f"The history {place.shown} cannot be opened: {error.strerror or 'system error'}.",
        hint=f"Check: ls -ld {file.parent} {file}",
    )


def _of_sqlite(cause: BaseException, place: Place) -> HistoryError:
    file = place.file or Path()
    text = str(cause).lower()
    if not file.parent.is_dir():
        return HistoryError(f"There is no folder {file.parent} for the history.", hint=f"mkdir -p {file.parent}")
    for word, message, hint in _SQLITE:
        if word in text:
            told = {"what": place.shown, "file": file, "folder": file.parent}
            return HistoryError(message.format(**told), hint=hint.format(**told))
    return HistoryError(f"The history {place.shown} cannot be used: {place.conceal(str(cause))}.")


def _of_postgres(cause: BaseException, place: Place) -> HistoryError:
    code = getattr(cause, "sqlstate", None) or ""
    text = place.conceal(str(cause))
    # A connection that fails has no code of its own; the server's words are in the text.
    if not code and "password" in text:
        code = "28P01"
    if not code and "does not exist" in text:
        code = "3D000" if "database" in text else "28000"
    if code in _POSTGRES:
        what, hint = _POSTGRES[code]
        return HistoryError(f"The history {place.shown} {what}.", hint=hint)
    if not code:
        return HistoryError(f"The history {place.shown} cannot be reached: {text}", hint="Is the server running there?")
    return HistoryError(f"The history {place.shown} cannot be used ({code}): {text}")
