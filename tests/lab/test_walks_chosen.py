"""Which walk a name takes where its record, its Ingress or its resolver is not as it should be, and what it shows."""

from __future__ import annotations

import pytest

from build.badday import Seen, calm, see
from build.values import replace
from ingressdoctor.lab import World, apply_fault, load_fault, load_world, running

pytestmark = pytest.mark.lab

GRAFANA, ECHO = "grafana.argo-lan.example", "echo.argo-lan.example"
NO_TOKEN = {"CLOUDFLARE_API_TOKEN": ""}
MISSPELT = (
    {
        "object": {"kind": "Ingress", "namespace": "monitoring", "name": "grafana"},
        "set": {"spec.rules[0].host": "garfana.argo-lan.example"},
    },
)


def broken(*faults: str, misspelt: bool = False) -> World:
    """The home lab with faults; *misspelt* takes the Ingress of grafana from its name."""
    world = load_world("argo-lan")
    for name in faults:
        world = apply_fault(world, load_fault("argo-lan", name))
    return apply_fault(world, replace(load_fault("argo-lan", faults[0]), patch=MISSPELT)) if misspelt else world


def seen(world: World, host: str, environ: dict[str, str]) -> Seen:
    with running(calm(world)) as lab:
        return see(lab, host=host, environ=environ)


WITHOUT_RECORD = [
    pytest.param("lan-record-missing", GRAFANA, {}, "lan", id="an-ingress-at-private-addresses-that-no-rule-names"),
    pytest.param("lan-record-missing", GRAFANA, NO_TOKEN, "lan", id="the-same-without-a-token"),
    pytest.param("tunnel-record-missing", ECHO, {}, "tunnel", id="a-rule-of-a-tunnel-names-it"),
]


@pytest.mark.parametrize(("fault", "host", "environ", "walk"), WITHOUT_RECORD)
def test_a_name_without_a_record_takes_the_walk_that_the_cluster_speaks_for(
    fault: str, host: str, environ: dict[str, str], walk: str
) -> None:
    found = seen(broken(fault), host, environ)

    assert found.report.walk is not None
    assert found.report.walk.id == walk
    assert found.symptoms == ("dns-nxdomain",)


def test_without_its_record_what_is_behind_a_name_of_the_lan_is_seen_and_an_address_is_told() -> None:
    found = seen(broken("lan-record-missing"), GRAFANA, {})

    assert found.causes == ("dns.no-such-name",)
    assert found.failing == {"dns.no-such-name", "edge.unreachable"}
    assert not {name for name in found.unknown if name.partition(".")[0] in {"nginx", "backend"}} - {
        "nginx.forwarded-headers",
    }
    assert found.says("create an A record to 192.168.1.81 (Node node01), DNS only")


def test_without_its_record_and_its_ingress_a_name_is_no_name_of_the_lan() -> None:
    found = seen(broken("lan-record-missing", misspelt=True), GRAFANA, {})

    assert found.report.walk is None or found.report.walk.id != "lan"


BOTH = [
    pytest.param("lan-name-proxied-in-browsers", "lan.ech-record", id="its-own-record-was-proxied"),
    pytest.param("lan-wildcard-ech-in-browsers", "lan.wildcard-in-the-way", id="a-wildcard-answers-browsers"),
]


@pytest.mark.parametrize(("fault", "first"), BOTH)
def test_what_is_dialled_in_the_lan_stays_there_also_where_no_ingress_names_it(fault: str, first: str) -> None:
    found = seen(broken(fault, misspelt=True), GRAFANA, {})

    assert found.report.walk is not None
    assert found.report.walk.id == "lan"
    assert {first, "nginx.route-missing"} <= found.failing
    assert found.symptoms == ("tls-untrusted",)
    assert found.report.diagnosis.unexplained == ()


@pytest.mark.parametrize("environ", [{}, NO_TOKEN], ids=["with-a-token", "without-one"])
def test_without_its_record_a_name_goes_to_the_nodes_that_the_controller_listens_on(environ: dict[str, str]) -> None:
    world = apply_fault(load_world("honeydue"), load_fault("honeydue", "dns-no-such-name"))

    found = seen(world, "api.myhoneydue.com", environ)

    assert found.report.walk is not None
    assert found.report.walk.id == "nodes"
    assert found.causes == ("dns.no-such-name",)
    assert not {name for name in found.unknown if name.partition(".")[0] == "backend"}
