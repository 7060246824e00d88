"""What annotations do to an Ingress: refused, denied, ignored, or used. As v1.15.1 does it, run with each value."""

from __future__ import annotations

from typing import Any

import pytest

from build.nginx import PREFIX
from build.values import replace
from ingressdoctor.routing.ingress_nginx.annotations import NginxAnnotations, Redirect, read_annotations
from ingressdoctor.routing.ingress_nginx.settings import NginxSettings

OPEN = NginxSettings(risk=3)
OLD = replace(OPEN, validates_annotations=False)


def read(given: dict[str, str], settings: NginxSettings = OPEN) -> NginxAnnotations:
    return read_annotations({PREFIX + key: value for key, value in given.items()}, settings, "api")


RISKS: list[Any] = [
    pytest.param("server-snippet", 3, id="snippets-are-critical"),
    pytest.param("server-alias", 2, id="aliases-are-high"),
    pytest.param("rewrite-target", 1, id="rewrites-are-medium"),
    pytest.param("whitelist-source-range", 1, id="an-alias-has-the-risk-of-its-name"),
    pytest.param("ssl-redirect", 0, id="ssl-redirect-is-low"),
    pytest.param("anything-else", 0, id="what-is-not-known-is-no-risk"),
]


@pytest.mark.parametrize(("name", "risk"), RISKS)
def test_risk(name: str, risk: int) -> None:
    refused = [level for level in range(4) if read({name: "10.0.0.1"}, NginxSettings(risk=level)).refused]

    assert refused == list(range(risk))


REFUSED: list[Any] = [
    pytest.param({"server-alias": "a.test, b@test"}, id="server-alias"),
    pytest.param({"from-to-www-redirect": "x"}, id="from-to-www-redirect"),
    pytest.param({"relative-redirects": "x"}, id="relative-redirects"),
    pytest.param({"temporal-redirect": "https://x/;"}, id="temporal-redirect"),
    pytest.param({"temporal-redirect": "https://x/", "temporal-redirect-code": "x"}, id="code-of-a-temporal-redirect"),
    pytest.param({"permanent-redirect": "a b"}, id="permanent-redirect"),
    pytest.param({"permanent-redirect-code": "x"}, id="code-of-no-permanent-redirect"),
    pytest.param({"auth-type": "x"}, id="auth-type"),
    pytest.param({"auth-type": "basic", "auth-secret": "s", "auth-secret-type": "x"}, id="auth-secret-type"),
    pytest.param({"auth-url": "http://x;"}, id="auth-url"),
    pytest.param({"limit-rps": "5 "}, id="limit-rps"),
    pytest.param({"limit-whitelist": "office"}, id="an-alias-of-a-strict-one"),
    pytest.param({"default-backend": "A"}, id="default-backend"),
    pytest.param({"upstream-vhost": "$host;"}, id="upstream-vhost"),
    pytest.param({"load-balance": "ip_hash"}, id="load-balance"),
    pytest.param({"ssl-passthrough": "yes"}, id="ssl-passthrough"),
    pytest.param({"x-forwarded-prefix": "/a;"}, id="x-forwarded-prefix"),
    pytest.param({"custom-http-errors": "404\n,500"}, id="a-line-break"),
]


@pytest.mark.parametrize("given", REFUSED)
def test_an_invalid_value_costs_the_ingress_its_place(given: dict[str, str]) -> None:
    assert "contains invalid value" in read(given).refused
    assert not read(given, OLD).refused


TAKEN: list[Any] = [
    pytest.param({"temporal-redirect-code": "x"}, id="code-of-no-temporal-redirect"),
    pytest.param({"temporal-redirect": "https://x/", "permanent-redirect": "a b"}, id="behind-a-temporal-redirect"),
    pytest.param({"auth-secret-type": "x"}, id="auth-secret-type-alone"),
    pytest.param({"proxy-body-size": "x"}, id="one-that-is-ignored"),
    pytest.param({"canary-weight": "x"}, id="canary-weight"),
    pytest.param({"server-alias": ""}, id="empty"),
    pytest.param({"auth-type": "digest", "auth-secret": "s"}, id="valid"),
]


@pytest.mark.parametrize("given", TAKEN)
def test_the_ingress_is_loaded_all_the_same(given: dict[str, str]) -> None:
    assert not read(given).refused


DENIED: list[Any] = [
    pytest.param({"allowlist-source-range": "office"}, True, id="no-network"),
    pytest.param({"allowlist-source-range": "10.0.0.0/8,x"}, True, id="one-that-is-no-network"),
    pytest.param({"denylist-source-range": ""}, True, id="an-empty-list"),
    pytest.param({"allowlist-source-range": "", "whitelist-source-range": "10.0.0.1"}, False, id="the-alias-stands-in"),
    pytest.param({"denylist-source-range": "10.0.0.1, ::1/128"}, False, id="addresses-and-networks"),
    pytest.param({"denylist-source-range": "10.0.0.1/255.0.0.0"}, True, id="a-netmask"),
    pytest.param({"denylist-source-range": "fe80::1%eth0"}, True, id="a-zone"),
    pytest.param({"auth-url": "x"}, True, id="auth-url-without-a-scheme"),
    pytest.param({"auth-url": "http://a..b/"}, True, id="auth-url-with-two-dots"),
    pytest.param({"auth-url": "http://x y"}, True, id="auth-url-with-a-space"),
    pytest.param({"auth-url": "http://x/", "auth-method": "BREW"}, True, id="auth-method"),
    pytest.param({"auth-url": "http://x/", "auth-response-headers": "a;"}, True, id="auth-response-headers"),
    pytest.param({"auth-url": "http://x/", "auth-method": "GET"}, False, id="a-valid-auth-url"),
    pytest.param({"auth-type": "basic"}, True, id="auth-type-without-a-secret"),
    pytest.param({"auth-tls-secret": "other/ca"}, True, id="a-secret-of-another-namespace"),
    pytest.param({"auth-tls-secret": "api/ca"}, False, id="a-secret-of-its-own-namespace"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "denied"), DENIED)
def test_denied(given: dict[str, str], denied: bool) -> None:
    found = read(given)

    assert bool(found.denied) is denied
    assert not found.refused


def test_a_url_that_cannot_be_read_at_all_denies() -> None:
    assert read({"auth-url": "http://[x/"}, OLD).denied


@pytest.mark.parametrize(
    ("given", "needs"),
    [
        pytest.param({"auth-type": "basic", "auth-secret": "users"}, ("Secret api/users",), id="users"),
        pytest.param({"auth-tls-secret": "api/ca"}, ("Secret api/ca",), id="client-certificates"),
        pytest.param(
            {"custom-headers": "shared/headers"}, ("ConfigMap shared/headers",), id="headers-of-any-namespace"
        ),
        pytest.param({}, (), id="nothing"),
    ],
)
def test_what_it_refers_to(given: dict[str, str], needs: tuple[str, ...]) -> None:
    assert read(given).needs == needs


USED: list[Any] = [
    pytest.param({"rewrite-target": "/$1"}, "rewrite_target", "/$1", id="rewrite-target"),
    pytest.param({"rewrite-target": "/a?b=1"}, "rewrite_target", "", id="rewrite-target-with-a-query"),
    pytest.param({"use-regex": "TRUE"}, "use_regex", True, id="a-truth-value-in-capitals"),
    pytest.param({"use-regex": "yes"}, "use_regex", False, id="yes-is-no-truth-value"),
    pytest.param({"ssl-redirect": "false"}, "ssl_redirect", False, id="ssl-redirect"),
    pytest.param({"app-root": "app"}, "app_root", "", id="app-root-without-a-slash"),
    pytest.param({"app-root": "/app"}, "app_root", "/app", id="app-root"),
    pytest.param({"backend-protocol": " grpcs "}, "protocol", "GRPCS", id="protocol-in-any-case"),
    pytest.param({"backend-protocol": "h2c"}, "protocol", "HTTP", id="a-protocol-that-is-none"),
    pytest.param({"server-alias": "b.test, a.test,,b.test"}, "aliases", ("a.test", "b.test"), id="aliases"),
    pytest.param({"whitelist-source-range": "10.1.2.3/8"}, "allowlist", ("10.0.0.0/8",), id="allow-list-by-its-alias"),
    pytest.param({"temporal-redirect": "https://x/"}, "redirect", Redirect(url="https://x/", code=302), id="temporal"),
    pytest.param(
        {"temporal-redirect": "https://x/", "temporal-redirect-code": "308"},
        "redirect",
        Redirect(url="https://x/", code=302),
        id="a-code-out-of-its-range",
    ),
    pytest.param(
        {"permanent-redirect": "/p", "permanent-redirect-code": "308"},
        "redirect",
        Redirect(url="/p", code=308),
        id="permanent",
    ),
    pytest.param({"temporal-redirect": "ftp://x", "permanent-redirect": "/p"}, "redirect", None, id="no-http"),
    pytest.param({"temporal-redirect": "", "permanent-redirect": "/p"}, "redirect", None, id="an-empty-one-ends-it"),
    pytest.param({"from-to-www-redirect": "true"}, "www_redirect", True, id="www"),
    pytest.param({"from-to-www-redirect": "true", "permanent-redirect": "/p"}, "www_redirect", True, id="www-and-more"),
    pytest.param({"canary": "true"}, "canary.total", 100, id="a-canary"),
    pytest.param({"canary": "true", "canary-by-header": "x y"}, "canary.header", "x y", id="spaces-are-let-pass"),
    pytest.param({"canary-weight": "10"}, "canary", None, id="canary-keys-without-canary"),
    pytest.param({"ssl-passthrough": "true"}, "passthrough", False, id="passthrough-without-its-flag"),
]


@pytest.mark.parametrize(("given", "name", "value"), USED)
def test_used(given: dict[str, str], name: str, value: Any) -> None:
    found: Any = read(given)
    for part in name.split("."):
        found = getattr(found, part)

    assert found == value


def test_what_is_not_valid_is_told() -> None:
    found = read({"use-regex": "yes", "backend-protocol": "h2c", "app-root": "x", "canary-weight": "x"})

    assert set(found.ignored) == {"use-regex", "backend-protocol", "app-root", "canary-weight"}


def test_before_1_12_nothing_is_validated() -> None:
    found = read({"backend-protocol": "h2c", "rewrite-target": "/a?b", "permanent-redirect": "/a;b"}, OLD)

    assert (found.protocol, found.rewrite_target, found.redirect) == ("H2C", "/a?b", Redirect(url="/a;b", code=301))
    assert read({"from-to-www-redirect": "x", "permanent-redirect": "/a"}, OLD).redirect is None


def test_a_url_of_a_redirect_that_cannot_be_read_is_none() -> None:
    assert read({"temporal-redirect": "http://[x"}, OLD).redirect is None


def test_another_prefix() -> None:
    found = read_annotations({"x.io/use-regex": "true"}, replace(OPEN, annotations_prefix="x.io"))

    assert found.use_regex


def test_the_settings_own_allow_list_stands_where_none_is_written() -> None:
    settings = replace(OPEN, allowlist=("10.0.0.0/8",))

    assert read({}, settings).allowlist == ("10.0.0.0/8",)
    assert read({"allowlist-source-range": "::1"}, settings).allowlist == ("::1",)
