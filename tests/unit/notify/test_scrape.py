"""``/metrics``, ``/healthz`` and the text file: what a scraper gets, and what it cannot do."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from build import sweep as build
from ingressdoctor.errors import IngressDoctorError, UsageError
from ingressdoctor.notify.scrape import CONTENT_TYPE, MetricsServer, listen_address, write_textfile
from ingressdoctor.render.prometheus import exposition


@pytest.fixture
def server() -> Iterator[MetricsServer]:
    with MetricsServer(("127.0.0.1", 0)) as found:
        yield found


def get(server: MetricsServer, path: str, method: str = "GET") -> httpx.Response:
    host, port = server.address
    with httpx.Client(trust_env=False) as client:
        return client.request(method, f"http://{host}:{port}{path}", timeout=30)


def test_metrics_are_those_of_the_last_sweep(server: MetricsServer) -> None:
    server.publish(exposition(build.all_well()))
    server.publish(exposition(build.broken()))
    answer = get(server, "/metrics?name=x")
    found = {family.name for family in text_string_to_metric_families(answer.text)}

    assert answer.headers["Content-Type"] == CONTENT_TYPE
    assert "ingressdoctor_target_up" in found
    assert 'verdict="broken"} 212.0' in answer.text


def test_before_the_first_sweep_there_is_nothing_yet(server: MetricsServer) -> None:
    assert (get(server, "/metrics").status_code, get(server, "/metrics").text) == (200, "")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        pytest.param("GET", "/healthz", 200, id="healthy"),
        pytest.param("HEAD", "/metrics", 200, id="head"),
        pytest.param("GET", "/", 404, id="nothing-else"),
        pytest.param("GET", "/../etc/passwd", 404, id="no-files"),
        pytest.param("POST", "/metrics", 501, id="no-writing"),
    ],
)
def test_what_it_answers(method: str, path: str, status: int, server: MetricsServer) -> None:
    assert get(server, path, method).status_code == status


def test_it_says_when_no_sweep_ends_any_more() -> None:
    with MetricsServer(("127.0.0.1", 0), stale_after_s=1e-9) as late, MetricsServer(("127.0.0.1", 0)) as never:
        assert get(late, "/healthz").status_code == 503
        assert get(never, "/healthz").status_code == 200


def test_junk_and_visitors_who_leave_do_it_no_harm(server: MetricsServer) -> None:
    for words in (b"\x00\xff\r\n\r\n", b"GET /metrics", b"G" * 100_000, b""):
        with socket.create_connection(server.address, timeout=30) as visitor:
            visitor.sendall(words)

    assert get(server, "/healthz").status_code == 200


def test_many_silent_visitors_leave_threads_bounded(server: MetricsServer) -> None:
    before = threading.active_count()
    visitors = [socket.create_connection(server.address, timeout=30) for _ in range(60)]
    try:
        # Those who were sent away see the end of their connection; the others are waited for.
        sent_away = [visitor for visitor in visitors[-20:] if visitor.recv(1) == b""]

        assert len(sent_away) == 20
        assert threading.active_count() - before <= 17
    finally:
        for visitor in visitors:
            visitor.close()


def test_a_port_that_is_taken_is_named(server: MetricsServer) -> None:
    port = server.address[1]
    with (
        pytest.raises(UsageError, match=f"listen on 127.0.0.1:{port}: Address already in use"),
        MetricsServer(server.address),
    ):
        pass


@pytest.mark.parametrize(
    ("text", "address"),
    [
        pytest.param("127.0.0.1:9464", ("127.0.0.1", 9464), id="address"),
        pytest.param(":9464", ("127.0.0.1", 9464), id="without-a-host-it-is-loopback"),
        pytest.param("9464", ("127.0.0.1", 9464), id="port-alone"),
        pytest.param("[::1]:9464", ("::1", 9464), id="ipv6"),
        pytest.param("0.0.0.0:0", ("0.0.0.0", 0), id="everywhere-when-told"),
        pytest.param("localhost:1", ("localhost", 1), id="localhost"),
    ],
)
def test_where_to_listen(text: str, address: tuple[str, int]) -> None:
    assert listen_address(text) == address


@pytest.mark.parametrize("text", ["", ":", "x:y", "127.0.0.1:", "127.0.0.1:99999", "example.org:80", "\x1b[31m:1"])
def test_what_is_no_place_to_listen_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        listen_address(text)

    assert "\x1b" not in caught.value.message
    assert "9464" in caught.value.hint


def test_the_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "ingressdoctor.prom"
    write_textfile(str(path), exposition(build.broken()))
    with path.open() as reader:
        write_textfile(str(path), exposition(build.all_well()))

        assert reader.read() == exposition(build.broken())
    assert path.read_text() == exposition(build.all_well())
    assert list(tmp_path.iterdir()) == [path]
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    folder = tmp_path / "ingressdoctor.prom"
    folder.mkdir()
    (folder / "x").touch()
    for path in (folder, tmp_path / "gone" / "x.prom"):
        with pytest.raises(IngressDoctorError, match="Cannot write"):
            write_textfile(str(path), "x")

    assert list(tmp_path.iterdir()) == [folder]
