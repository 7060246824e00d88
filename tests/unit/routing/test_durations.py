from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingressdoctor.routing.durations import duration_error, parse_duration


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        pytest.param("30s", 30 * 10**9, id="seconds"),
        pytest.param("1h2m3s", 3_723 * 10**9, id="several-units"),
        pytest.param("1.5h", 5_400 * 10**9, id="fraction"),
        pytest.param(".5s", 5 * 10**8, id="point-first"),
        pytest.param("1.s", 10**9, id="point-last"),
        pytest.param("10ms5us7ns", 10_005_007, id="small-units"),
        pytest.param("1\u00b5s", 1_000, id="micro-sign"),
        pytest.param("1\u03bcs", 1_000, id="greek-mu"),
        pytest.param("0", 0, id="zero"),
        pytest.param("-0", 0, id="minus-zero"),
        pytest.param("-5s", -5 * 10**9, id="negative"),
        pytest.param("+5s", 5 * 10**9, id="sign"),
        pytest.param("-9223372036854775808ns", -(2**63), id="least"),
    ],
)
def test_durations(text: str, nanoseconds: int) -> None:
    assert parse_duration(text) == nanoseconds


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("-", id="sign-alone"),
        pytest.param("30", id="no-unit"),
        pytest.param("30 s", id="blank"),
        pytest.param("3d", id="days"),
        pytest.param(".s", id="point-alone"),
        pytest.param("s", id="unit-alone"),
        pytest.param("9223372036854775808ns", id="beyond-64-bits"),
        pytest.param("9999999999h", id="one-part-too-large"),
        pytest.param("2562047h2562047h", id="sum-too-large"),
        pytest.param("0" * 300 + "s", id="beyond-measure"),
    ],
)
def test_what_is_no_duration(text: str) -> None:
    assert parse_duration(text) is None


@given(st.text(alphabet="0123456789.hmsnu-+ \u00b5", max_size=30))
def test_any_text_is_a_duration_or_none(text: str) -> None:
    found = parse_duration(text)

    assert found is None or -(2**63) <= found < 2**63


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("5s", "", id="right"),
        pytest.param("5", 'time: missing unit in duration "5"', id="no-unit"),
        pytest.param("1m5", 'time: missing unit in duration "1m5"', id="no-unit-at-the-end"),
        pytest.param("3d", 'time: unknown unit "d" in duration "3d"', id="unknown-unit"),
        pytest.param("x", 'time: invalid duration "x"', id="no-number"),
        pytest.param("1s.s", 'time: invalid duration "1s.s"', id="point-alone"),
        pytest.param("-", 'time: invalid duration "-"', id="sign-alone"),
        pytest.param("2562047h2562047h", 'time: invalid duration "2562047h2562047h"', id="too-large"),
        pytest.param("1" * 300, f'time: invalid duration "{"1" * 200}"', id="beyond-measure"),
    ],
)
def test_errors_in_gos_words(text: str, said: str) -> None:
    assert duration_error(text) == said
