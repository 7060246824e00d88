"""Files to routing objects: what is used, and what is named and skipped with file, line and document."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import pytest

from ingressdoctor.collect.manifest_files import TextFile, read_files
from ingressdoctor.collect.manifests import Manifests, parse_manifests
from ingressdoctor.evidence.kube import Loaded
from ingressdoctor.evidence.route_view import Skipped
from ingressdoctor.evidence.routes import NOT_READ

ROUTE = """apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: shop%s}
spec:
  routes: [{kind: Rule, match: "Host(`shop.example.com`)", services: [{name: web, port: 80}]}]
"""
SERVICE = """apiVersion: v1
kind: Service
metadata: {name: web, namespace: %s}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: http}]}
"""


def parsed(*texts: str, namespace: str = "default") -> Manifests:
    return parse_manifests([TextFile(name="a.yaml", text=text) for text in texts], namespace=namespace)


def items(found: Manifests, kind: str) -> list[str]:
    loaded = getattr(found.objects, kind)
    return [item.ref for item in loaded.items] if isinstance(loaded, Loaded) else ["not read"]


def test_objects_are_sorted_by_kind() -> None:
    found = parsed(f"{ROUTE % ''}---\n{SERVICE % 'shop'}", namespace="shop")

    assert items(found, "ingress_routes") == ["IngressRoute shop/shop"]
    assert items(found, "services") == ["Service shop/web"]
    assert items(found, "middlewares") == []
    assert found.skipped == ()
    assert (found.files, found.used) == (1, 2)


def test_services_that_no_file_holds_are_not_missing() -> None:
    found = parsed(ROUTE % "")

    assert found.objects.services is NOT_READ
    assert found.objects.endpoint_slices is NOT_READ
    assert found.objects.secrets is NOT_READ


LISTS = [
    pytest.param('{"kind": "List", "apiVersion": "v1", "items": [%s]}', id="list"),
    pytest.param('{"kind": "IngressRouteList", "apiVersion": "traefik.io/v1alpha1", "items": [%s]}', id="typed-list"),
    pytest.param("[%s]", id="an-array-of-objects"),
    pytest.param(
        '{"kind": "List", "apiVersion": "v1", "items": [{"kind": "List", "apiVersion": "v1", "items": [%s]}]}',
        id="list-of-lists",
    ),
]
INNER = '{"apiVersion": "traefik.io/v1alpha1", "kind": "IngressRoute", "metadata": {"name": "a"}, "spec": {}}'


@pytest.mark.parametrize("text", LISTS)
def test_lists_are_unfolded(text: str) -> None:
    assert items(parsed(text % INNER), "ingress_routes") == ["IngressRoute default/a"]


def test_items_of_a_typed_list_may_leave_out_their_kind() -> None:
    text = '{"kind": "IngressRouteList", "apiVersion": "traefik.io/v1alpha1", "items": [{"metadata": {"name": "a"}}]}'

    assert items(parsed(text), "ingress_routes") == ["IngressRoute default/a"]


def test_null_items_are_none() -> None:
    assert parsed("kind: List\napiVersion: v1\nitems:\n").skipped == ()


SKIPPED: list[Any] = [
    pytest.param("just text\n", "not an object but 'just text'", True, id="text"),
    pytest.param("replicaCount: 1\n", "it has no kind", False, id="values-file"),
    pytest.param("kind: Ingress\nmetadata: {name: a}\n", "without apiVersion", True, id="no-api-version"),
    pytest.param("kind: [a]\napiVersion: v1\n", "it has no kind", False, id="kind-is-a-list"),
    pytest.param("kind: Service\napiVersion: v1\n", "without a name", True, id="no-name"),
    pytest.param("kind: Service\napiVersion: v1\nmetadata: {name: n}\n", "False wants quotes", True, id="name-n"),
    pytest.param(
        "kind: IngressRoute\napiVersion: v1\nmetadata: {name: a}\n", "IngressRoute of traefik.io?", True, id="no-group"
    ),
    pytest.param("kind: Service\napiVersion: v1\nmetadata: [a]\n", "without a name", True, id="metadata-is-a-list"),
    pytest.param(
        "kind: Service\napiVersion: v1\nmetadata: {generateName: a-}\n", "generateName", True, id="generated-name"
    ),
    pytest.param(
        "kind: Ingress\napiVersion: extensions/v1beta1\nmetadata: {name: a}\n", "1.22", True, id="old-ingress"
    ),
    pytest.param(
        "kind: Ingress\napiVersion: networking.k8s.io/v1beta1\nmetadata: {name: a}\n", "1.22", True, id="beta-ingress"
    ),
    pytest.param(
        "kind: Ingressroute\napiVersion: traefik.io/v1alpha1\nmetadata: {name: a}\n",
        "did you mean IngressRoute?",
        True,
        id="wrong-case",
    ),
    pytest.param(
        "kind: IngresRoute\napiVersion: traefik.io/v1alpha1\nmetadata: {name: a}\n",
        "did you mean IngressRoute?",
        True,
        id="misspelt",
    ),
    pytest.param(
        "kind: Middleware\napiVersion: traefik.io/v1alpha1\nmetadata: {name: a, labels: {x: 1}}\n",
        "unexpected shape",
        True,
        id="a-label-that-is-a-number",
    ),
    pytest.param(
        "kind: Ingress\napiVersion: networking.k8s.io/v1\nmetadata: {name: a, annotations: {p: 100}}\n",
        "annotations",
        True,
        id="an-annotation-that-is-a-number",
    ),
    pytest.param(
        "kind: IngressRoute\napiVersion: traefik.io/v1alpha1\nmetadata: {name: a}\n"
        'spec: {routes: [{match: "Host(`{{ .Values.host }}`)"}]}\n',
        "not rendered",
        True,
        id="template-within-a-rule",
    ),
    pytest.param(
        "kind: IngressRoute\napiVersion: traefik.io/v1alpha1\nmetadata: {name: a}\n"
        'spec: {routes: [{match: "Host(`${HOST}`)"}]}\n',
        "not replaced",
        True,
        id="variable-within-a-rule",
    ),
    pytest.param(
        "kind: Service\napiVersion: v1\nmetadata: {name: '{{ x }}'}\n", "not rendered", True, id="template-name"
    ),
    pytest.param("kind: IngressRoute\nkind: Service\n", "'kind' is set twice", True, id="key-set-twice"),
    pytest.param(
        "kind: Deployment\napiVersion: apps/v1\nmetadata: {name: a}\nspec: {template: {spec: {containers: 1}}}\n",
        "unexpected shape",
        True,
        id="workload-of-an-odd-shape",
    ),
]


@pytest.mark.parametrize(("text", "what", "serious"), SKIPPED)
def test_what_is_skipped_is_named(text: str, what: str, serious: bool) -> None:
    found = parsed(f"# first\n---\n{ROUTE % ''}---\n{text}")
    (skipped,) = found.skipped

    assert what in skipped.what
    assert skipped.serious is serious
    assert skipped.where.startswith("a.yaml:")
    assert "document 2" in skipped.where
    assert items(found, "ingress_routes") == ["IngressRoute default/shop"]


def test_an_object_that_is_broken_stays_known_as_such() -> None:
    found = parsed("kind: Middleware\napiVersion: traefik.io/v1alpha1\nmetadata: {name: a, labels: {x: 1}}\n")
    middlewares = found.objects.middlewares

    assert isinstance(middlewares, Loaded)
    assert "Middleware default/a" in middlewares.broken[0]


def test_of_two_objects_with_one_name_the_later_counts() -> None:
    found = parsed(ROUTE % "", (ROUTE % "").replace("shop.example.com", "other.example.com"))
    (skipped,) = found.skipped
    routes = found.objects.ingress_routes

    assert "IngressRoute default/shop is there a second time" in skipped.what
    assert skipped.where.startswith("a.yaml:1")
    assert isinstance(routes, Loaded)
    assert "other.example.com" in str(routes.items[0].spec)


def test_kinds_that_routing_does_not_need_are_counted() -> None:
    text = (
        "kind: Ingress\napiVersion: networking.internal.knative.dev/v1alpha1\n---\n"
        "kind: ConfigMap\napiVersion: v1\n---\nkind: ConfigMap\napiVersion: v1\n---\nkind: Widget\napiVersion: x/v1\n"
    )
    found = parsed(text)

    assert found.ignored == {"ConfigMap": 2, "Ingress": 1, "Widget": 1}
    assert found.skipped == ()


def test_braces_in_what_may_hold_them_are_no_template() -> None:
    text = (
        'kind: Middleware\napiVersion: traefik.io/v1alpha1\nmetadata: {name: a}\nspec: {plugin: {x: {t: "{{ y }}"}}}\n'
    )

    assert parsed(text).skipped == ()


def test_a_class_is_assumed_where_none_is_there() -> None:
    text = "kind: Ingress\napiVersion: networking.k8s.io/v1\nmetadata: {name: a}\n"
    nginx = (
        "kind: IngressClass\napiVersion: networking.k8s.io/v1\nmetadata: {name: nginx}\nspec: {controller: k8s.io/x}\n"
    )
    mine = nginx.replace("k8s.io/x", "traefik.io/ingress-controller")

    assert "an IngressClass 'traefik'" in parsed(text, nginx).assumed[0]
    assert items(parsed(text, nginx), "ingress_classes") == ["IngressClass nginx", "IngressClass traefik"]
    assert parsed(text, mine).assumed == ()
    assert items(parsed(text, mine), "ingress_classes") == ["IngressClass nginx"]


WORKLOAD = """kind: Deployment
apiVersion: apps/v1
metadata: {name: web, namespace: shop}
spec: {template: {metadata: {labels: {app: web}}, spec: {containers: [{name: a, image: nginx}]}}}
"""
POD = "kind: Pod\napiVersion: v1\nmetadata: {name: web-1, namespace: %s, labels: {app: web}}\n"


def test_workloads_stand_for_their_pods_unless_those_are_there() -> None:
    assert [pod.ref for pod in parsed(WORKLOAD).pods] == ["Deployment shop/web"]
    assert [pod.ref for pod in parsed(WORKLOAD, POD % "shop").pods] == ["Pod shop/web-1"]
    assert len(parsed(WORKLOAD, POD % "elsewhere").pods) == 2


def test_routes_of_the_old_group_are_kept_apart() -> None:
    found = parsed((ROUTE % "").replace("traefik.io", "traefik.containo.us"))

    assert [item.ref for item in found.outdated] == ["IngressRoute default/shop"]
    assert items(found, "ingress_routes") == []


def names(*paths: str | Path, stdin: bytes = b"") -> list[str]:
    read = read_files([str(path) for path in paths], io.BytesIO(stdin))
    return [item.name if isinstance(item, TextFile) else f"{item.where}: {item.what}" for item in read]


def test_folders_are_searched_in_order(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.yml", "sub/c.JSON", "notes.txt", ".git/config.yaml", ".hidden.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("a: 1")

    assert names(tmp_path) == [str(tmp_path / name) for name in ("a.yml", "b.yaml", "sub/c.JSON")]


def test_a_named_file_may_be_called_anything(tmp_path: Path) -> None:
    (tmp_path / "rendered").write_text("a: 1")

    assert names(tmp_path / "rendered", "-", "-", stdin=b"b: 1") == [str(tmp_path / "rendered"), "standard input"]


UNREADABLE = [
    pytest.param(b"a: \0", "a binary file", id="binary"),
    pytest.param(b"a: \xff\xfe", "not UTF-8 text (byte 3)", id="not-utf-8"),
    pytest.param(b"#" * 10_000_001, "larger than 10 MB", id="more-than-10-mb"),
]


@pytest.mark.parametrize(("raw", "what"), UNREADABLE)
def test_what_is_no_text_is_named(raw: bytes, what: str, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(raw)
    (line,) = names(tmp_path)

    assert line.startswith(f"{tmp_path / 'a.yaml'}: {what}")


def test_json_may_be_larger(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b'{"a": "' + b"x" * 11_000_000 + b'"}')

    assert names(tmp_path) == [str(tmp_path / "a.json")]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a: 1")
    (tmp_path / "a.yaml").chmod(0)

    assert "cannot be read" in names(tmp_path)[0]


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    assert names(tmp_path / "gone", "a\0b") == [
        f"{tmp_path / 'gone'}: there is no such file or folder",
        "a\\x00b: cannot be read: embedded null byte",
    ]


def test_skipped_files_are_told_with_the_rest(tmp_path: Path) -> None:
    found = parse_manifests(read_files([str(tmp_path / "gone")]))

    assert found.skipped == (Skipped(where=str(tmp_path / "gone"), what="there is no such file or folder"),)
    assert (found.files, found.used) == (0, 0)


def test_a_byte_order_mark_is_no_text() -> None:
    (found,) = read_files(["-"], io.BytesIO("\ufeffa: 1".encode()))

    assert isinstance(found, TextFile)
    assert found.text == "a: 1"
