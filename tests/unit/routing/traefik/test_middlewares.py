"""Which Middlewares Traefik cannot build, in its own words, and what becomes of those who use them."""

from __future__ import annotations

from typing import Any

import pytest

from build.routing import a_route, a_service, a_table, only_drop, routers, thing
from ingressdoctor.api import DropReason, Unavailable

NOT_READ = Unavailable(wanted="the cluster's Secrets", reason="403")
CIDR = {"excludedIPs": ["zz"]}
BROKEN = [
    pytest.param({"ipAllowList": {}}, "sourceRange is empty, IPAllowLister not created", id="allow-list-empty"),
    pytest.param({"ipWhiteList": {}}, "sourceRange is empty, IPWhiteLister not created", id="white-list-empty"),
    pytest.param({"ipAllowList": {"sourceRange": ["10.0.0.0/33"]}}, "cannot parse CIDRs [10.0.0.0/33]", id="cidr"),
    pytest.param({"ipWhiteList": {"sourceRange": ["x"]}}, "cannot parse CIDR whitelist [x]", id="white-list-cidr"),
    pytest.param(
        {"ipAllowList": {"sourceRange": ["1.1.1.1"], "rejectStatusCode": 999}},
        "invalid HTTP status code 999",
        id="status",
    ),
    pytest.param(
        {"ipAllowList": {"sourceRange": ["1.1.1.1"], "ipStrategy": CIDR}}, "invalid CIDR address: zz", id="excluded-ips"
    ),
    pytest.param(
        {"rateLimit": {"sourceCriterion": {"ipStrategy": CIDR}}}, "getting source extractor:", id="rate-limit"
    ),
    pytest.param(
        {"inFlightReq": {"sourceCriterion": {"ipStrategy": {}, "requestHost": True}}},
        "error creating requests limiter: iPStrategy and RequestHost are mutually exclusive",
        id="in-flight",
    ),
    pytest.param(
        {"inFlightReq": {"sourceCriterion": {"ipStrategy": {}, "requestHeaderName": "X"}}},
        "iPStrategy and RequestHeaderName are mutually exclusive",
        id="strategy-and-header",
    ),
    pytest.param(
        {"inFlightReq": {"sourceCriterion": {"requestHost": True, "requestHeaderName": "X"}}},
        "requestHost and RequestHeaderName are mutually exclusive",
        id="host-and-header",
    ),
    pytest.param({"addPrefix": {}}, "prefix cannot be empty", id="prefix"),
    pytest.param({"redirectScheme": {}}, "you must provide a target scheme", id="scheme"),
    pytest.param({"redirectRegex": {"regex": "(?!x)"}}, "invalid or unsupported Perl syntax", id="redirect-regex"),
    pytest.param({"replacePathRegex": {"regex": "("}}, "error compiling regular expression (:", id="replace-regex"),
    pytest.param({"stripPrefixRegex": {"regex": ["/a", "["]}}, "missing closing ]", id="strip-regex"),
    pytest.param({"headers": {}}, "headers configuration not valid", id="headers-empty"),
    pytest.param(
        {"headers": {"accessControlAllowOriginListRegex": ["("]}}, "error occurred during origin parsing:", id="origins"
    ),
    pytest.param({"retry": {}}, "incorrect (or empty) value for attempt (0)", id="attempts"),
    pytest.param(
        {"retry": {"disableRetryOnNetworkError": True}}, "requires at least HTTP status codes", id="retry-what"
    ),
    pytest.param(
        {"compress": {"excludedContentTypes": ["a/b"], "includedContentTypes": ["a/b"]}},
        "options are mutually exclusive",
        id="content-types",
    ),
    pytest.param({"compress": {"encodings": []}}, "at least one encoding must be specified", id="no-encoding"),
    pytest.param({"compress": {"encodings": ["xz"]}}, "unsupported encoding: xz", id="encoding"),
    pytest.param({"compress": {"defaultEncoding": "xz"}}, "unsupported default encoding: xz", id="default-encoding"),
    pytest.param({"plugin": {"p": {}}}, "invalid middleware type or middleware does not exist", id="no-plugins"),
    pytest.param({"fooBar": {}}, "invalid middleware type or middleware does not exist", id="type-of-no-release"),
    pytest.param({}, "invalid middleware type or middleware does not exist", id="no-type"),
    pytest.param({"headers": {"frameDeny": True}, "retry": {}}, "multi-types middleware not supported", id="two-types"),
    pytest.param({"basicAuth": {}}, "auth secret must be set", id="basic-auth-without-secret"),
    pytest.param({"digestAuth": {}}, "Error while reading digest auth middleware", id="digest-auth-without-secret"),
    pytest.param({"basicAuth": {"secret": "gone"}}, "secret 'ns/gone' not found", id="secret-missing"),
    pytest.param({"basicAuth": {"secret": "helm"}}, "secret 'ns/helm' not found", id="secret-of-helm"),
    pytest.param({"basicAuth": {"secret": "two"}}, "found 2 elements for secret 'ns/two'", id="secret-of-two"),
    pytest.param({"digestAuth": {"secret": "void"}}, "does not contain any credentials", id="secret-empty"),
    pytest.param({"basicAuth": {"secret": "half"}}, "must contain both username and password keys", id="secret-half"),
    pytest.param({"forwardAuth": {}}, "forward authentication requires an address", id="forward-auth"),
    pytest.param(
        {"errors": {"service": {"name": "gone", "port": 80}}},
        "Error while reading error page middleware: kubernetes service not found: ns/gone",
        id="error-page-of-a-missing-service",
    ),
    pytest.param(
        {"errors": {"service": {"name": "gone", "kind": "TraefikService"}}},
        'the service "ns-gone@kubernetescrd" does not exist',
        id="error-page-of-a-missing-traefik-service",
    ),
    pytest.param({"chain": {"middlewares": [{"name": "gone"}]}}, '"ns-gone@kubernetescrd" does not exist', id="chain"),
    pytest.param(
        {"chain": {"middlewares": [{"name": "x", "namespace": "y"}]}},
        "Error while reading chain middleware: invalid reference to middleware x",
        id="chain-across-namespaces",
    ),
    pytest.param({"chain": {"middlewares": [{"name": "m"}]}}, "recursion detected in middleware:ns-m@", id="loop"),
]


def secret(name: str, *keys: str, filled: tuple[str, ...] | None = None, **more: Any) -> dict[str, Any]:
    return thing("SecretShape", name, None, keys=keys, filled=keys if filled is None else filled, **more)


SECRETS = (
    secret("users", "users"),
    secret("two", "a", "b"),
    secret("void", "users", filled=()),
    secret("half", "username", type="kubernetes.io/basic-auth"),
    secret("login", "username", "password", type="kubernetes.io/basic-auth"),
    secret("helm", "users", labels={"owner": "helm"}),
)
ROUTE = a_route(middlewares=[{"name": "m"}])


@pytest.mark.parametrize(("spec", "words"), BROKEN)
def test_broken_middlewares(spec: dict[str, Any], words: str) -> None:
    dropped = only_drop(a_table(ROUTE, *a_service(), *SECRETS, thing("Middleware", "m", spec)))

    assert words in dropped.detail
    assert dropped.reason in (DropReason.MIDDLEWARE_INVALID, DropReason.MIDDLEWARE_MISSING, DropReason.SERVICE_MISSING)


SOUND = [
    pytest.param({"basicAuth": {"secret": "users"}}, (), id="basic-auth"),
    pytest.param({"basicAuth": {"secret": "login"}}, (), id="basic-auth-of-its-own-type"),
    pytest.param({"headers": {"stsSeconds": 0}}, (), id="zero-counts-as-a-header"),
    pytest.param({"headers": {"accessControlAllowOriginListRegex": ["^a$"]}}, (), id="origins"),
    pytest.param(
        {"ipAllowList": {"sourceRange": ["1.1.1.1"], "ipStrategy": {"depth": 1, **CIDR}}}, (), id="depth-comes-first"
    ),
    pytest.param({"compress": {"encodings": ["gzip"], "defaultEncoding": "gzip"}}, (), id="encodings"),
    pytest.param({"retry": {"attempts": 2}}, (), id="retry"),
    pytest.param({"replacePathRegex": {"regex": " ^/a "}}, (), id="regex-in-spaces"),
    pytest.param({"plugin": {"p": {}}}, ("--experimental.plugins.p.modulename=x",), id="plugin"),
    pytest.param({"errors": {"service": {"name": "shop", "port": 80}}}, (), id="error-page"),
    pytest.param({"chain": {"middlewares": []}}, (), id="empty-chain"),
]


@pytest.mark.parametrize(("spec", "args"), SOUND)
def test_sound_middlewares(spec: dict[str, Any], args: tuple[str, ...]) -> None:
    table = a_table(ROUTE, *a_service(), *SECRETS, thing("Middleware", "m", spec), args=args)

    assert len(routers(table)) == 1
    assert table.all_dropped == ()


def test_a_plugin_that_is_not_loaded() -> None:
    args = ("--experimental.plugins.other.modulename=x",)

    dropped = only_drop(a_table(ROUTE, *a_service(), thing("Middleware", "m", {"plugin": {"p": {}}}), args=args))

    assert dropped.detail == "plugin: unknown plugin type: p"


def test_secrets_that_were_not_read_are_not_judged() -> None:
    auth = thing("Middleware", "m", {"basicAuth": {"secret": "gone"}})

    assert len(routers(a_table(ROUTE, *a_service(), auth, secrets=NOT_READ))) == 1


def test_types_of_later_releases() -> None:
    web = thing("Middleware", "m", {"grpcWeb": {}})

    assert len(routers(a_table(ROUTE, *a_service(), web))) == 1
    assert "invalid middleware type" in only_drop(a_table(ROUTE, *a_service(), web, version="v2.11.0")).detail


def test_chains_crossed_namespaces_before_3_6_14() -> None:
    chain = thing("Middleware", "m", {"chain": {"middlewares": [{"name": "x", "namespace": "y"}]}})
    other = thing("Middleware", "x", {"stripPrefix": {"prefixes": ["/x"]}}, namespace="y")

    assert len(routers(a_table(ROUTE, *a_service(), chain, other, version="v3.6.13"))) == 1
    assert only_drop(a_table(ROUTE, *a_service(), chain, other, version="v3.6.14")).reason is (
        DropReason.MIDDLEWARE_MISSING
    )


def test_of_several_bad_middlewares_the_last_is_named() -> None:
    route = a_route(middlewares=[{"name": "one"}, {"name": "two"}])

    assert only_drop(a_table(route, *a_service())).detail == 'middleware "ns-two@kubernetescrd" does not exist'


def test_a_middleware_of_a_provider_that_is_off_does_not_exist() -> None:
    point = ("--entrypoints.web.http.middlewares=ns-m@kubernetescrd",)

    table = a_table(
        thing("Middleware", "m", {"retry": {"attempts": 1}}), args=("--providers.kubernetescrd=false", *point)
    )

    assert table.broken_points["web"].detail == 'middleware "ns-m@kubernetescrd" does not exist'


def test_two_routes_miss_the_same_middleware() -> None:
    other = a_route(name="other", rule="Host(`b.com`)", middlewares=[{"name": "m"}])

    table = a_table(ROUTE, other, *a_service())

    assert [item.detail for item in table.all_dropped] == ['middleware "ns-m@kubernetescrd" does not exist'] * 2
