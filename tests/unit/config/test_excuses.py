from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from ingressdoctor.config.excuses import excuse_toml, suppressions, windows
from ingressdoctor.config.values import UnfitError
from ingressdoctor.model.excuses import Suppression, Weekly, Window

HERE = Path("/")


def read(text: str) -> object:
    (value,) = tomllib.loads(text).values()
    return value


def test_windows_are_read() -> None:
    raw = read(
        """
        [[w]]
        reason = " move "
        from = 2026-12-01T22:00:00+02:00
        until = 2026-12-02T04:00:00+02:00
        hosts = ["*.example.org"]
        [[w]]
        reason = "backups"
        weekly = "Sunday 23:30-01:00 Europe/Athens"
        until = 2027-12-31T00:00:00Z
        namespaces = ["db"]
        """
    )

    assert windows(raw, HERE) == (
        Window(
            reason="move",
            start=datetime(2026, 12, 1, 20, tzinfo=UTC),
            end=datetime(2026, 12, 2, 2, tzinfo=UTC),
            hosts=("*.example.org",),
        ),
        Window(
            reason="backups",
            weekly=Weekly(day=6, first=23 * 60 + 30, last=60, zone="Europe/Athens"),
            end=datetime(2027, 12, 31, tzinfo=UTC),
            namespaces=("db",),
        ),
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param('w = "x"', "a list of at most", id="no-list"),
        pytest.param("w = [1]", "a list of at most", id="no-tables"),
        pytest.param("w = [{until = 2026-12-01T00:00:00Z}]", "reason", id="no-reason"),
        pytest.param('w = [{reason = " ", until = 2026-12-01T00:00:00Z}]', "reason", id="empty-reason"),
        pytest.param('w = [{reason = "r"}]', "until must be a time", id="no-end"),
        pytest.param('w = [{reason = "r", until = 2026-12-01T00:00:00}]', "offset", id="no-offset"),
        pytest.param('w = [{reason = "r", until = 2026-12-01}]', "until must be a time", id="a-date"),
        pytest.param('w = [{reason = "r", until = "soon"}]', "until must be a time", id="a-text"),
        pytest.param(
            'w = [{reason = "r", from = 2026-12-01T00:00:00Z, until = 2026-12-01T00:00:00Z}]', "after", id="ends-first"
        ),
        pytest.param('w = [{reason = "r", until = 2026-12-01T00:00:00Z, host = "a"}]', "'host'", id="unknown-key"),
        pytest.param('w = [{reason = "r", until = 2026-12-01T00:00:00Z, hosts = "a"}]', "a list", id="hosts-no-list"),
        pytest.param(
            'w = [{reason = "r", until = 2026-12-01T00:00:00Z, weekly = "Foo 1:00-2:00"}]', "a day", id="no-day"
        ),
        pytest.param(
            'w = [{reason = "r", until = 2026-12-01T00:00:00Z, weekly = "Sun 2:00-2:00"}]', "differ", id="no-hours"
        ),
        pytest.param(
            'w = [{reason = "r", until = 2026-12-01T00:00:00Z, weekly = "Sun 2:00-3:00 Mars/Olympus"}]',
            "time zone",
            id="no-such-zone",
        ),
        pytest.param(
            'w = [{reason = "r", until = 2026-12-01T00:00:00Z, weekly = "Sun 2:00-3:00 ../../etc/passwd"}]',
            "time zone",
            id="a-path-is-no-zone",
        ),
    ],
)
def test_windows_that_are_refused(text: str, why: str) -> None:
    with pytest.raises(UnfitError, match=why):
        windows(read(text), HERE)


def test_the_table_that_is_wrong_is_counted() -> None:
    with pytest.raises(UnfitError, match="in number 2"):
        windows(read('w = [{reason = "r", until = 2026-12-01T00:00:00Z}, {}]'), HERE)


def test_suppressions_are_read() -> None:
    raw = read('s = [{check = "cert.*", until = 2026-12-31, reason = "by hand"}]')

    assert suppressions(raw, HERE) == (Suppression(reason="by hand", until=date(2026, 12, 31), check="cert.*"),)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param('s = [{check = "a", reason = "r"}]', "until must be a date", id="no-end"),
        pytest.param('s = [{check = "a", until = 2026-12-31}]', "reason", id="no-reason"),
        pytest.param('s = [{until = 2026-12-31, reason = "r"}]', "what is suppressed", id="everything"),
        pytest.param('s = [{check = 5, until = 2026-12-31, reason = "r"}]', "a pattern", id="no-pattern"),
    ],
)
def test_suppressions_that_are_refused(text: str, why: str) -> None:
    with pytest.raises(UnfitError, match=why):
        suppressions(read(text), HERE)


def test_what_is_written_is_read_again() -> None:
    window = Window(
        reason='a "quoted" one',
        start=datetime(2026, 12, 1, tzinfo=UTC),
        end=datetime(2026, 12, 2, tzinfo=UTC),
        weekly=Weekly(day=0, first=5, last=1440, zone="Europe/Athens"),
        hosts=("a", "b"),
        namespaces=("c",),
    )
    suppression = Suppression(reason="r", until=date(2026, 12, 31), check="x.*", subject="y", hosts=("z",))

    assert windows(read(f"w = [{excuse_toml(window)}]"), HERE) == (window,)
    assert suppressions(read(f"s = [{excuse_toml(suppression)}]"), HERE) == (suppression,)
