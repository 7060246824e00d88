"""The forms a sweep can be written in. Imports nothing, so that the command line can offer them before all else."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["SweepFormat"]


class SweepFormat(StrEnum):
    """How a sweep's report is written."""

    TERMINAL = "terminal"
    JSON = "json"
    JSONL = "jsonl"
    MARKDOWN = "markdown"
    JUNIT = "junit"
    NAGIOS = "nagios"
    PROMETHEUS = "prometheus"
