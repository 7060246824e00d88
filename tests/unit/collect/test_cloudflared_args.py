"""What a container says of the cloudflared in it, and where that keeps its configuration."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from build.tunnel import TUNNEL
from ingressdoctor.collect.cloudflared_args import is_cloudflared, read_container
from ingressdoctor.collect.cloudflared_home import home_of
from ingressdoctor.evidence.kube import Container, EnvVar, PodSpec, VolumeMount
from ingressdoctor.evidence.tunnel_rules import ConfigHome

IMAGE = "docker.io/cloudflare/cloudflared:2026.10.0"
SECRET = "c2VjcmV0LW9mLXRoZS10dW5uZWw"
TOKEN = base64.b64encode(json.dumps({"a": "account", "t": TUNNEL, "s": SECRET}).encode()).decode()
FROM_SECRET = EnvVar(name="TUNNEL_TOKEN", value_from={"secretKeyRef": {"name": "t", "key": "token"}})


def container(*args: str, command: tuple[str, ...] = (), image: str = IMAGE, **env: str) -> Container:
    variables = tuple(EnvVar(name=name, value=value) for name, value in env.items())
    return Container(name="c", image=image, args=args, command=command or None, env=variables)


@pytest.mark.parametrize(
    ("given", "runs"),
    [
        pytest.param(container("tunnel", "run"), True, id="by-image"),
        pytest.param(container(), True, id="image-without-arguments"),
        pytest.param(container("tunnel", "run", image="registry:5000/mirror/cloudflared@sha256:00"), True, id="mirror"),
        pytest.param(container("tunnel", "run", image="r/own-cloudflared:1"), True, id="own-build"),
        pytest.param(
            container("tunnel", "run", image="debian", command=("/usr/local/bin/cloudflared",)), True, id="by-command"
        ),
        pytest.param(
            container("cloudflared tunnel run x", image="alpine", command=("sh", "-c")), True, id="in-a-shell"
        ),
        pytest.param(container("access", "tcp"), False, id="access-client"),
        pytest.param(container("proxy-dns"), False, id="dns-proxy"),
        pytest.param(container("cloudflared", image="exporter"), False, id="named-in-an-argument-only"),
        pytest.param(Container(name="cloudflared", image="nginx"), False, id="by-name-only"),
    ],
)
def test_is_cloudflared(given: Container, runs: bool) -> None:
    assert is_cloudflared(given) is runs


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(
            container("tunnel", "--config", "/etc/c/config.yaml", "run"), {"config": "/etc/c/config.yaml"}, id="config"
        ),
        pytest.param(
            container("tunnel", "--metrics=0.0.0.0:2000", "run"), {"metrics": "0.0.0.0:2000"}, id="equals-sign"
        ),
        pytest.param(container("tunnel", "run", TUNNEL_METRICS=":9"), {"metrics": ":9"}, id="variable"),
        pytest.param(container("tunnel", "--protocol", "HTTP2", "run"), {"protocol": "http2"}, id="protocol"),
        pytest.param(
            container("tunnel", "run", "--token", TOKEN), {"exposed": "its arguments", "by_token": True}, id="arg"
        ),
        pytest.param(
            container("tunnel", "run", f"--token={TOKEN}"), {"exposed": "its arguments"}, id="token-by-equals"
        ),
        pytest.param(container("tunnel", "run", TUNNEL_TOKEN=TOKEN), {"exposed": "its environment"}, id="token-in-env"),
        pytest.param(
            container("tunnel", "run", "--token", "$(TOKEN)", TOKEN=TOKEN),
            {"exposed": "its environment"},
            id="expanded",
        ),
        pytest.param(container("tunnel", "run"), {"exposed": "", "by_token": False}, id="no-token"),
        pytest.param(container("tunnel", "run", HTTPS_PROXY="http://p"), {"proxies": ("HTTPS_PROXY",)}, id="proxy"),
        pytest.param(
            container("tunnel", "run", HTTPS_PROXY="http://p", NO_PROXY=".svc"), {"proxies": ()}, id="no-proxy"
        ),
    ],
)
def test_read_container(given: Container, expected: dict[str, Any]) -> None:
    found = read_container(given)

    assert {name: getattr(found, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("given", "id_", "name"),
    [
        pytest.param(container("tunnel", "run", TUNNEL.upper()), TUNNEL, "", id="id-in-arguments"),
        pytest.param(container("tunnel", "--no-autoupdate", "run", "home"), "", "home", id="name-in-arguments"),
        pytest.param(container("tunnel", "run", "--token", TOKEN), TUNNEL, "", id="id-from-the-token"),
        pytest.param(container("tunnel", "run", TUNNEL_TOKEN=TOKEN), TUNNEL, "", id="id-from-a-variable"),
        pytest.param(container("tunnel", "run", "--token", "not-a-token"), "", "", id="broken-token"),
        pytest.param(
            container("tunnel", "run", TUNNEL_CRED_CONTENTS=json.dumps({"TunnelID": TUNNEL, "TunnelSecret": SECRET})),
            TUNNEL,
            "",
            id="credentials-in-a-variable",
        ),
        pytest.param(Container(name="c", image=IMAGE, args=("tunnel", "run"), env=(FROM_SECRET,)), "", "", id="secret"),
    ],
)
def test_identity(given: Container, id_: str, name: str) -> None:
    found = read_container(given).identity

    assert (found.id, found.name) == (id_, name)


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(container("tunnel", "run", "--token", TOKEN), id="argument"),
        pytest.param(container("tunnel", "run", f"--token={TOKEN}"), id="equals-sign"),
        pytest.param(container("tunnel", "run", TUNNEL_TOKEN=TOKEN), id="variable"),
        pytest.param(container(f"cloudflared tunnel run --token {TOKEN}", command=("sh", "-c")), id="shell"),
    ],
)
def test_no_secret_leaves(given: Container) -> None:
    shown = repr(read_container(given))

    assert TOKEN not in shown
    assert SECRET not in shown


def test_a_token_out_of_a_secret_is_known_to_be_one() -> None:
    found = read_container(Container(name="c", image=IMAGE, args=("tunnel", "run"), env=(FROM_SECRET,)))

    assert (found.by_token, found.exposed) == (True, "")


def mount(path: str = "/etc/c", sub_path: str | None = None, name: str = "v") -> Container:
    return Container(name="c", volume_mounts=(VolumeMount(name=name, mount_path=path, sub_path=sub_path),))


def spec(**volume: Any) -> PodSpec:
    return PodSpec(volumes=({"name": "v", **volume},))


MAP = {"name": "cfg"}
ITEMS = {"name": "cfg", "items": [{"key": "tunnel.yaml", "path": "config.yaml"}]}
HOMES = [
    pytest.param(
        spec(configMap=MAP), mount(), "/etc/c/config.yaml", ("ConfigMap", "cfg", "config.yaml"), id="key-is-file"
    ),
    pytest.param(spec(configMap=ITEMS), mount(), "/etc/c/config.yaml", ("ConfigMap", "cfg", "tunnel.yaml"), id="items"),
    pytest.param(spec(configMap=ITEMS), mount(), "/etc/c/other.yaml", ("file", "", ""), id="not-among-the-items"),
    pytest.param(
        spec(configMap=MAP),
        mount("/etc/c/config.yaml", "k.yaml"),
        "/etc/c/config.yaml",
        ("ConfigMap", "cfg", "k.yaml"),
        id="sub",
    ),
    pytest.param(
        spec(secret={"secretName": "s"}), mount(), "/etc/c/config.yaml", ("Secret", "s", "config.yaml"), id="secret"
    ),
    pytest.param(
        spec(projected={"sources": [{"secret": {"name": "s", "items": []}}, {"configMap": MAP}]}),
        mount(),
        "/etc/c/config.yaml",
        ("Secret", "s", "config.yaml"),
        id="projected-first-source",
    ),
    pytest.param(spec(hostPath={"path": "/x"}), mount(), "/etc/c/config.yaml", ("file", "", ""), id="host-path"),
    pytest.param(spec(configMap=MAP), mount("/other"), "/etc/c/config.yaml", ("file", "", ""), id="not-mounted"),
    pytest.param(
        spec(configMap=MAP), mount("/etc/cloudflared"), "", ("ConfigMap", "cfg", "config.yml"), id="default-folder"
    ),
    pytest.param(spec(configMap=MAP), mount("/elsewhere"), "", ("unknown", "", ""), id="nothing-tells"),
    pytest.param(
        PodSpec(volumes=({"name": "v", "configMap": None},)), mount(), "/etc/c/x", ("file", "", ""), id="nulls"
    ),
]


@pytest.mark.parametrize(("pod", "mounted", "config", "expected"), HOMES)
def test_home(pod: PodSpec, mounted: Container, config: str, expected: tuple[str, str, str]) -> None:
    found = home_of(pod, mounted, config, "ns", by_token=False)

    assert (found.home.value, found.name, found.key) == expected


def test_a_token_without_a_file_is_configured_at_cloudflare() -> None:
    assert home_of(PodSpec(), Container(), "", "ns", by_token=True).home is ConfigHome.REMOTE


def test_a_sub_path_is_told() -> None:
    found = home_of(
        spec(configMap=MAP), mount("/etc/c/config.yaml", "k.yaml"), "/etc/c/config.yaml", "ns", by_token=False
    )

    assert found.sub_path
