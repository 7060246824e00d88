"""Listeners and routes: hostnames that intersect, kinds and namespaces that are allowed, section and port."""

from __future__ import annotations

from typing import Any

import pytest

from build.gateway import HOST, a_custom, a_gateway, a_grpc_route, a_listener, a_plain_listener, an_http_route
from ingressdoctor.routing.gateway.attach import Attachment, Refusal, attach, host_matches, intersect
from ingressdoctor.routing.gateway.shapes import gateway_of, route_of


@pytest.mark.parametrize(
    ("listener", "route", "shared"),
    [
        pytest.param("", (), (), id="neither-says-any"),
        pytest.param("", ("a.io",), ("a.io",), id="listener-takes-any"),
        pytest.param("a.io", (), ("a.io",), id="route-takes-any"),
        pytest.param("a.io", ("a.io", "b.io"), ("a.io",), id="the-same-name"),
        pytest.param("*.a.io", ("x.a.io",), ("x.a.io",), id="wildcard-listener"),
        pytest.param("*.a.io", ("x.y.a.io",), ("x.y.a.io",), id="wildcard-takes-more-labels"),
        pytest.param("*.a.io", ("a.io",), None, id="wildcard-is-not-its-parent"),
        pytest.param("x.a.io", ("*.a.io",), ("x.a.io",), id="wildcard-route"),
        pytest.param("*.a.io", ("*.b.a.io",), ("*.b.a.io",), id="narrower-of-two-wildcards"),
        pytest.param("*.b.a.io", ("*.a.io",), ("*.b.a.io",), id="narrower-listener"),
        pytest.param("*.a.io", ("*.a.io",), ("*.a.io",), id="the-same-wildcard"),
        pytest.param("a.io", ("b.io",), None, id="nothing-in-common"),
    ],
)
def test_intersection(listener: str, route: tuple[str, ...], shared: tuple[str, ...] | None) -> None:
    assert intersect(listener, route) == shared


@pytest.mark.parametrize(
    ("pattern", "host", "matches"),
    [
        ("", "a.io", True),
        ("a.io", "a.io", True),
        ("*.a.io", "x.y.a.io", True),
        ("*.a.io", "a.io", False),
        ("b.io", "a.io", False),
    ],
)
def test_host_matches(pattern: str, host: str, matches: bool) -> None:
    assert host_matches(pattern, host) is matches


def attached(listener: dict[str, Any], labels: dict[str, dict[str, str]] | None = None, **route: Any) -> Attachment:
    found = gateway_of(a_gateway(listener))
    item = route_of(an_http_route(**route))
    return attach(item, item.parents[0], {("infra", "main"): found}, labels or {})


SELECTOR = {"matchLabels": {"exposed": "yes"}}


@pytest.mark.parametrize(
    ("listener", "labels", "route", "refusal"),
    [
        pytest.param(a_listener(), {}, {}, None, id="from-all"),
        pytest.param(a_listener(allowedRoutes=None), {}, {}, Refusal.NOT_ALLOWED, id="from-same-by-default"),
        pytest.param(a_listener(allowedRoutes=None), {}, {"namespace": "infra"}, None, id="same-namespace"),
        pytest.param(
            a_listener(allowedRoutes={"namespaces": {"from": "Selector", "selector": SELECTOR}}),
            {"shop": {"exposed": "yes"}},
            {},
            None,
            id="selected-by-label",
        ),
        pytest.param(
            a_listener(allowedRoutes={"namespaces": {"from": "Selector", "selector": SELECTOR}}),
            {"shop": {}},
            {},
            Refusal.NOT_ALLOWED,
            id="without-the-label",
        ),
        pytest.param(
            a_listener(
                allowedRoutes={
                    "namespaces": {
                        "from": "Selector",
                        "selector": {"matchLabels": {"kubernetes.io/metadata.name": "shop"}},
                    }
                }
            ),
            {},
            {},
            None,
            id="selected-by-name-without-its-labels-read",
        ),
        pytest.param(
            a_listener(allowedRoutes={"kinds": [{"kind": "GRPCRoute"}], "namespaces": {"from": "All"}}),
            {},
            {},
            Refusal.NOT_ALLOWED,
            id="kind-not-allowed",
        ),
        pytest.param(
            a_listener(
                allowedRoutes={"kinds": [{"kind": "HTTPRoute", "group": "other.io"}], "namespaces": {"from": "All"}}
            ),
            {},
            {},
            Refusal.NOT_ALLOWED,
            id="kind-of-another-group",
        ),
        pytest.param(a_listener(protocol="TLS"), {}, {}, Refusal.NOT_ALLOWED, id="protocol-carries-no-http-routes"),
        pytest.param(a_listener(hostname="other.io"), {}, {}, Refusal.HOSTNAME, id="hostname"),
        pytest.param(
            a_listener(),
            {},
            {"parentRefs": [{"name": "main", "namespace": "infra", "sectionName": "https"}]},
            Refusal.NO_LISTENER,
            id="no-such-section",
        ),
        pytest.param(
            a_listener(),
            {},
            {"parentRefs": [{"name": "main", "namespace": "infra", "port": 443}]},
            Refusal.NO_LISTENER,
            id="no-such-port",
        ),
        pytest.param(
            a_listener(),
            {},
            {"parentRefs": [{"name": "main", "namespace": "infra", "port": 8443, "sectionName": "websecure"}]},
            None,
            id="section-and-port",
        ),
        pytest.param(a_listener(), {}, {"parentRefs": [{"name": "main"}]}, Refusal.NO_GATEWAY, id="own-namespace"),
    ],
)
def test_attach(
    listener: dict[str, Any], labels: dict[str, dict[str, str]], route: dict[str, Any], refusal: Refusal | None
) -> None:
    found = attached(listener, labels, **route)

    assert (found.refusal, found.undecided) == (refusal, False)
    assert bool(found.listeners) is (refusal is None)


@pytest.mark.parametrize(
    ("hostname", "undecided", "refusal"),
    [pytest.param("", True, None, id="open"), pytest.param("b.io", False, Refusal.NOT_ALLOWED, id="no-matter")],
)
def test_labels_that_were_not_read_decide_nothing(hostname: str, undecided: bool, refusal: Refusal | None) -> None:
    allowed = {"namespaces": {"from": "Selector", "selector": SELECTOR}}
    found = attached(a_listener(allowedRoutes=allowed, hostname=hostname or None))

    assert (found.undecided, found.refusal, found.listeners) == (undecided, refusal, ())


def test_a_route_attaches_to_every_listener_that_takes_it() -> None:
    gateway = gateway_of(a_gateway(a_listener(hostname="*.example.com"), a_plain_listener()))
    route = route_of(a_grpc_route())
    found = attach(route, route.parents[0], {("infra", "main"): gateway}, {})

    assert [(listener.name, names) for listener, names in found.listeners] == [("websecure", (HOST,)), ("web", (HOST,))]


def test_another_kind_of_parent_keeps_its_group() -> None:
    route = route_of(an_http_route(parentRefs=[{"name": "web", "group": "", "kind": "Service"}, None]))

    assert [parent.ref for parent in route.parents] == ["Service. shop/web", "Gateway shop/"]


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"listeners": None, "rules": 3, "parentRefs": "x", "hostnames": {"a": 1}},
        {"listeners": [None, {"port": "80", "allowedRoutes": [], "tls": "x"}], "hostnames": [None, 4, ""]},
        {"rules": [None, {"matches": [None, {"path": 3, "headers": [None]}], "backendRefs": [None, {"weight": "1"}]}]},
        {"rules": [{"matches": [{"method": {"service": None}}]}]},
    ],
)
def test_hostile_objects_are_read_without_a_word(spec: dict[str, Any]) -> None:
    assert gateway_of(a_custom("Gateway", "x", **spec)).name == "x"
    for kind in ("HTTPRoute", "GRPCRoute"):
        assert all(rule.matches for rule in route_of(a_custom(kind, "x", **spec)).rules)
