"""The table of targets: its columns stand below each other, however long the names are."""

from __future__ import annotations

import pytest

from ingressdoctor.render.lists import HostV1, TargetsV1, targets_to_terminal
from ingressdoctor.render.page import Page


def a_host(name: str) -> HostV1:
    return HostV1(hostname=name, target=name, objects=("Ingress shop/web",), walk="public")


@pytest.mark.parametrize(
    ("longest", "width"),
    [
        pytest.param(10, 80, id="short-names"),
        pytest.param(45, 80, id="names-of-more-than-half-the-page"),
        pytest.param(30, 60, id="narrow-page"),
    ],
)
def test_walks_stand_in_one_column(longest: int, width: int) -> None:
    view = TargetsV1(hosts=(a_host("a.example"), a_host("b" * longest)), limits=())
    lines = targets_to_terminal(view, Page(width=width)).splitlines()

    assert {line.index("public") for line in lines if "public" in line} == {longest + 2}
    assert all(len(line) <= width for line in lines)


def test_a_page_that_is_narrower_than_its_columns_is_filled_all_the_same() -> None:
    view = TargetsV1(hosts=(a_host("shop.example.org"),), limits=())

    assert "public" in targets_to_terminal(view, Page(width=20))
