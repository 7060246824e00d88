"""Which notifications were delivered, over SQLite and a real PostgreSQL."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from build import sweep as build
from build.receiver import receiver
from ingressdoctor.config import ChannelKind, ChannelSettings
from ingressdoctor.config.secrets import from_env
from ingressdoctor.errors import HistoryError
from ingressdoctor.history import open_history
from ingressdoctor.model.sweep import IncidentState
from ingressdoctor.notify import Notifier, Pace

KEY = "on call inc-7f3a opened"


def test_what_was_delivered_is_known_to_the_next_process(place: str) -> None:
    with open_history(place) as first:
        assert not first.receipts.was_sent(KEY)
        first.receipts.mark_sent(KEY, build.STARTED)
        first.receipts.mark_sent(KEY, build.STARTED)
    with open_history(place) as second:
        assert second.receipts.was_sent(KEY)
        assert not second.receipts.was_sent("on call inc-7f3a closed")
        assert second.trouble is None


@pytest.mark.parametrize("key", ["", "x" * 400, "\0\udc80 名 opened", "'; DROP TABLE receipt; --"])
def test_any_key_can_be_kept(key: str, place: str) -> None:
    with open_history(place) as history:
        history.receipts.mark_sent(key, build.STARTED)

        assert history.receipts.was_sent(key)


def test_receipts_are_kept_as_long_as_their_incident(place: str) -> None:
    """An incident that is open for a year shall not be told anew because its receipt is old."""
    with open_history(place, retention_days=30) as history:
        sweep = history.begin(build.STARTED, "eu")
        history.save_incidents(sweep, (build.incident(),))
        history.finish(sweep, build.broken())
        history.receipts.mark_sent(KEY, build.STARTED - timedelta(days=365))
        history.receipts.mark_sent("on call inc-old closed", build.STARTED - timedelta(days=365))
        history.receipts.mark_sent("on call inc-new opened", build.STARTED)

        assert history.prune(build.STARTED).receipts == 1
        assert history.receipts.was_sent(KEY)
        assert history.receipts.was_sent("on call inc-new opened")
        assert not history.receipts.was_sent("on call inc-old closed")


def test_a_locked_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    with open_history(str(path)) as history:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        try:
            with pytest.raises(HistoryError, match="locked"):
                history.receipts.mark_sent(KEY, build.STARTED)
            assert not history.receipts.was_sent(KEY)
        finally:
            other.close()


async def test_sweeps_that_cron_starts_tell_once_and_what_failed_again(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The receiver is down for the first sweep and the third: each event arrives once all the same."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    settings = ChannelSettings(kind=ChannelKind.SLACK, name="slack", url=from_env("HOOK", "URL"))
    ended = build.incident(state=IncidentState.CLOSED, closed=build.STARTED)
    reports = [build.all_well(incidents=(item,)) for item in (build.incident(), build.incident(), ended, ended, ended)]
    with receiver() as server:
        for number, report in enumerate(reports):
            url = "http://127.0.0.1:1/" if number in (0, 2) else server.url
            with open_history(place) as history:
                pace = Pace(attempts=1)
                async with Notifier([settings], sent=history.receipts, environ={"HOOK": url}, pace=pace) as notifier:
                    notifier.tell(report)
                    await notifier.drained()

    assert [item.json["blocks"][0]["text"]["text"].split(":")[0] for item in server.got] == ["Opened", "Closed"]
