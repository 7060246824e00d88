"""The house rules of the signatures: whole, worded alike, each with samples that mean it and nothing else."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

import pytest
import re2

from ingressdoctor.cli.explain import Program
from ingressdoctor.config import Settings
from ingressdoctor.knowledge.book import whole_book
from ingressdoctor.knowledge.signatures import COMPONENTS, Signature, signatures_of, titles
from ingressdoctor.wiring import load_catalog

ALL: Final = tuple(item for component in COMPONENTS for item in signatures_of(component))
STEPS: Final = {"dns", "edge", "tunnel", "balancer", "controller", "backend", "database", "certificates", "cluster"}
SAMPLES: Final = [pytest.param(item, sample, id=item.id) for item in ALL for sample in item.samples]


def test_there_are_many_and_their_ids_are_their_own() -> None:
    assert len(ALL) >= 500
    assert len({item.id for item in ALL}) == len(ALL)
    assert [*COMPONENTS] == [item.value for item in Program]
    assert set(titles()) == set(COMPONENTS)


@pytest.mark.parametrize("item", ALL, ids=lambda item: item.id)
def test_a_signature_is_whole_and_worded_like_its_neighbours(item: Signature) -> None:
    assert item.patterns
    assert item.samples
    assert item.source
    assert item.versions
    assert item.step in STEPS
    assert item.cause == item.cause.strip()
    assert not item.cause.endswith(".")
    assert not item.remedy.endswith(".")
    assert not item.remedy[0].isupper() or item.remedy.split()[0].isupper()
    for pattern in (*item.patterns, *item.own):
        assert re2.compile(pattern).search("") is None, "a pattern that is in every line"
        assert "\\\\" not in pattern, "backslashes are taken out of lines before they are matched"


@pytest.mark.parametrize(("item", "sample"), SAMPLES)
def test_a_sample_means_its_signature_and_no_other_of_equal_rank(item: Signature, sample: str) -> None:
    found = whole_book().matching(sample)

    assert found[0].id == item.id
    assert [other.id for other in found[1:] if other.rank == item.rank] == []


def test_every_check_that_is_named_exists() -> None:
    checks = {item.id for item in load_catalog(Settings()).checks}

    assert {name for item in ALL for name in item.checks} - checks == set()


def test_help_reads_none_of_them() -> None:
    code = (
        "import sys; from ingressdoctor.cli.app import run; run(['--help'], 'x'); print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)

    assert not [name for name in done.stderr.split() if name.startswith(("ingressdoctor.knowledge", "re2", "tomllib"))]
