"""Lists of networks against one another."""

from __future__ import annotations

import pytest

from ingressdoctor.routing.ranges import of_same_family, uncovered


@pytest.mark.parametrize(
    ("wanted", "by", "left"),
    [
        pytest.param(("10.1.0.0/16",), ("10.0.0.0/8",), (), id="inside-a-wider-one"),
        pytest.param(("104.16.0.0/12",), ("104.16.0.0/13", "104.24.0.0/13"), (), id="two-halves-cover-the-whole"),
        pytest.param(("104.16.0.0/12",), ("104.16.0.0/13",), ("104.16.0.0/12",), id="a-half-does-not"),
        pytest.param(("2606:4700::/32",), ("10.0.0.0/8", "2606:4700::/32"), (), id="ipv6"),
        pytest.param(("2606:4700::/32",), ("0.0.0.0/0",), ("2606:4700::/32",), id="families-are-apart"),
        pytest.param(("10.0.0.1", "no range"), ("no range",), ("10.0.0.1",), id="text-that-is-none"),
    ],
)
def test_uncovered(wanted: tuple[str, ...], by: tuple[str, ...], left: tuple[str, ...]) -> None:
    assert uncovered(wanted, by) == left


def test_families() -> None:
    both = ("10.0.0.0/8", "2606:4700::/32", "x")

    assert of_same_family(both, ("192.0.2.0/24", "y")) == ("10.0.0.0/8",)
    assert of_same_family(both, ()) == ()
