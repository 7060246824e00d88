"""Which notifications were delivered, so that nobody is told twice over restarts: ``notify.SentLog`` in the database.

A key is channel, incident id and event, with a space between each; the last two hold none. Called from worker threads.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from ingressdoctor.history.opening import reading, writing
from ingressdoctor.history.place import Place
from ingressdoctor.history.tables import INCIDENT, RECEIPT
from ingressdoctor.history.texts import moment_ms
from ingressdoctor.history.trouble import explain

__all__ = ["Receipts", "forget_receipts"]

_MAX_KEY: Final = 300


class Receipts:
    """What was told by anybody who shares this database."""

    def __init__(self, engine: sa.Engine, place: Place) -> None:
        self._engine, self._place = engine, place

    def was_sent(self, key: str) -> bool:
        """Tell whether a notification with this key was delivered.

        Raises:
            HistoryError: nobody can tell now.
        """
        try:
            with reading(self._engine) as connection:
                found = connection.execute(sa.select(RECEIPT.c.key).where(RECEIPT.c.key == _fitting(key)))
                return found.first() is not None
        except (SQLAlchemyError, OSError) as error:
            raise explain(error, self._place) from None

    def mark_sent(self, key: str, at: datetime) -> None:
        """Remember that it was delivered; the same key may come again.

        Raises:
            HistoryError: it cannot be written now.
        """
        row = {"key": _fitting(key), "incident_id": _incident_of(key), "sent_at": moment_ms(at)}
        try:
            with writing(self._engine) as connection:
                connection.execute(RECEIPT.insert(), row)
        except IntegrityError:
            return
        except (SQLAlchemyError, OSError) as error:
            raise explain(error, self._place) from None


def forget_receipts(connection: sa.Connection, cutoff_ms: int, limit: int) -> int:
    """Forget at most *limit* receipts from before *cutoff_ms* whose incident is forgotten, and say how many."""
    known = sa.exists().where(INCIDENT.c.id == RECEIPT.c.incident_id)
    old = sa.select(RECEIPT.c.key).where(RECEIPT.c.sent_at < cutoff_ms, ~known).limit(limit)
    keys = list(connection.execute(old).scalars())
    connection.execute(RECEIPT.delete().where(RECEIPT.c.key.in_(keys)))
    return len(keys)


def _fitting(key: str) -> str:
    """Return the key as every database can hold it."""
    return key.replace("\0", "")[:_MAX_KEY].encode("utf-8", "replace").decode()


def _incident_of(key: str) -> str:
    parts = _fitting(key).rsplit(" ", 2)
    return parts[-2][:200] if len(parts) == 3 else ""
