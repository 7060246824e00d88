"""``route`` where ingress-nginx has the host, and what the other controller would do with the same objects."""

from __future__ import annotations

from typing import Any

import pytest

from build.nginx import a_controller_of_nginx
from build.values import replace
from ingressdoctor.collect.manifest_files import TextFile
from ingressdoctor.collect.manifests import parse_manifests
from ingressdoctor.collect.route_nginx import NGINX, TRAEFIK, view_as, view_of_either
from ingressdoctor.collect.route_scene import Scene, file_scene, may_be_nginx, with_nginx
from ingressdoctor.errors import UsageError
from ingressdoctor.evidence.answer import ConnectionEnd
from ingressdoctor.evidence.kube import Loaded
from ingressdoctor.evidence.nginx import NginxControllers
from ingressdoctor.evidence.route_view import RouteQuestion, RouteView
from ingressdoctor.evidence.routes import Outcome
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.target import Target

SHOP = """apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop, namespace: shop, annotations: {NOTES}}
spec:
  CLASS
  tls: [{hosts: [shop.example.com], secretName: shop-tls}]
  rules:
  - host: shop.example.com
    http: {paths: [{path: /api, pathType: Prefix, backend: {service: {name: api, port: {number: 80}}}}]}
"""
SERVICE = """---
apiVersion: v1
kind: Service
metadata: {name: api, namespace: shop}
spec: {ports: [{port: 80}], selector: {app: api}}
"""
TRAEFIK_ROUTE = """---
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: own, namespace: shop}
spec:
  entryPoints: [websecure]
  routes: [{kind: Rule, match: "Host(`own.example.com`)", services: [{name: api, port: 80}]}]
"""
CONTROLLER = """---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: nginx}
spec:
  template:
    spec:
      containers:
      - {name: c, image: "registry.k8s.io/ingress-nginx/controller:v1.14.0", args: [--ingress-class=outer]}
"""
URL = "https://shop.example.com/api/users"
FORBIDDEN = Unavailable(wanted="x", reason="403", enable_with="grant it")


def scene(*more: str, cls: str = "ingressClassName: nginx", notes: str = "") -> Scene:
    text = SHOP.replace("CLASS", cls).replace("NOTES", notes) + "".join(more)
    return file_scene(parse_manifests([TextFile(name="a.yaml", text=text)]))


def asked(found: Scene, url: str = URL, kind: str = "", **question: Any) -> RouteView:
    target, given = Target.parse(url), RouteQuestion(**question)
    return view_as(found, target, given, kind) if kind else view_of_either(found, target, given)


@pytest.mark.parametrize(
    ("found", "url", "kind"),
    [
        pytest.param(scene(), URL, NGINX, id="class-nginx"),
        pytest.param(scene(cls="", notes="kubernetes.io/ingress.class: nginx"), URL, NGINX, id="by-the-annotation"),
        pytest.param(scene(cls="ingressClassName: traefik"), URL, TRAEFIK, id="class-traefik"),
        pytest.param(scene(cls=""), URL, TRAEFIK, id="no-class"),
        pytest.param(scene(TRAEFIK_ROUTE), "own.example.com", TRAEFIK, id="beside-a-route-of-traefiks"),
        pytest.param(scene(TRAEFIK_ROUTE), URL, NGINX, id="beside-one-of-another-host"),
        pytest.param(scene(TRAEFIK_ROUTE), "nobody.example", TRAEFIK, id="a-host-of-nobody-where-traefik-runs"),
        pytest.param(scene(), "nobody.example", NGINX, id="a-host-of-nobody-where-only-nginx-runs"),
        pytest.param(scene(notes='nginx.ingress.kubernetes.io/server-snippet: "x"'), URL, NGINX, id="refused-by-nginx"),
        pytest.param(scene(), "mysql://shop.example.com", TRAEFIK, id="no-http"),
    ],
)
def test_who_is_asked(found: Scene, url: str, kind: str) -> None:
    assert asked(found, url).controller.kind == kind


def test_the_location_of_nginx_is_the_winner() -> None:
    view = asked(scene(SERVICE))

    assert view.decision.outcome is Outcome.ROUTED
    assert view.decision.winner in view.decision.candidates
    assert [sight.ref.name for sight in view.backends] == ["api"]
    assert view.controller.source == "assumed"


def test_the_controller_of_the_files_says_which_class_is_its_own() -> None:
    view = asked(scene(CONTROLLER, cls="", notes="kubernetes.io/ingress.class: outer"))

    sight = view.controller
    assert (sight.name, sight.version, sight.source) == ("nginx/web", "1.14.0", "args")
    assert view.decision.outcome is Outcome.ROUTED


def test_a_host_header_and_a_server_name_are_sent_as_they_are_asked_for() -> None:
    request = asked(
        scene(), "https://other.example/api", kind=NGINX, headers=(("Host", "shop.example.com:443"),), sni="a.test"
    ).decision.request

    assert (request.host, request.sni) == ("shop.example.com", "a.test")


def test_a_refused_handshake_is_the_answer() -> None:
    refusing = a_controller_of_nginx(config={"ssl-reject-handshake": "true"})
    found = replace(scene(), nginx=refusing)

    bound, bare = asked(found), asked(found, sni="other.example")

    assert bound.answer is not None
    assert bound.answer.end is None
    assert bare.answer is not None
    assert bare.answer.end is ConnectionEnd.TLS_ALERT


def rows(view: RouteView) -> dict[str, tuple[str, str]]:
    assert view.compared is not None
    return {item.what: (item.here, item.there) for item in view.compared.differences}


def test_what_traefik_would_do_with_ingresses_of_nginx() -> None:
    note = "nginx.ingress.kubernetes.io/app-root"

    view = asked(scene(notes=f"{note}: /x"), "https://shop.example.com/apix", kind=TRAEFIK)

    found = rows(view)
    assert view.controller.kind == TRAEFIK
    assert found["takes it"] == ("Ingress shop/shop", "no-route")
    assert "1 Ingress was given the class of Traefik" in view.assumed


def test_annotations_that_traefik_does_not_read_are_named() -> None:
    note = "nginx.ingress.kubernetes.io/proxy-body-size"

    view = asked(scene(notes=f"{note}: 8m"), kind=TRAEFIK)

    assert rows(view) == {f"annotation {note}": ("not read", "read")}


def test_what_nginx_would_do_with_ingresses_of_traefik() -> None:
    found = rows(asked(scene(cls="ingressClassName: traefik"), "http://shop.example.com/api", kind=NGINX))

    assert found["status"] == ("308", "the application's")
    assert found["redirects to"] == ("https://shop.example.com/api", "")


def test_nothing_differs_where_both_do_the_same() -> None:
    view = asked(scene(), kind=TRAEFIK)

    assert view.compared is not None
    assert view.compared.differences == ()


def test_the_controller_that_has_the_host_is_not_compared_with_itself() -> None:
    assert asked(scene(), kind=NGINX).compared is None


@pytest.mark.parametrize(
    ("url", "question"),
    [
        pytest.param(URL, {"entry_point": "web"}, id="an-entry-point"),
        pytest.param("mysql://shop.example.com", {}, id="no-http"),
    ],
)
def test_what_nginx_cannot_be_asked(url: str, question: Any) -> None:
    with pytest.raises(UsageError):
        asked(scene(cls="ingressClassName: traefik"), url, kind=NGINX, **question)


def test_ingresses_that_could_not_be_read_decide_nothing() -> None:
    found = scene()
    found = replace(found, objects=replace(found.objects, ingresses=FORBIDDEN), nginx=a_controller_of_nginx())

    assert asked(found, kind=NGINX).decision.outcome is Outcome.UNDECIDED
    assert not may_be_nginx(found)


def test_a_cluster_without_ingress_nginx_leaves_traefik() -> None:
    found = replace(scene(), pods=None)

    assert asked(with_nginx(found, NginxControllers())).controller.kind == TRAEFIK
    assert asked(with_nginx(found, FORBIDDEN)).controller.kind == TRAEFIK
    there = NginxControllers(items=(a_controller_of_nginx(),))
    classes: Any = Loaded()
    bare = replace(found, objects=replace(found.objects, ingress_classes=classes))
    assert asked(with_nginx(bare, there)).controller.kind == NGINX
