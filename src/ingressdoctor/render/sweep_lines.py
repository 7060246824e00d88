"""JSON Lines: a line for every target as soon as it is judged, and one for the whole sweep at the end."""

from __future__ import annotations

from ingressdoctor.model.sweep import Outcome, SweepReport
from ingressdoctor.render.json_v1 import encode
from ingressdoctor.render.sweep_json import outcome_fields, summary_fields
from ingressdoctor.render.sweep_v1 import OutcomeLineV1, SummaryLineV1

__all__ = ["outcome_line", "summary_line"]


def outcome_line(outcome: Outcome) -> str:
    """Return one target as one line of JSON, with its line break."""
    return encode(OutcomeLineV1(**outcome_fields(outcome)), indent=0)


def summary_line(report: SweepReport, *, exit_code: int) -> str:
    """Return the last line: what the sweep comes to."""
    return encode(SummaryLineV1(**summary_fields(report, exit_code)), indent=0)
