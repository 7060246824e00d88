"""Every row of Cloudflare's body forms, codes and refusals, and what must not be taken for one."""

import json

import pytest

from build.outside import EDGE_HEADERS, RAY, exchange
from ingressdoctor.collect.edge import classify, wants_second_look

PLAIN = (("server", "cloudflare"), ("cf-ray", RAY), ("content-type", "text/plain; charset=UTF-8"))
JSON = (("server", "cloudflare"), ("cf-ray", RAY), ("content-type", "application/problem+json; charset=utf-8"))


def page(code: int, title: str = "It failed") -> bytes:
    return (
        f"<html><head><title>shop | {code}: {title}</title></head><body><div id='cf-wrapper'>"
        f'<div id="cf-error-details"><span class="cf-error-code">{code}</span></div></body></html>'
    ).encode()


def problem(**fields: object) -> bytes:
    return json.dumps({"cloudflare_error": True, "title": "Error", "status": 530} | fields).encode()


FIVE = (500, 502, 503, 504, 520, 521, 522, 523, 524, 525, 526, 527)
ONES = (
    *((403, code) for code in (1000, 1003, 1005, 1006, 1007, 1008, 1009, 1010, 1011, 1012, 1020, 1106)),
    *((409, code) for code in (1001, 1002, 1004, 1013, 1014, 1018, 1023)),
    *((530, code) for code in (1016, 1033)),
    *((429, code) for code in (1015,)),
    *((500, code) for code in (1019, 1025, 1027, 1034, 1035, 1036, 1037, 1040, 1041, 1101, 1102)),
    (503, 1200),
)
ROWS = [pytest.param(code, code, id=f"{code}") for code in FIVE]
ROWS += [pytest.param(status, code, id=f"{code}-as-{status}") for status, code in ONES]


@pytest.mark.parametrize(("status", "code"), ROWS)
def test_html_page(status: int, code: int) -> None:
    error = classify(exchange(status, body=page(code))).error

    assert error is not None
    assert (error.code, error.http_status, error.form, error.ray_id) == (code, status, "html", RAY)


@pytest.mark.parametrize(("status", "code"), ROWS)
def test_one_line_of_text(status: int, code: int) -> None:
    error = classify(exchange(status, headers=PLAIN, body=f"error code: {code}".encode())).error

    assert error is not None
    assert (error.code, error.form) == (code, "text")


@pytest.mark.parametrize(("status", "code"), ROWS)
def test_problem_json(status: int, code: int) -> None:
    error = classify(exchange(status, headers=JSON, body=problem(error_code=code, title="Why"))).error

    assert error is not None
    assert (error.code, error.form, error.title) == (code, "json", "Why")


def test_markdown_front_matter() -> None:
    body = b"---\ntitle: Error 1033: tunnel\nstatus: 530\nerror_code: 1033\n---\nprose"

    error = classify(exchange(530, headers=(*PLAIN[:2], ("content-type", "text/markdown")), body=body)).error

    assert error is not None
    assert (error.code, error.form) == (1033, "markdown")


@pytest.mark.parametrize(
    ("status", "headers", "body", "code", "form"),
    [
        pytest.param(530, (("cf-error-type", "1016"),), b"<h1>ours</h1>", 1016, "header", id="custom-page-with-header"),
        pytest.param(522, (("cf-error-type", "52x"),), b"", 522, "header", id="header-names-a-class-only"),
        pytest.param(503, (("cf-error-type", "1101"),), page(1102), 1102, "html", id="the-page-is-more-exact"),
        pytest.param(522, (), b"<h1>our own page</h1>", 522, "status", id="custom-52x-page-without-marks"),
        pytest.param(530, (), b"", 530, "status", id="530-without-a-code"),
        pytest.param(403, (), b'<div id="cf-error-details">blocked</div>', 1020, "html", id="block-without-a-code"),
        pytest.param(429, (), b'<div id="cf-error-details">slow down</div>', 1015, "html", id="limit-without-a-code"),
        pytest.param(
            500, (), b"<center><h1>500</h1></center>\n<hr><center>cloudflare</center>", 500, "html", id="edge-internal"
        ),
        pytest.param(400, (), b"<hr><center>cloudflare</center>", 400, "html", id="edge-internal-400"),
        pytest.param(
            502, (), b"<title>x | 502: Bad gateway</title><div class=cf-error-footer>", 502, "html", id="code-in-title"
        ),
    ],
)
def test_other_marks(status: int, headers: tuple[tuple[str, str], ...], body: bytes, code: int, form: str) -> None:
    error = classify(exchange(status, headers=(*EDGE_HEADERS, *headers), body=body)).error

    assert error is not None
    assert (error.code, error.form) == (code, form)


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        pytest.param(502, EDGE_HEADERS, b"Bad Gateway", id="unbranded-502-is-the-origins"),
        pytest.param(504, EDGE_HEADERS, b"Gateway Timeout", id="unbranded-504-is-the-origins"),
        pytest.param(503, EDGE_HEADERS, b"no available server\n", id="503-passes-through"),
        pytest.param(500, EDGE_HEADERS, b"<h1>Oops</h1>", id="500-passes-through"),
        pytest.param(404, EDGE_HEADERS, b"404 page not found\n", id="404-passes-through"),
        pytest.param(403, EDGE_HEADERS, b"Forbidden", id="403-of-the-origin"),
        pytest.param(200, EDGE_HEADERS, page(522), id="a-200-about-errors-is-a-page-about-errors"),
        pytest.param(500, JSON, b'{"cloudflare_error": "true", "error_code": 522}', id="json-says-it-as-text"),
        pytest.param(500, JSON, b"[1]", id="json-that-is-no-object"),
        pytest.param(500, JSON, b"[" * 60_000, id="json-nested-without-end"),
        pytest.param(500, PLAIN, b"error code: 522 and more", id="text-with-more-words"),
        pytest.param(500, PLAIN, b"error code: 99999", id="text-with-a-long-number"),
    ],
)
def test_no_error_of_the_edge(status: int, headers: tuple[tuple[str, str], ...], body: bytes) -> None:
    verdict = classify(exchange(status, headers=headers, body=body))

    assert verdict.edge
    assert verdict.error is None


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param((("server", "cloudflare"), ("cf-ray", RAY)), True, id="both"),
        pytest.param((("server", "Cloudflare"),), True, id="server-alone-in-any-case"),
        pytest.param((("cf-ray", RAY),), True, id="ray-alone-when-well-formed"),
        pytest.param((("cf-ray", "8f2c1d5e3b7a4e6f"),), True, id="ray-without-colo"),
        pytest.param((("cf-ray", "hello"),), False, id="ray-of-somebody-else"),
        pytest.param((("server", "cloudflare-nginx-like"),), False, id="another-server"),
        pytest.param((), False, id="nothing"),
    ],
)
def test_is_it_the_edge(headers: tuple[tuple[str, str], ...], *, expected: bool) -> None:
    assert classify(exchange(headers=headers)).edge is expected


def test_an_origin_without_the_edge_makes_no_edge_error() -> None:
    verdict = classify(exchange(522, headers=(("content-type", "text/html"),), body=page(522)))

    assert verdict.error is None
    assert not verdict.edge


@pytest.mark.parametrize(
    ("status", "headers", "body", "expected"),
    [
        pytest.param(403, (("cf-mitigated", "challenge"),), b"", True, id="the-header"),
        pytest.param(403, (), b"<script>window._cf_chl_opt={}</script>", True, id="the-mark-on-a-refusal"),
        pytest.param(200, (), b"<script>window._cf_chl_opt={}</script>", False, id="the-mark-on-a-page-that-passes"),
        pytest.param(200, (), b'<script src="/cdn-cgi/challenge-platform/x">', False, id="javascript-detections"),
    ],
)
def test_challenge(status: int, headers: tuple[tuple[str, str], ...], body: bytes, *, expected: bool) -> None:
    assert classify(exchange(status, headers=(*EDGE_HEADERS, *headers), body=body)).challenge is expected


LOGIN = "https://team.cloudflareaccess.com/cdn-cgi/access/login/www.shop.example?kid=1&meta=eyJhbGciOiJ"


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        pytest.param(302, (("location", LOGIN),), "team.cloudflareaccess.com", id="redirect-to-the-login"),
        pytest.param(302, (("location", "https://team.cloudflareaccess.com/"),), "", id="another-page-there"),
        pytest.param(
            302,
            (("location", "https://x.cloudflareaccess.com.evil.example/cdn-cgi/access/login"),),
            "",
            id="a-host-that-only-looks-like-it",
        ),
        pytest.param(302, (("location", "https://[::bad/"),), "", id="a-location-that-is-no-url"),
        pytest.param(403, (("cf-access-domain", "*.shop.example"),), "*.shop.example", id="service-auth-403"),
        pytest.param(401, (("cf-access-aud", "abc"),), "an Access application", id="401-with-audience"),
        pytest.param(401, (("www-authenticate", "Cloudflare-Access"),), "an Access application", id="401-challenge"),
        pytest.param(
            401,
            (
                (
                    "www-authenticate",
                    'Bearer resource_metadata="https://x/.well-known/cloudflare-access-protected-resource"',
                ),
            ),
            "an Access application",
            id="managed-oauth",
        ),
        pytest.param(401, (("www-authenticate", 'Basic realm="x"'),), "", id="basic-auth-of-the-application"),
        pytest.param(200, (("cf-access-domain", "*.shop.example"),), "", id="a-200-is-no-refusal"),
    ],
)
def test_access(status: int, headers: tuple[tuple[str, str], ...], expected: str) -> None:
    assert classify(exchange(status, headers=(*EDGE_HEADERS, *headers))).access_login == expected


@pytest.mark.parametrize(
    ("body", "words"),
    [
        pytest.param(page(522, "\x1b[31mred\x07"), "\\x1b", id="escapes-are-made-visible"),
        pytest.param(b"\xff\xfe<div class=cf-error-details>" + b"A" * 60_000, "", id="not-utf-8"),
        pytest.param(page(522) + b"<" * 5_000_000, "522", id="megabytes"),
    ],
)
def test_hostile_bodies(body: bytes, words: str) -> None:
    error = classify(exchange(522, body=body)).error

    assert error is not None
    assert error.code == 522
    assert words in error.title
    assert "\x1b" not in error.title


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        pytest.param(403, b"<h1>no</h1>", True, id="a-403-without-marks"),
        pytest.param(403, page(1020), True, id="a-generic-block"),
        pytest.param(403, page(1010), False, id="an-exact-code"),
        pytest.param(530, b"", True, id="a-530-without-code"),
        pytest.param(522, page(522), False, id="52x-says-it-all"),
        pytest.param(404, b"", False, id="a-404-is-the-origins"),
        pytest.param(200, b"", False, id="a-good-answer"),
    ],
)
def test_when_to_ask_again_for_json(status: int, body: bytes, *, expected: bool) -> None:
    answer = exchange(status, body=body)

    assert wants_second_look(answer, classify(answer)) is expected
