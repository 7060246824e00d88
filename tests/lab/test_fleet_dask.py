"""A sweep on a Dask cluster: real scheduler and workers, killed, missing, elsewhere, or of another version."""

from __future__ import annotations

import asyncio
import json
import pickle
import re
import socket
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from build.dask import Cluster, cluster
from build.fleet import Gate, gate, job_of, seen, settings_of, until
from build.program import PROGRAM, environment
from ingressdoctor.cli.version import version
from ingressdoctor.engine.sweep import SweepSpec
from ingressdoctor.errors import SourceError, UsageError
from ingressdoctor.fleet.cluster import DaskCluster
from ingressdoctor.fleet.place import Place, seen_from_here
from ingressdoctor.fleet.work import Job
from ingressdoctor.lab import Lab, load_world, running
from ingressdoctor.model.sweep import Outcome, SweepReport, SweepTarget
from ingressdoctor.model.target import Target
from ingressdoctor.sweeping.options import SweepOptions
from ingressdoctor.sweeping.sweeper import Sweeper
from ingressdoctor.sweeping.targets import Targets
from ingressdoctor.wiring import open_session

pytestmark = pytest.mark.lab
HOST = "www.wecare.gr"
SOME = ("wecare.gr", "api.wecare.gr", "traefik-ecnv4-mgmt.ecommercen.com", HOST)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with running(load_world("wecare")) as lab:
        yield lab


@pytest.fixture(autouse=True)
def tokens(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in lab.handout.environment.items():
        if name != "INGRESSDOCTOR_CONFIG":
            monkeypatch.setenv(name, value)


def keys_of(lab: Lab) -> dict[str, str]:
    """What a worker needs of its own: tokens."""
    return {name: value for name, value in lab.handout.environment.items() if name != "INGRESSDOCTOR_CONFIG"}


@pytest.fixture(scope="module")
def fleet(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two workers; the one in the US has a configuration of its own, with which it reaches no edge."""
    folder = tmp_path_factory.mktemp("dask")
    with socket.socket() as closed, cluster(folder / "fleet", **keys_of(lab)) as made:
        closed.bind(("127.0.0.1", 0))  # and never listening
        nowhere = f'connect_to = ["::127.0.0.1:{closed.getsockname()[1]}"]'
        lines = lab.handout.config.read_text().splitlines()
        config = folder / "us.toml"
        config.write_text("\n".join(nowhere if line.startswith("connect_to") else line for line in lines))
        made.worker("eu=1")
        made.worker("us=1", INGRESSDOCTOR_CONFIG=str(config))
        yield made


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


async def swept(
    job: Job,
    address: str,
    hosts: Sequence[str] = (),
    vantages: Sequence[str] = (),
    *,
    stop: asyncio.Event | None = None,
    watcher: Watcher | None = None,
) -> tuple[Watcher, SweepReport]:
    watcher = watcher or Watcher()
    items = tuple(SweepTarget(name=host, target=Target.parse(host)) for host in hosts)
    options = SweepOptions(spec=job.spec, probes=job.probes, inside=job.inside)
    async with open_session(job.settings, version=version()) as session:
        others = DaskCluster(session, job, address, vantages, connect_s=10) if address else None
        sweeper = Sweeper(session, options, listed=Targets(items=items) if hosts else None, others=others)
        report = await sweeper.once(watcher, stop or asyncio.Event())
    return watcher, report


async def test_the_cluster_finds_what_one_process_finds_and_lists_no_kind_again(lab: Lab, fleet: Cluster) -> None:
    job = job_of(settings_of(lab))
    alone, _ = await swept(job, "")
    before = len(lab.requests["kube"])
    all_of_us, report = await swept(job, fleet.address)
    listed = [path for _, path, _ in lab.requests["kube"][before:] if "/namespaces/" not in path]

    assert {name: seen(item) for name, item in all_of_us.by_name.items()} == {
        name: seen(item) for name, item in alone.by_name.items()
    }
    assert len(listed) == len(set(listed))
    assert (report.interrupted, report.skipped) == (False, ())
    assert {item.vantage for item in all_of_us.outcomes} == {""}


def test_two_places_that_disagree_are_a_finding(lab: Lab, fleet: Cluster, tmp_path: Path) -> None:
    history = tmp_path / "history.db"
    words = ("sweep", "--dask", fleet.address, "--vantage", "eu,us", "--match", HOST, "--json", "-v")
    env = environment(**lab.handout.environment)
    command = [*PROGRAM, *words, "--history", str(history)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False, env=env)
    report = json.loads(done.stdout)
    (outcome,) = report["outcomes"]
    (warning,) = (item for item in outcome["warnings"] if item["check"] == "vantage.disagreement")
    told = subprocess.run(
        [*PROGRAM, "sweep", "history", HOST, "--history", str(history)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env=env,
    )

    assert (outcome["verdict"], outcome["vantage"]) == ("broken", "eu,us")
    assert warning["summary"].startswith(f"{HOST} is healthy from eu, broken from us (")
    assert [item["members"] for item in report["incidents"]] == [[HOST]]
    assert (done.returncode, done.stderr) == (1, "")
    assert HOST in told.stdout
    assert told.stderr == ""


async def test_a_worker_that_is_killed_costs_a_retry(lab: Lab, fleet: Cluster, door: Gate) -> None:
    door.ask("hold", HOST)
    mortal = fleet.worker("mortal=1")
    sweep = asyncio.ensure_future(swept(job_of(settings_of(lab, door)), fleet.address, SOME, ("mortal",)))
    await asyncio.to_thread(until, lambda: mortal.pid in door.pids(), "the worker judges the host")
    mortal.kill()
    await asyncio.to_thread(mortal.wait)
    door.go()
    second = await asyncio.to_thread(fleet.worker, "mortal=1")
    watcher, report = await sweep
    second.kill()

    assert set(watcher.by_name) == set(SOME)
    assert not [item for item in watcher.outcomes if item.error]
    assert not report.interrupted
    assert door.pids() >= {mortal.pid, second.pid}


async def test_a_target_that_kills_its_workers_is_not_judged_and_the_others_are(
    lab: Lab, door: Gate, tmp_path: Path
) -> None:
    door.ask("kill", HOST)
    with cluster(tmp_path / "dask", **keys_of(lab), DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="0") as made:
        await asyncio.to_thread(made.workers, 4)
        watcher, report = await swept(job_of(settings_of(lab, door)), made.address, (HOST, "wecare.gr"))
    (lost,) = (item for item in watcher.outcomes if item.error)

    assert set(watcher.by_name) == {HOST, "wecare.gr"}
    assert (lost.name, lost.error) == (HOST, "Not judged: the workers that judged it died.")
    assert not report.interrupted


async def test_a_scheduler_that_goes_away_ends_the_sweep_and_what_has_ended_is_kept(
    lab: Lab, door: Gate, tmp_path: Path
) -> None:
    door.ask("hold", HOST)
    job = job_of(settings_of(lab, door), spec=SweepSpec(at_once=1))
    watcher = Watcher()
    with cluster(tmp_path / "dask", **keys_of(lab)) as made:
        made.worker()
        sweep = asyncio.ensure_future(swept(job, made.address, SOME, watcher=watcher))
        await asyncio.to_thread(until, lambda: bool(door.held()) and len(watcher.outcomes) == 3, "one is left")
        made.scheduler.kill()
        _, report = await sweep
        door.go()

    assert (report.counts.total, report.interrupted) == (3, True)
    assert report.exit_code() != 0
    assert report.skipped == ("1 targets: the Dask scheduler went away",)


async def test_who_stops_gets_what_ends_and_the_workers_are_free(lab: Lab, fleet: Cluster, door: Gate) -> None:
    door.ask("hold", "any")
    stop = asyncio.Event()
    job = job_of(settings_of(lab, door), spec=SweepSpec(at_once=1))
    sweep = asyncio.ensure_future(swept(job, fleet.address, SOME, ("eu",), stop=stop))
    await asyncio.to_thread(until, lambda: bool(door.held()), "a worker judges the host")
    stop.set()
    door.go()
    watcher, report = await sweep
    again, _ = await swept(job_of(settings_of(lab)), fleet.address, SOME, ("eu",))

    assert report.interrupted
    assert 1 <= len(watcher.by_name) < len(SOME)
    assert not [item for item in watcher.outcomes if item.error]
    assert set(again.by_name) == set(SOME)


def test_workers_let_go_of_a_sweep_that_was_killed(lab: Lab, fleet: Cluster, door: Gate, tmp_path: Path) -> None:
    """It cannot say goodbye itself: the workers learn from the scheduler that it is gone, and forget the snapshot."""
    door.ask("hold", HOST)
    config, hosts = tmp_path / "doctor.toml", tmp_path / "hosts.txt"
    config.write_text(f'{lab.handout.config.read_text()}\n[plugins]\nfolders = ["{door.checks}"]\n')
    hosts.write_text("\n".join(SOME))
    env = environment(**{**lab.handout.environment, "INGRESSDOCTOR_CONFIG": str(config)})
    before = plugins_of(fleet)
    # The worker in the US has a configuration of its own, without our check.
    where = ["--dask", fleet.address, "--vantage", "eu"]
    command = [*PROGRAM, "sweep", *where, "--no-history", "--no-probe", "-f", str(hosts)]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env
    )
    try:
        until(lambda: bool(door.held()), "a worker judges the host")
        (name,) = plugins_of(fleet) - before
    finally:
        process.kill()
        process.wait(60)
        door.go()

    until(lambda: fleet.logs.count(f"Removing Worker plugin {name}") == 2, "both workers let go of it")
    assert f"Worker plugin {name} failed" not in fleet.logs


def plugins_of(fleet: Cluster) -> set[str]:
    """Names of the plugins that its workers were ever given."""
    return set(re.findall(r"Starting Worker plugin (ingressdoctor-\S+)", fleet.logs))


async def test_no_scheduler_is_an_error(lab: Lab) -> None:
    job = job_of(settings_of(lab))
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{closed.getsockname()[1]}"
        async with open_session(job.settings, version=version()) as session:
            others = DaskCluster(session, job, address, connect_s=0.5)
            with pytest.raises(SourceError, match=f"The Dask scheduler at {address} cannot be reached"):
                await others.judge((), Watcher().done, asyncio.Event())


@pytest.mark.parametrize("address", ["nonsense", "http://127.0.0.1:1", "tls://127.0.0.1:1", "tcp://127.0.0.1:port"])
async def test_what_is_no_address_is_an_error(lab: Lab, address: str) -> None:
    job = job_of(settings_of(lab))
    async with open_session(job.settings, version=version()) as session:
        with pytest.raises(SourceError, match="cannot be reached"):
            await DaskCluster(session, job, address, connect_s=0.5).judge((), Watcher().done, asyncio.Event())


async def test_a_scheduler_without_workers_is_an_error(lab: Lab, tmp_path: Path) -> None:
    with cluster(tmp_path / "dask") as made:
        with pytest.raises(SourceError, match="has no workers") as error:
            await swept(job_of(settings_of(lab)), made.address, SOME)
        assert "dask worker tcp://" in error.value.hint

        theirs = tmp_path / "site" / "ingressdoctor-9.9.9.dist-info"
        theirs.mkdir(parents=True)
        (theirs / "METADATA").write_text("Metadata-Version: 2.1\nName: ingressdoctor\nVersion: 9.9.9\n")
        made.worker(PYTHONPATH=f"{theirs.parent}:{environment()['PYTHONPATH']}")
        with pytest.raises(SourceError, match=rf"runs ingressdoctor 9.9.9, this is {version()}"):
            await swept(job_of(settings_of(lab)), made.address, SOME)


async def test_a_place_without_a_worker_is_refused(lab: Lab, fleet: Cluster) -> None:
    with pytest.raises(UsageError, match="No worker is at the vantage point mars") as error:
        await swept(job_of(settings_of(lab)), fleet.address, SOME, ("eu", "mars"))

    assert "eu, us" in error.value.hint.replace("eu, mortal, us", "eu, us")


def test_without_the_extra_the_program_says_what_to_install(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "distributed.py").write_text("raise ImportError('not here')\n")
    path = f"{tmp_path}:{environment()['PYTHONPATH']}"
    env = environment(**{**lab.handout.environment, "PYTHONPATH": path})
    command = [*PROGRAM, "sweep", "--dask", "tcp://127.0.0.1:1", "--no-history"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False, env=env)

    assert done.returncode == 2
    assert "pip install 'ingressdoctor[fleet]'" in done.stderr
    assert "Traceback" not in done.stderr


async def test_secrets_are_in_nothing_that_travels_and_in_no_log(lab: Lab, fleet: Cluster) -> None:
    await swept(job_of(settings_of(lab)), fleet.address, SOME)
    job = job_of(settings_of(lab)).portable()
    sent = pickle.dumps(Place("x", {"": job}, b""))
    hidden = [value for name, value in lab.handout.environment.items() if "TOKEN" in name or "PASSWORD" in name]
    hidden.append(lab.handout.kubeconfig.read_text().partition("token: ")[2].split()[0])

    assert len(hidden) >= 3
    assert [value for value in hidden if value.encode() in sent or value in fleet.logs] == []


def test_a_worker_looks_with_its_own_configuration_if_it_has_one(lab: Lab, tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text('[dns]\nresolvers = ["127.0.0.1:5353"]\n[access]\npublic = ["x.example.org"]\n')
    settings = settings_of(lab)
    there = seen_from_here(settings, {"INGRESSDOCTOR_CONFIG": str(mine)})

    assert there.dns.resolvers == ("127.0.0.1:5353",)
    assert there.access == settings.access
    assert seen_from_here(settings, {}) == settings
