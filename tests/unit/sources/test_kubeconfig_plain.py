"""Kubeconfigs that are only read come to what the official library makes of them; what is not plain is left to it."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client, config

from ingressdoctor.sources.calls import CallLog
from ingressdoctor.sources.kubeconfig_plain import plain_client
from ingressdoctor.sources.kubernetes import LiveKubernetes
from unit.sources.servers import HOST, Pki, Scripted, serve

TOKEN = "s3cr3t-t0ken"


def write(folder: Path, cluster: Mapping[str, Any], user: Mapping[str, Any], **more: Any) -> Path:
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "prod",
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": user}],
        "contexts": [{"name": "prod", "context": {"cluster": "c", "user": "u", "namespace": "shop"}}],
        **more,
    }
    path = folder / "config"
    path.write_text(yaml.safe_dump(content))
    return path


def encoded(path: str) -> str:
    return base64.b64encode(Path(path).read_bytes()).decode()


PLAIN = [
    pytest.param({"server": "https://k.example:6443"}, {"token": TOKEN}, id="token"),
    pytest.param({"server": "https://k.example:6443/"}, {"token": TOKEN}, id="slash-at-the-end"),
    pytest.param({"server": "https://k.example/k8s/clusters/c-1"}, {"token": TOKEN}, id="path"),
    pytest.param({"server": "http://k.example"}, {}, id="nobody"),
    pytest.param({"server": "https://k.example", "insecure-skip-tls-verify": True}, {"token": TOKEN}, id="insecure"),
    pytest.param({"server": "https://k.example", "insecure-skip-tls-verify": False}, {"token": TOKEN}, id="secure"),
    pytest.param({"server": "https://k.example", "tls-server-name": "other"}, {"token": TOKEN}, id="server-name"),
    pytest.param({"server": "https://k.example", "extensions": []}, {"token": TOKEN, "extensions": []}, id="extended"),
]


@pytest.mark.parametrize(("cluster", "user"), PLAIN)
def test_a_plain_kubeconfig_comes_to_what_the_library_makes_of_it(
    cluster: dict[str, Any], user: dict[str, Any], tmp_path: Path
) -> None:
    path = write(tmp_path, cluster, user)
    theirs = client.Configuration()
    config.load_kube_config(str(path), client_configuration=theirs)  # type: ignore[no-untyped-call]
    ours = plain_client(path, None, 8)

    assert ours is not None
    assert (ours.host, ours.context) == (theirs.host, "prod")
    bearer = theirs.auth_settings().get("BearerToken")
    assert dict(ours.credentials()) == ({} if bearer is None else {bearer["key"]: bearer["value"]})
    assert ours.tls.get("server_hostname") == theirs.tls_server_name
    if theirs.host.startswith("https"):
        assert (ours.tls["context"].verify_mode is ssl.CERT_REQUIRED) is theirs.verify_ssl


LEFT = [
    pytest.param({"user": {"tokenFile": "/x", "token": TOKEN}}, id="token-in-a-file"),
    pytest.param({"user": {"exec": {"command": "login"}}}, id="credential-plugin"),
    pytest.param({"user": {"auth-provider": {"name": "oidc"}, "token": TOKEN}}, id="identity-provider"),
    pytest.param({"user": {"username": "u", "password": "p"}}, id="password"),
    pytest.param({"user": {"token": TOKEN, "as": "admin"}}, id="impersonation"),
    pytest.param({"user": {"token": 7}}, id="token-that-is-a-number"),
    pytest.param({"user": {"token": "a\nb"}}, id="token-of-two-lines"),
    pytest.param({"user": {"token": ""}}, id="empty-token"),
    pytest.param({"user": {"client-certificate": "absent", "client-key": "absent"}}, id="files-that-are-not-there"),
    pytest.param({"user": {"client-certificate-data": "QQ=="}}, id="certificate-without-a-key"),
    pytest.param({"user": {"client-certificate-data": "QQ==", "client-key-data": "QQ=="}}, id="no-certificate"),
    pytest.param({"cluster": {"server": "https://k", "proxy-url": "http://p"}}, id="proxy"),
    pytest.param({"cluster": {"server": "https://k", "certificate-authority-data": "%%%"}}, id="authority-no-base64"),
    pytest.param({"cluster": {"server": "https://k", "certificate-authority": "absent"}}, id="authority-not-there"),
    pytest.param({"cluster": {"server": "https://k", "insecure-skip-tls-verify": "yes"}}, id="insecure-as-a-word"),
    pytest.param({"cluster": {"server": "k.example:6443"}}, id="server-without-a-scheme"),
    pytest.param({"cluster": {"server": "unix:///x"}}, id="server-of-another-scheme"),
    pytest.param({"cluster": {"server": "https://[::1"}}, id="server-that-is-no-url"),
    pytest.param({"cluster": {}}, id="no-server"),
    pytest.param({"current-context": "other"}, id="unknown-context"),
    pytest.param({"current-context": None}, id="no-current-context"),
    pytest.param({"contexts": None}, id="no-contexts"),
    pytest.param({"contexts": [None]}, id="null-context"),
    pytest.param({"contexts": [{"name": "prod", "context": {"cluster": "c"}}]}, id="no-user"),
    pytest.param({"users": [{"name": "u", "user": {"token": "a"}}, {"name": "u", "user": {}}]}, id="user-twice"),
    pytest.param({"users": [{"name": "u", "user": None}]}, id="null-user"),
]


@pytest.mark.parametrize("changes", LEFT)
def test_what_is_not_plain_is_left_to_the_library(changes: dict[str, Any], tmp_path: Path) -> None:
    parts = dict(changes)
    cluster = parts.pop("cluster", {"server": "https://k.example"})
    user = parts.pop("user", {"token": TOKEN})

    assert plain_client(write(tmp_path, cluster, user, **parts), None, 8) is None


@pytest.mark.parametrize("content", ["", "a: [", "text", "[]", "\x00", "!!python/object:os.system {}", "[" * 5000])
def test_what_is_no_kubeconfig_is_left_to_the_library(content: str, tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(content)

    assert plain_client(path, None, 8) is None


@pytest.mark.parametrize("variable", ["https_proxy", "HTTPS_PROXY", "all_proxy"])
def test_where_the_environment_names_a_proxy_the_library_decides(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "http://127.0.0.1:1")

    assert plain_client(write(tmp_path, {"server": "https://k.example"}, {"token": TOKEN}), None, 8) is None


@pytest.mark.parametrize("written", ["in-the-file", "in-files-beside-it"])
async def test_a_client_certificate_is_presented_and_left_nowhere(
    written: str, tmp_path: Path, pki: Pki, calls: CallLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued = pki.ca.issue_cert("somebody@example.org")
    issued.cert_chain_pems[0].write_to_path(str(tmp_path / "user.pem"))
    issued.private_key_pem.write_to_path(str(tmp_path / "user.key"))
    user: dict[str, Any] = {"client-certificate": "user.pem", "client-key": "user.key"}
    cluster: dict[str, Any] = {"certificate-authority": pki.ca_file}
    if written == "in-the-file":
        user = {f"{name}-data": encoded(str(tmp_path / path)) for name, path in user.items()}
        cluster = {"certificate-authority-data": encoded(pki.ca_file)}
    left = tmp_path / "left"
    left.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(left))
    context = pki.context(HOST)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(pki.ca_file)
    async with serve(Scripted({"/x": [(200, {}, b"{}")]}), context) as port:
        path = write(tmp_path, {"server": f"https://{HOST}:{port}", **cluster}, user)
        assert plain_client(path, None, 8) is not None
        source = LiveKubernetes(kubeconfig=str(path), context=None, timeout_s=5.0, calls=calls)
        answer = await source.get("/x", {})
        await source.aclose()

    assert answer.status == 200
    assert list(left.iterdir()) == []


async def test_the_name_in_the_kubeconfig_is_the_one_that_is_verified(tmp_path: Path, pki: Pki, calls: CallLog) -> None:
    async with serve(Scripted({"/x": [(200, {}, b"{}")]}), pki.context("kubernetes.default")) as port:
        cluster = {
            "server": f"https://{HOST}:{port}",
            "certificate-authority": pki.ca_file,
            "tls-server-name": "kubernetes.default",
        }
        path = write(tmp_path, cluster, {"token": TOKEN})
        source = LiveKubernetes(kubeconfig=str(path), context=None, timeout_s=5.0, calls=calls)
        answer = await source.get("/x", {})
        await source.aclose()

    assert answer.status == 200
