"""cloudflared's rules: the configuration, the hostname's rule, and how it speaks to its origin."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from build.backend import a_view
from build.controller import a_traefik
from build.outside import exchange, visited
from build.routes import a_candidate, a_decision
from build.tunnel import (
    ARGOCD,
    CATCH_ALL,
    HOST,
    SOURCE,
    TUNNEL,
    UNSEEN,
    a_cloudflared,
    a_config,
    a_lead,
    a_route,
    a_rule,
    an_origin_error,
    logs_of,
    route_for,
)
from build.values import replace
from ingressdoctor.api import (
    AddressOwner,
    Clock,
    CloudflaredState,
    ConfigHome,
    ConfigSource,
    Inapplicable,
    KnownHosts,
    Outcome,
    PodState,
    RouteDecision,
    RouteRequest,
    Status,
    Target,
    TunnelConfig,
    Unavailable,
)
from ingressdoctor.collect.cloudflared_config import config_of_text
from ingressdoctor_checks.rules_address import origin_address_stale
from ingressdoctor_checks.rules_config import config_invalid, config_missing, lint, remote_overrides_local, stale_config
from ingressdoctor_checks.rules_host import host_missing, served_both_ways, service_kind, shadowed
from ingressdoctor_checks.rules_origin import origin_name_mismatch, origin_untrusted, scheme_mismatch
from ingressdoctor_checks.rules_settings import access_not_enforced, host_header, verify_off

CLOCK = Clock(now=datetime(2026, 11, 21, 10, 0, tzinfo=UTC))
TARGET = Target.parse(HOST)
NO_TUNNEL = Unavailable(wanted="the tunnel", reason="the name leads to none")
FORBIDDEN = Unavailable(wanted="x", reason="403", enable_with="grant it")
UNREAD = a_route(config=FORBIDDEN)
UP, DOWN, BROKEN = visited(), visited(error=1033, http_status=530), visited(error=502)
EMPTY_404 = visited(exchange(404, body=b""))
EMPTY_503 = visited(exchange(503, body=b""))
WILD = a_rule("*.example.com", "http://nginx.ingress.svc.cluster.local:80")
MINE = a_rule()
NONE_OF_THEM = [
    pytest.param(NO_TUNNEL, Status.SKIP, id="no-tunnel"),
    pytest.param(FORBIDDEN, Status.UNKNOWN, id="could-not-look"),
    pytest.param(UNREAD, Status.UNKNOWN, id="rules-could-not-be-read"),
]


@pytest.mark.parametrize(("route", "status"), NONE_OF_THEM)
def test_without_rules_no_check_judges(route: Any, status: Status) -> None:
    said = [
        config_missing(route, UP),
        config_invalid(route, UP),
        stale_config(TARGET, route, UNSEEN, UP),
        remote_overrides_local(route),
        lint(route),
        host_missing(TARGET, route),
        shadowed(TARGET, route, UP),
        service_kind(TARGET, route),
        served_both_ways(TARGET, route, a_decision(), KnownHosts(hosts={}), UNSEEN),
        scheme_mismatch(route, UNSEEN, UNSEEN, UP, CLOCK),
        origin_untrusted(route, UNSEEN, UP, CLOCK),
        origin_name_mismatch(route, UNSEEN, UP, CLOCK),
        host_header(route, UP, UNSEEN, UNSEEN),
        verify_off(route),
        access_not_enforced(route),
    ]

    assert {findings[0].status for findings in said} == {status}


MISSING = a_route(config=TunnelConfig(source=SOURCE, missing=True, error="ConfigMap cloudflared-config does not exist"))
NO_RULES = a_route(config=config_of_text("tunnel: x\nIngress: []\n", SOURCE))
LAST = a_route(ARGOCD, MINE)
EARLY = a_route(CATCH_ALL, MINE)


@pytest.mark.parametrize(
    ("route", "probe", "missing", "invalid"),
    [
        pytest.param(a_route(), UP, Status.PASS, Status.PASS, id="valid"),
        pytest.param(MISSING, DOWN, Status.FAIL, Status.SKIP, id="no-such-configmap"),
        pytest.param(MISSING, UP, Status.WARN, Status.SKIP, id="gone-but-the-pods-still-run"),
        pytest.param(NO_RULES, EMPTY_503, Status.FAIL, Status.PASS, id="no-rules"),
        pytest.param(LAST, DOWN, Status.PASS, Status.FAIL, id="no-catch-all"),
        pytest.param(EARLY, DOWN, Status.PASS, Status.FAIL, id="catch-all-first"),
        pytest.param(EARLY, UP, Status.PASS, Status.WARN, id="refused-at-the-next-start"),
        pytest.param(a_route("- hostname: *.x\n  service: y"), DOWN, Status.PASS, Status.FAIL, id="not-yaml"),
    ],
)
def test_configuration(route: Any, probe: Any, missing: Status, invalid: Status) -> None:
    assert config_missing(route, probe)[0].status is missing
    assert config_invalid(route, probe)[0].status is invalid


def test_a_refusal_is_told_in_cloudflareds_words_with_its_rule() -> None:
    finding = config_invalid(EARLY, DOWN)[0]

    assert "rule 1 (line 3)" in finding.summary
    assert "Rule #1 is matching the hostname ''" in str(finding.facts)
    assert finding.remedy is not None
    assert "very end" in finding.remedy.text


def running(*rules: str) -> CloudflaredState:
    state = PodState(pod="cloudflared-1", config_version=-1, running=a_config(*rules).rules)
    return CloudflaredState(outdated=("cloudflared-1",), pods=(state,))


OUTDATED = CloudflaredState(outdated=("cloudflared-1",), unread=(FORBIDDEN,))
REMOTE = ConfigSource(home=ConfigHome.REMOTE, ref="the configuration of tunnel t at Cloudflare")


@pytest.mark.parametrize(
    ("route", "state", "probe", "status"),
    [
        pytest.param(a_route(), CloudflaredState(), UP, Status.PASS, id="pods-are-younger"),
        pytest.param(a_route(), OUTDATED, EMPTY_404, Status.FAIL, id="older-and-falls-through"),
        pytest.param(a_route(), OUTDATED, BROKEN, Status.FAIL, id="older-and-502"),
        pytest.param(a_route(), OUTDATED, UP, Status.WARN, id="older-but-it-works"),
        pytest.param(a_route(), running(ARGOCD, CATCH_ALL), EMPTY_404, Status.FAIL, id="running-rules-lack-the-host"),
        pytest.param(a_route(), running(), EMPTY_404, Status.PASS, id="running-rules-are-the-same"),
        pytest.param(a_route(workloads=()), OUTDATED, EMPTY_404, Status.SKIP, id="no-pods-of-ours"),
        pytest.param(a_route(config=a_config(source=REMOTE)), OUTDATED, UP, Status.SKIP, id="pushed-by-cloudflare"),
    ],
)
def test_stale_config(route: Any, state: Any, probe: Any, status: Status) -> None:
    assert stale_config(TARGET, route, state, probe)[0].status is status


@pytest.mark.parametrize(
    ("route", "status"),
    [
        pytest.param(a_route(), Status.PASS, id="a-file-of-its-own"),
        pytest.param(a_route(config=a_config(source=REMOTE)), Status.WARN, id="file-replaced"),
        pytest.param(
            a_route(config=a_config(source=REMOTE), workloads=(replace(a_cloudflared(), config=None),)),
            Status.PASS,
            id="remote-without-a-file",
        ),
    ],
)
def test_remote_overrides_local(route: Any, status: Status) -> None:
    assert remote_overrides_local(route)[0].status is status


@pytest.mark.parametrize(
    ("route", "status"),
    [
        pytest.param(a_route(), Status.PASS, id="nothing-dead"),
        pytest.param(a_route(WILD, MINE, CATCH_ALL), Status.WARN, id="shadowed-rule"),
        pytest.param(EARLY, Status.SKIP, id="refused-anyway"),
    ],
)
def test_lint(route: Any, status: Status) -> None:
    assert lint(route)[0].status is status


PANELS = ("redis-acme-mgmt", "acme-admin-mgmt", "argocd-mgmt")
TENANTS = (a_cloudflared(*(a_rule(f"{name}.example.com") for name in PANELS), CATCH_ALL),)


@pytest.mark.parametrize(
    ("host", "route", "status", "words"),
    [
        pytest.param(HOST, a_route(), Status.PASS, "Rule 2", id="listed"),
        pytest.param(HOST, a_route(ARGOCD, CATCH_ALL), Status.FAIL, "No rule lists grafana", id="not-listed"),
        pytest.param(HOST, a_route(WILD, CATCH_ALL), Status.PASS, "Rule 1", id="by-wildcard"),
        pytest.param(
            HOST,
            a_route(ARGOCD, "- service: http://web.ns.svc:80"),
            Status.PASS,
            "everything else",
            id="catch-all-serves",
        ),
        pytest.param(
            HOST,
            a_route(a_rule(more="path: ^/api"), CATCH_ALL),
            Status.FAIL,
            "Rule 1 (grafana-mgmt.example.com path ^/api",
            id="listed-for-another-path",
        ),
        pytest.param(
            "admin-acme-mgmt.example.com",
            route_for("admin-acme-mgmt.example.com", lead=a_lead(""), items=TENANTS),
            Status.FAIL,
            "Did you mean acme-admin-mgmt.example.com?",
            id="words-swapped",
        ),
        pytest.param(HOST, EARLY, Status.SKIP, "refuses", id="configuration-refused"),
        pytest.param(HOST, MISSING, Status.SKIP, "no rules", id="configuration-missing"),
    ],
)
def test_host_missing(host: str, route: Any, status: Status, words: str) -> None:
    finding = host_missing(Target.parse(host), route)[0]

    assert finding.status is status
    assert words in finding.summary


def test_panels_of_the_same_tenant_are_listed() -> None:
    host = "admin-acme-mgmt.example.com"
    finding = host_missing(Target.parse(host), route_for(host, lead=a_lead(""), items=TENANTS))[0]

    assert {fact.name: fact.value for fact in finding.facts}["of the same tenant"] == "redis-acme-mgmt.example.com"


API = a_rule(more="path: ^/api")


@pytest.mark.parametrize(
    ("route", "probe", "status"),
    [
        pytest.param(a_route(), EMPTY_404, Status.PASS, id="its-own-rule-first"),
        pytest.param(a_route(WILD, MINE, CATCH_ALL), EMPTY_404, Status.FAIL, id="wildcard-first"),
        pytest.param(a_route(WILD, MINE, CATCH_ALL), UP, Status.WARN, id="wildcard-first-but-it-works"),
        pytest.param(a_route(MINE, WILD, CATCH_ALL), EMPTY_404, Status.PASS, id="wildcard-behind"),
        pytest.param(a_route(MINE, API, CATCH_ALL, path="/api"), EMPTY_404, Status.WARN, id="path-behind-same-service"),
        pytest.param(a_route(MINE, API, CATCH_ALL), EMPTY_404, Status.PASS, id="path-behind-does-not-match"),
        pytest.param(a_route(ARGOCD, CATCH_ALL), EMPTY_404, Status.SKIP, id="not-listed"),
        pytest.param(EARLY, DOWN, Status.SKIP, id="configuration-refused"),
    ],
)
def test_shadowed(route: Any, probe: Any, status: Status) -> None:
    assert shadowed(TARGET, route, probe)[0].status is status


@pytest.mark.parametrize(
    ("service", "status"),
    [
        pytest.param("https://web.ns.svc:443", Status.PASS, id="https"),
        pytest.param("unix:/run/web.sock", Status.PASS, id="unix"),
        pytest.param("tcp://db.ns.svc:5432", Status.FAIL, id="tcp"),
        pytest.param("h2c://grpc.ns.svc:50051", Status.FAIL, id="unknown-scheme"),
        pytest.param("ssh://host.ns.svc:22", Status.WARN, id="ssh-for-its-client"),
        pytest.param("http_status:200", Status.PASS, id="a-status-on-purpose"),
        pytest.param("http_status:451", Status.WARN, id="an-error-on-purpose"),
    ],
)
def test_service_kind(service: str, status: Status) -> None:
    assert service_kind(TARGET, a_route(service=service))[0].status is status


HOSTS = KnownHosts(hosts={HOST: ("IngressRoute monitoring/grafana",)})
NOT_TAKEN = a_decision()
ROUTED = a_decision(a_candidate(f"Host(`{HOST}`)"))


@pytest.mark.parametrize(
    ("decision", "hosts", "status"),
    [
        pytest.param(ROUTED, HOSTS, Status.WARN, id="a-public-route-too"),
        pytest.param(ROUTED, KnownHosts(hosts={}), Status.PASS, id="only-a-catch-all-route"),
        pytest.param(NOT_TAKEN, HOSTS, Status.PASS, id="route-not-taken"),
        pytest.param(UNSEEN, HOSTS, Status.SKIP, id="routes-not-readable"),
    ],
)
def test_served_both_ways(decision: Any, hosts: Any, status: Status) -> None:
    assert served_both_ways(TARGET, a_route(), decision, hosts, a_traefik())[0].status is status


TLS = "https://grafana.monitoring.svc.cluster.local:443"
SELF_SIGNED = logs_of(
    an_origin_error("tls: failed to verify certificate: x509: certificate signed by unknown authority")
)
WRONG_NAME = logs_of(an_origin_error("tls: failed to verify certificate: x509: certificate is valid for a, not b"))
EXPIRED = logs_of(an_origin_error("x509: certificate has expired or is not yet valid"))
PLAIN = logs_of(an_origin_error("tls: first record does not look like a TLS handshake"))
SPEAKS_TLS = logs_of(an_origin_error('net/http: HTTP/1.x transport connection broken: malformed HTTP response "\\x15"'))
CALM = logs_of()
SAYS_TLS = visited(exchange(400, body=b"Client sent an HTTP request to an HTTPS server.\n"))


@pytest.mark.parametrize(
    ("service", "logs", "probe", "status"),
    [
        pytest.param("", CALM, UP, Status.PASS, id="plain-and-fine"),
        pytest.param(TLS, PLAIN, BROKEN, Status.FAIL, id="https-to-a-plain-port"),
        pytest.param(TLS, PLAIN, UP, Status.WARN, id="https-to-a-plain-port-a-minute-ago"),
        pytest.param("", SPEAKS_TLS, BROKEN, Status.FAIL, id="http-to-a-tls-port"),
        pytest.param("", CALM, SAYS_TLS, Status.FAIL, id="the-origin-says-so"),
        pytest.param(TLS, SPEAKS_TLS, BROKEN, Status.PASS, id="a-complaint-about-the-other-scheme"),
        pytest.param("unix:/run/web.sock", CALM, UP, Status.SKIP, id="a-socket-has-no-scheme"),
    ],
)
def test_scheme_mismatch(service: str, logs: Any, probe: Any, status: Status) -> None:
    assert scheme_mismatch(a_route(service=service), UNSEEN, logs, probe, CLOCK)[0].status is status


@pytest.mark.parametrize(
    ("port", "service", "status"),
    [
        pytest.param({"name": "https", "port": 443}, "", Status.WARN, id="port-named-https"),
        pytest.param({"app_protocol": "http", "port": 80}, TLS, Status.WARN, id="app-protocol-http"),
        pytest.param({"name": "web", "port": 80}, "", Status.PASS, id="nothing-said"),
    ],
)
def test_the_services_port_may_tell_the_scheme(port: dict[str, Any], service: str, status: Status) -> None:
    view = a_view()
    assert view.port is not None
    view = replace(view, tunnel=True, port=replace(view.port, **port))

    assert scheme_mismatch(a_route(service=service), view, CALM, UP, CLOCK)[0].status is status


@pytest.mark.parametrize(
    ("service", "logs", "probe", "trust", "name"),
    [
        pytest.param("", SELF_SIGNED, BROKEN, Status.SKIP, Status.SKIP, id="plain-http-verifies-nothing"),
        pytest.param(TLS, CALM, UP, Status.PASS, Status.PASS, id="no-complaint"),
        pytest.param(TLS, SELF_SIGNED, BROKEN, Status.FAIL, Status.PASS, id="unknown-authority"),
        pytest.param(TLS, EXPIRED, BROKEN, Status.FAIL, Status.PASS, id="expired"),
        pytest.param(TLS, SELF_SIGNED, UP, Status.WARN, Status.PASS, id="lately-but-not-now"),
        pytest.param(TLS, WRONG_NAME, BROKEN, Status.PASS, Status.FAIL, id="wrong-name"),
        pytest.param(TLS, UNSEEN, UP, Status.PASS, Status.PASS, id="log-not-readable"),
    ],
)
def test_certificates_of_the_origin(service: str, logs: Any, probe: Any, trust: Status, name: Status) -> None:
    assert origin_untrusted(a_route(service=service), logs, probe, CLOCK)[0].status is trust
    assert origin_name_mismatch(a_route(service=service), logs, probe, CLOCK)[0].status is name


def no_route(host: str) -> RouteDecision:
    """The controller has no route for a host."""
    return RouteDecision(request=RouteRequest(host=host), outcome=Outcome.NO_ROUTE)


RENAMED = a_route(a_rule(more="originRequest:\n  httpHostHeader: other.example.com"), CATCH_ALL)


@pytest.mark.parametrize(
    ("route", "probe", "status"),
    [
        pytest.param(a_route(), UP, Status.PASS, id="the-visitors-own"),
        pytest.param(RENAMED, UP, Status.PASS, id="another-that-works"),
        pytest.param(RENAMED, visited(exchange(421)), Status.WARN, id="another-that-is-refused"),
    ],
)
def test_host_header(route: Any, probe: Any, status: Status) -> None:
    assert host_header(route, probe, UNSEEN, UNSEEN)[0].status is status


@pytest.mark.parametrize(
    ("decision", "status"),
    [
        pytest.param(no_route("other.example.com"), Status.FAIL, id="no-route-for-it"),
        pytest.param(no_route(HOST), Status.WARN, id="asked-for-another"),
        pytest.param(
            replace(no_route("other.example.com"), unread=("IngressRoutes",)), Status.WARN, id="not-all-was-read"
        ),
    ],
)
def test_a_host_header_that_the_controller_has_no_route_for(decision: Any, status: Status) -> None:
    [finding] = host_header(RENAMED, EMPTY_404, UNSEEN, decision)

    assert finding.status is status


def test_verify_off() -> None:
    off = a_route(a_rule(service=TLS, more="originRequest:\n  noTLSVerify: true"), CATCH_ALL)

    assert verify_off(off)[0].status is Status.WARN
    assert verify_off(a_route(service=TLS))[0].status is Status.PASS
    assert verify_off(a_route())[0].status is Status.SKIP


ACCESS = "access:\n    required: true\n    teamName: team\n    audTag: [x]\n"


def test_access_at_the_top_level_is_not_enforced() -> None:
    top = a_config(top=f"tunnel: {TUNNEL}\noriginRequest:\n  {ACCESS}")
    [found] = [route_for(items=(a_cloudflared(config=top),))]
    own = a_route(a_rule(more=f"originRequest:\n  {ACCESS}"), CATCH_ALL)

    assert access_not_enforced(found)[0].status is Status.WARN
    assert access_not_enforced(own)[0].status is Status.PASS
    assert access_not_enforced(a_route())[0].status is Status.PASS


ADDRESS = "https://10.0.0.200:443"
OWNED = AddressOwner(address="10.0.0.200", owners=("Node pi",))
NOBODYS = AddressOwner(address="10.0.0.200", others=(("Node pi", "10.0.0.57"),))
PUBLIC = Inapplicable(wanted="x", reason="the rule names no private address")


@pytest.mark.parametrize(
    ("owner", "probe", "status"),
    [
        pytest.param(OWNED, BROKEN, Status.PASS, id="a-node-has-it"),
        pytest.param(NOBODYS, BROKEN, Status.FAIL, id="nobody-has-it-and-502"),
        pytest.param(NOBODYS, UP, Status.SKIP, id="a-machine-outside-of-the-cluster"),
        pytest.param(PUBLIC, BROKEN, Status.SKIP, id="no-private-address"),
        pytest.param(FORBIDDEN, BROKEN, Status.UNKNOWN, id="not-readable"),
    ],
)
def test_origin_address_stale(owner: Any, probe: Any, status: Status) -> None:
    finding = origin_address_stale(a_route(service=ADDRESS), owner, probe)[0]

    assert finding.status is status


def test_the_address_of_a_name_that_no_rule_takes_is_not_judged() -> None:
    assert origin_address_stale(NO_TUNNEL, OWNED, BROKEN)[0].status is Status.SKIP


@pytest.mark.parametrize(
    ("rule", "probe", "status"),
    [
        pytest.param(a_rule(service=ADDRESS), BROKEN, Status.FAIL, id="nobody-signs-for-a-private-address"),
        pytest.param(a_rule(service=TLS), BROKEN, Status.FAIL, id="nobody-signs-for-a-cluster-name"),
        pytest.param(a_rule(service=ADDRESS), UP, Status.PASS, id="it-works-all-the-same"),
        pytest.param(a_rule(service="https://www.example.org"), BROKEN, Status.PASS, id="a-public-name"),
        pytest.param(
            a_rule(service=TLS, more="originRequest:\n  originServerName: a.example"), BROKEN, Status.PASS, id="named"
        ),
        pytest.param(
            a_rule(service=TLS, more="originRequest:\n  noTLSVerify: true"), BROKEN, Status.PASS, id="verify-off"
        ),
    ],
)
def test_without_a_log_what_nobody_signs_is_told_by_the_rule(rule: str, probe: Any, status: Status) -> None:
    assert origin_untrusted(a_route(rule, CATCH_ALL), UNSEEN, probe, CLOCK)[0].status is status
