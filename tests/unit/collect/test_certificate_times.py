"""When cert-manager renews, by its own rule."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from ingressdoctor.collect.certificate_times import parse_duration, renewal_time

DATES = {"notBefore": "2026-10-01T00:00:00Z", "notAfter": "2026-12-30T00:00:00Z"}
SIX = {"notBefore": "2026-11-18T00:00:00Z", "notAfter": "2026-11-24T16:00:00Z"}

RENEWALS: list[Any] = [
    pytest.param({}, {**DATES, "renewalTime": "2026-11-11T00:00:00Z"}, "2026-11-11T00:00:00Z", id="as-written"),
    pytest.param({}, DATES, "2026-11-30T00:00:00Z", id="a-third-of-ninety-days"),
    pytest.param({}, SIX, "2026-11-22T10:40:00Z", id="a-third-of-six-days"),
    pytest.param({"renewBefore": "360h0m0s"}, DATES, "2026-12-15T00:00:00Z", id="renew-before"),
    pytest.param({"renewBefore": "9000h"}, DATES, "2026-11-30T00:00:00Z", id="renew-before-beyond-the-lifetime"),
    pytest.param({"renewBeforePercentage": 10}, DATES, "2026-12-21T00:00:00Z", id="percentage"),
    pytest.param({"renewBeforePercentage": 100}, DATES, "2026-11-30T00:00:00Z", id="percentage-out-of-range"),
    pytest.param({"renewBeforePercentage": True}, DATES, "2026-11-30T00:00:00Z", id="percentage-of-another-type"),
    pytest.param(
        {"renewBefore": "240h", "renewBeforePercentage": 50}, DATES, "2026-12-20T00:00:00Z", id="duration-goes-first"
    ),
    pytest.param({"renewal": {"policy": "Disabled"}}, DATES, "", id="never"),
    pytest.param({}, {"notAfter": "2026-12-30T00:00:00Z"}, "", id="no-beginning"),
    pytest.param({}, {"notBefore": DATES["notAfter"], "notAfter": DATES["notBefore"]}, "", id="upside-down"),
    pytest.param({}, {"notBefore": 5, "notAfter": None}, "", id="not-times"),
]


@pytest.mark.parametrize(("spec", "status", "due"), RENEWALS)
def test_renewal_time(spec: dict[str, Any], status: dict[str, Any], due: str) -> None:
    assert renewal_time(spec, status) == due


DURATIONS: list[Any] = [
    pytest.param("2160h0m0s", timedelta(days=90), id="as-the-api-writes"),
    pytest.param("1h30m", timedelta(hours=1.5), id="parts"),
    pytest.param("1.5h", timedelta(hours=1.5), id="fraction"),
    pytest.param("500ms", timedelta(milliseconds=500), id="milliseconds"),
    pytest.param("30d", None, id="go-knows-no-days"),
    pytest.param("h", None, id="no-number"),
    pytest.param("", None, id="empty"),
    pytest.param("9" * 12 + "h", None, id="absurd"),
    pytest.param("1h" * 100, None, id="long"),
    pytest.param(3600, None, id="number"),
    pytest.param(None, None, id="null"),
]


@pytest.mark.parametrize(("text", "duration"), DURATIONS)
def test_durations(text: object, duration: timedelta | None) -> None:
    assert parse_duration(text) == duration
