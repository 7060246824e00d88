"""The names of the zone that a missing one may have meant, and when they are asked for at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from build.outside import dns_view, record, resolver, zone
from ingressdoctor.api import Answer, NearNames, Rcode, Unavailable
from ingressdoctor.collect.near_names import collect_near
from ingressdoctor.evidence.outside import DnsView

GONE = resolver(rcode=Rcode.NXDOMAIN)


class Zone:
    """The API of a zone with these records; counts what it is asked."""

    def __init__(self, *records: Any, status: int = 200) -> None:
        self.records, self.status, self.asked = records, status, 0

    async def get(self, path: str, query: Mapping[str, str]) -> Answer:
        self.asked += 1
        body = {"success": self.status == 200, "errors": [], "result": list(self.records)}
        return Answer(status=self.status, body=json.dumps(body).encode())


def named(name: str, kind: str = "A") -> dict[str, str]:
    return {"name": name, "type": kind, "content": "203.0.113.10"}


def missing(host: str) -> DnsView:
    """No resolver knows the name."""
    return DnsView(hostname=host, resolvers=(GONE,), authoritative=None)


ROWS = [
    pytest.param("erpp.shop.example", (named("erp.shop.example"),), ("erp.shop.example",), id="a-letter-too-many"),
    pytest.param("epr.shop.example", (named("erp.shop.example", "CNAME"),), ("erp.shop.example",), id="swapped"),
    pytest.param("erpp.shop.example", (named("erp.shop.example", "TXT"),), (), id="a-name-without-an-address"),
    pytest.param("www.shop.example", (named("shop.example"),), (), id="the-bare-name-is-no-correction"),
    pytest.param("db.shop.example", (named("mail.shop.example"),), (), id="nothing-near"),
    pytest.param(
        "erpp.shop.example", (None, 7, {"name": None}, named("ERP.shop.example")), ("erp.shop.example",), id="odd"
    ),
]


@pytest.mark.parametrize(("host", "records", "names"), ROWS)
async def test_near_names(host: str, records: tuple[Any, ...], names: tuple[str, ...]) -> None:
    found = await collect_near.function(missing(host), zone(bare=True), Zone(*records))

    assert isinstance(found, NearNames)
    assert found.names == names


async def test_where_the_name_exists_nobody_is_asked() -> None:
    api = Zone(named("erp.shop.example"))

    assert await collect_near.function(dns_view(), zone(bare=True), api) == NearNames()
    assert await collect_near.function(missing("erpp.shop.example"), zone(record()), api) == NearNames()
    assert api.asked == 0


async def test_a_list_that_may_not_be_read_is_a_gap() -> None:
    found = await collect_near.function(missing("erpp.shop.example"), zone(bare=True), Zone(status=403))

    assert isinstance(found, Unavailable)


def leads(name: str, content: str, kind: str = "A", **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, "content": content, **more}


BESIDE = [
    pytest.param(
        (leads("erp.shop.example", "x.cfargotunnel.com", "CNAME", proxied=True), leads("www.dev.shop.example", "::1")),
        {("erp.shop.example", "x.cfargotunnel.com"), ("www.dev.shop.example", "::1")},
        id="all-of-the-zone",
    ),
    pytest.param(
        (leads("erp.shop.example", "203.0.113.10"), leads("api.lan.shop.example", "10.0.0.5")),
        {("api.lan.shop.example", "10.0.0.5")},
        id="the-closest-domain-goes-first",
    ),
    pytest.param(
        (leads("api.lan.shop.example", "erp.shop.example", "CNAME"), leads("erp.shop.example", "203.0.113.10")),
        {("api.lan.shop.example", "203.0.113.10")},
        id="aliases-are-followed",
    ),
    pytest.param(
        (
            leads("api.lan.shop.example", "b.lan.shop.example", "CNAME"),
            leads("b.lan.shop.example", "api.lan.shop.example", "CNAME"),
        ),
        {("api.lan.shop.example", "b.lan.shop.example"), ("b.lan.shop.example", "api.lan.shop.example")},
        id="aliases-in-a-circle",
    ),
    pytest.param(
        (
            leads("shop.example", "203.0.113.10"),
            leads("*.lan.shop.example", "203.0.113.10"),
            leads("x._domainkey.lan.shop.example", "dkim.example", "CNAME"),
            leads("txt.lan.shop.example", "v=1", "TXT"),
            leads("odd.lan.shop.example", None),  # type: ignore[arg-type]
        ),
        set(),
        id="no-sites",
    ),
]


@pytest.mark.parametrize(("records", "expected"), BESIDE)
async def test_where_the_names_beside_it_lead(records: tuple[Any, ...], expected: set[tuple[str, str]]) -> None:
    found = await collect_near.function(missing("new.lan.shop.example"), zone(bare=True), Zone(*records))

    assert isinstance(found, NearNames)
    assert {(item.name, item.content) for item in found.beside} == expected
