"""Sweeps on bad days, with real servers that fail: what ended is reported, nobody is blamed for what was not seen."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from build.badday import Told, held, say
from build.kubeproxy import before_the_api
from build.ports import free_port
from build.program import PROGRAM, environment
from build.sweeps import swept
from build.values import replace
from ingressdoctor.engine.sweep import SweepSpec
from ingressdoctor.history import open_history
from ingressdoctor.lab import Lab, World, apply_fault, load_fault, load_world
from ingressdoctor.lab.lab import running
from ingressdoctor.lab.world import merged
from ingressdoctor.model.report import Verdict
from ingressdoctor.model.sweep import Incident, IncidentState
from ingressdoctor.sweeping.options import SweepOptions
from ingressdoctor.sweeping.targets import Filters
from scenarios import PATIENCE

pytestmark = pytest.mark.lab

HOSTS = ("argocd.argo-lan.example", "echo.argo-lan.example", "grafana.argo-lan.example")


def world(fault: str = "", name: str = "argo-lan", **settings: object) -> World:
    found = load_world(name)
    found = apply_fault(found, load_fault(name, fault)) if fault else found
    return replace(found, settings=merged(merged(found.settings, PATIENCE), settings))


@pytest.fixture(scope="module")
def calm() -> Iterator[Lab]:
    with running(world()) as lab:
        yield lab


@pytest.fixture(scope="module")
def broken() -> Iterator[Lab]:
    with running(world("nginx-not-ready")) as lab:
        yield lab


def told(lab: Lab, *words: str, **env: str) -> Told:
    return say("sweep", *words, env={**lab.handout.environment, **env})


# -- the API server


@pytest.mark.parametrize(
    ("status", "page"),
    [pytest.param(503, 2, id="it-restarts-in-the-middle-of-a-list"), pytest.param(410, 2, id="its-page-expired")],
)
def test_what_an_api_server_takes_back_is_asked_for_again(calm: Lab, tmp_path: Path, status: int, page: int) -> None:
    hit: list[str] = []

    def instead(_number: int, path: str) -> int:
        again = "continue=" in path and len(hit) < 2
        hit.extend([path] if again else [])
        return status if again else 0

    with before_the_api(calm, tmp_path, instead, page=page) as env:
        done = told(calm, "--no-history", "--json", **env)

    assert len(hit) == 2
    value = json.loads(done.out)
    assert (done.code, value["incidents"], value["skipped"]) == (0, [], [])
    assert {item["name"] for item in value["outcomes"]} == set(HOSTS)


def test_a_token_that_expires_in_the_middle_blames_nobody(calm: Lab, tmp_path: Path) -> None:
    with before_the_api(calm, tmp_path, lambda number, _: 401 if number > 4 else 0) as env:
        done = told(calm, "--no-history", "--json", **env)

    value = json.loads(done.out)
    assert value["incidents"] == []
    assert any("does not accept the credentials (401)" in line for line in value["skipped"])


def test_without_a_kubeconfig_what_the_zones_name_is_judged(calm: Lab, tmp_path: Path) -> None:
    config = tmp_path / "ingressdoctor.toml"
    text = calm.handout.config.read_text("utf-8").replace(str(calm.handout.kubeconfig), "/nonexistent/kubeconfig")
    config.write_text(text, "utf-8")
    done = told(calm, "--no-history", KUBECONFIG="/nonexistent/kubeconfig", INGRESSDOCTOR_CONFIG=str(config))

    assert "There is no kubeconfig" in " ".join(done.out.split())
    assert done.code == 0


def test_who_may_look_at_nothing_in_the_cluster_is_told_so() -> None:
    with running(world(rbac={"namespaces": ["nowhere"]})) as lab:
        done = told(lab, "--no-history", "--json")

    value = json.loads(done.out)
    assert value["incidents"] == []
    assert any("is forbidden" in line for line in value["skipped"])


def test_a_spent_budget_at_cloudflare_is_no_missing_permission() -> None:
    with running(world(misbehave={"cloudflare": "429"})) as lab:
        done = told(lab, "--no-history", "--json")

    value = json.loads(done.out)
    assert value["incidents"] == []
    assert any("the zones at Cloudflare: the API's request budget is spent (429" in line for line in value["skipped"])
    assert not any("may not list" in line for line in value["skipped"])


def test_an_empty_cluster_has_no_target() -> None:
    empty = replace(world(), objects={}, cloudflare={**world().cloudflare, "zones": [], "tunnels": []})
    with running(empty) as lab:
        done = told(lab, "--no-history")

    assert done.code == 2
    assert "No target was found" in done.err


def test_patterns_that_fit_nothing_are_not_healthy(calm: Lab) -> None:
    done = told(calm, "--no-history", "--no-probe", "--match", "nothing.*")

    assert done.code == 3
    assert done.out.splitlines()[0] == "? There was no hostname to judge"


def test_nothing_to_read_targets_from_is_not_an_internal_error(calm: Lab, tmp_path: Path) -> None:
    config = tmp_path / "nothing.toml"
    config.write_text(f'kubernetes.kubeconfig = "{tmp_path}/none"\n')
    done = told(calm, "--no-history", INGRESSDOCTOR_CONFIG=str(config), CLOUDFLARE_API_TOKEN="")

    assert (done.code, done.out) == (3, "")
    assert "No target was found" in done.err


@pytest.mark.parametrize("words", [("-f", "/nonexistent/hosts.txt"), ("--walk", "no-such-walk")])
def test_monitoring_reads_one_line_also_where_no_sweep_began(calm: Lab, words: tuple[str, ...]) -> None:
    done = told(calm, "--no-history", "--format", "nagios", *words)

    assert done.code == 3
    assert done.out.startswith("INGRESSDOCTOR UNKNOWN - ")
    assert done.out.count("\n") == 1


# -- the network


def test_resolvers_that_are_dead_are_one_incident() -> None:
    views = ("system", "public", "authoritative")
    with running(world(dns={"misbehave": dict.fromkeys(views, "servfail")})) as lab:
        found = swept(lab)
    (incident,) = found.report.incidents

    assert (incident.cause.check_id, incident.members) == ("dns.resolver-failing", HOSTS)


def test_hosts_that_hang_cost_their_own_time() -> None:
    slow = world("backend-slow", name="honeydue", edge_read_s=60.0)
    with running(slow) as lab:
        found = swept(lab, SweepOptions(spec=SweepSpec(timeout_s=3.0)))

    assert found.told == len(found.outcomes) == found.report.counts.total == 3
    assert found.outcomes["admin.myhoneydue.com"].verdict is not Verdict.BROKEN
    assert found.outcomes["api.myhoneydue.com"].verdict in (Verdict.UNKNOWN, Verdict.BROKEN)
    assert found.outcomes["api.myhoneydue.com"].elapsed_s < 60


def test_offline_neither_opens_nor_closes_anything(broken: Lab, tmp_path: Path) -> None:
    with open_history(str(tmp_path / "history.db")) as history:
        before = swept(broken, memory=history).report
        with running(world(offline=True)) as lab:
            found = swept(lab, memory=history)
            words = told(lab, "--history", str(tmp_path / "history.db"))
        after = history.incidents()

    assert [item.state for item in before.incidents] == [IncidentState.OPEN]
    assert found.report.offline
    assert (found.report.transitions, found.report.exit_code(), words.code) == ((), 3, 3)
    assert facts(after) == facts(before.incidents)
    assert words.out.splitlines()[0][2:].startswith("Nothing can be said from here: This machine is offline")
    # The incident is still shown, as what it was when somebody could look.
    assert "\n? nginx.controller-not-ready on Deployment" in words.out
    assert "not looked at now; since" in " ".join(words.out.split())
    assert "\n✖" not in words.out


def facts(incidents: tuple[Incident, ...]) -> list[tuple[str, IncidentState, tuple[str, ...], int, int]]:
    return [(item.id, item.state, item.members, item.failing, item.well) for item in incidents]


# -- the history


def test_a_name_that_only_dns_knows_is_an_incident_once_it_worked(tmp_path: Path) -> None:
    gone = ("route-deleted", "www.wecare.gr")
    only = SweepOptions(filters=Filters(match=("www.wecare.gr", "ecommercen.com")))
    with open_history(str(tmp_path / "history.db")) as history:
        with running(world(gone[0], name="wecare")) as lab:
            parked = [swept(lab, only, memory=history) for _ in range(2)]
        with running(world(name="wecare")) as lab:
            swept(lab, only, memory=history)
        with running(world(gone[0], name="wecare")) as lab:
            lost = swept(lab, only, memory=history)

    for found in parked:
        assert found.outcomes[gone[1]].verdict is Verdict.DEGRADED
        assert found.report.incidents == ()
    assert lost.outcomes[gone[1]].verdict is Verdict.BROKEN
    assert {item.cause.check_id for item in lost.report.incidents} == {"traefik.route-missing"}
    assert all("ecommercen.com" not in item.members for item in lost.report.incidents)


def test_two_sweeps_at_once_write_one_history(broken: Lab, tmp_path: Path) -> None:
    path = str(tmp_path / "history.db")

    async def both() -> None:
        await asyncio.gather(*(asyncio.to_thread(one) for _ in range(2)))

    def one() -> None:
        with open_history(path) as history:
            swept(broken, memory=history)

    asyncio.run(both())
    with open_history(path) as history:
        assert set(history.names()) == set(HOSTS)
        last = swept(broken, memory=history).report

    # Both saw the same cause; from the next sweep on there is one incident of it.
    assert len([item for item in last.incidents if item.active]) == 1


@pytest.mark.parametrize("shift", [pytest.param(-86_400, id="back"), pytest.param(400 * 86_400, id="far-ahead")])
def test_a_clock_that_jumps_keeps_the_incident(broken: Lab, tmp_path: Path, shift: int) -> None:
    """The history's clock is what jumps: the last sweep was written as if it had been at another time."""
    path = tmp_path / "history.db"
    with open_history(str(path)) as history:
        first = swept(broken, memory=history).report.incidents
        (only,) = first
        moved = replace(
            only, last_seen=only.last_seen.fromtimestamp(only.last_seen.timestamp() + shift, only.last_seen.tzinfo)
        )
        sweep = history.begin(moved.last_seen, "")
        history.save_incidents(sweep, (moved,))
        again = swept(broken, memory=history).report

    assert [item.id for item in again.incidents if item.active] == [only.id]
    assert again.transitions == ()


def sabotaged(path: Path, how: str) -> contextlib.AbstractContextManager[object]:
    with open_history(str(path)):
        pass
    stack = contextlib.ExitStack()
    connection = stack.enter_context(contextlib.closing(sqlite3.connect(path, isolation_level=None)))
    if how == "newer":
        connection.execute("UPDATE ingressdoctor_schema SET version_num = 'v9999'")
    elif how == "junk":
        path.write_bytes(b"this is no database" * 1000)
    return stack


@pytest.mark.parametrize(
    ("how", "words"),
    [
        pytest.param("newer", "newer version", id="newer-schema"),
        pytest.param("junk", "", id="no-database"),
    ],
)
def test_a_history_that_cannot_be_opened(calm: Lab, tmp_path: Path, how: str, words: str) -> None:
    state = tmp_path / "state/ingressdoctor"
    state.mkdir(parents=True)
    with sabotaged(state / "history.db", how):
        default = told(calm, XDG_STATE_HOME=str(tmp_path / "state"))
        named = told(calm, "--history", str(state / "history.db"))

    # The usual place: the sweep goes on without it. One that was asked for: refused.
    assert default.code == 0
    assert "Nothing is remembered of this sweep" in default.err
    assert default.out.startswith("‼ All 3 hostnames work")
    assert (named.code, named.out) == (named.code or -1, "")
    assert words in named.err
    assert named.err.startswith("Error: ")


# -- lists


def test_a_list_with_junk_judges_the_rest_once(calm: Lab, tmp_path: Path) -> None:
    path = tmp_path / "hosts.txt"
    path.write_text(
        f"# ours\n{HOSTS[0]}\n\n{HOSTS[0].upper()}\nhttps://{HOSTS[0]}/\nno host!\n\x1b[2J\n{HOSTS[1]} # echo\n"
    )
    done = told(calm, "--no-history", "-f", str(path), "--json")
    value = json.loads(done.out)

    assert (value["counts"]["total"], done.code) == (2, 0)
    assert sum("stands on" in line for line in value["skipped"]) == 2
    assert sum(f"{path} line {number}:" in line for number in (6, 7) for line in value["skipped"]) == 2


# -- being stopped


def test_a_sweep_that_is_stopped_reports_what_ended(calm: Lab, tmp_path: Path) -> None:
    with open_history(str(tmp_path / "history.db")) as history:
        found = swept(calm, SweepOptions(spec=SweepSpec(at_once=1)), memory=history, stop_after=1)
        history.flush()
        remembered = history.names()

    assert (found.told, found.report.interrupted, found.report.exit_code()) == (1, True, 3)
    assert remembered == tuple(found.outcomes)
    assert "2 targets: the sweep was stopped before their turn" in found.report.skipped


def test_what_was_not_reached_closes_no_incident(broken: Lab, calm: Lab, tmp_path: Path) -> None:
    """Whoever was stopped after one target knows nothing of the others."""
    with open_history(str(tmp_path / "history.db")) as history:
        swept(broken, memory=history)
        swept(calm, SweepOptions(spec=SweepSpec(at_once=1)), memory=history, stop_after=1)
        (incident,) = history.incidents()

    assert incident.state is IncidentState.OPEN
    assert len(incident.members) == 2


@contextlib.contextmanager
def started(lab: Lab, *words: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*PROGRAM, "sweep", "--format", "jsonl", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(**lab.handout.environment),
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 150
    while not condition():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def slow() -> Iterator[Lab]:
    """APIs that take their time: there is some to be stopped in."""
    with running(world(), latency_s=0.25) as lab:
        yield lab


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_what_is_under_way_end(slow: Lab, number: signal.Signals) -> None:
    asked = len(slow.requests["kube"])
    with started(slow, "--no-history", "--at-once", "1") as process:
        until(lambda: len(slow.requests["kube"]) > asked)
        process.send_signal(number)
        out, err = process.communicate(timeout=120)

    held(out)
    held(err)
    summary = json.loads(out.splitlines()[-1])
    assert summary["type"] == "summary"
    assert (process.returncode, summary["interrupted"]) == (3, True)


@pytest.fixture(scope="module")
def silent() -> Iterator[Lab]:
    """APIs that take longer than anybody has patience."""
    with running(world(), latency_s=60.0) as lab:
        yield lab


@pytest.mark.parametrize("words", [(), ("--workers", "2"), ("--no-probe",)], ids=["alone", "workers", "no-probe"])
def test_the_search_for_targets_is_given_up_when_asked_to_stop(silent: Lab, words: tuple[str, ...]) -> None:
    asked = len(silent.requests["kube"])
    with started(silent, "--no-history", *words) as process:
        until(lambda: len(silent.requests["kube"]) > asked)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)

    held(out)
    assert err == ""
    (summary,) = map(json.loads, out.splitlines())
    assert (process.returncode, summary["interrupted"], summary["counts"]["total"]) == (3, True, 0)
    assert summary["skipped"] == ["all targets: the sweep was stopped before they were known"]


def test_a_list_that_nobody_types_is_given_up_when_asked_to_stop(calm: Lab) -> None:
    process = subprocess.Popen(
        [*PROGRAM, "sweep", "--no-history", "--json", "-f", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(**calm.handout.environment),
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        process.stdin.write(f"{HOSTS[0]}\n")
        process.stdin.flush()
        until(lambda: reads_its_input(process.pid))
        process.send_signal(signal.SIGINT)
        out, err = process.stdout.read(), process.stderr.read()
        process.wait(timeout=60)
    finally:
        process.kill()
        process.communicate()

    summary = json.loads(out)
    assert (process.returncode, summary["interrupted"], err) == (3, True, "")
    assert summary["skipped"] == ["all targets: the sweep was stopped before their list was read"]


def reads_its_input(pid: int) -> bool:
    """Tell whether the program has opened its standard input a second time."""
    handles, links = Path(f"/proc/{pid}/fd"), list[Path]()
    for path in handles.iterdir():
        with contextlib.suppress(OSError):  # closed meanwhile
            links.append(path.readlink())
    return links.count((handles / "0").readlink()) > 1


def test_the_second_interrupt_ends_it_at_once(slow: Lab) -> None:
    asked = len(slow.requests["kube"])
    with started(slow, "--no-history", "--at-once", "1") as process:
        until(lambda: len(slow.requests["kube"]) > asked)
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)

    held(out)
    held(err)
    assert process.returncode in (3, 130, -signal.SIGINT)


def test_what_ended_before_a_kill_is_remembered(slow: Lab, calm: Lab, tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    with started(slow, "--history", str(path), "--at-once", "1") as process:
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        until(lambda: first["name"] in names_in(path))
        os.kill(process.pid, signal.SIGKILL)
        process.wait(timeout=60)

    with open_history(str(path)) as history:
        found = swept(calm, memory=history)
        assert first["name"] in history.names()

    assert found.report.counts.total == 3


def names_in(path: Path) -> tuple[str, ...]:
    with open_history(str(path)) as history:
        return history.names()


# -- outputs


def test_a_reader_that_goes_away_ends_it_quietly(calm: Lab) -> None:
    with started(calm, "--no-history", "--verbose") as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["type"] == "outcome"
        process.stdout.close()
        assert process.stderr is not None
        errors = process.stderr.read()
        process.wait(timeout=60)

    held(errors)
    assert errors == ""


@pytest.mark.parametrize("columns", [40, 80])
def test_lines_keep_to_the_width(broken: Lab, columns: int) -> None:
    done = told(broken, "--no-history", COLUMNS=str(columns), NO_COLOR="1")

    assert "\x1b" not in done.out
    assert max(len(line) for line in done.out.splitlines() if "kubectl" not in line) <= columns


def test_a_webhook_that_is_down_is_said_and_costs_nothing_else(broken: Lab, tmp_path: Path) -> None:
    config = tmp_path / "ingressdoctor.toml"
    channel = '[[notify]]\nkind = "slack"\nname = "web team"\nurl = { env = "HOOK" }\n'
    config.write_text(f"{broken.handout.config.read_text('utf-8')}\n{channel}", "utf-8")
    hook = f"http://127.0.0.1:{free_port()}/hook"
    done = told(broken, "--no-history", INGRESSDOCTOR_CONFIG=str(config), HOOK=hook)

    assert done.code == 1
    assert done.out.startswith("✖ 1 incident: nginx.controller-not-ready")
    (line,) = done.err.splitlines()
    assert line.startswith("Error: ")
    assert "web team" in line
