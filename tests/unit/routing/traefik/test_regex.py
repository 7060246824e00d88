from __future__ import annotations

import pytest

from ingressdoctor.routing.traefik.errors import RuleError
from ingressdoctor.routing.traefik.regex import replace_all


@pytest.mark.parametrize(
    ("pattern", "template", "text", "expected"),
    [
        pytest.param("a(b)", "$1$1", "xabx", "xbbx", id="group-by-number"),
        pytest.param("(?P<n>b)", "<${n}>", "abc", "a<b>c", id="group-by-name"),
        pytest.param("b", "$$", "abc", "a$c", id="dollar"),
        pytest.param("(b)", "$1x", "abc", "ac", id="the-longest-name-counts"),
        pytest.param("(b)", "${2}", "abc", "ac", id="no-such-group"),
        pytest.param("b|(z)", "[$1]", "abc", "a[]c", id="group-that-took-no-part"),
        pytest.param("a*", "x", "baac", "xbxcx", id="empty-match-after-a-match-dropped"),
        pytest.param("z", "x", "abc", "abc", id="no-match"),
    ],
)
def test_replacement_as_go_does_it(pattern: str, template: str, text: str, expected: str) -> None:
    assert replace_all(pattern, template, text) == expected


def test_a_pattern_that_go_refuses() -> None:
    with pytest.raises(RuleError, match="missing closing"):
        replace_all("[", "", "x")
