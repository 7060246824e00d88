"""What today's credentials can read, asked of the lab with grants and tokens taken away."""

from __future__ import annotations

import asyncio

import pytest

from build.values import replace
from ingressdoctor.config import load_settings
from ingressdoctor.lab import load_world
from ingressdoctor.lab.lab import running
from ingressdoctor.wiring import SourceAccess, open_session


def survey(
    *,
    deny: tuple[str, ...] = (),
    lacks: tuple[str, ...] = (),
    without: tuple[str, ...] = (),
    allow: tuple[str, ...] = ("pods/portforward",),
) -> dict[str, SourceAccess]:
    """Survey the lab with some grants denied, some permissions lacking and some variables missing."""
    world = load_world("wecare")
    granted = {**world.settings["rbac"], "deny": list(deny), "allow": list(allow)}
    changed = {**world.settings, "rbac": granted, "cloudflare": {"deny": list(lacks)}}
    world = replace(world, settings=changed)
    with running(world) as lab:
        settings = load_settings(str(lab.handout.config))
        environ = {name: value for name, value in lab.handout.environment.items() if name not in without}

        async def ask() -> tuple[SourceAccess, ...]:
            async with open_session(settings, environ=environ) as session:
                return await session.access()

        return {item.source: item for item in asyncio.run(ask())}


@pytest.mark.lab
def test_with_all_credentials_everything_is_readable() -> None:
    found = survey()

    assert {name: item.detail for name, item in found.items() if not item.readable} == {}
    assert "Kubernetes ingressroutes" in found


@pytest.mark.lab
@pytest.mark.parametrize(
    ("deny", "source", "step"),
    [
        pytest.param("networkpolicies.networking.k8s.io", "Kubernetes networkpolicies", "backend", id="policies"),
        pytest.param("pods/log", "Kubernetes pods/log", "Traefik", id="logs"),
        pytest.param("services", "Kubernetes services", "load balancer", id="services"),
    ],
)
def test_a_missing_grant_is_named_with_what_it_costs(deny: str, source: str, step: str) -> None:
    item = survey(deny=(deny,))[source]

    assert item.readable is False
    assert "Grant" in item.enable_with
    assert any(step in cost for cost in item.costs)


@pytest.mark.lab
def test_a_missing_token_is_named_and_nothing_else_is_lost() -> None:
    found = survey(without=("HCLOUD_TOKEN",))

    assert [name for name, item in found.items() if not item.readable] == ["Hetzner Cloud API"]
    assert "HCLOUD_TOKEN" in found["Hetzner Cloud API"].enable_with
    assert any("load balancer" in cost for cost in found["Hetzner Cloud API"].costs)


@pytest.mark.lab
@pytest.mark.parametrize(
    ("lacks", "source", "permission", "costly"),
    [
        pytest.param("tunnel", "Cloudflare tunnels", "Cloudflare Tunnel > Read", True, id="tunnels"),
        pytest.param("access_apps", "Cloudflare Access applications", "Apps and Policies", True, id="applications"),
        pytest.param("access_tokens", "Cloudflare Access service tokens", "Service Tokens", False, id="tokens"),
        pytest.param(
            "access_organization", "Cloudflare Access organisation", "Organizations", False, id="organisation"
        ),
    ],
)
def test_one_permission_that_the_token_lacks_is_named(lacks: str, source: str, permission: str, costly: bool) -> None:
    found = survey(lacks=(lacks,))

    assert [name for name, item in found.items() if not item.readable] == [source]
    assert permission in found[source].enable_with
    assert bool(found[source].costs) is costly


@pytest.mark.lab
def test_a_service_token_is_named_where_one_is_configured() -> None:
    missing = survey(without=("CF_ACCESS_CLIENT_ID", "CF_ACCESS_CLIENT_SECRET"))["Access service token"]

    assert survey()["Access service token"].readable
    assert not missing.readable
    assert "CF_ACCESS_CLIENT_ID" in missing.detail


@pytest.mark.lab
def test_what_maxscale_needs_is_named() -> None:
    """A login, and the grant to forward ports; trying that sends no password anywhere."""
    unset = survey(without=("INGRESSDOCTOR_MAXSCALE_PASSWORD",))["MaxScale's REST API"]
    denied = survey(allow=())["MaxScale's REST API"]

    assert survey()["MaxScale's REST API"].readable
    assert unset.readable is None
    assert "[maxscale]" in unset.enable_with
    assert denied.readable is False
    assert "ingressdoctor-hop-probes" in denied.enable_with
    assert any("MaxScale" in cost for cost in denied.costs)


@pytest.mark.lab
def test_a_cluster_that_is_not_there_is_one_line() -> None:
    world = load_world("wecare")
    with running(world) as lab:
        settings = load_settings(str(lab.handout.config))
        gone = replace(settings, kubernetes=replace(settings.kubernetes, context="no-such-context"))

        async def ask() -> tuple[SourceAccess, ...]:
            async with open_session(gone, environ=lab.handout.environment) as session:
                return await session.access()

        found = [item for item in asyncio.run(ask()) if item.source.startswith("Kubernetes")]

    assert [item.source for item in found] == ["Kubernetes API"]
    assert len(found[0].costs) >= 3
