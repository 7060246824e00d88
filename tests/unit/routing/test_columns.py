"""Where in a rule the mistake is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from build.routes import an_ingress_route, decided, objects
from ingressdoctor.routing.traefik.columns import fault_column

RULES = [
    pytest.param("Host(`x.io`) PathPrefix(`/`)", 14, id="operator-missing"),
    pytest.param("Host(`x.io`) && PathPrefix(`/`", 31, id="not-closed"),
    pytest.param("Host(`x.io`) && Headers(`A`, `1`)", 17, id="matcher-of-the-old-syntax"),
    pytest.param("Host(`x.io`) && PathPrefix(`api`)", 29, id="path-without-slash"),
    pytest.param("Host(`x.io`) && Path()", 17, id="no-argument"),
    pytest.param("Host(`x.io`) || Host(x.io)", 22, id="argument-without-quotes"),
    pytest.param("Host(`x.io`) & Path(`/`)", 14, id="operator-that-does-not-exist"),
    pytest.param("Host(`x.io`) && PathRegexp(`(`)", 17, id="pattern"),
    pytest.param("Host(`x.io`) && Host(`münchen.de`)", 23, id="not-ascii"),
]


@pytest.mark.parametrize(("rule", "column"), RULES)
def test_columns_of_the_models_own_reasons(rule: str, column: int) -> None:
    (dropped,) = decided(objects(an_ingress_route(rule)), host="x.io").dropped
    found = fault_column(rule, dropped.detail)

    assert found == column


OTHERS = [
    pytest.param("ü && x", "1:6: expected operand", 5, id="bytes-become-characters"),
    pytest.param("Host(`a`)", "2:1: expected operand", None, id="another-line"),
    pytest.param("Host(`a`)", 'path "b" does not start', None, id="value-that-is-not-there"),
    pytest.param("Host(`a`)", "unsupported function: Gone", None, id="name-that-is-not-there"),
    pytest.param("Host(`a`)", "b is not defined", None, id="word-that-is-not-there"),
    pytest.param("Host(`a`)", "something else", None, id="no-place-named"),
]


@pytest.mark.parametrize(("rule", "detail", "column"), OTHERS)
def test_columns(rule: str, detail: str, column: int | None) -> None:
    assert fault_column(rule, detail) == column


@given(st.text(max_size=60), st.text(max_size=80))
def test_no_text_makes_it_fail(rule: str, detail: str) -> None:
    column = fault_column(rule, detail)

    assert column is None or column >= 1
