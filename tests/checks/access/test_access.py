"""A management name that nothing asks to log in before is a failure; a public service through a tunnel is none."""

from __future__ import annotations

import pytest

from build.access import (
    BYPASS,
    FORBIDDEN,
    LOGIN,
    PANEL,
    application,
    at_the_login,
    coverage,
    match,
    neighbours,
    seen_through,
    tunnel_zone,
    without_login,
)
from build.outside import EDGE_HEADERS, MISSING, exchange, failed, redirect, visited, zone
from build.tunnel import a_route
from build.values import replace
from ingressdoctor.api import (
    AccessCoverage,
    AccessOrganisation,
    AccessPolicy,
    ConfigHome,
    ConfigSource,
    Decision,
    Neighbour,
    OutsideProbe,
    Preferences,
    Reach,
    Status,
    Symptom,
    Target,
    TunnelConfig,
    TunnelRoute,
    Unavailable,
    ZoneFacts,
)
from ingressdoctor_checks.access import exposed
from ingressdoctor_checks.access_common import asks_itself, wanted_login

TARGET = Target(hostname=PANEL)
PLAIN = "tool.shop.example"
DEFAULT = Preferences()
SOURCE = ConfigSource(home=ConfigHome.CONFIG_MAP, ref="ConfigMap cloudflared/cloudflared-config, key config.yaml")
KIN = tuple(Neighbour(hostname=f"{name}-mgmt.shop.example", covered=True, kin=True) for name in ("argocd", "hubble"))
URL = f"https://{PANEL}/"
SOME = application("*.shop.example", policies=(AccessPolicy(name="office", decision=Decision.BYPASS),))


def by_rules(named: str = "exact") -> TunnelRoute:
    return TunnelRoute(config=TunnelConfig(source=SOURCE), named=named)


def judged(
    probe: OutsideProbe | Unavailable,
    covered: AccessCoverage | Unavailable,
    *,
    host: str = PANEL,
    held: ZoneFacts | Unavailable | None = None,
    route: TunnelRoute | Unavailable = MISSING,
    preferences: Preferences = DEFAULT,
) -> tuple[Status, Symptom | None]:
    zone_of = tunnel_zone(name=host) if held is None else held
    [finding] = exposed(Target(hostname=host), probe, zone_of, route, covered, preferences)
    return finding.status, finding.symptom


FAIL = (Status.FAIL, Symptom.EXPOSED)
PASS, SKIP, WARN, UNKNOWN = ((status, None) for status in (Status.PASS, Status.SKIP, Status.WARN, Status.UNKNOWN))


@pytest.mark.parametrize(
    ("host", "covered", "preferences", "expected"),
    [
        pytest.param(PLAIN, coverage(), Preferences(management=("tool.*",)), FAIL, id="configured-as-management"),
        pytest.param(PANEL, coverage(beside=KIN), Preferences(public=("*",)), SKIP, id="configured-as-public"),
        pytest.param("grafana-x.shop.example", coverage(beside=KIN), DEFAULT, FAIL, id="its-kin-asks-for-a-login"),
        pytest.param(PANEL, coverage(), DEFAULT, FAIL, id="its-name-says-mgmt-and-all-applications-are-gone"),
        pytest.param(PANEL, FORBIDDEN, DEFAULT, FAIL, id="its-name-says-mgmt-and-the-api-may-not-be-read"),
        pytest.param("x.internal.shop.example", coverage(), DEFAULT, FAIL, id="a-label-says-internal"),
        pytest.param(PLAIN, coverage(beside=neighbours(covered=3)), DEFAULT, FAIL, id="all-neighbours-ask"),
        pytest.param(PLAIN, coverage(beside=neighbours(covered=4, open_to_all=1)), DEFAULT, FAIL, id="most-ask"),
        pytest.param(PLAIN, coverage(beside=neighbours(covered=3, open_to_all=1)), DEFAULT, PASS, id="some-do-not"),
        pytest.param(
            "api.shop.example",
            coverage(beside=neighbours(covered=8)),
            DEFAULT,
            WARN,
            id="all-ask-but-its-name-is-a-public-one",
        ),
        pytest.param(PLAIN, coverage(beside=neighbours(covered=2)), DEFAULT, PASS, id="too-few-neighbours-to-tell"),
        pytest.param(
            PLAIN, coverage(beside=neighbours(open_to_all=4)), DEFAULT, PASS, id="a-tunnel-of-public-services"
        ),
        pytest.param(PLAIN, coverage(), DEFAULT, PASS, id="alone-on-its-tunnel"),
        pytest.param("a.b.shop.example", coverage(near=("*.shop.example",)), DEFAULT, FAIL, id="a-label-too-deep"),
        pytest.param(PLAIN, coverage(near=("tools.shop.example",)), DEFAULT, PASS, id="a-similar-name-proves-nothing"),
        pytest.param("admin.shop.example", coverage(), DEFAULT, WARN, id="admin-is-only-a-hint"),
        pytest.param(PLAIN, FORBIDDEN, DEFAULT, UNKNOWN, id="nothing-tells-and-the-api-may-not-be-read"),
    ],
)
def test_which_names_should_ask_for_a_login(
    host: str, covered: AccessCoverage | Unavailable, preferences: Preferences, expected: tuple[Status, Symptom | None]
) -> None:
    if isinstance(covered, AccessCoverage):
        covered = replace(covered, hostname=host)
    assert judged(without_login(), covered, host=host, preferences=preferences) == expected


@pytest.mark.parametrize(
    ("probe", "covered", "expected"),
    [
        pytest.param(at_the_login(), coverage(match()), PASS, id="the-login-answers"),
        pytest.param(at_the_login(), FORBIDDEN, PASS, id="the-login-answers-and-the-api-is-not-needed"),
        pytest.param(seen_through(), coverage(match()), PASS, id="the-token-passes-the-login"),
        pytest.param(visited(login=LOGIN), coverage(), PASS, id="a-login-without-a-gate"),
        pytest.param(without_login(), coverage(match(app=application("*", policies=(BYPASS,)))), SKIP, id="bypass"),
        pytest.param(without_login(), coverage(match(public=True)), SKIP, id="an-excepted-destination"),
        pytest.param(without_login(), coverage(match(app=SOME)), PASS, id="a-bypass-for-some-may-be-for-us"),
        pytest.param(without_login(), coverage(match()), WARN, id="covered-and-yet-open"),
        pytest.param(
            without_login(), coverage(match(app=application("*", policies=MISSING))), UNKNOWN, id="policies-not-read"
        ),
        pytest.param(without_login(), coverage(below=(match(f"{PANEL}/admin"),)), FAIL, id="only-paths-are-covered"),
        pytest.param(visited(failed(Reach.TIMEOUT)), coverage(), SKIP, id="no-answer"),
        pytest.param(MISSING, coverage(), SKIP, id="no-visit"),
        pytest.param(visited(exchange(403), challenge=True), coverage(), SKIP, id="a-challenge-hides-it"),
        pytest.param(visited(error=1033, http_status=530), coverage(), WARN, id="open-as-soon-as-it-works"),
        pytest.param(visited(exchange(502)), coverage(), WARN, id="the-panel-is-down"),
        pytest.param(visited(exchange(404, headers=EDGE_HEADERS[:2])), coverage(), WARN, id="only-cloudflared-answers"),
        pytest.param(visited(exchange(401)), coverage(), FAIL, id="a-password-of-its-own-is-not-enough"),
    ],
)
def test_what_a_visitor_meets_decides(
    probe: OutsideProbe | Unavailable, covered: AccessCoverage | Unavailable, expected: tuple[Status, Symptom | None]
) -> None:
    assert judged(probe, covered) == expected


@pytest.mark.parametrize(
    ("held", "route", "preferences", "expected"),
    [
        pytest.param(zone(), MISSING, DEFAULT, SKIP, id="the-record-leads-to-a-load-balancer"),
        pytest.param(zone(), by_rules(), DEFAULT, SKIP, id="the-record-wins-over-the-rules"),
        pytest.param(zone(), MISSING, Preferences(management=(PANEL,)), FAIL, id="configured-without-a-tunnel"),
        pytest.param(MISSING, by_rules(), DEFAULT, FAIL, id="the-rules-name-it"),
        pytest.param(MISSING, by_rules(""), DEFAULT, SKIP, id="rules-that-do-not-name-it"),
        pytest.param(MISSING, MISSING, DEFAULT, SKIP, id="nothing-speaks-of-a-tunnel"),
        pytest.param(tunnel_zone(proxied=False), MISSING, DEFAULT, FAIL, id="a-record-to-a-tunnel"),
    ],
)
def test_only_names_on_a_tunnel_are_judged(
    held: ZoneFacts | Unavailable,
    route: TunnelRoute | Unavailable,
    preferences: Preferences,
    expected: tuple[Status, Symptom | None],
) -> None:
    assert judged(without_login(), coverage(), held=held, route=route, preferences=preferences) == expected


@pytest.mark.parametrize(
    "service",
    [
        pytest.param("http://longhorn-frontend.longhorn-system.svc.cluster.local:80", id="a-panel-without-a-login"),
        pytest.param("ssh://10.0.0.5:22", id="a-port-of-a-machine"),
    ],
)
def test_what_the_rule_leads_to_is_a_hint(service: str) -> None:
    hint = wanted_login(PLAIN, coverage(), DEFAULT, a_route(service=service))

    assert hint is not None
    assert (hint.login, hint.sure) == (True, False)


@pytest.mark.parametrize(
    ("probe", "asks"),
    [
        pytest.param(visited(exchange(200)), False, id="no"),
        pytest.param(visited(exchange(401)), True, id="by-401"),
        pytest.param(visited(redirect("/login", url=URL), exchange(200)), True, id="by-its-login-page"),
        pytest.param(visited(redirect("/oauth2/start?rd=/", url=URL), exchange(200)), True, id="by-an-oauth-proxy"),
        pytest.param(visited(redirect("/shop", url=URL), exchange(200)), False, id="another-redirect"),
        pytest.param(visited(redirect("/blogin", url=URL), exchange(200)), False, id="a-word-that-ends-alike"),
        pytest.param(visited(redirect("https://id.example/x"), left_host="id.example"), True, id="at-another-host"),
    ],
)
def test_a_login_of_the_panels_own(probe: OutsideProbe, asks: bool) -> None:
    assert asks_itself(probe) is asks


def test_an_open_health_path_is_no_proof_while_the_applications_are_unread() -> None:
    target = Target(hostname=PANEL, path="/api/health")
    [unread] = exposed(target, without_login(), tunnel_zone(), MISSING, FORBIDDEN, DEFAULT)
    [read] = exposed(target, without_login(), tunnel_zone(), MISSING, coverage(), DEFAULT)

    assert (unread.status, read.status) == (Status.UNKNOWN, Status.FAIL)


def test_an_organisation_that_denies_what_no_application_covers_is_no_opening() -> None:
    strict = AccessOrganisation(auth_domain=LOGIN, denies_unmatched=True)
    covered = replace(coverage(), organisation=strict)
    [finding] = exposed(TARGET, visited(error=1020, http_status=403), tunnel_zone(), MISSING, covered, DEFAULT)

    assert finding.status is Status.WARN
    assert "nobody gets in" in finding.summary


def test_a_hint_says_nothing_about_a_name_that_only_fails() -> None:
    failing = visited(error=1033, http_status=530)

    assert judged(failing, coverage(), host="admin.shop.example") == SKIP


def test_a_hint_is_enough_only_where_nothing_asks_for_a_password() -> None:
    own = visited(redirect("/login", url="https://admin.shop.example/"), exchange(200))

    assert judged(own, coverage(), host="admin.shop.example") == PASS


def test_the_remedy_names_the_way_out_and_the_proof() -> None:
    [finding] = exposed(TARGET, without_login(), tunnel_zone(), MISSING, coverage(beside=KIN), DEFAULT)

    assert "open to the whole world" in finding.summary
    assert finding.remedy is not None
    assert PANEL in finding.remedy.text
    assert finding.remedy.proof is not None
