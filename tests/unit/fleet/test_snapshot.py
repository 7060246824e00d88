"""What one process read, as bytes: a worker reads it as the API would have answered, and nothing private goes along."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import msgspec
import pytest

from ingressdoctor.config import ChannelKind, ChannelSettings, Settings, load_settings
from ingressdoctor.config.settings import HistorySettings
from ingressdoctor.engine.sweep import SweepSpec
from ingressdoctor.errors import SourceError
from ingressdoctor.fleet.snapshot import Recording, apis_from, counted
from ingressdoctor.fleet.work import Job, Judged, decode_judged, decode_targets, encode_judged, encode_targets, why
from ingressdoctor.lab import Lab, NoPlane, load_world, running
from ingressdoctor.model.sweep import SweepTarget
from ingressdoctor.model.target import Target
from ingressdoctor.sources.live import Sources, open_sources
from ingressdoctor.wiring import source_settings

pytestmark = pytest.mark.lab
PODS = ("/api/v1/pods", {"limit": "500"})
ZONES: tuple[str, dict[str, str]] = ("/zones", {})


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with running(load_world("wecare"), plane=NoPlane) as lab:
        yield lab


@pytest.fixture
async def sources(lab: Lab) -> AsyncIterator[Sources]:
    settings = load_settings(str(lab.handout.config))
    opened = open_sources(source_settings(settings, lab.handout.environment))
    yield opened
    await opened.aclose()


async def test_a_worker_reads_what_the_api_answered_and_asks_for_the_rest(lab: Lab, sources: Sources) -> None:
    recording = Recording(sources)
    assert not recording.knows_clouds
    pods = await recording.apis.kubernetes.get(*PODS)
    zones = await recording.apis.cloudflare.get(*ZONES)
    lent, before = apis_from(recording.snapshot(), sources), len(lab.requests["kube"])

    assert (await lent.kubernetes.get(*PODS)).body == pods.body
    assert (await lent.cloudflare.get(*ZONES)).body == zones.body
    assert len(lab.requests["kube"]) == before
    assert (recording.knows_clouds, recording.whole) == (True, True)
    assert (await lent.kubernetes.get("/api/v1/services", {})).status == 200
    assert len(lab.requests["kube"]) == before + 1


async def test_an_empty_snapshot_leaves_everything_to_be_asked(lab: Lab, sources: Sources) -> None:
    before = len(lab.requests["kube"])

    assert (await apis_from(b"", sources).kubernetes.get(*PODS)).status == 200
    assert len(lab.requests["kube"]) == before + 1


async def test_what_has_no_room_is_known_to_be_missing(sources: Sources) -> None:
    recording = Recording(sources, most=10)
    await recording.apis.kubernetes.get(*PODS)

    assert not recording.whole


def test_calls_in_between() -> None:
    assert counted({"dns": 2, "http": 1}, {"dns": 5, "http": 1, "tcp": 1}) == {"dns": 3, "tcp": 1}


def test_targets_and_results_cross_unchanged() -> None:
    target = SweepTarget(name="a", target=Target.parse("https://a.example.org:8443/x"), namespaces=("shop",))

    assert decode_targets(encode_targets([target])) == [target]
    assert decode_judged(encode_judged(Judged(requests={"dns": 1}, trouble="x"))) == Judged(
        requests={"dns": 1}, trouble="x"
    )


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xff" * 100, id="junk"),
        pytest.param(msgspec.msgpack.encode({"outcomes": 3}), id="another-shape"),
        pytest.param(msgspec.msgpack.encode({"outcomes": [{"name": "x"}]}), id="half-an-outcome"),
        pytest.param(encode_judged(Judged(requests={"a": 1}))[:-1], id="cut-short"),
        pytest.param(b"\x91" * 100_000, id="deep"),
    ],
)
def test_junk_is_an_error_in_words(raw: bytes) -> None:
    with pytest.raises(SourceError, match="something else than results"):
        decode_judged(raw)


def test_a_job_carries_no_channel_and_no_database() -> None:
    settings = Settings(
        notify=(ChannelSettings(kind=ChannelKind.ALERTMANAGER, name="on call", url="https://am.example.org/s3cr3t"),),
        history=HistorySettings(url="postgresql://db.example.org/s3cr3t"),
    )
    job = Job(settings=settings, spec=SweepSpec()).portable()

    assert b"s3cr3t" not in msgspec.msgpack.encode(job)
    assert "s3cr3t" not in repr(job)


@pytest.mark.parametrize(("workers", "at_once", "per_origin"), [(1, 64, 8), (4, 16, 2), (64, 1, 1)])
def test_processes_of_one_machine_share_its_limits(workers: int, at_once: int, per_origin: int) -> None:
    job = Job(settings=Settings(), spec=SweepSpec(at_once=64), per_origin=8).shared_by(workers)

    assert (job.spec.at_once, job.per_origin) == (at_once, per_origin)


def test_errors_as_words() -> None:
    assert why(SourceError("no token")) == "no token"
    assert why(ValueError("x\x1b[31m")) == r"ValueError: x\x1b[31m"
