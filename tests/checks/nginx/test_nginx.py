"""ingress-nginx behind a tunnel: the controller itself, its routes, TLS, and what it speaks to the pods."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from build.backend import a_pod, a_view, waiting
from build.nginx import (
    HOST,
    a_class,
    a_controller_of_nginx,
    a_front,
    a_path,
    an_ingress,
    an_origin_rule,
    seen_by_nginx,
)
from build.outside import exchange, visited
from build.tunnel import CATCH_ALL, a_route, a_rule
from build.values import replace
from ingressdoctor.api import Clock, Inapplicable, NginxDecision, NginxWay, Status, Target, Unavailable
from ingressdoctor.collect.nginx_logs import parse_nginx_logs
from ingressdoctor_checks.balancer_svclb import svclb_pending
from ingressdoctor_checks.nginx import config_broken, controller_not_ready, retired
from ingressdoctor_checks.nginx_backend import backend_protocol, location_denied
from ingressdoctor_checks.nginx_routes import annotation_refused, path_taken, route_missing, wrong_class
from ingressdoctor_checks.nginx_tls import default_certificate, redirect_loop, tls_section_missing

CLOCK = Clock(now=datetime(2026, 11, 21, 10, 0, tzinfo=UTC))
TARGET = Target.parse(HOST)
GRPC = Target.parse(f"grpcs://{HOST}")
ELSEWHERE = Inapplicable(wanted="x", reason="the rule leads straight to a Service")
FORBIDDEN = Unavailable(wanted="x", reason="403", enable_with="grant it")
UP, BROKEN, MISSED = visited(), visited(error=502), visited(exchange(404, body=b"<center>nginx</center>"))
LOOPING = visited(exchange(308), loop=True)
OK, WARN, FAIL, SKIP, UNKNOWN = Status.PASS, Status.WARN, Status.FAIL, Status.SKIP, Status.UNKNOWN
FINE = seen_by_nginx(an_ingress())
OTHER_CLASS = an_ingress(ingressClassName="traefik")
RISKY = {"server-snippet": "return 200;"}
TWO_EXACTS = (
    an_ingress(a_path("/a"), age=3),
    an_ingress(a_path("/a", "Exact"), name="b", age=2),
    an_ingress(a_path("/a", "Exact"), name="c", age=1),
)
REFUSES = a_controller_of_nginx(config={"ssl-reject-handshake": "true"})
NAMED = an_origin_rule(more=f"originRequest: {{originServerName: {HOST}, noTLSVerify: true}}")
PLAIN_RULE = an_origin_rule("http://10.0.0.200:80", "originRequest: {}")
VERIFYING = a_route(a_rule(HOST, "https://10.0.0.200:443"), CATCH_ALL, host=HOST)
TRUSTING = a_route(a_rule(HOST, "https://10.0.0.200:443", "originRequest: {noTLSVerify: true}"), CATCH_ALL, host=HOST)


def logged(text: str, *, host: str = HOST) -> Any:
    line = f'2026/11/21 09:59:00 [error] 31#31: *7 {text}, client: 10.42.0.1, server: {host}, host: "{host}"'
    return parse_nginx_logs(line, (HOST,))


PLAIN_PODS = logged("SSL_do_handshake() failed (SSL: wrong version number) while SSL handshaking to upstream")
HTTP1_PODS = logged("upstream sent too large http2 frame: 4740180 while reading response header from upstream")
RELOAD = parse_nginx_logs('E1121 09:59:00.1 7 controller.go:205] "Unexpected failure reloading the backend"', (HOST,))


def judged(findings: Any) -> tuple[Status, str]:
    found = list(findings)
    assert found, "a check says something, always"
    worst = max(found, key=lambda item: item.status.severity)
    facts = " ".join(f"{fact.name}={fact.value}" for fact in worst.facts)
    return worst.status, f"{worst.summary} {facts}"


ALL: list[Any] = [
    lambda n: controller_not_ready(n, UP, CLOCK),
    lambda n: config_broken(n, ELSEWHERE, UP),
    retired,
    lambda n: route_missing(n, TARGET),
    lambda n: wrong_class(n, TARGET),
    lambda n: annotation_refused(n, UP, TARGET),
    lambda n: path_taken(n, UP, TARGET),
    lambda n: tls_section_missing(n, UP, TARGET),
    lambda n: default_certificate(n, ELSEWHERE, TRUSTING, ELSEWHERE, TARGET),
    lambda n: redirect_loop(n, UP, TARGET),
    lambda n: backend_protocol(n, a_view(), ELSEWHERE, UP, TARGET),
    lambda n: location_denied(n, ELSEWHERE, UP, TARGET),
    lambda n: svclb_pending(n, UP, CLOCK),
]


@pytest.mark.parametrize("ask", ALL)
def test_without_ingress_nginx_there_is_nothing_to_judge(ask: Any) -> None:
    assert judged(ask(ELSEWHERE))[0] is SKIP
    status, text = judged(ask(FORBIDDEN))
    assert (status, "403" in text) == (UNKNOWN, True)


@pytest.mark.parametrize("ask", [ask for ask in ALL if ask is not retired])
def test_what_works_is_not_complained_about(ask: Any) -> None:
    assert judged(ask(FINE))[0] in (OK, SKIP)


def with_pods(*pods: Any, **more: Any) -> NginxDecision:
    return seen_by_nginx(an_ingress(), controller=a_controller_of_nginx(pods=pods, **more))


CRASHING = a_pod("nginx-1", ready=False, status=waiting("CrashLoopBackOff", last={"reason": "OOMKilled"}))
PODS: list[Any] = [
    pytest.param(with_pods(a_pod("nginx-1")), UP, OK, "1 pod", id="ready"),
    pytest.param(with_pods(CRASHING), BROKEN, FAIL, "OOMKilled", id="the-only-pod-crashes"),
    pytest.param(with_pods(CRASHING), UP, WARN, "not ready", id="visitors-are-served-all-the-same"),
    pytest.param(with_pods(CRASHING, a_pod("nginx-2")), BROKEN, WARN, "1 of 2 pods", id="another-pod-is-ready"),
    pytest.param(with_pods(replicas=0), BROKEN, FAIL, "scaled to zero", id="scaled-to-zero"),
    pytest.param(with_pods(replicas=2), BROKEN, FAIL, "wants 2 pods and has none", id="no-pod-is-made"),
    pytest.param(
        seen_by_nginx(controller=a_controller_of_nginx(pods=FORBIDDEN)), BROKEN, UNKNOWN, "403", id="pods-forbidden"
    ),
]


@pytest.mark.parametrize(("nginx", "probe", "status", "text"), PODS)
def test_controller_not_ready(nginx: Any, probe: Any, status: Status, text: str) -> None:
    found, said = judged(controller_not_ready(nginx, probe, CLOCK))

    assert (found, text in said) == (status, True), said


@pytest.mark.parametrize(
    ("nginx", "logs", "probe", "status", "text"),
    [
        pytest.param(FINE, RELOAD, BROKEN, FAIL, "Unexpected failure", id="the-log-says-so"),
        pytest.param(FINE, RELOAD, UP, WARN, "Unexpected failure", id="it-does-not-hurt-this-host"),
        pytest.param(seen_by_nginx(*TWO_EXACTS), ELSEWHERE, MISSED, FAIL, "duplicate location", id="predicted"),
        pytest.param(FINE, FORBIDDEN, BROKEN, OK, "", id="the-log-could-not-be-read"),
    ],
)
def test_config_broken(nginx: Any, logs: Any, probe: Any, status: Status, text: str) -> None:
    found, said = judged(config_broken(nginx, logs, probe))

    assert (found, text in said) == (status, True), said


@pytest.mark.parametrize(
    ("version", "status", "text"),
    [
        pytest.param("1.15.1", WARN, "retired in March 2026", id="the-last-release"),
        pytest.param("1.12.0", WARN, "CVE-2025-1974", id="before-the-fix"),
        pytest.param("1.11.4", WARN, "CVE-2025-1974", id="the-older-line-before-its-fix"),
        pytest.param("", SKIP, "does not tell", id="version-unknown"),
    ],
)
def test_retired(version: str, status: Status, text: str) -> None:
    found, said = judged(retired(seen_by_nginx(controller=a_controller_of_nginx(version=version))))

    assert (found, text in said) == (status, True), said


def test_a_release_with_the_fix_has_no_hole_known_of() -> None:
    for version in ("1.11.5", "1.12.1", "1.15.1"):
        assert "CVE" not in judged(retired(seen_by_nginx(controller=a_controller_of_nginx(version=version))))[1]


ROUTES: list[Any] = [
    pytest.param(FINE, OK, "api/api:80", id="an-ingress-takes-it"),
    pytest.param(seen_by_nginx(), FAIL, "no Ingress names the host", id="nobody-names-the-host"),
    pytest.param(seen_by_nginx(an_ingress(host="apj.example.com")), FAIL, "nearest name", id="did-you-mean"),
    pytest.param(seen_by_nginx(an_ingress(a_path("/v1")), url=f"{HOST}/v2"), FAIL, "no path", id="no-path-takes-it"),
    pytest.param(seen_by_nginx(OTHER_CLASS), FAIL, "is left out", id="left-out"),
    pytest.param(
        seen_by_nginx(an_ingress(a_path("/a(?=b)"), annotations={"use-regex": "true"}), url=f"{HOST}/ab"),
        UNKNOWN,
        "cannot be told",
        id="a-pattern-that-cannot-be-judged",
    ),
]


@pytest.mark.parametrize(("nginx", "status", "text"), ROUTES)
def test_route_missing(nginx: Any, status: Status, text: str) -> None:
    found, said = judged(route_missing(nginx, TARGET))

    assert (found, text in said) == (status, True), said


CLASSES: list[Any] = [
    pytest.param(seen_by_nginx(OTHER_CLASS), FAIL, "is of another class", id="class-of-another-controller"),
    pytest.param(seen_by_nginx(an_ingress(ingressClassName=None)), FAIL, "has no class at all", id="no-class"),
    pytest.param(seen_by_nginx(an_ingress(), classes=(a_class("x"),)), FAIL, "another class", id="class-unknown"),
    pytest.param(
        seen_by_nginx(OTHER_CLASS, an_ingress(name="mine")), OK, "not for this controller", id="another-one-serves-it"
    ),
    pytest.param(
        seen_by_nginx(an_ingress(), controller=a_controller_of_nginx(args=("--watch-namespace=shop",))),
        FAIL,
        "outside of what the controller watches",
        id="namespace-not-watched",
    ),
]


@pytest.mark.parametrize(("nginx", "status", "text"), CLASSES)
def test_wrong_class(nginx: Any, status: Status, text: str) -> None:
    found, said = judged(wrong_class(nginx, TARGET))

    assert (found, text in said) == (status, True), said


@pytest.mark.parametrize(
    ("nginx", "probe", "status"),
    [
        pytest.param(seen_by_nginx(an_ingress(annotations=RISKY)), MISSED, FAIL, id="the-only-one-is-refused"),
        pytest.param(seen_by_nginx(an_ingress(annotations=RISKY)), UP, WARN, id="the-old-version-goes-on"),
        pytest.param(
            seen_by_nginx(an_ingress(annotations=RISKY), an_ingress(name="b")), MISSED, WARN, id="another-one-serves-it"
        ),
    ],
)
def test_annotation_refused(nginx: Any, probe: Any, status: Status) -> None:
    found, said = judged(annotation_refused(nginx, probe, TARGET))

    assert (found, "too risky" in said) == (status, True), said


OLDER = an_ingress(a_path(to="old"), name="old", age=5)
TAKEN: list[Any] = [
    pytest.param(seen_by_nginx(OLDER, an_ingress()), BROKEN, FAIL, id="visitors-get-an-error"),
    pytest.param(seen_by_nginx(OLDER, an_ingress()), UP, WARN, id="visitors-are-served"),
    pytest.param(seen_by_nginx(an_ingress(age=5), an_ingress(name="same")), BROKEN, OK, id="to-the-same-service"),
    pytest.param(
        seen_by_nginx(an_ingress(a_path("/a", to="old"), name="old", age=5), an_ingress(a_path("/a"), a_path("/b")),
                      url=f"{HOST}/b"),
        BROKEN, OK, id="another-path-is-taken",
    ),
    pytest.param(seen_by_nginx(), BROKEN, SKIP, id="no-route"),
]  # fmt: skip


@pytest.mark.parametrize(("nginx", "probe", "status"), TAKEN)
def test_path_taken(nginx: Any, probe: Any, status: Status) -> None:
    assert judged(path_taken(nginx, probe, TARGET))[0] is status


BARE = an_ingress(tls=None)
HANDSHAKES: list[Any] = [
    pytest.param(seen_by_nginx(BARE), BROKEN, OK, "the default one", id="the-default-certificate-is-shown"),
    pytest.param(FINE, BROKEN, OK, "its own", id="bound"),
    pytest.param(
        seen_by_nginx(BARE, controller=REFUSES, origin=NAMED), BROKEN, FAIL, "no certificate is bound", id="refused"
    ),
    pytest.param(seen_by_nginx(BARE, controller=REFUSES, origin=NAMED), UP, WARN, "", id="visitors-are-served"),
    pytest.param(seen_by_nginx(an_ingress(), controller=REFUSES, origin=NAMED), BROKEN, OK, "", id="bound-and-named"),
    pytest.param(
        seen_by_nginx(an_ingress(), controller=REFUSES), BROKEN, FAIL, "without a name", id="cloudflared-names-nobody"
    ),
    pytest.param(seen_by_nginx(BARE, origin=PLAIN_RULE), BROKEN, SKIP, "Plain HTTP", id="no-tls-is-spoken"),
    pytest.param(seen_by_nginx(controller=REFUSES), BROKEN, FAIL, f"host {HOST}", id="nobody-names-the-host"),
]


@pytest.mark.parametrize(("nginx", "probe", "status", "text"), HANDSHAKES)
def test_tls_section_missing(nginx: Any, probe: Any, status: Status, text: str) -> None:
    [finding] = tls_section_missing(nginx, probe, TARGET)

    assert (finding.status, text in f"{finding.summary} {finding.subject}") == (status, True), finding


WITH_SECRET = seen_by_nginx(an_ingress(tls=[{"hosts": [HOST], "secretName": "api-tls"}]))
LACKS_SECRET = parse_nginx_logs(
    'W1121 09:59:00.1 7 controller.go:1] "Error getting SSL certificate "api/api-tls": not found" server="' + HOST,
    (HOST,),
)


@pytest.mark.parametrize(
    ("nginx", "logs", "route", "status"),
    [
        pytest.param(WITH_SECRET, ELSEWHERE, VERIFYING, OK, id="the-secret-of-the-ingress"),
        pytest.param(WITH_SECRET, LACKS_SECRET, VERIFYING, WARN, id="a-secret-that-cannot-be-used"),
        pytest.param(FINE, ELSEWHERE, TRUSTING, OK, id="nobody-verifies"),
        pytest.param(FINE, ELSEWHERE, VERIFYING, WARN, id="cloudflared-verifies"),
        pytest.param(seen_by_nginx(an_ingress(), origin=PLAIN_RULE), ELSEWHERE, VERIFYING, SKIP, id="no-tls"),
        pytest.param(seen_by_nginx(), ELSEWHERE, VERIFYING, WARN, id="no-route"),
    ],
)
def test_default_certificate(nginx: Any, logs: Any, route: Any, status: Status) -> None:
    assert judged(default_certificate(nginx, logs, route, ELSEWHERE, TARGET))[0] is status


LOOPS = seen_by_nginx(an_ingress(), origin=PLAIN_RULE)
FORWARDED = a_controller_of_nginx(config={"use-forwarded-headers": "true"})


@pytest.mark.parametrize(
    ("nginx", "probe", "status"),
    [
        pytest.param(LOOPS, LOOPING, FAIL, id="visitors-go-round"),
        pytest.param(LOOPS, UP, WARN, id="visitors-are-served"),
        pytest.param(LOOPS, FORBIDDEN, FAIL, id="nobody-could-look"),
        pytest.param(seen_by_nginx(BARE, origin=PLAIN_RULE), LOOPING, OK, id="no-tls-section-no-redirect"),
        pytest.param(
            seen_by_nginx(an_ingress(), origin=PLAIN_RULE, controller=FORWARDED),
            LOOPING,
            OK,
            id="forwarded-headers-count",
        ),
        pytest.param(
            seen_by_nginx(an_ingress(annotations={"ssl-redirect": "false"}), origin=PLAIN_RULE),
            LOOPING,
            OK,
            id="redirect-switched-off",
        ),
    ],
)
def test_redirect_loop(nginx: Any, probe: Any, status: Status) -> None:
    assert judged(redirect_loop(nginx, probe, TARGET))[0] is status


def spoken(protocol: str) -> NginxDecision:
    return seen_by_nginx(an_ingress(annotations={"backend-protocol": protocol}))


WANTS_TLS = visited(exchange(400, body=b"Client sent an HTTP request to an HTTPS server."))
PROTOCOLS: list[Any] = [
    pytest.param(FINE, ELSEWHERE, UP, GRPC, FAIL, "want GRPC", id="grpc-over-http1"),
    pytest.param(spoken("gRPC-Web"), ELSEWHERE, UP, GRPC, FAIL, "a word that is none", id="a-word-that-is-none"),
    pytest.param(spoken("HTTPS"), ELSEWHERE, UP, GRPC, FAIL, "want GRPCS", id="grpc-over-https"),
    pytest.param(spoken("grpc"), ELSEWHERE, UP, GRPC, OK, "speaks GRPC", id="any-case"),
    pytest.param(spoken("HTTPS"), PLAIN_PODS, BROKEN, TARGET, FAIL, "want HTTP", id="tls-to-plain-pods"),
    pytest.param(spoken("GRPCS"), PLAIN_PODS, BROKEN, TARGET, FAIL, "want GRPC", id="grpcs-to-plain-pods"),
    pytest.param(spoken("HTTPS"), PLAIN_PODS, UP, TARGET, WARN, "want HTTP", id="visitors-are-served"),
    pytest.param(spoken("GRPC"), HTTP1_PODS, BROKEN, TARGET, FAIL, "want HTTP", id="http2-to-http1-pods"),
    pytest.param(spoken("GRPC"), HTTP1_PODS, BROKEN, GRPC, OK, "", id="for-grpc-the-pods-are-to-blame"),
    pytest.param(FINE, ELSEWHERE, WANTS_TLS, TARGET, FAIL, "want HTTPS", id="pods-say-that-they-want-tls"),
    pytest.param(
        FINE, logged("upstream sent no valid HTTP/1.0 header"), BROKEN, TARGET, FAIL, "GRPC or HTTPS", id="no-http1"
    ),
    pytest.param(spoken("h2"), ELSEWHERE, UP, TARGET, WARN, "counts as HTTP", id="an-unknown-word-that-does-not-hurt"),
    pytest.param(seen_by_nginx(), ELSEWHERE, UP, TARGET, SKIP, "", id="no-route"),
    pytest.param(FINE, logged("connect() failed (111: x)", host="b"), BROKEN, TARGET, OK, "", id="another-hosts-line"),
]


@pytest.mark.parametrize(("nginx", "logs", "probe", "target", "status", "text"), PROTOCOLS)
def test_backend_protocol(nginx: Any, logs: Any, probe: Any, target: Target, status: Status, text: str) -> None:
    found, said = judged(backend_protocol(nginx, a_view(), logs, probe, target))

    assert (found, text in said) == (status, True), said


DENIED = seen_by_nginx(an_ingress(annotations={"allowlist-source-range": "office"}))


@pytest.mark.parametrize(
    ("nginx", "logs", "probe", "status"),
    [
        pytest.param(DENIED, ELSEWHERE, visited(exchange(503)), FAIL, id="a-list-that-is-none"),
        pytest.param(DENIED, ELSEWHERE, UP, WARN, id="visitors-are-served"),
        pytest.param(FINE, logged("location denied, reason: no secret"), BROKEN, FAIL, id="the-log-says-so"),
        pytest.param(seen_by_nginx(), ELSEWHERE, BROKEN, SKIP, id="no-route"),
    ],
)
def test_location_denied(nginx: Any, logs: Any, probe: Any, status: Status) -> None:
    assert judged(location_denied(nginx, logs, probe, TARGET))[0] is status


def before(balancers: Any, **service: Any) -> NginxDecision:
    front = a_front(status=None, **service)
    return seen_by_nginx(an_ingress(), controller=a_controller_of_nginx(service=front, balancers=balancers))


NO_PORT = a_pod(
    "svclb-1",
    ready=False,
    status={
        "conditions": [
            {"type": "PodScheduled", "status": "False", "message": "1 node(s) didn't have free ports for the pod"}
        ]
    },
)
SICK = a_pod("svclb-1", ready=False, status=waiting("CrashLoopBackOff"))


@pytest.mark.parametrize(
    ("nginx", "probe", "status", "text"),
    [
        pytest.param(FINE, BROKEN, OK, "10.0.0.200", id="the-service-has-an-address"),
        pytest.param(before((NO_PORT,)), BROKEN, FAIL, "gets no port", id="somebody-has-the-port"),
        pytest.param(before((NO_PORT,)), UP, WARN, "gets no port", id="visitors-are-served"),
        pytest.param(before((SICK,)), BROKEN, FAIL, "is not ready", id="the-pod-is-sick"),
        pytest.param(before(()), BROKEN, FAIL, "no svclb pod was made", id="nobody-serves-the-service"),
        pytest.param(before((a_pod("svclb-1"),)), BROKEN, OK, "is ready", id="ready-and-not-published-yet"),
        pytest.param(before(FORBIDDEN), BROKEN, UNKNOWN, "403", id="pods-forbidden"),
        pytest.param(replace(FINE, way=NginxWay.SERVICE), BROKEN, SKIP, "its Service", id="no-balancer-in-between"),
    ],
)
def test_svclb_pending(nginx: Any, probe: Any, status: Status, text: str) -> None:
    found, said = judged(svclb_pending(nginx, probe, CLOCK))

    assert (found, text in said) == (status, True), said
