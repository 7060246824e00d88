"""Reading a Hetzner project: paging, tolerance for missing fields, and every way in which the API refuses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from ingressdoctor.collect.hetzner import collect_project
from ingressdoctor.collect.hetzner_objects import parse_load_balancer, parse_server
from ingressdoctor.errors import SourceError
from ingressdoctor.evidence.hetzner import HetznerProject
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.sources.base import Answer

RAW: dict[str, Any] = {
    "id": 9,
    "name": "lb",
    "public_net": {
        "enabled": True,
        "ipv4": {"ip": "203.0.113.10", "dns_ptr": None, "blocked": False},
        "ipv6": {"ip": "2001:db8:0::1/64", "dns_ptr": None},
    },
    "private_net": [{"network": 700, "ip": "10.0.1.5"}],
    "load_balancer_type": {"name": "lb11", "max_targets": 25, "max_services": 5},
    "labels": {"hcloud-ccm/service-uid": "uid-1"},
    "services": [
        {
            "protocol": "tcp",
            "listen_port": 443,
            "destination_port": 30443,
            "proxyprotocol": True,
            "health_check": {"protocol": "tcp", "port": 30443, "interval": 15, "timeout": 10, "retries": 3},
        }
    ],
    "targets": [
        {
            "type": "server",
            "server": {"id": 1},
            "use_private_ip": True,
            "health_status": [{"listen_port": 443, "status": "unhealthy", "detail": "layer4_timeout"}],
        }
    ],
}


class Api:
    """The Hetzner protocol over prepared answers; a path without one fails as a dead network does."""

    def __init__(self, answers: Mapping[tuple[str, str], Answer]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, str]] = []

    async def get(self, path: str, query: Mapping[str, str]) -> Answer:
        self.asked.append((path, query["page"]))
        answer = self.answers.get((path, query["page"]))
        if answer is None:
            raise SourceError("no connection", hint="check the network")
        return answer


def page(kind: str, *items: object, following: object = None) -> Answer:
    body = {kind: list(items), "meta": {"pagination": {"next_page": following}}}
    return Answer(status=200, body=json.dumps(body).encode())


def refused(status: int, code: str = "", **headers: str) -> Answer:
    body = {"error": {"code": code, "message": "no"}} if code else {}
    return Answer(
        status=status, body=json.dumps(body).encode(), headers={k.replace("_", "-"): v for k, v in headers.items()}
    )


async def project(api: Api) -> HetznerProject | Unavailable:
    found = await collect_project.function(hetzner=api)
    assert isinstance(found, HetznerProject | Unavailable)
    return found


async def test_one_request_for_each_kind() -> None:
    api = Api({("/load_balancers", "1"): page("load_balancers", RAW), ("/servers", "1"): page("servers", {"id": 1})})

    found = await project(api)

    assert isinstance(found, HetznerProject)
    assert (found.load_balancers[0].name, found.servers[0].id) == ("lb", 1)
    assert sorted(api.asked) == [("/load_balancers", "1"), ("/servers", "1")]


async def test_pages_are_followed_to_the_end() -> None:
    api = Api(
        {
            ("/load_balancers", "1"): page("load_balancers", RAW, following=2),
            ("/load_balancers", "2"): page("load_balancers", RAW | {"id": 10}),
            ("/servers", "1"): page("servers"),
        }
    )

    found = await project(api)

    assert isinstance(found, HetznerProject)
    assert [item.id for item in found.load_balancers] == [9, 10]


@pytest.mark.parametrize("following", [1, 0, True, "2", None], ids=["same", "zero", "true", "text", "null"])
async def test_a_next_page_that_does_not_advance_ends_the_list(following: object) -> None:
    first = page("load_balancers", RAW, following=following)
    api = Api({("/load_balancers", "1"): first, ("/servers", "1"): page("servers")})

    found = await project(api)

    assert isinstance(found, HetznerProject)
    assert len(found.load_balancers) == 1


async def test_unread_servers_do_not_hide_the_load_balancers() -> None:
    api = Api({("/load_balancers", "1"): page("load_balancers", RAW), ("/servers", "1"): refused(403, "forbidden")})

    found = await project(api)

    assert isinstance(found, HetznerProject)
    assert "403" in found.servers_unread


async def test_objects_without_an_id_are_counted_and_left_out() -> None:
    listed = page("load_balancers", None, "x", {"name": "no id"}, {"id": True}, RAW)
    api = Api({("/load_balancers", "1"): listed, ("/servers", "1"): page("servers", {"id": None})})

    found = await project(api)

    assert isinstance(found, HetznerProject)
    assert (len(found.load_balancers), found.broken) == (1, 5)


REFUSALS = [
    pytest.param(refused(401, "unauthorized"), "does not accept the token", "HCLOUD_TOKEN", id="bad-token"),
    pytest.param(refused(403, "forbidden"), "does not let this token look", "HCLOUD_TOKEN", id="forbidden"),
    pytest.param(
        refused(429, "rate_limit_exceeded", ratelimit_reset="1795000000"), "1795000000", "Wait", id="budget-is-spent"
    ),
    pytest.param(refused(503, "unavailable"), "503", "status.hetzner.com", id="incident"),
    pytest.param(refused(404), "404", "/v1", id="wrong-endpoint"),
    pytest.param(Answer(status=502, body=b"<html>Bad Gateway"), "502", "Try again", id="html-from-a-gateway"),
    pytest.param(Answer(status=200, body=b"<html>Log in"), "<html>Log in", "login page", id="login-page"),
    pytest.param(Answer(status=200, body=b'{"servers": []}'), "not the Hetzner API", "/v1", id="another-list"),
    pytest.param(Answer(status=200, body=b'{"load_balancers": {}}'), "not the Hetzner API", "/v1", id="not-a-list"),
    pytest.param(Answer(status=200, body=b"[" * 200_000), "not the Hetzner API", "/v1", id="bottomless-json"),
    pytest.param(Answer(status=200, body=b"\xff\xfe\x00"), "not the Hetzner API", "/v1", id="not-text"),
]


@pytest.mark.parametrize(("answer", "reason", "enable"), REFUSALS)
async def test_a_refusal_says_why_and_what_enables_the_look(answer: Answer, reason: str, enable: str) -> None:
    found = await project(Api({("/load_balancers", "1"): answer, ("/servers", "1"): page("servers")}))

    assert isinstance(found, Unavailable)
    assert reason in found.reason
    assert enable in found.enable_with


async def test_a_dead_network_is_unavailable_with_the_sources_hint() -> None:
    found = await project(Api({}))

    assert found == Unavailable(
        wanted="the load balancers of the Hetzner project", reason="no connection", enable_with="check the network"
    )


def test_a_load_balancer_is_read_whole() -> None:
    item = parse_load_balancer(RAW)

    assert item is not None
    assert (item.ipv4, item.ipv6, item.networks, item.uid_label) == ("203.0.113.10", "2001:db8::1", (700,), "uid-1")
    assert item.services[0].health_check.port == 30443
    assert (item.targets[0].health, item.targets[0].detail) == ({443: "unhealthy"}, {443: "layer4_timeout"})


ODD = [
    pytest.param({"id": 1}, id="only-an-id"),
    pytest.param(dict.fromkeys(RAW) | {"id": 1}, id="everything-null"),
    pytest.param(dict.fromkeys(RAW, "text") | {"id": 1}, id="everything-text"),
    pytest.param({key: [] for key in RAW} | {"id": 1}, id="everything-a-list"),
    pytest.param({key: [None, 1, "x", {}, []] for key in RAW} | {"id": 1}, id="lists-of-nonsense"),
    pytest.param({"id": 1, "public_net": {"ipv4": None, "ipv6": {"ip": None}}}, id="no-public-addresses"),
    pytest.param({"id": 1, "services": [{"listen_port": 443, "health_check": None}]}, id="no-health-check"),
    pytest.param({"id": 1, "targets": [{"type": "label_selector", "targets": None}]}, id="selector-without-targets"),
]


@pytest.mark.parametrize("raw", ODD)
def test_missing_and_null_fields_become_defaults(raw: dict[str, Any]) -> None:
    balancer, server = parse_load_balancer(raw), parse_server(raw)

    assert balancer is not None
    assert server is not None
    assert (balancer.id, server.id, balancer.ipv4, balancer.private_ips) == (1, 1, "", ())


def test_a_label_selector_is_unrolled_and_passes_its_private_ip_on() -> None:
    nested = [{"type": "server", "server": {"id": 7}, "health_status": [{"listen_port": 443, "status": "healthy"}]}]
    raw = {
        "id": 1,
        "targets": [
            {
                "type": "label_selector",
                "label_selector": {"selector": "role=worker"},
                "use_private_ip": True,
                "targets": nested,
            }
        ],
    }

    item = parse_load_balancer(raw)

    assert item is not None
    assert item.selectors == ("role=worker",)
    assert [(t.server_id, t.use_private_ip, t.health) for t in item.targets] == [(7, True, {443: "healthy"})]


def test_an_ip_target_and_an_http_detail() -> None:
    state = {"listen_port": 80, "status": "unhealthy", "detail": "unexpected_http_status", "http_status_code": 404}
    raw = {"id": 1, "targets": [{"type": "ip", "ip": {"ip": "203.0.113.50"}, "health_status": [state]}]}

    item = parse_load_balancer(raw)

    assert item is not None
    assert (item.targets[0].ip, item.targets[0].server_id) == ("203.0.113.50", None)
    assert item.targets[0].detail == {80: "unexpected_http_status 404"}


def test_a_blocked_address_is_told() -> None:
    item = parse_load_balancer({"id": 1, "public_net": {"ipv4": {"ip": "203.0.113.10", "blocked": True}}})

    assert item is not None
    assert item.blocked == ("203.0.113.10",)


def test_numbers_are_numbers() -> None:
    item = parse_load_balancer(
        {"id": 1, "services": [{"listen_port": -1}, {"listen_port": 2**70}, {"listen_port": True}]}
    )

    assert item is not None
    assert item.services == ()


def test_a_server_tells_which_of_its_addresses_hetzner_has_blocked() -> None:
    public = {"ipv4": {"ip": "203.0.113.1", "blocked": False}, "ipv6": {"ip": "2001:db8::/64", "blocked": True}}
    server = parse_server({"id": 1, "public_net": public})

    assert server is not None
    assert server.blocked == (6,)
