"""The house rules of the signatures: whole, worded alike, each with samples that mean it and nothing else."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

import re2

from ingressdoctor.cli.explain import Program
from ingressdoctor.config import Settings
from ingressdoctor.knowledge.book import whole_book
from ingressdoctor.knowledge.signatures import COMPONENTS, Signature, signatures_of, titles
from ingressdoctor.wiring import load_catalog

ALL: Final = tuple(item for component in COMPONENTS for item in signatures_of(component))
STEPS: Final = {"dns", "edge", "tunnel", "balancer", "controller", "backend", "database", "certificates", "cluster"}
BACKSLASHES: Final = r"\\"


def test_there_are_many_and_their_ids_are_their_own() -> None:
    assert len(ALL) >= 900
    assert len({item.id for item in ALL}) == len(ALL)
    assert [*COMPONENTS] == [item.value for item in Program]
    assert set(titles()) == set(COMPONENTS)


def faults_of(item: Signature) -> list[str]:
    """Say what is wrong with the wording or the patterns of one signature."""
    found = [name for name in ("patterns", "samples", "source", "versions", "remedy") if not getattr(item, name)]
    found += ["step"] if item.step not in STEPS else []
    found += ["full stop"] if item.cause.endswith(".") or item.remedy.endswith(".") else []
    found += ["white space"] if item.cause != item.cause.strip() or item.remedy != item.remedy.strip() else []
    first = item.remedy.split()[0]
    found += ["capital"] if first[0].isupper() and not first.isupper() else []
    for pattern in (*item.patterns, *item.own):
        found += [f"in every line: {pattern}"] if re2.compile(pattern).search("") else []
        # Backslashes are taken out of lines before they are matched.
        found += [f"backslash: {pattern}"] if BACKSLASHES in pattern else []
    return found


def test_signatures_are_whole_and_worded_alike() -> None:
    assert {item.id: faults for item in ALL if (faults := faults_of(item))} == {}


def test_a_sample_means_its_signature_and_no_other_of_equal_rank() -> None:
    wrong = {}
    for item in ALL:
        for sample in item.samples:
            found = whole_book().matching(sample)
            if not found or found[0].id != item.id or any(other.rank == item.rank for other in found[1:]):
                wrong[item.id] = [(other.id, other.rank) for other in found]

    assert wrong == {}


def test_every_check_that_is_named_exists() -> None:
    checks = {item.id for item in load_catalog(Settings()).checks}

    assert {name for item in ALL for name in item.checks} - checks == set()


def test_help_reads_none_of_them() -> None:
    code = (
        "import sys; from ingressdoctor.cli.app import run; run(['--help'], 'x'); print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)

    assert not [name for name in done.stderr.split() if name.startswith(("ingressdoctor.knowledge", "re2", "tomllib"))]
