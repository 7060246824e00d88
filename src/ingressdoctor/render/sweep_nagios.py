"""A sweep for Nagios, Icinga and their kin: one line, performance data, and their exit codes.

Source of the rules: the Monitoring Plugins' development guidelines. Other than the rest of ingressdoctor, 1 is a
warning and 2 is critical here.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ingressdoctor.model.sweep import SweepReport
from ingressdoctor.model.text import shorten
from ingressdoctor.render.sheet import safe
from ingressdoctor.render.sweep_words import headline

__all__ = ["UNKNOWN_CODE", "nagios_code", "refusal_to_nagios", "sweep_to_nagios"]

UNKNOWN_CODE: Final = 3

_WORDS: Final[Mapping[int, str]] = MappingProxyType({0: "OK", 1: "WARNING", 2: "CRITICAL", 3: "UNKNOWN"})
_MAX_LINE: Final = 500


def nagios_code(report: SweepReport) -> int:
    """Return 0 all well · 1 warnings, or failures whose incident is not open yet · 2 broken · 3 could not tell."""
    match report.exit_code():
        case 1:
            return 2
        case 3:
            return 3
        case _:
            return 1 if report.counts.degraded or _pending(report) else 0


def _pending(report: SweepReport) -> bool:
    return any(not item.suppressed and item.state == "pending" for item in report.incidents)


def sweep_to_nagios(report: SweepReport) -> str:
    """Return the one line with its performance data and a line break."""
    counts = report.counts
    told = _plain(headline(report))
    active = sum(item.active and not item.suppressed for item in report.incidents)
    data = (
        f"broken={counts.broken};;0;0;{counts.total}",
        f"degraded={counts.degraded};0;;0;{counts.total}",
        f"unknown={counts.unknown};;;0;{counts.total}",
        f"healthy={counts.healthy};;;0;{counts.total}",
        f"suppressed={counts.suppressed};;;0;{counts.total}",
        f"incidents={active};;0;0;",
        f"time={report.elapsed_s:.3f}s;;;0;",
    )
    return f"INGRESSDOCTOR {_WORDS[nagios_code(report)]} - {told} | {' '.join(data)}\n"


def refusal_to_nagios(message: str) -> str:
    """Return the line for a sweep that could not begin; its code is ``UNKNOWN_CODE``, also where usage was wrong."""
    return f"INGRESSDOCTOR {_WORDS[UNKNOWN_CODE]} - {_plain(safe(message))}\n"


def _plain(text: str) -> str:
    # What stands after a bar is data, and a semicolon ends a command in the pipe that carries results.
    return shorten(text, _MAX_LINE).replace("|", "/").replace(";", ",")
