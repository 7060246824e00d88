"""``route`` and ``targets`` where the Gateway API serves a host, over real sockets and from files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from build.program import run
from ingressdoctor.lab import Lab, NoPlane, apply_fault, load_fault, load_world, running
from ingressdoctor.render.route_v1 import RouteV1
from ingressdoctor.render.schema_v1 import schema_of

pytestmark = pytest.mark.lab

FILES = """
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: main, namespace: infra}
spec:
  gatewayClassName: traefik
  listeners:
    - name: websecure
      port: 8443
      protocol: HTTPS
      allowedRoutes: {namespaces: {from: Selector, selector: {matchLabels: {exposed: "yes"}}}}
      tls: {certificateRefs: [{kind: Secret, group: "", name: wildcard}]}
---
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {exposed: "yes"}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: shop, namespace: shop}
spec:
  parentRefs: [{name: main, namespace: infra}]
  hostnames: [shop.example.com]
  rules: [{backendRefs: [{name: web, port: 80}]}]
"""


def served(name: str) -> Any:
    """The world in one state, without its data plane."""
    return running(apply_fault(load_world("el-jefe"), load_fault("el-jefe", name)), plane=NoPlane)


def asked(lab: Lab, *words: str) -> tuple[int, Any]:
    done = run(*words, "--json", env=dict(lab.handout.environment))
    return done.returncode, json.loads(done.stdout)


def test_a_host_of_an_http_route() -> None:
    with served("gateway-canary-by-weight") as lab:
        code, value = asked(lab, "route", "https://gotify.el-jefe.me/app/message")
        _, targets = asked(lab, "targets")

    jsonschema.validate(value, schema_of(RouteV1, value["schema"]))
    assert (code, value["winner"]["ref"]) == (0, "HTTPRoute default/gotify")
    assert value["winner"]["provider"] == "kubernetesgateway"
    assert [item["type"] for item in value["middlewares"]] == ["urlRewrite", "requestHeaderModifier"]
    assert value["predicted"]["path"] == "/message"
    hosts = {item["hostname"]: item["objects"] for item in targets["hosts"]}
    assert hosts["gotify.el-jefe.me"] == ["HTTPRoute default/gotify"]
    assert hosts["triton-grpc.el-jefe.me"] == ["GRPCRoute default/triton"]


@pytest.mark.parametrize(
    ("fault", "detail"),
    [
        ("gateway-hostname", "takes its hostnames (NoMatchingListenerHostname)"),
        ("gateway-namespace", "takes routes of its kind and namespace (NotAllowedByListeners)"),
        ("gateway-parent-missing", "Gateway kube-system/public does not exist"),
        ("gateway-port-without-entry-point", "no matching entryPoint for port 443"),
        ("gateway-provider-off", "kubernetesGateway is not switched on"),
    ],
)
def test_what_keeps_a_route_from_its_gateway_is_named(fault: str, detail: str) -> None:
    with served(fault) as lab:
        code, value = asked(lab, "route", "gotify.el-jefe.me")

    assert (code, value["outcome"]) == (1, "no-route")
    assert [(item["ref"], item["reason"]) for item in value["dropped"]] == [("HTTPRoute default/gotify", "gateway")]
    assert detail in value["dropped"][0]["detail"]


def test_files_that_were_never_applied(tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text(FILES)
    done = run("route", "shop.example.com", "--json", "--manifests", str(tmp_path))
    value = json.loads(done.stdout)

    assert (done.returncode, value["winner"]["ref"]) == (0, "HTTPRoute shop/shop")
    assert any("GatewayClass 'traefik'" in item for item in value["assumed"])
