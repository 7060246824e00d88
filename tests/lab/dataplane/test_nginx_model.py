"""The lab's ingress-nginx and the product's model of it, written apart: they choose alike for any set of Ingresses."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from ingressdoctor.evidence.kube import Ingress, IngressClass
from ingressdoctor.evidence.routes import RouteRequest
from ingressdoctor.lab.cluster import Cluster
from ingressdoctor.lab.serve.nginx.build import configure
from ingressdoctor.lab.serve.nginx.hosts import Hosts
from ingressdoctor.lab.serve.nginx.locations import find, normalised
from ingressdoctor.lab.serve.nginx.model import CATCH_ALL, DEFAULT_BACKEND
from ingressdoctor.lab.serve.nginx.options import Options
from ingressdoctor.routing.ingress_nginx.choose import choose_server
from ingressdoctor.routing.ingress_nginx.decide import decide_nginx
from ingressdoctor.routing.ingress_nginx.settings import NginxSettings
from ingressdoctor.routing.ingress_nginx.table import build_nginx_table
from lab.dataplane.kit import Spec, obj
from lab.dataplane.nginxkit import PREFIX, ingress, path

HOSTS = ("", "shop.test", "a.shop.test", "*.shop.test", "*.a.shop.test", "*.test")
ASKED = ("shop.test", "a.shop.test", "b.shop.test", "b.a.shop.test", "x.b.shop.test", "other.test", "nobody.example")
PATHS = ("/", "/a", "/a/", "/a/b", "/ab", "/A", "")
URIS = ("/", "/a", "/a/", "/a/b", "/a/b/c", "/ab", "/A/x", "//a//b", "/x/../a", "/%61/b", "/../a", "/a%2Fb", "/%zz")
KINDS = ("Prefix", "Exact", "ImplementationSpecific")
CLASSES = ("nginx", "nginx", "nginx", "traefik", None)
ANNOTATIONS: tuple[dict[str, str], ...] = (
    {},
    {},
    {"use-regex": "true"},
    {"rewrite-target": "/x"},
    {"server-snippet": "x"},
    {"server-alias": "other.test"},
    {"backend-protocol": "GRPC"},
)

made_paths = st.lists(
    st.builds(path, st.sampled_from(PATHS), st.sampled_from(KINDS), st.sampled_from(("one", "two", "three"))),
    min_size=1,
    max_size=3,
)


@st.composite
def clusters(draw: st.DrawFn) -> list[Spec]:
    """A class and up to four Ingresses, some of them of equal age."""
    found: list[Spec] = [
        obj("IngressClass", "nginx", api="networking.k8s.io/v1", spec={"controller": "k8s.io/ingress-nginx"})
    ]
    for number in range(draw(st.integers(1, 4))):
        host = draw(st.sampled_from(HOSTS))
        made = ingress(f"i{number}", *draw(made_paths), host=host, age=draw(st.integers(0, 2)))
        made["metadata"]["annotations"] = {
            PREFIX + key: value for key, value in draw(st.sampled_from(ANNOTATIONS)).items()
        }
        named = draw(st.sampled_from(CLASSES))
        made["spec"]["ingressClassName"] = named
        if draw(st.booleans()):
            made["spec"]["tls"] = [{"hosts": [host], "secretName": "x"}]
        found.append(made)
    return found


def lab_says(objects: list[Spec], host: str, uri: str) -> tuple[str, str, bool]:
    """Server, upstream ("" for the default backend, "400" for a refused path), and whether it has a certificate."""
    configuration = configure(Cluster(objects), Options())
    server = Hosts(configuration.servers).server(host)
    wanted = normalised(uri)
    if wanted is None:
        return server.host, "400", server.secured
    location = find(server, wanted)
    upstream = location.upstream.name if location is not None else ""
    return server.host, "" if upstream == DEFAULT_BACKEND else upstream, server.secured


def model_says(objects: list[Spec], host: str, uri: str) -> tuple[str, str, bool]:
    """The same, of the product's model; a configuration that nginx refuses is told by a ValueError."""
    ingresses = [msgspec.convert(item, Ingress) for item in objects if item["kind"] == "Ingress"]
    classes = [msgspec.convert(item, IngressClass) for item in objects if item["kind"] == "IngressClass"]
    table = build_nginx_table(ingresses, NginxSettings(), classes)
    if table.broken:
        raise ValueError(table.broken)
    decision = decide_nginx(table, RouteRequest(host=host, path=uri, tls=True))
    taken = decision.winner.backends[0] if decision.winner else None
    name = f"{taken.namespace}-{taken.name}-{taken.port}" if taken else ""
    predicted = decision.predicted
    refused = predicted is not None and predicted.status == 400
    server, _ = choose_server(table, host)
    return server.host, "400" if refused else name, server.tls


@settings(max_examples=300, deadline=None, derandomize=True)
@given(objects=clusters(), host=st.sampled_from(ASKED), uri=st.sampled_from(URIS))
def test_both_choose_the_same_server_and_service(objects: list[Spec], host: str, uri: str) -> None:
    try:
        expected = model_says(objects, host, uri)
    except ValueError:
        return  # nginx would not load it
    said = lab_says(objects, host, uri)
    assert said[:2] == expected[:2]
    assert said[2] == expected[2] or said[0] == CATCH_ALL
