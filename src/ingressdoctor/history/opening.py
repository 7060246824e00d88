"""Open a database: connect, refuse what is not ours, and bring its tables up to date.

A database that holds somebody else's tables is refused, and so is one from a newer version. Every setting that the
driver needs is made here; nothing else knows which database it is.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError

from ingressdoctor.errors import HistoryError
from ingressdoctor.history.place import Place
from ingressdoctor.history.tables import METADATA, VERSION_TABLE
from ingressdoctor.history.trouble import explain

__all__ = ["STEPS", "engine_for", "prepare", "reading", "writing"]

STEPS: Final = Path(__file__).parent / "migrations"
_BUSY_S: Final = 5
_CONNECT_S: Final = 10
_ONE_WRITER: Final = 0x1D0C_7012
"""The key of PostgreSQL's advisory lock that makes writers take turns, as SQLite does by itself."""
_WRITES: Final = "ingressdoctor_writes"
# Alembic keeps what it works on in module-wide proxies: two openings in one process take turns.
_ALONE: Final = threading.Lock()


def engine_for(place: Place, *, create: bool = True) -> sa.Engine:
    """Return an engine for *place*; a new file is readable by its owner alone.

    Raises:
        HistoryError: the file cannot be made, is not there and may not be made, or the driver is missing.
    """
    if place.file is None:
        return _postgres(place)
    try:
        if not place.file.exists():
            if not create:
                raise HistoryError(f"There is no history at {place.shown} yet.", hint="Make one: ingressdoctor sweep")
            os.close(os.open(place.file, os.O_RDWR | os.O_CREAT, 0o600))
        elif place.file.is_dir():
            raise HistoryError(f"{place.shown} is a folder.", hint=f"Name a file: {place.shown}/history.db")
    except OSError as error:
        raise explain(error, place) from None
    engine = sa.create_engine(place.url, connect_args={"timeout": _BUSY_S})
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: Any, _: object) -> None:  # noqa: ANN401 - a driver's connection
    # The driver's own idea of when a transaction begins is turned off; _begin_sqlite says so.
    connection.isolation_level = None
    if connection.execute("PRAGMA page_count").fetchone() == (0,):
        # Counts only before the first table is made, and would wait for whoever writes later.
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    for setting in (
        "journal_mode = WAL",  # whoever reads does not wait for whoever writes
        "synchronous = NORMAL",  # with WAL: a killed process loses nothing, a power cut at most the last seconds
        "foreign_keys = ON",
        "journal_size_limit = 16777216",
    ):
        connection.execute(f"PRAGMA {setting}")


def _begin_sqlite(connection: sa.Connection) -> None:
    # A transaction that reads first and writes later would be refused, not made to wait, where two do it at once.
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _postgres(place: Place) -> sa.Engine:
    try:
        return sa.create_engine(
            place.url,
            pool_pre_ping=True,
            pool_size=2,
            connect_args={
                "connect_timeout": _CONNECT_S,
                "application_name": "ingressdoctor",
                "tcp_user_timeout": 30_000,
                # A pooler in between (PgBouncer) does not know statements that were prepared elsewhere.
                "prepare_threshold": None,
            },
        )
    except ImportError:
        raise HistoryError(
            "A history in PostgreSQL needs the driver psycopg, which is not installed.",
            hint="pip install 'ingressdoctor[postgres]'",
        ) from None


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction that only reads."""
    with engine.connect() as connection, connection.begin():
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL statement_timeout = '60s'")
        yield connection


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction that writes; others that do wait for it, and it for them, for a bounded time."""
    with engine.connect().execution_options(**{_WRITES: True}) as connection, connection.begin():
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL lock_timeout = '10s'")
            connection.exec_driver_sql("SET LOCAL statement_timeout = '60s'")
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ONE_WRITER)))
        yield connection


def prepare(engine: sa.Engine, place: Place, steps: Path = STEPS) -> None:
    """Make or upgrade the tables, in one transaction.

    Raises:
        HistoryError: the database cannot be opened, is somebody else's, or is from a newer version.
    """
    config = Config()
    config.set_main_option("script_location", str(steps).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    script = ScriptDirectory.from_config(config)
    known = tuple(revision.revision for revision in script.walk_revisions())
    try:
        with reading(engine) as connection:
            current = _version(connection, place, known)
        if current == known[0]:
            return
        with _ALONE, writing(engine) as connection:
            # Somebody else may have been faster.
            if _version(connection, place, known) != known[0]:
                config.attributes.update(connection=connection, version_table=VERSION_TABLE)
                command.upgrade(config, "head")
    except (SQLAlchemyError, OSError) as error:
        raise explain(error, place) from None


def _version(connection: sa.Connection, place: Place, known: tuple[str, ...]) -> str:
    """Return the version of the tables, empty for none; refuse a database that we must not touch."""
    tables = set(sa.inspect(connection).get_table_names())
    if VERSION_TABLE not in tables:
        if tables:
            # Some of ours without a version are somebody's, too.
            ours = " (some are called as ours, but none says its version)" if tables & set(METADATA.tables) else ""
            raise HistoryError(
                f"The database {place.shown} holds other tables{ours}, and no history.", hint=_another(place)
            )
        return ""
    found = connection.execute(sa.text(f"SELECT version_num FROM {VERSION_TABLE}")).scalars().all()  # noqa: S608
    if len(found) != 1 or found[0] not in known:
        shown = place.conceal(", ".join(map(str, found))) or "none"
        raise HistoryError(
            f"The history {place.shown} is from a newer version: its schema is {shown}, expected {known[0]} or older.",
            hint="Upgrade ingressdoctor, or keep the history of this version elsewhere (history.url).",
        )
    return str(found[0])


def _another(place: Place) -> str:
    if place.file is not None:
        return "Name another file for the history (history.url)."
    return "Create a database for it (createdb ingressdoctor), or a schema: ...?options=-csearch_path%3Dingressdoctor"
