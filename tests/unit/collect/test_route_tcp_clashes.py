"""TCP routers that take each other's connections, or those of HTTPS routers, on one entry point."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from ingressdoctor.collect.manifest_files import TextFile
from ingressdoctor.collect.manifests import parse_manifests
from ingressdoctor.collect.route_scene import file_scene
from ingressdoctor.collect.route_set import set_of
from ingressdoctor.evidence.route_view import Clash, ClashKind

ARGS = ["--entryPoints.sql.address=:5432", "--entryPoints.other.address=:5433", "--providers.kubernetesCRD"]
TRAEFIK = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "traefik", "namespace": "traefik"},
    "spec": {"template": {"spec": {"containers": [{"name": "traefik", "image": "traefik:v3.7.9", "args": ARGS}]}}},
}


def tcp(name: str, rule: str, *, priority: int = 0, tls: Any = None, point: str = "sql") -> dict[str, Any]:
    route = {"match": rule, "priority": priority, "services": [{"name": "db", "port": 5432}]}
    spec = {"entryPoints": [point], "routes": [route], **({"tls": tls} if tls is not None else {})}
    return {"apiVersion": "traefik.io/v1alpha1", "kind": "IngressRouteTCP", "metadata": {"name": name}, "spec": spec}


def https(name: str, rule: str) -> dict[str, Any]:
    route = {"kind": "Rule", "match": rule, "services": [{"name": "web", "port": 80}]}
    spec = {"entryPoints": ["sql"], "routes": [route], "tls": {}}
    return {"apiVersion": "traefik.io/v1alpha1", "kind": "IngressRoute", "metadata": {"name": name}, "spec": spec}


def clashes(*objects: dict[str, Any]) -> list[Clash]:
    text = yaml.safe_dump_all([TRAEFIK, *objects])
    found = set_of(file_scene(parse_manifests([TextFile(name="a.yaml", text=text)])))
    return [clash for clash in found.clashes if clash.kind is not ClashKind.WAITS_FOR_CLIENT]


TLS: dict[str, Any] = {"passthrough": True}
A, B = "HostSNI(`a.com`)", "HostSNI(`b.com`)"
ROWS = [
    pytest.param([tcp("a", A, tls=TLS), tcp("b", B, tls=TLS)], [], id="different-names"),
    pytest.param([tcp("a", A, tls=TLS), tcp("b", A, tls=TLS)], [(ClashKind.TIE, "a", "b")], id="one-name-twice-ties"),
    pytest.param(
        [tcp("a", A, tls=TLS), tcp("b", A, tls=TLS, priority=99)],
        [(ClashKind.UNREACHABLE, "a", "b")],
        id="one-name-twice-by-priority",
    ),
    pytest.param(
        [tcp("a", f"{A} || {B}", tls=TLS, priority=5), tcp("b", B, tls=TLS, priority=9)],
        [(ClashKind.PARTLY_SHADOWED, "a", "b")],
        id="one-of-two-names",
    ),
    pytest.param(
        [tcp("a", A, tls=TLS), tcp("b", "HostSNI(`*`)", tls=TLS)], [], id="a-catch-all-comes-last-unless-it-is-told"
    ),
    pytest.param(
        [tcp("a", A, tls=TLS), tcp("b", "HostSNI(`*`)", tls=TLS, priority=99)],
        [(ClashKind.UNREACHABLE, "a", "b")],
        id="a-catch-all-with-a-priority",
    ),
    pytest.param(
        [tcp("a", "HostSNI(`x.a.com`)", tls=TLS, priority=3), tcp("b", "HostSNI(`*.a.com`)", tls=TLS)],
        [(ClashKind.UNREACHABLE, "a", "b")],
        id="a-wildcard-with-more-priority",
    ),
    pytest.param(
        [tcp("a", "HostSNI(`x.y.a.com`)", tls=TLS, priority=3), tcp("b", "HostSNI(`*.a.com`)", tls=TLS)],
        [],
        id="a-wildcard-is-for-one-label",
    ),
    pytest.param(
        [tcp("a", "HostSNI(`*`)"), tcp("b", "HostSNI(`*`)")],
        [(ClashKind.TIE, "a", "b")],
        id="two-catch-alls-without-tls",
    ),
    pytest.param([tcp("a", "HostSNI(`*`)"), tcp("b", "HostSNI(`*`)", point="other")], [], id="another-entry-point"),
    pytest.param([tcp("a", "HostSNI(`*`)"), tcp("b", A, tls=TLS)], [], id="with-tls-and-without-never-meet"),
    pytest.param(
        [tcp("a", A, tls=TLS), tcp("b", f"{A} && ClientIP(`10.0.0.0/8`)", tls=TLS)], [], id="other-matchers-may-differ"
    ),
    pytest.param([https("a", "Host(`a.com`)"), tcp("b", B, tls=TLS)], [], id="https-with-a-name-of-its-own"),
    pytest.param(
        [https("a", "Host(`a.com`)"), tcp("b", A, tls=TLS)], [(ClashKind.UNREACHABLE, "b", "a")], id="https-comes-first"
    ),
    pytest.param(
        [https("a", "Host(`a.com`)"), tcp("b", f"{A} || {B}", tls=TLS)],
        [(ClashKind.PARTLY_SHADOWED, "b", "a")],
        id="https-comes-first-for-one-name",
    ),
    pytest.param(
        [https("a", "Host(`a.com`)"), tcp("b", "HostSNI(`*`)", tls=TLS)], [], id="a-tcp-catch-all-has-the-other-names"
    ),
]


@pytest.mark.parametrize(("objects", "expected"), ROWS)
def test_routers_on_one_entry_point(objects: list[dict[str, Any]], expected: list[tuple[ClashKind, str, str]]) -> None:
    found = [(item.kind, item.route.rpartition("/")[2], item.by.rpartition("/")[2]) for item in clashes(*objects)]

    assert found == expected


def test_a_name_that_no_client_sends() -> None:
    (clash,) = clashes(tcp("a", "HostSNI(`a.com:443`)", tls=TLS))

    assert clash.kind is ClashKind.NEVER_MATCHES
    assert "no client sends a port" in clash.why
