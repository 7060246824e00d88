"""YAML and JSON of any number of documents: what Kubernetes' reader makes of them, and every refusal with its line."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ingressdoctor.collect.documents import Document, Fault, read_documents


def values(text: str) -> list[Any]:
    return [item.value if isinstance(item, Document) else item.reason for item in read_documents(text)]


SCALARS = [
    pytest.param("1", 1, id="integer"),
    pytest.param("0777", 511, id="octal-of-yaml-1.1"),
    pytest.param("0o17", 15, id="octal"),
    pytest.param("0x1F", 31, id="hexadecimal"),
    pytest.param("-0b101", -5, id="binary"),
    pytest.param("1_000", 1000, id="underscores"),
    pytest.param("1.5", 1.5, id="float"),
    pytest.param("1e3", 1000.0, id="exponent"),
    pytest.param("08", 8.0, id="no-octal-is-a-float"),
    pytest.param("1:30", "1:30", id="no-base-60"),
    pytest.param("2020-01-01", "2020-01-01", id="dates-stay-text"),
    pytest.param("on", True, id="on-is-a-boolean"),
    pytest.param("No", False, id="no-is-a-boolean"),
    pytest.param("~", None, id="tilde-is-null"),
    pytest.param("", None, id="nothing-is-null"),
    pytest.param("'on'", "on", id="quoted-is-text"),
    pytest.param("!!str 1", "1", id="tagged-text"),
    pytest.param("!!int '1'", 1, id="tagged-integer"),
    pytest.param("!!python/object:os.system x", "x", id="foreign-tags-are-text"),
    pytest.param("Y", True, id="y-is-a-boolean"),
]


@pytest.mark.parametrize(("text", "expected"), SCALARS)
def test_scalars(text: str, expected: object) -> None:
    assert values(f"a: {text}\n") == [{"a": expected}]


DOCUMENTS = [
    pytest.param("", [], id="nothing"),
    pytest.param("# only a comment\n", [], id="a-comment"),
    pytest.param("---\n---\n\n---\n", [], id="empty-documents"),
    pytest.param("a: 1\n---\nb: 2\n", [{"a": 1}, {"b": 2}], id="two"),
    pytest.param("--- {a: 1}\n--- # said\nb: 2\n", [{"a": 1}, {"b": 2}], id="on-the-line-of-the-mark"),
    pytest.param("%YAML 1.1\n---\na: 1\n...\n", [{"a": 1}], id="directive-and-end"),
    pytest.param("a: |\n  x\n   ---\n  y\n", [{"a": "x\n ---\ny\n"}], id="a-mark-within-a-text"),
    pytest.param('{"a": [1]}', [{"a": [1]}], id="json"),
    pytest.param('{"a": 1}\n{"b": 2}', [{"a": 1}, {"b": 2}], id="json-one-after-the-other"),
    pytest.param("{a: 1}", [{"a": 1}], id="flow-style-is-no-json"),
    pytest.param("a: &x [1]\nb: *x\n", [{"a": [1], "b": [1]}], id="aliases"),
    pytest.param(
        "a: &x {p: 1, q: 2}\nb:\n  <<: *x\n  q: 3\n", [{"a": {"p": 1, "q": 2}, "b": {"p": 1, "q": 3}}], id="merge"
    ),
    pytest.param("b:\n  <<: [{p: 1}, {p: 2, q: 2}]\n", [{"b": {"p": 1, "q": 2}}], id="merge-of-several"),
    pytest.param("'<<': 1\n", [{"<<": 1}], id="a-quoted-merge-key-is-a-key"),
    pytest.param("&k a: 1\nb: *k\n", [{"a": 1, "b": "a"}], id="anchor-on-a-key"),
]


@pytest.mark.parametrize(("text", "expected"), DOCUMENTS)
def test_documents(text: str, expected: list[Any]) -> None:
    assert values(text) == expected


FAULTS = [
    pytest.param("x: 1\na: 1\na: 2\n", 3, "'a' is set twice", id="key-set-twice"),
    pytest.param("a: &a [*a]\n", 1, "contains itself", id="recursion"),
    pytest.param("a: &a {b: *a}\n", 1, "contains itself", id="recursion-through-a-mapping"),
    pytest.param("\na: *gone\n", 2, "is not defined", id="unknown-alias"),
    pytest.param("? [a]\n: 1\n", 1, "a key is a list", id="a-list-as-key"),
    pytest.param("a: {{ .Values.x }}\n", 1, "not rendered", id="template-as-value"),
    pytest.param("a: 1\n{{- if .Values.x }}\nb: 2\n", 2, "not rendered", id="template-as-line"),
    pytest.param("a: [1", 2, "not YAML", id="unclosed"),
    pytest.param("\ta: 1\n", 1, "not YAML", id="tab"),
    pytest.param("a: \x01\n", 1, "not YAML", id="control-character"),
    pytest.param('a: "\\ud800"\n', 1, "not YAML", id="half-a-character"),
    pytest.param("[" * 5_000, 1, "nested deeper", id="nested"),
    pytest.param("a: " + "{a: " * 200, 1, "nested deeper", id="nested-mappings"),
]


@pytest.mark.parametrize(("text", "line", "reason"), FAULTS)
def test_a_broken_document_is_named_and_does_not_hide_the_next(text: str, line: int, reason: str) -> None:
    before, fault, after = read_documents(f"z: 0\n---\n{text}\n---\nz: 1\n")

    assert isinstance(before, Document)
    assert isinstance(after, Document)
    assert isinstance(fault, Fault)
    assert (before.value, after.value) == ({"z": 0}, {"z": 1})
    assert reason in fault.reason
    assert fault.number == 2
    assert fault.line in (line + 1, line + 2)  # the mark's own line, and what follows it


def test_a_bomb_of_anchors_is_counted_not_expanded() -> None:
    lines = ["a: &a [x,x,x,x,x,x,x,x,x]"]
    lines += [f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]" for i in range(12)]
    began = time.process_time()

    (fault,) = read_documents("\n".join(lines))

    assert isinstance(fault, Fault)
    assert "more than" in fault.reason
    assert time.process_time() - began < 5


def test_the_place_of_a_document_is_its_first_line_and_its_template() -> None:
    text = "---\n# Source: shop/templates/a.yaml\n\na: 1\n---\n# Source: shop/templates/b.yaml\nb: 1\nb: 2\n"

    first, second = read_documents(text)

    assert isinstance(first, Document)
    assert isinstance(second, Fault)
    assert (first.line, first.source) == (4, "shop/templates/a.yaml")
    assert (second.line, second.source) == (8, "shop/templates/b.yaml")


@given(st.text(max_size=300))
def test_no_text_makes_it_fail(text: str) -> None:
    for item in read_documents(text):
        assert isinstance(item, (Document, Fault))


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(st.characters(codec="ascii"), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text("xyz", min_size=1), PLAIN, max_size=5))
def test_what_was_written_is_read_again(value: dict[str, Any]) -> None:
    assert values(yaml.safe_dump(value, default_style='"')) == [value]  # plain, Y would be a boolean
    assert values(json.dumps(value)) == [value]
