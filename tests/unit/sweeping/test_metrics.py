"""Metrics of sweeps from the first outcome to the file and the page that are read."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from build import sweep as build
from ingressdoctor.errors import IngressDoctorError, UsageError
from ingressdoctor.model.report import Verdict
from ingressdoctor.model.sweep import Counts
from ingressdoctor.sweeping.metrics import SweepMetrics


def samples(text: str) -> dict[tuple[str, str], float]:
    """Samples by name and the value of their first label."""
    return {
        (sample.name, next(iter(sample.labels.values()), "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def swept(metrics: SweepMetrics, *names: str) -> None:
    metrics.expect(len(names))
    for name in names:
        metrics.done(build.healthy(name) if name.startswith("ok") else build.outcome(name))


REPORT = build.all_well(counts=Counts(healthy=1, broken=1), requests={"dns": 5})


def test_healthy_targets_have_metrics_too(tmp_path: Path) -> None:
    """The report holds only those that are not healthy."""
    path = tmp_path / "x.prom"
    with SweepMetrics(textfile=str(path)) as metrics:
        swept(metrics, "ok.example.org", "bad.example.org")
        metrics.publish(REPORT)
    found = samples(path.read_text())

    assert found["ingressdoctor_target_up", "ok.example.org"] == 1
    assert found["ingressdoctor_target_up", "bad.example.org"] == 0
    assert found["ingressdoctor_targets_left_out", ""] == 0


def test_targets_that_are_gone_have_none(tmp_path: Path) -> None:
    path = tmp_path / "x.prom"
    with SweepMetrics(textfile=str(path)) as metrics:
        swept(metrics, "ok.example.org", "gone.example.org")
        metrics.publish(REPORT)
        swept(metrics, "ok.example.org")
        metrics.publish(REPORT)

    assert ("ingressdoctor_target_up", "gone.example.org") not in samples(path.read_text())


def test_counters_go_on_in_the_next_process(tmp_path: Path) -> None:
    path = tmp_path / "x.prom"
    for sweeps in (1, 2):
        with SweepMetrics(textfile=str(path)) as metrics:
            for _ in range(sweeps):
                metrics.publish(REPORT, sent={"slack": sweeps}, failed={"pager": 1})
    found = samples(path.read_text())

    assert found["ingressdoctor_sweeps_total", ""] == 3
    assert found["ingressdoctor_requests_total", "dns"] == 15
    assert found["ingressdoctor_notifications_total", "slack"] == 3
    assert found["ingressdoctor_notifications_total", "pager"] == 2


def test_what_became_of_notifications_is_counted_at_the_end(tmp_path: Path) -> None:
    """They are delivered after the sweep; the sweep itself is not counted again."""
    path = tmp_path / "x.prom"
    with SweepMetrics(textfile=str(path)) as metrics:
        metrics.publish(REPORT, sent={"slack": 0})
    metrics.recount(sent={"slack": 2}, failed={"pager": 1})
    found = samples(path.read_text())

    assert found["ingressdoctor_notifications_total", "slack"] == 2
    assert found["ingressdoctor_notifications_total", "pager"] == 1
    assert found["ingressdoctor_sweeps_total", ""] == 1


def test_without_a_sweep_there_is_nothing_to_count(tmp_path: Path) -> None:
    SweepMetrics(textfile=str(tmp_path / "x.prom")).recount(sent={"slack": 2}, failed={})

    assert list(tmp_path.iterdir()) == []


def test_a_file_of_somebody_else_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "x.prom"
    path.write_bytes(b"\xff\x00{{{ node_load1")
    with SweepMetrics(textfile=str(path)) as metrics:
        metrics.publish(REPORT)

    assert samples(path.read_text())["ingressdoctor_sweeps_total", ""] == 1


def test_they_are_served_as_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "x.prom"
    with SweepMetrics(textfile=str(path), listen="127.0.0.1:0", every_s=300) as metrics:
        assert metrics.address is not None
        page = f"http://127.0.0.1:{metrics.address[1]}"
        swept(metrics, "ok.example.org")
        metrics.publish(REPORT)
        with httpx.Client(trust_env=False, timeout=30) as client:
            assert client.get(f"{page}/metrics").text == path.read_text()
            assert client.get(f"{page}/healthz").status_code == 200


def test_who_wants_no_metrics_pays_for_none(tmp_path: Path) -> None:
    with SweepMetrics() as metrics:
        swept(metrics, "ok.example.org")
        metrics.publish(REPORT)

    assert (metrics.wanted, metrics.address, metrics._verdicts) == (False, None, {})


def test_what_cannot_be_written_or_listened_on_is_named(tmp_path: Path) -> None:
    with (
        SweepMetrics(textfile=str(tmp_path / "gone/x.prom")) as metrics,
        pytest.raises(IngressDoctorError, match="gone"),
    ):
        metrics.publish(REPORT)
    with pytest.raises(UsageError, match="no port"):
        SweepMetrics(listen="here")


def test_the_last_verdict_of_a_target_counts() -> None:
    with SweepMetrics(listen=":0") as metrics:
        metrics.done(build.outcome("a"))
        metrics.done(build.unknown("a"))

    assert metrics._verdicts == {"a": Verdict.UNKNOWN}
