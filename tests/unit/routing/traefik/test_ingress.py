"""Which Ingresses are taken, and the rule text that decides about their priority."""

from __future__ import annotations

from typing import Any

import pytest

from build.routes import HOST, a_class, a_middleware, an_ingress, decided, objects
from ingressdoctor.api import DropReason, Outcome

CLASS = "--providers.kubernetesingress.ingressClass=C"
TAKEN = [
    pytest.param("traefik", "", (a_class(),), (), True, id="class-object-of-traefik"),
    pytest.param("traefik", "", (a_class(controller="k8s.io/ingress-nginx"),), (), False, id="other-controller"),
    pytest.param("nginx", "", (a_class(),), (), False, id="class-object-missing"),
    pytest.param("C", "", (a_class("C"),), (CLASS,), True, id="class-is-the-option"),
    pytest.param("traefik", "", (a_class(), a_class("C")), (CLASS,), False, id="class-is-not-the-option"),
    pytest.param("C", "", (), (CLASS,), False, id="class-is-the-option-but-no-object"),
    pytest.param(None, "", (), (), True, id="classless-is-taken"),
    pytest.param(None, "traefik", (), (), True, id="annotation-traefik"),
    pytest.param(None, "nginx", (), (), False, id="annotation-other"),
    pytest.param(None, "C", (), (CLASS,), True, id="annotation-is-the-option"),
    pytest.param(None, "", (), (CLASS,), False, id="classless-with-option"),
    pytest.param(
        *("traefik", "", (a_class(),), ("--providers.kubernetesingress.disableIngressClassLookup=true",), False),
        id="lookup-switched-off",
    ),
]


@pytest.mark.parametrize(("class_name", "annotation", "classes", "args", "taken"), TAKEN)
def test_class_selection(
    class_name: str | None, annotation: str, classes: Any, args: tuple[str, ...], taken: bool
) -> None:
    annotations = {"kubernetes.io/ingress.class": annotation} if annotation else {}
    ingress = an_ingress(class_name=class_name, annotations=annotations)

    decision = decided(objects(ingresses=(ingress,), classes=classes), *args)

    assert (decision.outcome is Outcome.ROUTED) is taken
    assert [item.reason for item in decision.dropped] == ([] if taken else [DropReason.CLASS])


RULES = [
    pytest.param({"path": "/"}, "v3.7.9", 'Host("www.example.com") && PathPrefix("/")', 42, id="prefix-root"),
    pytest.param({"path": "/api"}, "v3.7.9", 'Host("www.example.com") && PathPrefix("/api")', 45, id="prefix"),
    pytest.param(
        *({"path": "/api", "path_type": "Exact"}, "v3.7.9", 'Host("www.example.com") && Path("/api")', 39),
        id="exact-is-shorter-and-loses",
    ),
    pytest.param({"path": "/"}, "v3.6.10", "Host(`www.example.com`) && PathPrefix(`/`)", 42, id="backticks-before"),
    pytest.param(
        *({"host": "*.example.com"}, "v3.7.9", 'Host("*.example.com") && PathPrefix("/")', 40), id="wildcard-3.7"
    ),
    pytest.param(
        {"host": "*.example.com"},
        "v3.6.24",
        'HostRegexp("^[a-zA-Z0-9-]+\\\\.example\\\\.com$") && PathPrefix("/")',
        64,
        id="wildcard-3.6-outranks-the-exact-host",
    ),
    pytest.param(
        {"host": "*.example.com"},
        "v3.6.10",
        "HostRegexp(`^[a-zA-Z0-9-]+\\.example\\.com$`) && PathPrefix(`/`)",
        62,
        id="wildcard-3.6-in-backticks",
    ),
    pytest.param(
        {"host": "*.example.com"},
        "v2.11.53",
        'HostRegexp("{subdomain:[a-zA-Z0-9-]+}.example.com") && PathPrefix("/")',
        None,
        id="wildcard-v2",
    ),
    pytest.param({"host": None, "path": "/"}, "v3.7.9", 'PathPrefix("/")', 15, id="no-host"),
    pytest.param(
        {"path": "/api", "path_type": None, "annotations": {"router.pathmatcher": "PathRegexp"}},
        "v3.7.9",
        'Host("www.example.com") && PathRegexp("/api")',
        45,
        id="path-matcher-annotation",
    ),
]


@pytest.mark.parametrize(("parts", "version", "rule", "length"), RULES)
def test_rule_text_and_priority(parts: dict[str, Any], version: str, rule: str, length: int | None) -> None:
    path = parts.get("path", "/")

    decision = decided(objects(ingresses=(an_ingress(**parts),)), version=version, path=path)

    assert decision.winner is not None
    assert decision.winner.rule == rule
    assert decision.winner.priority == (length or len(rule))


def test_strict_prefix_is_element_wise() -> None:
    found = objects(ingresses=(an_ingress(path="/api"),))
    strict = "--providers.kubernetesingress.strictPrefixMatching=true"

    decision = decided(found, strict, path="/api/x")

    assert decision.winner is not None
    assert decision.winner.rule == 'Host("www.example.com") && (Path("/api") || PathPrefix("/api/"))'
    assert decision.winner.priority == 64
    assert decided(found, strict, path="/apiary").outcome is Outcome.NO_ROUTE


def test_one_label_host_ties_with_the_wildcard() -> None:
    found = objects(ingresses=(an_ingress("a.example.com", name="one"), an_ingress("*.example.com", name="all")))

    assert decided(found, host="a.example.com").outcome is Outcome.AMBIGUOUS


@pytest.mark.parametrize(
    ("annotations", "reason"),
    [
        pytest.param({"router.middleware": "ns-headers@kubernetescrd"}, DropReason.ANNOTATION, id="misspelt-key"),
        pytest.param({"router.priority": "high"}, DropReason.ANNOTATION, id="priority-is-a-number"),
        pytest.param({"router.tls.option": "x"}, DropReason.ANNOTATION, id="misspelt-key-below-tls"),
        pytest.param({"router.middlewares": "headers"}, DropReason.MIDDLEWARE_MISSING, id="bare-middleware-name"),
        pytest.param({"router.middlewares": "ns-headers@kubernetescrd"}, None, id="qualified-middleware"),
        pytest.param({"Router.EntryPoints": "websecure"}, None, id="key-in-any-case"),
        pytest.param({"rule-type": "PathPrefixStrip"}, None, id="key-of-v1-is-ignored"),
        pytest.param({"router.tls.domains.0.main": "example.com"}, None, id="indexed-key"),
    ],
)
def test_annotations(annotations: dict[str, str], reason: DropReason | None) -> None:
    found = objects(ingresses=(an_ingress(annotations=annotations),), middlewares=(a_middleware(),))

    decision = decided(found)

    assert [item.reason for item in decision.dropped] == ([] if reason is None else [reason])


def test_default_backend_counts_only_without_rules() -> None:
    backend = {"defaultBackend": {"service": {"name": "fallback", "port": {"number": 80}}}}
    alone = an_ingress(spec={**backend, "rules": []}, name="fallback")

    decision = decided(objects(ingresses=(alone, an_ingress("other.example.com", spec=backend))))

    assert decision.winner is not None
    assert (decision.winner.ref, decision.winner.priority) == ("Ingress ns/fallback", -(2**31))


def test_unreadable_classes_leave_the_route_undecided() -> None:
    decision = decided(objects(ingresses=(an_ingress(),), unread=("ingress_classes",)))

    assert decision.outcome is Outcome.UNDECIDED


def test_tls_secret_is_the_one_of_the_host() -> None:
    tls = [{"hosts": ["other.example.com"], "secretName": "other"}, {"hosts": [HOST], "secretName": "mine"}]

    decision = decided(objects(ingresses=(an_ingress(spec={"tls": tls}),)))

    assert decision.winner is not None
    assert decision.winner.tls_secret == "mine"
