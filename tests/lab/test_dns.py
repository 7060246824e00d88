"""The lab's DNS servers, asked with dnspython over UDP and TCP."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import pytest

from build.values import replace
from ingressdoctor.errors import LabError
from ingressdoctor.lab import Lab, NoPlane, World, running
from ingressdoctor.lab.serve.dns_records import Names

Start = Callable[[dict[str, Any]], AbstractContextManager[Lab]]
V4 = {"104.21.32.11", "172.67.150.7"}
V6 = {"2606:4700:3031::6815:200b", "2606:4700:3037::ac43:9607"}


def ask(
    lab: Lab, name: str, kind: str = "A", *, view: str = "system", tcp: bool = False, timeout_s: float = 20.0
) -> dns.message.Message:
    ends = lab.handout.endpoints
    address = dict(zip(("system", "public", "authoritative"), (*ends.resolvers, ends.authoritative), strict=True))
    host, _, port = address[view].rpartition(":")
    query = dns.message.make_query(name, kind)
    return (dns.query.tcp if tcp else dns.query.udp)(query, host, port=int(port), timeout=timeout_s)


def values(answer: dns.message.Message, kind: str) -> set[str]:
    wanted = dns.rdatatype.from_text(kind)
    return {item.to_text() for part in answer.answer if part.rdtype == wanted for item in part}


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
@pytest.mark.parametrize("view", ["system", "public", "authoritative"])
def test_a_proxied_name_answers_with_the_edge(apis: Lab, view: str, tcp: bool) -> None:
    a = ask(apis, "www.wecare.gr", "A", view=view, tcp=tcp)
    assert values(a, "A") == V4
    assert a.answer[0].ttl == 300
    assert values(ask(apis, "www.wecare.gr", "AAAA", view=view, tcp=tcp), "AAAA") == V6
    assert bool(a.flags & dns.flags.AA) == (view == "authoritative")
    assert bool(a.flags & dns.flags.RA) == (view != "authoritative")


def test_a_proxied_name_has_an_https_record(apis: Lab) -> None:
    (record,) = values(ask(apis, "www.wecare.gr", "HTTPS"), "HTTPS")
    assert record.startswith('1 . alpn="h3,h2" ipv4hint="104.21.32.11,')


def test_a_name_is_found_in_any_case(apis: Lab) -> None:
    assert values(ask(apis, "WwW.WeCare.GR"), "A") == V4


def test_a_proxied_cname_shows_no_cname(apis: Lab) -> None:
    name = "grafana-ecnv4-mgmt.ecommercen.com"
    assert values(ask(apis, name), "A") == V4
    assert ask(apis, name, "CNAME").answer == []


def test_a_name_that_is_not_proxied_has_its_own_content(apis: Lab) -> None:
    assert values(ask(apis, "erp.wecare.gr"), "A") == {"203.0.113.10"}
    assert ask(apis, "erp.wecare.gr", "HTTPS").answer == []


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        pytest.param("wecare.gr", "NS", {"ada.ns.cloudflare.com.", "rob.ns.cloudflare.com."}, id="ns"),
        pytest.param("wecare.gr", "MX", {"10 mail.example.net."}, id="mx"),
        pytest.param("wecare.gr", "CAA", {'0 issue "letsencrypt.org"'}, id="caa"),
        pytest.param("wecare.gr", "TXT", {'"v=spf1 include:_spf.example.net -all"'}, id="txt"),
        pytest.param("ada.ns.cloudflare.com", "A", {"173.245.58.100"}, id="a-zone-file"),
        pytest.param("any.cfargotunnel.com", "AAAA", {"fd10:aec2:5dae::"}, id="a-wildcard-in-a-zone-file"),
    ],
)
def test_other_records(apis: Lab, name: str, kind: str, expected: set[str]) -> None:
    assert values(ask(apis, name, kind), kind) == expected


@pytest.mark.parametrize(
    ("name", "kind", "view", "rcode"),
    [
        pytest.param("nope.wecare.gr", "A", "system", dns.rcode.NXDOMAIN, id="no-such-name"),
        pytest.param("www.wecare.gr", "TXT", "system", dns.rcode.NOERROR, id="no-such-type"),
        pytest.param("nope.example", "A", "public", dns.rcode.NXDOMAIN, id="no-such-zone-for-a-resolver"),
        pytest.param("nope.example", "A", "authoritative", dns.rcode.REFUSED, id="no-such-zone-for-an-authority"),
    ],
)
def test_negative_answers(apis: Lab, name: str, kind: str, view: str, rcode: dns.rcode.Rcode) -> None:
    answer = ask(apis, name, kind, view=view)
    assert answer.rcode() == rcode
    assert answer.answer == []
    has_soa = any(part.rdtype == dns.rdatatype.SOA for part in answer.authority)
    assert has_soa == name.endswith("wecare.gr")


@pytest.mark.parametrize(
    ("how", "rcode"), [("servfail", dns.rcode.SERVFAIL), ("refused", dns.rcode.REFUSED)], ids=["servfail", "refused"]
)
def test_one_view_can_fail_alone(with_settings: Start, how: str, rcode: dns.rcode.Rcode) -> None:
    with with_settings({"dns": {"misbehave": {"system": how}}}) as lab:
        assert ask(lab, "www.wecare.gr").rcode() == rcode
        assert values(ask(lab, "www.wecare.gr", view="public"), "A") == V4


def test_a_view_can_stay_silent(with_settings: Start) -> None:
    with with_settings({"dns": {"misbehave": {"system": "timeout"}}}) as lab, pytest.raises(dns.exception.Timeout):
        ask(lab, "www.wecare.gr", timeout_s=0.5)


def test_a_view_can_truncate_so_that_tcp_is_needed(with_settings: Start) -> None:
    with with_settings({"dns": {"misbehave": {"system": "truncate"}}}) as lab:
        short = ask(lab, "www.wecare.gr")
        assert short.flags & dns.flags.TC
        assert short.answer == []
        assert values(ask(lab, "www.wecare.gr", tcp=True), "A") == V4


def test_a_view_can_answer_differently(with_settings: Start) -> None:
    other = {"www.wecare.gr": {"A": ["203.0.113.7"], "AAAA": []}, "api.wecare.gr": "NXDOMAIN"}
    with with_settings({"dns": {"views": {"public": other}}}) as lab:
        assert values(ask(lab, "www.wecare.gr", view="public"), "A") == {"203.0.113.7"}
        assert ask(lab, "www.wecare.gr", "AAAA", view="public").answer == []
        assert ask(lab, "api.wecare.gr", view="public").rcode() == dns.rcode.NXDOMAIN
        assert values(ask(lab, "www.wecare.gr"), "A") == V4


def with_records(world: World, *records: dict[str, Any], **zone: Any) -> World:
    """The world with more records in wecare.gr and other fields of its zone object."""
    first, *rest = world.cloudflare["zones"]
    changed = {
        **first,
        "zone": {**first["zone"], **zone},
        "dns_records": [*first["dns_records"], *records],
    }
    return replace(world, cloudflare={**world.cloudflare, "zones": [changed, *rest]})


def record(kind: str, name: str, content: str, *, proxied: bool = False, **settings: bool) -> dict[str, Any]:
    return {"type": kind, "name": name, "content": content, "proxied": proxied, "ttl": 1, "settings": settings}


@pytest.mark.parametrize(
    ("records", "name", "kind", "expected"),
    [
        pytest.param(
            [record("CNAME", "shop.wecare.gr", "www.wecare.gr")],
            "shop.wecare.gr",
            "A",
            V4,
            id="a-chain-to-a-proxied-name",
        ),
        pytest.param(
            [record("CNAME", "a.wecare.gr", "erp.wecare.gr")], "a.wecare.gr", "A", {"203.0.113.10"}, id="a-plain-chain"
        ),
        pytest.param(
            [record("A", "*.wecare.gr", "192.0.2.1", proxied=True)], "any.wecare.gr", "A", V4, id="a-proxied-wildcard"
        ),
        pytest.param(
            [record("A", "*.wecare.gr", "192.0.2.1"), record("TXT", "t.wecare.gr", "x")],
            "t.wecare.gr",
            "A",
            set(),
            id="a-wildcard-does-not-cover-a-name-that-exists",
        ),
        pytest.param(
            [record("A", "*.wecare.gr", "192.0.2.1"), record("A", "a.b.wecare.gr", "192.0.2.2")],
            "b.wecare.gr",
            "A",
            set(),
            id="a-name-with-children-exists",
        ),
        pytest.param(
            [record("A", "six.wecare.gr", "192.0.2.1", proxied=True, ipv6_only=True)],
            "six.wecare.gr",
            "A",
            set(),
            id="proxied-for-ipv6-only",
        ),
        pytest.param(
            [record("A", "m.wecare.gr", "192.0.2.1"), record("A", "m.wecare.gr", "192.0.2.2", proxied=True)],
            "m.wecare.gr",
            "A",
            V4,
            id="one-proxied-record-makes-the-name-proxied",
        ),
    ],
)
def test_records_as_cloudflare_answers_them(
    records: list[dict[str, Any]], name: str, kind: str, expected: set[str], wecare: World
) -> None:
    with running(with_records(wecare, *records), plane=NoPlane) as lab:
        assert values(ask(lab, name, kind), kind) == expected


def test_a_cname_loop_is_a_server_failure(wecare: World) -> None:
    loop = [record("CNAME", "a.wecare.gr", "b.wecare.gr"), record("CNAME", "b.wecare.gr", "a.wecare.gr")]
    with running(with_records(wecare, *loop), plane=NoPlane) as lab:
        assert ask(lab, "a.wecare.gr").rcode() == dns.rcode.SERVFAIL


def test_a_zone_that_is_not_active_is_served_by_nobody(wecare: World) -> None:
    with running(with_records(wecare, status="pending"), plane=NoPlane) as lab:
        assert ask(lab, "www.wecare.gr").rcode() == dns.rcode.SERVFAIL
        assert ask(lab, "www.wecare.gr", view="authoritative").rcode() == dns.rcode.REFUSED


def test_a_paused_zone_shows_its_origin(wecare: World) -> None:
    with running(with_records(wecare, paused=True), plane=NoPlane) as lab:
        assert values(ask(lab, "www.wecare.gr"), "A") == {"203.0.113.10"}


def test_a_zone_file_can_be_for_one_view_only(wecare: World) -> None:
    text = "@ 60 IN SOA ns. host. 1 1 1 1 1\n@ 60 IN NS ns.\nwww 60 IN A 10.0.0.200\n"
    split = replace(wecare, zone_files={**wecare.zone_files, "wecare.gr@system": text})
    with running(split, plane=NoPlane) as lab:
        assert values(ask(lab, "www.wecare.gr"), "A") == {"10.0.0.200"}
        assert values(ask(lab, "www.wecare.gr", view="public"), "A") == V4


def test_a_broken_zone_file_names_itself(wecare: World) -> None:
    with pytest.raises(LabError, match=r"zone file broken\.example"):
        Names(replace(wecare, zone_files={"broken.example": "@ IN BOGUS x"}))


def test_nonsense_is_ignored_and_questions_are_counted(apis: Lab) -> None:
    import socket

    host, _, port = apis.handout.resolvers[0].rpartition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"not a dns message", (host, int(port)))
    before = len(apis.requests["dns.system"])
    ask(apis, "www.wecare.gr", "AAAA")
    assert apis.requests["dns.system"][before:] == [("system", "www.wecare.gr", "AAAA")]
