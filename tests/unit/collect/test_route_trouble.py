"""Where the checks of dropped, tied and dead routes are handed the decision, and where there is nothing to say."""

import pytest

from build.outside import MISSING
from build.routes import HOST, a_candidate, a_decision, a_dropped
from build.values import replace
from ingressdoctor.api import DropReason, Outcome, RouteDecision, RouteTrouble, Target
from ingressdoctor.collect.route_trouble import collect_route_trouble

TARGET = Target.parse(HOST)
ROUTED = a_decision(a_candidate())
DECISIONS = [
    pytest.param(ROUTED, False, id="one-live-route"),
    pytest.param(replace(ROUTED, outcome=Outcome.REDIRECT), False, id="a-redirect-of-the-entry-point"),
    pytest.param(a_decision(), True, id="no-route"),
    pytest.param(replace(ROUTED, outcome=Outcome.AMBIGUOUS), True, id="a-tie"),
    pytest.param(replace(ROUTED, outcome=Outcome.UNDECIDED), True, id="undecided"),
    pytest.param(a_decision(a_candidate(), dropped=(a_dropped(DropReason.CLASS),)), True, id="another-was-left-out"),
    pytest.param(replace(ROUTED, limits=("Middlewares: 403",)), True, id="something-was-not-looked-at"),
]


@pytest.mark.parametrize(("decision", "told"), DECISIONS)
async def test_the_decision_is_told_where_something_may_be_wrong(decision: RouteDecision, *, told: bool) -> None:
    found = await collect_route_trouble.function(decision=decision, target=TARGET)

    assert found == RouteTrouble(of=(decision, TARGET) if told else None)


async def test_why_there_is_no_decision_is_said_as_it_is() -> None:
    assert await collect_route_trouble.function(decision=MISSING, target=TARGET) is MISSING
