"""Traefik's static configuration as its pod shows it."""

from __future__ import annotations

from typing import Any

import pytest

from build.controller import ARGS, a_traefik_pod
from ingressdoctor.collect.static_config import parse_duration, parse_flags, static_of

FLAGS = [
    pytest.param(["--a.b=1"], {"a.b": "1"}, id="equals"),
    pytest.param(["-a=1"], {"a": "1"}, id="one-hyphen"),
    pytest.param(["--a"], {"a": "true"}, id="bare-is-true"),
    pytest.param(["--a", "1", "--b"], {"a": "1", "b": "true"}, id="value-in-the-next-word"),
    pytest.param(["--A.B=1"], {"a.b": "1"}, id="names-in-any-case"),
    pytest.param(["--a=1", "--a=2"], {"a": "2"}, id="last-one-wins"),
    pytest.param(["--x.trustedIPs=a", "--x.trustedips=b"], {"x.trustedips": "a,b"}, id="lists-are-joined"),
    pytest.param(["--a=1", "word", "--b=2"], {"a": "1"}, id="stops-at-a-stray-word"),
    pytest.param(["--a=1", "--", "--b=2"], {"a": "1"}, id="stops-at-two-hyphens"),
    pytest.param(["traefik", "--a=1"], {"a": "1"}, id="program-name-first"),
    pytest.param([], {}, id="none"),
    pytest.param([""], {}, id="empty-word"),
]


@pytest.mark.parametrize(("words", "options"), FLAGS)
def test_flags(words: list[str], options: dict[str, str]) -> None:
    assert parse_flags(words)[1] == options


def test_entry_points_of_the_chart() -> None:
    static = static_of(
        a_traefik_pod(args=(*ARGS, "--entryPoints.mySQL.address=:3306/tcp", "--entryPoints.q.address=:53/udp"))
    )

    found = {point.name: (point.port, point.protocol, point.tls) for point in static.entry_points}
    assert found == {
        "web": (8000, "tcp", False),
        "websecure": (8443, "tcp", True),
        "traefik": (8080, "tcp", False),
        "mySQL": (3306, "tcp", False),
        "q": (53, "udp", False),
    }
    assert (static.source, static.unreadable) == ("args", "")
    assert static.entry_point("web").redirect_to == ":443"  # type: ignore[union-attr]


OPTIONS = [
    pytest.param(
        "proxyProtocol.trustedIPs=10.0.0.0/8,192.0.2.1", "proxy_protocol", ("10.0.0.0/8", "192.0.2.1"), id="ips"
    ),
    pytest.param("proxyProtocol.insecure=true", "proxy_protocol", ("*",), id="proxy-protocol-from-anyone"),
    pytest.param("proxyProtocol", "proxy_protocol", (), id="proxy-protocol-without-a-list"),
    pytest.param("asDefault=true", "as_default", True, id="default"),
    pytest.param("http.tls.certResolver=le", "tls", True, id="tls-by-an-option-below"),
    pytest.param("http.tls=false", "tls", False, id="tls-switched-off"),
    pytest.param("http.middlewares=a@file,b@file", "middlewares", ("a@file", "b@file"), id="middlewares"),
    pytest.param("transport.respondingTimeouts.readTimeout=1m30s", "read_timeout_s", 90.0, id="duration"),
    pytest.param("transport.respondingTimeouts.readTimeout=0", "read_timeout_s", 0.0, id="no-timeout"),
    pytest.param("forwardedHeaders.insecure", "forwarded_insecure", True, id="trusts-headers-of-anyone"),
]


@pytest.mark.parametrize(("option", "name", "value"), OPTIONS)
def test_entry_point_options(option: str, name: str, value: object) -> None:
    static = static_of(a_traefik_pod(args=("--entryPoints.web.address=:80", f"--entryPoints.WEB.{option}")))

    assert getattr(static.entry_points[0], name) == value
    assert static.entry_points[0].name == "web"


SOURCES: list[Any] = [
    pytest.param({"args": ("--configFile=/etc/t.yml",)}, "file", "/etc/t.yml", id="file-by-flag"),
    pytest.param(
        {"args": (), "container": {"volumeMounts": [{"mountPath": "/etc/traefik"}]}}, "file", "volume", id="mounted"
    ),
    pytest.param(
        {"container": {"volumeMounts": [{"mountPath": "/etc/traefik/"}]}}, "args", "if it holds", id="mount-and-args"
    ),
    pytest.param(
        {"container": {"volumeMounts": [{"mountPath": "/data"}]}}, "args", "", id="other-mounts-do-not-matter"
    ),
    pytest.param(
        {"args": (), "container": {"env": [{"name": "TRAEFIK_ENTRYPOINTS_WEB_ADDRESS", "value": ":80"}]}},
        *("env", ""),
        id="environment",
    ),
    pytest.param({"args": (), "container": {"envFrom": [{}]}}, "env", "envFrom", id="environment-from-elsewhere"),
    pytest.param(
        {"args": (), "container": {"env": [{"name": "TRAEFIK_LOG_LEVEL", "valueFrom": {}}]}},
        *("env", "TRAEFIK_LOG_LEVEL"),
        id="value-from-elsewhere",
    ),
    pytest.param(
        {"args": ("--log.level=INFO",), "container": {"envFrom": [{}]}}, "args", "", id="arguments-hide-the-environment"
    ),
    pytest.param({"container": {"command": ["/bin/sh", "-c", "traefik"]}}, "args", "shell", id="shell"),
    pytest.param({"args": (), "container": {"command": ["traefik", "--ping"]}}, "args", "", id="flags-in-the-command"),
    pytest.param({"container": {"args": None, "command": None, "env": None}}, "env", "", id="nulls"),
]


@pytest.mark.parametrize(("parts", "source", "unreadable"), SOURCES)
def test_loaders_exclude_each_other(parts: dict[str, Any], source: str, unreadable: str) -> None:
    static = static_of(a_traefik_pod(**parts))

    assert static.source == source
    assert (unreadable in static.unreadable) if unreadable else static.unreadable == ""


def test_file_configuration_falls_back_to_port_names() -> None:
    static = static_of(a_traefik_pod(args=("--configFile=/x.yml",)))

    assert [(point.name, point.port, point.tls) for point in static.entry_points] == [
        ("web", 8000, False),
        ("websecure", 8443, True),
    ]


def test_no_entry_point_means_one_on_80() -> None:
    static = static_of(a_traefik_pod(args=("--ping=true",)))

    assert [(point.name, point.port) for point in static.entry_points] == [("http", 80), ("traefik", 8080)]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        pytest.param("90", 90.0, id="number"),
        pytest.param("1h2m3s", 3723.0, id="go-duration"),
        pytest.param("250ms", 0.25, id="milliseconds"),
        pytest.param("soon", 7.0, id="nonsense-is-the-default"),
        pytest.param("", 7.0, id="empty-is-the-default"),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text, 7.0) == seconds
