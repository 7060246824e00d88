"""What middlewares do, in words; chains unfolded, references that cannot be followed named."""

from __future__ import annotations

from typing import Any

import pytest

from build.routes import a_middleware, static
from ingressdoctor.evidence.routes import Custom
from ingressdoctor.routing.traefik.effects import effect_of, sights_of
from ingressdoctor.routing.traefik.settings import CRD, ProviderSettings

SETTINGS = ProviderSettings.read(static(), CRD)

EFFECTS: list[Any] = [
    pytest.param("redirectScheme", {}, "redirects to https what does not come by https (302", id="redirect-scheme"),
    pytest.param(
        "redirectScheme", {"scheme": "https", "port": "8443", "permanent": True}, "https on port 8443", id="permanent"
    ),
    pytest.param("redirectRegex", {"regex": "^a", "replacement": "b"}, "URLs that match ^a to b", id="redirect-regex"),
    pytest.param("stripPrefix", {"prefixes": ["/api", "/v1"]}, "strips /api, /v1 from", id="strip-prefix"),
    pytest.param("stripPrefix", {}, "strips nothing", id="strip-nothing"),
    pytest.param("stripPrefix", {"prefixes": list("abcdefgh")}, "f and 2 more", id="many-values"),
    pytest.param("stripPrefixRegex", {"regex": ["^/a+"]}, "strips what matches ^/a+", id="strip-regex"),
    pytest.param("addPrefix", {"prefix": "/x"}, "puts /x before", id="add-prefix"),
    pytest.param("replacePath", {"path": "/x"}, "replaces the path by /x", id="replace-path"),
    pytest.param(
        "replacePathRegex", {"regex": "a", "replacement": "b"}, "replaces a in the path by b", id="replace-regex"
    ),
    pytest.param("headers", {"customRequestHeaders": {"X-A": "secret"}}, "sets request headers X-A", id="headers"),
    pytest.param("headers", {"accessControlAllowOriginList": ["https://a"]}, "allows CORS from https://a", id="cors"),
    pytest.param("headers", {"accessControlAllowOriginListRegex": ["a"]}, "origins like a", id="cors-by-pattern"),
    pytest.param("headers", {"stsSeconds": 1, "sslRedirect": True}, "HSTS for 1 s, redirects to https", id="hsts"),
    pytest.param("headers", {"frameDeny": True}, "security options: frameDeny", id="security-headers"),
    pytest.param(
        "ipAllowList", {"sourceRange": ["10.0.0.0/8"]}, "answers 403 to clients outside 10.0.0.0/8", id="allow"
    ),
    pytest.param(
        "ipAllowList", {"sourceRange": ["::1"], "rejectStatusCode": 404, "ipStrategy": {"depth": 2}}, "404", id="depth"
    ),
    pytest.param("rateLimit", {"average": 5}, "429 above 5 requests in 1s, bursts of 1", id="rate-limit"),
    pytest.param("inFlightReq", {"amount": 5}, "429 above 5 requests at a time", id="in-flight"),
    pytest.param("basicAuth", {"secret": "users"}, "asks for basic credentials (Secret users), else 401", id="basic"),
    pytest.param("digestAuth", {}, "Secret not named", id="digest"),
    pytest.param("forwardAuth", {"address": "http://a"}, "asks http://a whether", id="forward-auth"),
    pytest.param("errors", {"status": ["500"], "service": {"name": "e"}}, "answers 500 by / of e", id="errors"),
    pytest.param("compress", {}, "compresses", id="compress"),
    pytest.param("contentType", {}, "Content-Type", id="content-type"),
    pytest.param("buffering", {}, "413 above no limit", id="buffering"),
    pytest.param("circuitBreaker", {"expression": "x"}, "answers 503 while x", id="circuit-breaker"),
    pytest.param("grpcWeb", {}, "gRPC-Web", id="grpc-web"),
    pytest.param("passTLSClientCert", {}, "certificate", id="client-certificate"),
    pytest.param("plugin", {"geo": {}}, "plugin geo", id="plugin"),
    pytest.param("retry", {"attempts": 3}, "up to 3 times", id="retry"),
    pytest.param("chain", {"middlewares": [{}, {}]}, "a chain of 2", id="chain"),
    pytest.param("fancyNew", {}, "fancyNew (no words", id="unknown-type"),
    pytest.param("", {}, "has no type", id="no-type"),
]


@pytest.mark.parametrize(("kind", "spec", "words"), EFFECTS)
def test_effects(kind: str, spec: dict[str, Any], words: str) -> None:
    said = effect_of(kind, spec)

    assert words in said
    assert "secret" not in said.replace("Secret", "")  # names of headers, never their values


@pytest.mark.parametrize("kind", [item.values[0] for item in EFFECTS])
@pytest.mark.parametrize(
    "spec",
    [
        dict.fromkeys(
            ("prefixes", "sourceRange", "middlewares", "customRequestHeaders", "service", "ipStrategy"), value
        )
        for value in (None, 1, "x", [None], {"a": None})
    ],
)
def test_any_options_can_be_told(kind: str, spec: dict[str, Any]) -> None:
    assert isinstance(effect_of(kind, spec), str)


def told(names: tuple[str, ...], *middlewares: Custom) -> list[tuple[str, int]]:
    return [(item.ref, item.depth) for item in sights_of(names, middlewares, SETTINGS)]


def test_chains_are_unfolded_in_order() -> None:
    inner = a_middleware("b", chain={"middlewares": [{"name": "c"}]})
    outer = a_middleware("a", chain={"middlewares": [{"name": "b"}, {"name": "x", "namespace": "other"}]})

    assert told(("ns-a@kubernetescrd",), outer, inner, a_middleware("c")) == [
        ("Middleware ns/a", 0),
        ("Middleware ns/b", 1),
        ("Middleware ns/c", 2),
    ]


def test_a_chain_of_itself_ends() -> None:
    assert len(told(("ns-a@kubernetescrd",), a_middleware("a", chain={"middlewares": [{"name": "a"}]}))) < 20


def test_a_chain_that_doubles_ends() -> None:
    doubling = [a_middleware(f"m{n}", chain={"middlewares": [{"name": f"m{n + 1}"}] * 6}) for n in range(6)]

    assert len(told(("ns-m0@kubernetescrd",), *doubling)) == 100


@pytest.mark.parametrize("name", ["auth@file", "ns-gone@kubernetescrd"])
def test_what_is_not_an_object_here_is_named(name: str) -> None:
    (sight,) = sights_of((name,), None, SETTINGS)

    assert sight.ref == name
    assert "not known here" in sight.effect
