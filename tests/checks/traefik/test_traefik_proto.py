"""What the application is told of the visitor's scheme, by configuration and by the page itself."""

from __future__ import annotations

from typing import Any

import pytest

from build.controller import a_traefik
from build.origin_port import BY_HTTPS, FLEXIBLE
from build.outside import HOST, MISSING, RANGES, TARGET, exchange, visited
from build.routes import a_candidate, a_decision
from build.values import replace
from ingressdoctor.api import Controller, EntryPoint, Outcome, OutsideProbe, StaticConfig, Status
from ingressdoctor_checks.traefik_proto import forwarded_proto
from ingressdoctor_checks.traefik_trusted import trusted_ips_stale

V4 = ("104.16.0.0/13", "172.64.0.0/13")
HTML = (("content-type", "text/html; charset=utf-8"), ("server", "cloudflare"))
ROUTED = a_decision(a_candidate())


def traefik(*trusted: str, redirect: str = "", insecure: bool = False, unreadable: str = "") -> Controller:
    web = EntryPoint(
        name="web", port=8000, forwarded_trusted=trusted, forwarded_insecure=insecure, redirect_to=redirect
    )
    points = (web, EntryPoint(name="websecure", port=8443))
    return replace(
        a_traefik(), static=StaticConfig(source="args", entry_points=points, options={}, unreadable=unreadable)
    )


def page(text: str, **parts: Any) -> OutsideProbe:
    return visited(exchange(headers=HTML, body=text.encode(), **parts))


STYLE = page(f'<html><link rel="stylesheet" href="http://{HOST}/site.css"></html>')
CLEAN = page(f'<html><link rel="stylesheet" href="https://{HOST}/site.css"><a href="http://{HOST}/">home</a></html>')
LOOP = visited(loop=True)

CASES = [
    pytest.param(traefik(*V4), CLEAN, FLEXIBLE, Status.PASS, "believes Cloudflare's", id="trusted-and-honoured"),
    pytest.param(traefik(insecure=True), CLEAN, FLEXIBLE, Status.PASS, "believes", id="everybody-is-trusted"),
    pytest.param(traefik(*V4), STYLE, FLEXIBLE, Status.FAIL, "the application does not honour", id="ignored"),
    pytest.param(traefik(), STYLE, FLEXIBLE, Status.FAIL, "does not trust Cloudflare, and", id="not-trusted-and-seen"),
    pytest.param(
        traefik(V4[0]), STYLE, FLEXIBLE, Status.FAIL, "only some of Cloudflare's", id="partly-trusted-and-seen"
    ),
    pytest.param(traefik(), CLEAN, FLEXIBLE, Status.WARN, "links, redirects and cookies", id="by-configuration-only"),
    pytest.param(traefik(), LOOP, FLEXIBLE, Status.FAIL, "again and again", id="the-application-redirects-in-a-circle"),
    pytest.param(traefik(redirect=":443"), LOOP, FLEXIBLE, Status.WARN, "links,", id="traefik-itself-redirects"),
    pytest.param(
        traefik(), CLEAN, BY_HTTPS, Status.SKIP, "does not ask the origin over http", id="the-edge-asks-over-https"
    ),
    pytest.param(traefik(), STYLE, BY_HTTPS, Status.WARN, "with http", id="written-down-in-the-page"),
    pytest.param(MISSING, STYLE, FLEXIBLE, Status.FAIL, "lost on the way, or", id="seen-and-the-reason-not"),
    pytest.param(MISSING, CLEAN, FLEXIBLE, Status.UNKNOWN, "no token", id="neither-seen"),
    pytest.param(traefik(unreadable="a file"), CLEAN, FLEXIBLE, Status.UNKNOWN, "not known", id="options-in-a-file"),
]


@pytest.mark.parametrize(("controller", "probe", "port", "status", "text"), CASES)
def test_forwarded_proto(controller: Any, probe: Any, port: Any, status: Status, text: str) -> None:
    [found] = forwarded_proto(TARGET, probe, controller, port, RANGES, ROUTED)

    assert found.status is status
    assert text in found.summary


LINKS = [
    pytest.param(f"<script src=http://{HOST}/a.js></script>", True, id="a-script-without-quotes"),
    pytest.param(f"<FORM method=post ACTION='http://{HOST}/login'>", True, id="a-form-sends-there"),
    pytest.param(f'<img alt="x" src="http://{HOST}/a.png">', True, id="a-picture"),
    pytest.param(f'<link rel="canonical" href="http://{HOST}/">', False, id="a-canonical-link-loads-nothing"),
    pytest.param(f'<a href="http://{HOST}/">x</a>', False, id="nor-does-an-anchor"),
    pytest.param('<img src="http://pictures.example/a.png">', False, id="another-hosts-is-another-matter"),
    pytest.param("<img src=" * 200, False, id="unfinished-tags"),
]


@pytest.mark.parametrize(("text", "mixed"), LINKS)
def test_what_a_page_loads_over_http(text: str, mixed: bool) -> None:
    [found] = forwarded_proto(TARGET, page(text), traefik(*V4), FLEXIBLE, RANGES, ROUTED)

    assert (found.status is Status.FAIL) is mixed


@pytest.mark.parametrize(
    "probe",
    [
        pytest.param(visited(error=522), id="an-error-of-the-edge"),
        pytest.param(page(f'<img src="http://{HOST}/a">', url=f"http://{HOST}/"), id="a-page-over-http"),
        pytest.param(visited(exchange(body=b'<img src="http://www.shop.example/a">', headers=())), id="no-html"),
        pytest.param(MISSING, id="nobody-visited"),
    ],
)
def test_what_is_no_page_of_the_site_over_https(probe: Any) -> None:
    [found] = forwarded_proto(TARGET, probe, traefik(*V4), FLEXIBLE, RANGES, ROUTED)

    assert found.status is Status.PASS


@pytest.mark.parametrize(
    "decision",
    [
        pytest.param(MISSING, id="routes-not-known"),
        pytest.param(replace(ROUTED, outcome=Outcome.REDIRECT), id="a-redirect-by-its-routes"),
    ],
)
def test_a_circle_that_may_be_traefiks_is_not_the_applications(decision: Any) -> None:
    [found] = forwarded_proto(TARGET, LOOP, traefik(), FLEXIBLE, RANGES, decision)

    assert found.status is Status.WARN


def test_a_stale_list_fails_where_the_page_shows_it() -> None:
    [seen] = trusted_ips_stale(traefik(V4[0]), RANGES, STYLE, FLEXIBLE)
    [unseen] = trusted_ips_stale(traefik(V4[0]), RANGES, CLEAN, FLEXIBLE)

    assert (seen.status, unseen.status) == (Status.FAIL, Status.WARN)
