from __future__ import annotations

from typing import Any

import pytest

from build.entry import (
    UNREAD,
    a_tcp_middleware,
    a_tcp_route,
    an_option,
    asked,
    backends,
    http_route,
    https_route,
    model,
    points,
    static,
)
from build.routes import a_middleware, an_ingress_route
from ingressdoctor.evidence.answer import AnswerSource, ConnectionEnd, PredictedAnswer
from ingressdoctor.evidence.routes import Custom, RouteRequest
from ingressdoctor.routing.traefik.answer import AnswerModel, predict, predict_connection, with_prediction
from ingressdoctor.routing.traefik.decide import decide_in
from ingressdoctor.routing.traefik.forwarded import forwarded_client, strategy_problem
from ingressdoctor.routing.traefik.handler import Speaks
from ingressdoctor.routing.traefik.middleware_answers import Passing, send_through
from ingressdoctor.routing.traefik.redirects import Asked
from ingressdoctor.routing.traefik.settings import CRD, ProviderSettings
from ingressdoctor.routing.traefik.tcp_answer import BackendState
from ingressdoctor.routing.traefik.tcp_matchers import Connection
from ingressdoctor.routing.traefik.version import Version

HOST = "www.example.com"


def answered(found: AnswerModel, request: RouteRequest, backend: BackendState | None = None) -> PredictedAnswer:
    return predict(found, decide_in(found.table, request), backend)


FILES = static(providers__file__directory="/conf", experimental__plugins__x__modulename="m")


def through(request: RouteRequest, **middleware: Any) -> PredictedAnswer:
    """Ask for a route behind one middleware."""
    found = model(http_route(middlewares=[{"name": "m"}]), a_middleware("m", **middleware))
    return answered(found, request)


def on(point: dict[str, Any], request: RouteRequest, *items: Custom, **options: str) -> PredictedAnswer:
    """Ask the entry point web with other settings."""
    return answered(model(http_route(), *items, config=static(*points(web=point), **options)), request)


@pytest.mark.parametrize(
    ("state", "status", "body", "after_s"),
    [
        pytest.param(BackendState.NO_SERVERS, 503, "no available server\n", 0, id="no-servers-503"),
        pytest.param(BackendState.REFUSED, 502, "Bad Gateway", 0, id="refused-502"),
        pytest.param(BackendState.UNREACHABLE, 504, "Gateway Timeout", 30, id="dial-timeout-504"),
        pytest.param(BackendState.TLS_FAILURE, 500, "Internal Server Error", 0, id="tls-500"),
        pytest.param(BackendState.PLAIN_TO_TLS, 400, "", 0, id="http-to-https-backends-own-400"),
        pytest.param(BackendState.READY, None, "", 0, id="ready"),
        pytest.param(None, None, "", 0, id="not-looked-at"),
    ],
)
def test_backend_states_as_specification(
    state: BackendState | None, status: int | None, body: str, after_s: float
) -> None:
    answer = answered(model(http_route()), asked(), state)

    assert (answer.status, answer.body, answer.after_s, answer.path) == (status, body, after_s, "/")


def test_no_router_is_404_in_gos_words() -> None:
    answer = answered(model(), asked())

    assert (answer.source, answer.status, answer.body) == (AnswerSource.CONTROLLER, 404, "404 page not found\n")
    assert answer.headers == {"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff"}


def test_plain_http_on_an_entry_point_of_tls_routers_is_404() -> None:
    answer = answered(model(https_route("Host(`www.example.com`)")), asked(entry_point="websecure"))

    assert (answer.source, answer.status, answer.end) == (AnswerSource.CONTROLLER, 404, None)


def test_the_decision_takes_the_status_of_the_controller_only() -> None:
    found = model(http_route())

    missing = with_prediction(found, decide_in(found.table, asked("other.example.com")))
    routed = with_prediction(found, decide_in(found.table, asked()))

    assert (missing.predicted_status, routed.predicted_status) == (404, None)
    assert routed.predicted is not None
    assert routed.predicted.source is AnswerSource.BACKEND


@pytest.mark.parametrize(
    ("point", "options", "changes", "status", "location"),
    [
        pytest.param({"redirect_to": ":443"}, {}, {}, 301, "https://www.example.com/a?q", id="port-443-left-out"),
        pytest.param({"redirect_to": "websecure"}, {}, {}, 301, "https://www.example.com:8443/a?q", id="entry-point"),
        pytest.param({"redirect_to": ":443"}, {}, {"method": "POST"}, 308, "https://www.example.com/a?q", id="308"),
        pytest.param(
            {"redirect_to": ":443"},
            {"entrypoints__web__http__redirections__entrypoint__permanent": "false"},
            {},
            302,
            "https://www.example.com/a?q",
            id="not-permanent",
        ),
        pytest.param(
            {"redirect_to": ":443"},
            {"entrypoints__web__http__redirections__entrypoint__permanent": "false"},
            {"method": "PUT"},
            307,
            "https://www.example.com/a?q",
            id="not-permanent-not-get",
        ),
        pytest.param(
            {"redirect_to": ":8080", "redirect_scheme": "http"},
            {},
            {"headers": {"Host": "www.example.com:81"}},
            301,
            "http://www.example.com:8080/a?q",
            id="old-port-replaced",
        ),
        pytest.param(
            {"redirect_to": ":443", "forwarded_insecure": True},
            {},
            {"headers": {"X-Forwarded-Proto": "https"}},
            418,
            "",
            id="trusted-proto-418",
        ),
        pytest.param(
            {"redirect_to": ":443"},
            {},
            {"headers": {"X-Forwarded-Proto": "https"}},
            301,
            "https://www.example.com/a?q",
            id="untrusted-proto-deleted",
        ),
        pytest.param(
            {"redirect_to": ":443", "forwarded_insecure": True},
            {},
            {"headers": {"X-Forwarded-Proto": "wss", "Host": "www.example.com:443"}},
            418,
            "",
            id="wss-is-https",
        ),
    ],
)
def test_entry_point_redirects_as_specification(
    point: dict[str, Any], options: dict[str, str], changes: dict[str, Any], status: int, location: str
) -> None:
    answer = on(point, asked(path="/a", query="q", **changes), **options)

    assert (answer.status, answer.location) == (status, location)


def test_redirects_hang_on_the_peer_where_only_some_are_trusted() -> None:
    point = {"redirect_to": ":443", "forwarded_trusted": ("10.0.0.0/8",)}
    believed = {"X-Forwarded-Proto": "https"}

    assert on(point, asked(headers=believed, client_ip="10.1.1.1")).status == 418
    assert on(point, asked(headers=believed, client_ip="8.8.8.8")).status == 301
    assert "the peer is not known" in on(point, asked(headers=believed)).limits[0]
    assert on({**point, "forwarded_trusted": ("x",)}, asked(headers=believed, client_ip="8.8.8.8")).status == 301


def test_middlewares_of_the_entry_point_come_before_its_redirect() -> None:
    guard = a_middleware("guard", ipAllowList={"sourceRange": ["10.0.0.0/8"]})
    point = {"redirect_to": ":443", "middlewares": ("ns-guard@kubernetescrd",)}

    assert on(point, asked(client_ip="8.8.8.8"), guard).status == 403


@pytest.mark.parametrize(
    ("strategy", "headers", "client", "status"),
    [
        pytest.param({}, {}, "10.1.1.1", None, id="peer-allowed"),
        pytest.param({}, {"X-Forwarded-For": "10.1.1.1"}, "8.8.8.8", 403, id="xff-not-used-without-strategy"),
        pytest.param({"depth": 1}, {"X-Forwarded-For": "8.8.8.8, 10.1.1.1"}, "9.9.9.9", None, id="depth-from-right"),
        pytest.param({"depth": 2}, {"X-Forwarded-For": "8.8.8.8, 10.1.1.1"}, "9.9.9.9", 403, id="depth-2"),
        pytest.param({"depth": 3}, {"X-Forwarded-For": "10.1.1.1"}, "9.9.9.9", 403, id="xff-too-short"),
        pytest.param({"depth": 1}, {}, "10.1.1.1", 403, id="no-xff"),
        pytest.param(
            {"excludedIPs": ["9.0.0.0/8"]},
            {"X-Forwarded-For": "10.1.1.1, 9.1.1.1"},
            "9.9.9.9",
            None,
            id="first-not-excluded",
        ),
        pytest.param({"excludedIPs": ["9.0.0.0/8"]}, {"X-Forwarded-For": "9.1.1.1,,"}, "9.9.9.9", 403, id="all-out"),
        pytest.param({"ipv6Subnet": 64}, {}, "fd00::1", None, id="ipv6-subnet"),
        pytest.param({"ipv6Subnet": 64}, {}, "10.1.1.1", None, id="ipv6-subnet-leaves-ipv4"),
        pytest.param({"ipv6Subnet": 64}, {}, "nonsense", 403, id="no-address"),
    ],
)
def test_allow_lists_as_specification(
    strategy: dict[str, Any], headers: dict[str, str], client: str, status: int | None
) -> None:
    config = static(*points(web={"forwarded_insecure": True}))
    allow = a_middleware("m", ipAllowList={"sourceRange": ["10.0.0.0/8", "fd00::"], "ipStrategy": strategy})
    found = model(http_route(middlewares=[{"name": "m"}]), allow, config=config)

    answer = answered(found, asked(headers=headers, client_ip=client))

    assert answer.status == status
    assert answer.body == ("Forbidden" if status else "")


def test_untrusted_forwarding_headers_empty_the_address() -> None:
    answer = through(
        asked(headers={"x-forwarded-for": "10.1.1.1"}, client_ip="8.8.8.8"),
        ipAllowList={"sourceRange": ["10.0.0.0/8"], "ipStrategy": {"depth": 1}, "rejectStatusCode": 404},
    )

    assert (answer.status, answer.body, answer.log) == (404, "Not Found", "Rejecting IP : empty IP address")


def test_an_allow_list_is_not_decided_without_the_peer() -> None:
    answer = through(asked(), ipAllowList={"sourceRange": ["10.0.0.0/8"]})

    assert answer.source is AnswerSource.BACKEND
    assert "the client's address is not known" in answer.limits[0]


def test_an_allow_list_with_a_subnet_out_of_range_is_not_made() -> None:
    answer = through(asked(), ipAllowList={"sourceRange": ["10.0.0.0/8"], "ipStrategy": {"ipv6Subnet": 200}})

    assert answer.status == 404


def test_a_forwarded_address_of_an_unknown_peer_is_not_decided() -> None:
    config = static(*points(web={"forwarded_trusted": ("10.0.0.0/8",)}))
    allow = a_middleware("m", ipAllowList={"sourceRange": ["10.0.0.0/8"], "ipStrategy": {"depth": 1}})
    scheme = a_middleware("s", redirectScheme={"scheme": "https"})
    found = model(http_route(middlewares=[{"name": "m"}, {"name": "s"}]), allow, scheme, config=config)

    answer = answered(found, asked(headers={"X-Forwarded-For": "10.1.1.1"}))

    assert answer.status == 302
    assert len(answer.limits) == 2


@pytest.mark.parametrize(
    ("spec", "path", "expected"),
    [
        pytest.param({"stripPrefix": {"prefixes": ["/x", "/api"]}}, "/api/v", "/v", id="strip"),
        pytest.param({"stripPrefix": {"prefixes": ["/api"]}}, "/api", "/", id="strip-all"),
        pytest.param({"stripPrefix": {"prefixes": ["/api"]}}, "/apiary", "/ary", id="strip-adds-the-slash"),
        pytest.param({"stripPrefix": {"prefixes": ["/api"]}}, "/api%2Fv", "/v", id="strip-before-an-escape"),
        pytest.param({"stripPrefix": {"prefixes": ["/api"]}}, "/api/v%2Fw", "/v%2Fw", id="strip-keeps-escapes"),
        pytest.param({"stripPrefix": {"prefixes": ["/é"]}}, "/%C3%A9/v", "/v", id="strip-encoded-prefix"),
        pytest.param({"stripPrefix": {"prefixes": ["/no"]}}, "/v", "/v", id="strip-nothing"),
        pytest.param({"stripPrefix": {"prefixes": ["/a"], "forceSlash": True}}, "/a", "/", id="force-slash"),
        pytest.param({"stripPrefixRegex": {"regex": ["/z", "/a.i"]}}, "/api/v", "/v", id="strip-regex"),
        pytest.param({"stripPrefixRegex": {"regex": ["/z"]}}, "/api", "/api", id="strip-regex-nothing"),
        pytest.param({"addPrefix": {"prefix": "/p"}}, "/v", "/p/v", id="add"),
        pytest.param({"addPrefix": {"prefix": "p"}}, "/v", "/p/v", id="add-without-slash"),
        pytest.param({"replacePath": {"path": "/new"}}, "/v", "/new", id="replace"),
        pytest.param({"replacePathRegex": {"regex": "^/a/(.*)", "replacement": "/b/$1"}}, "/a/v", "/b/v", id="regex"),
        pytest.param({"replacePathRegex": {"regex": "^/z", "replacement": "/b"}}, "/a/v", "/a/v", id="regex-nothing"),
        pytest.param({"compress": {}}, "/v", "/v", id="no-change"),
        pytest.param({"headers": {"stsSeconds": 1}}, "/v", "/v", id="headers"),
    ],
)
def test_paths_for_the_backend_as_specification(spec: dict[str, Any], path: str, expected: str) -> None:
    answer = through(asked(path=path, query="q=1"), **spec)

    assert (answer.source, answer.path) == (AnswerSource.BACKEND, f"{expected}?q=1")


def test_a_stripped_path_that_is_not_clean_is_refused_since_3_7_3() -> None:
    strip = a_middleware("m", stripPrefix={"prefixes": ["/a/x"]})
    items = http_route(middlewares=[{"name": "m"}]), strip

    assert answered(model(*items), asked(path="/a/x.%2Fb/..c")).status is None
    assert through(asked(path="/apiz/./b"), replacePathRegex={"regex": "z", "replacement": "/.."}).status == 400
    old = model(
        http_route(middlewares=[{"name": "m"}]),
        a_middleware("m", replacePathRegex={"regex": "z", "replacement": "/.."}),
        version="3.7.2",
    )
    assert answered(old, asked(path="/apiz/b")).path == "/api/../b"


@pytest.mark.parametrize(
    ("spec", "changes", "status", "header"),
    [
        pytest.param({"basicAuth": {"secret": "s"}}, {}, 401, 'Basic realm="traefik"', id="basic-401"),
        pytest.param({"basicAuth": {"secret": "s", "realm": "r"}}, {}, 401, 'Basic realm="r"', id="realm"),
        pytest.param({"digestAuth": {"secret": "s"}}, {}, 401, 'Digest realm="traefik"', id="digest-401"),
        pytest.param(
            {"basicAuth": {"secret": "s"}}, {"headers": {"authorization": "x"}}, None, "", id="credentials-not-judged"
        ),
    ],
)
def test_authentication_as_specification(
    spec: dict[str, Any], changes: dict[str, Any], status: int | None, header: str
) -> None:
    answer = through(asked(**changes), **spec)

    assert (answer.status, answer.headers.get("Www-Authenticate", "")) == (status, header)
    assert bool(answer.limits) is (status is None)


@pytest.mark.parametrize(
    ("spec", "changes", "status", "location"),
    [
        pytest.param({"redirectScheme": {"scheme": "https"}}, {}, 302, "https://www.example.com/", id="scheme"),
        pytest.param(
            {"redirectScheme": {"scheme": "https", "permanent": True, "port": "444"}},
            {},
            301,
            "https://www.example.com:444/",
            id="scheme-port",
        ),
        pytest.param(
            {"redirectScheme": {"scheme": "https", "forcePermanentRedirect": True}},
            {},
            308,
            "https://www.example.com/",
            id="forced",
        ),
        pytest.param({"redirectScheme": {"scheme": "http"}}, {}, None, "", id="scheme-already"),
        pytest.param(
            {"redirectRegex": {"regex": "^http://www\\.(.*)", "replacement": "http://$1", "permanent": True}},
            {},
            301,
            "http://example.com/",
            id="regex",
        ),
        pytest.param(
            {"redirectRegex": {"regex": "e", "replacement": "e"}},
            {},
            None,
            "",
            id="regex-no-change",
        ),
        pytest.param(
            {"redirectRegex": {"regex": "/$", "replacement": "/x", "statusCode": 299}},
            {},
            299,
            "http://www.example.com/x",
            id="own-status",
        ),
    ],
)
def test_redirect_middlewares_as_specification(
    spec: dict[str, Any], changes: dict[str, Any], status: int | None, location: str
) -> None:
    answer = through(asked(**changes), **spec)

    assert (answer.status, answer.location) == (status, location)


def test_headers_and_preflight() -> None:
    cors = {"accessControlAllowMethods": ["GET"], "customResponseHeaders": {"X-Out": "1"}, "allowedHosts": ["x"]}
    asking = {"Origin": "http://o", "Access-Control-Request-Method": "GET"}

    preflight = through(asked(method="OPTIONS", headers=asking), headers=cors)
    plain = through(asked(), headers=cors)

    assert (preflight.status, preflight.body) == (200, "")
    assert (plain.source, plain.headers) == (AnswerSource.BACKEND, {"X-Out": "1"})
    assert "allowedHosts" in plain.limits[0]


@pytest.mark.parametrize("kind", ["rateLimit", "inFlightReq", "circuitBreaker", "forwardAuth", "errors", "buffering"])
def test_what_no_configuration_tells_is_a_limit(kind: str) -> None:
    answer = through(asked(), **{kind: {"address": "http://auth", "expression": "NetworkErrorRatio() > 0.5"}})

    assert answer.source is AnswerSource.BACKEND
    assert "Middleware ns/m" in answer.limits[0]


def test_chains_are_followed_in_order() -> None:
    chain = a_middleware("m", chain={"middlewares": [{"name": "strip"}, {"name": "far", "namespace": "b"}]})
    strip = a_middleware("strip", stripPrefix={"prefixes": ["/a"]})
    auth = a_middleware("ask", basicAuth={"secret": "s"})
    ends = a_middleware("n", chain={"middlewares": [{"name": "ask"}]})
    found = model(http_route(middlewares=[{"name": "m"}]), chain, strip, version="3.6.13")
    final = model(http_route(middlewares=[{"name": "n"}]), ends, auth)

    assert answered(found, asked(path="/a/b")).path in ("/b", "")
    assert answered(final, asked()).status == 401


@pytest.mark.parametrize(
    ("middlewares", "changes"),
    [
        pytest.param([{"name": "x@file"}], {"config": FILES}, id="another-provider"),
        pytest.param([{"name": "m"}], {"middlewares": UNREAD}, id="not-read"),
    ],
)
def test_unknown_middlewares_are_limits(middlewares: list[dict[str, str]], changes: dict[str, Any]) -> None:
    answer = answered(model(http_route(middlewares=middlewares), **changes), asked())

    assert "does is not known" in answer.limits[0]


def test_a_plugin_is_not_known() -> None:
    found = model(http_route(middlewares=[{"name": "m"}]), a_middleware("m", plugin={"x": {}}), config=FILES)

    assert "(plugin) does is not known" in answered(found, asked()).limits[0]


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        pytest.param(asked(path="/%zz"), 400, id="bad-escape"),
        pytest.param(asked(path="/a#b"), 400, id="fragment"),
        pytest.param(asked(method="CONNECT"), 501, id="connect"),
    ],
)
def test_requests_that_are_refused_as_specification(request_: RouteRequest, status: int) -> None:
    assert answered(model(http_route()), request_).status == status


@pytest.mark.parametrize(("version", "status"), [("2.10.5", None), ("2.10.6", 400), ("3.0.0", 400)])
def test_a_fragment_in_the_path_by_release(version: str, status: int | None) -> None:
    assert answered(model(http_route(), version=version), asked(path="/a#b")).status == status


def test_encoded_characters_that_the_entry_point_refuses() -> None:
    refusing = static(entrypoints__web__http__encodedcharacters__allowencodedslash="false")

    assert answered(model(http_route(), config=refusing), asked(path="/a%2fb")).status == 400
    assert answered(model(http_route()), asked(path="/a%2fb")).status is None
    assert answered(model(http_route(), version="3.6.5"), asked(path="/a%2fb")).status == 400


def test_own_services_and_weights() -> None:
    own = http_route(services=[{"name": "api@internal", "kind": "TraefikService"}])
    idle = http_route(services=[{"name": "a", "port": 80, "weight": 0}, {"name": "b", "port": 80, "weight": 0}])

    assert answered(model(own, config=static(api="true")), asked()).why == "one of Traefik's own services"
    assert answered(model(idle), asked()).status == 503


def test_what_is_not_decided_is_said_to_be_so() -> None:
    two = http_route(name="a"), http_route(name="b")

    unsure = answered(model(*two), asked())
    nowhere = answered(model(), asked(entry_point="gone"))

    assert (unsure.source, nowhere.source) == (AnswerSource.UNKNOWN, AnswerSource.UNKNOWN)
    assert "equal priority" in unsure.why


def over_tls(sni: str, host: str = "a.com", **changes: Any) -> RouteRequest:
    return asked(host, tls=True, entry_point="websecure", sni=sni, **changes)


def test_tls_as_specification() -> None:
    one = https_route("Host(`a.com`)", option="one")
    strict = https_route("Host(`m.com`)", option="mtls", name="m")
    gone = https_route("Host(`g.com`)", option="gone", name="g")
    mtls = an_option("mtls", clientAuth={"clientAuthType": "RequireAnyClientCert"})
    found = model(one, strict, gone, an_option("one"), mtls)

    assert answered(found, over_tls("a.com")).source is AnswerSource.BACKEND
    wrong = answered(found, over_tls(""))
    assert (wrong.status, wrong.body) == (421, "Misdirected Request\n")
    assert answered(found, over_tls("m.com", "m.com")).end is ConnectionEnd.TLS_ALERT
    assert answered(found, over_tls("g.com", "g.com")).end is ConnectionEnd.CLOSED
    assert answered(found, over_tls("zzz", "zzz")).status == 404


def sent(spec: dict[str, Any], depth: int = 0) -> Passing:
    """Send a request through one middleware, whatever the router model thinks of it."""
    client = forwarded_client(asked(), None)
    passing = Passing(
        asked=Asked(method="GET", host=HOST, uri="/", tls=False, client=client), version=Version.parse("3.7.9")
    )
    settings = ProviderSettings.read(static(), CRD)
    step = send_through(("ns-m@kubernetescrd",), passing, {"ns-m": a_middleware("m", **spec)}, settings, depth)
    assert isinstance(step, Passing)
    return step


def test_what_cannot_be_built_is_a_limit_too() -> None:
    assert "ns/m cannot be built" in sent({"stripPrefixRegex": {"regex": ["["]}}).limits[0]
    assert "no type" in sent({"x": None}).limits[0]
    assert "does is not known" in sent({"compress": {}}, depth=9).limits[0]
    narrow = {"ipAllowList": {"sourceRange": ["10.0.0.0/8"], "ipStrategy": {"ipv6Subnet": 200}}}
    assert "invalid IPv6 subnet 200" in sent(narrow).limits[0]
    assert strategy_problem({"excludedIPs": ["x"]}) == "parsing CIDR trusted IPs <nil>: invalid CIDR address: x"


def test_421_that_is_not_determined() -> None:
    exact = https_route("Host(`x.a.com`)", option="one", name="exact", route={"priority": 99})
    wild = https_route("Host(`*.a.com`)", option="two", name="wild")
    found = model(exact, wild, an_option("one"), an_option("two"))

    answer = answered(found, over_tls("x.a.com", "x.a.com"))

    assert answer.source is AnswerSource.UNKNOWN
    assert "TLS options" in answer.why


def test_a_tcp_router_takes_the_request_away() -> None:
    found = model(http_route(), a_tcp_route(entryPoints=["web"]), **backends("db", "plain"))

    answer = answered(found, asked())

    assert (answer.source, answer.end) == (AnswerSource.BACKEND, ConnectionEnd.OPEN)


def mysql(*items: Custom, client: str = "", backend: BackendState | None = None, **changes: Any) -> PredictedAnswer:
    found = model(*items, **{**backends("db", "other"), **changes})
    return predict_connection(found, "mysql", Connection(client_ip=client), Speaks.NOTHING, backend)


LISTED = a_tcp_route(route={"middlewares": [{"name": "office"}]})


@pytest.mark.parametrize(
    ("answer", "end", "after_s", "log"),
    [
        pytest.param(mysql(), ConnectionEnd.TIMED_OUT, 60.0, "", id="no-router-silence"),
        pytest.param(
            mysql(LISTED, a_tcp_middleware(), client="8.8.8.8"),
            ConnectionEnd.CLOSED,
            0.0,
            "Connection from 8.8.8.8 rejected",
            id="allow-list",
        ),
        pytest.param(
            mysql(
                a_tcp_route(),
                **backends("db", empty=("db",)),
                config=static(**{"providers.kubernetescrd.allowemptyservices": "true"}),
            ),
            ConnectionEnd.CLOSED,
            0.0,
            "",
            id="empty-pool",
        ),
        pytest.param(mysql(a_tcp_route(), backend=BackendState.NO_SERVERS), ConnectionEnd.CLOSED, 0.0, "", id="none"),
        pytest.param(
            mysql(a_tcp_route(), backend=BackendState.REFUSED),
            ConnectionEnd.CLOSED,
            0.0,
            "Error while dialing backend",
            id="refused",
        ),
        pytest.param(
            mysql(a_tcp_route(), backend=BackendState.UNREACHABLE),
            ConnectionEnd.TIMED_OUT,
            30.0,
            "Error while dialing backend",
            id="unreachable",
        ),
        pytest.param(
            mysql(LISTED, a_tcp_middleware(inFlightConn={"amount": 0})),
            ConnectionEnd.CLOSED,
            0.0,
            "Connection rejected",
            id="in-flight-none-allowed",
        ),
        pytest.param(
            mysql(
                a_tcp_route(
                    route={
                        "services": [
                            {"name": "db", "port": 3306, "weight": 0},
                            {"name": "other", "port": 3306, "weight": 0},
                        ]
                    }
                )
            ),
            ConnectionEnd.CLOSED,
            0.0,
            "Error during load balancing: all servers have 0 weight",
            id="weights",
        ),
        pytest.param(mysql(LISTED, a_tcp_middleware(), client="10.1.1.1"), ConnectionEnd.OPEN, 0.0, "", id="allowed"),
        pytest.param(
            mysql(a_tcp_route(route={"services": [{"name": "db", "port": 3306, "weight": 0}]})),
            ConnectionEnd.OPEN,
            0.0,
            "",
            id="one-service-has-no-weight",
        ),
    ],
)
def test_what_a_tcp_client_sees_as_specification(
    answer: PredictedAnswer, end: ConnectionEnd, after_s: float, log: str
) -> None:
    assert (answer.end, answer.after_s, answer.log) == (end, after_s, log)


@pytest.mark.parametrize(
    ("answer", "limit"),
    [
        pytest.param(mysql(LISTED, a_tcp_middleware()), "the client's address is not known", id="peer"),
        pytest.param(mysql(LISTED, a_tcp_middleware(inFlightConn={"amount": 5})), "more than 5", id="flight"),
        pytest.param(mysql(LISTED, middleware_tcps=UNREAD), "was not read", id="middleware"),
        pytest.param(mysql(a_tcp_route(), services=UNREAD), "were not looked at", id="endpoints"),
        pytest.param(
            mysql(a_tcp_route(route={"services": [{"name": "db", "port": 3306}, {"name": "gone", "port": 1}]})),
            "left out of IngressRouteTCP ns/db: service not found",
            id="lacking",
        ),
        pytest.param(
            mysql(
                a_tcp_route(route={"services": [{"name": "db", "port": 3306}, {"name": "other", "port": 3306}]}),
                **backends("db", "other", empty=("other",)),
                config=static(**{"providers.kubernetescrd.allowemptyservices": "true"}),
            ),
            "ns/other has no servers: its share is closed",
            id="share",
        ),
    ],
)
def test_limits_of_tcp_answers(answer: PredictedAnswer, limit: str) -> None:
    assert any(limit in text for text in answer.limits)
    assert answer.end is ConnectionEnd.OPEN


def test_connections_elsewhere() -> None:
    found = model(a_tcp_route("ClientIP(`10.0.0.0/8`)"), **backends("db"))
    nobody = Connection()

    assert predict_connection(found, "gone", nobody, Speaks.NOTHING).end is ConnectionEnd.CLOSED
    assert predict_connection(found, "mysql", nobody, Speaks.NOTHING).source is AnswerSource.UNKNOWN
    bytes_ = predict_connection(found, "web", nobody, Speaks.PLAIN)
    assert (bytes_.status, bytes_.body) == (400, "400 Bad Request")
    assert predict_connection(found, "web", nobody, Speaks.TLS).source is AnswerSource.UNKNOWN
    assert predict_connection(found, "web", nobody, Speaks.POSTGRES).end is ConnectionEnd.CLOSED


def test_objects_of_the_old_kind_are_left_alone() -> None:
    assert answered(model(an_ingress_route(f"Host(`{HOST}`)"), middlewares=UNREAD), over_tls(HOST, HOST)).status is None


def test_a_router_with_broken_options_is_not_built() -> None:
    config = static(*points(websecure={"tls": True}), entrypoints__websecure__http__tls__options="ns-bad@kubernetescrd")
    hostless = an_ingress_route("HostRegexp(`.+`)", spec={"tls": None})
    bad = an_option("bad", clientAuth={"clientAuthType": "VerifyClientCertIfGiven"})
    other = https_route("PathPrefix(`/`)", name="other")

    assert answered(model(hostless, bad, config=config), over_tls("a.com")).status == 404
    assert answered(model(hostless, bad, other, config=config), over_tls("a.com")).source is AnswerSource.BACKEND
