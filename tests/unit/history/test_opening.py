"""Opening a history: what is refused and how that is said, and how tables come up to date."""

from __future__ import annotations

import shutil
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from build.history import at, look, sweep
from build.postgres import HOST, USER, Postgres, postgres_here
from build.program import environment
from build.sweep import names
from ingressdoctor.errors import HistoryError
from ingressdoctor.history import History, open_history
from ingressdoctor.history.opening import STEPS, engine_for, prepare
from ingressdoctor.history.place import place_of
from ingressdoctor.history.tables import METADATA, VERSION_TABLE

NEXT_STEP = '''"""A later step."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("target", sa.Column("note", sa.Text, nullable=False, server_default="new"))
'''


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        pytest.param("/var/lib/h.db", "/var/lib/h.db", id="path"),
        pytest.param("sqlite:////var/lib/h.db", "/var/lib/h.db", id="sqlite"),
        pytest.param("postgresql://u:p4ss@h:1/d", "postgresql://u@h:1/d", id="postgresql"),
        pytest.param("postgres://u:p4ss@h/d", "postgresql://u@h/d", id="short-scheme"),
        pytest.param("postgresql://u:p4%40ss@h/d?sslmode=require", "postgresql://u@h/d", id="parameters"),
        pytest.param("postgresql://u@h/d?password=p4ss", "postgresql://u@h/d", id="password-as-parameter"),
        pytest.param("postgresql:///d?host=/run", "postgresql:///d", id="socket"),
    ],
)
def test_a_place_is_shown_without_a_password(url: str, shown: str) -> None:
    place = place_of(url)

    assert place.shown == shown
    assert "p4" not in repr(place)


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("", id="empty"),
        pytest.param(":memory:", id="memory"),
        pytest.param("sqlite://h/x.db", id="sqlite-with-host"),
        pytest.param("sqlite:///", id="sqlite-without-path"),
        pytest.param("mysql://u:p4ss@h/d", id="other-database"),
        pytest.param("postgresql://u:p4ss@h", id="no-database"),
        pytest.param("postgresql://u:p4ss@h:port/d", id="port-is-a-word"),
        pytest.param("a\x00b", id="nul"),
    ],
)
def test_what_is_no_place(url: str) -> None:
    with pytest.raises(HistoryError) as refused:
        place_of(url)

    assert refused.value.exit_code == 2
    assert refused.value.hint
    assert "p4" not in refused.value.message


def test_a_new_file_is_its_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    with open_history(str(file)) as history:
        sweep(history, look("up", 0))
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
        with history._engine.connect() as connection:
            settings = [
                connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
                for name in ("journal_mode", "foreign_keys", "auto_vacuum", "busy_timeout")
            ]

    assert set(modes.values()) == {0o600}
    assert settings == ["wal", 1, 2, 5_000]


def test_the_migrations_make_the_tables_that_the_code_expects(place: str) -> None:
    with open_history(place) as history, history._engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": VERSION_TABLE, "compare_server_default": False}
        )

        assert compare_metadata(context, METADATA) == []


def test_an_older_history_is_brought_up_to_date(place: str, tmp_path: Path) -> None:
    """And then it is from a newer version for who does not know that step."""
    with open_history(place) as history:
        sweep(history, look("up", 0))
    steps = tmp_path / "steps"
    shutil.copytree(STEPS, steps, ignore=shutil.ignore_patterns("__pycache__"))
    (steps / "versions/v0002_note.py").write_text(NEXT_STEP)
    where = place_of(place)
    engine = engine_for(where)
    for _ in range(2):
        prepare(engine, where, steps)
    with engine.connect() as connection:
        row = connection.execute(sa.text("SELECT name, note FROM target")).one()
    engine.dispose()

    assert tuple(row) == ("shop001.example.org", "new")
    with pytest.raises(HistoryError) as refused:
        open_history(place)
    assert refused.value.message == (
        f"The history {where.shown} is from a newer version: its schema is 0002, expected 0001 or older."
    )
    assert refused.value.hint.startswith("Upgrade ingressdoctor")
    assert "planted" not in str(refused.value)


def test_a_step_that_fails_leaves_nothing_behind(place: str, tmp_path: Path) -> None:
    steps = tmp_path / "steps"
    shutil.copytree(STEPS, steps, ignore=shutil.ignore_patterns("__pycache__"))
    (steps / "versions/v0002_wrong.py").write_text(NEXT_STEP.replace('"target"', '"no_such_table"'))
    where = place_of(place)
    engine = engine_for(where)
    with pytest.raises(HistoryError):
        prepare(engine, where, steps)
    with engine.connect() as connection:
        tables = sa.inspect(connection).get_table_names()
    engine.dispose()

    assert tables == []
    open_history(place).close()


@pytest.mark.parametrize("table", ["orders", "target"])
def test_a_database_of_somebody_else_is_refused(place: str, table: str) -> None:
    where = place_of(place)
    engine = engine_for(where)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY)")
    with pytest.raises(HistoryError, match="holds other tables") as refused:
        open_history(place)
    with engine.connect() as connection:
        tables = sa.inspect(connection).get_table_names()
    engine.dispose()

    assert tables == [table]
    assert where.shown in refused.value.message
    assert refused.value.hint


def test_two_openings_of_a_new_place_at_once(place: str) -> None:
    """Two processes make the same tables; one of them waits for the other and finds them made."""
    code = "import sys; from ingressdoctor.history import open_history; open_history(sys.argv[1]).close()"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, place], stderr=subprocess.PIPE, stdout=subprocess.PIPE, env=environment()
        )
        for _ in range(3)
    ]
    said = [process.communicate(timeout=100) for process in processes]

    assert [process.returncode for process in processes] == [0, 0, 0], said
    assert [out + err for out, err in said] == [b"", b"", b""]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"not a database, but long enough to be a header" * 100, "is not a SQLite database", id="text"),
        pytest.param(b"SQLite format 3\x00" + b"\xff" * 5_000, "damaged|not a SQLite database", id="damaged"),
    ],
)
def test_a_file_that_is_none(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "history.db"
    file.write_bytes(content)
    with pytest.raises(HistoryError, match=message) as refused:
        open_history(str(file))

    assert str(file) in refused.value.message
    assert file.read_bytes() == content


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="There is no folder") as refused:
        open_history(str(tmp_path / "missing/history.db"))

    assert refused.value.hint == f"mkdir -p {tmp_path}/missing"


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="no /proc here")
def test_a_folder_that_takes_no_files_is_not_missing() -> None:
    with pytest.raises(HistoryError, match="The folder /proc takes no new files") as refused:
        open_history("/proc/x.db")

    assert "mkdir" not in refused.value.hint


def test_a_link_to_nowhere(tmp_path: Path) -> None:
    (tmp_path / "history.db").symlink_to(tmp_path / "gone/history.db")
    with pytest.raises(HistoryError, match="is a link to nowhere"):
        open_history(str(tmp_path / "history.db"))


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="is a folder"):
        open_history(str(tmp_path))


def test_a_file_that_is_not_there_is_made_only_if_it_may(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    with pytest.raises(HistoryError, match="There is no history at"):
        open_history(str(file), create=False)

    assert not file.exists()


def test_an_empty_file_is_a_new_history(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    file.touch()
    with open_history(f"sqlite:///{file}") as history:
        sweep(history, look("up", 0))

        assert history.names() == ("shop001.example.org",)


def test_a_reader_beside_a_writer(tmp_path: Path) -> None:
    file = tmp_path / "history.db"
    with open_history(str(file)) as history:
        sweep(history, look("up", 0))
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with open_history(str(file)) as reader:
                told = reader.timeline("shop001.example.org", at(0), until=at(1))

    assert told is not None
    assert told.state.looks == 1


def pages_of(history: History) -> int:
    """How large the file is, with what waits in its log."""
    with history._engine.connect() as connection:
        return int(connection.exec_driver_sql("PRAGMA page_count").scalar_one())


def test_a_file_does_not_grow_while_nothing_changes_and_shrinks_when_it_forgets(tmp_path: Path) -> None:
    hosts = names(1_000)
    day = 24 * 60
    with open_history(str(tmp_path / "history.db"), retention_days=1) as history:
        sizes = []
        for minute in (0, 5, 10):
            outcomes = [look("up", minute, name, facts={"a.b/c": name * 9, "a.b/took": str(minute)}) for name in hosts]
            sweep(history, *outcomes)
            sizes.append(pages_of(history))
        for number in range(10):
            sweep(history, look("up", 30 * day + number))
        done = history.prune(at(31 * day))
        left = pages_of(history)

    # A number above 1 takes SQLite a byte more than 1 does, once.
    assert sizes[2] == sizes[1] < sizes[0] * 1.1
    assert done.targets == 999
    assert left < sizes[0] / 2


def test_the_driver_is_missing() -> None:
    code = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from ingressdoctor.errors import HistoryError\n"
        "from ingressdoctor.history import open_history\n"
        "try: open_history('postgresql://u:p4ss@127.0.0.1:1/d')\n"
        "except HistoryError as error: print(error.message, error.hint, sep='|')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True, env=environment()
    )

    message, hint = done.stdout.strip().split("|")
    assert message == "A history in PostgreSQL needs the driver psycopg, which is not installed."
    assert hint == "pip install 'ingressdoctor[postgres]'"


@pytest.mark.debian
@postgres_here
class TestPostgres:
    """What a server refuses is said in a line, without the password."""

    @pytest.mark.parametrize(
        ("url", "message"),
        [
            pytest.param("postgresql://{user}:planted-pa55-wrong@{host}:{port}/postgres", "password", id="password"),
            pytest.param("postgresql://nobody:planted-pa55-x@{host}:{port}/postgres", "password", id="account"),
            pytest.param("postgresql://{user}:{right}@{host}:{port}/nothing", "has no such database", id="database"),
            pytest.param("postgresql://{user}:{right}@{host}:1/postgres", "cannot be reached", id="port"),
        ],
    )
    def test_refused(self, server: Postgres, url: str, message: str) -> None:
        right = server.url("postgres").split(":")[2].partition("@")[0]
        with pytest.raises(HistoryError, match=message) as refused:
            open_history(url.format(user=USER, right=right, host=HOST, port=server.port))

        assert "planted" not in f"{refused.value.message}{refused.value.hint}{refused.value!r}"
        assert refused.value.__cause__ is None
        assert refused.value.hint

    def test_a_password_from_elsewhere(self, server: Postgres) -> None:
        url = server.new_database()
        right = url.split(":")[2].partition("@")[0]
        with open_history(url.replace(f":{right}@", "@"), password=right) as history:
            assert history.names() == ()

    def test_an_account_that_may_not_write(self, server: Postgres) -> None:
        url = server.new_database()
        server.do("DROP ROLE IF EXISTS reader")
        server.do("CREATE ROLE reader LOGIN PASSWORD 'planted-pa55-reader'")
        name = url.rpartition("/")[2]
        with pytest.raises(HistoryError, match="does not let this account write") as refused:
            open_history(f"postgresql://reader:planted-pa55-reader@{HOST}:{server.port}/{name}")

        assert refused.value.hint.startswith("GRANT")

    def test_a_schema_of_its_own_beside_others_tables(self, server: Postgres) -> None:
        url = server.new_database()
        server.do("CREATE SCHEMA sweeps; CREATE TABLE orders (id int)", url.rpartition("/")[2])
        with open_history(f"{url}?options=-csearch_path%3Dsweeps") as history:
            sweep(history, look("up", 0))

            assert history.names() == ("shop001.example.org",)
