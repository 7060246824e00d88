"""Bypasses, paths with another verdict, and the audience that cloudflared checks."""

from __future__ import annotations

import pytest

from build.access import (
    AUD,
    BYPASS,
    FORBIDDEN,
    PANEL,
    application,
    at_the_login,
    coverage,
    match,
    tunnel_zone,
    without_login,
)
from build.outside import MISSING, zone
from build.values import replace
from ingressdoctor.api import (
    AccessCoverage,
    ConfigHome,
    ConfigSource,
    OriginKind,
    OutsideProbe,
    Preferences,
    Status,
    Target,
    TunnelConfig,
    TunnelOrigin,
    TunnelRoute,
    Unavailable,
    ZoneFacts,
)
from ingressdoctor_checks.access_policies import audience_mismatch, bypass_policy, path_gap

TARGET = Target(hostname=PANEL)
OPEN = match(app=application("*.shop.example", policies=(BYPASS,)))
UNREAD = match(app=application("*.shop.example", policies=FORBIDDEN))
PART = coverage(below=(match(f"{PANEL}/admin"),))
MAP = ConfigSource(home=ConfigHome.CONFIG_MAP, ref="ConfigMap a/b", namespace="a", name="b")


def below(path: str, *, open_to_all: bool = True) -> AccessCoverage:
    uri = f"{PANEL}{path}"
    found = match(uri, app=application(uri, policies=(BYPASS,))) if open_to_all else match(uri)
    return coverage(match(), below=(found,))


@pytest.mark.parametrize(
    ("covered", "held", "path", "status"),
    [
        pytest.param(coverage(match()), tunnel_zone(), "/", Status.PASS, id="a-login-for-everybody"),
        pytest.param(coverage(OPEN), tunnel_zone(), "/", Status.WARN, id="everybody-passes"),
        pytest.param(coverage(OPEN), tunnel_zone(), "/healthz?x", Status.PASS, id="everybody-passes-to-a-health-path"),
        pytest.param(coverage(OPEN), tunnel_zone(), "/delivery/live", Status.WARN, id="live-is-not-livez"),
        pytest.param(coverage(match(public=True)), tunnel_zone(), "/", Status.WARN, id="an-excepted-destination"),
        pytest.param(coverage(UNREAD), tunnel_zone(), "/", Status.UNKNOWN, id="policies-not-read"),
        pytest.param(coverage(), tunnel_zone(), "/", Status.SKIP, id="no-application"),
        pytest.param(FORBIDDEN, tunnel_zone(), "/", Status.UNKNOWN, id="applications-not-read"),
        pytest.param(FORBIDDEN, zone(), "/", Status.SKIP, id="applications-not-read-and-no-tunnel"),
    ],
)
def test_bypass_policy(
    covered: AccessCoverage | Unavailable, held: ZoneFacts | Unavailable, path: str, status: Status
) -> None:
    [finding] = bypass_policy(Target(hostname=PANEL, path=path), covered, held, MISSING, MISSING)

    assert finding.status is status


@pytest.mark.parametrize(
    ("covered", "status"),
    [
        pytest.param(coverage(match()), Status.PASS, id="one-application-for-all"),
        pytest.param(below("/health"), Status.PASS, id="a-health-path-is-open-on-purpose"),
        pytest.param(below("/.well-known/*"), Status.PASS, id="so-is-well-known"),
        pytest.param(below("/api/*"), Status.WARN, id="an-open-api"),
        pytest.param(below("/admin", open_to_all=False), Status.PASS, id="a-stricter-path"),
        pytest.param(PART, Status.SKIP, id="only-a-path-of-a-management-name-is-covered"),
        pytest.param(replace(PART, hostname="x.shop.example"), Status.PASS, id="a-public-site-with-a-closed-part"),
        pytest.param(replace(PART, hostname="admin.shop.example"), Status.WARN, id="a-hint-that-all-should-be-closed"),
        pytest.param(coverage(OPEN, below=(OPEN,)), Status.PASS, id="all-open-is-another-checks-matter"),
        pytest.param(coverage(), Status.SKIP, id="no-application"),
        pytest.param(coverage(relevant=False), Status.SKIP, id="a-public-name"),
        pytest.param(FORBIDDEN, Status.SKIP, id="not-read"),
    ],
)
def test_path_gap(covered: AccessCoverage | Unavailable, status: Status) -> None:
    host = covered.hostname if isinstance(covered, AccessCoverage) else PANEL
    [finding] = path_gap(Target(hostname=host), covered, MISSING, Preferences())

    assert finding.status is status


def checking(*audiences: str, required: bool = True, source: ConfigSource = MAP) -> TunnelRoute:
    origin = TunnelOrigin(
        kind=OriginKind.HTTP, service="http://x:80", access_required=required, access_audiences=audiences
    )
    return TunnelRoute(config=TunnelConfig(source=source), named="exact", origin=origin)


@pytest.mark.parametrize(
    ("probe", "covered", "route", "status"),
    [
        pytest.param(at_the_login(), coverage(match()), checking(AUD), Status.PASS, id="the-same"),
        pytest.param(at_the_login(), coverage(match()), checking("x", AUD), Status.PASS, id="among-several"),
        pytest.param(at_the_login(), coverage(match()), checking("other"), Status.FAIL, id="another"),
        pytest.param(at_the_login(), FORBIDDEN, checking("other"), Status.FAIL, id="another-by-the-login-alone"),
        pytest.param(without_login(), coverage(), checking(), Status.FAIL, id="none-listed-refuses-everybody"),
        pytest.param(without_login(), FORBIDDEN, checking("x"), Status.UNKNOWN, id="the-applications-is-not-told"),
        pytest.param(at_the_login(), coverage(match()), checking("x", required=False), Status.SKIP, id="not-required"),
        pytest.param(at_the_login(), coverage(match()), MISSING, Status.SKIP, id="no-rules"),
    ],
)
def test_audience_mismatch(
    probe: OutsideProbe | Unavailable,
    covered: AccessCoverage | Unavailable,
    route: TunnelRoute | Unavailable,
    status: Status,
) -> None:
    [finding] = audience_mismatch(TARGET, probe, covered, route)

    assert finding.status is status


def test_the_command_shows_the_rules_where_they_stand() -> None:
    [finding] = audience_mismatch(TARGET, at_the_login(), coverage(match()), checking("other"))
    [remote] = audience_mismatch(
        TARGET, at_the_login(), coverage(match()), checking("x", source=ConfigSource(home=ConfigHome.REMOTE, ref="it"))
    )

    assert finding.remedy is not None
    assert finding.remedy.commands[0].shell() == "kubectl -n a get configmap b -o yaml"
    assert remote.remedy is not None
    assert remote.remedy.commands == ()


def test_a_login_that_came_says_that_not_everybody_passes() -> None:
    [finding] = bypass_policy(TARGET, FORBIDDEN, tunnel_zone(), MISSING, at_the_login())

    assert finding.status is Status.PASS
