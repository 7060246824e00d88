"""Label selectors, three-valued, and the words for them."""

from __future__ import annotations

from typing import Any

import pytest

from ingressdoctor.routing.selectors import (
    Difference,
    all_of,
    any_of,
    differences,
    keys_of,
    labels_match,
    selector_matches,
)
from ingressdoctor.routing.selectors import selector_words as words


def expression(operator: str, *values: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": "tier", "operator": operator, "values": list(values)}]}


CASES: list[Any] = [
    pytest.param(None, {}, True, id="null-selects-everything"),
    pytest.param({}, {}, True, id="empty-selects-everything"),
    pytest.param({"matchLabels": {"a": "1"}}, {"a": "1", "b": "2"}, True, id="pair"),
    pytest.param({"matchLabels": {"a": "1", "b": "2"}}, {"a": "1"}, False, id="all-pairs-must-be-there"),
    pytest.param({"matchLabels": {"a": None}}, {"a": ""}, True, id="null-value-is-empty"),
    pytest.param({"matchLabels": None, "matchExpressions": None}, {}, True, id="nulls-inside"),
    pytest.param(expression("In", "web", "api"), {"tier": "api"}, True, id="in"),
    pytest.param(expression("In"), {"tier": "api"}, False, id="in-nothing"),
    pytest.param(expression("NotIn", "db"), {}, True, id="not-in-without-the-key"),
    pytest.param(expression("NotIn", "db"), {"tier": "db"}, False, id="not-in"),
    pytest.param(expression("Exists"), {"tier": ""}, True, id="exists"),
    pytest.param(expression("DoesNotExist"), {"tier": ""}, False, id="does-not-exist"),
    pytest.param(expression("Like", "w"), {"tier": "w"}, None, id="unknown-operator"),
    pytest.param({"matchLabels": ["a"]}, {}, None, id="not-a-mapping"),
    pytest.param("odd", {}, None, id="not-a-selector"),
    pytest.param({"matchExpressions": ["odd"]}, {}, None, id="not-an-expression"),
    pytest.param({"matchExpressions": [{"key": "a", "values": "odd"}]}, {}, None, id="values-are-no-list"),
]


@pytest.mark.parametrize(("selector", "labels", "expected"), CASES)
def test_selector_matches(selector: Any, labels: dict[str, str], expected: bool | None) -> None:
    assert selector_matches(selector, labels) is expected


def test_labels_that_were_not_read_decide_nothing() -> None:
    selector = {"matchLabels": {"team": "edge", "name": "x"}}

    assert selector_matches(selector, {"name": "x"}, complete=False) is None
    assert selector_matches(selector, {"name": "y"}, complete=False) is False


def test_a_service_without_a_selector_selects_no_pod() -> None:
    assert labels_match({}, {"app": "web"}) is False
    assert labels_match({"app": "web"}, {"app": "web"}) is True


LOGIC = [
    pytest.param((), True, False, id="nothing"),
    pytest.param((True, None), None, True, id="true-and-unknown"),
    pytest.param((False, None), False, None, id="false-and-unknown"),
    pytest.param((None,), None, None, id="unknown"),
]


@pytest.mark.parametrize(("answers", "every", "some"), LOGIC)
def test_three_valued_logic(answers: tuple[bool | None, ...], every: bool | None, some: bool | None) -> None:
    assert all_of(answers) is every
    assert any_of(answers) is some


def test_differences_name_the_label_and_what_was_found() -> None:
    assert differences({"app": "web", "tier": "front"}, {"app": "wep"}) == (
        Difference(key="app", wanted="web", found="wep"),
        Difference(key="tier", wanted="front", found=None),
    )


WORDS: list[Any] = [
    pytest.param({"matchLabels": {"app": "web"}}, "app=web", id="pair"),
    pytest.param(expression("NotIn", "db"), "tier NotIn (db)", id="expression"),
    pytest.param({}, "any", id="empty"),
    pytest.param("odd", "any", id="not-a-selector"),
]


@pytest.mark.parametrize(("selector", "expected"), WORDS)
def test_words(selector: Any, expected: str) -> None:
    assert words(selector) == expected


KEYS: list[Any] = [
    pytest.param({"matchLabels": {"a": "1"}, "matchExpressions": [{"key": "b"}, None]}, {"a", "b"}, id="both-lists"),
    pytest.param({"matchLabels": "odd", "matchExpressions": "odd"}, set(), id="neither-is-one"),
    pytest.param(None, set(), id="null"),
]


@pytest.mark.parametrize(("selector", "expected"), KEYS)
def test_keys(selector: Any, expected: set[str]) -> None:
    assert keys_of(selector) == expected


def test_words_leave_out_what_is_no_expression() -> None:
    assert words({"matchExpressions": [None, {"key": "b", "operator": "Exists"}]}) == "b Exists"
