import pytest

from build.outside import URL, exchange, redirect
from ingressdoctor.collect.redirects import Visit, destination, host_of, is_sibling, next_visit


@pytest.mark.parametrize(
    ("status", "location", "expected"),
    [
        pytest.param(301, "https://a.example/x", "https://a.example/x", id="absolute"),
        pytest.param(302, "/login?next=%2F", "https://www.shop.example/login?next=%2F", id="relative-to-the-root"),
        pytest.param(307, "deep", "https://www.shop.example/deep", id="relative-to-the-path"),
        pytest.param(308, "//other.example/", "https://other.example/", id="scheme-relative"),
        pytest.param(301, "http://a.example/#top", "http://a.example/", id="fragment-is-the-browsers"),
        pytest.param(301, "?a=1", "https://www.shop.example/?a=1", id="query-only"),
        pytest.param(300, "https://a.example/", "", id="300-leaves-the-choice"),
        pytest.param(304, "https://a.example/", "", id="304-is-no-redirect"),
        pytest.param(200, "https://a.example/", "", id="200-is-no-redirect"),
        pytest.param(301, "", "", id="no-location"),
        pytest.param(301, "javascript:alert(1)", "", id="another-scheme"),
        pytest.param(301, "ftp://a.example/", "", id="ftp"),
        pytest.param(301, "https://[::1", "", id="broken-ipv6"),
        pytest.param(301, "https://a.example:99999/", "", id="impossible-port"),
        pytest.param(301, "https://a.example:0/", "", id="port-zero"),
        pytest.param(301, "https://:443/", "", id="no-host"),
        pytest.param(301, "https://a.example/" + "x" * 9000, "", id="endless"),
    ],
)
def test_destination(status: int, location: str, expected: str) -> None:
    assert destination(redirect(location, status=status)) == expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        pytest.param("www.shop.example", "shop.example", True, id="apex"),
        pytest.param("shop.example", "www.shop.example", True, id="the-other-way"),
        pytest.param("www.shop.example", "api.shop.example", True, id="sister"),
        pytest.param("www.shop.example", "www.other.example", False, id="another-zone"),
        pytest.param("www.shop.example", "example", False, id="a-top-level-domain-is-nobodys"),
        pytest.param("www.shop.co.uk", "www.other.co.uk", False, id="public-second-level"),
        pytest.param("www.shop.co.uk", "api.shop.co.uk", True, id="sister-below-a-public-second-level"),
        pytest.param("www.shop.example", "evil-shop.example", False, id="suffix-without-a-dot"),
        pytest.param("www.shop.example", "", False, id="no-host"),
        pytest.param("a.example", "b.example", False, id="two-zones-of-one-top-level"),
    ],
)
def test_siblings(one: str, other: str, *, expected: bool) -> None:
    assert is_sibling(one, other) is expected


def test_cookies_go_to_the_host_that_set_them_and_nowhere_else() -> None:
    answer = exchange(
        302, headers=(("location", "/b"), ("set-cookie", "sid=1; Path=/; HttpOnly"), ("set-cookie", "x=2"))
    )

    here = next_visit(Visit(url=URL), answer)
    assert here is not None
    assert here.cookie_header == "sid=1; x=2"

    away = next_visit(here, redirect("https://api.shop.example/"))
    assert away is not None
    assert away.cookie_header == ""


def test_a_new_value_replaces_the_cookie() -> None:
    first = next_visit(Visit(url=URL), exchange(302, headers=(("location", "/"), ("set-cookie", "a=1"))))
    assert first is not None
    second = next_visit(first, exchange(302, headers=(("location", "/"), ("set-cookie", "a=2"))))

    assert second is not None
    assert second.cookie_header == "a=2"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param("https://a.example/", "https://a.example", True, id="empty-path-is-the-root"),
        pytest.param("https://a.example/", "https://A.example:443/", True, id="case-and-default-port"),
        pytest.param("https://a.example/", "http://a.example/", False, id="scheme"),
        pytest.param("https://a.example/", "https://a.example:8443/", False, id="port"),
        pytest.param("https://a.example/?n=1", "https://a.example/?n=2", False, id="growing-query"),
        pytest.param("https://a.example/a", "https://a.example/a/", False, id="slash"),
    ],
)
def test_when_two_requests_are_the_same(one: str, other: str, *, same: bool) -> None:
    assert (Visit(url=one).key == Visit(url=other).key) is same


def test_host_of_nonsense_is_empty() -> None:
    assert host_of("https://[::bad/") == ""
    assert host_of("https://WWW.Shop.Example./x") == "www.shop.example"
