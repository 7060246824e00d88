"""Which Ingresses a controller takes, and the settings that decide it."""

from __future__ import annotations

from typing import Any

import pytest

from build.nginx import a_class, an_ingress
from build.values import replace
from ingressdoctor.evidence.routes import DropReason
from ingressdoctor.routing.ingress_nginx.settings import NginxSettings, settings_from
from ingressdoctor.routing.ingress_nginx.table import build_nginx_table

NOTE = "kubernetes.io/ingress.class"
NO_NAME: dict[str, Any] = {"ingressClassName": None}
OTHER = a_class("other", "traefik.io/ingress-controller")


def taken(ingress: Any, settings: NginxSettings | None = None, *classes: Any) -> DropReason | None:
    table = build_nginx_table([ingress], settings or NginxSettings(), classes or (a_class(), OTHER))
    return table.dropped[0][1].reason if table.dropped else None


CLASSES: list[Any] = [
    pytest.param(an_ingress(), {}, True, id="class-name-of-an-own-ingressclass"),
    pytest.param(an_ingress(ingressClassName="other"), {}, False, id="class-name-of-anothers-ingressclass"),
    pytest.param(an_ingress(ingressClassName="nope"), {}, False, id="class-name-of-no-ingressclass"),
    pytest.param(an_ingress(ingressClassName=""), {}, False, id="empty-class-name-is-one"),
    pytest.param(an_ingress(annotations={NOTE: "nginx"}, **NO_NAME), {}, True, id="annotation"),
    pytest.param(an_ingress(annotations={NOTE: "other"}, **NO_NAME), {}, False, id="annotation-of-another"),
    pytest.param(
        an_ingress(annotations={NOTE: "nginx"}, ingressClassName="other"), {}, False, id="class-name-beats-annotation"
    ),
    pytest.param(
        an_ingress(annotations={NOTE: "inner"}, **NO_NAME), {"ingress_class": "inner"}, True, id="ingress-class-flag"
    ),
    pytest.param(an_ingress(**NO_NAME), {}, False, id="no-class"),
    pytest.param(an_ingress(**NO_NAME), {"without_class": True}, True, id="no-class-and-watched-without"),
    pytest.param(
        an_ingress(annotations={NOTE: ""}, **NO_NAME), {"without_class": True}, False, id="empty-annotation-is-one"
    ),
    pytest.param(
        an_ingress(ingressClassName="other"), {"class_by_name": True, "ingress_class": "other"}, True, id="by-name"
    ),
    pytest.param(
        an_ingress(ingressClassName="other"),
        {"controller_class": "traefik.io/ingress-controller"},
        True,
        id="controller-class-flag",
    ),
    pytest.param(an_ingress(), {"watch_namespace": "shop"}, False, id="another-namespace-is-watched"),
    pytest.param(an_ingress(), {"watch_namespace": "api"}, True, id="its-namespace-is-watched"),
    pytest.param(
        an_ingress(defaultBackend={"service": {"name": "x"}}), {"no_catch_all": True}, False, id="catch-all-disabled"
    ),
]


@pytest.mark.parametrize(("ingress", "settings", "expected"), CLASSES)
def test_taken(ingress: Any, settings: dict[str, Any], expected: bool) -> None:
    assert (taken(ingress, replace(NginxSettings(), **settings)) is None) is expected


def test_without_ingressclasses_the_own_name_is_taken_on_trust() -> None:
    table = build_nginx_table([an_ingress(), an_ingress(name="b", ingressClassName="other")], NginxSettings(), None)

    assert [route.ref for _, route in table.dropped] == ["Ingress api/b"]
    assert table.limits == ("the IngressClasses could not be read",)


def test_a_namespace_selector_is_a_limit() -> None:
    table = build_nginx_table([], NginxSettings(namespace_selector="team=x"), ())

    assert table.limits == ("--watch-namespace-selector=team=x was not evaluated",)


def test_what_is_left_out_names_its_hosts_and_rules() -> None:
    odd = an_ingress(ingressClassName="x", rules=[{"host": "A.test"}, {"http": {"paths": [{"backend": {}}]}}, {}])

    [(hosts, route)] = build_nginx_table([odd], NginxSettings(), ()).dropped

    assert (hosts, route.rule, route.backends) == (frozenset({"a.test", "_"}), "*/", ())


SETTINGS: list[Any] = [
    pytest.param(("--ingress-class=x",), {}, {"ingress_class": "x"}, id="a-value-behind-the-sign"),
    pytest.param(("--ingress-class", "x"), {}, {"ingress_class": "x"}, id="a-value-apart"),
    pytest.param(("/prog", "--watch-ingress-without-class"), {}, {"without_class": True}, id="a-switch"),
    pytest.param(("--ingress-class-by-name=no",), {}, {"class_by_name": False}, id="no-truth-value"),
    pytest.param(("--ingress-class=x", "--ingress-class=y"), {}, {"ingress_class": "y"}, id="the-last-one-counts"),
    pytest.param(("--ingress-class=",), {}, {"ingress_class": "nginx"}, id="an-empty-one-is-the-default"),
    pytest.param((), {"ssl-redirect": "false"}, {"ssl_redirect": False}, id="a-setting"),
    pytest.param((), {"ssl-redirect": "maybe"}, {"ssl_redirect": True}, id="no-truth-value-is-the-default"),
    pytest.param((), {"ssl-redirect": None}, {"ssl_redirect": True}, id="null"),
    pytest.param((), {"annotations-risk-level": "Critical"}, {"risk": 3}, id="risk"),
    pytest.param((), {"annotations-risk-level": "huge"}, {"risk": 0}, id="an-unknown-risk-counts-as-low"),
    pytest.param((), {"http-redirect-code": "301"}, {"redirect_code": 301}, id="redirect-code"),
    pytest.param((), {"http-redirect-code": "305"}, {"redirect_code": 308}, id="no-redirect-code"),
    pytest.param((), {"http-redirect-code": "x"}, {"redirect_code": 308}, id="no-number"),
    pytest.param((), {"whitelist-source-range": "10.0.0.0/8, ,"}, {"allowlist": ("10.0.0.0/8",)}, id="a-list"),
    pytest.param((), {"no-tls-redirect-locations": "/a,/b"}, {"no_redirect_paths": ("/a", "/b")}, id="paths"),
]


@pytest.mark.parametrize(("args", "config", "expected"), SETTINGS)
def test_settings(args: tuple[str, ...], config: dict[str, str | None], expected: dict[str, Any]) -> None:
    found = settings_from(args, config)

    assert {name: getattr(found, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("version", "early"),
    [
        pytest.param("1.11.8", True, id="before-1.12"),
        pytest.param("v1.9.0", True, id="with-a-v"),
        pytest.param("1.12.0", False, id="1.12"),
        pytest.param("", False, id="unknown"),
        pytest.param("1.x", False, id="no-number"),
    ],
)
def test_validation_and_risk_came_with_1_12(version: str, early: bool) -> None:
    found = settings_from((), None, version)

    assert (found.validates_annotations, found.risk) == ((False, 3) if early else (True, 2))
