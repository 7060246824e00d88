"""How a cloudflared comes by its flags, files, credentials and addresses, and how it judges certificates."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ingressdoctor.lab.cluster import Cluster
from ingressdoctor.lab.derive import with_endpoint_slices
from ingressdoctor.lab.pki import Order, Pki
from ingressdoctor.lab.serve.buffer import Buffer
from ingressdoctor.lab.serve.cloudflared.journal import Journal
from ingressdoctor.lab.serve.cloudflared.names import NoSuchHostError, Resolver
from ingressdoctor.lab.serve.cloudflared.origin import judge
from ingressdoctor.lab.serve.cloudflared.process import (
    Credentials,
    Reader,
    decode_token,
    flags_of,
    host_process,
    moment,
)
from lab.dataplane.kit import obj, pod, service

NOW = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.mark.parametrize(
    ("args", "env", "flags", "run", "name"),
    [
        pytest.param("tunnel --config /c.yml run", {}, {"config": "/c.yml"}, True, "", id="a-file"),
        pytest.param("tunnel --config=/c.yml run shop", {}, {"config": "/c.yml"}, True, "shop", id="a-name-behind-run"),
        pytest.param("cloudflared tunnel run", {}, {}, True, "", id="with-the-command"),
        pytest.param("tunnel --no-autoupdate run", {}, {"no-autoupdate": "true"}, True, "", id="a-switch"),
        pytest.param("tunnel --cred-file /x run", {}, {"credentials-file": "/x"}, True, "", id="an-alias"),
        pytest.param("tunnel run --token $(T)", {"T": "abc"}, {"token": "abc"}, True, "", id="a-variable"),
        pytest.param(
            "tunnel --protocol http2 run",
            {"TUNNEL_TRANSPORT_PROTOCOL": "quic", "TUNNEL_METRICS": ":1"},
            {"protocol": "http2", "metrics": ":1"},
            True,
            "",
            id="arguments-go-over-the-environment",
        ),
        pytest.param("tunnel", {}, {}, False, "", id="no-run"),
    ],
)
def test_flags(args: str, env: dict[str, str], flags: dict[str, str], run: bool, name: str) -> None:
    assert flags_of(tuple(args.split()), env) == (flags, run, name)


def token(**fields: Any) -> str:
    return base64.b64encode(json.dumps(fields).encode()).decode()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param(
            token(a="x", t="id", s=base64.b64encode(b"one").decode()), Credentials(tunnel="id", secret="one"), id="good"
        ),
        pytest.param(token(a="x", t="id", s=base64.b64encode(b"o").decode())[:-4], None, id="cut-off"),
        pytest.param(token(a="x", t="id"), None, id="no-secret"),
        pytest.param("not a token", None, id="no-base64"),
        pytest.param(base64.b64encode(b"[]").decode(), None, id="a-list"),
    ],
)
def test_tokens(text: str, found: Credentials | None) -> None:
    assert decode_token(text) == found


CONFIG = obj("ConfigMap", "conf", "tunnel", data={"config.yaml": "new", "other": "x"})


def mounted(mount: dict[str, Any], source: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    holder = pod("p", "tunnel", "10.42.1.1", "node1", {})
    holder["spec"]["volumes"] = [{"name": "conf", "configMap": {"name": "conf", **source}}]
    return holder, {"name": "main", "volumeMounts": [{"name": "conf", "mountPath": "/etc/c", **mount}]}


@pytest.mark.parametrize(
    ("mount", "source", "files"),
    [
        pytest.param({}, {}, {"/etc/c/config.yaml": "new", "/etc/c/other": "x"}, id="every-key"),
        pytest.param({}, {"items": [{"key": "config.yaml", "path": "c.yml"}]}, {"/etc/c/c.yml": "new"}, id="items"),
        pytest.param({"mountPath": "/etc/c.yml", "subPath": "config.yaml"}, {}, {"/etc/c.yml": "new"}, id="sub-path"),
        pytest.param({"subPath": "nope"}, {}, {}, id="a-sub-path-that-is-not-there"),
        pytest.param({}, {"name": "nope"}, {}, id="no-such-config-map"),
    ],
)
def test_mounted_files(mount: dict[str, Any], source: dict[str, Any], files: dict[str, str]) -> None:
    assert Reader(cluster=Cluster([CONFIG]), edited=()).files(*mounted(mount, source), NOW) == files


@pytest.mark.parametrize(
    ("started", "content"), [(NOW - timedelta(hours=2), "old"), (NOW, "new")], ids=["before", "after"]
)
def test_an_edit_counts_for_what_starts_later(started: datetime, content: str) -> None:
    edit = {"namespace": "tunnel", "name": "conf", "at": "2026-11-20T23:00:00Z", "replace": {"new": "old"}}
    reader = Reader(cluster=Cluster([CONFIG]), edited=(edit,))

    assert reader.files(*mounted({}, {}), started)["/etc/c/config.yaml"] == content


def names() -> Resolver:
    labels = {"app": "a"}
    ready = pod("a-1", "shop", "10.42.1.20", "node1", labels)
    objects = [
        ready,
        service("web", "shop", labels, [{"port": 80}], clusterIP="10.43.7.7"),
        service("bare", "shop", labels, [{"name": "http", "port": 80}], clusterIP="None"),
        service("alias", "tunnel", {}, [], type="ExternalName", externalName="web.shop.svc.cluster.local"),
        service("own", "tunnel", {}, [{"port": 80}], clusterIP="10.43.7.9"),
    ]
    cluster = Cluster(with_endpoint_slices(objects))
    return Resolver(
        server="10.43.0.10", own="10.42.2.9", namespace="tunnel", cluster=cluster, hosts={"nas.lan": "10.0.0.9"}
    )


@pytest.mark.parametrize(
    ("name", "addresses"),
    [
        pytest.param("web.shop.svc.cluster.local", ("10.43.7.7",), id="in-full"),
        pytest.param("web.shop.svc.cluster.local.", ("10.43.7.7",), id="in-full-with-a-dot"),
        pytest.param("WEB.shop.svc", ("10.43.7.7",), id="by-the-search-path"),
        pytest.param("own", ("10.43.7.9",), id="in-its-own-namespace"),
        pytest.param("web.shop.", (), id="a-dot-ends-the-search"),
        pytest.param("web", (), id="in-another-namespace"),
        pytest.param("bare.shop", ("10.42.1.20",), id="headless"),
        pytest.param("alias", ("10.43.7.7",), id="an-external-name"),
        pytest.param("localhost", ("10.42.2.9",), id="itself"),
        pytest.param("nas.lan", ("10.0.0.9",), id="a-hosts-entry"),
        pytest.param("::1", ("::1",), id="an-address"),
        pytest.param("www.example.com", (), id="a-stranger"),
    ],
)
def test_names(name: str, addresses: tuple[str, ...]) -> None:
    if addresses:
        assert names().resolve(name) == addresses
        return
    with pytest.raises(NoSuchHostError) as caught:
        names().resolve(name)
    assert str(caught.value) == f"lookup {name} on 10.43.0.10:53: no such host"


@pytest.mark.parametrize(
    ("order", "name", "words"),
    [
        pytest.param(Order(names=("a.test",)), "a.test", "", id="fine"),
        pytest.param(Order(names=("*.test",)), "a.test", "", id="a-wildcard"),
        pytest.param(Order(names=("10.0.0.1",)), "10.0.0.1", "", id="an-address"),
        pytest.param(
            Order(names=("a.test",), issuer="cloudflare-origin"), "a.test", "", id="the-origin-ca-is-built-in"
        ),
        pytest.param(
            Order(names=("a.test",), issuer="private"),
            "a.test",
            "certificate signed by unknown authority",
            id="private",
        ),
        pytest.param(
            Order(names=("a.test",), issuer="self"),
            "a.test",
            "certificate signed by unknown authority",
            id="self-signed",
        ),
        pytest.param(
            Order(names=("a.test", "b.test"), issuer="self"),
            "c.test",
            "certificate is valid for a.test, b.test, not c.test",
            id="the-name-comes-before-the-authority",
        ),
        pytest.param(
            Order(names=("a.test",)),
            "10.0.0.1",
            "cannot validate certificate for 10.0.0.1 because it doesn't contain any IP SANs",
            id="an-address-without-a-san",
        ),
        pytest.param(
            Order(names=("a.test",), not_after_days=-1),
            "b.test",
            "certificate has expired or is not yet valid: current time",
            id="the-dates-come-first",
        ),
    ],
)
def test_certificates(order: Order, name: str, words: str) -> None:
    pki = Pki()
    der = x509.load_pem_x509_certificate(pki.issue(order).certificate_pem).public_bytes(Encoding.DER)
    said = judge(der, name, pki.edge_trust_pem, datetime.now(UTC))

    assert said.startswith(words) if words else said == ""


def test_a_pool_adds_an_authority() -> None:
    pki = Pki()
    issued = pki.issue(Order(names=("a.test",), issuer="private"))
    der = x509.load_pem_x509_certificate(issued.certificate_pem).public_bytes(Encoding.DER)

    assert judge(der, "a.test", pki.edge_trust_pem + pki.authority_pem("private"), datetime.now(UTC)) == ""
    assert pki.authority_pem("nobody") == ""


def test_a_machine_has_defaults() -> None:
    process = host_process({"name": "pi", "address": "10.0.0.2", "config": {"tunnel": "x"}}, NOW)

    assert (process.run, process.flags["config"]) == (True, "/etc/cloudflared/config.yml")
    assert process.files == {"/etc/cloudflared/config.yml": "tunnel: x\n"}
    assert (process.origin_ip, process.started, process.ended) == ("10.0.0.2", NOW, None)


@pytest.mark.parametrize(
    ("text", "found"),
    [("2026-11-21T00:00:00Z", NOW), ("2026-11-21T00:00:00", NOW), ("soon", None), (None, None)],
    ids=["utc", "no-zone", "no-time", "nothing"],
)
def test_times(text: object, found: datetime | None) -> None:
    assert moment(text) == found


@pytest.mark.parametrize(
    ("as_json", "line"),
    [
        (False, '2026-11-21T00:00:00Z ERR  error="no way" cfRay=x-ATH event=1 plain=true'),
        (
            True,
            (
                '{"level": "error", "event": 1, "error": "no way", "cfRay": "x-ATH", "plain": true, '
                '"time": "2026-11-21T00:00:00Z"}'
            ),
        ),
    ],
    ids=["console", "json"],
)
def test_lines(as_json: bool, line: str) -> None:
    buffer = Buffer()
    journal = Journal(buffer, as_json=as_json)
    journal.event("error", {"event": 1, "error": "no way", "cfRay": "x-ATH", "plain": True}, at=NOW)
    journal.write("debug", "hidden")

    assert buffer.text() == f"{line}\n"
