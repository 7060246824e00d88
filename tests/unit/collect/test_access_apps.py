"""The account's Access applications, policies and tokens, from answers of the API as they come."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from build.access import ACCOUNT, PANEL, TUNNEL, tunnel_zone
from build.outside import zone
from build.sources import FakeAccessToken, TableApi, envelope, refused
from build.values import replace
from ingressdoctor.api import AccessCoverage, Answer, Decision, SourceError, Target, Unavailable, ZoneFacts
from ingressdoctor.collect.access_apps import collect_coverage
from ingressdoctor.collect.access_objects import mask, parse_application, parse_policies, parse_token
from ingressdoctor.collect.cloudflare_api import list_all
from ingressdoctor.evidence.preferences import Preferences

BASE = f"/accounts/{ACCOUNT}"
APPS, TOKENS, ORG = f"{BASE}/access/apps", f"{BASE}/access/service_tokens", f"{BASE}/access/organizations"
RECORDS = "/zones/z1/dns_records"
CLIENT = "0123456789abcdef.access"
NO_PREFERENCES = Preferences()
Table = Mapping[str, tuple[int, object]]

ALLOW = {"name": "staff", "decision": "allow", "precedence": 2, "include": [{"email_domain": {"domain": "x.example"}}]}
MACHINES = {"decision": "non_identity", "precedence": 3, "include": [{"service_token": {"token_id": "t1"}}]}


def app(ident: str = "a1", *uris: str, **more: object) -> dict[str, object]:
    """An application as the list holds it."""
    return {
        "id": ident,
        "name": "management",
        "type": "self_hosted",
        "aud": "a1b2c3",
        "domain": "ignored.example",
        "destinations": [{"type": "public", "uri": uri} for uri in uris or ("*.shop.example",)],
        "policies": [ALLOW, MACHINES],
        **more,
    }


def cname(name: str, tunnel: str = TUNNEL, *, proxied: bool = True) -> dict[str, object]:
    return {"name": name, "type": "CNAME", "content": f"{tunnel}.cfargotunnel.com", "proxied": proxied}


def api(**changed: tuple[int, object]) -> dict[str, tuple[int, object]]:
    """One application, one token, the organisation, three names on the tunnel."""
    names = [cname(PANEL), cname("argocd.shop.example"), cname("x.y.shop.example"), cname("grey.shop.example")]
    names[3]["proxied"] = False
    return {
        APPS: changed.get("apps", envelope([app()])),
        TOKENS: changed.get("tokens", envelope([{"id": "t1", "name": "ci", "client_id": CLIENT, "enabled": True}])),
        ORG: changed.get("org", envelope({"auth_domain": "shop.cloudflareaccess.com"})),
        RECORDS: changed.get("records", envelope(names)),
    }


async def read(
    table: Table,
    *,
    found: ZoneFacts | None = None,
    token: FakeAccessToken | None = None,
    preferences: Preferences = NO_PREFERENCES,
    path: str = "/",
) -> AccessCoverage | Unavailable:
    value = await collect_coverage.function(
        target=Target(hostname=PANEL, path=path),
        zone=found or tunnel_zone(),
        cloudflare=TableApi(table),
        token=token or FakeAccessToken(),
        preferences=preferences,
    )
    assert isinstance(value, AccessCoverage | Unavailable)
    return value


async def coverage(table: Table, **given: object) -> AccessCoverage:
    value = await read(table, **given)  # type: ignore[arg-type]
    assert isinstance(value, AccessCoverage)
    return value


async def test_the_application_its_policies_the_token_and_the_neighbours() -> None:
    seen = await coverage(api(), token=FakeAccessToken(CLIENT))

    assert seen.match is not None
    assert isinstance(seen.match.application.policies, tuple)
    assert [policy.decision for policy in seen.match.application.policies] == [Decision.SERVICE_AUTH, Decision.ALLOW]
    assert seen.ours is not None
    assert (seen.ours.name, seen.ours.client_id) == ("ci", "01234567…")
    assert [(item.hostname, item.covered) for item in seen.neighbours] == [
        ("argocd.shop.example", True),
        ("x.y.shop.example", False),
    ]


async def test_a_name_without_a_tunnel_is_not_asked_about() -> None:
    source = TableApi(api())
    seen = await collect_coverage.function(
        target=Target(hostname=PANEL),
        zone=zone(),
        cloudflare=source,
        token=FakeAccessToken(),
        preferences=Preferences(),
    )

    assert isinstance(seen, AccessCoverage)
    assert not seen.relevant
    assert source.asked == []


async def test_a_name_that_is_called_a_management_name_is_asked_about_without_a_tunnel() -> None:
    elsewhere = replace(zone(), id="z1", account_id=ACCOUNT)
    seen = await coverage(api(), found=elsewhere, preferences=Preferences(management=("*-mgmt.shop.example",)))

    assert seen.relevant
    assert seen.match is not None
    assert seen.neighbours == ()


@pytest.mark.parametrize(
    ("changed", "reason", "grant"),
    [
        pytest.param({"apps": refused()}, "does not let this token", "Access: Apps and Policies", id="403-for-apps"),
        pytest.param({"apps": refused(429)}, "budget", "Wait", id="429"),
        pytest.param(
            {"apps": (200, {"success": False, "errors": [{"code": 1, "message": "no"}]})}, "1 no", "", id="no"
        ),
        pytest.param({"apps": (200, b"<html>")}, "not the Cloudflare API", "endpoint", id="html"),
    ],
)
async def test_without_the_applications_nothing_is_claimed(
    changed: dict[str, tuple[int, object]], reason: str, grant: str
) -> None:
    gap = await read(api(**changed))

    assert isinstance(gap, Unavailable)
    assert reason in gap.reason
    assert grant in gap.enable_with


async def test_one_missing_permission_costs_only_its_own_part() -> None:
    seen = await coverage(api(tokens=refused(), org=refused(), records=refused()))

    assert seen.match is not None
    assert isinstance(seen.tokens, Unavailable)
    assert "Service Tokens" in seen.tokens.enable_with
    assert isinstance(seen.organisation, Unavailable)
    assert seen.neighbours == ()


async def test_an_account_that_is_not_told_is_a_gap() -> None:
    gap = await read(api(), found=tunnel_zone(account=""))

    assert isinstance(gap, Unavailable)
    assert "which account" in gap.reason


async def test_policies_that_the_list_does_not_hold_are_asked_for() -> None:
    lean = app(policies=["p1"])
    table = {
        **api(apps=envelope([lean])),
        f"{APPS}/a1/policies": envelope([{"decision": "bypass", "include": [{"everyone": {}}]}]),
    }

    seen = await coverage(table)

    assert seen.match is not None
    assert seen.match.application.bypass is not None


async def test_policies_that_may_not_be_read_are_a_gap_of_their_own() -> None:
    seen = await coverage(api(apps=envelope([app(policies=None)])) | {f"{APPS}/a1/policies": refused()})

    assert seen.match is not None
    assert isinstance(seen.match.application.policies, Unavailable)
    assert seen.match.application.bypass is None


async def test_a_token_that_cannot_be_read_is_not_ours() -> None:
    seen = await coverage(api(), token=FakeAccessToken(CLIENT, broken=True))

    assert seen.ours is None


async def test_other_paths_of_the_host_are_told_apart() -> None:
    open_path = app("a2", f"{PANEL}/health", policies=[{"decision": "bypass", "include": [{"everyone": {}}]}])
    seen = await coverage(api(apps=envelope([app(), open_path])))

    assert seen.match is not None
    assert seen.match.destination.uri == "*.shop.example"
    assert [item.destination.uri for item in seen.below] == [f"{PANEL}/health"]
    assert seen.below[0].open


class Paged:
    """A list of *total* items that serves *size* a page, whatever was asked for."""

    def __init__(self, total: int, size: int, info: bool = True) -> None:
        self.total, self.size, self.info = total, size, info
        self.asked: list[str] = []

    async def get(self, path: str, query: Mapping[str, str]) -> Answer:
        import json

        page = int(query["page"])
        self.asked.append(query["page"])
        items = list(range(self.total))[(page - 1) * self.size : page * self.size]
        info = {"page": page, "per_page": self.size, "count": len(items), "total_count": self.total}
        body = {"success": True, "result": items, **({"result_info": info} if self.info else {})}
        return Answer(status=200, body=json.dumps(body).encode())


@pytest.mark.parametrize(
    ("total", "size", "pages"),
    [
        pytest.param(0, 100, 1, id="empty"),
        pytest.param(100, 100, 1, id="exactly-one-page"),
        pytest.param(101, 100, 2, id="one-more"),
        pytest.param(60, 25, 3, id="smaller-pages-than-asked-for"),
    ],
)
async def test_lists_are_read_to_their_end(total: int, size: int, pages: int) -> None:
    source = Paged(total, size)

    found = await list_all(source, "/x", {}, wanted="x", permission="p")

    assert found == tuple(range(total))
    assert len(source.asked) == pages


async def test_a_list_that_is_too_long_is_a_gap_and_not_a_part() -> None:
    found = await list_all(Paged(5_000, 100), "/x", {}, wanted="x", permission="p")

    assert isinstance(found, Unavailable)


async def test_a_page_that_is_refused_is_a_gap_and_not_a_part() -> None:
    class Tired(Paged):
        async def get(self, path: str, query: Mapping[str, str]) -> Answer:
            return await super().get(path, query) if query["page"] == "1" else Answer(status=429, body=b"{}")

    found = await list_all(Tired(150, 100), "/x", {}, wanted="x", permission="p")

    assert isinstance(found, Unavailable)


async def test_an_api_that_is_down_is_the_brokers_to_tell() -> None:
    with pytest.raises(SourceError):
        await list_all(TableApi({}, down=True), "/x", {}, wanted="x", permission="p")


@pytest.mark.parametrize(
    ("raw", "uris"),
    [
        pytest.param({"destinations": [{"uri": "a.b/c"}], "domain": "x"}, ["a.b/c"], id="destinations-win"),
        pytest.param({"self_hosted_domains": ["a.b", None, 3], "domain": "x"}, ["a.b"], id="then-the-older-list"),
        pytest.param({"domain": "a.b/c"}, ["a.b/c"], id="then-the-domain"),
        pytest.param({"destinations": [{"type": "private", "cidr": "10.0.0.0/8"}], "domain": "x"}, [], id="private"),
        pytest.param({"destinations": None, "self_hosted_domains": None, "domain": None}, [], id="nulls"),
        pytest.param({"destinations": "a.b", "self_hosted_domains": {"a": 1}, "domain": 7}, [], id="wrong-types"),
    ],
)
def test_destinations(raw: dict[str, object], uris: list[str]) -> None:
    found = parse_application({"id": "a1", **raw})

    assert found is not None
    assert [item.uri for item in found.destinations] == uris


@pytest.mark.parametrize(
    ("overrides", "public"),
    [
        pytest.param({"behavior": "public"}, ["a.b/c"], id="whole-destination"),
        pytest.param([{"path": "/h", "behavior": "public"}], ["a.b/h"], id="a-path-of-it"),
        pytest.param([{"uri": "a.b/i", "behavior": "public"}, {"uri": "a.b/j"}], ["a.b/i"], id="a-uri"),
        pytest.param([{"behavior": "protected"}], [], id="another-behaviour"),
    ],
)
def test_exceptions_of_a_destination(overrides: object, public: list[str]) -> None:
    found = parse_application({"id": "a1", "destinations": [{"uri": "a.b/c", "overrides": overrides}]})

    assert found is not None
    assert [item.uri for item in found.destinations if item.public] == public


@pytest.mark.parametrize("raw", [None, [], "x", {}, {"id": None}, {"id": "../zones"}, {"id": 3}])
def test_what_is_no_application_is_none(raw: object) -> None:
    assert parse_application(raw) is None


@pytest.mark.parametrize(
    ("policy", "everyone"),
    [
        pytest.param({"include": [{"everyone": {}}]}, True, id="everyone"),
        pytest.param({"include": [{"ip": {"ip": "0.0.0.0/0"}}]}, True, id="every-address"),
        pytest.param({"include": [{"ip": {"ip": "192.0.2.0/24"}}]}, False, id="some-addresses"),
        pytest.param({"include": [{"everyone": {}}], "require": [{"geo": {}}]}, False, id="everyone-who-also"),
        pytest.param({"include": [{"everyone": {}}], "exclude": [{"geo": {}}]}, True, id="everyone-but"),
        pytest.param({"include": None}, False, id="null"),
    ],
)
def test_who_is_everyone(policy: dict[str, object], everyone: bool) -> None:
    [found] = parse_policies([{"decision": "bypass", **policy}])

    assert found.everyone is everyone


def test_a_word_for_a_decision_that_is_new_is_other() -> None:
    assert parse_policies([{"decision": "sometimes"}, None])[0].decision is Decision.OTHER


def test_a_client_id_is_masked() -> None:
    found = parse_token({"id": "t1", "client_id": CLIENT}, CLIENT)

    assert found is not None
    assert found.ours
    assert CLIENT[:16] not in repr(found)
    assert mask("short") == "…"
    assert parse_token({"client_id": CLIENT}, "") is None
