"""The public walk: its steps, its pages, and which targets it claims."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from build.entry import a_tcp_route
from build.outside import dns_view, resolver, visited, zone
from build.routes import HOST, a_candidate, a_decision
from build.tcp import an_entry
from build.tunnel import CATCH_ALL, a_cloudflared, a_lead, a_route, a_rule, route_for
from build.tunnel import HOST as PANEL
from ingressdoctor.api import Bypass, KnownHosts, Target, Unavailable
from ingressdoctor_checks.walks import PUBLIC, TUNNEL, WALKS, claim_by_login, claim_public, claim_tunnel
from ingressdoctor_checks.walks_sql import SQL, claim_by_entry_point, claim_sql

DOCS = Path(__file__).parents[3] / "docs"
UNSEEN = Unavailable(wanted="it", reason="no token")
NONE = KnownHosts(hosts={})
NAMED = KnownHosts(hosts={HOST: ("IngressRoute ns/shop", "Ingress ns/shop")})
WILD = KnownHosts(hosts={"*.example.com": ("IngressRoute ns/all",)})
EMPTY = dns_view(resolver())
BARE = zone(bare=True)
CLAIMS = [
    pytest.param(NAMED, EMPTY, a_decision(), BARE, 100, "IngressRoute ns/shop and 1 more", id="route-names-the-host"),
    pytest.param(WILD, EMPTY, a_decision(), BARE, 100, "ns/all", id="wildcard-over-the-host"),
    pytest.param(NONE, EMPTY, a_decision(a_candidate("PathPrefix(`/`)")), BARE, 90, "takes requests", id="catch-all"),
    pytest.param(NONE, dns_view(), a_decision(), BARE, 50, "DNS answers", id="dns-answers"),
    pytest.param(NONE, EMPTY, a_decision(), zone(), 40, "has a record", id="record-at-cloudflare"),
    pytest.param(UNSEEN, EMPTY, UNSEEN, UNSEEN, 10, "not looked at: it", id="cluster-not-readable"),
    pytest.param(NONE, UNSEEN, UNSEEN, UNSEEN, 10, "not looked at", id="dns-not-readable"),
    pytest.param(NONE, EMPTY, a_decision(), BARE, 0, "", id="nothing-knows-it"),
]


@pytest.mark.parametrize(("hosts", "dns", "decision", "facts", "strength", "ground"), CLAIMS)
def test_claim(hosts: Any, dns: Any, decision: Any, facts: Any, strength: int, ground: str) -> None:
    claim = claim_public.function(Target.parse(HOST), hosts, dns, decision, facts, UNSEEN)

    assert claim.strength == strength
    assert ground in claim.ground
    assert bool(claim.searched) is (strength == 0)


def test_known_names_feed_did_you_mean() -> None:
    claim = claim_public.function(Target.parse("ww.example.com"), NAMED, EMPTY, a_decision(), BARE, UNSEEN)

    assert claim.known == (HOST,)


@pytest.mark.parametrize("step", [step for walk in (*WALKS, SQL) for step in walk.steps], ids=lambda step: step.docs)
def test_every_step_has_its_section(step: Any) -> None:
    page, _, anchor = step.docs.partition("#")
    headings = re.findall(r"^## (.+)$", (DOCS / page).read_text(), re.MULTILINE)
    anchors = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]

    assert anchor in anchors


def test_steps_are_those_of_the_documented_sequence() -> None:
    assert [step.id for step in PUBLIC.steps] == ["outside", "dns", "balancer", "controller", "backend"]


NOBODY = a_lead("")
TUNNELS = [
    pytest.param(a_route(), 100, "its record at Cloudflare leads to the tunnel", id="record-that-leads-to-a-tunnel"),
    pytest.param(route_for(lead=NOBODY), 95, "rule 2 of ConfigMap", id="rule-that-names-the-host"),
    pytest.param(
        route_for("new-mgmt.example.com", lead=NOBODY), 30, "names of the same pattern", id="names-of-the-same-pattern"
    ),
    pytest.param(route_for("shop.example.net", lead=NOBODY), 0, "", id="a-name-of-another-kind"),
    pytest.param(UNSEEN, 0, "", id="no-tunnel-known"),
]


@pytest.mark.parametrize(("route", "strength", "ground"), TUNNELS)
def test_claim_of_the_tunnel(route: Any, strength: int, ground: str) -> None:
    claim = claim_tunnel.function(Target.parse(PANEL), route)

    assert claim.strength == strength
    assert ground in claim.ground


def test_a_wildcard_rule_claims_less_than_a_route() -> None:
    items = (a_cloudflared(a_rule("*.example.com"), CATCH_ALL),)
    claim = claim_tunnel.function(Target.parse(PANEL), route_for("x.example.com", lead=NOBODY, items=items))

    assert claim.strength == 60


@pytest.mark.parametrize(
    ("past", "strength"),
    [
        pytest.param(Bypass(tunnel=True), 70, id="a-tunnel-leads-to-it"),
        pytest.param(Bypass(nodes=True), 70, id="its-record-leads-to-nodes"),
        pytest.param(Bypass(), 100, id="nothing-leads-past-a-load-balancer"),
        pytest.param(UNSEEN, 100, id="nobody-could-look"),
    ],
)
def test_what_leads_past_a_load_balancer_claims_less_for_the_public_walk(past: Any, strength: int) -> None:
    hosts = KnownHosts(hosts={PANEL: ("Ingress monitoring/grafana",)})

    claim = claim_public.function(Target.parse(PANEL), hosts, EMPTY, a_decision(), BARE, past)

    assert claim.strength == strength


def test_the_steps_of_the_tunnel_are_those_of_the_documented_sequence() -> None:
    steps = ["outside", "dns", "tunnel", "rules", "nginx", "backend", "http2"]

    assert [step.id for step in TUNNEL.steps] == steps


@pytest.mark.parametrize(
    ("login", "strength"), [pytest.param("team.cloudflareaccess.com", 55, id="login"), pytest.param("", 0, id="none")]
)
def test_a_login_of_access_is_a_weak_claim(login: str, strength: int) -> None:
    claim = claim_by_login.function(visited(login=login))

    assert claim.strength == strength
    assert claim_by_login.at_most < claim_tunnel.at_most


MYSQL = Target.parse("mysql://db.example.com")


def test_the_steps_of_sql_are_those_of_the_documented_sequence() -> None:
    steps = ["greeting", "dns", "allowlist", "balancer", "entry", "backend", "maxscale", "auth"]

    assert [step.id for step in SQL.steps] == steps


@pytest.mark.parametrize(
    ("text", "strength", "ground"),
    [
        pytest.param("mysql://db.example.com", 100, "port 3306", id="scheme"),
        pytest.param("db.example.com:3306", 100, "port 3306", id="port"),
        pytest.param("mysql://db.example.com:3307", 100, "mysql://", id="scheme-on-another-port"),
        pytest.param("db.example.com:3307", 0, "", id="another-port"),
    ],
)
def test_claim_of_sql(text: str, strength: int, ground: str) -> None:
    claim = claim_sql.function(Target.parse(text))

    assert claim.strength == strength
    assert ground in claim.ground


@pytest.mark.parametrize(
    ("target", "entry", "strength"),
    [
        pytest.param(Target.parse("db.example.com:3307"), an_entry(a_tcp_route()), 95, id="a-tcp-route-takes-it"),
        pytest.param(Target.parse("db.example.com:3307"), an_entry(), 0, id="none-does"),
        pytest.param(Target.parse("db.example.com:3307"), UNSEEN, 0, id="not-looked-at"),
        pytest.param(MYSQL, an_entry(a_tcp_route()), 0, id="mysql-is-claimed-already"),
    ],
)
def test_claim_by_the_entry_point(target: Target, entry: Any, strength: int) -> None:
    assert claim_by_entry_point.function(target, entry).strength == strength


def test_mysql_belongs_to_no_other_walk() -> None:
    public = claim_public.function(MYSQL, NAMED, dns_view(), a_decision(), zone(), UNSEEN)

    assert (public.strength, claim_tunnel.function(MYSQL, a_route()).strength) == (0, 0)
