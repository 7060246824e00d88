from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingressdoctor.routing.cloudflared.address import AddressError, parse_url, quoted, split_host_port


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a:1", ("a", "1"), id="host-and-port"),
        pytest.param(":1", ("", "1"), id="port-only"),
        pytest.param("a:", ("a", ""), id="empty-port"),
        pytest.param("a", None, id="no-port"),
        pytest.param("a:b:c", None, id="too-many-colons"),
        pytest.param("[a]:1", ("a", "1"), id="brackets"),
        pytest.param("[a]", None, id="brackets-without-port"),
        pytest.param("[a:1", None, id="bracket-open"),
        pytest.param("[a]b:1", None, id="text-behind-bracket"),
        pytest.param("[[a]:1", None, id="bracket-twice"),
        pytest.param("[a]:]", None, id="bracket-in-port"),
        pytest.param("a]:1", None, id="bracket-in-host"),
        pytest.param("a[:1", None, id="bracket-opens-in-host"),
    ],
)
def test_host_and_port_split_as_in_go(text: str, expected: tuple[str, str] | None) -> None:
    assert split_host_port(text) == expected


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        pytest.param("http://x:80", ("http", "x", "80", ""), id="usual"),
        pytest.param("HTTPS://u:p@x/p?q#f", ("https", "x", "", "/p"), id="all-parts"),
        pytest.param("http://[::1]:80", ("http", "::1", "80", ""), id="ipv6"),
        pytest.param("http://[fe80::1%25en0]", ("http", "fe80::1%en0", "", ""), id="zone"),
        pytest.param("tcp://a:b:1", ("tcp", "a:b", "1", ""), id="colons-for-others"),
        pytest.param("mailto:x", ("mailto", "", "", ""), id="opaque"),
        pytest.param("http:/x", ("http", "", "", "/x"), id="no-authority"),
        pytest.param("//x", ("", "x", "", ""), id="no-scheme"),
        pytest.param("///x", ("", "", "", "///x"), id="three-slashes"),
        pytest.param("*", ("", "", "", "*"), id="star"),
        pytest.param("http://é", ("http", "é", "", ""), id="unicode"),
        pytest.param("http://%c3%a9", ("http", "é", "", ""), id="escaped-unicode"),
        pytest.param("http://x:", ("http", "x", "", ""), id="empty-port"),
    ],
)
def test_urls_as_go_reads_them(text: str, parts: tuple[str, str, str, str]) -> None:
    url = parse_url(text)

    assert (url.scheme, url.hostname, url.port, url.path) == parts


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("a\x01", "net/url: invalid control character in URL", id="control"),
        pytest.param(":x", "missing protocol scheme", id="no-scheme"),
        pytest.param("1:x", "first path segment in URL cannot contain colon", id="digit-first"),
        pytest.param("http://x:y", 'invalid port ":y" after host', id="port"),
        pytest.param("http://a:b:1", 'invalid port ":b:1" after host', id="colons"),
        pytest.param("http://a[", "invalid IP-literal", id="bracket-inside"),
        pytest.param("http://[::1", "missing ']' in host", id="bracket-open"),
        pytest.param("http://[::1]x", 'invalid port "x" after host', id="text-behind"),
        pytest.param("http://[1.2.3.4]", "invalid IP-literal", id="ipv4-in-brackets"),
        pytest.param("http://[x]", 'invalid host: ParseAddr("x"): unable to parse IP', id="name-in-brackets"),
        pytest.param("http://[::1%25%z]", 'invalid URL escape "%z"', id="zone-escape"),
        pytest.param("http://%41", 'invalid URL escape "%41"', id="ascii-escaped"),
        pytest.param("http://a^", 'invalid character "^" in host name', id="caret"),
        pytest.param("http://u p@x", "net/url: invalid userinfo", id="user"),
        pytest.param("http://u%@x", 'invalid URL escape "%"', id="user-escape"),
        pytest.param("http://x/%zz", 'invalid URL escape "%zz"', id="path-escape"),
        pytest.param("http://x#%zé", 'invalid URL escape "%z\ufffd"', id="fragment-escape"),
    ],
)
def test_urls_that_go_refuses(text: str, said: str) -> None:
    with pytest.raises(AddressError) as caught:
        parse_url(text)

    assert str(caught.value).startswith('parse "')
    assert str(caught.value).endswith(said)


def test_quoting_as_go_does_it() -> None:
    assert quoted('a"\\\t\x01') == r'"a\"\\\t\x01"'


@given(st.text(max_size=40))
def test_any_text_is_a_url_or_an_error(text: str) -> None:
    try:
        url = parse_url(text)
    except AddressError:
        return
    assert url.hostname in url.host or url.hostname == ""
