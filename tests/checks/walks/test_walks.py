"""The public walk: its steps, its pages, and which targets it claims."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from build.outside import dns_view, resolver, zone
from build.routes import HOST, a_candidate, a_decision
from ingressdoctor.api import KnownHosts, Target, Unavailable
from ingressdoctor_checks.walks import PUBLIC, WALKS, claim_public

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
    claim = claim_public.function(Target.parse(HOST), hosts, dns, decision, facts)

    assert claim.strength == strength
    assert ground in claim.ground
    assert bool(claim.searched) is (strength == 0)


def test_known_names_feed_did_you_mean() -> None:
    claim = claim_public.function(Target.parse("ww.example.com"), NAMED, EMPTY, a_decision(), BARE)

    assert claim.known == (HOST,)


@pytest.mark.parametrize("step", [step for walk in WALKS for step in walk.steps], ids=lambda step: step.id)
def test_every_step_has_its_section(step: Any) -> None:
    page, _, anchor = step.docs.partition("#")
    headings = re.findall(r"^## (.+)$", (DOCS / page).read_text(), re.MULTILINE)
    anchors = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]

    assert anchor in anchors


def test_steps_are_those_of_the_documented_sequence() -> None:
    assert [step.id for step in PUBLIC.steps] == ["outside", "dns", "balancer", "controller", "backend"]
