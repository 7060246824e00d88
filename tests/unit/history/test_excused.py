"""Which broken targets nobody is told of, by their incidents."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from build.sweep import incident
from ingressdoctor.history import excused
from ingressdoctor.model.history import HostSummary, State, Uptime
from ingressdoctor.model.report import Verdict
from ingressdoctor.model.sweep import IncidentState

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def host(verdict: Verdict = Verdict.BROKEN, suppressed: str = "") -> HostSummary:
    state = State(name="a.org", verdict=verdict, since=NOW, last_seen=NOW, looks=1, suppressed=suppressed)
    return HostSummary(state=state, uptime=Uptime(period_s=1))


known = incident(members=("a.org",), suppressed="known")
told = incident(members=("a.org",))
over = incident(members=("a.org",), state=IncidentState.CLOSED)
other = incident(members=("b.org",))


@pytest.mark.parametrize(
    ("row", "incidents", "expected"),
    [
        pytest.param(host(), (known,), "known", id="its-incident-is-suppressed"),
        pytest.param(host(), (known, told), "", id="another-incident-is-told"),
        pytest.param(host(), (told, known), "", id="another-incident-is-told-whatever-the-order"),
        pytest.param(host(), (over, known), "known", id="what-is-over-does-not-count"),
        pytest.param(host(), (known, other), "known", id="incidents-of-others-do-not-count"),
        pytest.param(host(), (), "", id="no-incident"),
        pytest.param(host(Verdict.HEALTHY), (known,), "", id="well-is-well"),
        pytest.param(host(suppressed="a window"), (known,), "a window", id="its-own-reason-stays"),
    ],
)
def test_excused(row: HostSummary, incidents: tuple[object, ...], expected: str) -> None:
    assert [each.state.suppressed for each in excused((row,), incidents)] == [expected]  # type: ignore[arg-type]
