"""The record of a name on a tunnel: there, proxied, of the right tunnel, of one that exists."""

from __future__ import annotations

import pytest

from build.access import (
    FORBIDDEN,
    OTHER,
    TUNNEL,
    at_the_login,
    facts,
    rules,
    tunnel,
    tunnel_zone,
    without_login,
)
from build.outside import MISSING, dns_view, resolver, visited, zone
from build.tunnel import HOST, a_cloudflared, a_route
from ingressdoctor.api import (
    Cloudflareds,
    DnsView,
    OutsideProbe,
    Rcode,
    Status,
    Target,
    TunnelFacts,
    TunnelIdentity,
    TunnelRoute,
    Unavailable,
    ZoneFacts,
)
from ingressdoctor_checks.tunnel_identity import cname_other_tunnel, deleted
from ingressdoctor_checks.tunnel_record import cname_missing, cname_not_proxied

TARGET = Target(hostname=HOST)
HELD = tunnel_zone(name=HOST)
BARE = tunnel_zone("", name=HOST)
NOWHERE = dns_view(resolver(rcode=Rcode.NXDOMAIN))
PLACEHOLDER = "fd10:aec2:5dae::"
GREY = dns_view(resolver(PLACEHOLDER), chain=(f"{TUNNEL}.cfargotunnel.com",))
UNNAMED = a_route(host="x.example.org")


@pytest.mark.parametrize(
    ("held", "view", "route", "told", "status"),
    [
        pytest.param(HELD, NOWHERE, MISSING, MISSING, Status.PASS, id="there"),
        pytest.param(tunnel_zone(wildcard=True), NOWHERE, MISSING, MISSING, Status.PASS, id="there-by-a-wildcard"),
        pytest.param(zone(), NOWHERE, a_route(), MISSING, Status.SKIP, id="leads-elsewhere"),
        pytest.param(BARE, NOWHERE, a_route(), MISSING, Status.FAIL, id="missing-and-named-by-the-cluster"),
        pytest.param(
            BARE, NOWHERE, MISSING, facts(ident="", wanted_by=(tunnel(),)), Status.FAIL, id="named-by-the-api"
        ),
        pytest.param(BARE, NOWHERE, UNNAMED, facts(ident=""), Status.SKIP, id="missing-and-not-named-either"),
        pytest.param(MISSING, NOWHERE, a_route(), MISSING, Status.FAIL, id="without-a-token-by-dns-alone"),
        pytest.param(MISSING, dns_view(), a_route(), MISSING, Status.PASS, id="without-a-token-dns-has-it"),
        pytest.param(MISSING, MISSING, a_route(), MISSING, Status.UNKNOWN, id="neither-zone-nor-dns"),
    ],
)
def test_cname_missing(
    held: ZoneFacts | Unavailable,
    view: DnsView | Unavailable,
    route: TunnelRoute | Unavailable,
    told: TunnelFacts | Unavailable,
    status: Status,
) -> None:
    [finding] = cname_missing(TARGET, held, view, route, told)

    assert finding.status is status


def test_a_missing_record_is_told_with_its_content() -> None:
    [finding] = cname_missing(TARGET, BARE, NOWHERE, MISSING, facts(ident="", wanted_by=(tunnel(),)))

    assert finding.remedy is not None
    assert f"{TUNNEL}.cfargotunnel.com" in finding.remedy.text


@pytest.mark.parametrize(
    ("held", "view", "status"),
    [
        pytest.param(HELD, dns_view(), Status.PASS, id="orange"),
        pytest.param(tunnel_zone(proxied=False), GREY, Status.FAIL, id="grey"),
        pytest.param(tunnel_zone(proxied=False), MISSING, Status.FAIL, id="grey-by-the-api-alone"),
        pytest.param(MISSING, GREY, Status.FAIL, id="grey-by-dns-alone"),
        pytest.param(MISSING, dns_view(), Status.SKIP, id="not-visible-in-dns"),
        pytest.param(MISSING, MISSING, Status.SKIP, id="nothing-known"),
        pytest.param(zone(), dns_view(), Status.SKIP, id="no-tunnel"),
        pytest.param(BARE, NOWHERE, Status.SKIP, id="no-record"),
    ],
)
def test_cname_not_proxied(held: ZoneFacts | Unavailable, view: DnsView | Unavailable, status: Status) -> None:
    [finding] = cname_not_proxied(TARGET, held, view)

    assert finding.status is status


MINE = a_cloudflared()
THEIRS = a_cloudflared(identity=TunnelIdentity(id=OTHER), name="other")
NOBODY = Cloudflareds()
ELSEWHERE = tunnel_zone(OTHER, name=HOST)
LIVING = facts(tunnel(OTHER), ident=OTHER, its_rules=rules("y.example.com"))


@pytest.mark.parametrize(
    ("held", "told", "found", "probe", "status"),
    [
        pytest.param(HELD, facts(tunnel()), Cloudflareds(items=(MINE,)), MISSING, Status.PASS, id="the-clusters-own"),
        pytest.param(
            ELSEWHERE, facts(ident=OTHER), Cloudflareds(items=(MINE,)), MISSING, Status.FAIL, id="another-gone"
        ),
        pytest.param(ELSEWHERE, LIVING, Cloudflareds(items=(MINE,)), MISSING, Status.FAIL, id="another-that-lives"),
        pytest.param(ELSEWHERE, FORBIDDEN, Cloudflareds(items=(MINE,)), MISSING, Status.FAIL, id="without-the-api"),
        pytest.param(
            ELSEWHERE,
            facts(tunnel(OTHER), ident=OTHER),
            Cloudflareds(items=(MINE,)),
            MISSING,
            Status.WARN,
            id="another-that-lives-by-rules-that-are-not-known",
        ),
        pytest.param(
            ELSEWHERE, LIVING, Cloudflareds(items=(MINE,)), without_login(), Status.WARN, id="it-answers-all-the-same"
        ),
        pytest.param(
            ELSEWHERE, LIVING, Cloudflareds(items=(MINE, THEIRS)), MISSING, Status.PASS, id="two-tunnels-serve-it"
        ),
        pytest.param(
            HELD,
            facts(tunnel(), its_rules=rules(HOST)),
            Cloudflareds(items=(THEIRS,)),
            MISSING,
            Status.PASS,
            id="the-api-says-that-its-rules-name-it",
        ),
        pytest.param(
            HELD,
            facts(tunnel(), its_rules=rules("y.example.com"), wanted_by=(tunnel(OTHER, name="new"),)),
            NOBODY,
            at_the_login(),
            Status.FAIL,
            id="another-by-the-api-alone",
        ),
        pytest.param(HELD, facts(tunnel()), NOBODY, MISSING, Status.SKIP, id="nobody-else-claims-it"),
        pytest.param(HELD, FORBIDDEN, NOBODY, MISSING, Status.UNKNOWN, id="nothing-tells"),
        pytest.param(MISSING, FORBIDDEN, NOBODY, MISSING, Status.UNKNOWN, id="the-record-may-not-be-read"),
        pytest.param(
            MISSING,
            FORBIDDEN,
            Cloudflareds(items=(MINE,)),
            visited(error=1033, http_status=530),
            Status.FAIL,
            id="not-read-but-the-edge-contradicts-the-pods",
        ),
        pytest.param(MISSING, FORBIDDEN, NOBODY, without_login(), Status.PASS, id="not-read-but-it-answers"),
        pytest.param(BARE, facts(ident=""), NOBODY, MISSING, Status.SKIP, id="no-record"),
    ],
)
def test_cname_other_tunnel(
    held: ZoneFacts | Unavailable,
    told: TunnelFacts | Unavailable,
    found: Cloudflareds,
    probe: OutsideProbe | Unavailable,
    status: Status,
) -> None:
    [finding] = cname_other_tunnel(TARGET, held, dns_view(), told, found, probe)

    assert finding.status is status


def test_the_remedy_names_the_id_that_is_right() -> None:
    [finding] = cname_other_tunnel(
        TARGET, MISSING, dns_view(chain=(f"{OTHER}.cfargotunnel.com",)), LIVING, Cloudflareds(items=(MINE,)), MISSING
    )

    assert finding.remedy is not None
    assert f"{TUNNEL}.cfargotunnel.com" in finding.remedy.text


@pytest.mark.parametrize(
    ("told", "found", "status"),
    [
        pytest.param(facts(tunnel()), NOBODY, Status.PASS, id="exists"),
        pytest.param(facts(tunnel(status="down")), NOBODY, Status.PASS, id="exists-without-a-connector"),
        pytest.param(facts(tunnel(deleted_at="2026-11-01T00:00:00Z")), NOBODY, Status.FAIL, id="deleted"),
        pytest.param(facts(others=(tunnel(OTHER, name="new"),)), NOBODY, Status.FAIL, id="not-of-the-account"),
        pytest.param(facts(), Cloudflareds(items=(MINE,)), Status.FAIL, id="the-cluster-still-runs-it"),
        pytest.param(facts(ident=OTHER), Cloudflareds(items=(MINE,)), Status.SKIP, id="the-record-is-wrong"),
        pytest.param(facts(ident=""), NOBODY, Status.SKIP, id="no-record"),
        pytest.param(FORBIDDEN, NOBODY, Status.UNKNOWN, id="not-read"),
        pytest.param(FORBIDDEN, Cloudflareds(items=(MINE,)), Status.PASS, id="not-read-but-pods-are-connected"),
    ],
)
def test_deleted(told: TunnelFacts | Unavailable, found: Cloudflareds, status: Status) -> None:
    [finding] = deleted(TARGET, told, found)

    assert finding.status is status


def test_the_living_tunnels_are_named() -> None:
    [finding] = deleted(TARGET, facts(others=(tunnel(OTHER, name="new"), tunnel(status="down", name="old"))), NOBODY)

    assert any(fact.value == f"new {OTHER}" for fact in finding.facts)
