"""What a sweep asks for: each thing once, however many targets need it, and nothing of what is to be left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from build.sweeps import Swept, swept
from build.values import replace
from ingressdoctor.evidence.discovery import Discovered, FoundName
from ingressdoctor.lab import Lab, load_world
from ingressdoctor.lab.lab import running
from ingressdoctor.lab.world import merged
from ingressdoctor.model.report import Verdict
from ingressdoctor.sweeping.options import SweepOptions
from ingressdoctor.sweeping.targets import Targets, from_discovered
from scenarios import PATIENCE

pytestmark = pytest.mark.lab

APIS = ("kube", "hetzner", "cloudflare")


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    world = load_world("wecare")
    with running(replace(world, settings=merged(world.settings, PATIENCE))) as lab:
        yield lab


@pytest.fixture(scope="module")
def first(lab: Lab) -> tuple[Swept, dict[str, list[object]]]:
    """The first sweep of the lab, and what its APIs were asked."""
    found = swept(lab)
    return found, {name: list(asked) for name, asked in lab.requests.items()}


def test_nothing_is_asked_twice(first: tuple[Swept, dict[str, list[object]]]) -> None:
    _, asked = first

    for name in APIS:
        assert asked[name]
        assert [item for item, count in Counter(map(str, asked[name])).items() if count > 1] == []


def test_kinds_are_listed_for_the_whole_cluster(first: tuple[Swept, dict[str, list[object]]]) -> None:
    """One namespace or one object is asked for only where nobody lists the kind: ConfigMaps, logs, what is proxied."""
    _, asked = first
    single = [str(item) for item in asked["kube"] if "/namespaces/" in str(item)]

    assert all("/configmaps/" in item or "/pods/" in item for item in single), single


def test_the_load_balancers_are_listed_once(first: tuple[Swept, dict[str, list[object]]]) -> None:
    _, asked = first

    assert len(asked["hetzner"]) == 2


def test_requests_are_told_as_they_were(first: tuple[Swept, dict[str, list[object]]]) -> None:
    found, asked = first

    assert {name: found.report.requests[name] for name in ("hetzner", "cloudflare")} == {
        name: len(asked[name]) for name in ("hetzner", "cloudflare")
    }
    assert found.report.requests["kubernetes"] == len(asked["kube"])


def test_without_probes_no_connection_is_opened(lab: Lab) -> None:
    before = len(lab.requests["dns.public"])
    found = swept(lab, SweepOptions(probes=False))

    assert not {"dns", "tcp", "tls", "http", "mysql", "grpc"} & set(found.report.requests)
    assert len(lab.requests["dns.public"]) == before
    assert found.report.counts.broken == 0
    assert found.report.counts.total > 10


def test_probes_alone_ask_no_api(lab: Lab) -> None:
    listed = names(("www.wecare.gr", "api.wecare.gr", "grafana-ecnv4-mgmt.ecommercen.com"))
    before = {name: len(lab.requests[name]) for name in APIS}
    found = swept(lab, SweepOptions(inside=False), listed=listed)

    assert {name: len(lab.requests[name]) for name in APIS} == before
    assert not {"kubernetes", "hetzner", "cloudflare", "maxscale"} & set(found.report.requests)
    assert found.report.requests["http"] > 0
    assert {item.verdict for item in found.outcomes.values()} <= {Verdict.HEALTHY, Verdict.DEGRADED}


def names(hosts: tuple[str, ...]) -> Targets:
    return from_discovered(Discovered(names=tuple(FoundName(text=host, sources=("a list",)) for host in hosts)))
