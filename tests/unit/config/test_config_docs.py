"""docs/configuration.md says what the code does."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingressdoctor.config import example_toml
from ingressdoctor.config.keys import KEYS, Key

PAGE = (Path(__file__).parents[3] / "docs/configuration.md").read_text(encoding="utf-8")


def test_the_example_is_the_one_that_init_writes() -> None:
    assert example_toml() in PAGE


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.path)
def test_every_key_is_described(key: Key) -> None:
    assert f"| `{key.path}` | {key.about} | `{key.example}` |" in PAGE
