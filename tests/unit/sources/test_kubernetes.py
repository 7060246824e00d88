"""The cluster source: the real client library against a fake API server, and kubeconfigs of every kind."""

from __future__ import annotations

import asyncio
import gzip
import logging
import os
import stat
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from ingressdoctor.errors import SourceError
from ingressdoctor.sources.calls import CallLog
from ingressdoctor.sources.kubernetes import LiveKubernetes
from unit.sources.servers import HOST, Pki, Scripted, black_hole, close_at_once, free_port, hang, reset, serve

TOKEN = "s3cr3t-t0ken-of-the-cluster"


def kubeconfig(
    path: Path,
    server: str,
    user: Mapping[str, Any] | None = None,
    *,
    name: str = "prod",
    cluster: Mapping[str, Any] | None = None,
) -> str:
    """Write a kubeconfig with one context."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": f"c-{name}", "cluster": {"server": server, **(cluster or {})}}],
        "users": [{"name": "u", "user": user if user is not None else {"token": TOKEN}}],
        "contexts": [{"name": name, "context": {"cluster": f"c-{name}", "user": "u"}}],
    }
    path.write_text(yaml.safe_dump(content))
    return str(path)


def live(config: str | None, calls: CallLog, **options: Any) -> LiveKubernetes:
    defaults: dict[str, Any] = {"context": None, "timeout_s": 2.0}
    return LiveKubernetes(kubeconfig=config, calls=calls, **{**defaults, **options})


async def fails(source: LiveKubernetes) -> SourceError:
    """Return the error of one GET, after checking that the token is nowhere in it."""
    with pytest.raises(SourceError) as caught:
        await source.get("/version", {})
    await source.aclose()
    assert TOKEN not in caught.value.message + caught.value.hint
    assert caught.value.hint or "bytes" in caught.value.message or "in time" in caught.value.message
    return caught.value


async def test_one_get_over_tls_with_the_token(tmp_path: Path, pki: Pki, calls: CallLog) -> None:
    api = Scripted({"/api/v1/pods": [(200, {"Set-Cookie": "a=b", "Audit-Id": "7"}, b'{"items":[]}')]})
    async with serve(api, pki.context(HOST)) as port:
        config = kubeconfig(tmp_path / "k", f"https://{HOST}:{port}", cluster={"certificate-authority": pki.ca_file})
        source = live(config, calls)
        answer = await source.get("/api/v1/pods", {"limit": "500", "labelSelector": "app in (a,b)"})
        await source.aclose()

    assert (answer.status, answer.body) == (200, b'{"items":[]}')
    assert answer.headers["audit-id"] == "7"
    assert "set-cookie" not in answer.headers
    assert source.context == "prod"
    ((target, headers),) = api.requests
    assert target == "/api/v1/pods?limit=500&labelSelector=app+in+%28a%2Cb%29"
    assert headers["authorization"] == f"Bearer {TOKEN}"
    ((_, call),) = calls.calls
    assert (call.source, call.outcome) == ("kubernetes", "200")
    assert TOKEN not in call.what


@pytest.mark.parametrize("status", [401, 403, 404, 410, 500, 503])
async def test_any_status_is_an_answer(tmp_path: Path, calls: CallLog, status: int) -> None:
    async with serve(Scripted({"/x": [(status, {}, b"<html>no json</html>")]})) as port:
        source = live(kubeconfig(tmp_path / "k", f"http://{HOST}:{port}"), calls)
        answer = await source.get("/x", {})
        await source.aclose()

    assert (answer.status, answer.body) == (status, b"<html>no json</html>")


@pytest.mark.parametrize(
    ("retry_after", "status", "asked"),
    [
        pytest.param("1", 200, 2, id="short-wait-is-taken"),
        pytest.param("60", 429, 1, id="long-wait-is-not"),
        pytest.param("Fri, 31 Dec 1999 23:59:59 GMT", 429, 1, id="date-is-not"),
    ],
)
async def test_too_many_requests(tmp_path: Path, calls: CallLog, retry_after: str, status: int, asked: int) -> None:
    api = Scripted({"/x": [(429, {"Retry-After": retry_after}, b""), (200, {}, b"{}")]})
    async with serve(api) as port:
        source = live(kubeconfig(tmp_path / "k", f"http://{HOST}:{port}"), calls)
        answer = await source.get("/x", {})
        await source.aclose()

    assert (answer.status, len(api.requests)) == (status, asked)


async def test_compressed_answers_are_undone(tmp_path: Path, calls: CallLog) -> None:
    api = Scripted({"/x": [(200, {"Content-Encoding": "gzip"}, gzip.compress(b'{"a":1}'))]})
    async with serve(api) as port:
        source = live(kubeconfig(tmp_path / "k", f"http://{HOST}:{port}"), calls)
        answer = await source.get("/x", {})
        await source.aclose()

    assert answer.body == b'{"a":1}'
    assert api.requests[0][1]["accept-encoding"] == "gzip"


async def test_a_gzip_bomb_hits_the_cap(tmp_path: Path, calls: CallLog) -> None:
    bomb = gzip.compress(b"\0" * 20_000_000)
    async with serve(Scripted({"/version": [(200, {"Content-Encoding": "gzip"}, bomb)]})) as port:
        error = await fails(live(kubeconfig(tmp_path / "k", f"http://{HOST}:{port}"), calls, max_body=1_000_000))

    assert "more than 1000000 bytes" in error.message


async def test_many_at_once_share_one_login(tmp_path: Path, calls: CallLog) -> None:
    marker = tmp_path / "runs"
    plugin = exec_plugin(tmp_path, f"echo run >> {marker}\n{CREDENTIAL}")
    api = Scripted({"/x": [(200, {}, b"{}")]})
    async with serve(api) as port:
        source = live(kubeconfig(tmp_path / "k", f"http://{HOST}:{port}", plugin), calls)
        answers = await asyncio.gather(*(source.get("/x", {}) for _ in range(30)))
        await source.aclose()

    assert {answer.status for answer in answers} == {200}
    assert marker.read_text() == "run\n"
    assert {headers["authorization"] for _, headers in api.requests} == {f"Bearer {TOKEN}"}


# -- the ways in which a connection fails ---------------------------------------------------------------------------


async def test_refused(tmp_path: Path, calls: CallLog) -> None:
    error = await fails(live(kubeconfig(tmp_path / "k", f"https://{HOST}:{free_port()}"), calls))

    assert error.message == "The Kubernetes API of context 'prod' did not answer: the connection was refused."
    assert (error.transient, error.unreached) == (True, True)


async def test_name_that_does_not_resolve(tmp_path: Path, calls: CallLog) -> None:
    error = await fails(live(kubeconfig(tmp_path / "k", "https://" + "a" * 70 + ".example"), calls))

    assert error.message.startswith("The Kubernetes API of context 'prod' did not answer: ")


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_hang(tmp_path: Path, calls: CallLog, scheme: str) -> None:
    async with serve(hang) as port:
        error = await fails(live(kubeconfig(tmp_path / "k", f"{scheme}://{HOST}:{port}"), calls, timeout_s=0.3))

    assert error.message.endswith(("no answer in time.", "the connection timed out."))


async def test_nobody_answers_the_syn(tmp_path: Path, calls: CallLog) -> None:
    with black_hole() as port:
        error = await fails(live(kubeconfig(tmp_path / "k", f"https://{HOST}:{port}"), calls, timeout_s=0.3))

    assert error.message.endswith("the connection timed out.")


async def test_untrusted_certificate(tmp_path: Path, pki: Pki, calls: CallLog) -> None:
    other = Pki(tmp_path / "other")
    other.folder.mkdir()
    async with serve(hang, other.context(HOST)) as port:
        config = kubeconfig(tmp_path / "k", f"https://{HOST}:{port}", cluster={"certificate-authority": pki.ca_file})
        error = await fails(live(config, calls))

    assert "the certificate is not trusted (unable to get local issuer certificate)" in error.message


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        pytest.param(close_at_once, "the connection closed without an answer", id="close"),
        pytest.param(reset, "the connection was reset", id="reset"),
        pytest.param(
            Scripted({"/version": [(200, {"Content-Length": "99"}, b"half")]}),
            "the connection closed in the middle of the answer",
            id="half-a-body",
        ),
        pytest.param(
            Scripted({"/version": [(200, {"Content-Encoding": "gzip"}, b"not gzip")]}),
            "the answer is not encoded as it claims",
            id="lying-encoding",
        ),
    ],
)
async def test_broken_answers(tmp_path: Path, calls: CallLog, behaviour: Any, reason: str) -> None:
    async with serve(behaviour) as port:
        error = await fails(live(kubeconfig(tmp_path / "k", f"http://{HOST}:{port}"), calls))

    assert error.message == f"The Kubernetes API of context 'prod' did not answer: {reason}."


async def test_an_insecure_cluster_prints_no_warning(
    tmp_path: Path, pki: Pki, calls: CallLog, capfd: pytest.CaptureFixture[str]
) -> None:
    async with serve(Scripted({"/x": [(200, {}, b"{}")]}), pki.context("other")) as port:
        config = kubeconfig(tmp_path / "k", f"https://{HOST}:{port}", cluster={"insecure-skip-tls-verify": True})
        source = live(config, calls)
        assert (await source.get("/x", {})).status == 200
        await source.aclose()

    assert capfd.readouterr() == ("", "")


# -- kubeconfigs ----------------------------------------------------------------------------------------------------


async def test_no_kubeconfig_says_where_it_looked(calls: CallLog, capfd: pytest.CaptureFixture[str]) -> None:
    error = await fails(live(None, calls))

    assert "There is no kubeconfig" in error.message
    assert ".kube" in error.message
    assert "KUBECONFIG" in error.hint
    assert "--context" in error.hint
    assert capfd.readouterr() == ("", "")


async def test_in_a_pod_without_a_token_file(calls: CallLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", HOST)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    error = await fails(live(None, calls))

    assert "Service token file does not exist" in error.message


async def test_several_files_in_the_environment(
    tmp_path: Path, calls: CallLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = Scripted({"/x": [(200, {}, b"{}")]})
    async with serve(api) as port:
        first = kubeconfig(tmp_path / "first", "http://192.0.2.1")
        second = kubeconfig(tmp_path / "second", f"http://{HOST}:{port}", name="stage")
        monkeypatch.setenv("KUBECONFIG", os.pathsep.join((first, str(tmp_path / "absent"), second)))
        source = live(None, calls, context="stage")
        answer = await source.get("/x", {})
        await source.aclose()

    assert answer.status == 200
    assert source.context == "stage"


async def test_an_unknown_context_names_the_known_ones(tmp_path: Path, calls: CallLog) -> None:
    error = await fails(live(kubeconfig(tmp_path / "k", "https://192.0.2.1"), calls, context="nope"))

    assert error.message == "The kubeconfig has no context 'nope'."
    assert error.hint == "Choose one with --context: prod."


BROKEN = [
    pytest.param("", "cannot be used", id="empty-file"),
    pytest.param("a: [", "is not YAML (line 1)", id="not-yaml"),
    pytest.param("just text", "cannot be used", id="text"),
    pytest.param("[]", "cannot be used", id="list"),
    pytest.param("\x00\x01", "is not YAML", id="binary"),
    pytest.param("contexts: null\ncurrent-context: x\n", "no context 'x'", id="null-contexts"),
    pytest.param("contexts: [null]\n", "sets no current context", id="null-entry"),
    pytest.param("contexts: []\n", "sets no current context", id="no-current-context"),
    pytest.param("current-context: x\ncontexts: [{name: x, context: null}]\n", "names no cluster", id="null-context"),
    pytest.param(
        "current-context: x\ncontexts: [{name: x, context: {cluster: c}}]\nclusters: [{name: c}]\n",
        "names no cluster",
        id="cluster-without-server",
    ),
    pytest.param(
        "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"
        "clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1', certificate-authority-data: '%%%'}}]\n"
        f"users: [{{name: u, user: {{token: {TOKEN}}}}}]\n",
        "did not answer",
        id="ca-data-that-is-not-base64",
    ),
    pytest.param(
        "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"
        "clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]\n"
        f"users: [{{name: u, user: {{token: {TOKEN}, auth-provider: {{name: oidc}}}}}}]\n"
        "preferences: {}\n",
        "did not answer: the connection was refused",
        id="auth-provider-without-config",
    ),
    pytest.param(
        "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"
        "clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]\n"
        f"users: [{{name: u, user: {{tokenX: {TOKEN}, exec: {{}}}}}}]\n",
        "credential plugin 'None'",
        id="exec-without-command",
    ),
]


@pytest.mark.parametrize(("content", "message"), BROKEN)
async def test_a_broken_kubeconfig_is_one_clear_sentence(
    tmp_path: Path, calls: CallLog, content: str, message: str
) -> None:
    path = tmp_path / "k"
    path.write_text(content)
    error = await fails(live(str(path), calls))

    assert message in error.message


# -- credential plugins ---------------------------------------------------------------------------------------------

CREDENTIAL = f"""cat <<END
{{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {{"token": "{TOKEN}"}}}}
END"""


def exec_plugin(folder: Path, script: str) -> dict[str, Any]:
    path = folder / "cloud-login"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(path)}}


@pytest.mark.parametrize(
    ("script", "said"),
    [
        pytest.param("echo please log in >&2; exit 3", "process returned 3. please log in", id="exit-status"),
        pytest.param("echo no json", "failed to decode process output", id="not-json"),
        pytest.param("echo '{}'", "malformed response", id="empty-answer"),
        pytest.param(
            'echo "Bearer eyJhbGciOiJSUzI1NiIsImtpZCI6IjEyMzQ1Njc4OTAxMjM0NTY3ODkwIn0" >&2; exit 1',
            "Bearer ***",
            id="secrets-are-not-repeated",
        ),
    ],
)
async def test_a_failing_plugin_is_named(
    tmp_path: Path, calls: CallLog, script: str, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    error = await fails(live(kubeconfig(tmp_path / "k", "https://192.0.2.1", exec_plugin(tmp_path, script)), calls))

    assert "cloud-login" in error.message
    assert said in error.message
    assert "kubectl --context prod" in error.hint
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger().filters == []


async def test_a_missing_plugin_is_named(tmp_path: Path, calls: CallLog) -> None:
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "no-such-plugin"}}
    error = await fails(live(kubeconfig(tmp_path / "k", "https://192.0.2.1", user), calls))

    assert "'no-such-plugin'" in error.message
    assert "No such file" in error.message


async def test_a_plugin_that_waits_for_a_login_is_given_up_on(tmp_path: Path, calls: CallLog) -> None:
    config = kubeconfig(tmp_path / "k", "https://192.0.2.1", exec_plugin(tmp_path, "exec sleep 2"))
    error = await fails(live(config, calls, login_timeout_s=0.3))

    assert "not there after 0.3 s" in error.message


def test_the_users_kubeconfig_is_never_written(tmp_path: Path, calls: CallLog) -> None:
    path = tmp_path / "k"
    config = kubeconfig(path, f"http://{HOST}:{free_port()}", exec_plugin(tmp_path, CREDENTIAL))
    before = (path.read_bytes(), path.stat().st_mtime_ns)

    asyncio.run(fails(live(config, calls)))

    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


def test_a_hanging_plugin_does_not_keep_the_program_from_ending(tmp_path: Path) -> None:
    config = kubeconfig(tmp_path / "k", "https://192.0.2.1", exec_plugin(tmp_path, "exec sleep 90"))
    code = f"""
import asyncio
from ingressdoctor.errors import SourceError
from ingressdoctor.sources.calls import CallLog
from ingressdoctor.sources.kubernetes import LiveKubernetes

async def main():
    source = LiveKubernetes(
        kubeconfig={config!r}, context=None, timeout_s=1, calls=CallLog(), login_timeout_s=0.5
    )
    try:
        await source.get("/version", {{}})
    except SourceError as error:
        print(error.message)
    await source.aclose()

asyncio.run(main())
"""
    started = time.monotonic()
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=True)

    assert run.stdout == "The kubeconfig's credentials were not there after 0.5 s.\n"
    assert run.stderr == ""
    assert time.monotonic() - started < 80
