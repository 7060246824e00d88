"""Write a sweep's report in the form that was asked for. Loads what draws only when it draws."""

from __future__ import annotations

from ingressdoctor.model.sweep import SweepReport
from ingressdoctor.render.page import Page
from ingressdoctor.render.sweep_format import SweepFormat

__all__ = ["render_sweep"]


def render_sweep(report: SweepReport, *, format: SweepFormat, page: Page, exit_code: int | None = None) -> str:  # noqa: A002
    """Return the report as text that ends with a line break.

    Args:
        report: The sweep. JUnit lists the targets in ``outcomes``, so all of them should be there.
        format: In which form; JSON Lines is the last line only, the others are written as outcomes come.
        page: What it is drawn on; width and colour count for the terminal only.
        exit_code: What the process will end with, for JSON; default: the report's own.
    """
    code = report.exit_code() if exit_code is None else exit_code
    match format:
        case SweepFormat.TERMINAL:
            from ingressdoctor.render.sweep_terminal import sweep_to_terminal

            text = sweep_to_terminal(report, page)
        case SweepFormat.JSON:
            from ingressdoctor.render.sweep_json import sweep_to_json

            text = sweep_to_json(report, exit_code=code)
        case SweepFormat.JSONL:
            from ingressdoctor.render.sweep_lines import summary_line

            text = summary_line(report, exit_code=code)
        case SweepFormat.MARKDOWN:
            from ingressdoctor.render.sweep_markdown import sweep_to_markdown

            text = sweep_to_markdown(report, page)
        case SweepFormat.JUNIT:
            from ingressdoctor.render.sweep_junit import sweep_to_junit

            text = sweep_to_junit(report)
        case SweepFormat.NAGIOS:
            from ingressdoctor.render.sweep_nagios import sweep_to_nagios

            text = sweep_to_nagios(report)
        case SweepFormat.PROMETHEUS:
            from ingressdoctor.render.prometheus import exposition

            text = exposition(report)
    return text
