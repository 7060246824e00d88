"""The lab's Cloudflare API below an account, pods/proxy of its API server, and what it hands out for Access."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from ssl import create_default_context
from typing import Any

import httpx
import pytest
import yaml

from build.values import replace
from ingressdoctor.lab import Lab, World, apply_fault, load_fault, running
from ingressdoctor.lab.world import merged

ACCOUNT = "/accounts/4261fb4ee5645a23bc9788db50c7ae11"
TUNNEL = "8f2c1d5e-3b7a-4e6f-9a10-2c4d6e8f0a1b"
OTHER = "41d7a0c3-5e92-4b8f-8c66-1f3e5a7b9d20"
APP = "3f5b1c02-64c1-4c0f-9f2d-7a1f0c5d8e21"


def client_of(lab: Lab) -> httpx.Client:
    bearer = lab.handout.environment["CLOUDFLARE_API_TOKEN"]
    base = f"http://127.0.0.1:{lab.handout.endpoints.cloudflare}/client/v4{ACCOUNT}"
    return httpx.Client(base_url=base, headers={"Authorization": f"Bearer {bearer}"}, trust_env=False, timeout=60)


def with_settings(world: World, settings: dict[str, Any]) -> World:
    return replace(world, settings=merged(world.settings, settings))


@pytest.fixture(scope="module")
def lab(wecare: World) -> Iterator[Lab]:
    """The healthy world, with the right to reach pods' ports."""
    with running(with_settings(wecare, {"rbac": {"allow": ["pods/proxy"]}})) as started:
        yield started


@pytest.fixture
def account(lab: Lab) -> Iterator[httpx.Client]:
    with client_of(lab) as client:
        yield client


def test_a_tunnel_is_as_healthy_as_its_connectors(account: httpx.Client) -> None:
    tunnel = account.get(f"/cfd_tunnel/{TUNNEL}").json()["result"]
    clients = account.get(f"/cfd_tunnel/{TUNNEL}/connections").json()["result"]

    assert (tunnel["status"], len(tunnel["connections"])) == ("healthy", 8)
    assert [len(client["conns"]) for client in clients] == [4, 4]
    assert {conn["client_id"] for client in clients for conn in client["conns"]} == {client["id"] for client in clients}
    assert "secret" not in json.dumps(tunnel)


def test_a_local_tunnel_shows_the_rules_that_a_connector_told(account: httpx.Client) -> None:
    told = account.get(f"/cfd_tunnel/{TUNNEL}/configurations").json()["result"]

    assert (told["source"], len(told["config"]["ingress"])) == ("local", 9)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        pytest.param({}, ["ecnv4", "ecnv3"], id="all"),
        pytest.param({"name": "ecnv3"}, ["ecnv3"], id="by-name"),
        pytest.param({"uuid": TUNNEL}, ["ecnv4"], id="by-id"),
        pytest.param({"status": "down"}, ["ecnv3"], id="by-status"),
        pytest.param({"is_deleted": "true"}, [], id="deleted"),
        pytest.param({"per_page": "1", "page": "2"}, ["ecnv3"], id="by-page"),
    ],
)
def test_tunnels_are_filtered(account: httpx.Client, query: dict[str, str], names: list[str]) -> None:
    found = account.get("/cfd_tunnel", params=query).json()["result"]

    assert [item["name"] for item in found] == names


@pytest.mark.parametrize(
    ("query", "count"),
    [
        pytest.param({}, 1, id="all"),
        pytest.param({"domain": "grafana"}, 1, id="part-of-a-name"),
        pytest.param({"domain": "grafana", "exact": "true"}, 0, id="exactly-that"),
        pytest.param({"name": "Management ecnv4", "exact": "true"}, 1, id="by-title"),
        pytest.param({"aud": "nope"}, 0, id="by-audience"),
    ],
)
def test_applications_are_filtered(account: httpx.Client, query: dict[str, str], count: int) -> None:
    assert len(account.get("/access/apps", params=query).json()["result"]) == count


def test_access_is_answered_without_secrets(lab: Lab, account: httpx.Client) -> None:
    tokens = account.get("/access/service_tokens").json()["result"]
    policies = account.get(f"/access/apps/{APP}/policies").json()["result"]
    pages = [account.get(f"/access/{name}").text for name in ("apps", "policies", "service_tokens", "organizations")]

    assert [token["name"] for token in tokens] == ["ingressdoctor", "backup-job"]
    assert [policy["decision"] for policy in policies] == ["allow", "non_identity"]
    assert account.get(f"/access/apps/{APP}").json()["result"]["name"] == "Management ecnv4"
    assert account.get("/access/organizations").json()["result"]["auth_domain"] == "advisable.cloudflareaccess.com"
    assert lab.handout.environment["CF_ACCESS_CLIENT_SECRET"] not in "".join(pages)


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        pytest.param("/cfd_tunnel/nope", 404, 7003, id="no-such-tunnel"),
        pytest.param(f"/cfd_tunnel/{TUNNEL}/nope", 404, 7003, id="no-such-part"),
        pytest.param(f"/cfd_tunnel/{TUNNEL}/token", 403, 10000, id="the-token-is-a-secret"),
        pytest.param("/access/apps/nope/policies", 404, 7003, id="no-such-application"),
        pytest.param("/access/nope", 404, 7000, id="no-such-kind"),
        pytest.param("/../0123/cfd_tunnel", 403, 10000, id="another-account"),
    ],
)
def test_what_is_not_there_is_refused(account: httpx.Client, path: str, status: int, code: int) -> None:
    answer = account.get(path)

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (status, code)


@pytest.mark.parametrize(
    ("settings", "status", "success"),
    [
        pytest.param({"deny": ["tunnel"]}, 403, False, id="no-permission"),
        pytest.param({"answers": {"tunnel": "429"}}, 429, False, id="too-many-requests"),
        pytest.param({"answers": {"tunnel": "500"}}, 500, False, id="an-error"),
        pytest.param({"answers": {"tunnel": "unsuccessful"}}, 200, False, id="success-false"),
    ],
)
def test_one_kind_of_call_can_fail_alone(wecare: World, settings: dict[str, Any], status: int, success: bool) -> None:
    with running(with_settings(wecare, {"cloudflare": settings})) as lab, client_of(lab) as client:
        refused = client.get("/cfd_tunnel")
        assert (refused.status_code, refused.json()["success"]) == (status, success)
        assert client.get("/access/apps").status_code == 200


@pytest.mark.parametrize(
    ("fault", "status", "live"),
    [
        pytest.param("tunnel-no-connector", "down", 0, id="nobody-runs-it"),
        pytest.param("tunnel-deleted", "inactive", 0, id="deleted"),
        pytest.param("tunnel-stray-connector", "healthy", 12, id="one-more-than-there-are-pods"),
        pytest.param("tunnel-old-connector-draining", "healthy", 9, id="one-that-is-waiting"),
    ],
)
def test_the_status_follows_from_who_is_connected(wecare: World, fault: str, status: str, live: int) -> None:
    with running(apply_fault(wecare, load_fault("wecare", fault))) as lab, client_of(lab) as client:
        tunnel = client.get(f"/cfd_tunnel/{TUNNEL}").json()["result"]

    assert (tunnel["status"], len(tunnel["connections"])) == (status, live)


def kube(lab: Lab, path: str) -> httpx.Response:
    config = yaml.safe_load(lab.handout.kubeconfig.read_text())
    token = config["users"][0]["user"]["token"]
    context = create_default_context(cafile=str(lab.handout.ca_file))
    url = config["clusters"][0]["cluster"]["server"] + path
    return httpx.get(url, headers={"Authorization": f"Bearer {token}"}, verify=context, trust_env=False, timeout=60)


POD = "/api/v1/namespaces/cloudflared/pods/cloudflared-abc93234d4-0988d"


@pytest.mark.parametrize(
    ("path", "status", "part"),
    [
        pytest.param(f"{POD}:2000/proxy/ready", 200, '"readyConnections":4', id="a-page"),
        pytest.param(f"{POD}:2000/proxy/diag/tunnel", 200, TUNNEL, id="a-deeper-page"),
        pytest.param(f"{POD}:2000/proxy/nope", 404, "404 page not found", id="a-page-that-is-not-there"),
        pytest.param(f"{POD}:9/proxy/ready", 503, "error trying to reach service", id="a-port-nobody-listens-on"),
        pytest.param(f"{POD}x:2000/proxy/ready", 404, "not found", id="no-such-pod"),
    ],
)
def test_pods_are_reached_through_the_api_server(lab: Lab, path: str, status: int, part: str) -> None:
    answer = kube(lab, path)

    assert (answer.status_code, part in answer.text) == (status, True), answer.text


def test_pods_are_not_reached_without_the_right_to(wecare: World) -> None:
    with running(wecare) as lab:
        answer = kube(lab, f"{POD}:2000/proxy/ready")

    assert answer.status_code == 403
    assert 'cannot get resource "pods/proxy"' in answer.json()["message"]


def test_the_service_token_is_handed_out(lab: Lab) -> None:
    environment = lab.handout.environment
    settings = tomllib.loads(lab.handout.config.read_text())

    assert environment["CF_ACCESS_CLIENT_ID"].endswith(".access")
    assert settings["cloudflare"]["access"]["client_secret"] == {"env": "CF_ACCESS_CLIENT_SECRET"}
    assert settings["cloudflare"]["access"]["hosts"] == ["*-mgmt.ecommercen.com"]
    assert environment["CF_ACCESS_CLIENT_SECRET"] not in repr(lab.handout) + lab.handout.config.read_text()
