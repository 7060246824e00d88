"""No way into the cluster: one clear line says why and what to do, and what can be seen without it is judged."""

from __future__ import annotations

import copy
import json
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from build.badday import HOST, Seen, Told, calm, say, secrets_of, see
from build.values import replace
from ingressdoctor.cli.options import Connection
from ingressdoctor.lab import Lab, apply_fault, load_fault, load_world, running
from ingressdoctor.lab.world import merged

Change = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A running lab and a folder for kubeconfigs and configurations of the test's own."""

    lab: Lab
    folder: Path

    def config(self, kubeconfig: Path, *kube_settings: str) -> Connection:
        """The lab's configuration with another kubeconfig, and settings of [kubernetes] added."""
        lines = [f"kubeconfig = {json.dumps(str(kubeconfig))}", *kube_settings]
        text = self.lab.handout.config.read_text("utf-8")
        old = f"kubeconfig = {json.dumps(str(self.lab.handout.kubeconfig))}"
        assert old in text
        path = self.folder / f"{kubeconfig.name}.toml"
        path.write_text(text.replace(old, "\n".join(lines)), "utf-8")
        return Connection(config=str(path))

    def changed(self, change: Change) -> Path:
        """A copy of the lab's kubeconfig with something changed."""
        value = copy.deepcopy(yaml.safe_load(self.lab.handout.kubeconfig.read_text("utf-8")))
        change(value)
        path = self.folder / "kubeconfig"
        path.write_text(yaml.safe_dump(value), "utf-8")
        return path

    def seen(self, kubeconfig: Path) -> Seen:
        """A diagnosis with that kubeconfig."""
        return see(self.lab, connection=self.config(kubeconfig))

    def told(self, kubeconfig: Path, *words: str) -> Told:
        """What a command says with that kubeconfig."""
        config = self.config(kubeconfig).config
        return say(*words, "--config", config, env=dict(self.lab.handout.environment), secrets=secrets_of(self.lab))


@pytest.fixture(scope="module", params=["healthy", "lb-no-443"])
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    world = load_world("wecare")
    if request.param != "healthy":
        world = apply_fault(world, load_fault("wecare", request.param))
    with running(calm(world)) as it:
        yield it


@pytest.fixture
def place(lab: Lab, tmp_path: Path) -> Place:
    return Place(lab=lab, folder=tmp_path)


def _token(value: dict[str, Any], token: str) -> None:
    value["users"][0]["user"]["token"] = token


def _server(value: dict[str, Any], server: str) -> None:
    value["clusters"][0]["cluster"]["server"] = server


def _closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


KUBECONFIGS = [
    pytest.param(
        lambda v: _token(v, "expired-0123456789"), "does not accept the credentials (401)", "Log in", id="401"
    ),
    pytest.param(
        lambda v: v.update({"current-context": "gone"}), "no context 'gone'", "--context: wecare", id="context"
    ),
    pytest.param(lambda v: v.pop("current-context"), "sets no current context", "--context: wecare", id="no-context"),
    pytest.param(
        lambda v: _server(v, f"https://127.0.0.1:{_closed_port()}"),
        "the connection was refused",
        "kubectl get --raw /version",
        id="refused",
    ),
    pytest.param(lambda v: v.clear(), "sets no current context", "Choose one with --context", id="empty"),
]


@pytest.mark.lab
@pytest.mark.parametrize(("change", "reason", "way_out"), KUBECONFIGS)
def test_a_kubeconfig_that_does_not_open_the_cluster(place: Place, change: Change, reason: str, way_out: str) -> None:
    seen = place.seen(place.changed(change))

    assert seen.says(reason)
    assert seen.says(way_out)
    stays_right(seen, place.lab)


@pytest.mark.lab
def test_no_kubeconfig(place: Place) -> None:
    gone = place.folder / "gone"
    seen = place.seen(gone)

    assert seen.says("There is no kubeconfig (looked for")
    assert seen.says("Set KUBECONFIG, or kubeconfig under [kubernetes]")
    stays_right(seen, place.lab)


COMMANDS = [pytest.param(("route", f"https://{HOST}/"), id="route")]


@pytest.mark.lab
@pytest.mark.parametrize("words", COMMANDS)
def test_a_command_that_needs_the_cluster(place: Place, words: tuple[str, ...]) -> None:
    told = place.told(place.folder / "gone", *words)
    first, *rest = told.err.splitlines()

    assert told.code == 3
    assert told.out == ""
    assert first.startswith("Error: Could not look at ")
    assert "There is no kubeconfig" in first
    assert [line.startswith("Hint: Set KUBECONFIG") for line in rest] == [True]


@pytest.mark.lab
@pytest.mark.parametrize("words", COMMANDS)
def test_a_command_that_needs_the_cluster_as_json(place: Place, words: tuple[str, ...]) -> None:
    told = place.told(place.folder / "gone", "--json", *words)
    value = json.loads(told.out)

    assert told.code == value["exit_code"] == 3
    assert value["error"]["kind"] == "source"
    assert "There is no kubeconfig" in value["error"]["message"]


@pytest.mark.lab
def test_targets_without_a_cluster_are_what_the_zones_name(place: Place) -> None:
    told, shown = place.told(place.folder / "gone", "--json", "targets"), place.told(place.folder / "gone", "targets")
    value = json.loads(told.out)

    assert (told.code, shown.code) == (3, 3)
    assert {f"DNS record {HOST}"} == {
        name for item in value["hosts"] if item["hostname"] == HOST for name in item["objects"]
    }
    assert any("There is no kubeconfig" in line for line in value["limits"])
    assert "There is no kubeconfig" in " ".join(shown.out.split())


@pytest.mark.lab
def test_access_says_what_it_costs(place: Place) -> None:
    told = place.told(place.folder / "gone", "access")

    assert told.code == 3
    assert "There is no kubeconfig" in told.out


def stays_right(seen: Seen, lab: Lab) -> None:
    """Hold the diagnosis to what can be told from outside, DNS and the clouds alone."""
    sound = any(item["listen_port"] == 443 for item in lab.world.hetzner["load_balancers"][0]["services"])
    assert (seen.code, seen.symptoms) == ((0, ()) if sound else (1, ("edge-521",)))
    assert seen.causes == (() if sound else ("lb.service-missing",))
    # The record says which load balancer it is; what only the Service tells stays open.
    assert not {"lb.missing", "lb.no-targets", "lb.targets-unhealthy", "lb.public-disabled"} & seen.unknown
    assert {"dns.origin-mismatch", "lb.address-mismatch", "lb.wrong-node-port"} <= seen.unknown
    assert not {name for name in seen.failing if name.partition(".")[0] in ("traefik", "backend", "netpol", "argocd")}
    assert len(seen.unknown) > 10


@pytest.mark.lab
def test_a_dns_fault_is_found_without_a_cluster(tmp_path: Path) -> None:
    with running(calm(apply_fault(load_world("wecare"), load_fault("wecare", "dns-no-such-name")))) as lab:
        seen = Place(lab=lab, folder=tmp_path).seen(tmp_path / "gone")

    assert seen.causes == ("dns.no-such-name",)
    assert seen.symptoms == ("dns-nxdomain",)
    assert seen.code == 1


MANNERS = [
    pytest.param("html", "not a JSON list of objects", "Check that the kubeconfig's server", id="login-page"),
    pytest.param("half", "closed in the middle of the answer", "kubectl get --raw /version", id="half-a-body"),
    pytest.param("500", "answered 500", "/readyz?verbose", id="500"),
    pytest.param("429", "too busy to answer (429)", "/readyz?verbose", id="429"),
]


@pytest.mark.lab
@pytest.mark.parametrize(("manner", "reason", "way_out"), MANNERS)
def test_an_api_server_on_a_bad_day(manner: str, reason: str, way_out: str) -> None:
    world = load_world("wecare")
    with running(calm(replace(world, settings=merged(world.settings, {"misbehave": {"kube": manner}})))) as lab:
        seen = see(lab)

    assert seen.code == 0
    assert seen.failing == frozenset()
    assert seen.says(reason)
    assert seen.says(way_out)


@pytest.mark.lab
@pytest.mark.parametrize(
    ("setting", "timeout_s", "reason"),
    [
        pytest.param("timeout = 0.5", 20.0, "no answer", id="it-times-out-before-the-run-does"),
        pytest.param("timeout = 60", 6.0, "no answer within 5.", id="the-run-times-out-before-it-does"),
    ],
)
def test_an_api_server_that_never_answers_hides_nothing_else(
    tmp_path: Path, setting: str, timeout_s: float, reason: str
) -> None:
    fault = apply_fault(load_world("wecare"), load_fault("wecare", "lb-no-443"))
    with running(calm(replace(fault, settings=merged(fault.settings, {"misbehave": {"kube": "hang"}})))) as lab:
        place = Place(lab=lab, folder=tmp_path)
        began = time.monotonic()
        seen = see(lab, connection=place.config(lab.handout.kubeconfig, setting), timeout_s=timeout_s)
        elapsed = time.monotonic() - began

    assert elapsed < timeout_s + 20
    assert seen.causes == ("lb.service-missing",)
    assert seen.symptoms == ("edge-521",)
    assert seen.code == 1
    assert seen.says(reason) or reason in seen.verbose
