"""Annotations as Traefik's label parser reads them, with its words for those it refuses."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingressdoctor.routing.traefik.annotations import (
    RouterOptions,
    ServiceOptions,
    read_router_options,
    read_service_options,
)
from ingressdoctor.routing.traefik.middlewares import Problem
from ingressdoctor.routing.traefik.version import Version

PREFIX = "traefik.ingress.kubernetes.io/"
READ = [
    pytest.param({}, {}, id="none"),
    pytest.param({"rule-type": "x", "service.x": "1"}, {}, id="other-keys-are-ignored"),
    pytest.param({"router.entrypoints": "web, websecure"}, {"entry_points": ("web", "websecure")}, id="list"),
    pytest.param({"Router.EntryPoints": "web"}, {"entry_points": ("web",)}, id="any-case-after-the-prefix"),
    pytest.param({"router.entrypoints": "web,"}, {"entry_points": ("web", "")}, id="empty-word-stays"),
    pytest.param({"router.entrypoints": ""}, {}, id="empty-list"),
    pytest.param({"router.middlewares.x": "y"}, {}, id="key-below-a-list-of-words"),
    pytest.param({"router.priority": "+7"}, {"priority": 7}, id="signed-priority"),
    pytest.param({"router.rulesyntax": "v2"}, {"rule_syntax": "v2"}, id="syntax"),
    pytest.param({"router.pathmatcher": ""}, {}, id="empty-path-matcher-is-the-default"),
    pytest.param({"router.tls": "true"}, {"tls": True}, id="tls"),
    pytest.param({"router.tls": ""}, {"tls": True}, id="empty-tls-is-on"),
    pytest.param({"router.tls": "false"}, {}, id="tls-false"),
    pytest.param({"router.tls": "yes"}, {}, id="tls-any-other-word-is-off"),
    pytest.param({"router.tls.options": "o@file"}, {"tls": True, "tls_options": "o@file"}, id="tls-by-its-options"),
    pytest.param({"router.tls": "false", "router.tls.options": "o"}, {}, id="tls-false-drops-its-options"),
    pytest.param(
        {"router.tls.domains.0.main": "a.com", "router.tls.domains.0.sans": "b,c"}, {"tls": True}, id="domains"
    ),
    pytest.param({"router.tls.domains": "a"}, {"tls": True}, id="domains-without-index"),
    pytest.param({"router.tls.resolvedoptions": "x"}, {"tls": True}, id="a-field-of-traefik-itself"),
    pytest.param({"router.observability.metrics": "false"}, {}, id="observability"),
    pytest.param({"router.observability": "true"}, {}, id="observability-alone"),
]


def prefixed(annotations: dict[str, str]) -> dict[str, str]:
    return {PREFIX + key: value for key, value in annotations.items()}


@pytest.mark.parametrize(("annotations", "expected"), READ)
def test_router_options(annotations: dict[str, str], expected: dict[str, Any]) -> None:
    assert read_router_options(prefixed(annotations)) == RouterOptions(**expected)


REFUSED = [
    pytest.param({"router.middleware": "x"}, "field not found, node: middleware", id="misspelt"),
    pytest.param({"router.tls.bogus": "x"}, "field not found, node: bogus", id="misspelt-below-tls"),
    pytest.param({"router.tls.domains.0.foo": "x"}, "field not found, node: foo", id="misspelt-domain"),
    pytest.param({"router.entrypoints.x.y": "1"}, "field not found, node: y", id="two-below-a-list"),
    pytest.param({"router.priority": "x"}, 'strconv.ParseInt: parsing "x": invalid syntax', id="priority-word"),
    pytest.param({"router.priority": "1_0"}, 'strconv.ParseInt: parsing "1_0": invalid syntax', id="underscore"),
    pytest.param({"router.priority": str(2**63)}, f'parsing "{2**63}": value out of range', id="too-large"),
    pytest.param({"router.priority": "9" * 5000}, "value out of range", id="thousands-of-digits"),
    pytest.param({"router.priority.x": "1"}, "invalid node priority: int", id="key-below-a-number"),
    pytest.param({"router..x": "1"}, "invalid element: traefik.router..x", id="empty-part"),
    pytest.param({"router.observability.metrics": "maybe"}, 'strconv.ParseBool: parsing "maybe"', id="no-boolean"),
    pytest.param({"router.observability.metadata.x": "1"}, "field not found, node: x", id="metadata"),
]


@pytest.mark.parametrize(("annotations", "words"), REFUSED)
def test_refused_annotations(annotations: dict[str, str], words: str) -> None:
    problem = read_router_options(prefixed(annotations))

    assert isinstance(problem, Problem)
    assert words in problem.detail
    assert problem.related == PREFIX + next(iter(annotations))


LATER = [
    pytest.param("router.rulesyntax", "v3.0.4", "v3.1.0", id="rulesyntax"),
    pytest.param("router.observability.metrics", "v3.2.5", "v3.3.0", id="observability"),
    pytest.param("router.observability.traceverbosity", "v3.4.5", "v3.5.0", id="verbosity"),
    pytest.param("router.tls.resolvedoptions", "v3.6.24", "v3.7.0", id="resolved-options"),
]


@pytest.mark.parametrize(("key", "before", "since"), LATER)
def test_keys_of_later_releases(key: str, before: str, since: str) -> None:
    annotations = prefixed({key: "true"})

    assert isinstance(read_router_options(annotations, Version.parse(before)), Problem)
    assert isinstance(read_router_options(annotations, Version.parse(since)), RouterOptions)


def test_a_pair_that_is_refused_together_names_no_key() -> None:
    annotations = prefixed({"router.tls.domains.x": "1", "router.tls.domains.X.foo.bar": "1"})

    problem = read_router_options(annotations)

    assert isinstance(problem, Problem)
    assert problem.related == PREFIX + "router.tls.domains.X.foo.bar"


SERVICES = [
    pytest.param({}, ServiceOptions(), id="none"),
    pytest.param({"service.serversscheme": "h2c"}, ServiceOptions(scheme="h2c"), id="scheme"),
    pytest.param({"service.passhostheader": "false"}, ServiceOptions(pass_host_header=False), id="host-header"),
    pytest.param({"service.nativelb": "true"}, ServiceOptions(native_lb=True), id="native-lb"),
    pytest.param({"service.nodeportlb": "T"}, ServiceOptions(node_port_lb=True), id="node-port-lb"),
    pytest.param({"service.middlewares": "a,b"}, ServiceOptions(middlewares=("a", "b")), id="middlewares"),
    pytest.param({"service.sticky.cookie.name": "x"}, ServiceOptions(), id="sticky"),
    pytest.param(
        {"service.sticky.cookie.maxage": "q"}, 'strconv.ParseInt: parsing "q": invalid syntax', id="no-number"
    ),
    pytest.param({"service.typo": "q"}, "field not found, node: typo", id="misspelt"),
    pytest.param({"service.serverstransport": "t@file"}, ServiceOptions(transport="t@file"), id="transport"),
]


@pytest.mark.parametrize(("annotations", "expected"), SERVICES)
def test_service_options(annotations: dict[str, str], expected: ServiceOptions | str) -> None:
    assert read_service_options(prefixed(annotations)) == expected


def test_service_keys_of_later_releases() -> None:
    assert read_service_options(prefixed({"service.nodeportlb": "true"}), Version.parse("v3.0.4")) == (
        "field not found, node: nodeportlb"
    )


@given(st.dictionaries(st.text(alphabet="rout.eservicTLS0[]x"), st.text(max_size=5), max_size=4))
def test_any_annotations_are_read_or_refused(annotations: dict[str, str]) -> None:
    assert isinstance(read_router_options(prefixed(annotations)), RouterOptions | Problem)
    assert isinstance(read_service_options(prefixed(annotations)), ServiceOptions | str)
