"""The walk of LAN names: its steps, its page, and which targets it claims."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from build.lan import a_lan_name
from build.outside import dns_view
from build.routes import HOST, a_decision
from build.tunnel import a_route
from ingressdoctor.api import Bypass, KnownHosts, Target, Unavailable
from ingressdoctor_checks.walks import claim_public, claim_tunnel
from ingressdoctor_checks.walks_lan import LAN, claim_lan

DOCS = Path(__file__).parents[3] / "docs"
UNSEEN = Unavailable(wanted="it", reason="no token")
NONE = KnownHosts(hosts={})
NAMED = KnownHosts(hosts={HOST: ("Ingress ns/shop",)})


def test_the_steps_are_those_of_the_documented_sequence() -> None:
    assert [step.id for step in LAN.steps] == ["lan-dns", "dns", "outside", "nginx", "certificate", "backend"]


@pytest.mark.parametrize("step", LAN.steps, ids=lambda step: step.id)
def test_every_step_has_its_section(step: Any) -> None:
    page, _, anchor = step.docs.partition("#")
    headings = re.findall(r"^## (.+)$", (DOCS / page).read_text(), re.MULTILINE)

    assert anchor in [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]


LANS = [
    pytest.param(a_lan_name(), NAMED, 95, "Ingress ns/shop names the host", id="a-route-and-private-answers"),
    pytest.param(a_lan_name(), NONE, 80, "a private address", id="private-answers-alone"),
    pytest.param(a_lan_name(), UNSEEN, 80, "a private address", id="cluster-not-readable"),
    pytest.param(a_lan_name(by_cluster=True), NAMED, 95, "no record leads it anywhere", id="an-ingress-and-no-record"),
    pytest.param(a_lan_name(mixed=True), NAMED, 30, "a private address", id="split-horizon"),
    pytest.param(UNSEEN, NAMED, 0, "", id="no-private-address"),
]


@pytest.mark.parametrize(("lan", "hosts", "strength", "ground"), LANS)
def test_claim_of_the_lan(lan: Any, hosts: Any, strength: int, ground: str) -> None:
    claim = claim_lan.function(Target.parse(HOST), lan, hosts, UNSEEN)

    assert claim.strength == strength
    assert ground in claim.ground


@pytest.mark.parametrize(
    ("past", "strength"),
    [
        pytest.param(Bypass(lan=True), 70, id="a-private-address"),
        pytest.param(Bypass(), 100, id="a-public-one"),
    ],
)
def test_what_is_private_is_claimed_weakly_for_the_public_walk(past: Any, strength: int) -> None:
    claim = claim_public.function(Target.parse(HOST), NAMED, dns_view(), a_decision(), UNSEEN, past)

    assert claim.strength == strength


@pytest.mark.parametrize("hosts", [NAMED, NONE], ids=["an-ingress-names-it", "no-ingress-names-it"])
def test_a_record_of_a_tunnel_without_a_rule_is_in_the_way(hosts: KnownHosts) -> None:
    aside = a_route(by_record=True, named="")
    claim = claim_lan.function(Target.parse(HOST), a_lan_name(mixed=True, own=True), hosts, aside)

    assert claim.strength == 98
    assert claim.strength > claim_tunnel.function(Target.parse(HOST), aside).strength > 95
