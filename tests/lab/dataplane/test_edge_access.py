"""Access at the edge: which application covers a URL, and what each policy makes of a visitor."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ingressdoctor.lab.dataplane import DataPlane
from ingressdoctor.lab.serve.edge_access import Access, TokenSecrets
from ingressdoctor.lab.serve.edge_token import claims_of, unsigned
from ingressdoctor.lab.serve.wire import Request
from lab.dataplane.kit import HOST, Parts, ask, healthy, running

TEAM = "acme.cloudflareaccess.com"
EVERYONE: dict[str, Any] = {"everyone": {}}
ALLOW = {"decision": "allow", "precedence": 2, "include": [{"email_domain": {"domain": "acme.example"}}]}
TOKEN = {"id": "t1", "name": "probe", "client_id": "abc.access", "expires_at": "2999-01-01T00:00:00Z"}
SERVICE = {"decision": "non_identity", "precedence": 1, "include": [{"service_token": {"token_id": "t1"}}]}
ANY_TOKEN = {"decision": "non_identity", "precedence": 1, "include": [{"any_valid_service_token": {}}]}
BYPASS = {"decision": "bypass", "precedence": 3, "include": [EVERYONE]}


def app(*destinations: str, policies: list[Any] | None = None, **more: Any) -> dict[str, Any]:
    uris = [{"type": "public", "uri": uri} for uri in destinations]
    return {"id": "a1", "aud": "a" * 64, "destinations": uris, "policies": policies or [ALLOW], **more}


def access(*apps: dict[str, Any], **organization: Any) -> dict[str, Any]:
    return {
        "organization": {"auth_domain": TEAM, **organization},
        "apps": list(apps),
        "policies": [{"id": "reusable", **ALLOW}],
        "service_tokens": [TOKEN],
    }


COVERED = [
    pytest.param("www.shop.test", "/", "www.shop.test", id="the-name"),
    pytest.param("www.shop.test", "/deep/path", "www.shop.test", id="every-path-of-it"),
    pytest.param("www.shop.test", "/open/x", "www.shop.test/open", id="a-longer-path-wins"),
    pytest.param("www.shop.test", "/open", "www.shop.test/open", id="the-path-itself"),
    pytest.param("www.shop.test", "/opener", "www.shop.test", id="a-path-that-only-begins-alike"),
    pytest.param("www.shop.test", "/star", "www.shop.test", id="a-star-leaves-out-the-path-itself"),
    pytest.param("www.shop.test", "/star/x", "www.shop.test/star/*", id="a-star-covers-what-is-below"),
    pytest.param("api.shop.test", "/", "*.shop.test", id="a-wildcard"),
    pytest.param("a.b.shop.test", "/", "", id="a-wildcard-is-one-label"),
    pytest.param("shop.test", "/", "", id="a-wildcard-is-not-the-apex"),
    pytest.param("mytest.shop.org", "/", "*test.shop.org", id="a-part-of-a-label"),
    pytest.param("test.shop.org", "/", "*test.shop.org", id="an-empty-part"),
]


@pytest.mark.parametrize(("host", "path", "pattern"), COVERED)
def test_the_most_specific_destination_counts(host: str, path: str, pattern: str) -> None:
    world = access(
        app("*.shop.test", "www.shop.test", "*test.shop.org"), app("www.shop.test/open", "www.shop.test/star/*")
    )
    found = Access(world, TokenSecrets(world)).covering(host, path)

    assert (found[1] if found else "") == pattern


def test_older_fields_count_when_there_are_no_destinations() -> None:
    old = {"aud": "b", "domain": "one.test", "self_hosted_domains": ["two.test"], "policies": [ALLOW]}
    found = Access(access(old), TokenSecrets({}))

    assert [bool(found.covering(host, "/")) for host in ("one.test", "two.test", "three.test")] == [True, True, False]


def guarded(*apps: dict[str, Any], **organization: Any) -> Parts:
    parts = healthy()
    parts.cloudflare["access"] = access(*apps, **organization)
    return parts


def token_of(plane: DataPlane, *, secret: str = "current") -> dict[str, str]:
    client_id, value = plane.tokens.handed_out({"name": "probe", "secret": secret})
    return {"cf_access_client_id": client_id, "cf_access_client_secret": value}


@pytest.mark.parametrize(
    ("application", "organization", "token", "status"),
    [
        pytest.param(app(HOST), {}, "", 302, id="nobody-and-allow"),
        pytest.param(app(HOST, policies=["reusable"]), {}, "", 302, id="a-reusable-policy"),
        pytest.param(app(HOST), {}, "current", 302, id="a-token-and-only-allow"),
        pytest.param(app(HOST, policies=[ALLOW, SERVICE]), {}, "current", 200, id="a-token-that-is-included"),
        pytest.param(app(HOST, policies=[ALLOW, ANY_TOKEN]), {}, "current", 200, id="any-token"),
        pytest.param(app(HOST, policies=[ALLOW, SERVICE]), {}, "rotated", 302, id="an-old-secret"),
        pytest.param(app(HOST, policies=[SERVICE]), {}, "", 403, id="nobody-and-service-auth-alone"),
        pytest.param(
            app(HOST, policies=[SERVICE], service_auth_401_redirect=True), {}, "", 401, id="401-when-asked-for"
        ),
        pytest.param(app(HOST, policies=[ALLOW, BYPASS]), {}, "", 200, id="bypass"),
        pytest.param(
            app(HOST, policies=[{**BYPASS, "include": [{"ip": {"ip": "192.0.2.1/32"}}]}]), {}, "", 403, id="ip"
        ),
        pytest.param(
            app(HOST, policies=[{**SERVICE, "exclude": [EVERYONE]}]), {}, "current", 403, id="a-token-that-is-excluded"
        ),
        pytest.param(app(HOST), {"strict_service_token_auth": True}, "rotated", 401, id="strict-and-unknown"),
        pytest.param(app(HOST), {"strict_service_token_auth": True}, "current", 403, id="strict-and-not-included"),
        pytest.param(app("other.shop.test"), {}, "", 200, id="not-covered"),
        pytest.param(app("other.shop.test"), {"deny_unmatched_requests": True}, "", 403, id="not-covered-and-denied"),
    ],
)
async def test_what_a_visitor_gets(
    application: dict[str, Any], organization: dict[str, Any], token: str, status: int
) -> None:
    async with running(guarded(application, **organization)) as plane:
        shown = token_of(plane, secret=token) if token else {}
        response = await ask(plane, **shown)  # type: ignore[arg-type]

    assert response.status_code == status
    assert ("cf-access-domain" in response.headers) is (status != 200 and "other" not in str(application))


@pytest.mark.parametrize("change", [{"expires_at": "2020-01-01T00:00:00Z"}, {"enabled": False}], ids=["expired", "off"])
async def test_a_token_that_is_no_longer_good(change: dict[str, Any]) -> None:
    parts = guarded(app(HOST, policies=[ALLOW, SERVICE]))
    parts.cloudflare["access"]["service_tokens"] = [{**TOKEN, **change}]
    async with running(parts) as plane:
        response = await ask(plane, **token_of(plane))  # type: ignore[arg-type]

    assert response.status_code == 302


async def test_a_token_may_come_in_one_header() -> None:
    parts = guarded(app(HOST, policies=[SERVICE], read_service_tokens_from_header="X-Token"))
    async with running(parts) as plane:
        held = token_of(plane)
        both = {
            "cf-access-client-id": held["cf_access_client_id"],
            "cf-access-client-secret": held["cf_access_client_secret"],
        }
        response = await ask(plane, x_token=json.dumps(both))

    assert response.status_code == 200


def test_the_origin_gets_a_jwt_and_never_the_token() -> None:
    world = access(app(HOST, policies=[SERVICE]))
    tokens = TokenSecrets(world)
    client_id, secret = tokens.handed_out({"name": "probe"})
    headers = (("CF-Access-Client-Id", client_id), ("CF-Access-Client-Secret", secret))
    passage = Access(world, tokens).judge(Request(method="GET", target="/", headers=headers), HOST, "198.51.100.1")
    ((name, jwt),) = passage.headers
    claims = claims_of(jwt)

    assert (passage.response, name) == (None, "Cf-Access-Jwt-Assertion")
    assert (claims["aud"], claims["iss"]) == (["a" * 64], f"https://{TEAM}")
    assert secret not in jwt


async def test_preflights_pass_when_the_application_says_so() -> None:
    world = access(app(HOST, options_preflight_bypass=True))
    judged = Access(world, TokenSecrets(world))

    assert judged.judge(Request(method="OPTIONS", target="/"), HOST, "").response is None
    assert judged.judge(Request(method="GET", target="/"), HOST, "").response is not None


@pytest.mark.parametrize("token", ["", "a.b", "a.!!!.c", unsigned({})[:-8] + "..x"])
def test_what_is_no_token_has_no_claims(token: str) -> None:
    assert claims_of(token) == {}


def test_no_token_is_handed_out_unless_it_is_named() -> None:
    assert TokenSecrets(access()).handed_out({"name": "another"}) == ("", "")
