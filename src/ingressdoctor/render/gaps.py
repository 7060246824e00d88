"""What a report could not look at, each gap once, with what would enable the look."""

from __future__ import annotations

import msgspec

from ingressdoctor.model.finding import Status
from ingressdoctor.model.report import Report
from ingressdoctor.render.words import one_line

__all__ = ["Gap", "gaps_of"]


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that could not be looked at, why, and what would enable it."""

    wanted: str
    reason: str
    enable_with: str

    @property
    def text(self) -> str:
        """The gap as one line."""
        what = f"not seen: {self.wanted} ({self.reason})" if self.reason else self.wanted
        return one_line(f"{what} -> {self.enable_with}" if self.enable_with else what)


def gaps_of(report: Report) -> tuple[Gap, ...]:
    """Return the gaps in the order of the walk; several checks that miss the same thing make one gap."""
    found: dict[tuple[str, str], Gap] = {}
    for step in report.steps:
        for result in step.results:
            if result.missing is not None:
                missing = result.missing
                gap = Gap(wanted=missing.wanted, reason=missing.reason, enable_with=missing.enable_with)
                found.setdefault((gap.reason, gap.enable_with), gap)
                continue
            for finding in result.findings:
                if finding.status is Status.UNKNOWN:
                    gap = Gap(wanted=finding.summary, reason="", enable_with=finding.enable_with)
                    found.setdefault((gap.wanted, gap.enable_with), gap)
    return tuple(found.values())
