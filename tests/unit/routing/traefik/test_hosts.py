"""Which hostnames objects name, and which look like a misspelt one."""

from __future__ import annotations

import time

import pytest

from build.routes import an_ingress, an_ingress_route, objects
from ingressdoctor.routing.traefik.hosts import hosts_in, hosts_of, near, plain_hosts
from ingressdoctor.routing.traefik.naming import crd_router_name


@pytest.mark.parametrize(
    ("rule", "hosts"),
    [
        pytest.param('Host(`A.com`) || host("b.com.")', ("a.com", "b.com"), id="any-spelling"),
        pytest.param("Host(`a.com`, `b.com`)", ("a.com", "b.com"), id="several-values-of-v2"),
        pytest.param("Host('a.com') Path(`/`", ("a.com",), id="even-if-refused"),
        pytest.param("HostRegexp(`a.com`)", (), id="patterns-name-none"),
    ],
)
def test_hosts_in_a_rule(rule: str, hosts: tuple[str, ...]) -> None:
    assert hosts_in(rule) == hosts


def test_hosts_of_all_objects() -> None:
    found = hosts_of(objects(an_ingress_route(), ingresses=(an_ingress("api.example.com"), an_ingress())))

    assert found == {
        "www.example.com": ("IngressRoute ns/shop", "Ingress ns/shop"),
        "api.example.com": ("Ingress ns/shop",),
    }


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        pytest.param("www.exmaple.com", True, id="swapped-letters"),
        pytest.param("ww.example.com", True, id="letter-missing"),
        pytest.param("example.com", True, id="without-www"),
        pytest.param("example-www.com", True, id="words-in-another-order"),
        pytest.param("www.sample.org", False, id="another-name"),
        pytest.param("*.example.com", False, id="wildcards-are-no-suggestion"),
        pytest.param("www.example.com", False, id="the-name-itself"),
    ],
)
def test_near(known: str, expected: bool) -> None:
    assert bool(near("www.example.com", [known])) is expected


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a" * 20_000, id="one-long-word"),
        pytest.param("a-" * 10_000, id="hyphens"),
        pytest.param("*." * 10_000, id="wildcards"),
        pytest.param("host" + " " * 20_000, id="call-without-parenthesis"),
        pytest.param("host(`" * 3_000, id="literals-without-end"),
    ],
)
def test_looking_for_hosts_costs_no_square_of_the_length(text: str) -> None:
    started = time.process_time()

    assert plain_hosts(text) == ()
    assert time.process_time() - started < 0.5


def test_hosts_are_found_in_broken_text() -> None:
    assert plain_hosts("Host(`a.com && *.B.com or c_d.e-f.org") == ("a.com", "*.b.com", "c_d.e-f.org")


def test_router_name_is_traefiks() -> None:
    name = crd_router_name("default", "test.route", "Host(`foo.com`) && PathPrefix(`/bar`)")

    assert name == "default-test-route-6b204d94623b3df4370c"
