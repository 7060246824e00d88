"""Annotations, versions and twins: what Traefik makes of Ingresses, checked against its own decoder's texts."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from ingressdoctor.lab.cluster import Cluster
from ingressdoctor.lab.derive import with_endpoint_slices
from ingressdoctor.lab.serve.traefik.annotations import PREFIX, router_marks, service_marks
from ingressdoctor.lab.serve.traefik.controller import Configuration, configure
from ingressdoctor.lab.serve.traefik.model import DropError
from ingressdoctor.lab.serve.traefik.static import NEWEST, Version, version_of
from lab.dataplane.kit import ask, healthy, obj, real_port, running

HOST = "api.shop.test"


def annotated(**marks: str) -> dict[str, Any]:
    return {"metadata": {"annotations": {PREFIX + key.replace("__", "."): value for key, value in marks.items()}}}


@pytest.mark.parametrize(
    ("marks", "error"),
    [
        pytest.param({"router.priorty": "200"}, "field not found, node: priorty", id="unknown-key"),
        pytest.param({"router.Middleware": "x"}, "field not found, node: Middleware", id="spelling-is-kept"),
        pytest.param({"router.tls.foo": "x"}, "field not found, node: foo", id="unknown-key-further-down"),
        pytest.param({"router.tls.domains.0.foo": "x"}, "field not found, node: foo", id="unknown-key-of-a-list"),
        pytest.param({"router.priority.x": "1"}, "invalid node priority: int", id="a-key-behind-a-value"),
        pytest.param({"router.priority": "abc"}, 'strconv.ParseInt: parsing "abc": invalid syntax', id="no-number"),
        pytest.param({"router.priority": " 5"}, 'strconv.ParseInt: parsing " 5": invalid syntax', id="a-space"),
        pytest.param(
            {"router.priority": "9" * 20}, f'strconv.ParseInt: parsing "{"9" * 20}": value out of range', id="too-large"
        ),
    ],
)
def test_what_the_router_annotations_refuse(marks: dict[str, str], error: str) -> None:
    with pytest.raises(DropError) as caught:
        router_marks(annotated(**marks))
    assert caught.value.error == error


@pytest.mark.parametrize(
    "marks",
    [
        pytest.param({"priority": "5"}, id="no-section"),
        pytest.param({"router": "x"}, id="the-section-itself"),
        pytest.param({"service.sticky.cookie": "true"}, id="the-services-section"),
        pytest.param({"service.nonsense": "true"}, id="nonsense-in-the-services-section"),
    ],
)
def test_what_an_ingress_ignores(marks: dict[str, str]) -> None:
    assert router_marks(annotated(**marks)) == {}


def test_the_rest_of_a_router_key_is_matched_whatever_its_case() -> None:
    assert router_marks(annotated(**{"router.PRIORITY": "7"})) == {"router.priority": "7"}


@pytest.mark.parametrize(
    ("marks", "error"),
    [
        pytest.param({"service.serverscheme": "h2c"}, "field not found, node: serverscheme", id="unknown-key"),
        pytest.param(
            {"service.sticky.cookie.http-only": "true"}, "field not found, node: http-only", id="unknown-attribute"
        ),
        pytest.param(
            {"service.sticky.cookie.httpOnly": "yes"}, 'strconv.ParseBool: parsing "yes": invalid syntax', id="no-bool"
        ),
        pytest.param(
            {"service.sticky.cookie.maxage": "x"}, 'strconv.ParseInt: parsing "x": invalid syntax', id="no-age"
        ),
        pytest.param({"service.nativelb": "x"}, 'strconv.ParseBool: parsing "x": invalid syntax', id="no-switch"),
    ],
)
def test_what_the_service_annotations_refuse(marks: dict[str, str], error: str) -> None:
    with pytest.raises(DropError) as caught:
        service_marks(annotated(**marks), "shop")
    assert caught.value.error == error


def test_a_sticky_cookie_may_have_any_same_site_and_gets_a_name() -> None:
    sticky = service_marks(annotated(**{"service.sticky.cookie.samesite": "Foo"}), "shop").sticky
    assert sticky is not None
    assert sticky.same_site == "Foo"
    assert sticky.name.startswith("_")
    assert service_marks(annotated(**{"router.priority": "1"}), "shop").sticky is None


def ingress(host: str, *paths: tuple[str, str]) -> dict[str, Any]:
    backend = {"service": {"name": "shop", "port": {"number": 80}}}
    found = [{"path": path, "pathType": kind, "backend": backend} for path, kind in paths]
    rules = [{"host": host, "http": {"paths": found}}]
    return obj("Ingress", "api", "shop", "networking.k8s.io/v1", spec={"rules": rules})


def configured(item: dict[str, Any], version: Version = NEWEST, *more: str) -> Configuration:
    parts = healthy()
    parts.objects.append(item)
    return configure(Cluster(with_endpoint_slices(parts.objects)), (*parts.args, *more), version)


def rules(configuration: Configuration) -> list[str]:
    return [router.rule for router in configuration.dynamic.routers.values() if router.provider == "kubernetes"]


@pytest.mark.parametrize(
    ("version", "host", "rule"),
    [
        pytest.param((3, 7, 9), HOST, f'Host("{HOST}") && PathPrefix("/v1")', id="quoted"),
        pytest.param((3, 6, 13), HOST, f'Host("{HOST}") && PathPrefix("/v1")', id="quoted-since-3.6.11"),
        pytest.param((3, 6, 10), HOST, f"Host(`{HOST}`) && PathPrefix(`/v1`)", id="backticks-before"),
        pytest.param((3, 7, 0), "*.shop.test", 'Host("*.shop.test") && PathPrefix("/v1")', id="wildcard"),
        pytest.param(
            (3, 6, 13),
            "*.shop.test",
            r'HostRegexp("^[a-zA-Z0-9-]+\\.shop\\.test$") && PathPrefix("/v1")',
            id="wildcard-before-3.7",
        ),
        pytest.param(
            (3, 0, 4),
            "*.my-shop.test",
            r"HostRegexp(`^[a-zA-Z0-9-]+\.my-shop\.test$`) && PathPrefix(`/v1`)",
            id="wildcard-in-backticks",
        ),
    ],
)
def test_a_rules_text_depends_on_the_version(version: Version, host: str, rule: str) -> None:
    assert rules(configured(ingress(host, ("/v1", "Prefix")), version)) == [rule]


def test_strict_prefixes_cut_one_slash_and_hold_without_a_path_type() -> None:
    flag = "--providers.kubernetesingress.strictPrefixMatching=true"
    found = rules(
        configured(ingress(HOST, ("/v1/", "Prefix"), ("/", "Prefix"), ("/x", "ImplementationSpecific")), NEWEST, flag)
    )
    assert [rule.partition(" && ")[2] for rule in found] == [
        '(Path("/v1") || PathPrefix("/v1/"))',
        'PathPrefix("/")',
        '(Path("/x") || PathPrefix("/x/"))',
    ]


@pytest.mark.parametrize(
    ("image", "version"),
    [
        pytest.param("docker.io/traefik:v3.6.2", (3, 6, 2), id="with-a-v"),
        pytest.param("rancher/mirrored-library-traefik:3.6.13", (3, 6, 13), id="without"),
        pytest.param("traefik:v3.5", (3, 5, 0), id="two-numbers"),
        pytest.param("registry.test:5000/traefik@sha256:00", NEWEST, id="a-digest-alone"),
    ],
)
def test_the_version_of_an_image(image: str, version: Version) -> None:
    assert version_of(image) == version


def test_exact_and_prefix_of_one_path_are_two_routers_and_the_prefix_is_longer() -> None:
    configuration = configured(ingress(HOST, ("/v1", "Exact"), ("/v1", "Prefix")))
    mine = [router for router in configuration.tables["websecure"].secure if router.provider == "kubernetes"]
    assert len(mine) == 2
    assert len({router.name for router in mine}) == 2
    texts = [f'Host("{HOST}") && PathPrefix("/v1")', f'Host("{HOST}") && Path("/v1")']
    assert [router.priority for router in mine] == [len(text) for text in texts]


@pytest.mark.lab
async def test_before_3_7_a_wildcard_in_a_host_matches_nobody() -> None:
    parts = healthy()
    parts.route["routes"][0]["match"] = "Host(`*.shop.test`)"
    async with running(parts) as plane:
        assert (await ask(plane)).status_code == 200
    for item in parts.objects:
        if item["kind"] == "Pod" and item["metadata"]["name"].startswith("traefik-"):
            item["spec"]["containers"][0]["image"] = "docker.io/traefik:v3.6.13"
    async with running(parts) as plane:
        assert (await ask(plane)).status_code == 404


@pytest.mark.lab
async def test_a_host_port_leads_from_the_node_to_its_pod() -> None:
    parts = healthy()
    parts.hetzner["load_balancers"] = []
    for name, node in (("traefik-1", 1), ("traefik-2", 2)):
        container = parts.get("Pod", name)["spec"]["containers"][0]
        container["ports"] = [{"name": "websecure", "containerPort": 8443, "hostPort": 443 if node == 1 else 8443}]
    async with running(parts) as plane:
        assert (await ask(plane, at="203.0.113.21")).text == "shop"
        assert any(entry.startswith("203.0.113.22:8443:") for entry in plane.connect_to)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", real_port(plane, "203.0.113.22", 443)), timeout=3)


@pytest.mark.lab
async def test_an_ingress_routes_sticky_cookie() -> None:
    parts = healthy()
    cookie = {"name": "kept", "secure": True, "sameSite": "none", "maxAge": 60}
    parts.route["routes"][0]["services"][0]["sticky"] = {"cookie": cookie}
    async with running(parts) as plane:
        given = (await ask(plane)).headers["set-cookie"]
    assert given.startswith("kept=")
    assert given.endswith("; Path=/; Max-Age=60; Secure; SameSite=None")
