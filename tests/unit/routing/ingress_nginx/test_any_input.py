"""Whatever the Ingresses and the request hold, there is a decision and no exception."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from build.nginx import PREFIX
from ingressdoctor.evidence.kube import Ingress
from ingressdoctor.evidence.kube.ingress import (
    Backend,
    BackendPort,
    BackendService,
    IngressHttp,
    IngressPath,
    IngressRule,
    IngressSpec,
    IngressTls,
)
from ingressdoctor.evidence.kube.meta import Meta
from ingressdoctor.evidence.routes import RouteRequest
from ingressdoctor.routing.ingress_nginx.annotations import read_annotations
from ingressdoctor.routing.ingress_nginx.catalogue import REFUSING
from ingressdoctor.routing.ingress_nginx.decide import decide_nginx
from ingressdoctor.routing.ingress_nginx.settings import NginxSettings, settings_from
from ingressdoctor.routing.ingress_nginx.table import build_nginx_table

NAMES = (*REFUSING, "canary", "use-regex", "rewrite-target", "temporal-redirect", "permanent-redirect", "app-root")
WORDS = st.sampled_from(
    ("", "a.test", "*.a.test", "/", "/a", "(", "[a-z]+", "~^x$", "true", "10.0.0.0/8", "\x00", "é%zz")
)
texts = st.one_of(WORDS, st.text(max_size=12))
maybe = st.one_of(st.none(), texts)
services = st.builds(BackendService, name=maybe, port=st.one_of(st.none(), st.builds(BackendPort, name=maybe)))
backends = st.builds(Backend, service=st.one_of(st.none(), services))
paths = st.builds(IngressPath, path=maybe, path_type=maybe, backend=backends)
https = st.builds(IngressHttp, paths=st.one_of(st.none(), st.lists(paths, max_size=2).map(tuple)))
rules = st.builds(IngressRule, host=maybe, http=st.one_of(st.none(), https))
tls = st.builds(IngressTls, hosts=st.one_of(st.none(), st.lists(texts, max_size=2).map(tuple)), secret_name=maybe)
specs = st.builds(
    IngressSpec,
    ingress_class_name=st.none(),
    rules=st.one_of(st.none(), st.lists(rules, max_size=2).map(tuple)),
    tls=st.one_of(st.none(), st.lists(tls, max_size=2).map(tuple)),
    default_backend=st.one_of(st.none(), backends),
)
notes = st.dictionaries(st.sampled_from(NAMES).map(lambda name: PREFIX + name), maybe, max_size=3)
metas = st.builds(Meta, name=texts, namespace=maybe, annotations=notes, creation_timestamp=maybe)
ingresses = st.builds(Ingress, metadata=metas, spec=specs)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(ingresses, max_size=3), texts, texts, texts)
def test_there_is_a_decision(items: list[Ingress], host: str, path: str, client: str) -> None:
    table = build_nginx_table(items, NginxSettings(without_class=True, risk=3), ())
    request = RouteRequest(host=host, path=path, headers={"X-C": client}, client_ip="192.0.2.1")

    assert decide_nginx(table, request).predicted is not None or table.servers


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(NAMES), texts, max_size=4), st.booleans())
def test_any_annotations_are_read(given_: dict[str, str], validates: bool) -> None:
    found = read_annotations(
        {PREFIX + key: value for key, value in given_.items()}, NginxSettings(validates_annotations=validates), "api"
    )

    assert found.protocol


@settings(max_examples=100, deadline=None)
@given(st.lists(texts, max_size=4), st.dictionaries(texts, maybe, max_size=3), texts)
def test_any_arguments_are_read(args: list[str], config: dict[str, str | None], version: str) -> None:
    assert settings_from([f"--{word}" for word in args] + args, config, version).ingress_class
