"""Lines in every form mean the same, healthy ones mean nothing, hostile ones cost nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingressdoctor.collect.maxscale_signatures import read_line
from ingressdoctor.knowledge.book import book_of, whole_book
from ingressdoctor.knowledge.lines import MAX_LINE, looks_like_trouble, prepared
from ingressdoctor.knowledge.signatures import signatures_of

# What the programs write while all is well, made up in each one's form.
HEALTHY = Path(__file__).with_name("healthy.log").read_text(encoding="utf-8").splitlines()
MIDDLEWARE = 'middleware "shop-auth@kubernetescrd" does not exist'
FORMS = [
    pytest.param(f'2026-03-01T10:00:00Z ERR error="{MIDDLEWARE}" routerName=x', id="console"),
    pytest.param(f"2026-03-01T10:00:00Z ERR {MIDDLEWARE} routerName=x", id="console-message"),
    pytest.param(f'time="2026-03-01T10:00:00Z" level=error msg={json.dumps(MIDDLEWARE)}', id="logfmt"),
    pytest.param(json.dumps({"level": "error", "routerName": "x", "error": MIDDLEWARE}), id="json-error"),
    pytest.param(json.dumps({"level": "error", "msg": MIDDLEWARE}), id="json-message"),
    pytest.param(json.dumps({"log": f"ERR {MIDDLEWARE}\n", "stream": "stderr"}), id="container-runtime"),
    pytest.param(f"2026-03-01T10:00:00.1Z stderr F 2026-03-01T10:00:00Z ERR {MIDDLEWARE}", id="node-file"),
    pytest.param(f"[pod/traefik-1/traefik] 2026-03-01T10:00:00Z ERR {MIDDLEWARE}", id="kubectl-prefix"),
    pytest.param(f"\x1b[90m10:00\x1b[0m \x1b[31mERR\x1b[0m {MIDDLEWARE}", id="colours"),
    pytest.param(f"Oct 01 10:00:00 n1 traefik[7]: ERR {MIDDLEWARE}\r", id="journal"),
]


@pytest.mark.parametrize("line", FORMS)
def test_the_form_of_a_line_does_not_matter(line: str) -> None:
    found = whole_book().recognise(line)

    assert found is not None
    assert found.id == "traefik.middleware-missing"


def test_a_healthy_line_means_nothing() -> None:
    assert len(HEALTHY) > 100
    assert {line: found.id for line in HEALTHY if (found := whole_book().recognise(line))} == {}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param(
            'W0301 10:00:00.0 7 x.go:1] connect() failed (111: x) upstream: "http://127.0.0.1:8181/"',
            "ingress-nginx.vendor-placeholder",
            id="a-placeholder-before-a-refusal",
        ),
        pytest.param(
            '2026/03/01 10:00:00 [error] 1#1: *9 broken header: "" while reading PROXY protocol',
            "ingress-nginx.proxy-protocol-probe",
            id="a-probe-before-a-mismatch",
        ),
        pytest.param(
            'ERR error="Unable to reach the origin service. x: dial tcp [::1]:80: connect: connection refused"',
            "cloudflared.origin-localhost",
            id="localhost-before-a-refusal",
        ),
        pytest.param("dial tcp 10.0.0.1:80: connect: connection refused", "tls.dial-refused", id="only-the-general"),
    ],
)
def test_the_specific_beats_the_general(line: str, expected: str) -> None:
    found = whole_book().recognise(line)

    assert found is not None
    assert found.id == expected


def test_a_line_that_others_write_too_counts_in_the_programs_own_log() -> None:
    line = "x509: certificate is valid for a.example, not b.svc"
    found = [whole_book("cloudflared").recognise(line), book_of("cloudflared").recognise(line)]

    assert [item.id for item in found if item] == ["cloudflared.origin-wrong-name"] * 2
    assert getattr(whole_book().recognise(line), "id", "") == "tls.wrong-name"
    assert book_of("traefik").recognise("Couldn't start tunnel") is None


@given(st.text(max_size=300))
def test_no_text_does_harm(line: str) -> None:
    whole_book().recognise(line)
    prepared("{" + line + "}")


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("x509: " * 200_000, id="megabytes"),
        pytest.param("{" * 100_000, id="nested"),
        pytest.param('{"msg":' * 50_000 + "1" + "}" * 50_000, id="deep-json"),
        pytest.param("lookup a on b: " * 2_000, id="every-word-a-beginning"),
        pytest.param("\ud800\x00\x1b[31m", id="broken-characters"),
    ],
)
def test_a_hostile_line_is_cut(line: str) -> None:
    assert len(prepared(line)) <= MAX_LINE
    whole_book().recognise(line)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("2026-03-01T10:00:00Z ERR something", True, id="console"),
        pytest.param('{"level":"error","msg":"something"}', True, id="json"),
        pytest.param("E0301 10:00:00.0 1 x.go:1] something", True, id="klog"),
        pytest.param("2026/03/01 10:00:00 [error] 1#1: something", True, id="nginx"),
        pytest.param("2026-03-01 10:00:00   error  : something", True, id="maxscale"),
        pytest.param("Warning  Odd  2m  kubelet  something", True, id="event"),
        pytest.param("2026-03-01T10:00:00Z INF no errors found", False, id="information"),
        pytest.param("I0301 10:00:00.0 1 x.go:1] error count 0", False, id="klog-information"),
    ],
)
def test_what_looks_like_trouble(line: str, expected: bool) -> None:
    assert looks_like_trouble(prepared(line)) is expected


WORLDS = Path(__file__).parents[3] / "src" / "ingressdoctor" / "lab" / "worlds"
LAB_LOGS = sorted(WORLDS.glob("*/logs/**/*.log"))


@pytest.mark.parametrize("path", LAB_LOGS, ids=lambda path: str(path.relative_to(WORLDS)))
def test_the_logs_of_healthy_worlds_mean_nothing(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()

    assert lines
    assert [found.id for line in lines if (found := whole_book().recognise(line)) and not found.harmless] == []


def test_maxscales_collector_and_the_book_agree() -> None:
    pairs = [(read_line(sample)[2], item.code) for item in signatures_of("maxscale") for sample in item.samples]

    assert [pair for pair in pairs if pair[0] not in ("", pair[1])] == []
    assert len({code for code, _ in pairs if code}) > 15
