"""Every scenario of every world: the right cause first, the right symptom, no false alarm, few requests."""

from __future__ import annotations

import pytest

from ingressdoctor.lab import Fault
from scenarios import run_scenario, scenarios

MAX_KUBE_REQUESTS = 15


@pytest.mark.lab
@pytest.mark.parametrize("scenario", scenarios(), ids=lambda item: f"{item.world}-{item.name}")
def test_scenario(scenario: Fault) -> None:
    outcome = run_scenario(scenario)

    assert outcome.right, str(outcome)
    assert outcome.kube_requests <= MAX_KUBE_REQUESTS
