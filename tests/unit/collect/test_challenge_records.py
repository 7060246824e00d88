"""Looking up a challenge's records at the zone's own servers, and CAA records where they were minded."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from build.certificates import RECORD, a_certificate, a_chain, a_challenge, a_request, an_order, issuing, ready
from ingressdoctor.api import ChallengeRecords, DnsRecord, DnsReply, Online, Rcode, Unavailable
from ingressdoctor.collect.challenge_records import challenge_records, plain_text

ONLINE = Online(online=True)
WAITING = a_certificate(ready("False", "DoesNotExist", "Secret does not exist"), issuing())
RESOLVER, FIRST, SECOND = "192.0.2.1:53", "203.0.113.53:53", "203.0.113.54:53"
ZONE = "shop.example.org"
SOA = {(RECORD, "SOA"): [(ZONE, "SOA", "ns1.shop.example.org. admin. 1 2 3 4 5")]}
SERVERS = {
    (ZONE, "NS"): [(ZONE, "NS", "ns1.shop.example.org."), (ZONE, "NS", "ns2.shop.example.org.")],
    ("ns1.shop.example.org", "A"): [("ns1.shop.example.org", "A", "203.0.113.53")],
    ("ns2.shop.example.org", "A"): [("ns2.shop.example.org", "A", "203.0.113.54")],
}
CAA = "403 urn:ietf:params:acme:error:caa: CAA record for shop.example.org prevents issuance"


class Names:
    """A small DNS: what each server answers, by name and type."""

    def __init__(
        self, answers: Mapping[str, Mapping[tuple[str, str], Any]], *, authoritative: str = "", dead: str = ""
    ) -> None:
        self.resolvers = (RESOLVER,) if not dead else (dead, RESOLVER)
        self.authoritative = authoritative
        self.asked: list[tuple[str, str, str]] = []
        self._answers, self._dead = answers, dead

    async def query(self, name: str, rdtype: str, server: str, *, recurse: bool = True) -> DnsReply:
        self.asked.append((name, rdtype, server))
        blank = DnsReply(name=name, rdtype=rdtype, server=server, rcode=Rcode.NXDOMAIN)
        if server == self._dead:
            return DnsReply(name=name, rdtype=rdtype, server=server, rcode=Rcode.TIMEOUT)
        found = self._answers.get(server, {}).get((name, rdtype))
        if found is None:
            return blank
        records = tuple(DnsRecord(name=owner, rdtype=kind, ttl=60, data=data) for owner, kind, data in found)
        return DnsReply(name=name, rdtype=rdtype, server=server, rcode=Rcode.NOERROR, answers=records)


def txt(*values: str, name: str = RECORD) -> list[tuple[str, str, str]]:
    return [(name, "TXT", f'"{value}"') for value in values]


def waiting(**more: Any) -> Any:
    return a_chain(WAITING, a_request(), a_challenge("not yet propagated", presented=True, **more))


async def looked_up(names: Names, chain: Any = None) -> ChallengeRecords:
    found = await challenge_records.function(chain or waiting(), names, ONLINE)
    assert isinstance(found, ChallengeRecords)
    return found


async def test_every_server_of_the_zone_is_asked() -> None:
    names = Names({RESOLVER: {**SOA, **SERVERS}, FIRST: {(RECORD, "TXT"): txt("K3Y")}})

    found = await looked_up(names)

    assert found.zone == ZONE
    assert [(reply.server, reply.rcode) for reply in found.replies] == [
        (FIRST, Rcode.NOERROR),
        (SECOND, Rcode.NXDOMAIN),
    ]
    assert found.right == (FIRST,)
    assert found.values == ('"K3Y"',)


async def test_a_server_that_is_configured_is_asked_alone() -> None:
    names = Names({FIRST: {(RECORD, "TXT"): txt("old", "K3Y")}}, authoritative=FIRST)

    found = await looked_up(names)

    assert {server for _, _, server in names.asked} == {FIRST}
    assert found.right == (FIRST,)


async def test_another_value_is_not_right() -> None:
    found = await looked_up(Names({FIRST: {(RECORD, "TXT"): txt("old")}}, authoritative=FIRST))

    assert found.right == ()


@pytest.mark.parametrize("follow", [True, False], ids=["solver-follows", "solver-does-not"])
async def test_aliases_are_followed_into_their_own_zone(follow: bool) -> None:
    alias = "shop.acme.example"
    answers = {
        (RECORD, "TXT"): [(RECORD, "CNAME", f"{alias}.")],
        (alias, "TXT"): txt("K3Y", name=alias),
    }

    found = await looked_up(Names({FIRST: answers}, authoritative=FIRST), waiting(follow=follow))

    assert (found.target, found.by_cname) == (alias, follow)
    assert found.right == (FIRST,)


async def test_aliases_in_a_circle_end() -> None:
    answers = {
        (RECORD, "TXT"): [(RECORD, "CNAME", "b.example.")],
        ("b.example", "TXT"): [("b.example", "CNAME", RECORD)],
    }
    names = Names({FIRST: answers}, authoritative=FIRST)

    found = await looked_up(names)

    assert found.values == ()
    assert len([kind for _, kind, _ in names.asked if kind == "TXT"]) == 2


async def test_a_resolver_that_is_dead_is_passed_over() -> None:
    names = Names({RESOLVER: {**SOA, **SERVERS}, FIRST: {(RECORD, "TXT"): txt("K3Y")}}, dead="192.0.2.9:53")

    assert (await looked_up(names)).right == (FIRST,)


async def test_a_zone_that_nobody_holds_has_no_servers() -> None:
    found = await looked_up(Names({RESOLVER: {(RECORD, "SOA"): [("org", "SOA", "a. b. 1 2 3 4 5")]}}))

    assert found.replies == ()


async def test_a_value_that_the_challenge_does_not_tell_is_not_judged() -> None:
    challenge = a_challenge("not yet propagated")
    del challenge.spec["key"]

    found = await looked_up(
        Names({FIRST: {(RECORD, "TXT"): txt("x")}}, authoritative=FIRST), a_chain(WAITING, a_request(), challenge)
    )

    assert found.right is None


async def test_caa_is_climbed_for() -> None:
    names = Names({RESOLVER: {(ZONE, "CAA"): [(ZONE, "CAA", '0 issue "digicert.com"')]}})

    found = await looked_up(names, a_chain(WAITING, a_request(), a_challenge(CAA, "invalid")))

    assert (found.caa_name, found.caa) == (ZONE, ('0 issue "digicert.com"',))
    assert [name for name, _, _ in names.asked] == [f"www.{ZONE}", ZONE]


QUIET: list[Any] = [
    pytest.param(a_chain(), id="issued"),
    pytest.param(a_chain(WAITING, a_request()), id="no-challenge"),
    pytest.param(a_chain(WAITING, a_request(), an_order("errored", "429 rateLimited")), id="order-refused"),
    pytest.param(a_chain(WAITING, a_request(), a_challenge("unauthorized", "invalid")), id="challenge-over"),
]


@pytest.mark.parametrize("chain", QUIET)
async def test_nothing_is_asked_while_no_challenge_waits(chain: Any) -> None:
    names = Names({}, authoritative=FIRST)

    assert isinstance(await challenge_records.function(chain, names, ONLINE), Unavailable)
    assert names.asked == []


async def test_challenges_over_http_have_no_record() -> None:
    challenge = a_challenge("wrong status code '404'")
    challenge.spec["type"] = "HTTP-01"
    names = Names({}, authoritative=FIRST)

    found = await challenge_records.function(a_chain(WAITING, a_request(), challenge), names, ONLINE)

    assert isinstance(found, Unavailable)
    assert names.asked == []


async def test_offline_nothing_is_asked() -> None:
    found = await challenge_records.function(waiting(), Names({}, authoritative=FIRST), Online(online=False))

    assert isinstance(found, Unavailable)
    assert "offline" in found.reason


async def test_servers_that_never_answer_end_the_look(monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent(Names):
        async def query(self, name: str, rdtype: str, server: str, *, recurse: bool = True) -> DnsReply:
            await asyncio.Event().wait()
            raise AssertionError

    monkeypatch.setattr("ingressdoctor.collect.challenge_records._LOOK_S", 0.01)

    found = await challenge_records.function(waiting(), Silent({}, authoritative=FIRST), ONLINE)

    assert isinstance(found, Unavailable)
    assert "in time" in found.reason


TEXTS = [
    pytest.param('"abc"', "abc", id="one-part"),
    pytest.param('"abc" "def"', "abcdef", id="parts-are-joined"),
    pytest.param('"a\\"b\\\\c"', 'a"b\\c', id="escapes"),
    pytest.param("abc", "abc", id="bare"),
    pytest.param("", "", id="empty"),
]


@pytest.mark.parametrize(("data", "text"), TEXTS)
def test_plain_text(data: str, text: str) -> None:
    assert plain_text(data) == text
