"""Clouds without tokens or on a bad day, resolvers that fail, and a machine without internet: nobody else is blamed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from build.badday import calm, see
from build.values import replace
from ingressdoctor.lab import Lab, World, apply_fault, load_fault, load_world, running
from ingressdoctor.lab.world import merged
from ingressdoctor.model.finding import Status

WRONG = "wrong-token-0123456789"
NO_HETZNER = {"HCLOUD_TOKEN": ""}
NO_CLOUDFLARE = {"CLOUDFLARE_API_TOKEN": ""}


def with_settings(world: World, settings: dict[str, Any]) -> World:
    return replace(world, settings=merged(world.settings, settings))


@pytest.fixture(scope="module", params=["healthy", "lb-no-443"])
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    world = load_world("wecare")
    if request.param != "healthy":
        world = apply_fault(world, load_fault("wecare", request.param))
    with running(calm(world)) as it:
        yield it


TOKENS = [
    pytest.param(NO_HETZNER, ["HCLOUD_TOKEN is not set", "export HCLOUD_TOKEN="], id="no-hetzner-token"),
    pytest.param(
        NO_CLOUDFLARE, ["CLOUDFLARE_API_TOKEN is not set", "export CLOUDFLARE_API_TOKEN="], id="no-cloudflare-token"
    ),
    pytest.param(
        {**NO_HETZNER, **NO_CLOUDFLARE}, ["export HCLOUD_TOKEN=", "export CLOUDFLARE_API_TOKEN="], id="neither"
    ),
    pytest.param({"HCLOUD_TOKEN": WRONG}, ["does not accept the token (401", "Set HCLOUD_TOKEN"], id="wrong-hetzner"),
    pytest.param(
        {"CLOUDFLARE_API_TOKEN": WRONG}, ["Invalid access token", "Zone > Zone > Read"], id="wrong-cloudflare-token"
    ),
]


@pytest.mark.lab
@pytest.mark.parametrize(("environ", "says"), TOKENS)
def test_a_token_that_is_missing_or_wrong(lab: Lab, environ: dict[str, str], says: list[str]) -> None:
    seen = see(lab, environ=environ)
    broken = not any(item["listen_port"] == 443 for item in lab.world.hetzner["load_balancers"][0]["services"])

    for text in says:
        assert text in seen.gaps
    assert any(seen.says(text) for text in says)
    if not broken:
        assert (seen.code, seen.failing) == (0, frozenset())
    else:
        assert seen.code == 1
        assert seen.symptoms == ("edge-521",)
        # Only Hetzner knows that the service is missing; without it, the nearest thing seen from here is to blame.
        cause = "lb.origin-unreachable" if "HCLOUD_TOKEN" in environ else "lb.service-missing"
        assert seen.causes == (cause,)


MANNERS = [
    pytest.param("429", ["request budget", "Wait five minutes"], id="429"),
    pytest.param("500", ["the Hetzner API answered with", "the Cloudflare API has a fault of its own (500"], id="500"),
    pytest.param("html", ["is not the Cloudflare API's JSON", "ends in /client/v4"], id="login-page"),
    pytest.param("half", ["closed in the middle of the answer", "endpoint under [cloudflare]"], id="half-a-body"),
]


@pytest.mark.lab
@pytest.mark.parametrize(("manner", "says"), MANNERS)
def test_both_clouds_on_a_bad_day(manner: str, says: list[str]) -> None:
    world = with_settings(load_world("wecare"), {"misbehave": {"hetzner": manner, "cloudflare": manner}})
    with running(calm(world)) as lab:
        seen = see(lab)

    for text in says:
        assert text in seen.gaps
    assert (seen.code, seen.failing) == (0, frozenset())
    assert {"lb.service-missing", "dns.zone-inactive"} <= seen.unknown


@pytest.mark.lab
def test_both_clouds_never_answer() -> None:
    fault = apply_fault(load_world("wecare"), load_fault("wecare", "pods-crashing-oom"))
    with running(calm(with_settings(fault, {"misbehave": {"hetzner": "hang", "cloudflare": "hang"}}))) as lab:
        seen = see(lab, timeout_s=6)

    assert seen.causes == ("backend.pods-crashing",)
    assert seen.symptoms == ("http-503",)
    assert seen.code == 1
    assert "Try again with a longer --timeout" in seen.gaps


ALL = ("system", "public", "authoritative")
DNS = [
    pytest.param(ALL, "servfail", "fail", "dns-servfail", "Every resolver fails", id="all-servfail"),
    pytest.param(ALL, "timeout", "fail", "dns-timeout", "No resolver answers at all", id="all-silent"),
    pytest.param(("system",), "servfail", "fail", "dns-servfail", "This machine's resolver", id="own-servfail"),
    pytest.param(("system",), "timeout", "fail", "dns-timeout", "This machine's resolver", id="own-silent"),
    pytest.param(("public",), "servfail", "warn", "", "while others answer", id="one-of-two-servfail"),
    pytest.param(("public",), "timeout", "warn", "", "while others answer", id="one-of-two-silent"),
    pytest.param(("authoritative",), "refused", "pass", "", "is healthy", id="only-the-zones-own-server-refuses"),
]


@pytest.mark.lab
@pytest.mark.parametrize(("views", "manner", "status", "symptom", "says"), DNS)
def test_resolvers_that_fail(views: tuple[str, ...], manner: str, status: str, symptom: str, says: str) -> None:
    world = with_settings(load_world("wecare"), {"dns": {"misbehave": dict.fromkeys(views, manner)}})
    with running(calm(world)) as lab:
        seen = see(lab)

    assert seen.says(says)
    assert seen.code == (1 if status == "fail" else 0)
    assert seen.failing <= {"dns.resolver-failing", "edge.unreachable"}
    assert ("dns.resolver-failing" in seen.with_status(Status.WARN)) == (status == "warn")
    if status == "fail":
        assert seen.symptoms == (symptom,)
        assert seen.causes == ("dns.resolver-failing",)
        assert "Create a record" not in seen.gaps


OFFLINE = [
    pytest.param((), id="healthy"),
    pytest.param(("lb-no-443",), id="with-a-fault-that-cannot-be-seen"),
]


@pytest.mark.lab
@pytest.mark.parametrize("faults", OFFLINE)
def test_without_internet_only_the_own_network_is_blamed(faults: tuple[str, ...]) -> None:
    world = load_world("wecare")
    for name in (*faults, "offline"):
        world = apply_fault(world, load_fault("wecare", name))
    with running(calm(world)) as lab:
        seen = see(lab)

    assert seen.failing == {"outside.offline"}
    assert seen.causes == ("outside.offline",)
    assert seen.symptoms == ("offline",)
    assert seen.report.diagnosis.headline.startswith("www.wecare.gr: could not tell. This machine is offline")
    assert " is down" not in seen.terminal
    assert seen.code == 3


@pytest.mark.lab
def test_without_internet_the_cluster_is_judged_all_the_same() -> None:
    world = load_world("wecare")
    for name in ("pods-crashing-oom", "offline"):
        world = apply_fault(world, load_fault("wecare", name))
    with running(calm(world)) as lab:
        seen = see(lab)

    assert seen.failing == {"outside.offline", "backend.pods-crashing"}
    assert "could not be looked at from here" in seen.report.diagnosis.headline
    assert seen.says("backend")
    assert seen.code == 1
