"""Lines are counted once each, in bounded memory, whatever the pieces they arrive in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ingressdoctor.knowledge.lines import MAX_LINE
from ingressdoctor.knowledge.tally import Tally, split_lines

REFUSED = "2026/03/01 10:00:00 [error] 1#1: *1 connect() failed (111: x) while connecting to upstream"
PROBE = '2026/03/01 10:00:00 [error] 1#1: *1 broken header: "" while reading PROXY protocol'
VAGUE = '2026-03-01T10:00:00Z ERR error="odd" routerName=shop@kubernetes'


def test_lines_are_counted_and_placed() -> None:
    tally = Tally()
    for line in ("", PROBE, "fine", REFUSED, "  ", REFUSED, VAGUE, VAGUE, VAGUE, "x ERR odd", "x ERR odd"):
        tally.take(line)

    assert (tally.lines, tally.recognised, tally.unknown, tally.examples) == (9, 6, 2, ["x ERR odd"])
    assert [(item.signature.id, item.count, item.first, item.last) for item in tally.known()] == [
        ("ingress-nginx.upstream-refused", 2, 4, 6),
        ("traefik.object-failed", 3, 7, 9),
        ("ingress-nginx.proxy-protocol-probe", 1, 2, 2),
    ]


def test_what_is_kept_is_clean_and_little() -> None:
    tally = Tally()
    for number in range(50):
        tally.take(f"ERR odd {number} password=hunter{number} \x1b[31m" + "x" * 10_000)
    tally.take(f"{REFUSED} Authorization: Bearer abcdefghijklmnop \x07")

    assert len(tally.examples) == 5
    assert all(len(item) <= 400 and "hunter" not in item and "\x1b" not in item for item in tally.examples)
    assert "abcdefgh" not in tally.known()[0].line
    assert "\x07" not in tally.known()[0].line


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        pytest.param([b"a\nb", b"c\n"], ["a", "bc"], id="a-line-in-two-pieces"),
        pytest.param([b"a\n\nb"], ["a", "", "b"], id="an-empty-line-and-no-end"),
        pytest.param([], [], id="nothing"),
        pytest.param([b"\xff\n"], ["�"], id="no-utf-8"),
        pytest.param([b"a\r\n"], ["a\r"], id="windows"),
    ],
)
def test_split_lines(chunks: list[bytes], expected: list[str]) -> None:
    assert list(split_lines(iter(chunks))) == expected


def test_an_endless_line_is_cut_while_it_is_read() -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(200):
            yield b"x" * 65_536
        yield b"\nend\n"

    first, second = split_lines(endless())

    assert len(first) == MAX_LINE + 1
    assert second == "end"
