from typing import Any

import pytest

from build.access import PANEL, at_the_login, seen_through, tunnel_zone, without_login
from build.backend import a_pod, a_ref, a_service, a_view
from build.controller import a_traefik, a_traefik_pod
from build.nginx import seen_by_nginx
from build.outside import EDGE_HEADERS, HOST, MISSING, TARGET, URL, exchange, failed, redirect, visited, zone
from ingressdoctor.api import (
    EdgeError,
    Finding,
    HttpExchange,
    OutsideProbe,
    Pod,
    Preferences,
    Reach,
    Service,
    Status,
    Symptom,
    Target,
    TokenUse,
    Unavailable,
    ZoneFacts,
)
from ingressdoctor_checks.edge import challenge, error_page, http_error
from ingressdoctor_checks.edge_access import access_login
from ingressdoctor_checks.edge_codes import meaning_of, symptom_of

NO_ANSWER = visited(failed(Reach.REFUSED))
TEXT = (*EDGE_HEADERS[:2], ("content-type", "text/plain; charset=utf-8"))


def judged(target: Target, probe: OutsideProbe, *others: Any) -> list[Finding]:
    """Ask ``edge.http-error``; what it is not told is missing."""
    told = (*others, *(MISSING for _ in range(5 - len(others))))
    return list(http_error(target, probe, *told))


@pytest.mark.parametrize(
    ("probe", "status", "symptom"),
    [
        *(
            pytest.param(visited(error=code), Status.FAIL, Symptom(f"edge-{code}"), id=f"{code}")
            for code in (500, 502, 503, 504, 520, 521, 522, 523, 524, 525, 526, 527)
        ),
        pytest.param(visited(error=1000, http_status=403), Status.FAIL, Symptom.EDGE_1000, id="1000"),
        pytest.param(visited(error=1016, http_status=530), Status.FAIL, Symptom.EDGE_1016, id="1016"),
        pytest.param(visited(error=1033, http_status=530), Status.FAIL, Symptom.EDGE_1033, id="1033"),
        pytest.param(visited(error=1020, http_status=403), Status.FAIL, Symptom.EDGE_1020, id="1020"),
        pytest.param(visited(error=1010, http_status=403), Status.FAIL, Symptom.EDGE_1020, id="any-403-of-the-edge"),
        pytest.param(visited(error=1001, http_status=409), Status.FAIL, Symptom.EDGE_530, id="any-other-1xxx"),
        pytest.param(visited(error=530, http_status=530), Status.FAIL, Symptom.EDGE_530, id="530-without-a-code"),
        pytest.param(visited(error=1015, http_status=429), Status.WARN, Symptom.EDGE_1015, id="rate-limited-is-us"),
        pytest.param(visited(error=400), Status.FAIL, Symptom.HTTP_400, id="a-400-of-the-edge"),
        pytest.param(visited(), Status.PASS, None, id="a-good-answer"),
        pytest.param(visited(exchange(502)), Status.PASS, None, id="the-origins-own-502"),
        pytest.param(NO_ANSWER, Status.SKIP, None, id="no-answer"),
    ],
)
def test_error_page(probe: OutsideProbe, status: Status, symptom: Symptom | None) -> None:
    [finding] = error_page(TARGET, probe)

    assert (finding.status, finding.symptom) == (status, symptom)


@pytest.mark.parametrize("code", [*range(500, 531), *range(1000, 1042), 1101, 1102, 1106, 1200, 9999, 77])
def test_every_code_means_something(code: int) -> None:
    error = EdgeError(code=code, http_status=530, title="")

    assert meaning_of(error).what
    assert meaning_of(error).look
    assert symptom_of(error) is not None


@pytest.mark.parametrize(
    ("probe", "status", "symptom"),
    [
        pytest.param(visited(exchange(403), challenge=True), Status.WARN, Symptom.EDGE_CHALLENGE, id="challenge"),
        pytest.param(visited(), Status.PASS, None, id="none"),
        pytest.param(NO_ANSWER, Status.SKIP, None, id="no-answer"),
    ],
)
def test_challenge(probe: OutsideProbe, status: Status, symptom: Symptom | None) -> None:
    [finding] = challenge(TARGET, probe)

    assert (finding.status, finding.symptom) == (status, symptom)


LOGIN = (
    "https://team.cloudflareaccess.com/cdn-cgi/access/login/x?kid=1&meta=eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.abc.def"
)


@pytest.mark.parametrize(
    ("probe", "status", "symptom"),
    [
        pytest.param(
            visited(redirect(LOGIN, status=302), login="team.cloudflareaccess.com"),
            Status.WARN,
            Symptom.ACCESS_LOGIN,
            id="login",
        ),
        pytest.param(visited(exchange(403), login="*.shop.example"), Status.WARN, Symptom.ACCESS_LOGIN, id="refusal"),
        pytest.param(visited(), Status.PASS, None, id="none"),
        pytest.param(NO_ANSWER, Status.SKIP, None, id="no-answer"),
    ],
)
def test_access_login(probe: OutsideProbe, status: Status, symptom: Symptom | None) -> None:
    [finding] = access_login(TARGET, probe, MISSING, MISSING, MISSING, Preferences())

    assert (finding.status, finding.symptom) == (status, symptom)


def test_the_logins_token_is_not_repeated() -> None:
    [finding] = access_login(
        TARGET,
        visited(redirect(LOGIN, status=302), login="team.cloudflareaccess.com"),
        MISSING,
        MISSING,
        MISSING,
        Preferences(),
    )

    assert "eyJ" not in str(finding)


@pytest.mark.parametrize(
    ("status", "body", "expected", "symptom"),
    [
        pytest.param(200, b"", Status.PASS, None, id="200"),
        pytest.param(204, b"", Status.PASS, None, id="204"),
        pytest.param(304, b"", Status.PASS, None, id="304"),
        pytest.param(400, b"", Status.FAIL, Symptom.HTTP_400, id="400"),
        pytest.param(401, b"", Status.WARN, Symptom.HTTP_401, id="401-is-up-but-refuses"),
        pytest.param(403, b"", Status.WARN, Symptom.HTTP_403, id="403-is-up-but-refuses"),
        pytest.param(404, b"404 page not found\n", Status.FAIL, Symptom.CONTROLLER_404, id="the-19-bytes"),
        pytest.param(404, b"404 page not found", Status.WARN, Symptom.APP_404, id="18-bytes-are-not-those-19"),
        pytest.param(404, b"default backend - 404", Status.FAIL, Symptom.CONTROLLER_404, id="nginx-default-backend"),
        pytest.param(404, b"<h1>gone</h1>", Status.WARN, Symptom.APP_404, id="404-of-an-application-at-the-root"),
        pytest.param(405, b"", Status.WARN, None, id="405-to-a-plain-get"),
        pytest.param(410, b"", Status.WARN, None, id="410"),
        pytest.param(418, b"", Status.FAIL, Symptom.HTTP_400, id="418-of-traefik"),
        pytest.param(421, b"", Status.FAIL, Symptom.HTTP_421, id="421"),
        pytest.param(429, b"", Status.WARN, Symptom.HTTP_429, id="429-of-the-application"),
        pytest.param(500, b"", Status.FAIL, Symptom.HTTP_500, id="500"),
        pytest.param(501, b"", Status.FAIL, Symptom.HTTP_500, id="any-other-5xx"),
        pytest.param(502, b"", Status.FAIL, Symptom.HTTP_502, id="502"),
        pytest.param(503, b"", Status.FAIL, Symptom.HTTP_503, id="503"),
        pytest.param(504, b"", Status.FAIL, Symptom.HTTP_504, id="504"),
    ],
)
def test_http_error(status: int, body: bytes, expected: Status, symptom: Symptom | None) -> None:
    [finding] = judged(TARGET, visited(exchange(status, headers=TEXT, body=body)), MISSING, MISSING, MISSING)

    assert (finding.status, finding.symptom) == (expected, symptom)


@pytest.mark.parametrize(
    "probe",
    [
        pytest.param(NO_ANSWER, id="no-answer"),
        pytest.param(visited(error=522), id="edge-error"),
        pytest.param(visited(exchange(403), challenge=True), id="challenge"),
        pytest.param(visited(exchange(302), login="x"), id="access"),
        pytest.param(visited(redirect(URL), loop=True), id="loop"),
        pytest.param(visited(redirect(URL), too_many=True), id="too-many-redirects"),
    ],
)
def test_what_is_not_the_sites_own_answer_is_skipped(probe: OutsideProbe) -> None:
    [finding] = judged(TARGET, probe, MISSING, MISSING, MISSING)

    assert finding.status is Status.SKIP


def test_a_404_at_a_path_that_was_asked_for_is_broken() -> None:
    target = Target(hostname=HOST, path="/api/health")

    [finding] = judged(target, visited(exchange(404, url=f"{URL}api/health", body=b"{}")), MISSING, MISSING, MISSING)

    assert (finding.status, finding.symptom) == (Status.FAIL, Symptom.APP_404)


def test_the_19_bytes_as_html_are_an_applications() -> None:
    [finding] = judged(TARGET, visited(exchange(404, body=b"404 page not found\n")), MISSING, MISSING, MISSING)

    assert finding.symptom is Symptom.APP_404


def test_a_controller_404_says_that_go_applications_answer_alike() -> None:
    [finding] = judged(
        TARGET, visited(exchange(404, headers=TEXT, body=b"404 page not found\n")), MISSING, MISSING, MISSING
    )

    assert "written in Go" in str(finding.facts)


def test_a_redirect_to_a_stranger_is_fine() -> None:
    [finding] = judged(
        TARGET,
        visited(redirect("https://login.example.org/"), left_host="login.example.org"),
        MISSING,
        MISSING,
        MISSING,
    )

    assert finding.status is Status.PASS
    assert "login.example.org" in finding.summary


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        pytest.param(503, b"no available server\n", "Traefik", id="traefik-without-endpoints"),
        pytest.param(503, b"503 no server available", "load balancer", id="balancer-without-targets"),
        pytest.param(502, b"Bad Gateway", "Traefik", id="traefik-bad-gateway"),
        pytest.param(504, b"Gateway Timeout", "Traefik", id="traefik-gateway-timeout"),
        pytest.param(418, b"", "redirect to https", id="traefik-teapot"),
    ],
)
def test_who_made_it_is_told_where_the_body_tells(status: int, body: bytes, words: str) -> None:
    [finding] = judged(TARGET, visited(exchange(status, headers=TEXT, body=body)), MISSING, MISSING, MISSING)

    assert words in finding.summary


@pytest.mark.parametrize(
    ("status", "body"),
    [
        pytest.param(503, b"<html>no available server was found by our great application, sorry</html>", id="longer"),
        pytest.param(503, b"", id="empty"),
        pytest.param(502, b"\xff\xfe\x00Bad", id="not-text"),
    ],
)
def test_nobody_is_named_without_a_telling_body(status: int, body: bytes) -> None:
    [finding] = judged(TARGET, visited(exchange(status, headers=TEXT, body=body)), MISSING, MISSING, MISSING)

    assert "made by" not in finding.summary


def test_hostile_bodies_and_headers_are_made_harmless() -> None:
    body = b"\x1b[2J\x07[bold red]pwned[/] token=eyJ" + b"A" * 60_000
    headers = (("server", "\x1b[31mevil\u202e"), ("content-type", "text/html\x00"))

    [finding] = judged(
        TARGET, visited(exchange(500, headers=headers, body=body), edge=False), MISSING, MISSING, MISSING
    )

    shown = finding.summary + "".join(fact.value for fact in finding.facts)
    assert not any(char in shown for char in "\x1b\x07\x00\u202e")
    assert len(shown) < 2_000


PANEL_TARGET = Target(hostname=PANEL)
DEFAULT = Preferences()
MANAGED = Preferences(management=("*-mgmt.shop.example",))


@pytest.mark.parametrize(
    ("probe", "held", "preferences", "status"),
    [
        pytest.param(at_the_login(), tunnel_zone(), Preferences(), Status.PASS, id="right-on-a-tunnel"),
        pytest.param(seen_through(), tunnel_zone(), Preferences(), Status.PASS, id="right-where-the-token-passes-it"),
        pytest.param(at_the_login(TokenUse.REFUSED), tunnel_zone(), DEFAULT, Status.PASS, id="whatever-machines-get"),
        pytest.param(at_the_login(), zone(), MANAGED, Status.PASS, id="right-for-a-configured-management-name"),
        pytest.param(at_the_login(), zone(), Preferences(), Status.WARN, id="odd-before-a-public-site"),
        pytest.param(seen_through(), zone(), Preferences(), Status.WARN, id="odd-though-the-token-passes-it"),
        pytest.param(
            at_the_login(), MISSING, Preferences(), Status.PASS, id="right-by-its-name-where-nothing-is-known"
        ),
        pytest.param(at_the_login(), MISSING, Preferences(public=("*",)), Status.WARN, id="odd-for-a-public-name"),
        pytest.param(
            without_login(), tunnel_zone(), Preferences(), Status.PASS, id="none-on-a-tunnel-is-not-its-matter"
        ),
    ],
)
def test_a_login_is_judged_by_what_the_name_is(
    probe: OutsideProbe, held: ZoneFacts | Unavailable, preferences: Preferences, status: Status
) -> None:
    [finding] = access_login(PANEL_TARGET, probe, held, MISSING, MISSING, preferences)

    assert finding.status is status
    assert (finding.symptom is Symptom.ACCESS_LOGIN) is (status is Status.WARN)


BARE = EDGE_HEADERS[:2]


@pytest.mark.parametrize(
    ("last", "symptom"),
    [
        pytest.param(exchange(404, headers=BARE), Symptom.TUNNEL_404, id="the-catch-all"),
        pytest.param(exchange(503, headers=BARE), Symptom.TUNNEL_503, id="a-connector-without-rules"),
        pytest.param(exchange(403, headers=BARE), Symptom.HTTP_403, id="its-own-check-of-tokens"),
        pytest.param(
            exchange(404, headers=BARE, body=b"gone"), Symptom.APP_404, id="404-with-a-body-is-the-applications"
        ),
        pytest.param(exchange(503, headers=EDGE_HEADERS), Symptom.HTTP_503, id="503-with-a-type-is-the-applications"),
        pytest.param(exchange(500, headers=BARE), Symptom.HTTP_500, id="500-is-never-cloudflareds"),
    ],
)
def test_bare_answers_on_a_tunnel_are_cloudflareds(last: HttpExchange, symptom: Symptom) -> None:
    [finding] = judged(PANEL_TARGET, seen_through(last), tunnel_zone(), MISSING, MISSING)

    assert finding.symptom is symptom


def test_a_bare_404_without_a_tunnel_is_the_applications() -> None:
    [finding] = judged(TARGET, visited(exchange(404, headers=BARE)), zone(), MISSING, MISSING)

    assert finding.symptom is Symptom.APP_404


NGINX_404 = b"<html>\r\n<center><h1>404 Not Found</h1></center>\r\n<hr><center>nginx</center>\r\n</html>\r\n"


@pytest.mark.parametrize(
    ("body", "nginx", "symptom"),
    [
        pytest.param(NGINX_404, seen_by_nginx(), Symptom.CONTROLLER_404, id="known-to-be-the-controller"),
        pytest.param(NGINX_404, MISSING, Symptom.APP_404, id="any-nginx"),
        pytest.param(
            NGINX_404.replace(b">nginx<", b">nginx/1.27.1<"), seen_by_nginx(), Symptom.APP_404, id="with-its-version"
        ),
        pytest.param(NGINX_404 + b" " * 600, seen_by_nginx(), Symptom.APP_404, id="part-of-a-page"),
    ],
)
def test_whose_the_stock_page_of_nginx_is(body: bytes, nginx: Any, symptom: Symptom) -> None:
    [finding] = judged(TARGET, visited(exchange(404, body=body)), MISSING, MISSING, nginx)

    assert finding.symptom is symptom


OWN = a_traefik_pod(
    args=("--entryPoints.traefik.address=:8080/tcp", "--entryPoints.web.address=:8000/tcp", "--api.dashboard=true"),
    container={"ports": [{"name": "traefik", "containerPort": 8080}, {"name": "web", "containerPort": 8000}]},
)
DASHBOARD = a_service(
    "traefik-dashboard", namespace="traefik", ports=({"name": "t", "port": 8080, "targetPort": "traefik"},)
)
PUBLIC = a_service("traefik", namespace="traefik", ports=({"name": "w", "port": 8080, "targetPort": "web"},))


@pytest.mark.parametrize(
    ("service", "pods", "status", "symptom"),
    [
        pytest.param(DASHBOARD, (OWN,), Status.WARN, Symptom.APP_404, id="traefiks-own-entry-point"),
        pytest.param(PUBLIC, (OWN,), Status.FAIL, Symptom.CONTROLLER_404, id="an-entry-point-of-the-public"),
        pytest.param(DASHBOARD, (a_pod(),), Status.FAIL, Symptom.CONTROLLER_404, id="pods-of-somebody-else"),
        pytest.param(DASHBOARD, MISSING, Status.FAIL, Symptom.CONTROLLER_404, id="pods-that-may-not-be-read"),
    ],
)
def test_nothing_at_the_root_of_traefiks_dashboard_is_no_failure(
    service: Service, pods: tuple[Pod, ...] | Unavailable, status: Status, symptom: Symptom
) -> None:
    view = a_view(service=service, pods=pods, ref=a_ref(service.name, port="8080"))
    answer = visited(exchange(404, headers=TEXT, body=b"404 page not found\n"))

    [finding] = judged(TARGET, answer, MISSING, MISSING, MISSING, view, a_traefik(pods=(OWN,)))

    assert (finding.status, finding.symptom) == (status, symptom)
    assert ("/dashboard/" in finding.summary) == (status is Status.WARN)


def test_the_dashboard_is_looked_for_where_it_is() -> None:
    view = a_view(service=DASHBOARD, pods=(OWN,), ref=a_ref("traefik-dashboard", port="8080"))
    answer = visited(exchange(404, headers=TEXT, body=b"404 page not found\n"))

    [finding] = judged(TARGET, answer, MISSING, MISSING, MISSING, view, a_traefik(pods=(OWN,)))

    assert finding.remedy is not None
    assert f"https://{HOST}/dashboard/" in finding.remedy.commands[0].shell()


GO_404 = exchange(404, headers=TEXT, body=b"404 page not found\n")


@pytest.mark.parametrize(
    ("target", "probe", "others", "status"),
    [
        pytest.param(PANEL_TARGET, seen_through(GO_404), (), Status.WARN, id="behind-a-login-and-no-cluster"),
        pytest.param(TARGET, visited(GO_404), (tunnel_zone(),), Status.WARN, id="on-a-tunnel-and-no-cluster"),
        pytest.param(TARGET, visited(GO_404), (zone(),), Status.FAIL, id="a-public-name-and-no-cluster"),
        pytest.param(TARGET, visited(GO_404), (), Status.FAIL, id="a-public-name-and-nothing-readable"),
        pytest.param(
            PANEL_TARGET,
            seen_through(GO_404),
            (tunnel_zone(), MISSING, MISSING, MISSING, a_traefik()),
            Status.FAIL,
            id="the-cluster-was-read",
        ),
        pytest.param(
            Target.parse(f"https://{PANEL}/nope"),
            seen_through(GO_404),
            (tunnel_zone(),),
            Status.FAIL,
            id="asked-for-a-path",
        ),
        pytest.param(
            PANEL_TARGET,
            seen_through(exchange(404, headers=TEXT, body=b"default backend - 404")),
            (tunnel_zone(),),
            Status.FAIL,
            id="nobody-but-nginx-says-so",
        ),
    ],
)
def test_a_404_that_may_be_by_design_is_no_failure_without_the_cluster(
    target: Target, probe: OutsideProbe, others: tuple[Any, ...], status: Status
) -> None:
    [finding] = judged(target, probe, *others)

    assert (finding.status, finding.symptom) == (status, Symptom.CONTROLLER_404)
    assert finding.remedy is not None
    assert ("Let the cluster be read" in finding.remedy.text) == (status is Status.WARN)


@pytest.mark.parametrize("code", [502, 504, 520, 521, 522, 523, 524, 525, 526, 530, 1000, 1001, 1016, 1033])
def test_what_the_edge_says_tells_nothing_of_what_holds_the_address(code: int) -> None:
    assert "load balancer" not in meaning_of(EdgeError(code=code, http_status=code, title="")).look
