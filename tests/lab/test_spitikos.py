"""World spitikos: what its documentation promises, over sockets, and its own mistakes."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from ingressdoctor.config import load_settings
from ingressdoctor.lab import Lab, World, apply_fault, load_fault, load_world, running
from lab.grpc_visitor import GrpcAnswer, call
from lab.test_symptoms import Visitor

API = "api.taehoonlee.cloud"
NGINX = ("nginx", "nginx-ingress-nginx-controller-bada8af290-", "controller")
pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def world() -> World:
    return load_world("spitikos")


@pytest.fixture(scope="module")
def lab(world: World) -> Iterator[Lab]:
    with running(world) as lab:
        yield lab


def asked(lab: Lab, path: str = "/grpc.health.v1.Health/Check") -> GrpcAnswer:
    visitor = Visitor(lab)
    tls = ssl.create_default_context(cafile=str(lab.handout.ca_file))
    return call(visitor.real_port(visitor.resolve(API), 443), API, tls, path=path)


def log_of_nginx(lab: Lab) -> str:
    namespace, prefix, container = NGINX
    pods = (item["metadata"]["name"] for item in lab.world.select("Pod", namespace))
    return lab.container_log(namespace, next(name for name in pods if name.startswith(prefix)), container)


def test_a_health_check_comes_back_with_its_trailers(lab: Lab) -> None:
    answer = asked(lab)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/grpc")
    assert "grpc-status" not in answer.headers
    assert answer.trailers["grpc-status"] == "0"
    assert answer.body == b"\0\0\0\0\x02\x08\x01"


def test_an_unknown_method_is_told_apart(lab: Lab) -> None:
    assert asked(lab, "/spitikos.v1.Nope/Do").grpc_status == "12"


def test_every_hop_speaks_http_2_and_klipper_hides_the_client(lab: Lab) -> None:
    asked(lab)
    lines = [line for line in log_of_nginx(lab).splitlines() if "Health/Check HTTP/2.0" in line]
    assert lines
    assert all(line.startswith("10.42.0.9 - -") for line in lines)
    assert all("[api-api-50051] [] 10.42.0.21:50051" in line for line in lines)


@pytest.mark.parametrize(
    ("url", "symptom"),
    [
        pytest.param("https://homepage.taehoonlee.cloud/", None, id="the-wildcard-serves-the-home-page"),
        pytest.param("https://homepage.taehoonlee.cloud/nope", "app-404", id="the-pages-own-404"),
        pytest.param("https://nope.taehoonlee.cloud/", "dns-nxdomain", id="a-name-without-a-record"),
        pytest.param("https://taehoonlee.cloud/", "tunnel-404", id="the-apex-that-no-rule-covers"),
        pytest.param("https://k8s.taehoonlee.cloud/", "controller-404", id="nginx-gets-what-the-kubernetes-api-should"),
    ],
)
def test_what_visitors_get(url: str, symptom: str | None, lab: Lab) -> None:
    assert Visitor(lab).symptom(url) == symptom


def test_the_rules_are_the_documented_ones_in_the_documented_order(world: World) -> None:
    [connector] = world.connectors
    rules = connector["config"]["ingress"]
    assert [rule.get("hostname", "") for rule in rules] == [
        "api.taehoonlee.cloud",
        "*.taehoonlee.cloud",
        "k8s.taehoonlee.cloud",
        "ssh.taehoonlee.cloud",
        "",
    ]
    assert [rule["service"] for rule in rules[2:]] == ["tcp://127.0.0.1:6443", "ssh://127.0.0.1:22", "http_status:404"]
    assert connector["args"] == ["--protocol", "http2", "tunnel", "run"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        pytest.param("grpc-origin-http1", "upstream sent too large http2 frame: 4740180", id="http-1-only"),
        pytest.param("nginx-backend-protocol-missing", "upstream sent no valid HTTP/1.0 header", id="no-annotation"),
        pytest.param("backend-service-missing", 'Error obtaining Endpoints for Service "api/api"', id="no-service"),
        pytest.param("nginx-class-missing", "does not contain a valid IngressClass", id="no-class"),
        pytest.param("rules-http-to-https-port", "client sent plain HTTP request to HTTPS port", id="http-on-443"),
    ],
)
def test_nginx_logs_what_it_would(name: str, words: str, world: World) -> None:
    fault = load_fault("spitikos", name)
    with running(apply_fault(world, fault)) as broken:
        Visitor(broken).symptom(fault.host if "://" in fault.host else f"https://{fault.host}/")
        assert words in log_of_nginx(broken)


def test_the_file_on_the_host_is_handed_out(lab: Lab, world: World) -> None:
    settings = load_settings(str(lab.handout.config))
    copy = Path(settings.tunnel.config_file)
    assert copy.parent == lab.handout.directory
    assert yaml.safe_load(copy.read_text()) == world.connectors[0]["config"]


def test_without_such_a_file_nothing_is_handed_out(world: World) -> None:
    with running(apply_fault(world, load_fault("spitikos", "remote-managed"))) as lab:
        assert load_settings(str(lab.handout.config)).tunnel.config_file == ""
