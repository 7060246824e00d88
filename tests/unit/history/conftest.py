"""Places for histories: a new file, and a new database of a PostgreSQL that one module shares."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from build.postgres import Postgres, postgres, postgres_here


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as running:
        yield running


@pytest.fixture(
    params=[
        pytest.param("sqlite", id="sqlite"),
        pytest.param("postgresql", id="postgresql", marks=[pytest.mark.debian, postgres_here]),
    ]
)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty place, once of each kind; the server is started for the second only."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/history.db"
    running: Postgres = request.getfixturevalue("server")
    return running.new_database()
