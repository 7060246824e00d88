"""What is accepted as a target, how it is normalised, and what is refused with which words."""

from __future__ import annotations

import pytest

from ingressdoctor.errors import UsageError
from ingressdoctor.model.target import Protocol, Target

ACCEPTED = [
    pytest.param("www.wecare.gr", "https://www.wecare.gr/", id="hostname"),
    pytest.param("  www.wecare.gr \n", "https://www.wecare.gr/", id="surrounding-white-space"),
    pytest.param("WWW.WeCare.GR", "https://www.wecare.gr/", id="upper-case"),
    pytest.param("www.wecare.gr.", "https://www.wecare.gr/", id="trailing-dot"),
    pytest.param("www.wecare.gr:8443", "https://www.wecare.gr:8443/", id="host-and-port"),
    pytest.param("http://www.wecare.gr", "http://www.wecare.gr/", id="url-without-path"),
    pytest.param("HTTPS://www.wecare.gr/a?b=c#frag", "https://www.wecare.gr/a?b=c", id="fragment-is-not-sent"),
    pytest.param("https://www.wecare.gr:443/", "https://www.wecare.gr/", id="default-port"),
    pytest.param("φαρμακείο.gr", "https://xn--kxadaqykzk7b.gr/", id="idn-becomes-punycode"),
    pytest.param("bücher.example", "https://xn--bcher-kva.example/", id="idn-with-umlaut"),
    pytest.param("xn--bcher-kva.example", "https://xn--bcher-kva.example/", id="punycode-stays"),
    pytest.param("_acme.example.org", "https://_acme.example.org/", id="underscore-is-possible-in-dns"),
    pytest.param("localhost", "https://localhost/", id="one-label"),
    pytest.param("user@www.wecare.gr", "https://www.wecare.gr/", id="user-name-is-dropped"),
]


@pytest.mark.parametrize(("text", "url"), ACCEPTED)
def test_accepted(text: str, url: str) -> None:
    assert Target.parse(text).url == url


REFUSED = [
    pytest.param("", "empty", id="nothing"),
    pytest.param("   ", "empty", id="blanks"),
    pytest.param("https://", "names no host", id="scheme-only"),
    pytest.param("[2001:db8::1]", "IPv6 address", id="ipv6-literal"),
    pytest.param("https://[2001:db8::1]:8443/", "IPv6 address", id="ipv6-url"),
    pytest.param("2001:db8::1", "IPv6 address", id="ipv6-without-brackets"),
    pytest.param("203.0.113.7", "is an address", id="ipv4"),
    pytest.param("a b.example.org", "not a hostname", id="space"),
    pytest.param("😀.example.org", "not a hostname", id="emoji"),
    pytest.param("a" * 64 + ".example.org", "not a hostname", id="label-of-64"),
    pytest.param(".".join(["a" * 49] * 6), "DNS allows 253", id="three-hundred-characters"),
    pytest.param("a..example.org", "empty label", id="empty-label"),
    pytest.param("-a.example.org", "not possible in DNS", id="leading-hyphen"),
    pytest.param("$(reboot).example.org", "not a hostname", id="shell-metacharacters"),
    pytest.param("a;rm -rf", "not a hostname", id="shell-command"),
    pytest.param("www.wecare.gr:0", "Port 0 is not", id="port-zero"),
    pytest.param("www.wecare.gr:99999", "port that is not a number", id="port-too-high"),
    pytest.param("www.wecare.gr:http", "port that is not a number", id="port-as-word"),
    pytest.param("ftp://www.wecare.gr", "scheme 'ftp'", id="foreign-scheme"),
    pytest.param("https://u:secret@www.wecare.gr", "password does not belong", id="password"),
    pytest.param("https://www.wecare.gr/a b", "space or a control", id="space-in-path"),
    pytest.param("www.wecare\n.gr", "space or a control", id="line-break"),
    pytest.param("www.wecare.gr/\x1b[31m", "space or a control", id="escape-in-path"),
]


@pytest.mark.parametrize(("text", "words"), REFUSED)
def test_refused(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        Target.parse(text)

    assert caught.value.hint
    assert "\x1b" not in caught.value.message
    assert "secret" not in caught.value.message


PROTOCOLS = [
    pytest.param("mysql://erp@db.example.org/shop", None, Protocol.MYSQL, 3306, id="mysql-url"),
    pytest.param("db.example.org", 3306, Protocol.MYSQL, 3306, id="port-3306"),
    pytest.param("grpc://api.example.org", None, Protocol.GRPC, 443, id="grpc"),
    pytest.param("api.example.org", None, Protocol.HTTP, 443, id="http"),
]


@pytest.mark.parametrize(("text", "port", "protocol", "dialled"), PROTOCOLS)
def test_protocol(text: str, port: int | None, protocol: Protocol, dialled: int) -> None:
    target = Target.parse(text, port=port)

    assert (target.protocol, target.port) == (protocol, dialled)


def test_a_client_address_is_checked() -> None:
    assert Target.parse("a.example.org", client_ip="203.0.113.7").client_ip == "203.0.113.7"
    with pytest.raises(UsageError, match="not an IP address"):
        Target.parse("a.example.org", client_ip="203.0.113")


@pytest.mark.parametrize(
    ("text", "protocol", "url", "spoken"),
    [
        pytest.param("api.example.org", Protocol.GRPC, "https://api.example.org/", Protocol.GRPC, id="grpc-by-option"),
        pytest.param("https://api.example.org", Protocol.GRPC, "https://api.example.org/", Protocol.GRPC, id="refined"),
        pytest.param(
            "grpcs://api.example.org", Protocol.GRPC, "https://api.example.org/", Protocol.GRPC, id="said-twice"
        ),
        pytest.param(
            "db.example.org", Protocol.MYSQL, "mysql://db.example.org/", Protocol.MYSQL, id="mysql-has-its-port"
        ),
        pytest.param("wss.example.org", Protocol.WEBSOCKET, "https://wss.example.org/", Protocol.WEBSOCKET, id="wss"),
        pytest.param("grpcs://api.example.org", None, "https://api.example.org/", Protocol.GRPC, id="by-scheme-alone"),
    ],
)
def test_the_protocol_may_be_given_apart(text: str, protocol: Protocol | None, url: str, spoken: Protocol) -> None:
    target = Target.parse(text, protocol=protocol)

    assert (target.url, target.protocol) == (url, spoken)


@pytest.mark.parametrize(
    ("text", "protocol"),
    [
        pytest.param("mysql://db.example.org", Protocol.GRPC, id="another-scheme"),
        pytest.param("https://db.example.org", Protocol.MYSQL, id="https-is-not-mysql"),
    ],
)
def test_a_protocol_that_contradicts_the_url_is_refused(text: str, protocol: Protocol) -> None:
    with pytest.raises(UsageError, match="protocol asked for"):
        Target.parse(text, protocol=protocol)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        pytest.param("db.example.org", "mysql://db.example.org/", id="the-default-port-becomes-mysqls"),
        pytest.param("http://db.example.org/x", "mysql://db.example.org/", id="that-of-http-too"),
        pytest.param("db.example.org:13306", "mysql://db.example.org:13306/", id="a-port-that-was-written-stays"),
        pytest.param("mysql://erp@db.example.org/shop", "mysql://db.example.org/", id="mysql-stays-as-it-is"),
    ],
)
def test_asked_about_in_mysql(text: str, url: str) -> None:
    target = Target.parse(text).in_mysql()

    assert (target.url, target.protocol) == (url, Protocol.MYSQL)
