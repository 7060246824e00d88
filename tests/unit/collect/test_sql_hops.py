"""Which hops are asked for their greeting, with what, and what is made of the answers."""

from __future__ import annotations

from typing import Any

import pytest

from build.backend import a_view
from build.hetzner import a_balancer, a_lookup, a_pod
from build.mysql import UNSEEN, error, greets, operated, refuses, words
from build.tcp import CLIENT, GONE, a_way, balanced, guarded, listed, traefik
from build.values import replace
from ingressdoctor.api import (
    FirstWords,
    HopPlace,
    Inapplicable,
    MariaDbObject,
    Reach,
    SourceError,
    SqlGreeting,
    SqlHops,
    SqlLogin,
    SqlSpeaker,
    Unavailable,
)
from ingressdoctor.collect.sql_hops import HopPlaces, PodPort, collect_hops, places_of
from ingressdoctor.evidence.sql import LoginRequest

_PAYLOAD = (
    b"\x0a5.5.5-10.11.8-MariaDB\0\7\0\0\0abcdefgh\0"
    + (0xF7DE).to_bytes(2, "little")
    + b"\x08\x02\0"
    + (0x01BF).to_bytes(2, "little")
    + b"\x15\0\0\0\0\0\0\x14\0\0\0abcdefghijkl\0mysql_native_password\0"
)
GREETING = len(_PAYLOAD).to_bytes(3, "little") + b"\0" + _PAYLOAD
SILENT = SqlGreeting(words=words(b""), speaker=SqlSpeaker.NOBODY)
ALONE = greets(speaker=SqlSpeaker.MAXSCALE_ALONE)
OPEN = (guarded(middlewares=[]),)
PLACES = HopPlaces(
    port=3306,
    balancer="203.0.113.10",
    traefik=PodPort(place=HopPlace.TRAEFIK, namespace="traefik", pod="t", port=3306, say=b"PROXY"),
    maxscale=PodPort(place=HopPlace.MAXSCALE, namespace="db", pod="m", port=3306),
    mariadb=PodPort(place=HopPlace.MARIADB, namespace="db", pod="d", port=3306),
)


class Ports:
    """Ports of pods and addresses that say what they are given; a text is why there is no way to one."""

    def __init__(self, **said: Any) -> None:
        self.said, self.asked = said, list[str]()

    def _words(self, name: str) -> FirstWords:
        self.asked.append(name)
        found = self.said.get(name, b"")
        if isinstance(found, str):
            raise SourceError(found, hint="Grant it.")
        return words(found)

    async def greet(self, address: str, port: int, **more: object) -> FirstWords:
        return self._words("balancer")

    async def greet_pod(self, namespace: str, pod: str, port: int, **more: object) -> FirstWords:
        return self._words(pod)

    async def login(self, request: LoginRequest) -> SqlLogin:
        raise AssertionError(request)


async def asked(seen: SqlGreeting, ports: Ports, places: HopPlaces = PLACES) -> SqlHops | Unavailable:
    return await collect_hops.function(seen, places, ports)  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("seen", "wanted"),
    [
        pytest.param(greets(), False, id="a-good-greeting"),
        pytest.param(SILENT, True, id="silence"),
        pytest.param(refuses(1040), True, id="an-error-in-its-place"),
        pytest.param(greets(second=error(1130)), True, id="an-error-after-it"),
        pytest.param(ALONE, True, id="maxscale-without-a-server"),
    ],
)
async def test_hops_are_asked_only_where_the_client_gets_no_good_greeting(seen: SqlGreeting, wanted: bool) -> None:
    ports = Ports(t=GREETING, m=GREETING)
    found = await asked(seen, ports)

    assert isinstance(found, Inapplicable) is not wanted
    assert bool(ports.asked) is wanted


async def test_mariadb_is_left_alone_where_another_hop_is_well() -> None:
    ports = Ports(m=GREETING)
    found = await asked(SILENT, ports)

    assert isinstance(found, SqlHops)
    assert sorted(ports.asked) == ["m", "t"]
    assert [hop.place for hop in found.hops] == [HopPlace.BALANCER, HopPlace.TRAEFIK, HopPlace.MAXSCALE]
    assert found.disagreement == (found.hops[1], found.hops[2])


async def test_mariadb_is_asked_last() -> None:
    ports = Ports(d=GREETING)
    found = await asked(SILENT, ports)

    assert ports.asked[-1] == "d"
    assert isinstance(found, SqlHops)
    assert found.disagreement is not None
    assert [hop.place for hop in found.disagreement] == [HopPlace.MAXSCALE, HopPlace.MARIADB]


async def test_the_balancer_is_asked_where_the_name_leads_elsewhere() -> None:
    elsewhere = SqlGreeting(
        words=replace(words(b"", reach=Reach.TIMEOUT), address="104.16.0.1"), speaker=SILENT.speaker
    )
    found = await asked(elsewhere, Ports(balancer=GREETING))

    assert isinstance(found, SqlHops)
    assert [hop.place for hop in found.hops[:2]] == [HopPlace.NAME, HopPlace.BALANCER]
    assert found.disagreement == (found.hops[0], found.hops[1])


async def test_a_hop_that_may_not_be_asked_is_a_gap_of_its_own() -> None:
    found = await asked(SILENT, Ports(t="403: pods/portforward is not granted", m=GREETING))

    assert isinstance(found, SqlHops)
    assert isinstance(found.hops[1].greeting, Unavailable)
    assert found.disagreement == (found.hops[0], found.hops[2])


async def test_where_none_may_be_asked_there_is_nothing_to_compare() -> None:
    refused = dict.fromkeys(("t", "m", "d"), "403: pods/portforward is not granted")
    found = await asked(SILENT, Ports(**refused))

    assert isinstance(found, Unavailable)
    assert (found.reason, found.enable_with) == ("403: pods/portforward is not granted", "Grant it.")
    assert isinstance(await asked(SILENT, Ports(), HopPlaces(port=3306, balancer="203.0.113.10")), Unavailable)


async def test_all_ill_is_no_disagreement() -> None:
    found = await asked(SILENT, Ports())

    assert isinstance(found, SqlHops)
    assert found.disagreement is None


MARIADB = MariaDbObject(kind="MariaDB", namespace="db", name="mariadb", primary="mariadb-1")
DATABASES = replace(operated(), mariadbs=(MARIADB,))
TRAEFIK = [
    pytest.param(a_way(*OPEN), traefik(), True, "", id="a-header-where-one-is-awaited"),
    pytest.param(a_way(*OPEN, controller=traefik(trusted=None)), traefik(trusted=None), False, "", id="none-elsewhere"),
    pytest.param(a_way(), traefik(), True, "does not list the address", id="a-list-without-loopback"),
    pytest.param(a_way(guarded(), listed(CLIENT, "127.0.0.0/8")), traefik(), True, "", id="a-list-with-loopback"),
    pytest.param(a_way(guarded(), listed(CLIENT, "10.0.0.0/33")), traefik(), True, "", id="a-list-that-is-none"),
]


@pytest.mark.parametrize(("route", "controller", "header", "note"), TRAEFIK)
def test_traefik_is_asked_as_the_load_balancer_would(route: Any, controller: Any, header: bool, note: str) -> None:
    found = places_of(route, controller, balanced(), a_view(), DATABASES).traefik

    assert found is not None
    assert (found.target, found.say.startswith(b"PROXY TCP4 ")) == ("Pod traefik/traefik-1 port 3306", header)
    assert note in found.note
    assert bool(found.note) is bool(note)


def test_each_hop_is_a_pod_that_is_there() -> None:
    places = places_of(a_way(), traefik(), balanced(), a_view(), DATABASES)

    assert places.balancer == "203.0.113.10"
    assert places.maxscale is not None
    assert places.mariadb is not None
    assert (places.maxscale.pod, places.maxscale.port) == ("web-1", 8080)
    assert (places.mariadb.pod, places.mariadb.port) == ("mariadb-1", 3306)


def test_hops_that_are_not_known_are_left_out() -> None:
    bare = traefik(pods=(a_pod(ready=False),))
    hidden = a_lookup(a_balancer(public_enabled=False))
    places = places_of(a_way(), bare, hidden, UNSEEN, GONE)

    assert places == HopPlaces(port=3306)
    two = replace(DATABASES, mariadbs=(MARIADB, MARIADB))
    assert places_of(a_way(), bare, hidden, UNSEEN, two).mariadb is None
