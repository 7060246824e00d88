"""A sweep spread over processes of this machine: the same outcomes, and nothing lost whatever becomes of a worker."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import uuid
import zlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import pytest

from build.badday import say
from build.fleet import Gate, ended, gate, job_of, marked, seen, settings_of, until
from build.program import PROGRAM, environment
from build.values import replace
from ingressdoctor.cli.version import version
from ingressdoctor.engine.sweep import SweepSpec
from ingressdoctor.errors import SourceError, UsageError
from ingressdoctor.fleet.batches import Batch
from ingressdoctor.fleet.process import WorkerProcess
from ingressdoctor.fleet.processes import Processes
from ingressdoctor.fleet.work import Job
from ingressdoctor.lab import Lab, apply_fault, load_fault, load_world, running
from ingressdoctor.model.report import Verdict
from ingressdoctor.model.sweep import Outcome, SweepReport, SweepTarget
from ingressdoctor.model.target import Target
from ingressdoctor.sweeping.options import SweepOptions
from ingressdoctor.sweeping.sweeper import Sweeper
from ingressdoctor.sweeping.targets import Filters
from ingressdoctor.wiring import Session, open_session

pytestmark = pytest.mark.lab
HOST = "www.wecare.gr"
MARK = "INGRESSDOCTOR_FLEET_TEST"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with running(apply_fault(load_world("wecare"), load_fault("wecare", "lb-no-targets"))) as lab:
        yield lab


@pytest.fixture(autouse=True)
def tokens(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in lab.handout.environment.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def door(tmp_path: Path) -> Gate:
    return gate(tmp_path / "gate")


class Watcher:
    """Keeps every outcome that is reported."""

    def __init__(self) -> None:
        self.total = 0
        self.outcomes: list[Outcome] = []

    def expect(self, total: int) -> None:
        self.total = total

    def done(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)

    @property
    def by_name(self) -> dict[str, Outcome]:
        assert len({item.name for item in self.outcomes}) == len(self.outcomes), "a target was reported twice"
        return {item.name: item for item in self.outcomes}


def options_of(job: Job, match: tuple[str, ...] = ()) -> SweepOptions:
    return SweepOptions(spec=job.spec, probes=job.probes, inside=job.inside, filters=Filters(match=match))


async def swept(
    job: Job, workers: int = 2, *, stop: asyncio.Event | None = None, match: tuple[str, ...] = ()
) -> tuple[Watcher, SweepReport]:
    watcher = Watcher()
    async with open_session(job.settings, version=version()) as session:
        others = Processes(session, job, workers) if workers > 1 else None
        sweeper = Sweeper(session, options_of(job, match), others=others)
        report = await sweeper.once(watcher, stop or asyncio.Event())
    return watcher, report


def asked(lab: Lab, job: Job, workers: int) -> tuple[Watcher, list[str]]:
    before = len(lab.requests["kube"])
    watcher, _ = asyncio.run(swept(job, workers))
    return watcher, [path for _, path, _ in lab.requests["kube"][before:]]


def test_two_processes_find_what_one_finds_and_the_kinds_are_listed_once(lab: Lab) -> None:
    job = job_of(settings_of(lab))
    alone, alone_asked = asked(lab, job, 1)
    both, both_asked = asked(lab, job, 2)
    listed = [path for path in both_asked if "/namespaces/" not in path]

    assert both.total == alone.total == len(both.outcomes) > 10
    assert {name: seen(item) for name, item in both.by_name.items()} == {
        name: seen(item) for name, item in alone.by_name.items()
    }
    assert {item for item in alone_asked if "/namespaces/" not in item} <= set(listed)
    assert len(set(listed)) == len(listed)


@pytest.mark.parametrize("listed", [pytest.param(True, id="a-list"), pytest.param(False, id="what-is-found")])
def test_cloudflare_is_asked_once_for_all_processes(lab: Lab, tmp_path: Path, *, listed: bool) -> None:
    """Zones, records, settings, tunnels, Access and ranges: its budget counts once, however many workers there are."""
    hosts = tmp_path / "hosts.txt"
    hosts.write_text("www.wecare.gr\napi.wecare.gr\nshop.wecare.gr\ngrafana-ecnv4-mgmt.ecommercen.com\n")
    words = ("sweep", "--no-probe", "--no-history", "--json", *(("-f", str(hosts)) if listed else ()))

    def asked_by(*more: str) -> tuple[set[tuple[str, str, str]], int]:
        before = len(lab.requests["cloudflare"])
        done = say(*words, *more, env=dict(lab.handout.environment))
        requests = lab.requests["cloudflare"][before:]
        assert json.loads(done.out)["requests"]["cloudflare"] == len(requests)
        return set(requests), len(requests)

    alone, _ = asked_by()
    both, count = asked_by("--workers", "3")

    assert any("/settings/ssl" in path for _, path, _ in alone)
    assert alone <= both
    assert count == len(both)
    assert {path for _, path, _ in both - alone} <= {path for _, path, _ in alone}


def test_the_program_reports_the_one_incident(lab: Lab) -> None:
    command = [*PROGRAM, "sweep", "--json", "--match", "*.wecare.gr", "--no-history", "--workers", "2"]
    env = environment(**lab.handout.environment)
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False, env=env)
    report = json.loads(done.stdout)
    (incident,) = [item for item in report["incidents"] if item["cause"]["check"] == "lb.no-targets"]

    assert (done.returncode, done.stderr) == (1, "")
    assert HOST in incident["members"]
    assert not report["interrupted"]
    assert report["requests"]["http"] > 0


async def test_a_worker_that_is_killed_costs_nothing_but_a_retry(lab: Lab, door: Gate) -> None:
    door.ask("hold", HOST)
    sweep = asyncio.ensure_future(swept(job_of(settings_of(lab, door))))
    await asyncio.to_thread(until, lambda: bool(door.held()), "a worker judges the host")
    (pid,) = door.held()[HOST]
    os.kill(pid, signal.SIGKILL)
    door.go()
    watcher, report = await sweep

    assert len(watcher.by_name) == watcher.total
    assert watcher.by_name[HOST].verdict is Verdict.BROKEN
    assert not [item for item in watcher.outcomes if item.error]
    assert len(set(door.held()[HOST])) == 2
    assert (report.interrupted, report.skipped) == (False, ())


async def test_a_worker_that_is_asked_to_leave_is_replaced(lab: Lab, door: Gate) -> None:
    door.ask("hold", HOST)
    job = job_of(settings_of(lab, door), spec=SweepSpec(at_once=2))
    sweep = asyncio.ensure_future(swept(job))
    await asyncio.to_thread(until, lambda: bool(door.held()), "a worker judges the host")
    os.kill(door.held()[HOST][0], signal.SIGTERM)
    door.go()
    watcher, report = await sweep

    assert len(watcher.by_name) == watcher.total
    assert not [item for item in watcher.outcomes if item.error]
    assert not report.interrupted


@pytest.mark.parametrize(
    ("what", "words"),
    [pytest.param("kill", "it died", id="it-dies"), pytest.param("junk", "sent something else", id="it-sends-junk")],
)
async def test_a_target_that_costs_its_workers_is_found_and_the_others_are_judged(
    lab: Lab, door: Gate, what: str, words: str
) -> None:
    door.ask(what, HOST)
    watcher, report = await swept(job_of(settings_of(lab, door)), match=("*wecare*",))
    found = watcher.by_name
    (lost,) = (item for item in found.values() if item.error)

    assert len(found) == watcher.total
    assert (lost.name, lost.verdict) == (HOST, Verdict.UNKNOWN)
    assert words in lost.error
    assert report.counts.unknown == 1
    assert report.counts.total > 3


async def test_who_stops_gets_what_has_ended_and_no_process_stays(
    lab: Lab, door: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = str(uuid.uuid4())
    monkeypatch.setenv(MARK, mark)
    door.ask("hold", "any")
    stop = asyncio.Event()
    job = job_of(settings_of(lab, door), spec=SweepSpec(at_once=2))
    with ended(lambda: marked(MARK, mark) & door.pids()):
        sweep = asyncio.ensure_future(swept(job, stop=stop))
        await asyncio.to_thread(until, lambda: len(door.pids()) == 2, "both workers judge a host")
        stop.set()
        door.go()
        watcher, report = await sweep

        # A process of multiprocessing's own, which keeps books for it, lives as long as we do.
        assert not marked(MARK, mark) & door.pids()
    assert report.interrupted
    assert set(door.held()) <= set(watcher.by_name)
    assert report.counts.total == len(watcher.outcomes) < watcher.total
    assert [item for item in report.skipped if "stopped before their turn" in item]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_outlives_the_program(lab: Lab, door: Gate, number: signal.Signals) -> None:
    door.ask("hold", "any")
    mark = str(uuid.uuid4())
    config = door.folder / "ingressdoctor.toml"
    config.write_text(f'{lab.handout.config.read_text()}\n[plugins]\nfolders = ["{door.checks}"]\n')
    env = environment(**{**lab.handout.environment, "INGRESSDOCTOR_CONFIG": str(config), MARK: mark})
    command = [*PROGRAM, "sweep", "--workers", "2", "--no-probe", "--json", "--no-history", "--at-once", "2"]
    with ended(lambda: marked(MARK, mark)):
        # A group of its own, as a shell gives one: Ctrl-C reaches all of it.
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env, start_new_session=True
        )
        until(lambda: bool(door.held()), "a worker judges the host")
        if number is signal.SIGINT:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        if number is not signal.SIGKILL:
            door.go()
        out, err = process.communicate(timeout=60)
        until(lambda: not marked(MARK, mark), "all processes left")

    assert err == ""
    if number is signal.SIGKILL:
        assert (out, process.returncode) == ("", -signal.SIGKILL)
    else:
        report = json.loads(out)
        assert report["interrupted"]
        assert process.returncode in (1, 3)


async def test_what_has_no_room_is_said_and_asked_for_by_the_workers(lab: Lab) -> None:
    job = job_of(settings_of(lab))
    watcher, before = Watcher(), len(lab.requests["kube"])
    async with open_session(job.settings, version=version()) as session:
        sweeper = Sweeper(session, options_of(job), others=Processes(session, job, 2, most=20_000))
        report = await sweeper.once(watcher, asyncio.Event())
    paths = [path for _, path, _ in lab.requests["kube"][before:]]

    (note,) = (item for item in report.skipped if "not sent to the workers" in item)
    assert "each asked for itself" in note
    assert paths.count("/api/v1/pods") > 1
    assert len(watcher.by_name) == watcher.total
    assert not [item for item in watcher.outcomes if item.error]


async def test_an_unreachable_cluster_is_a_gap_for_every_target_and_no_more(
    lab: Lab, tmp_path: Path, door: Gate
) -> None:
    settings = settings_of(lab, door)
    job = job_of(replace(settings, kubernetes=replace(settings.kubernetes, kubeconfig=str(tmp_path / "none"))))
    watcher, report = await swept(job)

    assert len(watcher.by_name) == watcher.total > 0
    assert not [item for item in watcher.outcomes if item.error]
    assert [item for item in report.skipped if "kubeconfig" in item]


async def test_who_stops_before_a_worker_began_waits_for_none(lab: Lab, door: Gate) -> None:
    door.ask("hold", "any")
    stop = asyncio.Event()
    stop.set()
    watcher, report = await swept(job_of(settings_of(lab, door)), stop=stop)

    assert (report.interrupted, report.counts.total, watcher.outcomes) == (True, 0, [])
    assert door.held() == {}


async def test_what_was_asked_for_wrongly_is_refused_once(lab: Lab) -> None:
    job = job_of(settings_of(lab), spec=SweepSpec(walk="no-such-walk"))
    with pytest.raises(UsageError, match="no-such-walk"):
        await swept(job)


async def test_an_error_of_the_reader_is_raised_as_it_is(lab: Lab) -> None:
    job = job_of(settings_of(lab))

    class Full(Watcher):
        def done(self, outcome: Outcome) -> None:
            raise BrokenPipeError(outcome.name)

    async with open_session(job.settings, version=version()) as session:
        sweeper = Sweeper(session, options_of(job), others=Processes(session, job, 2))
        with pytest.raises(BrokenPipeError):
            await sweeper.once(Full(), asyncio.Event())


async def test_a_worker_that_cannot_begin_says_why(lab: Lab, tmp_path: Path) -> None:
    folder = tmp_path / "checks"
    folder.mkdir()
    (folder / "broken.py").write_text("import no_such_module\n")
    job = job_of(settings_of(lab))
    broken = replace(job, settings=replace(job.settings, plugins=replace(job.settings.plugins, folders=(str(folder),))))
    process = WorkerProcess(broken.portable(), b"")
    try:
        with pytest.raises(SourceError, match="no_such_module"):
            await process.judge(_batch(), Watcher().done, 60.0, asyncio.Event())
    finally:
        await process.end()


async def test_secrets_never_travel(lab: Lab, session: Session) -> None:
    job = job_of(settings_of(lab))
    others = Processes(session, job, 2)
    others.sources()
    snapshot = await others._lending.snapshot((), asyncio.Event())
    assert snapshot is not None
    sent = [msgspec.msgpack.encode(others._job), zlib.decompress(snapshot), repr(others._job).encode()]
    hidden = _secrets(lab)

    assert len(hidden) >= 3
    assert [value for value in hidden for raw in sent if value.encode() in raw] == []


@pytest.fixture
async def session(lab: Lab) -> AsyncIterator[Session]:
    async with open_session(settings_of(lab), version=version()) as session:
        yield session


def _secrets(lab: Lab) -> list[str]:
    named = [value for name, value in lab.handout.environment.items() if "TOKEN" in name or "PASSWORD" in name]
    kubeconfig = lab.handout.kubeconfig.read_text()
    return [*named, kubeconfig.partition("token: ")[2].split()[0]]


def _batch() -> Batch:
    return Batch(targets=(SweepTarget(name=HOST, target=Target.parse(HOST)),))
