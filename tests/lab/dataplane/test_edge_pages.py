"""The edge's own answers: body forms, trace, redirects, refusals, TLS by SNI, headers towards the origin."""

from __future__ import annotations

import httpx
import pytest

from lab.dataplane.kit import HOST, ask, healthy, running

FORMS = [
    pytest.param("text/html,application/xhtml+xml,*/*;q=0.8", "text/html", "cf-error-details", id="browser"),
    pytest.param("*/*", "text/plain", "error code: 521", id="curl"),
    pytest.param("application/problem+json", "application/problem+json", '"error_code": 521', id="problem-json"),
    pytest.param("text/markdown", "text/markdown", "error_code: 521", id="markdown"),
]


@pytest.mark.parametrize(("accept", "media", "expected"), FORMS)
async def test_error_page_follows_the_accept_header(accept: str, media: str, expected: str) -> None:
    parts = healthy()
    parts.balancer["services"].pop()
    async with running(parts) as plane:
        response = await ask(plane, accept=accept)

    assert response.status_code == 521
    assert response.headers["content-type"].startswith(media)
    assert expected in response.text


async def test_waf_block_page_for_a_browser() -> None:
    parts = healthy()
    parts.zone["waf"] = [{"path": "/admin", "action": "block"}]
    async with running(parts) as plane:
        blocked = await ask(plane, f"https://{HOST}/admin/x", accept="text/html")
        passed = await ask(plane, accept="text/html")

    assert (blocked.status_code, passed.status_code) == (403, 200)
    assert "<title>Attention Required! | Cloudflare</title>" in blocked.text


async def test_trace_answers_without_an_origin() -> None:
    parts = healthy()
    parts.hetzner["load_balancers"].clear()
    async with running(parts) as plane:
        response = await ask(plane, f"https://{HOST}/cdn-cgi/trace")

    lines = dict(line.split("=", 1) for line in response.text.splitlines())
    assert (lines["h"], lines["ip"], lines["visit_scheme"]) == (HOST, "198.51.100.23", "https")


async def test_always_use_https_redirects_at_the_edge() -> None:
    parts = healthy()
    parts.zone["settings"]["always_use_https"] = {"id": "always_use_https", "value": "on"}
    async with running(parts) as plane:
        response = await ask(plane, f"http://{HOST}/a?b=1")

    assert (response.status_code, response.headers["location"]) == (301, f"https://{HOST}/a?b=1")
    assert "cf-cache-status" not in response.headers


async def test_mode_off_redirects_https_to_http() -> None:
    parts = healthy()
    parts.zone["settings"]["ssl"] = "off"
    async with running(parts) as plane:
        response = await ask(plane)

    assert (response.status_code, response.headers["location"]) == (301, f"http://{HOST}/")


async def test_challenge_is_html_for_everybody() -> None:
    parts = healthy()
    parts.zone["waf"] = [{"action": "challenge"}]
    async with running(parts) as plane:
        response = await ask(plane, accept="application/json")

    assert (response.status_code, response.headers["cf-mitigated"]) == (403, "challenge")
    assert "Just a moment..." in response.text


async def test_access_application_sends_to_its_login() -> None:
    parts = healthy()
    app = {"domain": "*.shop.test", "aud": "a" * 64, "policies": [{"decision": "allow", "include": []}]}
    parts.cloudflare["access"] = {"organization": {"auth_domain": "acme.cloudflareaccess.com"}, "apps": [app]}
    async with running(parts) as plane:
        response = await ask(plane, f"https://{HOST}/x", cf_access_metadata_request="true")

    assert response.status_code == 302
    assert response.headers["location"].startswith(
        f"https://acme.cloudflareaccess.com/cdn-cgi/access/login/{HOST}?kid={'a' * 64}&"
    )
    assert response.headers["cf-access-domain"] == "*.shop.test"
    assert "cf-access-metadata" in response.headers


HOSTS = [
    pytest.param("http://104.21.32.11/", 403, "1003", id="address-instead-of-a-name"),
    pytest.param("http://unknown.test/", 409, "1001", id="zone-not-here"),
    pytest.param("http://absent.shop.test/", 409, "1001", id="no-such-record"),
]


@pytest.mark.parametrize(("url", "status", "code"), HOSTS)
async def test_host_the_edge_does_not_serve(url: str, status: int, code: str) -> None:
    async with running(healthy()) as plane:
        response = await ask(plane, url)

    assert (response.status_code, response.text) == (status, f"error code: {code}")


@pytest.mark.parametrize("host", ["unknown.test", "a.b.shop.test"], ids=["foreign-zone", "two-labels-deep"])
async def test_name_without_certificate_gets_a_tls_alert(host: str) -> None:
    async with running(healthy()) as plane:
        with pytest.raises(httpx.ConnectError, match=r"(?i)handshake"):
            await ask(plane, f"https://{host}/")


async def test_certificate_pack_covers_a_deeper_name() -> None:
    parts = healthy()
    parts.zone["certificate_packs"] = [{"hosts": ["*.b.shop.test"]}]
    async with running(parts) as plane:
        response = await ask(plane, "https://a.b.shop.test/")

    assert response.status_code == 409


async def test_origin_sees_who_the_visitor_is() -> None:
    parts = healthy()
    parts.answer(redirect="https://{host}{path}", status=302)
    async with running(parts) as plane:
        response = await ask(plane, f"https://{HOST}/deep?q=1")
        looped = await ask(plane, cf_connecting_ip="203.0.113.5", accept="*/*")

    assert response.headers["location"] == f"https://{HOST}/deep?q=1"
    assert (looped.status_code, looped.text) == (403, "error code: 1000")
