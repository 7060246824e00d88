from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingressdoctor.routing.cloudflared.hosts import host_trouble
from ingressdoctor.routing.cloudflared.names import ascii_form


@pytest.mark.parametrize(
    ("name", "second"),
    [
        pytest.param("a.com", "", id="the-same"),
        pytest.param("A.Com", "a.com", id="case"),
        pytest.param("", "", id="empty"),
        pytest.param("A..com", "a..com", id="empty-label-passes"),
        pytest.param("*.A.com", "", id="star-fails"),
        pytest.param("A_b.com", "", id="underscore-fails"),
        pytest.param("-A.com", "", id="hyphen-first"),
        pytest.param("A-.com", "", id="hyphen-last"),
        pytest.param("Ab--c.com", "", id="hyphens-third-and-fourth"),
        pytest.param("Ab--", "", id="hyphen-last-again"),
        pytest.param("bücher.de", "xn--bcher-kva.de", id="umlaut"),
        pytest.param("BÜCHER.de", "xn--bcher-kva.de", id="umlaut-in-capitals"),
        pytest.param("straße.de", "xn--strae-oqa.de", id="sharp-s-stays"),
        pytest.param("STRAẞE.de", "strasse.de", id="capital-sharp-s-as-unicode-15"),
        pytest.param("☃.net", "xn--n3h.net", id="emoji"),
        pytest.param("a≠b.com", "", id="refused-in-unicode-15"),
        pytest.param("a。com", "a.com", id="ideographic-dot"),
        pytest.param("\uff21\uff22\uff23.com", "abc.com", id="full-width"),
        pytest.param("XN--N3H.net", "xn--n3h.net", id="ace-in-capitals"),
        pytest.param("xn--n3h.net", "", id="ace"),
        pytest.param("xn--a.com", "", id="ace-broken"),
        pytest.param("xn--dca.com", "", id="ace-of-a-capital"),
        pytest.param("XN--.com", ".com", id="ace-empty"),
        pytest.param("xn--bücher-.de", "xn--bcher-kva.de", id="ace-that-only-ends"),
        pytest.param("é.-b", "", id="hyphen-beside-unicode"),
        pytest.param("\u0301a.com", "", id="mark-first"),
        pytest.param("a\u200db.com", "", id="joiner-out-of-place"),
        pytest.param("क्\u200dष.com", "xn--11b2ezcw70k.com", id="joiner-in-place"),
        pytest.param("אב.com", "xn--4dbc.com", id="right-to-left"),
        pytest.param("1א.com", "", id="right-to-left-with-digit-first"),
        pytest.param("\U000e0001.com", "", id="unassigned"),
        pytest.param("a\ud800", "", id="lone-surrogate"),
        pytest.param("é" * 6_000, "", id="beyond-measure"),
    ],
)
def test_the_second_name_is_gos(name: str, second: str) -> None:
    assert ascii_form(name) == second


@given(st.text(max_size=60))
def test_any_name_has_a_second_one_or_none(name: str) -> None:
    second = ascii_form(name)

    assert second.isascii()
    assert not second or ascii_form(second) in ("", second)


@pytest.mark.parametrize(
    ("hostname", "proven", "instead"),
    [
        pytest.param("a.com/x", True, "", id="slash"),
        pytest.param(" a.com", True, "", id="space"),
        pytest.param("*a.com", True, "*.a.com", id="star-without-dot"),
        pytest.param("*.", False, "*", id="star-and-dot"),
        pytest.param("a.com.", False, "a.com", id="dot-last"),
        pytest.param("[::1]", False, "", id="brackets"),
        pytest.param("::1", False, "", id="address"),
        pytest.param("a..com", True, "", id="empty-label"),
        pytest.param("*.A.com", False, "*.a.com", id="capitals-in-wildcard"),
        pytest.param("A_b.com", False, "a_b.com", id="capitals-and-underscore"),
        pytest.param("*.môô.com", False, "*.xn--m-xgaa.com", id="unicode-wildcard"),
        pytest.param("a_é.com", False, "", id="unicode-without-second-form"),
        pytest.param("a" * 64 + ".com", True, "", id="label-too-long"),
        pytest.param(".".join(["a" * 50] * 6), True, "", id="name-too-long"),
    ],
)
def test_hostnames_that_no_request_has(hostname: str, proven: bool, instead: str) -> None:
    found = host_trouble(hostname)

    assert found is not None
    assert (found.proven, found.instead) == (proven, instead)
    assert found.why


@pytest.mark.parametrize("hostname", ["", "*", "a.com", "*.a.com", "A.com", "a_b.com", "bücher.de", "xn--n3h.net"])
def test_hostnames_that_requests_have(hostname: str) -> None:
    assert host_trouble(hostname) is None
