"""Which facts are kept, and what counts as a difference."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from ingressdoctor.history.facts import RESTLESS_AFTER, Learned, changes, learn, steady


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        pytest.param("edge.x/status", "200", True, id="plain"),
        pytest.param("edge.x/cf-ray", "8f2a-FRA", False, id="ray-id"),
        pytest.param("edge.x/response time", "31 ms", False, id="named-time"),
        pytest.param("edge.x/answered", "31 ms", False, id="milliseconds"),
        pytest.param("edge.x/answered", "in 1.32 s", False, id="seconds-with-fraction"),
        pytest.param("backend.x/last restart", "12 min ago", False, id="ago"),
        pytest.param("cert.x/renewal", "12 days left", False, id="left"),
        pytest.param("dns.x/TTL", "300", False, id="ttl"),
        pytest.param("nginx.x/proxy-read-timeout", "60s", True, id="a-setting-is-no-measurement"),
        pytest.param("nginx.x/timeout", "1", True, id="a-timeout-is-no-time"),
        pytest.param("cert.x/valid until", "2027-01-20T19:22:33Z", True, id="a-date-that-stands"),
        pytest.param("backend.x/image", "shop:v1.31", True, id="a-version-is-no-measurement"),
        pytest.param("time.x/status", "200", True, id="the-check-may-be-called-so"),
        pytest.param("backend.x/addresses", "10.0.0.1", True, id="an-address-has-dots"),
    ],
)
def test_what_is_worth_remembering(name: str, value: str, kept: bool) -> None:
    assert (name in steady({name: value, "a.b/other": "1"})) is kept


def test_size_is_bounded() -> None:
    kept = steady({f"a.b/fact {number:04}" + "x" * 500: "v" * 5_000 for number in range(2_000)})

    assert len(kept) == 400
    assert max(len(name) for name in kept) == 200
    assert max(len(value) for value in kept.values()) == 1_000


@pytest.mark.parametrize(
    ("was", "now", "expected"),
    [
        pytest.param({"a.b/c": "1"}, {"a.b/c": "2"}, [("a.b/c", "1", "2")], id="changed"),
        pytest.param({"a.b/c": "1, 2"}, {"a.b/c": "2, 1"}, [], id="order-of-a-list"),
        pytest.param({"a.b/c": "1"}, {"a.b/c": "1", "a.b/d": "2"}, [("a.b/d", "", "2")], id="new"),
        pytest.param({"a.b/c": "1", "a.b/d": "2"}, {"a.b/c": "1"}, [("a.b/d", "2", "")], id="gone"),
        pytest.param({"a.b/c": "1"}, {"x.y/z": "2"}, [], id="a-check-that-was-not-asked-is-no-difference"),
        pytest.param(
            {"a.b/status": "200", "a.c/status": "200"},
            {"a.b/status": "522", "a.c/status": "522"},
            [("a.b/status", "200", "522")],
            id="the-same-in-the-same-words-once",
        ),
        pytest.param(
            {"a.b/c": "1", "x.y/new": "1", "x.y/old": "1"},
            {"a.b/c": "2", "x.y/new": "2", "x.y/more": "3"},
            [("x.y/new", "1", "2"), ("x.y/more", "", "3"), ("x.y/old", "1", ""), ("a.b/c", "1", "2")],
            id="the-cause-first-then-changed-new-gone",
        ),
    ],
)
def test_what_is_different(
    was: Mapping[str, str], now: Mapping[str, str], expected: list[tuple[str, str, str]]
) -> None:
    assert list(changes(was, now, ["x.y"])) == expected


def test_a_fact_grows_restless_only_in_looks_in_a_row() -> None:
    row = apart = Learned()
    for look in range(1, RESTLESS_AFTER + 1):
        row = learn(row, ["a.b/c"], span=1, looks=look)
        apart = learn(apart, ["a.b/c"], span=1, looks=look * 2)

    assert row.restless == ("a.b/c",)
    assert apart.restless == ()
    assert learn(row, ["x.y/z"], span=2, looks=1).restless == ("a.b/c",)
