"""Lines in the forms that people reported, written anew: each means what was found out in the end."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Final

from ingressdoctor.knowledge.book import whole_book
from ingressdoctor.knowledge.signatures import COMPONENTS

LINES: Final = Path(__file__).with_name("reported.tsv").read_text(encoding="utf-8").splitlines()
REPORTED: Final = {line: meaning for meaning, line in (item.split("\t", 1) for item in LINES)}


def test_a_reported_line_means_what_was_found_out() -> None:
    found = {line: whole_book().recognise(line) for line in REPORTED}

    assert {line: item and item.id for line, item in found.items()} == REPORTED


def test_the_lines_come_from_every_program_that_writes_a_log() -> None:
    programs = Counter(meaning.split(".", 1)[0] for meaning in REPORTED.values())

    assert set(programs) == set(COMPONENTS) - {"cloudflare"}
    assert min(programs.values()) >= 4
