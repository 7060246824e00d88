"""Label selectors as command lines hold them, against labels."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingressdoctor.routing.label_selector import parse_selector

LABELS = {"tier": "edge", "app.kubernetes.io/name": "shop", "size": "7", "empty": ""}
MATCHES = [
    pytest.param("", True, id="nothing-asked"),
    pytest.param("tier=edge", True, id="equals"),
    pytest.param("tier==edge", True, id="double-equals"),
    pytest.param("tier=inner", False, id="another-value"),
    pytest.param("gone=edge", False, id="no-such-label"),
    pytest.param("tier!=inner", True, id="not-equal"),
    pytest.param("gone!=inner", True, id="a-missing-label-is-not-equal"),
    pytest.param("tier", True, id="exists"),
    pytest.param("gone", False, id="exists-not"),
    pytest.param("!gone", True, id="absent"),
    pytest.param("!tier", False, id="absent-not"),
    pytest.param("tier in (edge, inner)", True, id="in"),
    pytest.param("tier in (inner)", False, id="not-in-the-set"),
    pytest.param("tier notin (inner)", True, id="notin"),
    pytest.param("gone notin (inner)", True, id="a-missing-label-is-in-no-set"),
    pytest.param("gone in ()", False, id="empty-set"),
    pytest.param("tier=edge,app.kubernetes.io/name=shop", True, id="all-must-hold"),
    pytest.param("tier=edge,gone", False, id="one-does-not-hold"),
    pytest.param("empty=", True, id="empty-value"),
    pytest.param("size > 6", True, id="greater"),
    pytest.param("size < 6", False, id="less"),
    pytest.param("tier > 6", False, id="a-word-is-not-greater"),
    pytest.param("gone < 6", False, id="a-missing-label-is-not-less"),
]


@pytest.mark.parametrize(("text", "expected"), MATCHES)
def test_matches(text: str, expected: bool) -> None:
    selector = parse_selector(text)

    assert selector is not None
    assert selector.matches(LABELS) is expected


@pytest.mark.parametrize("text", ["=edge", "tier=a b", "tier in edge", "tier,", "a=b" + ",a=b" * 5000, "!", "a in (("])
def test_what_is_no_selector(text: str) -> None:
    assert parse_selector(text) is None


@given(st.text() | st.text(alphabet="ab=!,()<> innot"))
def test_any_text_is_a_selector_or_none(text: str) -> None:
    selector = parse_selector(text)

    assert selector is None or selector.matches(LABELS) in (True, False)
