"""``sweep history``: a real history behind the real command."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jsonschema
import pytest

from build.history import HOST, look, report
from build.program import run
from build.sweep import NO_TARGETS, incident
from build.values import replace
from ingressdoctor.history import open_history
from ingressdoctor.model.sweep import IncidentState, Outcome
from ingressdoctor.render.history_v1 import HistoryV1
from ingressdoctor.render.schema_v1 import schema_of

GOOD, BAD = {"lb.no-targets/targets": "3"}, {"lb.no-targets/targets": "0", "lb.no-targets/took": "3.1 s"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """An hour of sweeps, up to this minute: one host fails since 20 minutes, one flapped, one is well."""
    path = tmp_path / "history.db"
    now = datetime.now(UTC)
    with open_history(str(path)) as history:
        for minutes in range(60, 0, -10):
            at = now - timedelta(minutes=minutes)
            number = history.begin(at, "eu")
            for one in (
                look("down" if minutes <= 20 else "up", 0, facts=BAD if minutes <= 20 else GOOD),
                look("down" if minutes == 40 else "up", 0, "flapped.example.org"),
                look("up", 0, "well.example.org"),
            ):
                history.record(number, moved(one, at))
            history.finish(number, report(at, 3))
        history.save_incidents(
            number, (incident(state=IncidentState.OPEN, members=(HOST,), first_seen=at, last_seen=now),)
        )
    return path


def moved(outcome: Outcome, at: datetime) -> Outcome:
    """The same look at another time."""
    return replace(outcome, started=at)


def test_all_hosts(file: Path) -> None:
    """Those that fail first; no line is longer than 80 columns."""
    done = run("sweep", "history", "--history", str(file), "--since", "2h")

    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert [line.split()[1] for line in lines[1:4]] == [HOST, "flapped.example.org", "well.example.org"]
    assert re.match(r"✖ \S+ +2\d min ", lines[1])
    assert "10 min" in lines[2]
    assert "100 %" in lines[3]
    assert max(map(len, lines)) <= 80


def test_one_host(file: Path) -> None:
    done = run("sweep", "history", HOST, "--history", str(file), "--since", "2h")

    assert done.returncode == 0, done.stderr
    assert re.match(rf"✖ {re.escape(HOST)}: broken for 2\d min, since ", done.stdout)
    assert "last well " in done.stdout
    assert "targets: 3 → 0  lb.no-targets" in done.stdout
    assert "took" not in done.stdout
    assert "1 outage since " in done.stdout
    assert f"{NO_TARGETS.check_id} {NO_TARGETS.subject}" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


@pytest.mark.parametrize("name", [f"https://{HOST}/", HOST.upper(), f"{HOST}."])
def test_a_host_may_be_named_as_ever(file: Path, name: str) -> None:
    done = run("sweep", "history", name, "--history", str(file))

    assert done.stdout.startswith(f"✖ {HOST}: broken"), done.stderr


@pytest.mark.parametrize("words", [pytest.param((), id="all"), pytest.param((HOST,), id="one")])
def test_the_json_fits_its_schema(file: Path, words: tuple[str, ...]) -> None:
    done = run("sweep", "history", *words, "--json", "--history", str(file), "--since", "2h")

    told = json.loads(done.stdout)
    jsonschema.Draft202012Validator(schema_of(HistoryV1, "ingressdoctor.history/v1")).validate(told)
    first = next(host for host in told["hosts"] if host["name"] == HOST)
    assert told["schema"] == "ingressdoctor.history/v1"
    assert told["place"] == str(file)
    assert (first["verdict"], first["looks"], first["outages"]) == ("broken", 2, 1)
    assert 1200 <= first["uptime"]["down_s"] < 1800
    if words:
        assert first["detail"]["different"] == [{"fact": "lb.no-targets/targets", "was": "3", "now": "0"}]
        assert [one["state"] for one in first["detail"]["incidents"]] == ["open"]
    else:
        assert {host["detail"] for host in told["hosts"]} == {None}


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        pytest.param(
            ("shop01.example.org",), "No sweep has seen shop01.example.org.", f"Did you mean {HOST}", id="typo"
        ),
        pytest.param(("zzz",), "No sweep has seen zzz.", "All that are known: ingressdoctor sweep", id="nothing-near"),
        pytest.param(
            ("--since", "yesterday"), "--since 'yesterday' is not a span of time.", "A number and", id="since"
        ),
        pytest.param(("--since", "0d"), "--since '0d' is not a span of time.", "A number and", id="no-time"),
        pytest.param((HOST, "--vantage", "us"), f"No sweep from us has seen {HOST}.", "Leave out", id="vantage"),
        pytest.param(("not a host!",), "", "", id="no-hostname"),
    ],
)
def test_what_is_not_known(file: Path, words: tuple[str, ...], message: str, hint: str) -> None:
    done = run("sweep", "history", *words, "--history", str(file))

    assert (done.returncode, done.stdout) == (2, "")
    assert f"Error: {message}" in done.stderr
    assert f"Hint: {hint}" in done.stderr
    assert "Traceback" not in done.stderr


def test_no_history_yet(tmp_path: Path) -> None:
    """The default is in the user's state folder, and a question makes no file."""
    done = run("sweep", "history", env={"XDG_STATE_HOME": str(tmp_path)})

    assert done.returncode == 2
    assert f"There is no history at {tmp_path}/ingressdoctor/history.db yet." in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_password_is_not_repeated() -> None:
    url = "postgresql://doctor:planted-pa55@word@127.0.0.1:1/doctor"
    done = run("sweep", "history", "--history", url)

    assert done.returncode == 2
    assert "must be a URL without a password" in done.stderr
    assert "planted" not in done.stderr
    assert "word@" not in done.stderr


def test_a_password_by_reference_reaches_the_server_and_nothing_else() -> None:
    url = "postgresql://doctor@127.0.0.1:1/doctor"
    done = run("sweep", "history", "--history", url, env={"INGRESSDOCTOR_HISTORY_PASSWORD": "planted-pa55"})

    assert done.returncode == 2
    assert f"The history {url} cannot be reached" in done.stderr
    assert "planted" not in done.stderr


def test_the_configuration_names_it(file: Path, tmp_path: Path) -> None:
    config = tmp_path / "ingressdoctor.toml"
    config.write_text('[history]\nurl = "history.db"\n')
    done = run("sweep", "history", "--config", str(config))

    assert done.returncode == 0, done.stderr
    assert HOST in done.stdout
