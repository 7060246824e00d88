"""``ingressdoctor route`` over files, as a user types it: trees, exit codes, JSON that fits its schema, bad input."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from build.program import PROGRAM, environment, run
from ingressdoctor.render.route_v1 import RoutesV1, RouteV1
from ingressdoctor.render.schema_v1 import ErrorOnlyV1, schema_of

SHOP = """apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: shop, namespace: shop}
spec:
  entryPoints: [websecure]
  routes:
    - {kind: Rule, match: "Host(`shop.example.com`)", services: [{name: web, port: 80}]}
    - kind: Rule
      match: Host(`shop.example.com`) && PathPrefix(`/api`)
      services: [{name: api, port: http}]
      middlewares: [{name: strip}]
---
apiVersion: traefik.io/v1alpha1
kind: Middleware
metadata: {name: strip, namespace: shop}
spec: {stripPrefix: {prefixes: [/api]}}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}
---
apiVersion: v1
kind: Service
metadata: {name: api, namespace: shop}
spec: {selector: {app: api}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: api, namespace: shop}
spec: {template: {metadata: {labels: {app: api}}, spec: {containers: [{name: api, image: api}]}}}
"""
UDP = """---
apiVersion: traefik.io/v1alpha1
kind: IngressRouteUDP
metadata: {name: dns, namespace: shop}
spec: {entryPoints: [dns], routes: [{services: [{name: dns, port: 53}]}]}
---
apiVersion: traefik.io/v1alpha1
kind: ServersTransport
metadata: {name: odd, namespace: shop}
spec: {cipherSuites: [NOPE]}
"""
DROPPED = """apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: broken, namespace: shop}
spec:
  routes:
    - {kind: Rule, match: "Host(`x.example.com`) PathPrefix(`/`)", services: [{name: web, port: 80}]}
    - {kind: Rule, match: "Host(`y.example.com`)", services: [{name: wbe, port: 80}]}
    - {kind: Rule, match: "Host(`z.example.com`)", services: [{name: web, port: 81}]}
    - {kind: Rule, match: "Host(`m.example.com`)", services: [{name: web, port: 80}], middlewares: [{name: gone}]}
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "shop.yaml").write_text(SHOP)
    (tmp_path / "broken.yaml").write_text(DROPPED)
    return tmp_path


def asked(files: Path, *words: str) -> tuple[int, Any]:
    """Run with --json; the one object must fit the published schema."""
    done = run("route", *words, "--manifests", str(files), "--json")
    value = json.loads(done.stdout)
    struct = RoutesV1 if "--all" in words else RouteV1
    jsonschema.validate(value, schema_of(struct, value["schema"]))
    assert value["exit_code"] == done.returncode
    assert "Traceback" not in done.stderr
    return done.returncode, value


def test_the_winner_with_everything_around_it(files: Path) -> None:
    code, value = asked(files, "https://shop.example.com/api/users?x=1")

    assert (code, value["outcome"]) == (0, "routed")
    assert value["winner"]["rule"] == "Host(`shop.example.com`) && PathPrefix(`/api`)"
    assert [item["matches"] for item in value["candidates"]] == [True, True]
    assert value["middlewares"] == [
        {
            "ref": "Middleware shop/strip",
            "type": "stripPrefix",
            "effect": "strips /api from the start of the path",
            "depth": 0,
        }
    ]
    (service,) = value["services"]
    assert (service["service_port"], service["target_port"], service["exists"]) == (80, "8080", True)
    assert service["pods"] == ["Deployment shop/api"]
    assert value["predicted"]["source"] == "backend"
    assert value["predicted"]["path"] == "/users?x=1"
    assert value["origin"] == "2 files, never applied"


HOSTS = [
    pytest.param("x.example.com", "rule", 23, id="a-rule-that-does-not-parse-with-its-column"),
    pytest.param("y.example.com", "service-missing", None, id="a-service-that-no-file-holds"),
    pytest.param("z.example.com", "service-port", None, id="a-port-that-the-service-lacks"),
    pytest.param("m.example.com", "middleware-missing", None, id="a-middleware-that-no-file-holds"),
]


@pytest.mark.parametrize(("host", "reason", "column"), HOSTS)
def test_a_dropped_route_is_named_with_its_reason(files: Path, host: str, reason: str, column: int | None) -> None:
    code, value = asked(files, host)
    (dropped,) = value["dropped"]

    assert (code, value["outcome"], value["winner"]) == (1, "no-route", None)
    assert (dropped["ref"], dropped["reason"]) == ("IngressRoute shop/broken", reason)
    assert dropped["column"] == column
    assert dropped["log_line"]
    assert value["predicted"]["status"] == 404


def test_the_nearest_names_of_a_host_that_nothing_serves(files: Path) -> None:
    code, value = asked(files, "shpo.example.com")

    assert code == 1
    assert value["near"] == ["shop.example.com"]


def test_all_routes_of_the_files(files: Path) -> None:
    code, value = asked(files, "--all")

    assert code == 1
    assert (value["routers"], value["dropped"], value["unreachable"]) == (2, 4, 0)
    assert {host["host"] for host in value["hosts"]} == {f"{name}.example.com" for name in ("shop", "x", "y", "z", "m")}


def test_all_routes_name_udp_routes_and_parts_that_do_not_count(tmp_path: Path) -> None:
    """What Traefik only logs: a UDP route without its Service, and a cipher suite that does not exist."""
    (tmp_path / "all.yaml").write_text(SHOP + UDP)
    done = run("route", "--all", "--manifests", str(tmp_path), "--json")
    value = json.loads(done.stdout)
    dropped = [item for host in value["hosts"] for item in host["dropped"]]

    assert done.returncode == 1
    assert [(item["ref"], item["reason"]) for item in dropped] == [("IngressRouteUDP shop/dns", "service-missing")]
    assert [item["ref"] for item in value["shortfalls"]] == ["ServersTransport shop/odd"]
    assert value["shortfalls"][0]["log"].startswith("cipher suite not supported: NOPE")
    assert "a part of it does not count" in run("route", "--all", "--manifests", str(tmp_path)).stdout


def test_all_routes_of_one_host(files: Path) -> None:
    code, value = asked(files, "shop.example.com", "--all")

    assert code == 0
    assert [host["host"] for host in value["hosts"]] == ["shop.example.com"]


REQUESTS = [
    pytest.param(["--method", "POST"], "Method(`POST`)", id="method"),
    pytest.param(["--header", "X-Canary: 1"], "Header(`X-Canary`, `1`)", id="header"),
    pytest.param(["--client-ip", "10.1.2.3"], "ClientIP(`10.0.0.0/8`)", id="client-address"),
    pytest.param(
        ["--header", "X-Canary: 0", "--header", "x-canary: 1"], "Header(`X-Canary`, `1`)", id="header-given-twice"
    ),
    pytest.param(["--header", "Host: other.example.com"], "Host(`other.example.com`)", id="host-header"),
]


@pytest.mark.parametrize(("words", "rule"), REQUESTS)
def test_the_request_can_be_described(words: list[str], rule: str, tmp_path: Path) -> None:
    route = {
        "apiVersion": "traefik.io/v1alpha1",
        "kind": "IngressRoute",
        "metadata": {"name": "a"},
        "spec": {"routes": [{"kind": "Rule", "match": rule, "services": [{"name": "a", "port": 80}]}]},
    }
    (tmp_path / "a.json").write_text(json.dumps(route))

    assert asked(tmp_path, "https://a.example.com/", *words)[0] == 0
    assert asked(tmp_path, "https://a.example.com/")[0] == (3 if "ClientIP" in rule else 1)


def test_traefik_can_be_supposed(files: Path) -> None:
    """Only an entry point of another name, and a version that reads the old API group."""
    args = "--entryPoints.secure.address=:443 --entryPoints.secure.http.tls --providers.kubernetesCRD"
    code, value = asked(files, "shop.example.com", "--static-args", args, "--traefik-version", "3.5.0")
    (first, _) = value["dropped"]

    assert (code, first["reason"]) == (1, "entry-point")
    assert value["controller"] == {"kind": "Traefik", "name": "", "service": "", "version": "3.5.0", "source": "args"}


def test_an_outdated_api_group_is_dropped_by_traefik_3_only(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(SHOP.replace("traefik.io", "traefik.containo.us"))

    code, value = asked(tmp_path, "shop.example.com/api")

    assert code == 1
    assert "does not read the API group" in value["dropped"][0]["detail"]
    assert asked(tmp_path, "shop.example.com/api", "--traefik-version", "2.11.5")[0] == 0
    assert asked(tmp_path, "--all")[1]["dropped"] == 2


def test_standard_input(files: Path) -> None:
    done = subprocess.run(
        [*PROGRAM, "route", "--manifests", "-", "shop.example.com/api"],
        input=(files / "shop.yaml").read_text(),
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0
    assert "takes the request" in done.stdout


def test_the_tree_fits_eighty_columns(files: Path) -> None:
    for words in (["shop.example.com/api"], ["--all", "-v"], ["x.example.com"]):
        done = run("route", *words, "--manifests", str(files))
        assert max(len(line) for line in done.stdout.splitlines()) <= 80
        assert "├─" in done.stdout or "└─" in done.stdout


def test_the_tree_in_ascii(files: Path) -> None:
    done = run("route", "shop.example.com/api", "--manifests", str(files), env={"PYTHONIOENCODING": "ascii"})

    assert done.returncode == 0
    assert done.stdout.isascii()
    assert "`- " in done.stdout
    assert "\\u" not in done.stdout


BAD_FILES: list[Any] = [
    pytest.param(b"host: {{ .Values.host }}\n", "not rendered", id="template"),
    pytest.param(b"a: &a [*a]\n", "contains itself", id="recursion"),
    pytest.param(b"kind: A\nkind: B\n", "set twice", id="duplicate-key"),
    pytest.param(b"\x00\x01\x02", "binary", id="binary"),
    pytest.param(b"\xff\xfe\xfd", "not UTF-8", id="not-utf-8"),
    pytest.param(b"[" * 100_000, "nested deeper", id="nested"),
    pytest.param(b"#" * 10_500_000, "larger than 10 MB", id="ten-megabytes"),
    pytest.param(b"kind: Ingressroute\napiVersion: traefik.io/v1alpha1\n", "did you mean IngressRoute", id="misspelt"),
]


@pytest.mark.parametrize(("raw", "what"), BAD_FILES)
def test_a_bad_file_is_named_and_skipped(files: Path, raw: bytes, what: str) -> None:
    (files / "z-bad.yaml").write_bytes(raw)
    code, value = asked(files, "shop.example.com")
    (skipped,) = value["skipped"]

    assert code == 0
    assert what in skipped["what"]
    assert skipped["where"].startswith(str(files / "z-bad.yaml"))
    assert asked(files, "nobody.example.com")[0] == 3  # the answer may lie in what was skipped


USAGE = [
    pytest.param([], "URL is missing", id="no-url"),
    pytest.param(["shop.example.com", "--method", "GET /"], "not a method", id="method"),
    pytest.param(["shop.example.com", "--header", "nonsense"], "not a header", id="header"),
    pytest.param(["shop.example.com", "--static-args", "'"], "cannot be split", id="static-args"),
    pytest.param(["shop.example.com", "--traefik-version", "new"], "not a version", id="version"),
    pytest.param(["a b", "--all"], "not a hostname", id="host-of-all"),
]


@pytest.mark.parametrize(("words", "message"), USAGE)
def test_wrong_usage_is_one_line(files: Path, words: list[str], message: str) -> None:
    done = run("route", *words, "--manifests", str(files), "--json")
    value = json.loads(done.stdout)

    assert done.returncode == 2
    assert message in done.stderr.splitlines()[0]
    jsonschema.validate(value, schema_of(ErrorOnlyV1, "ingressdoctor.error/v1"))


def test_an_entry_point_that_does_not_exist(files: Path) -> None:
    args = "--entryPoints.web.address=:80 --providers.kubernetesCRD"
    words = ["--entry-point", "wbe", "--static-args", args, "--manifests", str(files)]
    done = run("route", "shop.example.com", *words)

    assert done.returncode == 2
    assert "no entry point 'wbe'" in done.stderr


@pytest.mark.parametrize("name", [pytest.param("gone.yaml", id="missing"), pytest.param("empty.yaml", id="empty")])
def test_files_without_an_object_are_wrong_usage(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty.yaml").write_text("")
    done = run("route", "shop.example.com", "--manifests", str(tmp_path / name))

    assert done.returncode == 2
    assert "No Kubernetes object was found" in done.stderr


@pytest.mark.parametrize("name", ["route", "routes"])
def test_the_schemas_are_published(name: str) -> None:
    done = run("schema", name)

    assert done.returncode == 0
    jsonschema.Draft202012Validator.check_schema(json.loads(done.stdout))


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    text = SHOP.replace("name: shop,", 'name: "\\u001b[31mred[bold]",').replace(
        "`shop.example.com`)", "`shop.example.com`)"
    )
    (tmp_path / "a.yaml").write_text(text)
    done = run("route", "shop.example.com", "--manifests", str(tmp_path))

    assert "\x1b" not in done.stdout
    assert "\\x1b[31mred[bold]" in done.stdout.replace("\n", "")


POLICIES = """apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: default-deny, namespace: shop}
spec: {podSelector: {}, policyTypes: [Ingress]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: edge, namespace: shop}
spec:
  podSelector: {}
  ingress:
    - from: [{namespaceSelector: {matchLabels: {team: edge}}}]
      ports: [{port: 8080}]
---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: lock, namespace: shop}
spec: {}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: traefik, namespace: traefik}
spec:
  template:
    metadata: {labels: {app.kubernetes.io/name: traefik}}
    spec:
      containers:
        - name: traefik
          image: traefik:v3.7.9
          args:
            - --entryPoints.websecure.address=:8443
            - --entryPoints.websecure.http.tls
            - --providers.kubernetesCRD
"""
EDGE = """apiVersion: v1
kind: Namespace
metadata: {name: traefik, labels: {team: edge}}
"""
NAMESPACES = [
    pytest.param("", None, id="a-namespace-without-labels-known-leaves-it-open"),
    pytest.param(EDGE, True, id="its-labels-decide"),
    pytest.param(EDGE.replace("edge", "web"), False, id="other-labels-deny"),
]


@pytest.mark.parametrize(("namespace", "allowed"), NAMESPACES)
def test_network_policies_of_the_files_are_judged(files: Path, namespace: str, allowed: bool | None) -> None:
    (files / "policies.yaml").write_text(POLICIES)
    (files / "namespace.yaml").write_text(namespace)

    code, value = asked(files, "https://shop.example.com/api/users", "--entry-point", "websecure")
    (policy,) = value["policies"]

    assert (code, policy["allowed"], policy["port"]) == (0, allowed, 8080)
    assert (policy["policy"], policy["rule"]) == ("NetworkPolicy shop/edge", 1)
    assert policy["not_evaluated"] == ["CiliumNetworkPolicy (cilium.io) lock"]
    assert ("the labels of namespace traefik are not known: the files hold no such Namespace" in policy["limits"]) is (
        not namespace
    )
    assert value["predicted"]["source"] == ("controller" if allowed is False else "backend")


def test_a_denial_stands_in_the_first_line(files: Path) -> None:
    (files / "policies.yaml").write_text(POLICIES)
    (files / "namespace.yaml").write_text(EDGE.replace("edge", "web"))

    done = run("route", "shop.example.com/api", "--entry-point", "websecure", "--manifests", str(files))

    assert "but NetworkPolicy shop/edge lets nothing through" in " ".join(done.stdout.split())
    assert "rule 1 of NetworkPolicy shop/edge" in " ".join(done.stdout.split())


NGINX = """apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: shop
  namespace: shop
  annotations: {nginx.ingress.kubernetes.io/rewrite-target: "/$2"}
spec:
  ingressClassName: nginx
  rules:
  - host: shop.example.com
    http:
      paths:
      - {path: "/api(/|$)(.*)", pathType: ImplementationSpecific, backend: {service: {name: api, port: {number: 80}}}}
      - {path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}
"""


def test_ingress_nginx_is_asked_where_the_host_is_its(tmp_path: Path) -> None:
    path = tmp_path / "nginx.yaml"
    path.write_text(NGINX)

    code, value = asked(path, "shop.example.com/api/users")

    assert (code, value["controller"]["kind"], value["compared"]) == (0, "ingress-nginx", None)
    assert value["predicted"]["path"] == "/users"


def test_traefik_can_be_asked_about_ingresses_of_nginx(tmp_path: Path) -> None:
    path = tmp_path / "nginx.yaml"
    path.write_text(NGINX)

    code, value = asked(path, "shop.example.com/api/users", "--as", "traefik")

    assert (code, value["controller"]["kind"], value["compared"]["other"]) == (0, "Traefik", "ingress-nginx")
    assert [item["what"] for item in value["compared"]["differences"]] == [
        "goes to",
        "the application sees",
        "annotation nginx.ingress.kubernetes.io/rewrite-target",
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["shop.example.com", "--as", "haproxy"], "no controller that is known", id="another-controller"),
        pytest.param(["--all", "--as", "nginx"], "--all judges", id="all-routes"),
    ],
)
def test_what_as_cannot_be_asked(tmp_path: Path, words: list[str], said: str) -> None:
    path = tmp_path / "nginx.yaml"
    path.write_text(NGINX)

    done = run("route", *words, "--manifests", str(path))

    assert done.returncode == 2
    assert said in done.stderr
