"""Which server and location take a request, and what the client gets."""

from __future__ import annotations

from typing import Any

import pytest

from build.nginx import HOST, a_class, a_path, an_ingress
from build.values import replace
from ingressdoctor.evidence.answer import AnswerSource, ConnectionEnd
from ingressdoctor.evidence.kube import Ingress
from ingressdoctor.evidence.routes import Outcome, RouteDecision, RouteRequest
from ingressdoctor.routing.ingress_nginx.answer import with_handshake
from ingressdoctor.routing.ingress_nginx.choose import BadPathError, choose_server, normal_path
from ingressdoctor.routing.ingress_nginx.decide import decide_nginx
from ingressdoctor.routing.ingress_nginx.servers import NginxTable
from ingressdoctor.routing.ingress_nginx.settings import NginxSettings
from ingressdoctor.routing.ingress_nginx.table import build_nginx_table

SETTINGS = NginxSettings(risk=3)
HTTP: dict[str, Any] = {"tls": False}


def table(*ingresses: Ingress, **settings: Any) -> NginxTable:
    return build_nginx_table(ingresses, replace(SETTINGS, **settings), (a_class(),))


def decide(*ingresses: Ingress, settings: Any = None, **request: Any) -> RouteDecision:
    asked = RouteRequest(**{"host": HOST} | request)
    return decide_nginx(table(*ingresses, **(settings or {})), asked)


PATHS = [
    pytest.param("/a", "/a", id="as-it-is"),
    pytest.param("//a///b", "/a/b", id="slashes-are-merged"),
    pytest.param("/a/./b/../c", "/a/c", id="dot-segments"),
    pytest.param("/a/..", "/", id="up-to-the-root"),
    pytest.param("/a/.", "/a/", id="a-dot-at-the-end"),
    pytest.param("/%61%2Fb", "/a/b", id="escapes"),
    pytest.param("/%C3%A9", "/é", id="utf-8"),
]


@pytest.mark.parametrize(("raw", "path"), PATHS)
def test_path(raw: str, path: str) -> None:
    assert normal_path(raw) == path


@pytest.mark.parametrize("raw", ["a", "/..", "/a/../..", "/%", "/%4", "/%zz", "/%00"])
def test_a_path_that_nginx_refuses(raw: str) -> None:
    with pytest.raises(BadPathError):
        normal_path(raw)
    assert decide(an_ingress(), path=raw).predicted_status == 400


ALIASES = "x.test,*.wild.test,front.*,.dot.test,~^r[0-9]+$,~*(?<=a)b"
SERVERS = [
    pytest.param(HOST, HOST, id="its-name"),
    pytest.param(HOST.upper() + ".", HOST, id="any-case-and-a-dot-at-the-end"),
    pytest.param("one.example.com", "*.example.com", id="a-wildcard-of-one-label"),
    pytest.param("two.one.example.com", "_", id="not-of-two"),
    pytest.param("example.com", "_", id="and-not-of-none"),
    pytest.param("x.test", "alias.test", id="an-alias"),
    pytest.param("q.wild.test", "alias.test", id="an-alias-with-a-star-before"),
    pytest.param("front.example", "alias.test", id="an-alias-with-a-star-behind"),
    pytest.param("dot.test", "alias.test", id="a-dot-takes-the-name-itself"),
    pytest.param("n.dot.test", "alias.test", id="and-names-below"),
    pytest.param("r12", "alias.test", id="a-regular-expression"),
    pytest.param("nobody.test", "_", id="nobody"),
]


@pytest.mark.parametrize(("host", "server"), SERVERS)
def test_server(host: str, server: str) -> None:
    aliased = an_ingress(name="b", host="alias.test", annotations={"server-alias": ALIASES})
    wild = an_ingress(name="c", host="*.example.com")
    # Validation refuses some of these aliases; a controller that does not validate takes them.
    found = table(an_ingress(), aliased, wild, validates_annotations=False)

    assert choose_server(found, host)[0].host == server


LOCATIONS: list[Any] = [
    pytest.param([an_ingress(a_path("/a"))], "/a", "/a", id="the-exact-one-of-a-prefix"),
    pytest.param([an_ingress(a_path("/a"))], "/a/b", "/a/", id="the-prefix"),
    pytest.param([an_ingress(a_path("/a"))], "/ab", "", id="not-part-of-a-segment"),
    pytest.param([an_ingress(a_path("/a"), a_path("/a/b", to="b"))], "/a/b/c", "/a/b/", id="the-longest-prefix"),
    pytest.param([an_ingress(a_path("/a", "Exact"))], "/a/b", "", id="exact-takes-nothing-below"),
    pytest.param([an_ingress(a_path("/a"), annotations={"use-regex": "true"})], "/AB", "/a", id="a-regex-any-case"),
    pytest.param(
        [an_ingress(a_path("/a"), annotations={"use-regex": "true"})], "/x", "/", id="the-made-root-of-regexes"
    ),
]


@pytest.mark.parametrize(("ingresses", "path", "location"), LOCATIONS)
def test_location(ingresses: list[Ingress], path: str, location: str) -> None:
    found = decide(*ingresses, path=path)

    taken = [item for item in found.candidates if item.matches]
    if location in ("", "/"):
        assert found.outcome is Outcome.NO_ROUTE
        assert found.predicted_status == 404
    else:
        assert found.winner is not None
        assert found.winner in found.candidates
        assert taken[0].rule.rstrip('"').endswith(location)


def test_a_path_that_no_location_takes() -> None:
    found = decide(an_ingress(a_path("/a(?!b)"), a_path("/b"), annotations={"use-regex": "true"}), path="/a")

    assert found.outcome is Outcome.UNDECIDED
    assert found.limits


def test_a_root_that_is_exact_leaves_the_rest_to_the_made_one() -> None:
    found = decide(an_ingress(a_path("/", "Exact")), path="/x")

    assert found.predicted is not None
    assert found.predicted.source is AnswerSource.CONTROLLER
    assert "default backend answers" in found.predicted.why


ANSWERS: list[Any] = [
    pytest.param({}, {}, {}, None, "", id="of-the-backend"),
    pytest.param({}, HTTP, {}, 308, f"https://{HOST}", id="ssl-redirect-takes-the-slash"),
    pytest.param({}, {"path": "/a", "query": "x=1"} | HTTP, {}, 308, f"https://{HOST}/a?x=1", id="with-its-query"),
    pytest.param(
        {"annotations": {"preserve-trailing-slash": "true"}}, HTTP, {}, 308, f"https://{HOST}/", id="the-slash-is-kept"
    ),
    pytest.param({"tls": None}, HTTP, {}, None, "", id="no-tls-no-redirect"),
    pytest.param(
        {"tls": None, "annotations": {"force-ssl-redirect": "true"}}, HTTP, {}, 308, f"https://{HOST}", id="forced"
    ),
    pytest.param({"annotations": {"ssl-redirect": "false"}}, HTTP, {}, None, "", id="switched-off"),
    pytest.param(
        {}, {"headers": {"X-Forwarded-Proto": "https"}} | HTTP, {}, 308, f"https://{HOST}", id="header-unread"
    ),
    pytest.param(
        {},
        {"headers": {"X-Forwarded-Proto": "https"}} | HTTP,
        {"use_forwarded_headers": True},
        None,
        "",
        id="forwarded-headers",
    ),
    pytest.param({"annotations": {"app-root": "/app"}}, {}, {}, 302, f"https://{HOST}/app", id="app-root"),
    pytest.param(
        {"annotations": {"temporal-redirect": "https://x/"}}, {}, {}, 302, "https://x/", id="a-redirect-of-its-own"
    ),
    pytest.param({"annotations": {"allowlist-source-range": "office"}}, {}, {}, 503, "", id="denied"),
    pytest.param(
        {"annotations": {"allowlist-source-range": "10.0.0.0/8"}},
        {"client_ip": "192.0.2.1"},
        {},
        403,
        "",
        id="not-allowed",
    ),
    pytest.param(
        {"annotations": {"allowlist-source-range": "10.0.0.0/8"}}, {"client_ip": "10.1.1.1"}, {}, None, "", id="allowed"
    ),
    pytest.param(
        {"annotations": {"denylist-source-range": "10.0.0.0/8"}},
        {"client_ip": "10.1.1.1"},
        {},
        403,
        "",
        id="on-the-deny-list",
    ),
    pytest.param({"annotations": {"allowlist-source-range": "10.0.0.0/8"}}, {}, {}, None, "", id="client-not-known"),
]


@pytest.mark.parametrize(("ingress", "request_", "settings", "status", "location"), ANSWERS)
def test_answer(
    ingress: dict[str, Any], request_: dict[str, Any], settings: dict[str, Any], status: int | None, location: str
) -> None:
    found = decide(an_ingress(**ingress), settings=settings, **request_)

    assert found.predicted is not None
    assert (found.predicted.status, found.predicted.location) == (status, location)
    assert found.outcome is (Outcome.REDIRECT if location else Outcome.ROUTED)


def test_the_challenge_of_acme_is_not_redirected() -> None:
    challenge = an_ingress(a_path("/.well-known/acme-challenge/x", "Exact"))

    assert decide(challenge, path="/.well-known/acme-challenge/x", **HTTP).predicted_status is None


def test_a_host_of_nobody() -> None:
    found = decide(an_ingress(), host="apj.example.com")

    assert (found.outcome, found.predicted_status, found.near) == (Outcome.NO_ROUTE, 404, (HOST,))


def test_a_default_backend_of_the_controller_answers_by_itself() -> None:
    found = decide(settings={"default_backend": "nginx/dflt"})

    assert found.predicted is not None
    assert found.predicted.source is AnswerSource.BACKEND


def test_what_the_backend_sees() -> None:
    rewriting = an_ingress(a_path("/api(/|$)(.*)"), annotations={"rewrite-target": "/$2"})
    lookahead = an_ingress(a_path("/(?=x)"), a_path("/y"), annotations={"rewrite-target": "/z"})

    seen = decide(rewriting, path="/api/users", query="q=1").predicted
    assert seen is not None
    assert seen.path == "/users?q=1"
    assert decide(lookahead, path="/y").outcome is Outcome.UNDECIDED


def test_a_rewrite_that_cannot_be_followed_is_a_limit() -> None:
    # Near the most that is compiled: the pattern is, and what a rewrite makes of it is not.
    path = "/" + "a" * 19_990

    found = decide(an_ingress(a_path(path), annotations={"rewrite-target": "/x"}), path=path).predicted

    assert found is not None
    assert any("is not known" in limit for limit in found.limits)


def test_limits_say_what_could_change_the_answer() -> None:
    notes = {
        "auth-url": "http://auth.test/",
        "auth-tls-secret": "api/ca",
        "allowlist-source-range": "10.0.0.0/8",
        "auth-type": "basic",
        "auth-secret": "users",
    }

    found = decide(an_ingress(annotations=notes)).predicted

    assert found is not None
    text = " ".join(found.limits)
    assert all(
        word in text for word in ("--client-ip", "authentication request", "client certificate", "Secret api/users")
    )


CERTIFICATES = [
    pytest.param({}, {}, "the controller's default certificate", id="default"),
    pytest.param({}, {"default_certificate": "nginx/d"}, "Secret nginx/d", id="a-default-of-ones-own"),
    pytest.param(
        {"tls": [{"hosts": [HOST], "secretName": "s"}]}, {}, "Secret api/s, named by Ingress api/api", id="named"
    ),
    pytest.param({"tls": [{"hosts": ["x"], "secretName": "s"}]}, {}, "the first of api/s", id="tried"),
]


@pytest.mark.parametrize(("ingress", "settings", "words"), CERTIFICATES)
def test_certificate(ingress: dict[str, Any], settings: dict[str, Any], words: str) -> None:
    found = decide(an_ingress(**ingress), settings=settings)

    assert found.predicted is not None
    assert found.predicted.certificate.startswith(words)
    plain = decide(an_ingress(tls=None), **HTTP).predicted
    assert plain is not None
    assert plain.certificate == ""


@pytest.mark.parametrize(
    ("request_", "refused"),
    [
        pytest.param({"sni": HOST}, False, id="a-name-with-a-certificate"),
        pytest.param({"sni": "nobody.test"}, True, id="a-name-without-one"),
        pytest.param({}, True, id="no-name"),
        pytest.param(HTTP, False, id="no-tls"),
    ],
)
def test_handshake(request_: dict[str, Any], refused: bool) -> None:
    found = table(an_ingress(), rejects_handshakes=True)

    decision = with_handshake(found, decide_nginx(found, RouteRequest(**{"host": HOST} | request_)))

    assert decision.predicted is not None
    assert (decision.predicted.end is ConnectionEnd.TLS_ALERT) is refused


def canary(**notes: str) -> Ingress:
    given = {"canary": "true", **{key.replace("_", "-"): value for key, value in notes.items()}}
    return an_ingress(a_path(to="new"), name="canary", annotations=given)


SHARES: list[Any] = [
    pytest.param({"canary_weight": "20"}, {}, [("api", 80), ("new", 20)], id="by-weight"),
    pytest.param(
        {"canary_weight": "20", "canary_weight_total": "1000"}, {}, [("api", 98), ("new", 2)], id="of-a-total"
    ),
    pytest.param({}, {}, [("api", 100)], id="weight-zero"),
    pytest.param({"canary_by_header": "X-C"}, {"X-C": "always"}, [("new", 100)], id="header-always"),
    pytest.param(
        {"canary_by_header": "X-C", "canary_weight": "90"}, {"X-C": "never"}, [("api", 100)], id="header-never"
    ),
    pytest.param({"canary_by_header": "X-C"}, {"X-C": "else"}, [("api", 100)], id="another-value"),
    pytest.param(
        {"canary_by_header": "X-C", "canary_by_header_value": "eu"}, {"X-C": "eu"}, [("new", 100)], id="header-value"
    ),
    pytest.param(
        {"canary_by_header": "X-C", "canary_by_header_value": "eu"},
        {"X-C": "us"},
        [("api", 100)],
        id="another-header-value",
    ),
    pytest.param(
        {"canary_by_header": "X-C", "canary_by_header_pattern": "^e"},
        {"X-C": "eu"},
        [("new", 100)],
        id="header-pattern",
    ),
    pytest.param(
        {"canary_by_header": "X-C", "canary_by_header_pattern": "^e"},
        {"X-C": "us"},
        [("api", 100)],
        id="pattern-unlike",
    ),
    pytest.param({"canary_by_cookie": "c"}, {"Cookie": "a=1; c=always"}, [("new", 100)], id="cookie-always"),
    pytest.param({"canary_by_cookie": "c"}, {"Cookie": "c=else"}, [("api", 100)], id="another-cookie-value"),
]


@pytest.mark.parametrize(("notes", "headers", "shares"), SHARES)
def test_canary(notes: dict[str, str], headers: dict[str, str], shares: list[tuple[str, int]]) -> None:
    found = decide(an_ingress(), canary(**notes), headers=headers)

    assert found.winner is not None
    assert [(item.name, item.weight) for item in found.winner.backends] == shares


def test_a_canary_by_a_pattern_that_cannot_be_judged() -> None:
    found = decide(an_ingress(), canary(canary_by_header="X", canary_by_header_pattern="(?=a)"), headers={"X": "a"})

    assert any("cannot be judged" in limit for limit in found.limits)


def test_a_broken_configuration_is_a_limit() -> None:
    exacts = [an_ingress(a_path("/a", "Exact", f"s{number}"), name=f"i{number}", age=number) for number in (1, 2)]

    found = decide(an_ingress(a_path("/a"), age=9), *exacts)

    assert any("older configuration" in limit for limit in found.limits)
