"""Which names are those of a LAN."""

from __future__ import annotations

from typing import Any

import pytest

from build.lan import a_lan_name
from build.nginx import a_class, an_ingress
from build.outside import EDGE, HOST, MISSING, dns_view, record, resolver, zone
from build.routes import objects
from build.tunnel import a_route
from build.values import replace
from ingressdoctor.evidence.dns import Rcode
from ingressdoctor.evidence.kube import Ingress
from ingressdoctor.routing.addresses import is_lan
from ingressdoctor.routing.lan import dialled_in_lan, lan_name, lan_of_cluster, nowhere

NODE, OTHER = "192.168.1.82", "10.0.0.9"
HOME = dns_view(resolver(NODE))
SPLIT = dns_view(resolver(NODE), resolver("203.0.113.9"))
GREY = zone(record(NODE, proxied=False))
TUNNEL = zone(record("x.cfargotunnel.com", kind="CNAME"), chain=("x.cfargotunnel.com",), origin=())

NAMES = [
    pytest.param(HOME, MISSING, (NODE,), True, id="private-answers"),
    pytest.param(HOME, GREY, (NODE,), True, id="a-private-record"),
    pytest.param(dns_view(), zone(record(NODE)), (NODE,), True, id="a-private-record-that-is-proxied"),
    pytest.param(dns_view(resolver()), GREY, (NODE,), True, id="a-record-that-resolvers-hide"),
    pytest.param(MISSING, GREY, (NODE,), True, id="no-dns"),
    pytest.param(SPLIT, MISSING, (NODE,), False, id="split-horizon-is-in-doubt"),
    pytest.param(SPLIT, GREY, (NODE,), True, id="split-horizon-with-a-private-record"),
    pytest.param(HOME, zone(), (NODE,), True, id="private-answers-and-a-public-record"),
    pytest.param(dns_view(), MISSING, (), False, id="the-edge"),
    pytest.param(dns_view(), zone(record(NODE), record("203.0.113.9")), (), False, id="mixed-records"),
    pytest.param(dns_view(resolver(NODE, EDGE[0])), MISSING, (), False, id="mixed-answers"),
    pytest.param(dns_view(), TUNNEL, (), False, id="a-tunnel"),
    pytest.param(MISSING, MISSING, (), False, id="nobody-could-look"),
    pytest.param(
        replace(HOME, resolvers=(), authoritative=resolver(OTHER)), MISSING, (OTHER,), True, id="the-zones-own"
    ),
]


@pytest.mark.parametrize(("dns", "facts", "addresses", "certain"), NAMES)
def test_lan_name(dns: Any, facts: Any, addresses: tuple[str, ...], certain: bool) -> None:
    found = lan_name(dns, facts)

    assert (found.addresses if found else ()) == addresses
    assert (found is not None and found.certain) is certain


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        pytest.param("192.168.1.1", True, id="rfc-1918"),
        pytest.param("fd00::1", True, id="unique-local"),
        pytest.param("fd10:aec2:5dae::", False, id="a-tunnels-placeholder"),
        pytest.param("127.0.0.1", False, id="loopback"),
        pytest.param("0.0.0.0", False, id="a-filters-answer"),
        pytest.param("203.0.113.9", False, id="public"),
    ],
)
def test_is_lan(address: str, expected: bool) -> None:
    assert is_lan(address) is expected


ASIDE = a_route(by_record=True, named="")
NAMED = a_route()


@pytest.mark.parametrize(
    ("lan", "route", "expected"),
    [
        pytest.param(a_lan_name(), MISSING, True, id="private-answers-everywhere"),
        pytest.param(a_lan_name(), NAMED, False, id="a-tunnel-whose-rules-name-it"),
        pytest.param(a_lan_name(mixed=True), MISSING, False, id="split-horizon"),
        pytest.param(a_lan_name(mixed=True, own=True), MISSING, False, id="split-horizon-at-home"),
        pytest.param(a_lan_name(mixed=True, own=True), ASIDE, True, id="a-tunnels-record-without-a-rule"),
        pytest.param(a_lan_name(mixed=True, own=True), NAMED, False, id="a-tunnels-record-with-a-rule"),
        pytest.param(a_lan_name(mixed=True), ASIDE, False, id="others-answer-so"),
        pytest.param(MISSING, ASIDE, False, id="no-private-address"),
    ],
)
def test_who_is_dialled_in_the_lan(lan: Any, route: Any, expected: bool) -> None:
    assert dialled_in_lan(lan, route) is expected


@pytest.mark.parametrize(
    ("dns", "own"),
    [
        pytest.param(SPLIT, True, id="own-resolver-first"),
        pytest.param(dns_view(resolver("203.0.113.9"), resolver(NODE)), False, id="another-resolver"),
        pytest.param(replace(HOME, resolvers=(), authoritative=resolver(NODE)), False, id="no-resolver"),
    ],
)
def test_whose_resolver_says_so(dns: Any, own: bool) -> None:
    found = lan_name(dns, MISSING)

    assert found is not None
    assert found.own is own


GONE, SILENT = resolver(rcode=Rcode.NXDOMAIN), resolver(rcode=Rcode.TIMEOUT)
NOWHERE = [
    pytest.param(dns_view(GONE), MISSING, True, id="nxdomain"),
    pytest.param(dns_view(resolver()), zone(bare=True), True, id="no-data-and-no-record"),
    pytest.param(dns_view(GONE, SILENT), MISSING, True, id="nxdomain-at-all-that-answer"),
    pytest.param(dns_view(GONE), zone(), False, id="the-zone-has-a-record"),
    pytest.param(dns_view(GONE, resolver(NODE)), MISSING, False, id="some-resolver-knows-it"),
    pytest.param(dns_view(GONE, chain=("x.example",)), MISSING, False, id="an-alias-that-leads-nowhere"),
    pytest.param(dns_view(SILENT), MISSING, False, id="nobody-answers"),
    pytest.param(MISSING, zone(bare=True), False, id="nobody-asked"),
]


@pytest.mark.parametrize(("dns", "facts", "expected"), NOWHERE)
def test_nowhere(dns: Any, facts: Any, expected: bool) -> None:
    assert nowhere(dns, facts) is expected


def an_ingress_at(*published: str, host: str = HOST, name: str | None = "nginx", old: str = "") -> Ingress:
    """An Ingress of a class, by its field or (*old*) by the annotation, that can be reached at some addresses."""
    notes = {"kubernetes.io/ingress.class": old} if old else {}
    return an_ingress(host=host, annotations=notes, published=published, ingressClassName=name)


CLASSES = (a_class(), a_class("internal"), a_class("traefik", "traefik.io/ingress-controller"))
CLUSTERS = [
    pytest.param(an_ingress_at(NODE, OTHER), CLASSES, (NODE, OTHER), id="private-addresses"),
    pytest.param(an_ingress_at(NODE, name="internal"), CLASSES, (NODE,), id="of-another-class-of-the-same-controller"),
    pytest.param(an_ingress_at(NODE, name=None, old="nginx"), CLASSES, (NODE,), id="by-the-old-annotation"),
    pytest.param(an_ingress_at(NODE), None, (NODE,), id="classes-that-may-not-be-read"),
    pytest.param(an_ingress_at(NODE, name="traefik"), CLASSES, (), id="of-another-controller"),
    pytest.param(an_ingress_at(NODE, name=None), CLASSES, (), id="of-no-class"),
    pytest.param(an_ingress_at(NODE, "203.0.113.9"), CLASSES, (), id="a-public-address-among-them"),
    pytest.param(an_ingress_at("lb.example.com"), CLASSES, (), id="a-name-in-place-of-addresses"),
    pytest.param(an_ingress_at(), CLASSES, (), id="no-status-yet"),
    pytest.param(an_ingress_at(NODE, host="other.example"), CLASSES, (), id="of-another-host"),
]


@pytest.mark.parametrize(("ingress", "classes", "addresses"), CLUSTERS)
def test_where_an_ingress_listens(ingress: Ingress, classes: Any, addresses: tuple[str, ...]) -> None:
    parts: dict[str, Any] = {"unread": ("ingress_classes",)} if classes is None else {"classes": classes}

    found = lan_of_cluster(HOST, objects(ingresses=(ingress,), **parts))

    assert (found.addresses if found else ()) == addresses
    assert found is None or (found.by_cluster and found.certain and ingress.ref in found.told_by)


UNREAD = [
    pytest.param(MISSING, id="no-cluster"),
    pytest.param(replace(objects(), ingresses=MISSING), id="ingresses-may-not-be-read"),
]


@pytest.mark.parametrize("known", UNREAD)
def test_a_cluster_that_could_not_be_read_speaks_for_nothing(known: Any) -> None:
    assert lan_of_cluster(HOST, known) is None
