"""Live progress of a sweep: what stands in it, and that only a terminal ever sees it."""

from __future__ import annotations

import io

from rich.console import Console

from build import sweep as build
from ingressdoctor.model.report import Verdict
from ingressdoctor.render.page import Page
from ingressdoctor.render.sweep_progress import SweepProgress, SweepSnapshot


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def drawn(snapshot: SweepSnapshot, width: int = 80) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=width, markup=False, highlight=False).print(snapshot)
    return out.getvalue().splitlines()


def test_the_block_shows_rate_counts_and_time_left() -> None:
    counts = {Verdict.HEALTHY: 200, Verdict.BROKEN: 50}
    lines = drawn(
        SweepSnapshot(
            page=Page(),
            counts=counts,
            total=500,
            elapsed_s=65,
            rate=12.5,
            broken=(build.outcome(headline="x is down"),),
        )
    )

    assert lines[0].startswith("250 of 500 hostnames  ━━━━━━━━━━━━────────────  1 min 5 s  12/s  20 s left")
    assert lines[1].strip() == "✔ 200 healthy  ✖ 50 broken"
    assert lines[2] == "  x is down"


def test_without_a_total_there_is_no_time_left() -> None:
    lines = drawn(SweepSnapshot(page=Page(), counts={Verdict.UNKNOWN: 3}, elapsed_s=3, rate=1))

    assert lines[0] == "3 hostnames  3 s  1.0/s"
    assert lines[1].strip() == "? 3 unknown"


def test_it_is_safe_and_fits() -> None:
    hostile = build.outcome(headline="\x1b[31m[red]y\n✔ z" * 50)
    lines = drawn(SweepSnapshot(page=Page(), counts={Verdict.BROKEN: 10**9}, total=10**9, broken=(hostile,)), width=40)

    assert len(lines) == 3
    assert not any("\x1b" in line or len(line) > 40 for line in lines)


def test_what_is_no_terminal_gets_nothing() -> None:
    out = io.StringIO()
    with SweepProgress(out, Page(), 10) as progress:
        progress.done(build.outcome())
        progress.done(build.healthy())

    assert out.getvalue() == ""
    assert progress.snapshot().counts == {Verdict.BROKEN: 1, Verdict.HEALTHY: 1}


def test_a_terminal_sees_it_and_keeps_nothing() -> None:
    out = Terminal()
    with SweepProgress(out, Page(), 2) as progress:
        progress.done(build.outcome())
        progress.expect(3)

    assert "1 of 3 hostnames" in out.getvalue()
    assert out.getvalue().endswith("\x1b[2K")


def test_only_the_last_broken_ones_are_kept() -> None:
    progress = SweepProgress(io.StringIO(), Page())
    for number in range(1000):
        progress.done(build.outcome(f"h{number}"))

    assert [item.name for item in progress.snapshot().broken] == ["h997", "h998", "h999"]
    assert progress.snapshot().done == 1000
