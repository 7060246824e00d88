from collections.abc import Mapping

import pytest

from build.outside import HOST, TARGET
from build.sources import TableApi, TableDns, envelope, refused
from ingressdoctor.api import SourceError, Target, Unavailable, ZoneFacts
from ingressdoctor.collect.cloudflare import candidate_zones, collect_zone, parse_records, wildcards_of
from ingressdoctor.collect.cloudflare_shelf import CloudflareShelf
from ingressdoctor.collect.ranges import bundled_ranges, collect_ranges, parse_ranges
from ingressdoctor.sources.base import Answer

ID = "682aad07066959e8b2a6b5fee52ba85f"
OTHER = "6e4865a5853a55ee9216c2b6aaaedc2e"
TUNNEL = "8f2c1d5e-3b7a-4e6f-9a10-2c4d6e8f0a1b.cfargotunnel.com"
ZONE = {
    "id": ID,
    "name": "shop.example",
    "status": "active",
    "paused": False,
    "name_servers": ["ada.ns.cloudflare.com"],
}
NO_DNS = TableDns({})
Table = Mapping[str, tuple[int, object]]


def a(name: object = HOST, content: object = "203.0.113.10", kind: object = "A", **more: object) -> dict[str, object]:
    return {"name": name, "type": kind, "content": content, "proxied": True, "ttl": 1} | more


def api(**changed: tuple[int, object]) -> dict[str, tuple[int, object]]:
    """The zone, one record and two settings; keywords: zones, records, wild, settings."""
    records = f"/zones/{ID}/dns_records"
    return {
        "/zones?shop.example": changed.get("zones", envelope([ZONE])),
        "/zones": envelope([]),
        f"{records}?{HOST}": changed.get("records", envelope([a()])),
        f"{records}?*.shop.example": changed.get("wild", envelope([])),
        f"/zones/{ID}/settings/ssl": changed.get("settings", envelope({"id": "ssl", "value": "strict"})),
        f"/zones/{ID}/settings/proxy_read_timeout": changed.get("settings", envelope({"value": 100})),
    }


async def read(table: Table, *, dns: TableDns = NO_DNS, target: Target = TARGET) -> ZoneFacts | Unavailable:
    found = await collect_zone.function(target=target, cloudflare=TableApi(table), dns=dns)
    assert isinstance(found, ZoneFacts | Unavailable)
    return found


async def facts(table: Table, *, dns: TableDns = NO_DNS) -> ZoneFacts:
    found = await read(table, dns=dns)
    assert isinstance(found, ZoneFacts)
    return found


async def gap(table: Table) -> Unavailable:
    found = await read(table)
    assert isinstance(found, Unavailable)
    return found


async def test_the_zone_its_record_and_its_settings() -> None:
    zone = await facts(api())

    assert (zone.name, zone.status, zone.paused, zone.proxied) == ("shop.example", "active", False, True)
    assert zone.origin_addresses == ("203.0.113.10",)
    assert (zone.setting("ssl"), zone.setting("proxy_read_timeout"), zone.setting("none")) == ("strict", "100", "")


async def test_few_requests() -> None:
    source = TableApi(api())

    await collect_zone.function(target=TARGET, cloudflare=source, dns=NO_DNS)

    assert len(source.asked) <= 8


def test_zones_are_tried_longest_first_and_never_the_top_level() -> None:
    assert candidate_zones("a.b.shop.example") == ("a.b.shop.example", "b.shop.example", "shop.example")
    assert candidate_zones("localhost") == ()


async def test_a_zone_of_a_subdomain_wins() -> None:
    deeper = {**ZONE, "id": OTHER, "name": HOST}
    table = {**api(), f"/zones?{HOST}": envelope([deeper]), f"/zones/{OTHER}/dns_records?{HOST}": envelope([a()])}

    assert (await facts(table)).id == OTHER


async def test_an_active_zone_wins_over_a_pending_one_of_the_same_name() -> None:
    pending = {**ZONE, "id": OTHER, "status": "pending"}

    assert (await facts(api(zones=envelope([pending, ZONE])))).id == ID


@pytest.mark.parametrize(
    ("status", "word", "grant"),
    [
        pytest.param(401, "does not accept", "CLOUDFLARE_API_TOKEN", id="401-is-the-token"),
        pytest.param(400, "does not accept", "CLOUDFLARE_API_TOKEN", id="400-is-a-malformed-token"),
        pytest.param(403, "Zone > Zone > Read", "Zone > Zone > Read", id="403-names-the-permission"),
        pytest.param(429, "budget", "Wait", id="429-says-wait"),
        pytest.param(502, "fault of its own", "Try again", id="502-is-theirs"),
        pytest.param(404, "error", "endpoint", id="404-is-the-endpoint"),
    ],
)
async def test_a_refusal_is_a_gap_and_never_an_absence(status: int, word: str, grant: str) -> None:
    missing = await gap({"/zones": refused(status)})

    assert word in missing.reason
    assert grant in missing.enable_with
    assert "10000 Authentication error" in missing.reason


async def test_no_zone_says_whose_token_it_would_take() -> None:
    missing = await gap({"/zones": envelope([])})

    assert HOST in missing.reason
    assert "account" in missing.enable_with


async def test_records_that_may_not_be_read_are_no_missing_records() -> None:
    missing = await gap(api(records=refused()))

    assert "Zone > DNS > Read" in missing.enable_with


async def test_settings_that_may_not_be_read_hide_nothing_else() -> None:
    zone = await facts(api(settings=refused()))

    assert isinstance(zone.settings, Unavailable)
    assert "Zone Settings" in zone.settings.enable_with
    assert zone.origin_addresses == ("203.0.113.10",)


async def test_a_source_without_token_fails_as_itself() -> None:
    with pytest.raises(SourceError, match="no API token"):
        await collect_zone.function(target=TARGET, cloudflare=TableApi({}, down=True), dns=NO_DNS)


async def test_the_wildcard_answers_where_the_name_has_nothing() -> None:
    zone = await facts(api(records=envelope([]), wild=envelope([a("*.shop.example")])))

    assert zone.wildcard
    assert zone.origin_addresses == ("203.0.113.10",)


async def test_a_txt_of_the_name_keeps_the_wildcard_away() -> None:
    zone = await facts(api(records=envelope([a(kind="TXT", content="x")]), wild=envelope([a("*.shop.example")])))

    assert not zone.wildcard
    assert zone.records == ()


async def test_a_server_that_ignores_the_filter_brings_no_foreign_records() -> None:
    zone = await facts(api(records=envelope([a("mail.shop.example"), a("*.shop.example")])))

    assert zone.records == ()


def test_wildcards_from_the_closest_up() -> None:
    assert wildcards_of("a.b.shop.example", "shop.example") == ("*.b.shop.example", "*.shop.example")
    assert wildcards_of("shop.example", "shop.example") == ()


async def test_a_cname_inside_the_zone_is_followed_by_the_api() -> None:
    table = api(records=envelope([a(kind="CNAME", content="lb.shop.example")]))
    table[f"/zones/{ID}/dns_records?lb.shop.example"] = envelope([a("lb.shop.example", "203.0.113.11")])

    zone = await facts(table)

    assert (zone.chain, zone.origin_addresses, zone.resolved_by_dns) == (("lb.shop.example",), ("203.0.113.11",), False)


async def test_a_cname_into_another_zone_of_the_account() -> None:
    table = api(records=envelope([a(kind="CNAME", content="lb.firm.example")]))
    table["/zones?firm.example"] = envelope([{**ZONE, "id": OTHER, "name": "firm.example"}])
    table[f"/zones/{OTHER}/dns_records?lb.firm.example"] = envelope([a("lb.firm.example", "203.0.113.12")])

    assert (await facts(table)).origin_addresses == ("203.0.113.12",)


async def test_a_cname_out_of_the_account_is_left_to_dns() -> None:
    table = api(records=envelope([a(kind="CNAME", content="lb.cloud.example")]))

    zone = await facts(table, dns=TableDns({("lb.cloud.example", "A"): ("203.0.113.13",)}))

    assert zone.origin_addresses == ("203.0.113.13",)
    assert zone.resolved_by_dns


async def test_a_tunnel_is_named_and_not_resolved() -> None:
    dns = TableDns({(TUNNEL, "AAAA"): ("fd10:aec2:5dae::",)})

    zone = await facts(api(records=envelope([a(kind="CNAME", content=TUNNEL)])), dns=dns)

    assert zone.tunnel == TUNNEL.removesuffix(".cfargotunnel.com")
    assert zone.origin_addresses == ()
    assert dns.asked == []


async def test_a_circle_of_cnames_ends() -> None:
    table = api(records=envelope([a(kind="CNAME", content="b.shop.example")]))
    table[f"/zones/{ID}/dns_records?b.shop.example"] = envelope([a("b.shop.example", HOST, "CNAME")])

    assert (await facts(table)).origin_addresses == ()


@pytest.mark.parametrize(
    "result",
    [
        pytest.param(None, id="null"),
        pytest.param({"name": HOST}, id="an-object"),
        pytest.param([None, 1, "x", [], {}], id="a-list-of-anything"),
        pytest.param([a(content=None)], id="null-content"),
        pytest.param([a(name=None)], id="null-name"),
        pytest.param([a(kind=None)], id="null-type"),
    ],
)
def test_hostile_records_are_left_out(result: object) -> None:
    assert parse_records(result, HOST) == ()


def test_odd_fields_of_a_record_fall_back() -> None:
    [record] = parse_records([a(ttl="x", proxied="yes", modified_on=None, content="203.0.113.10\x1b[31m")], HOST)

    assert (record.ttl, record.proxied, record.modified_on) == (1, False, "")
    assert "\x1b" not in record.content


@pytest.mark.parametrize(
    "zones",
    [
        pytest.param((200, b"<html>not json</html>"), id="not-json"),
        pytest.param((200, b"[" * 100_000), id="nested-without-end"),
        pytest.param(envelope([{"id": "../accounts", "name": "shop.example"}]), id="an-id-that-is-a-path"),
        pytest.param(envelope([{"name": "shop.example"}]), id="no-id"),
        pytest.param(envelope("zones"), id="a-string"),
        pytest.param((200, {"success": False, "errors": "no"}), id="errors-that-are-no-list"),
    ],
)
async def test_hostile_zones_are_a_gap(zones: tuple[int, object]) -> None:
    table = {"/zones?shop.example": zones, "/zones": envelope([])}

    assert isinstance(await read(table), Unavailable)


def test_the_bundled_ranges_are_complete() -> None:
    ranges = bundled_ranges()

    assert len(ranges.cidrs) == 22
    assert ranges.as_of == "2026-02-11"


V4 = [f"198.51.{n}.0/24" for n in range(6)]
V6 = [f"2001:db8:{n}::/48" for n in range(6)]


@pytest.mark.parametrize(
    ("result", "taken"),
    [
        pytest.param({"ipv4_cidrs": V4, "ipv6_cidrs": V6, "etag": "e"}, True, id="two-plausible-lists"),
        pytest.param({"ipv4_cidrs": V4, "ipv6_cidrs": []}, False, id="a-family-is-missing"),
        pytest.param({"ipv4_cidrs": [*V4[:4], "0.0.0.0/0"], "ipv6_cidrs": V6}, False, id="everything-is-not-theirs"),
        pytest.param({"ipv4_cidrs": V4 * 100, "ipv6_cidrs": V6}, False, id="thousands"),
        pytest.param({"ipv4_cidrs": [None, 1, {}], "ipv6_cidrs": V6}, False, id="wrong-types"),
        pytest.param(None, False, id="null"),
        pytest.param([], False, id="a-list"),
    ],
)
async def test_ranges_are_refreshed_by_a_plausible_answer_only(result: object, *, taken: bool) -> None:
    ranges = await collect_ranges.function(cloudflare=TableApi({"/ips": envelope(result)}))

    assert (ranges != bundled_ranges()) is taken


async def test_ranges_never_fail() -> None:
    assert await collect_ranges.function(cloudflare=TableApi({}, down=True)) == bundled_ranges()
    assert await collect_ranges.function(cloudflare=TableApi({"/ips": refused()})) == bundled_ranges()
    assert parse_ranges(Answer(status=200, body=b"\xff")) is None


def listed(*records: dict[str, object]) -> dict[str, tuple[int, object]]:
    """A zone whose list of records is read as a whole, as a sweep does."""
    return {
        "/zones": envelope([ZONE]),
        f"/zones/{ID}/dns_records": envelope(list(records)),
        f"/zones/{ID}/settings/ssl": envelope({"id": "ssl", "value": "strict"}),
    }


async def from_lists(shelf: CloudflareShelf, name: str, dns: TableDns = NO_DNS) -> ZoneFacts | Unavailable:
    found = await collect_zone.function(target=Target.parse(name), cloudflare=shelf, dns=dns)
    assert isinstance(found, ZoneFacts | Unavailable)
    return found


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(HOST, id="records-of-its-own"),
        pytest.param("one.shop.example", id="by-wildcard"),
        pytest.param("a.one.shop.example", id="two-labels-below-the-wildcard"),
        pytest.param("shop.example", id="apex-without-records"),
        pytest.param("www.other.example", id="no-zone"),
    ],
)
async def test_lists_tell_the_same_as_single_questions(name: str) -> None:
    table = listed(a(), a("*.shop.example", "203.0.113.20"))
    shelf = CloudflareShelf(TableApi(table))

    for _ in range(2):
        assert await from_lists(shelf, name) == await read(table, target=Target.parse(name))


async def test_names_below_one_wildcard_share_one_value() -> None:
    api = TableApi(listed(a(), a("*.shop.example", "203.0.113.20")))
    shelf = CloudflareShelf(api)

    first = await from_lists(shelf, "one.shop.example")
    asked = len(api.asked)

    assert await from_lists(shelf, "two.shop.example") is first
    assert await from_lists(shelf, HOST) is not first
    assert len(api.asked) == asked


async def test_where_a_wildcard_leads_out_of_the_account_dns_is_asked_for_each_name() -> None:
    shelf = CloudflareShelf(TableApi(listed(a("*.shop.example", "lb.elsewhere.example", "CNAME"))))
    dns = TableDns({})

    for name in ("one.shop.example", "two.shop.example"):
        found = await from_lists(shelf, name, dns)
        assert isinstance(found, ZoneFacts)
        assert found.resolved_by_dns

    assert len(dns.asked) == 4
