"""``ingressdoctor route --cloudflared-config``, as a user types it: trees, exit codes, JSON that fits its schema."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from build.program import PROGRAM, environment, run
from ingressdoctor.render.rules_v1 import RulesV1
from ingressdoctor.render.schema_v1 import schema_of

SPITIKOS = """tunnel: 6ff42ae2-765d-4adf-8112-31c55c1551ef
protocol: http2
ingress:
  - hostname: api.taehoonlee.cloud
    service: https://10.0.0.200:443
    originRequest: {noTLSVerify: true, http2Origin: true}
  - hostname: "*.taehoonlee.cloud"
    service: https://10.0.0.200:443
  - hostname: k8s.taehoonlee.cloud
    service: tcp://127.0.0.1:6443
  - hostname: ssh.taehoonlee.cloud
    service: ssh://127.0.0.1:22
  - service: http_status:404
"""
MANIFEST = """apiVersion: v1
kind: ConfigMap
metadata: {name: cloudflared-config, namespace: cloudflared}
data:
  note: nothing
  config.yaml: |
    ingress:
    - hostname: wecare-phpmyadmin-ecnv4-mgmt.ecommercen.com
      service: http://phpmyadmin.ecommercen-clients-wecare.svc.cluster.local:80
    - service: http_status:404
"""
API = json.dumps(
    {
        "success": True,
        "result": {
            "version": 3,
            "config": {
                "ingress": [
                    {"hostname": "a.com", "service": "http://x", "originRequest": {"connectTimeout": 5}},
                    {"service": "http_status:404"},
                ]
            },
        },
    }
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config.yml"
    path.write_text(SPITIKOS)
    return path


def asked(file: Path, *words: str) -> tuple[int, Any]:
    """Run with --json; the one object must fit the published schema."""
    done = run("route", *words, "--cloudflared-config", str(file), "--json")
    assert "Traceback" not in done.stderr
    value = json.loads(done.stdout)
    jsonschema.validate(value, schema_of(RulesV1, value["schema"]))
    assert value["exit_code"] == done.returncode
    return done.returncode, value


def test_the_rule_that_takes_a_request_and_why_not_the_others(file: Path) -> None:
    code, value = asked(file, "https://k8s.taehoonlee.cloud/x?y=1")

    assert code == 0
    assert (value["rule"]["number"], value["rule"]["index"], value["rule"]["line"]) == (2, 1, 7)
    assert (value["host"], value["path"], value["tunnel"], value["protocol"]) == (
        "k8s.taehoonlee.cloud",
        "/x",
        "6ff42ae2-765d-4adf-8112-31c55c1551ef",
        "http2",
    )
    assert [(item["taken"], item["matches"]) for item in value["rules"]] == [
        (False, False),
        (True, True),
        (False, True),
        (False, False),
        (False, True),
    ]
    assert [(item["code"], item["rule"], item["by"]) for item in value["findings"]] == [("shadowed", 3, 2)]
    assert value["service"] == {
        "text": "https://10.0.0.200:443",
        "kind": "http",
        "scheme": "https",
        "host": "10.0.0.200",
        "port": 443,
        "tls": True,
        "path": "",
        "status": None,
    }


def test_the_effective_settings_and_where_they_come_from(file: Path) -> None:
    _, value = asked(file, "api.taehoonlee.cloud")

    found = {item["key"]: (item["value"], item["source"]) for item in value["settings"]}
    assert found["noTLSVerify"] == ("true", "rule")
    assert found["connectTimeout"] == ("30s", "default")
    assert value["answer"] is None


def test_a_whole_file_is_linted(file: Path) -> None:
    code, value = asked(file, "--all")

    assert code == 1
    assert value["rule"] is None
    assert [item["rule"] for item in value["findings"]] == [3, 4]
    code, value = asked(file, "--all", "ssh.taehoonlee.cloud")
    assert [item["rule"] for item in value["findings"]] == [4]
    assert [item["number"] for item in value["rules"]] == [2, 4, 5]


@pytest.mark.parametrize(
    ("text", "words", "code", "refused"),
    [
        pytest.param("ingress:\n- {service: 'http://x'}\n", ("a.com",), 0, None, id="catch-all-with-a-service"),
        pytest.param(SPITIKOS, ("other.example",), 1, None, id="only-the-catch-all"),
        pytest.param(SPITIKOS, ("management.argotunnel.com",), 0, None, id="a-name-of-cloudflareds-own"),
        pytest.param("", ("a.com",), 1, None, id="empty-file"),
        pytest.param("ingress:\n- service: http_status:404\n", ("--all",), 0, None, id="nothing-wrong"),
        pytest.param(
            "ingress:\n- {hostname: a.com, service: 'http://x'}\n",
            ("a.com",),
            1,
            "The last ingress rule must match all URLs (i.e. it should not have a hostname or path filter)",
            id="no-catch-all",
        ),
        pytest.param("a:\n\t- b", ("--all",), 1, "yaml: line 2: found character that cannot start any token", id="tab"),
        pytest.param("ingress:\n- hostname: *\n", ("--all",), 1, None, id="bare-star"),
        pytest.param("x: &x [*x]", ("--all",), 1, "yaml: anchor 'x' value contains itself", id="anchor-in-itself"),
    ],
)
def test_exit_codes(text: str, words: tuple[str, ...], code: int, refused: str | None, tmp_path: Path) -> None:
    path = tmp_path / "config.yml"
    path.write_text(text)

    found, value = asked(path, *words)

    assert found == code
    if refused is not None:
        assert value["refused"]["text"] == refused


def test_a_config_map_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "configmap.yaml"
    path.write_text(MANIFEST)

    code, value = asked(path, "phpmyadmin-wecare-ecnv4-mgmt.ecommercen.com")

    assert code == 1
    assert value["where"].endswith(", ConfigMap cloudflared/cloudflared-config, key config.yaml")
    assert value["near"] == ["wecare-phpmyadmin-ecnv4-mgmt.ecommercen.com"]
    assert value["answer"]["status"] == 404


def test_a_saved_answer_of_the_api_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "answer.json"
    path.write_text(API)

    code, value = asked(path, "a.com")

    assert (code, value["remote"], value["rule"]["line"]) == (0, True, None)
    assert {item["key"]: item["value"] for item in value["settings"]}["connectTimeout"] == "5s"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('{"ingress": [{"service": "http_status:404"}]}', id="json-is-yaml"),
        pytest.param('{"result": null}', id="no-configuration"),
        pytest.param("{", id="no-json"),
        pytest.param("kind: ConfigMap\n", id="config-map-without-data"),
        pytest.param("kind: ConfigMap\ndata: {a: {ingress: x}, b: 1}\n", id="config-map-of-the-wrong-shape"),
        pytest.param("# about a ConfigMap\n- a\n---\n{{ x }}", id="template"),
    ],
)
def test_other_texts_are_cloudflareds_file(text: str, tmp_path: Path) -> None:
    path = tmp_path / "config.yml"
    path.write_text(text)

    _, value = asked(path, "--all")

    assert value["where"] == str(path)


def test_the_trees_of_one_request(file: Path) -> None:
    done = run("route", "k8s.taehoonlee.cloud", "--cloudflared-config", str(file))

    assert done.returncode == 0
    assert "k8s.taehoonlee.cloud/ is taken by rule 2 and goes to https://10.0.0.200:443" in done.stdout
    assert "rule #3 (k8s.taehoonlee.cloud) never takes a request" in " ".join(done.stdout.replace("│", "").split())
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "2 more rules; -v lists all" not in run("route", "x.y", "--cloudflared-config", str(file), "-v").stdout


@pytest.mark.parametrize(
    ("text", "words", "said"),
    [
        pytest.param(SPITIKOS, ("--all",), "5 rules in ", id="all"),
        pytest.param(SPITIKOS, ("nothing.example",), "taken by rule 5, the catch-all, and goes to", id="catch-all"),
        pytest.param(SPITIKOS, ("management.argotunnel.com",), "is cloudflared's own: no rule is asked", id="internal"),
        pytest.param("tunnel: x", ("a.com",), "gets cloudflared's own 503", id="built-in"),
        pytest.param("ingress: 3", ("a.com",), "cloudflared refuses", id="refused"),
        pytest.param("ingress:\n- service: http_status:404\n", ("--all",), "1 rule in ", id="nothing-wrong"),
        pytest.param(MANIFEST, ("phpmyadmin-wecare-ecnv4-mgmt.ecommercen.com",), "did you mean", id="did-you-mean"),
    ],
)
def test_headlines(text: str, words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    path = tmp_path / "c.yml"
    path.write_text(text)

    done = run("route", *words, "--cloudflared-config", path.name, cwd=tmp_path)

    assert said in " ".join(done.stdout.split())


def test_many_rules_and_findings_are_cut(tmp_path: Path) -> None:
    path = tmp_path / "c.yml"
    lines = "".join(f"- {{hostname: h{i}.a.com, service: 'h2c://x:1'}}\n" for i in range(60))
    path.write_text(f"ingress:\n- {{hostname: '*.a.com', service: 'http://x'}}\n{lines}- service: http_status:404\n")

    short = run("route", "--all", "--cloudflared-config", str(path)).stdout
    long = run("route", "--all", "--cloudflared-config", str(path), "-v").stdout

    assert "90 more findings; -v or --json lists them" in short
    assert "more findings" not in long
    assert "60 h59.a.com" not in short
    assert "61 h59.a.com" in long


def test_standard_input(tmp_path: Path) -> None:
    done = subprocess.run(
        [*PROGRAM, "route", "api.taehoonlee.cloud", "--cloudflared-config", "-", "--json"],
        input=SPITIKOS,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
        env=environment(),
    )

    assert json.loads(done.stdout)["rule"]["number"] == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(("a.com", "--cloudflared-config", "gone.yml"), "gone.yml", id="no-such-file"),
        pytest.param(("a.com", "--cloudflared-config", "empty"), "holds no file", id="empty-folder"),
        pytest.param(("a.com", "--cloudflared-config", "long.yml"), "deeper than 100", id="nested-beyond-measure"),
        pytest.param(
            ("a.com", "--cloudflared-config", "heavy.yml"), "too large to be followed here", id="heavy-pattern"
        ),
        pytest.param(("--cloudflared-config", "c.yml"), "The URL is missing", id="no-url"),
        pytest.param(
            ("a.com", "--cloudflared-config", "c.yml", "--manifests", "c.yml"), "ask different programs", id="both"
        ),
    ],
)
def test_wrong_usage_is_one_line(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    (tmp_path / "c.yml").write_text(SPITIKOS)
    heavy = f"ingress:\n- {{path: '{'a' * 30_000}', service: 'http://x'}}\n- service: http_status:404\n"
    (tmp_path / "heavy.yml").write_text(heavy)
    (tmp_path / "long.yml").write_text("[" * 300)
    (tmp_path / "empty").mkdir()

    done = run("route", *words, cwd=tmp_path)

    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_secrets_and_escapes_of_the_file_are_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "c.yml"
    secret = "eyJ" + "a" * 80
    path.write_text(
        f"token: {secret}\ningress:\n- {{hostname: a.com, service: 'http://u:hunter22@x', path: \"\\e[31m\"}}\n"
        "- service: http_status:404\n"
    )

    for words in (("a.com",), ("--all", "-v"), ("a.com", "--json")):
        done = run("route", *words, "--cloudflared-config", str(path))
        assert secret not in done.stdout + done.stderr
        assert "hunter22" not in done.stdout + done.stderr
        assert "\x1b" not in done.stdout


def test_the_schema_is_published() -> None:
    assert json.loads(run("schema", "rules").stdout)["title"] == "ingressdoctor.rules/v1"
