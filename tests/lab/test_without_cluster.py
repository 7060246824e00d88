"""Names judged without a kubeconfig: what the clouds and the outside tell is found, and nothing is guessed beyond."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from build.badday import Seen, calm, see
from build.sweeps import swept
from ingressdoctor.cli.options import Connection
from ingressdoctor.evidence.discovery import Discovered, FoundName
from ingressdoctor.lab import Lab, apply_fault, list_worlds, load_fault, load_world, running
from ingressdoctor.model.finding import Status
from ingressdoctor.model.report import Verdict
from ingressdoctor.sweeping.options import SweepOptions
from ingressdoctor.sweeping.targets import from_discovered

pytestmark = pytest.mark.lab

HOST = "www.wecare.gr"
SQL = "mysql://erp-db-user@erp.wecare.gr:3306/wecare"


def without_cluster(lab: Lab, folder: Path) -> Connection:
    """The lab's configuration with a kubeconfig that is not there."""
    path = folder / "ingressdoctor.toml"
    text = lab.handout.config.read_text("utf-8")
    assert str(lab.handout.kubeconfig) in text
    path.write_text(text.replace(json.dumps(str(lab.handout.kubeconfig)), json.dumps(str(folder / "gone"))), "utf-8")
    return Connection(config=str(path))


def seen_from_outside(world: str, fault: str, folder: Path, host: str = HOST, **environ: str) -> tuple[Seen, list[str]]:
    """Return the diagnosis without a cluster, and what Hetzner was asked; *environ* is laid over the lab's."""
    broken = load_world(world)
    if fault:
        broken = apply_fault(broken, load_fault(world, fault))
    with running(calm(broken)) as lab:
        seen = see(lab, host=host, connection=without_cluster(lab, folder), environ=environ)
        return seen, [str(item) for item in lab.requests["hetzner"]]


FOUND = [
    pytest.param("lb-all-unhealthy", "lb.targets-unhealthy", id="no-target-is-healthy"),
    pytest.param("lb-network-detached", "lb.network-detached", id="detached-from-the-network"),
    pytest.param("lb-no-443", "lb.service-missing", id="no-service-on-443"),
    pytest.param("lb-no-targets", "lb.no-targets", id="no-targets"),
    pytest.param("lb-public-disabled", "lb.public-disabled", id="public-interface-off"),
    pytest.param("lb-deleted", "lb.origin-unreachable", id="nobody-has-the-record-s-address"),
    pytest.param("lb-address-changed", "lb.origin-unreachable", id="the-record-s-address-is-not-its-own-any-more"),
]


@pytest.mark.parametrize(("fault", "cause"), FOUND)
def test_the_load_balancer_is_found_by_the_record(fault: str, cause: str, tmp_path: Path) -> None:
    seen, _ = seen_from_outside("wecare", fault, tmp_path)

    assert seen.causes == (cause,)


UNTOLD = [
    pytest.param("", id="healthy"),
    pytest.param("lb-renamed", id="renamed"),
    pytest.param("external-traffic-local", id="nodes-without-a-pod-by-design"),
    pytest.param("label-selector-targets", id="targets-by-label"),
    pytest.param("ipv4-only", id="ipv4-only"),
]


@pytest.mark.parametrize("fault", UNTOLD)
def test_what_works_raises_no_alarm(fault: str, tmp_path: Path) -> None:
    seen, asked = seen_from_outside("wecare", fault, tmp_path)

    assert seen.code == 0
    assert seen.failing == frozenset()
    assert seen.with_status(Status.WARN) == frozenset()
    assert len([item for item in asked if "load_balancers" in item]) == 1


def test_mysql_s_load_balancer_is_found_by_dns(tmp_path: Path) -> None:
    seen, _ = seen_from_outside("wecare", "sql-lb-no-3306", tmp_path, SQL)

    assert seen.causes == ("lb.service-missing",)


def test_a_sweep_lists_the_load_balancers_once_for_all_targets(tmp_path: Path) -> None:
    broken = apply_fault(load_world("wecare"), load_fault("wecare", "lb-no-443"))
    with running(calm(broken)) as lab:
        without = without_cluster(lab, tmp_path).config
        lab.handout.config.write_text(Path(without).read_text("utf-8"), "utf-8")
        found = swept(lab, SweepOptions(probes=False))
        asked = [str(item) for item in lab.requests["hetzner"]]

    [members] = [names for key, names in found.causes.items() if key.startswith("lb.service-missing")]
    assert HOST in members
    assert len(members) > 1
    assert len(asked) == len(set(asked)) == 2


DASHBOARD = "traefik-ecnv4-mgmt.ecommercen.com"


@pytest.mark.parametrize("world", list_worlds())
def test_no_name_of_a_world_is_broken_for_want_of_a_kubeconfig(world: str, tmp_path: Path) -> None:
    with running(calm(load_world(world))) as lab:
        known = swept(lab)
        listed = from_discovered(
            Discovered(names=tuple(FoundName(text=name, sources=("a list",)) for name in known.outcomes))
        )
        broken = {name for name, item in swept(lab, listed=listed).outcomes.items() if item.verdict is Verdict.BROKEN}
        lab.handout.kubeconfig.write_text(
            re.sub(r"(token: ).*", r"\1nobody", lab.handout.kubeconfig.read_text("utf-8"))
        )
        refused = swept(lab, listed=listed)
        lab.handout.config.write_text(Path(without_cluster(lab, tmp_path).config).read_text("utf-8"), "utf-8")
        gone = swept(lab, listed=listed)

    assert refused.outcomes.keys() == gone.outcomes.keys() == known.outcomes.keys()
    for found in (refused, gone):
        assert {name for name, item in found.outcomes.items() if item.verdict is Verdict.BROKEN} <= broken


@pytest.mark.parametrize(
    ("fault", "host", "status"),
    [
        pytest.param("", DASHBOARD, Status.WARN, id="the-dashboard-behind-a-login"),
        pytest.param("route-deleted", HOST, Status.FAIL, id="a-public-name-whose-route-is-gone"),
    ],
)
def test_a_404_of_traefik_is_judged_by_whose_name_it_is(fault: str, host: str, status: Status, tmp_path: Path) -> None:
    seen, _ = seen_from_outside("wecare", fault, tmp_path, host)

    assert "edge.http-error" in seen.with_status(status)
    assert bool(seen.failing) is (status is Status.FAIL)
    assert seen.symptoms == ("controller-404",)


NO_TOKENS = {"HCLOUD_TOKEN": "", "CLOUDFLARE_API_TOKEN": ""}
UNSEEN = [
    pytest.param("wecare", "lb-no-443", HOST, id="behind-a-load-balancer-521"),
    pytest.param("wecare", "lb-all-unhealthy", HOST, id="behind-a-load-balancer-525"),
    pytest.param("wecare", "sql-port-refused", SQL, id="mysql"),
    pytest.param("honeydue", "all-firewalls-close-80", "api.myhoneydue.com", id="nodes-behind-the-edge-522"),
    pytest.param("honeydue", "dns-grey-cloud", "api.myhoneydue.com", id="nodes-past-the-edge"),
    pytest.param("wecare", "tunnel-no-connector", "grafana-ecnv4-mgmt.ecommercen.com", id="a-tunnel"),
]


@pytest.mark.parametrize(("world", "fault", "host"), UNSEEN)
def test_advice_without_any_credentials_speaks_of_nothing_that_nobody_saw(
    world: str, fault: str, host: str, tmp_path: Path
) -> None:
    seen, _ = seen_from_outside(world, fault, tmp_path, host, **NO_TOKENS)
    advice = [finding.remedy.text for _, finding in seen.findings if finding.remedy is not None]

    assert advice
    assert [text for text in advice if "load balancer" in text] == []


def test_a_login_that_nobody_asked_for_is_said_to_be_none(tmp_path: Path) -> None:
    seen, _ = seen_from_outside("wecare", "", tmp_path, SQL.replace("erp-db-user@", ""))

    assert seen.says("Does the login work? No login was tried: no account was named")
    assert not {name for name, _ in seen.findings if name.startswith("mysql.")} & seen.with_status(Status.PASS)
