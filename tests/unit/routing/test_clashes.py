"""Routes against each other: what is never reached, tied, or taken by a wider route; sure where it says so."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from build.routes import an_ingress, an_ingress_route, objects, static
from ingressdoctor.evidence.route_view import Clash, ClashKind
from ingressdoctor.evidence.routes import Custom, Outcome, RouteRequest
from ingressdoctor.routing.traefik.clashes import Clashes, find_clashes
from ingressdoctor.routing.traefik.decide import decide_in
from ingressdoctor.routing.traefik.table import LiveRouter, RouteTable, build_table

HOST = "Host(`a.example.com`)"


def routers_of(table: RouteTable) -> tuple[LiveRouter, ...]:
    every = [item for items in table.by_host.values() for item in items]
    return tuple({id(item): item for item in (*every, *table.anywhere)}.values())


def routes(*rules: str | tuple[str, int]) -> tuple[Custom, ...]:
    made = []
    for number, item in enumerate(rules):
        rule, priority = item if isinstance(item, tuple) else (item, 0)
        made.append(an_ingress_route(rule, name=f"r{number}", route={"priority": priority} if priority else None))
    return tuple(made)


def compared(*rules: str | tuple[str, int], args: tuple[str, ...] = (), version: str = "v3.7.9") -> Clashes:
    table = build_table(objects(*routes(*rules)), static(*args), version)
    return find_clashes(table, routers_of(table))


def told(found: Clashes) -> list[tuple[str, str, str]]:
    return sorted((str(clash.kind), clash.route[-2:], clash.by[-2:]) for clash in found.found)


CLASHES = [
    pytest.param([HOST, f"{HOST} && PathPrefix(`/`)"], [("unreachable", "r0", "r1")], id="prefix-slash-is-everything"),
    pytest.param([f"{HOST} && PathPrefix(`/api`)", HOST], [], id="the-longer-rule-is-the-narrower-one"),
    pytest.param(
        [f"{HOST} && Path(`/api`)", f"{HOST} && PathPrefix(`/api`)"], [("unreachable", "r0", "r1")], id="exact-loses"
    ),
    pytest.param(
        [f"{HOST} && PathPrefix(`/api-docs`)", (f"{HOST} && PathPrefix(`/api`)", 99)],
        [("unreachable", "r0", "r1")],
        id="prefixes-are-bytes",
    ),
    pytest.param(
        [f"{HOST} && PathPrefix(`/apx`)", (f"{HOST} && PathPrefix(`/api`)", 99)], [], id="other-paths-do-not-meet"
    ),
    pytest.param([HOST, (HOST.replace("a.", "b."), 99)], [], id="other-hosts-do-not-meet"),
    pytest.param([HOST, ("Host(`*.example.com`)", 99)], [("unreachable", "r0", "r1")], id="a-wildcard-first"),
    pytest.param(["Host(`*.example.com`)", (HOST, 99)], [], id="an-exact-host-leaves-the-wildcard-the-rest"),
    pytest.param(
        [HOST, ("Host(`*.example.com`) && PathPrefix(`/api`)", 99)],
        [("wider-first", "r0", "r1")],
        id="wildcard-in-part",
    ),
    pytest.param([HOST, ("PathPrefix(`/x`)", 99)], [("wider-first", "r0", "r1")], id="no-host-in-part"),
    pytest.param([HOST, ("PathPrefix(`/.well-known/x`)", 99)], [], id="well-known-paths-are-meant-to"),
    pytest.param([HOST, ("PathPrefix(`/`)", 99)], [("unreachable", "r0", "r1")], id="everything-first"),
    pytest.param([HOST, ("HostRegexp(`^.+$`)", 99)], [("unreachable", "r0", "r1")], id="any-host-by-pattern"),
    pytest.param([HOST, ("HostRegexp(`^a\\.`)", 99)], [("unreachable", "r0", "r1")], id="a-pattern-that-fits"),
    pytest.param([HOST, ("HostRegexp(`^b\\.`)", 99)], [], id="a-pattern-that-does-not"),
    pytest.param([HOST, HOST], [("tie", "r0", "r1")], id="the-same-rule-twice"),
    pytest.param(
        [f"{HOST} && PathPrefix(`/ab`)", (f"{HOST} && PathPrefix(`/a`)", 42)],
        [("tie", "r0", "r1")],
        id="a-tie-of-different-rules",
    ),
    pytest.param(
        [f"{HOST} && Path(`/ab`)", f"{HOST} && Path(`/cd`)"], [], id="equal-length-is-no-tie-without-a-request"
    ),
    pytest.param([f"{HOST} && Method(`GET`)", (HOST, 99)], [("unreachable", "r0", "r1")], id="a-method-less"),
    pytest.param([HOST, (f"{HOST} && Method(`GET`)", 99)], [], id="a-method-more-leaves-the-others"),
    pytest.param(
        [f"{HOST} && Method(`POST`)", (f"{HOST} && !Method(`GET`)", 99)], [("unreachable", "r0", "r1")], id="negated"
    ),
    pytest.param(
        [f"{HOST} && Path(`/b`)", (f"{HOST} && !Path(`/a`)", 99)], [("unreachable", "r0", "r1")], id="negated-path"
    ),
    pytest.param(
        [f"{HOST} && PathPrefix(`/b`)", (f"{HOST} && !PathPrefix(`/a`)", 99)],
        [("unreachable", "r0", "r1")],
        id="negated-prefix",
    ),
    pytest.param(
        [f"{HOST} && PathPrefix(`/a`)", (f"{HOST} && !PathPrefix(`/a/b`)", 99)], [], id="negated-inner-prefix"
    ),
    pytest.param(
        [f"{HOST} && PathPrefix(`/a`)", (f"{HOST} && !Path(`/b`)", 99)], [("unreachable", "r0", "r1")], id="far"
    ),
    pytest.param(
        [f"{HOST} && ClientIP(`10.1.0.0/16`)", (f"{HOST} && ClientIP(`10.0.0.0/8`)", 99)],
        [("unreachable", "r0", "r1")],
        id="networks-within-networks",
    ),
    pytest.param(
        [f"{HOST} && ClientIP(`10.0.0.0/8`)", (f"{HOST} && ClientIP(`10.1.0.0/16`)", 99)], [], id="wider-network"
    ),
    pytest.param([f"{HOST} && ClientIP(`10.0.0.1`)", (f"{HOST} && !ClientIP(`::1`)", 99)], [], id="negated-network"),
    pytest.param(
        [f"{HOST} && Header(`X-A`, `1`)", (f"{HOST} && Header(`X-A`, `1`)", 99)],
        [("unreachable", "r0", "r1")],
        id="the-same-header",
    ),
    pytest.param([HOST, (f"{HOST} && Header(`X-A`, `1`)", 99)], [], id="a-header-more"),
    pytest.param([HOST, (f"{HOST} && Query(`a`, `1`)", 99)], [], id="a-query-more"),
    pytest.param([HOST, (f"{HOST} && PathRegexp(`^/x`)", 99)], [], id="a-pattern-of-paths-is-not-judged"),
    pytest.param(
        [HOST, (f"{HOST} && PathRegexp(`^/.*$`)", 99)], [("unreachable", "r0", "r1")], id="any-path-by-pattern"
    ),
    pytest.param(
        [f"{HOST} || Host(`b.example.com`)", (HOST, 99)], [("partly-shadowed", "r0", "r1")], id="one-host-of-two"
    ),
    pytest.param(
        [f"{HOST} || Host(`b.example.com`)", (HOST, 99), ("Host(`b.example.com`)", 98)],
        [("unreachable", "r0", "r1")],
        id="each-host-by-another",
    ),
    pytest.param([f"{HOST} && Host(`b.example.com`)"], [("never-matches", "r0", "")], id="two-hosts-at-once"),
    pytest.param([f"{HOST} && PathPrefix(`/a`) && Path(`/b`)"], [("never-matches", "r0", "")], id="two-paths-at-once"),
    pytest.param([f"{HOST} && PathPrefix(`/a`) && PathPrefix(`/b`)"], [("never-matches", "r0", "")], id="two-prefixes"),
    pytest.param(
        [f"{HOST} && Method(`GET`) && Method(`PUT`)"], [("never-matches", "r0", "")], id="two-methods-at-once"
    ),
    pytest.param([f"{HOST} && !Host(`a.example.com`)"], [("never-matches", "r0", "")], id="a-host-and-not"),
    pytest.param([f"{HOST} && HostRegexp(`^b`)"], [("never-matches", "r0", "")], id="a-host-that-no-pattern-fits"),
    pytest.param([f"{HOST} && PathPrefix(`/a`) && PathPrefix(`/a/b`)"], [], id="two-prefixes-that-agree"),
]


@pytest.mark.parametrize(("rules", "expected"), CLASHES)
def test_clashes(rules: list[Any], expected: list[tuple[str, str, str]]) -> None:
    found = compared(*rules)

    assert told(found) == expected
    assert found.limits == ()


def one(found: Clashes) -> Clash:
    (clash,) = found.found
    return clash


def test_an_exact_path_that_loses_is_explained() -> None:
    """Path is six bytes shorter than PathPrefix, and the length is the priority."""
    clash = one(compared(f"{HOST} && Path(`/api`)", f"{HOST} && PathPrefix(`/api`)"))

    assert "Path is written shorter than PathPrefix" in clash.why
    assert (clash.example, clash.host) == ("https://a.example.com/api", "a.example.com")
    assert clash.kind.fails


REASONS = [
    pytest.param([HOST, (HOST, 99)], "same rule", id="same-rule"),
    pytest.param([HOST, ("PathPrefix(`/`)", 99)], "is set to 99", id="set"),
    pytest.param([(HOST, 5), f"{HOST} && PathPrefix(`/`)"], "its priority is set to 5", id="set-too-low"),
    pytest.param(["Host(`a.b.c`)", "HostRegexp(`^.+$`) && PathPrefix(`/`)"], "wildcard", id="wildcard"),
]


@pytest.mark.parametrize(("rules", "why"), REASONS)
def test_the_reason_names_what_decides(rules: list[Any], why: str) -> None:
    assert why in one(compared(*rules)).why


def test_before_3_7_a_wildcard_ingress_outranks_the_exact_one() -> None:
    found = objects(ingresses=(an_ingress("*.example.com", name="wild"), an_ingress("a.example.com", name="exact")))
    old, new = (build_table(found, static(), version) for version in ("v3.6.24", "v3.7.9"))

    assert told(find_clashes(old, routers_of(old))) == [("unreachable", "ct", "ld")]
    assert told(find_clashes(new, routers_of(new))) == [
        ("tie", "ct", "ld")
    ]  # *.example.com is as long as a.example.com


def test_an_ingress_prefix_takes_what_lies_beside_it() -> None:
    """By the Ingress specification /api does not cover /api-other."""
    found = objects(ingresses=(an_ingress(path="/", name="site"), an_ingress(path="/api", name="api")))
    table = build_table(found, static(), "v3.7.9")
    clashes = find_clashes(table, routers_of(table))

    assert {(str(item.kind), item.route, item.example) for item in clashes.found} == {
        ("prefix-sibling", "Ingress ns/api", "https://www.example.com/api-other")
    }
    assert all(item.kind.harmless for item in clashes.found)


REDIRECT = (
    "--entryPoints.web.http.redirections.entryPoint.to=:443",
    "--entryPoints.web.http.redirections.entryPoint.scheme=https",
)


def test_an_entry_point_that_redirects_leaves_nothing_to_its_routes() -> None:
    plain = an_ingress_route(HOST, spec={"entryPoints": ["web"], "tls": None})
    table = build_table(objects(plain), static(*REDIRECT), "v3.7.9")
    clash = one(find_clashes(table, routers_of(table)))

    assert clash.kind is ClashKind.REDIRECTED
    assert clash.entry_points == ("web",)


def test_a_route_on_a_second_entry_point_is_reached_there() -> None:
    both = an_ingress_route(HOST, spec={"entryPoints": ["web", "websecure"], "tls": None})
    table = build_table(objects(both), static(*REDIRECT), "v3.7.9")

    assert find_clashes(table, routers_of(table)).found == ()


def test_a_redirection_to_no_entry_point_leaves_the_routes_alone() -> None:
    plain = an_ingress_route(HOST, spec={"entryPoints": ["web"], "tls": None})
    nowhere = "--entryPoints.web.http.redirections.entryPoint.to=secure"
    table = build_table(objects(plain), static(nowhere), "v3.7.9")

    assert find_clashes(table, routers_of(table)).found == ()


def test_a_redirection_of_low_priority_comes_after_the_routes() -> None:
    plain = an_ingress_route(HOST, spec={"entryPoints": ["web"], "tls": None})
    low = (*REDIRECT, "--entryPoints.web.http.redirections.entryPoint.priority=1")
    table = build_table(objects(plain), static(*low), "v3.7.9")

    assert find_clashes(table, routers_of(table)).found == ()


def test_plain_and_tls_routes_do_not_meet() -> None:
    plain = an_ingress_route(HOST, name="r0", spec={"entryPoints": ["web"], "tls": None})
    secure = an_ingress_route(HOST, name="r1", spec={"entryPoints": ["web"], "tls": {}}, route={"priority": 99})
    table = build_table(objects(plain, secure), static(), "v3.7.9")

    assert [item.kind for item in find_clashes(table, routers_of(table)).found if item.by] == []


V2 = ("--core.defaultRuleSyntax=v2",)
OLD_SYNTAX = [
    pytest.param(["Host(`a.b`, `c.d`)", ("Host(`a.b`)", 99)], [("partly-shadowed", "r0", "r1")], id="several-hosts"),
    pytest.param(
        ["Host(`a.b`) && Path(`/x`)", ("Host(`a.b`) && PathPrefix(`/{p:x}`)", 99)],
        [("unreachable", "r0", "r1")],
        id="v2",
    ),
    pytest.param(["Host(`a.b`) && PathPrefix(`/{p}`)", ("Host(`a.b`) && PathPrefix(`/x`)", 99)], [], id="placeholder"),
    pytest.param(["Host(`a.b`)", ("Host(`a.b`) && Query(`a=1`)", 99)], [], id="query"),
]


@pytest.mark.parametrize(("rules", "expected"), OLD_SYNTAX)
def test_the_old_syntax(rules: list[Any], expected: list[tuple[str, str, str]]) -> None:
    assert told(compared(*rules, args=V2)) == expected


def test_wider_routes_beside_the_path_do_not_count() -> None:
    wide = [("Host(`*.example.com`) && PathPrefix(`/a/b`)", 99), ("Host(`*.example.com`) && PathPrefix(`/c`)", 98)]

    assert told(compared(f"{HOST} && PathPrefix(`/a`)", *wide)) == [("wider-first", "r0", "r1")]


def test_of_many_of_one_kind_twenty_are_told() -> None:
    wide = [(f"Host(`*.example.com`) && PathPrefix(`/{number:02}`)", 99) for number in range(25)]

    assert len(compared(HOST, *wide).found) == 20


def test_a_tie_on_two_entry_points_is_one() -> None:
    points = {"entryPoints": ["websecure", "mysql"]}
    twins = [an_ingress_route(HOST, name=name, spec=points) for name in ("r0", "r1")]
    args = ("--entryPoints.mysql.address=:3306",)
    table = build_table(objects(*twins), static(*args), "v3.7.9")

    assert one(find_clashes(table, routers_of(table))).entry_points == ("websecure", "mysql")


def test_a_tie_of_two_providers_has_a_winner_since_3_7() -> None:
    route = an_ingress_route('Host("www.example.com") && PathPrefix("/")', name="r0")
    found = objects(route, ingresses=(an_ingress(name="r1"),))
    new, old = (build_table(found, static(), version) for version in ("v3.7.9", "v3.6.12"))
    clash = next(item for item in find_clashes(new, routers_of(new)).found if item.by)

    assert (clash.kind, clash.route) == (ClashKind.UNREACHABLE, "Ingress ns/r1")
    assert clash.why.endswith("whose provider wins ties") or clash.why.endswith("with the same rule")
    assert "tie" in {kind for kind, _, _ in told(find_clashes(old, routers_of(old)))}


def test_a_wins_tie_with_another_rule() -> None:
    route = an_ingress_route("HostRegexp(`^.+$`)  && PathPrefix(`////`)".replace("////", "/"), name="r0")
    priority = {"router.priority": str(len(route.spec["routes"][0]["match"]))}
    table = build_table(objects(route, ingresses=(an_ingress(name="r1", annotations=priority),)), static(), "v3.7.9")
    clash = next(item for item in find_clashes(table, routers_of(table)).found if item.by)

    assert clash.why.endswith("of the same priority, whose provider wins ties")


def test_a_router_that_may_not_be_there_shadows_nobody() -> None:
    """Whether the Ingress is Traefik's at all cannot be told without the classes."""
    ingress = an_ingress("a.example.com", name="r1", annotations={"router.priority": "99"})
    found = objects(an_ingress_route(HOST, name="r0"), ingresses=(ingress,), unread=("ingress_classes",))
    table = build_table(found, static(), "v3.7.9")

    assert [item for item in find_clashes(table, routers_of(table)).found if item.by] == []


def test_siblings_of_a_prefix_want_a_request_that_both_take() -> None:
    put = an_ingress_route("Host(`www.example.com`) && Method(`PUT`)", name="put", route={"priority": 1})
    found = objects(put, ingresses=(an_ingress(path="/api", name="api"),))
    table = build_table(found, static(), "v3.7.9")

    assert "prefix-sibling" not in {kind for kind, _, _ in told(find_clashes(table, routers_of(table)))}


def test_many_siblings_are_told_twenty_times() -> None:
    sites = [an_ingress_route("Host(`www.example.com`)", name=f"s{n}", route={"priority": n + 1}) for n in range(25)]
    found = objects(*sites, ingresses=(an_ingress(path="/api", name="api"),))
    table = build_table(found, static(), "v3.7.9")
    kinds = [kind for kind, _, _ in told(find_clashes(table, routers_of(table)))]

    assert kinds.count("prefix-sibling") == 20


def test_a_part_of_too_many_alternatives_is_named() -> None:
    hosts = " || ".join(f"Host(`h{number}.example.com`)" for number in range(65))

    assert "alternatives, not compared" in compared(f"({hosts}) && Path(`/a`)").limits[0]


def test_a_rule_of_too_many_alternatives_is_named() -> None:
    either = "(Path(`/a`) || Path(`/b`) || Path(`/c`))"
    found = compared(f"{HOST} && " + " && ".join([either] * 5))

    assert "alternatives, not compared" in found.limits[0]


def test_a_rule_of_too_many_matchers_is_named() -> None:
    found = compared(f"{HOST} && (" * 3_000 + HOST + ")" * 3_000)

    assert "alternatives, not compared" in found.limits[0]


def test_a_rule_that_nests_deep_is_compared() -> None:
    assert compared("(" * 600 + HOST + ")" * 600).limits == ()


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param("Host(`h%d.example.com`)", id="a-host-each"),
        pytest.param("Host(`a.example.com`) && PathPrefix(`/p%d`)", id="one-host"),
        pytest.param("Host(`a.example.com`) && PathPrefix(`/%d/x`)", id="one-host-other-paths"),
    ],
)
def test_ten_thousand_routes_take_seconds(rule: str) -> None:
    table = build_table(objects(*routes(*(rule % number for number in range(10_000)))), static(), "v3.7.9")
    began = time.process_time()
    find_clashes(table, routers_of(table))

    assert time.process_time() - began < 10


def test_what_was_not_compared_is_said() -> None:
    rules = [f"Host(`a.example.com`) && PathRegexp(`^/{number}`)" for number in range(1_050)]
    found = compared(*rules)

    assert "were not compared" in found.limits[0]


HOSTS = ("a.example.com", "b.example.com", "example.com")
PATHS = ("/", "/api", "/api/", "/api/v1", "/apiary", "/x")
MATCHERS = st.one_of(
    st.sampled_from(HOSTS).map("Host(`{}`)".format),
    st.sampled_from(["Host(`*.example.com`)", "HostRegexp(`^a`)", "HostRegexp(`^.+$`)"]),
    st.sampled_from(PATHS).map("PathPrefix(`{}`)".format),
    st.sampled_from(PATHS).map("Path(`{}`)".format),
    st.sampled_from(["PathRegexp(`^/api`)", "Method(`GET`)", "Method(`POST`)", "Header(`X-A`, `1`)"]),
)
TERMS = st.lists(st.tuples(st.booleans(), MATCHERS), min_size=1, max_size=3).map(
    lambda parts: " && ".join(f"!{text}" if negated else text for negated, text in parts)
)
RULES = st.lists(TERMS, min_size=1, max_size=2).map(lambda parts: " || ".join(f"({part})" for part in parts))


def requests() -> list[RouteRequest]:
    return [
        RouteRequest(host=host, path=path, method=method, headers=headers)
        for host in (*HOSTS, "c.example.com", "other.org")
        for path in (*PATHS, "/other")
        for method in ("GET", "POST", "PUT")
        for headers in ({}, {"X-A": "1"})
    ]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(RULES, st.integers(0, 3)), min_size=2, max_size=4))
def test_no_request_reaches_what_is_called_unreachable(rules: list[tuple[str, int]]) -> None:
    """Against the decision itself, request by request."""
    table = build_table(objects(*routes(*rules)), static(), "v3.7.9")
    found = find_clashes(table, routers_of(table)).found
    lost = {clash.route for clash in found if clash.kind.fails}
    ties = {clash.route for clash in found if clash.kind is ClashKind.TIE}
    ambiguous = False
    for request in requests():
        decision = decide_in(table, request)
        ambiguous = ambiguous or decision.outcome is Outcome.AMBIGUOUS
        if decision.outcome is Outcome.ROUTED:
            assert decision.winner is not None
            assert decision.winner.ref not in lost
    if ties:
        matching = {(router.draft.ref, router.priority) for router in routers_of(table)}
        assert len({priority for _, priority in matching}) < len(matching)
