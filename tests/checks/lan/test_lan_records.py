"""What stands beside a LAN name's own record: wildcards, HTTPS records, resolvers that filter or disagree."""

from __future__ import annotations

from typing import Any

import pytest

from build.lan import ECH, NODE, OTHER, PLAIN, a_lan_name, answer, around, https_records
from build.outside import EDGE, MISSING, RANGES, dns_view, exchange, record, resolver, visited, zone
from build.values import replace
from ingressdoctor.api import HttpsRecords, Rcode, Reach, Status, Symptom
from ingressdoctor_checks.lan_records import ech_record, rebinding_filtered, split_answers, wildcard_in_the_way

A, B = "192.168.1.1:53", "9.9.9.9:53"
HOME = dns_view(resolver(NODE, server=A), resolver(NODE, server=B))
LAN = a_lan_name(told_by="its record at Cloudflare")
SERVED = visited(exchange(headers=(), address=NODE), edge=False)
WILD = replace(record("x.cfargotunnel.com", kind="CNAME"), name="*.shop.example")
GREY = zone(record(NODE, proxied=False))

ECHS = [
    pytest.param(https_records("", ""), Status.PASS, "no HTTPS record", id="no-https-record"),
    pytest.param(https_records("", ECH), Status.FAIL, "ERR_ECH_FALLBACK", id="ech-at-one"),
    pytest.param(https_records(ECH.partition(" ech")[0]), Status.FAIL, "addresses of Cloudflare's", id="hints-only"),
    pytest.param(https_records(PLAIN), Status.PASS, "names no edge", id="a-record-of-ones-own"),
    pytest.param(https_records(), Status.SKIP, "No resolver was asked", id="not-asked"),
    pytest.param(
        HttpsRecords(replies=(replace(answer("HTTPS"), rcode=Rcode.SERVFAIL),)),
        Status.UNKNOWN,
        "No resolver answered",
        id="no-answer-is-not-none",
    ),
]


@pytest.mark.parametrize(("https", "status", "text"), ECHS)
def test_ech_record(https: HttpsRecords, status: Status, text: str) -> None:
    [finding] = ech_record(HOME, https, RANGES)

    assert finding.status is status
    assert text in finding.summary


WILDCARDS = [
    pytest.param(GREY, around(), Status.PASS, "No proxied wildcard", id="none"),
    pytest.param(replace(GREY, wildcards=(WILD,)), around(), Status.FAIL, "*.shop.example", id="in-the-zone"),
    pytest.param(
        replace(GREY, wildcards=(replace(WILD, proxied=False),)), around(), Status.PASS, "No proxied", id="a-grey-one"
    ),
    pytest.param(
        replace(zone(WILD), wildcard=True, wildcards=(WILD,)),
        MISSING,
        Status.FAIL,
        "no record of its own",
        id="answers",
    ),
    pytest.param(MISSING, around(answer("A", EDGE[0])), Status.FAIL, "ERR_ECH_FALLBACK", id="seen-by-dns"),
    pytest.param(MISSING, around(answer("HTTPS", ECH)), Status.FAIL, "*.shop.example", id="only-its-https-record"),
    pytest.param(MISSING, around(answer("A", NODE)), Status.PASS, "No proxied", id="a-wildcard-of-the-lan"),
    pytest.param(MISSING, MISSING, Status.UNKNOWN, "could not be looked at", id="nobody-could-look"),
    pytest.param(MISSING, around(asked=False), Status.UNKNOWN, "could not be looked at", id="nobody-was-asked"),
]


@pytest.mark.parametrize(("facts", "beside", "status", "text"), WILDCARDS)
def test_wildcard_in_the_way(facts: Any, beside: Any, status: Status, text: str) -> None:
    [finding] = wildcard_in_the_way(HOME, MISSING, facts, beside, RANGES)

    assert finding.status is status
    assert text in finding.summary + finding.subject


REBINDING = [
    pytest.param(HOME, LAN, Status.PASS, "leaves the private", id="all-answer"),
    pytest.param(
        dns_view(resolver(server=A), resolver(NODE, server=B)),
        LAN,
        Status.FAIL,
        "no address",
        id="own-resolver-filters",
    ),
    pytest.param(
        dns_view(resolver(server=A, rcode=Rcode.NXDOMAIN), resolver(NODE, server=B)),
        LAN,
        Status.FAIL,
        "does not exist",
        id="own-resolver-denies",
    ),
    pytest.param(
        dns_view(resolver("0.0.0.0", server=A), resolver(NODE, server=B)), LAN, Status.FAIL, "filtered", id="zeroes"
    ),
    pytest.param(
        dns_view(resolver(NODE, server=A), resolver(server=B)),
        LAN,
        Status.WARN,
        "The resolver 9.9.9.9",
        id="another-one",
    ),
    pytest.param(
        dns_view(resolver(server=A, rcode=Rcode.SERVFAIL), resolver(NODE, server=B)),
        LAN,
        Status.PASS,
        "No resolver",
        id="a-failure-is-no-filter",
    ),
    pytest.param(HOME, MISSING, Status.SKIP, "no private address", id="no-name-of-the-lan"),
    pytest.param(
        dns_view(resolver(rcode=Rcode.NXDOMAIN)), a_lan_name(by_cluster=True), Status.SKIP, "", id="no-record-to-filter"
    ),
]


@pytest.mark.parametrize(("view", "lan", "status", "text"), REBINDING)
def test_rebinding_filtered(view: Any, lan: Any, status: Status, text: str) -> None:
    [finding] = rebinding_filtered(view, lan)

    assert finding.status is status
    assert text in finding.summary
    assert finding.symptom is (Symptom.DNS_NXDOMAIN if status is Status.FAIL else None)


SPLIT = [
    pytest.param(HOME, Status.PASS, "agree", id="the-same"),
    pytest.param(
        dns_view(resolver(NODE, server=A), resolver(OTHER, NODE, server=B)), Status.PASS, "agree", id="one-in-common"
    ),
    pytest.param(
        dns_view(resolver(NODE, server=A), resolver(OTHER, server=B)), Status.WARN, "another private", id="two-private"
    ),
    pytest.param(
        dns_view(resolver(NODE, server=A), resolver("203.0.113.9", server=B)),
        Status.WARN,
        "a public address, 203.0.113.9",
        id="inside-and-outside",
    ),
    pytest.param(
        dns_view(resolver(server=A), resolver(NODE, server=B)), Status.SKIP, "Fewer than two", id="only-one-answers"
    ),
]


@pytest.mark.parametrize(("view", "status", "text"), SPLIT)
def test_split_answers(view: Any, status: Status, text: str) -> None:
    [finding] = split_answers(view, SERVED)

    assert finding.status is status
    assert text in finding.summary


def test_what_a_filter_hides_is_not_called_a_dead_address() -> None:
    [finding] = wildcard_in_the_way(HOME, MISSING, GREY, around(reach=Reach.TIMEOUT), RANGES)

    assert finding.status is Status.PASS
