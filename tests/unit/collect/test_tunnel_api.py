"""The tunnel of the record as the API tells it, and the account's other tunnels."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from build.access import ACCOUNT, OTHER, PANEL, TUNNEL, tunnel_zone
from build.outside import zone
from build.sources import TableApi, envelope, refused
from ingressdoctor.api import Target, TunnelFacts, Unavailable, ZoneFacts
from ingressdoctor.collect.tunnel_api import collect_tunnel_facts, parse_connector, parse_rules, parse_tunnel

BASE = f"/accounts/{ACCOUNT}/cfd_tunnel"
THIS, THAT = f"{BASE}/{TUNNEL}", f"{BASE}/{OTHER}"
GONE = 404, {"success": False, "errors": [{"code": 1003, "message": "Tunnel not found"}], "result": None}
Table = Mapping[str, tuple[int, object]]


def raw_tunnel(ident: str = TUNNEL, **more: object) -> dict[str, object]:
    return {"id": ident, "name": "cluster", "status": "healthy", "config_src": "local", "deleted_at": None, **more}


def raw_connector(*pending: bool) -> dict[str, object]:
    conns = [{"colo_name": "ATH", "origin_ip": "203.0.113.10", "is_pending_reconnect": flag} for flag in pending]
    return {"id": "c1", "version": "2026.8.2", "config_version": 3, "run_at": "2026-11-19T12:00:00Z", "conns": conns}


def configured(*hostnames: str, source: str = "local") -> tuple[int, object]:
    named = [{"hostname": name, "service": "http://svc:80"} for name in hostnames]
    config = {"ingress": [*named, {"service": "http_status:404"}]}
    return envelope({"version": 3, "source": source, "config": config})


def api(**changed: tuple[int, object]) -> dict[str, tuple[int, object]]:
    return {
        THIS: changed.get("tunnel", envelope(raw_tunnel())),
        f"{THIS}/connections": changed.get("connections", envelope([raw_connector(False, False, True)])),
        f"{THIS}/configurations": changed.get("rules", configured(PANEL)),
        BASE: changed.get("listed", envelope([raw_tunnel(), raw_tunnel(OTHER, name="old")])),
        f"{THAT}/configurations": changed.get("other_rules", configured("x.shop.example")),
    }


async def read(table: Table, found: ZoneFacts | None = None) -> TunnelFacts | Unavailable:
    value = await collect_tunnel_facts.function(
        target=Target(hostname=PANEL), zone=found or tunnel_zone(), cloudflare=TableApi(table)
    )
    assert isinstance(value, TunnelFacts | Unavailable)
    return value


async def facts(table: Table, found: ZoneFacts | None = None) -> TunnelFacts:
    value = await read(table, found)
    assert isinstance(value, TunnelFacts)
    return value


async def test_the_tunnel_its_connectors_and_its_rules() -> None:
    seen = await facts(api())

    assert seen.tunnel is not None
    assert (seen.tunnel.id, seen.tunnel.status, seen.tunnel.remote) == (TUNNEL, "healthy", False)
    assert [len(item.live) for item in seen.live] == [2]
    assert seen.rules is not None
    assert not isinstance(seen.rules, Unavailable)
    assert (seen.rules.names(PANEL), seen.rules.version, seen.rules.source) == (True, 3, "local")
    assert not isinstance(seen.others, Unavailable)
    assert [item.name for item in seen.others] == ["old"]
    assert seen.wanted_by == ()


async def test_four_requests_for_a_healthy_tunnel() -> None:
    source = TableApi(api())

    await collect_tunnel_facts.function(target=Target(hostname=PANEL), zone=tunnel_zone(), cloudflare=source)

    assert sorted(source.asked) == sorted([THIS, f"{THIS}/connections", f"{THIS}/configurations", BASE])


async def test_a_record_that_leads_elsewhere_costs_no_request() -> None:
    source = TableApi({})
    seen = await collect_tunnel_facts.function(target=Target(hostname=PANEL), zone=zone(), cloudflare=source)

    assert isinstance(seen, TunnelFacts)
    assert (seen.tunnel_id, seen.tunnel, source.asked) == ("", None, [])


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        pytest.param({"rules": configured("y.shop.example")}, ["old"], id="the-other-names-the-host"),
        pytest.param({"rules": configured("*.shop.example")}, [], id="a-wildcard-of-its-own-serves-it"),
        pytest.param({"rules": refused()}, [], id="its-rules-may-not-be-read"),
        pytest.param({"tunnel": GONE, "rules": GONE, "connections": GONE}, ["old"], id="it-is-gone"),
        pytest.param({"rules": configured(), "other_rules": configured("*.shop.example")}, ["old"], id="by-wildcard"),
    ],
)
async def test_which_other_tunnel_is_meant(changed: dict[str, tuple[int, object]], wanted: list[str]) -> None:
    table = api(**{"other_rules": configured(PANEL), **changed})

    assert [item.name for item in (await facts(table)).wanted_by] == wanted


async def test_without_a_record_the_tunnel_that_names_the_host_is_found() -> None:
    seen = await facts(api(), tunnel_zone(""))

    assert (seen.tunnel_id, seen.tunnel, seen.rules) == ("", None, None)
    assert [item.id for item in seen.wanted_by] == [TUNNEL]


async def test_a_tunnel_that_the_account_does_not_know_is_none_and_no_gap() -> None:
    seen = await facts(api(tunnel=GONE, connections=GONE, rules=GONE))

    assert (seen.tunnel_id, seen.tunnel, seen.connectors, seen.rules) == (TUNNEL, None, (), None)


async def test_a_deleted_tunnel_says_when() -> None:
    seen = await facts(api(tunnel=envelope(raw_tunnel(deleted_at="2026-11-01T00:00:00Z"))))

    assert seen.tunnel is not None
    assert seen.tunnel.deleted_at == "2026-11-01T00:00:00Z"


async def test_a_record_to_something_that_is_no_id_is_never_put_into_a_path() -> None:
    source = TableApi(api())
    odd = tunnel_zone("../../zones")
    seen = await collect_tunnel_facts.function(target=Target(hostname=PANEL), zone=odd, cloudflare=source)

    assert isinstance(seen, TunnelFacts)
    assert seen.tunnel is None
    assert not any(".." in path for path in source.asked)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        pytest.param(refused(), "does not let this token look", id="403"),
        pytest.param(refused(429), "budget", id="429"),
        pytest.param((200, {"success": False, "errors": None}), "could not answer", id="success-false"),
        pytest.param((404, b"<html>not here</html>"), "error", id="404-of-something-else"),
    ],
)
async def test_a_refusal_is_a_gap_and_never_an_absence(answer: tuple[int, object], reason: str) -> None:
    gap = await read(api(tunnel=answer))

    assert isinstance(gap, Unavailable)
    assert reason in gap.reason


async def test_parts_may_be_missing_on_their_own() -> None:
    seen = await facts(api(connections=refused(), rules=refused(), listed=refused()))

    assert seen.tunnel is not None
    assert isinstance(seen.connectors, Unavailable)
    assert isinstance(seen.rules, Unavailable)
    assert isinstance(seen.others, Unavailable)
    assert seen.live == ()


async def test_without_a_record_and_without_the_list_nothing_is_known() -> None:
    assert isinstance(await read(api(listed=refused()), tunnel_zone("")), Unavailable)


async def test_an_account_that_is_not_told_is_a_gap() -> None:
    assert isinstance(await read(api(), tunnel_zone(account="")), Unavailable)


@pytest.mark.parametrize("raw", [None, [], "x", {}, {"id": None}, {"id": "x"}, {"id": 7}])
def test_what_is_no_tunnel_is_none(raw: object) -> None:
    assert parse_tunnel(raw) is None


def test_a_tunnel_of_nulls_is_read() -> None:
    seen = parse_tunnel({"id": TUNNEL, "name": None, "status": None, "remote_config": True, "connections": None})

    assert seen is not None
    assert (seen.name, seen.status, seen.remote, seen.connections) == ("", "", True, 0)


def test_a_connector_without_a_version_has_that_of_its_connections() -> None:
    seen = parse_connector({"id": "c1", "config_version": True, "conns": [None, {"client_version": "2025.1.0"}]})

    assert seen is not None
    assert (seen.version, seen.config_version) == ("2025.1.0", None)
    assert parse_connector({"id": ""}) is None


@pytest.mark.parametrize("raw", [None, {}, {"config": None}, {"config": []}])
def test_no_configuration_is_none(raw: object) -> None:
    assert parse_rules(raw) is None


def test_a_configuration_of_wrong_types_is_read() -> None:
    seen = parse_rules({"version": "3", "config": {"ingress": [None, {"hostname": 3, "service": None}]}})

    assert seen is not None
    assert (seen.version, len(seen.rules), seen.rules[1].hostname) == (-1, 2, "")
