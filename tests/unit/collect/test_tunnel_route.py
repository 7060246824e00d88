"""Whose rules decide for a name, which rule takes its request, and where that leads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from build.outside import dns_view, resolver, zone
from build.tunnel import (
    ARGOCD,
    CATCH_ALL,
    HOST,
    OTHER,
    SOURCE,
    TUNNEL,
    UNSEEN,
    a_cloudflared,
    a_config,
    a_lead,
    a_route,
    a_rule,
    a_text,
    route_for,
)
from build.values import replace
from ingressdoctor.api import (
    Cloudflareds,
    ConfigHome,
    ConfigSource,
    KnownHosts,
    OriginKind,
    Preferences,
    RemoteRules,
    Target,
    TunnelConfig,
    TunnelFacts,
    TunnelIdentity,
    TunnelObject,
    TunnelRoute,
    Unavailable,
)
from ingressdoctor.collect.cloudflared_config import remote_config
from ingressdoctor.collect.tunnel_lead import Lead, collect_lead, lead_of
from ingressdoctor.collect.tunnel_route import collect_tunnel_route
from ingressdoctor.model.needs import Later

NO_ONE = a_lead("")
FILE = a_config(source=ConfigSource(home=ConfigHome.FILE, ref="file config.yml"))
BY_TOKEN = a_cloudflared(identity=TunnelIdentity(), by_token=True)
NAMED = KnownHosts(hosts={HOST: ("Ingress monitoring/grafana",)})
ROUTED = KnownHosts(hosts={HOST: ("IngressRoute monitoring/grafana",)})
NONE = KnownHosts(hosts={})
LEADS = zone(chain=(f"{TUNNEL}.cfargotunnel.com",), origin=())
EMPTY = dns_view(resolver())
GREY = dns_view(resolver(), chain=(HOST, f"{TUNNEL}.cfargotunnel.com."))


@pytest.mark.parametrize(
    ("facts", "dns", "hosts", "tunnel", "refuted"),
    [
        pytest.param(LEADS, EMPTY, NONE, TUNNEL, "", id="record-leads-to-a-tunnel"),
        pytest.param(LEADS, EMPTY, NAMED, TUNNEL, "", id="a-route-does-not-speak-against-a-record"),
        pytest.param(UNSEEN, GREY, NONE, TUNNEL, "", id="visible-in-dns"),
        pytest.param(zone(), EMPTY, NONE, "", "leads to no tunnel", id="record-leads-elsewhere"),
        pytest.param(UNSEEN, dns_view(), NAMED, "", "names the host", id="route-and-no-token"),
        pytest.param(zone(bare=True), dns_view(), NAMED, "", "names the host", id="route-and-an-answer-of-dns"),
        pytest.param(UNSEEN, UNSEEN, NAMED, "", "names the host", id="route-and-nothing-else-that-could-be-read"),
        pytest.param(zone(bare=True), EMPTY, NAMED, "", "", id="an-ingress-and-no-record-anywhere"),
        pytest.param(zone(bare=True), EMPTY, ROUTED, "", "names the host", id="traefiks-own-route-and-no-record"),
        pytest.param(zone(bare=True), EMPTY, NONE, "", "", id="no-record-anywhere"),
        pytest.param(UNSEEN, UNSEEN, UNSEEN, "", "", id="nothing-could-be-read"),
    ],
)
def test_lead(facts: Any, dns: Any, hosts: Any, tunnel: str, refuted: str) -> None:
    lead = lead_of(HOST, facts, dns, hosts)

    assert lead.tunnel == tunnel
    assert refuted in lead.refuted
    assert bool(lead.refuted) is bool(refuted)


@pytest.mark.parametrize(
    ("facts", "asked"),
    [pytest.param(zone(), 0, id="the-record-decides"), pytest.param(UNSEEN, 1, id="routes-where-nothing-else-does")],
)
async def test_routes_are_looked_at_only_where_they_matter(facts: Any, asked: int) -> None:
    calls: list[int] = []

    async def hosts() -> KnownHosts:
        calls.append(1)
        return NAMED

    lead = await collect_lead.function(Target.parse(HOST), facts, dns_view(), Later(hosts))

    assert isinstance(lead, Lead)
    assert lead.refuted
    assert len(calls) == asked


def remote(source: str = "cloudflare", *, src: str = "cloudflare", rules: Any = None) -> TunnelFacts:
    """What the API tells of the tunnel."""
    document = {"ingress": [{"hostname": HOST, "service": "http://remote.ns.svc:80"}, {"service": "http_status:404"}]}
    told = RemoteRules(version=3, source=source, rules=(), document=document) if rules is None else rules
    tunnel = TunnelObject(id=TUNNEL, name="t", status="healthy", config_src=src)
    return TunnelFacts(account_id="a", tunnel_id=TUNNEL, tunnel=tunnel, rules=told)


ELSEWHERE = a_cloudflared(identity=TunnelIdentity(id=OTHER))
DECIDES = [
    pytest.param({}, SOURCE.ref, HOST, id="the-workload-of-the-tunnel"),
    pytest.param({"items": (ELSEWHERE, a_cloudflared())}, SOURCE.ref, HOST, id="the-one-with-the-id"),
    pytest.param({"items": (), "file": FILE}, "file config.yml", HOST, id="a-file"),
    pytest.param({"file": FILE}, "file config.yml", HOST, id="a-file-comes-before-the-cluster"),
    pytest.param({"items": (BY_TOKEN,)}, SOURCE.ref, HOST, id="a-token-out-of-a-secret-may-be-it"),
    pytest.param(
        {"facts": remote()}, "the configuration of tunnel t at Cloudflare", HOST, id="configured-at-cloudflare"
    ),
    pytest.param({"facts": remote("local", src="local")}, SOURCE.ref, HOST, id="a-copy-adds-nothing"),
    pytest.param(
        {"items": (), "facts": remote("local", src="local")},
        "the copy of the configuration",
        HOST,
        id="a-copy-of-a-host",
    ),
    pytest.param({"lead": NO_ONE}, SOURCE.ref, HOST, id="by-the-rule-that-names-it"),
]


@pytest.mark.parametrize(("given", "ref", "hostname"), DECIDES)
def test_whose_rules_decide(given: dict[str, Any], ref: str, hostname: str) -> None:
    route = route_for(**given)

    assert isinstance(route, TunnelRoute)
    assert isinstance(route.config, TunnelConfig)
    assert route.config.source.ref.startswith(ref)
    assert route.rule is not None
    assert route.rule.hostname == hostname


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        pytest.param({"items": ()}, "no cloudflared of this cluster runs", id="nobody-here"),
        pytest.param({"items": (ELSEWHERE,)}, f"runs {OTHER}", id="only-another-tunnel"),
        pytest.param(
            {"items": (replace(BY_TOKEN, config=None),)}, "from Cloudflare", id="rules-at-cloudflare-no-api-token"
        ),
        pytest.param({"items": (a_cloudflared(config=UNSEEN),)}, "no token", id="configmap-not-readable"),
        pytest.param({"facts": remote(rules=UNSEEN)}, "no token", id="remote-rules-not-readable"),
    ],
)
def test_rules_that_could_not_be_read(given: dict[str, Any], reason: str) -> None:
    route = route_for(**given)

    assert isinstance(route, TunnelRoute)
    assert isinstance(route.config, Unavailable)
    assert reason in route.config.reason
    assert route.certain


def test_another_tunnels_rules_that_name_the_host_are_told() -> None:
    route = route_for(items=(ELSEWHERE,))

    assert isinstance(route, TunnelRoute)
    assert route.elsewhere == (SOURCE.ref,)


@pytest.mark.parametrize(
    ("host", "items", "named"),
    [
        pytest.param(HOST, (a_cloudflared(),), "exact", id="exact"),
        pytest.param("x.example.com", (a_cloudflared(a_rule("*.example.com"), CATCH_ALL),), "wildcard", id="wildcard"),
        pytest.param("new-mgmt.example.com", (a_cloudflared(),), "", id="same-pattern"),
        pytest.param(HOST, (a_cloudflared(CATCH_ALL, a_rule()),), "exact", id="named-in-a-refused-configuration"),
        pytest.param(HOST, (a_cloudflared(a_rule("*.example.com"), a_rule(), CATCH_ALL),), "exact", id="shadowed"),
    ],
)
def test_how_a_name_is_named(host: str, items: Any, named: str) -> None:
    route = route_for(host, lead=NO_ONE, items=items)

    assert isinstance(route, TunnelRoute)
    assert route.named == named
    assert route.ground
    assert not route.by_record


@pytest.mark.parametrize(
    ("items", "reason"),
    [
        pytest.param((), "nothing leads", id="no-cloudflared"),
        pytest.param((a_cloudflared(),), "no rule of Deployment", id="no-such-name"),
    ],
)
def test_a_name_of_another_kind_is_no_tunnels(items: Any, reason: str) -> None:
    found = route_for("shop.example.net", lead=NO_ONE, items=items)

    assert isinstance(found, Unavailable)
    assert reason in found.reason
    assert not found.enable_with


def test_rules_that_only_the_api_knows_name_a_tunnel() -> None:
    tunnel = TunnelObject(id=OTHER, name="home", status="healthy")
    facts = TunnelFacts(account_id="a", tunnel_id="", tunnel=None, wanted_by=(tunnel,))

    route = route_for("shop.example.net", lead=NO_ONE, items=(), facts=facts)

    assert isinstance(route, TunnelRoute)
    assert (route.tunnel, route.named) == (OTHER, "exact")
    assert isinstance(route.config, Unavailable)


SERVICES = [
    pytest.param("http://web.shop.svc.cluster.local:8080", ("shop", "web", "8080"), id="full-name"),
    pytest.param("http://web.shop.svc", ("shop", "web", "80"), id="default-port"),
    pytest.param("https://web.shop:8443", ("shop", "web", "8443"), id="namespace-only"),
    pytest.param("http://web:80", ("cloudflared", "web", "80"), id="same-namespace"),
    pytest.param("http://web.shop.svc.cluster.internal", ("shop", "web", "80"), id="another-cluster-domain"),
    pytest.param("http://10.43.0.7:80", None, id="address"),
    pytest.param("http://localhost:8080", None, id="localhost"),
    pytest.param("http://www.example.com", None, id="a-name-outside"),
    pytest.param("http://nas.local", None, id="a-name-of-the-lan"),
    pytest.param("http_status:404", None, id="status"),
]


@pytest.mark.parametrize(("service", "expected"), SERVICES)
def test_the_service_that_a_rule_names(service: str, expected: tuple[str, str, str] | None) -> None:
    found = a_route(service=service).backend

    assert (None if found is None else (found.namespace, found.name, found.port)) == expected


def test_settings_of_the_top_level_are_inherited() -> None:
    top = f"tunnel: {TUNNEL}\noriginRequest:\n  noTLSVerify: true\n  originServerName: top.example.com\n"
    own = a_rule(service="https://web.shop:443", more="originRequest:\n  originServerName: own.example.com")
    route = route_for(items=(a_cloudflared(config=a_config(own, CATCH_ALL, top=top)),))

    assert isinstance(route, TunnelRoute)
    assert route.origin is not None
    assert (route.origin.verify, route.origin.server_name, route.origin.tls) == (False, "own.example.com", True)


@pytest.mark.parametrize(
    ("more", "name"),
    [
        pytest.param("", "web.shop", id="host-of-the-service"),
        pytest.param("originRequest:\n  matchSNItoHost: true", HOST, id="the-visitors-host"),
        pytest.param(
            "originRequest:\n  matchSNItoHost: true\n  httpHostHeader: h.example", "h.example", id="host-header"
        ),
    ],
)
def test_which_name_is_verified(more: str, name: str) -> None:
    origin = a_route(a_rule(service="https://web.shop:443", more=more), CATCH_ALL).origin

    assert origin is not None
    assert origin.server_name == name


def test_a_rule_for_another_path_is_passed() -> None:
    route = a_route(a_rule(more="path: ^/api"), ARGOCD, CATCH_ALL)

    assert [item.rule.number for item in route.passed] == [1]
    assert route.origin is not None
    assert route.origin.kind is OriginKind.STATUS


@pytest.mark.parametrize(
    ("facts", "local", "there"),
    [
        pytest.param(UNSEEN, False, False, id="api-not-readable"),
        pytest.param(replace(remote(), tunnel=None), False, False, id="tunnel-deleted"),
        pytest.param(remote(), True, True, id="remote-replaces-a-file"),
        pytest.param(remote("local"), False, False, id="old-copy-of-a-tunnel-that-moved"),
        pytest.param(
            remote(rules=RemoteRules(version=1, source="cloudflare", rules=(), document={"ingress": 5})),
            False,
            True,
            id="odd",
        ),
    ],
)
def test_remote_rules(facts: Any, local: bool, there: bool) -> None:
    assert isinstance(remote_config(facts, local=local), TunnelConfig) is there


async def collected(lead: Any, path: str = "", host: str = HOST) -> tuple[Any, list[str]]:
    asked: list[str] = []

    async def cloudflareds() -> Cloudflareds:
        asked.append("cluster")
        return Cloudflareds(items=(a_cloudflared(),))

    async def facts() -> Unavailable:
        asked.append("api")
        return UNSEEN

    preferences = Preferences(cloudflared_config=path)
    found = await collect_tunnel_route.function(
        Target.parse(host), preferences, lead, Later(cloudflareds), Later(facts)
    )
    return found, asked


async def test_a_name_that_leads_elsewhere_costs_nothing() -> None:
    found, asked = await collected(lead_of(HOST, zone(), EMPTY, NONE))

    assert isinstance(found, Unavailable)
    assert asked == []


async def test_a_file_of_rules_overrules_a_route_but_no_record(tmp_path: Path) -> None:
    path = tmp_path / "config.yml"
    path.write_text(a_text())

    by_route, _ = await collected(lead_of(HOST, UNSEEN, dns_view(), NAMED), str(path))
    by_record, _ = await collected(lead_of(HOST, zone(), EMPTY, NONE), str(path))

    assert isinstance(by_route, TunnelRoute)
    assert isinstance(by_record, Unavailable)


async def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    found, _ = await collected(a_lead(), str(tmp_path))

    assert isinstance(found, TunnelRoute)
    assert isinstance(found.config, Unavailable)
    assert "directory" in found.config.reason
