"""Paths into plain data, as patches write them."""

from __future__ import annotations

from typing import Any

import pytest

from ingressdoctor.lab.paths import PathError, get_at, parse, remove_at, set_at


def data() -> dict[str, Any]:
    return {
        "spec": {"routes": [{"match": "a"}, {"match": "b", "n": 2}], "args": ["--x=1", "--y=2"]},
        "metadata": {"annotations": {"a.b/c": "1"}},
    }


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("spec.routes[0].match", ("a",), id="index"),
        pytest.param("spec.routes[*].match", ("a", "b"), id="every-element"),
        pytest.param("spec.routes[match=b].n", (2,), id="element-by-field"),
        pytest.param("spec.routes[match=b,n=2].n", (2,), id="element-by-two-fields"),
        pytest.param('metadata.annotations["a.b/c"]', ("1",), id="key-with-dots"),
        pytest.param('spec.args["--y=2"]', ("--y=2",), id="element-of-a-list-of-texts"),
    ],
)
def test_a_path_leads_to(path: str, expected: tuple[Any, ...]) -> None:
    assert get_at(data(), path) == expected


@pytest.mark.parametrize(
    ("path", "part"),
    [
        pytest.param("spec.rotes[0]", "nearest: routes", id="misspelt-key-names-the-nearest"),
        pytest.param("spec.routes[7].match", "list of 2", id="index-beyond-the-end"),
        pytest.param("spec.routes[match=z].n", "no element", id="no-element-with-that-field"),
        pytest.param("spec.routes.match", "no element 'match'", id="key-of-a-list"),
        pytest.param("spec.routes[0].match.x", "does not fit a str", id="key-of-a-scalar"),
        pytest.param("spec.routes[0", "cannot read", id="bracket-left-open"),
        pytest.param("", "empty path", id="empty"),
    ],
)
def test_a_path_that_leads_nowhere_says_why(path: str, part: str) -> None:
    with pytest.raises(PathError, match=part):
        get_at(data(), path)


def test_setting_makes_a_new_last_key_but_no_new_branch() -> None:
    root = data()
    set_at(root, 'metadata.annotations["new.key"]', "v")
    assert root["metadata"]["annotations"]["new.key"] == "v"
    with pytest.raises(PathError):
        set_at(root, "metadata.labels.app", "x")


def test_appending_and_removing_change_the_list_in_place() -> None:
    root = data()
    set_at(root, "spec.args[+]", "--z=3")
    remove_at(root, 'spec.args["--x=1"]')
    assert root["spec"]["args"] == ["--y=2", "--z=3"]
    remove_at(root, "spec.routes[*]")
    assert root["spec"]["routes"] == []


def test_appending_to_a_mapping_is_refused() -> None:
    with pytest.raises(PathError, match="only a list"):
        set_at(data(), "metadata[+]", 1)


def test_a_bracketed_plus_and_a_key_called_plus_differ() -> None:
    assert parse("[+]") != parse("a")
    root: dict[str, Any] = {"+": 1}
    set_at(root, '["+"]', 2)
    assert root == {"+": 2}
