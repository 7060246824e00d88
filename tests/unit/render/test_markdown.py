"""Markdown: values from outside stay text."""

from __future__ import annotations

import pytest

from build import report as build
from build.values import replace
from ingressdoctor.render.markdown import code, escaped, report_to_markdown
from ingressdoctor.render.page import Page


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("[x](http://evil)", r"\[x\](http://evil)", id="link"),
        pytest.param("![x](y)", r"\!\[x\](y)", id="image"),
        pytest.param("<img src=x onerror=y>", r"\<img src=x onerror=y\>", id="html"),
        pytest.param("a | b", r"a \| b", id="table"),
        pytest.param("# head", r"\# head", id="heading"),
        pytest.param("- item", r"\- item", id="list"),
        pytest.param("1. item", r"1\. item", id="numbered-list"),
        pytest.param("a\n\n# head", r"a \# head", id="line-breaks"),
        pytest.param("@team", r"\@team", id="mention"),
        pytest.param("&lt;b&gt;", r"\&lt;b\&gt;", id="entity"),
        pytest.param("`a`", r"\`a\`", id="code"),
        pytest.param("\x1b[31m", r"\\x1b\[31m", id="escape"),
    ],
)
def test_escaped(text: str, expected: str) -> None:
    assert escaped(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a", "`a`", id="plain"),
        pytest.param("a`b", "`` a`b ``", id="tick"),
        pytest.param("```", "```` ``` ````", id="ticks"),
        pytest.param("", "` `", id="empty"),
    ],
)
def test_code(text: str, expected: str) -> None:
    assert code(text) == expected


def test_a_command_cannot_end_its_block() -> None:
    text = report_to_markdown(build.hostile("x\n```\n# head"), Page(verbose=True))

    assert "\n```\n# head" not in text
    assert "\n# head" not in text
    assert text.count("\n````") == 4


def test_a_confirmed_cause_says_so() -> None:
    report = build.broken()
    confirmed = replace(report.diagnosis, confirmed="As predicted, it gets [503].")

    assert r"- Confirmed: As predicted, it gets \[503\]." in report_to_markdown(
        replace(report, diagnosis=confirmed), Page(width=80)
    )
