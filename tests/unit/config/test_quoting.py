"""A string that the program writes into TOML is read back as it was."""

from __future__ import annotations

import tomllib

import pytest

from ingressdoctor.config.quoting import quoted


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param('a "b" \\c', id="quotes-and-backslashes"),
        pytest.param("a\nb\tc\x00\x1b\x7f", id="control-characters"),
        pytest.param("πύλη", id="not-ascii"),
    ],
)
def test_quoted_is_read_back(text: str) -> None:
    assert tomllib.loads(f"key = {quoted(text)}") == {"key": text}
