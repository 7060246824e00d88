"""The lab's Hetzner and Cloudflare APIs, and how any API misbehaves when told to."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import hcloud
import httpx
import pytest

from ingressdoctor.errors import LabError
from ingressdoctor.lab import Lab, World, apply_fault, load_fault, running

Start = Callable[[dict[str, Any]], AbstractContextManager[Lab]]


def project(lab: Lab, token: str = "") -> Any:
    return hcloud.Client(
        token or lab.handout.environment["HCLOUD_TOKEN"],
        api_endpoint=f"http://127.0.0.1:{lab.handout.endpoints.hetzner}/v1",
        timeout=60,
    )


def account(lab: Lab) -> httpx.Client:
    bearer = lab.handout.environment["CLOUDFLARE_API_TOKEN"]
    return httpx.Client(
        base_url=f"http://127.0.0.1:{lab.handout.endpoints.cloudflare}/client/v4",
        headers={"Authorization": f"Bearer {bearer}"},
        trust_env=False,
        timeout=60,
    )


@pytest.fixture
def cloudflare(apis: Lab) -> Iterator[httpx.Client]:
    with account(apis) as opened:
        yield opened


@pytest.fixture
def zone(cloudflare: httpx.Client) -> str:
    return str(cloudflare.get("/zones", params={"name": "wecare.gr"}).json()["result"][0]["id"])


def test_hcloud_parses_every_kind(apis: Lab) -> None:
    cloud = project(apis)
    (balancer,) = cloud.load_balancers.get_all()
    assert balancer.name == "ecnv4-lb"
    assert [service.listen_port for service in balancer.services] == [80, 443, 3306]
    assert balancer.private_net[0].ip == "10.0.1.5"
    assert {server.name for server in cloud.servers.get_all()} == {f"ecnv4-node-{n}" for n in (1, 2, 3)}
    assert [network.ip_range for network in cloud.networks.get_all()] == ["10.0.0.0/16"]
    assert cloud.firewalls.get_all()[0].rules[0].port == "22"
    assert [action.command for action in cloud.load_balancers.get_actions(balancer)] == ["update_service"] * 3
    assert [network.id for network in cloud.networks.get_all(name="nope")] == []


def test_hcloud_finds_by_name_label_and_id(apis: Lab) -> None:
    cloud = project(apis)
    uid = "6f1d2c34-8a0b-4c57-9d3e-2b7f5a1e9c60"
    (found,) = cloud.load_balancers.get_all(label_selector=f"hcloud-ccm/service-uid={uid}")
    assert cloud.load_balancers.get_by_name("ecnv4-lb").id == found.id
    assert cloud.load_balancers.get_by_id(found.id).name == "ecnv4-lb"
    assert cloud.load_balancers.get_by_name("nope") is None
    with pytest.raises(hcloud.APIException) as caught:
        cloud.load_balancers.get_by_id(1)
    assert caught.value.code == "not_found"


def test_a_wrong_token_is_unauthorized(apis: Lab) -> None:
    with pytest.raises(hcloud.APIException) as caught:
        project(apis, "x" * 64).servers.get_all()
    assert caught.value.code == "unauthorized"


def test_the_project_is_read_only(apis: Lab) -> None:
    cloud = project(apis)
    with pytest.raises(hcloud.APIException) as caught:
        cloud.load_balancers.delete(cloud.load_balancers.get_all()[0])
    assert caught.value.code == "token_readonly"


def test_hetzner_lists_come_in_pages(apis: Lab) -> None:
    url = f"http://127.0.0.1:{apis.handout.endpoints.hetzner}/v1/servers"
    headers = {"Authorization": "Bearer " + apis.handout.environment["HCLOUD_TOKEN"]}
    first = httpx.get(url, params={"per_page": 2}, headers=headers, trust_env=False).json()
    assert first["meta"]["pagination"] == {
        "page": 1,
        "per_page": 2,
        "previous_page": None,
        "next_page": 2,
        "last_page": 2,
        "total_entries": 3,
    }
    second = httpx.get(url, params={"per_page": 2, "page": 2}, headers=headers, trust_env=False).json()
    assert len(first["servers"]) + len(second["servers"]) == 3


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        pytest.param({"sort": ["id:desc"]}, [1948820102, 1948820101, 1948820100], id="newest-first"),
        pytest.param({"status": ["error"]}, [], id="failed-only"),
    ],
)
def test_actions_are_sorted_and_filtered(apis: Lab, query: dict[str, list[str]], ids: list[int]) -> None:
    (balancer,) = project(apis).load_balancers.get_all()
    assert [action.id for action in balancer.get_actions(**query)] == ids


def health(lab: Lab) -> set[tuple[str, int, str]]:
    (balancer,) = project(lab).load_balancers.get_all()
    targets = [inner for target in balancer.targets for inner in (target.targets or [target])]
    return {
        (str(target.server.id)[-1], status.listen_port, status.status)
        for target in targets
        for status in target.health_status
    }


@pytest.mark.parametrize(
    ("name", "unhealthy"),
    [
        pytest.param("lb-one-unhealthy", {"3"}, id="one-node-drops"),
        pytest.param("lb-all-unhealthy", {"1", "2", "3"}, id="all-nodes-refuse"),
        pytest.param("external-traffic-local", {"3"}, id="a-node-without-a-local-pod"),
        pytest.param("label-selector-targets", set(), id="targets-found-by-label"),
    ],
)
def test_health_is_what_the_balancer_measures(name: str, unhealthy: set[str], wecare: World) -> None:
    with running(apply_fault(wecare, load_fault("wecare", name))) as lab:
        # The first checks are done before the lab is handed out; slow machines get some more.
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            seen = health(lab)
            if {server for server, port, status in seen if port == 443 and status == "unhealthy"} == unhealthy:
                break
            time.sleep(0.1)
        assert {server for server, port, status in seen if port == 443 and status == "unhealthy"} == unhealthy
        assert {server for server, port, status in seen if port == 443} == {"1", "2", "3"}


def test_zones_are_found_by_name(cloudflare: httpx.Client) -> None:
    body = cloudflare.get("/zones", params={"name": "wecare.gr"}).json()
    assert (body["success"], body["result_info"]["total_count"]) == (True, 1)
    assert body["result"][0]["name_servers"] == ["ada.ns.cloudflare.com", "rob.ns.cloudflare.com"]
    assert cloudflare.get("/zones", params={"name": "nope.gr"}).json()["result"] == []


@pytest.mark.parametrize(
    ("query", "types"),
    [
        pytest.param({"name.exact": "www.wecare.gr"}, ["A"], id="exact-name"),
        pytest.param({"name": "WWW.wecare.gr"}, ["A"], id="plain-name-in-any-case"),
        pytest.param({"name": "erp.wecare.gr", "type": "AAAA"}, ["AAAA"], id="name-and-type"),
        pytest.param({"proxied": "true"}, ["A", "A", "A"], id="proxied-only"),
        pytest.param({"search": "erp"}, ["A", "AAAA"], id="search"),
    ],
)
def test_dns_records_are_filtered(cloudflare: httpx.Client, zone: str, query: dict[str, str], types: list[str]) -> None:
    result = cloudflare.get(f"/zones/{zone}/dns_records", params=query).json()["result"]
    assert [record["type"] for record in result] == types


def test_records_come_in_pages(cloudflare: httpx.Client, zone: str) -> None:
    body = cloudflare.get(f"/zones/{zone}/dns_records", params={"per_page": 5, "page": 2}).json()
    assert body["result_info"] == {"page": 2, "per_page": 5, "count": 3, "total_count": 8, "total_pages": 2}


def test_settings_packs_ips_and_the_token_are_answered(cloudflare: httpx.Client, zone: str) -> None:
    assert cloudflare.get(f"/zones/{zone}/settings/ssl").json()["result"]["value"] == "strict"
    assert cloudflare.get(f"/zones/{zone}/settings/nope").status_code == 400
    assert cloudflare.get(f"/zones/{zone}/ssl/certificate_packs").json()["result"][0]["status"] == "active"
    assert "104.16.0.0/13" in cloudflare.get("/ips").json()["result"]["ipv4_cidrs"]
    assert cloudflare.get("/user/tokens/verify").json()["result"]["status"] == "active"
    assert cloudflare.get("/accounts").json()["result"][0]["name"] == "Advisable"
    assert cloudflare.get("/zones/0123").json()["errors"][0]["code"] == 7003


@pytest.mark.parametrize(
    ("token", "status", "code"),
    [
        pytest.param("Bearer wrong", 403, 9109, id="wrong-token"),
        pytest.param("Bearer", 400, 6003, id="no-token"),
        pytest.param("Basic eDp5", 400, 6003, id="another-scheme"),
    ],
)
def test_cloudflare_refuses_tokens(apis: Lab, token: str, status: int, code: int) -> None:
    with account(apis) as client:
        answer = client.get("/zones", headers={"Authorization": token})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (status, code)


def test_a_missing_permission_is_refused_for_that_resource_only(with_settings: Start) -> None:
    with with_settings({"cloudflare": {"deny": ["dns"]}}) as lab, account(lab) as client:
        zone = client.get("/zones", params={"name": "wecare.gr"}).json()["result"][0]["id"]
        refused = client.get(f"/zones/{zone}/dns_records")
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (403, 10000)
        assert client.get(f"/zones/{zone}/settings/ssl").status_code == 200


def test_without_zone_read_the_list_is_empty(with_settings: Start) -> None:
    with with_settings({"cloudflare": {"deny": ["zone"]}}) as lab, account(lab) as client:
        assert client.get("/zones", params={"name": "wecare.gr"}).json()["result"] == []


@pytest.mark.parametrize(
    ("how", "status"),
    [pytest.param("500", 500, id="500"), pytest.param("429", 429, id="429"), pytest.param("html", 200, id="html")],
)
def test_an_api_can_fail_as_a_whole(with_settings: Start, how: str, status: int) -> None:
    with with_settings({"misbehave": {"cloudflare": how}}) as lab, account(lab) as client:
        answer = client.get("/zones")
        assert answer.status_code == status
        assert answer.headers["content-type"].startswith("text/html" if how == "html" else "application/json")
        assert (answer.headers.get("retry-after") is not None) == (how == "429")


def test_an_api_can_break_off_in_the_middle(with_settings: Start) -> None:
    half = with_settings({"misbehave": {"cloudflare": "half"}})
    with half as lab, account(lab) as client, pytest.raises(httpx.RemoteProtocolError):
        client.get("/zones")


def test_an_api_can_hang_and_the_lab_still_stops_at_once(with_settings: Start) -> None:
    with with_settings({"misbehave": {"cloudflare": "hang"}}) as lab, account(lab) as client:
        with pytest.raises(httpx.ReadTimeout):
            client.get("/zones", timeout=0.2)
        stopping = time.monotonic()
    assert time.monotonic() - stopping < 20.0


def test_a_misbehaviour_nobody_knows_is_refused(with_settings: Start) -> None:
    with pytest.raises(LabError, match="no misbehaviour"), with_settings({"misbehave": {"kube": "sulk"}}):
        pass


def test_latency_is_added_to_every_answer(wecare: World) -> None:
    with running(wecare, latency_s=0.15) as lab, account(lab) as client:
        started = time.monotonic()
        client.get("/ips")
        assert time.monotonic() - started >= 0.15
