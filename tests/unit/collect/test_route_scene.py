"""Scenes of files, whatever is in them: an answer in every form, never a traceback; partial sets are not complete."""

from __future__ import annotations

import copy
import json
from functools import cache
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ingressdoctor.collect.manifest_files import TextFile
from ingressdoctor.collect.manifests import parse_manifests
from ingressdoctor.collect.route_scene import Scene, file_scene, supposing
from ingressdoctor.collect.route_set import set_of
from ingressdoctor.collect.route_view import view_of
from ingressdoctor.evidence.route_view import RouteQuestion, RouteView
from ingressdoctor.model.target import Target
from ingressdoctor.render.page import Page
from ingressdoctor.render.route import exit_code_of, exit_code_of_set, route_to_json, routes_to_json
from ingressdoctor.render.route_tree import route_to_terminal
from ingressdoctor.render.route_v1 import RoutesV1, RouteV1
from ingressdoctor.render.routes_tree import routes_to_terminal
from ingressdoctor.render.schema_v1 import schema_of

HOST = "shop.example.com"


def crd(kind: str, name: str, **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "shop", "labels": {"app": name}}
    return {"apiVersion": "traefik.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}


def core(version: str, kind: str, name: str, **parts: Any) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": "shop"}, **parts}


ARGS = [
    "--entryPoints.web.address=:8000/tcp",
    "--entryPoints.websecure.address=:8443/tcp",
    "--entryPoints.websecure.http.tls=true",
    "--entryPoints.mysql.address=:3306/tcp",
    "--providers.kubernetesCRD",
    "--providers.kubernetesIngress",
]
TRAEFIK = {
    "metadata": {"labels": {"app": "traefik"}},
    "spec": {"containers": [{"name": "traefik", "image": "traefik:v3.7.9", "args": ARGS}]},
}
RULE = f"Host(`{HOST}`)"
BACKEND = {"service": {"name": "web", "port": {"number": 80}}}
OBJECTS: list[dict[str, Any]] = [
    crd(
        "IngressRoute",
        "shop",
        entryPoints=["websecure"],
        routes=[
            {
                "kind": "Rule",
                "match": f"{RULE} && PathPrefix(`/api`)",
                "services": [{"name": "split", "kind": "TraefikService"}],
                "middlewares": [{"name": "strip"}, {"name": "chain"}],
            },
            {"kind": "Rule", "match": RULE, "services": [{"name": "web", "port": 80}], "priority": 5},
        ],
        tls={"secretName": "tls", "options": {"name": "modern"}},
    ),
    crd(
        "IngressRouteTCP",
        "sql",
        entryPoints=["mysql"],
        routes=[{"match": "HostSNI(`*`)", "services": [{"name": "web", "port": 80}]}],
    ),
    crd("Middleware", "strip", stripPrefix={"prefixes": ["/api"]}),
    crd("Middleware", "chain", chain={"middlewares": [{"name": "strip"}]}),
    crd("TLSOption", "modern", minVersion="VersionTLS12"),
    crd("TraefikService", "split", weighted={"services": [{"name": "web", "port": 80, "weight": 1}]}),
    core(
        "networking.k8s.io/v1",
        "Ingress",
        "exact",
        spec={"rules": [{"host": HOST, "http": {"paths": [{"path": "/x", "pathType": "Exact", "backend": BACKEND}]}}]},
    ),
    core("v1", "Service", "web", spec={"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}]}),
    core(
        "discovery.k8s.io/v1",
        "EndpointSlice",
        "web-1",
        addressType="IPv4",
        endpoints=[{"addresses": ["10.0.0.1"], "conditions": {"ready": True}}],
        ports=[{"port": 8080}],
    ),
    core("apps/v1", "Deployment", "traefik", spec={"template": TRAEFIK}),
    core(
        "v1",
        "Service",
        "traefik",
        spec={"type": "LoadBalancer", "selector": {"app": "traefik"}, "ports": [{"port": 443, "targetPort": 8443}]},
    ),
]
OBJECTS[8]["metadata"]["labels"] = {"kubernetes.io/service-name": "web"}


def scene_of(*objects: dict[str, Any]) -> Scene:
    text = yaml.safe_dump_all(objects)
    return file_scene(parse_manifests([TextFile(name="a.yaml", text=text)]))


def view(scene: Scene, url: str = f"https://{HOST}/api/x", **question: Any) -> RouteView:
    return view_of(scene, Target.parse(url), RouteQuestion(**question))


@cache
def validator_of(struct: type) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(schema_of(struct, "x"))


def check_every_form(scene: Scene) -> None:
    """Draw everything that can be drawn of a scene; JSON must fit its schema."""
    for url in (f"https://{HOST}/api/x", f"http://{HOST}/", f"mysql://{HOST}", "https://nobody.example.com/"):
        found = view(scene, url)
        value = json.loads(route_to_json(found, exit_code=exit_code_of(found)))
        validator_of(RouteV1).validate(value)
        for page in (Page(), Page(width=40, unicode=False, verbose=True)):
            assert "\x1b" not in route_to_terminal(found, page)
    routes = set_of(scene)
    value = json.loads(routes_to_json(routes, exit_code=exit_code_of_set(routes)))
    validator_of(RoutesV1).validate(value)
    assert routes_to_terminal(routes, Page(verbose=True))


def test_the_whole_set_is_understood() -> None:
    scene = scene_of(*OBJECTS)
    found = view(scene)

    assert exit_code_of(found) == 0
    assert scene.skipped == ()
    assert found.path is not None
    assert found.path.entry_point is not None
    assert [item.ref for item in found.middlewares] == [
        "Middleware shop/strip",
        "Middleware shop/chain",
        "Middleware shop/strip",
    ]
    assert found.answer is not None
    assert exit_code_of(view(scene, f"mysql://{HOST}")) == 0
    check_every_form(scene)


@pytest.mark.parametrize("missing", range(len(OBJECTS)))
def test_any_object_may_be_missing(missing: int) -> None:
    check_every_form(scene_of(*OBJECTS[:missing], *OBJECTS[missing + 1 :]))


def paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value."""
    found = [at] if at else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found += paths(inner, (*at, key))
    return found


PLACES = [(number, *path) for number, item in enumerate(OBJECTS) for path in paths(item)]
JUNK = [None, True, 0, -1, 2**70, 1.5, "", "x", "*", "\x1b[31m", "a\nb", [], [None], {}, {"a": None}, "Host(`", "@file"]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PLACES), st.sampled_from(JUNK)), min_size=1, max_size=3))
def test_junk_anywhere_is_no_traceback(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    objects = copy.deepcopy(OBJECTS)
    for (number, *path, last), junk in changes:
        holder: Any = objects[number]
        try:
            for key in path:
                holder = holder[key]
            holder[last] = junk
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took the place away
    check_every_form(scene_of(*objects))


def test_a_service_of_a_namespace_without_services_is_not_missed() -> None:
    """A chart's routes may point at Services of another chart."""
    route = crd("IngressRoute", "a", routes=[{"match": RULE, "services": [{"name": "elsewhere", "port": 80}]}])
    here = core("v1", "Service", "other", spec={"ports": [{"port": 80}]})
    away = {**here, "metadata": {"name": "other", "namespace": "away"}}

    assert exit_code_of(view(scene_of(route))) == 0
    assert exit_code_of(view(scene_of(route, away))) == 0
    assert exit_code_of(view(scene_of(route, here))) == 1


def test_what_is_supposed_replaces_what_the_files_say() -> None:
    scene = supposing(scene_of(*OBJECTS), ["--entryPoints.other.address=:8443 --providers.kubernetesCRD"], "3.1.0")

    assert [point.name for point in scene.static.entry_points] == ["other"]
    assert scene.version == "3.1.0"
    assert "entry-point" in {str(item.reason) for item in view(scene).decision.dropped}


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param("(" * 10_000 + f"Host(`{HOST}`)" + ")" * 10_000, id="nested-ten-thousand-deep"),
        pytest.param(f"Host(`{HOST}`) && Header(`X`, `" + "a" * 1_000_000 + "`)", id="a-megabyte"),
        pytest.param("@" + "a" * 1_000_000, id="a-megabyte-that-does-not-parse"),
    ],
)
def test_a_rule_that_nobody_reads_does_not_fill_the_terminal(rule: str) -> None:
    scene = scene_of(*OBJECTS, crd("IngressRoute", "evil", routes=[{"match": rule, "services": []}]))

    for text in (route_to_terminal(view(scene), Page()), routes_to_terminal(set_of(scene), Page(verbose=True))):
        assert len(text) < 12_000
