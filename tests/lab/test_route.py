"""``ingressdoctor route`` over real sockets: the cluster's own objects, down to endpoints, and from their files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import ingressdoctor.lab
from build.program import run
from ingressdoctor.lab import Lab, NoPlane, apply_fault, load_fault, load_world, running
from ingressdoctor.render.route_v1 import RoutesV1, RouteV1
from ingressdoctor.render.schema_v1 import schema_of

pytestmark = pytest.mark.lab

WORLDS = Path(ingressdoctor.lab.__file__).parent / "worlds"
SHOP = "IngressRoute ecommercen-clients-wecare/adveshop4"


def asked(lab: Lab, *words: str) -> tuple[int, Any]:
    done = run("route", *words, "--json", env=dict(lab.handout.environment))
    value = json.loads(done.stdout)
    jsonschema.validate(value, schema_of(RoutesV1 if "--all" in words else RouteV1, value["schema"]))
    return done.returncode, value


def broken(*faults: str, world: str = "wecare") -> Any:
    changed = load_world(world)
    for fault in faults:
        changed = apply_fault(changed, load_fault(world, fault))
    return running(changed, plane=NoPlane)


def test_the_way_from_port_to_pod(apis: Lab) -> None:
    code, value = asked(apis, "https://www.wecare.gr/x")

    assert (code, value["outcome"], value["winner"]["ref"]) == (0, "routed", SHOP)
    assert value["controller"] == {
        "kind": "Traefik",
        "name": "traefik/traefik",
        "service": "Service traefik/traefik",
        "version": "3.7.9",
        "source": "args",
    }
    assert value["path"] == {
        "port": 443,
        "service_port": 443,
        "target_port": "websecure",
        "container_port": 8443,
        "entry_point": "websecure",
        "gap": "",
    }
    assert [item["type"] for item in value["middlewares"]] == ["headers"]
    (service,) = value["services"]
    assert [item["used"] for item in service["endpoints"]] == [True, True, True]
    assert value["predicted"]["source"] == "backend"


def test_port_80_is_redirected(apis: Lab) -> None:
    code, value = asked(apis, "http://www.wecare.gr/x?y=1")

    assert (code, value["outcome"]) == (0, "redirect")
    assert value["predicted"]["location"] == "https://www.wecare.gr/x?y=1"
    assert value["elsewhere"][0]["ref"] == SHOP


def test_a_tcp_route_takes_the_connection_before_any_byte(apis: Lab) -> None:
    code, value = asked(apis, "mysql://www.wecare.gr")

    assert (code, value["outcome"]) == (0, "routed")
    assert value["winner"]["ref"] == "IngressRouteTCP ecommercen-clients-wecare/maxscale-tcp-route"
    assert value["path"]["entry_point"] == "mysql"


POLICIES = [
    pytest.param((), True, 1, id="let-in-by-a-rule"),
    pytest.param(("netpol-denies-traefik",), False, 1, id="shut-out"),
]


@pytest.mark.parametrize(("faults", "allowed", "rule"), POLICIES)
def test_policies_between_traefik_and_the_pods(faults: tuple[str, ...], allowed: bool, rule: int) -> None:
    with broken(*faults) as lab:
        code, value = asked(lab, "https://www.wecare.gr/x")

    (policy,) = value["policies"]
    assert (code, policy["allowed"], policy["port"]) == (0, allowed, 8080)
    assert (policy["policy"], policy["rule"]) == ("NetworkPolicy ecommercen-clients-wecare/allow-traefik", rule)
    assert value["services"][0]["pods"] is not None


FAULTS = [
    pytest.param("route-host-misspelt", 1, "", id="route-host-misspelt"),
    pytest.param("route-deleted", 1, "", id="route-deleted"),
    pytest.param("route-wrong-class", 1, "class", id="route-wrong-class"),
    pytest.param("route-entry-point-missing", 1, "entry-point", id="route-entry-point-missing"),
    pytest.param("route-rule-invalid", 1, "rule", id="route-rule-invalid"),
    pytest.param("route-middleware-missing", 1, "middleware-missing", id="route-middleware-missing"),
    pytest.param(
        "route-middleware-cross-namespace", 1, "middleware-cross-namespace", id="route-middleware-cross-namespace"
    ),
    pytest.param("service-missing", 1, "service-missing", id="service-missing"),
    pytest.param("service-port-missing", 1, "service-port", id="service-port-missing"),
]


@pytest.mark.parametrize(("fault", "code", "reason"), FAULTS)
def test_what_takes_the_route_away_is_named(fault: str, code: int, reason: str) -> None:
    with broken(fault) as lab:
        found, value = asked(lab, "www.wecare.gr")

    assert found == code
    assert [item["reason"] for item in value["dropped"] if item["ref"] == SHOP] == ([reason] if reason else [])
    assert value["predicted"]["status"] == 404


def test_a_service_without_endpoints_answers_503() -> None:
    with broken("selector-matches-nothing") as lab:
        code, value = asked(lab, "www.wecare.gr")

    assert (code, value["predicted"]["status"], value["predicted"]["source"]) == (0, 503, "controller")
    assert value["services"][0]["endpoints"] == []


def test_a_route_that_another_one_shadows() -> None:
    with broken("route-shadowed") as lab:
        code, value = asked(lab, "--all")
    clashes = [clash for host in value["hosts"] for clash in host["clashes"] if clash["fails"]]

    assert code == 1
    assert {clash["by"] for clash in clashes} == {"IngressRoute ecommercen-clients-wecare/maintenance"}
    assert SHOP in {clash["route"] for clash in clashes}


def test_all_routes_of_the_healthy_world(apis: Lab) -> None:
    code, value = asked(apis, "--all")

    assert (code, value["dropped"], value["unreachable"]) == (0, 0, 0)
    assert value["routers"] >= 3


WAYS = [
    pytest.param("/api/users", "educationelly-api-ingress", id="the-api"),
    pytest.param("/", "educationelly-client-ingress", id="the-client"),
    pytest.param("/apiary", "educationelly-api-ingress", id="prefixes-are-bytes"),
]


@pytest.fixture(scope="module")
def jefe() -> Any:
    with running(load_world("el-jefe"), plane=NoPlane) as lab:
        yield lab


@pytest.mark.parametrize(("path", "name"), WAYS)
def test_two_ingresses_on_one_host(jefe: Lab, path: str, name: str) -> None:
    code, value = asked(jefe, f"educationelly-k8s.el-jefe.me{path}")

    assert code == 0
    assert value["winner"]["ref"] == f"Ingress default/{name}"
    assert {item["priority"] for item in value["candidates"]} == {200, 100}


def test_swapped_priorities_hide_the_api() -> None:
    with broken("priorities-swapped", world="el-jefe") as lab:
        _, one = asked(lab, "educationelly-k8s.el-jefe.me/api/users")
        code, every = asked(lab, "educationelly-k8s.el-jefe.me", "--all")

    assert one["winner"]["ref"] == "Ingress default/educationelly-client-ingress"
    assert code == 1
    assert "unreachable" in {clash["kind"] for host in every["hosts"] for clash in host["clashes"]}


@pytest.mark.parametrize("world", ["wecare", "el-jefe"])
def test_the_files_of_a_world_decide_as_its_cluster(world: str) -> None:
    """The same objects, once from the API and once from files: the same winners, rules and priorities."""
    host = str(load_world(world).settings["host"])
    done = run("route", host, "--json", "--manifests", str(WORLDS / world / "manifests"))
    from_files = json.loads(done.stdout)
    with running(load_world(world), plane=NoPlane) as lab:
        code, from_cluster = asked(lab, host)

    assert (done.returncode, code) == (0, 0)
    for key in ("winner", "candidates", "dropped", "middlewares", "path", "controller", "request"):
        assert from_files[key] == from_cluster[key]


def test_without_a_cluster_it_could_not_tell() -> None:
    done = run("route", "www.wecare.gr", "--json")

    assert done.returncode == 3
    assert json.loads(done.stdout)["error"]["kind"] == "source"
