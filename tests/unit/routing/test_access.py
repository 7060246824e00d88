"""Which Access application covers a URL; the rows are those of Cloudflare's documentation of application paths."""

from __future__ import annotations

import pytest

from build.access import application
from ingressdoctor.routing.access import covering, covers_host, covers_path, near_misses, split_uri


@pytest.mark.parametrize(
    ("pattern", "host", "covered"),
    [
        pytest.param("a.example.com", "a.example.com", True, id="the-name-itself"),
        pytest.param("*.example.com", "a.example.com", True, id="one-label"),
        pytest.param("*.example.com", "example.com", False, id="not-the-apex"),
        pytest.param("*.example.com", "a.b.example.com", False, id="not-two-labels"),
        pytest.param("*test.example.com", "test.example.com", True, id="nothing-before-the-rest"),
        pytest.param("*test.example.com", "alphatest.example.com", True, id="something-before-the-rest"),
        pytest.param("*test.example.com", "testalpha.example.com", False, id="something-after-it"),
        pytest.param("*-mgmt.example.com", "grafana-mgmt.example.com", True, id="a-suffix-of-the-label"),
        pytest.param("a*c.example.com", "ac.example.com", True, id="nothing-between"),
        pytest.param("a*ca.example.com", "aca.example.com", True, id="between-two-parts"),
        pytest.param("aa*a.example.com", "aa.example.com", False, id="parts-do-not-overlap"),
        pytest.param("a*b*c.example.com", "a1b2c.example.com", True, id="two-in-a-label"),
        pytest.param("a*b*c.example.com", "a1c2c.example.com", False, id="two-in-a-label-one-missing"),
        pytest.param("*.*.example.com", "a.b.example.com", True, id="one-per-label"),
        pytest.param("example.com", "a.example.com", False, id="a-name-covers-nothing-below"),
    ],
)
def test_hostnames(pattern: str, host: str, covered: bool) -> None:
    assert covers_host(pattern, host) is covered


@pytest.mark.parametrize(
    ("pattern", "path", "covered"),
    [
        pytest.param("", "/anything/at/all", True, id="empty-covers-all"),
        pytest.param("/alpha/*", "/alpha/one", True, id="below"),
        pytest.param("/alpha/*", "/alpha", False, id="star-below-leaves-the-path-itself-out"),
        pytest.param("/alpha", "/alpha", True, id="the-path-itself"),
        pytest.param("/alpha", "/alpha/one", True, id="what-is-below-it"),
        pytest.param("/alpha", "/alphabet", False, id="not-what-begins-alike"),
        pytest.param("/alpha*", "/alphabet", True, id="star-at-the-end"),
        pytest.param("/alpha", "/alpha?x=/beta", True, id="the-query-does-not-count"),
        pytest.param("/*/admin", "/a/b/admin", True, id="star-in-the-middle-spans-segments"),
        pytest.param("/*/admin", "/admin", False, id="star-in-the-middle-wants-its-slashes"),
        pytest.param("/a/", "/a/", True, id="slash-at-the-end"),
        pytest.param("/a/", "/a/b", False, id="slash-at-the-end-is-exact"),
        pytest.param("/" + "*a" * 2_000 + "b", "/" + "a" * 5_000, False, id="many-stars-take-no-time"),
    ],
)
def test_paths(pattern: str, path: str, covered: bool) -> None:
    assert covers_path(pattern, path) is covered


@pytest.mark.parametrize(
    ("uri", "parts"),
    [
        pytest.param("Panel.Example.com", ("panel.example.com", ""), id="host-in-lower-case"),
        pytest.param("panel.example.com/", ("panel.example.com", ""), id="slash-alone-is-no-path"),
        pytest.param("https://panel.example.com/a?b#c", ("panel.example.com", "/a"), id="scheme-query-fragment"),
        pytest.param("panel.example.com:8443/a", ("panel.example.com", "/a"), id="port-is-stripped"),
        pytest.param("panel.example.com.", ("panel.example.com", ""), id="final-dot"),
        pytest.param("", ("", ""), id="nothing"),
    ],
)
def test_a_destination_is_a_host_and_a_path(uri: str, parts: tuple[str, str]) -> None:
    assert split_uri(uri) == parts


HOST = "grafana.example.com"
WILD = application("*.example.com", name="wild")
EXACT = application(HOST, name="exact")
API = application(f"{HOST}/api", name="api")
DEEP = application(f"{HOST}/api/*", name="deep")


@pytest.mark.parametrize(
    ("path", "names"),
    [
        pytest.param("/", ["exact", "wild"], id="exact-host-before-wildcard"),
        pytest.param("/api", ["api", "exact", "wild"], id="path-before-whole-host"),
        pytest.param("/api/x", ["deep", "api", "exact", "wild"], id="more-of-the-path-first"),
        pytest.param("", ["deep", "api", "exact", "wild"], id="any-path"),
    ],
)
def test_the_most_specific_decides(path: str, names: list[str]) -> None:
    found = covering((WILD, DEEP, EXACT, API), HOST, path)

    assert [match.application.name for match in found] == names


def test_a_bookmark_stands_before_nothing() -> None:
    assert covering((application(HOST, type="bookmark"),), HOST, "/") == ()


def test_wildcards_that_miss_by_a_label_and_names_that_are_almost_right_are_near() -> None:
    apps = (
        application("*.example.com", "grafena.example.com/x", "other.example.com", name="one"),
        application("link.example.com", name="two", type="bookmark"),
    )

    assert near_misses(apps, "a.b.example.com") == ("*.example.com",)
    assert near_misses((application("grafena.example.com/x"),), HOST) == ("grafena.example.com/x",)
    assert near_misses((WILD,), HOST) == ()
