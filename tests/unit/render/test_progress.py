"""Progress: what stands in the live tree, and the plain lines."""

from __future__ import annotations

import io

from rich.console import Console

from build import report as build
from ingressdoctor.render.page import Page
from ingressdoctor.render.progress import LiveProgress, PlainProgress, Snapshot


def drawn(snapshot: Snapshot) -> str:
    out = io.StringIO()
    Console(file=out, width=60, markup=False, highlight=False).print(snapshot)
    return out.getvalue()


def test_the_tree_shows_steps_and_what_is_being_looked_at() -> None:
    results = (build.result("edge.answers", "outside", build.EDGE_522),)
    text = drawn(
        Snapshot(
            page=Page(),
            target="www.wecare.gr",
            walk=build.WALK,
            results=results,
            pending=("DNS", "pods", "nodes", "events", "logs"),
        )
    )

    assert "  ✖ 1 Is it up from outside?" in text
    assert "  … 2 Does DNS point at Cloudflare?" in text
    assert "looking at DNS, pods, nodes, events and 1 more" in text


def test_the_tree_is_safe() -> None:
    text = drawn(Snapshot(page=Page(), target="[bold]x", pending=("\x1b[31m[red]y\n✔ z",)))

    assert "[bold]x" in text
    assert "\x1b" not in text
    assert len(text.splitlines()) == 2


def test_live_progress_leaves_nothing_behind_without_a_terminal() -> None:
    out = io.StringIO()
    with LiveProgress(out, Page(), "www.wecare.gr") as progress:
        progress.walk_chosen(build.WALK, "because")
        progress.evidence_started("DNS")
        progress.evidence_done("DNS", True)
        progress.check_done(build.result("edge.answers", "outside", build.EDGE_522))

    assert "\x1b" not in out.getvalue()


def test_plain_lines() -> None:
    out = io.StringIO()
    with PlainProgress(out, Page()) as progress:
        progress.walk_chosen(build.WALK, "because\n✔ fake")
        progress.evidence_started("DNS")
        progress.evidence_done("DNS", True)
        progress.evidence_done("the pods", False)
        progress.check_done(build.result("edge.answers", "outside", build.EDGE_522))
    lines = [line.partition(" s  ")[2] for line in out.getvalue().splitlines()]

    assert lines == ["walk public: because ✔ fake", "looked at DNS", "could not look at the pods", "✖ edge.answers"]
