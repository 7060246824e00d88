from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from ingressdoctor.errors import UsageError
from ingressdoctor.evidence.discovery import Discovered, FoundName
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.target import Target
from ingressdoctor.sweeping.lists import name_of
from ingressdoctor.sweeping.targets import Filters, Targets, from_discovered, read_list

LIST = """\
\ufeff# the shops
shop.example.org
  SHOP2.example.org.   # with a comment

https://shop.example.org/
https://shop.example.org/health
mysql://db.example.org
grpcs://api.example.org
bad host
http://
shop2.example.org
\x00\x1b[31m
"""


def a_list(folder: Path, text: str | bytes) -> str:
    path = folder / "hosts.txt"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(path)


def test_every_line_is_a_target_or_said(tmp_path: Path) -> None:
    found = read_list(a_list(tmp_path, LIST))

    assert [item.name for item in found.items] == [
        "shop.example.org",
        "shop2.example.org",
        "https://shop.example.org/health",
        "mysql://db.example.org/",
        "https://api.example.org/",
    ]
    assert tuple(found.items)[1].sources == (f"{tmp_path}/hosts.txt line 3",)
    told = "\n".join(found.skipped)
    for place in ("line 9", "line 10", "line 12", "line 5", "line 11"):
        assert place in told
    assert "stands on" in told
    assert "\x1b" not in told
    assert len(found.skipped) == 5


def test_a_line_that_names_no_host_is_told_as_it_stands_there(tmp_path: Path) -> None:
    found = read_list(a_list(tmp_path, "ok.example.org\nhttp://\na\x00b.org\nhttp:///path\n"))

    assert [line.partition(" line ")[2] for line in found.skipped] == [
        "2: 'http://' names no host.",
        r"3: 'a\x00b.org' holds a space or a control character.",
        "4: 'http:///path' names no host.",
    ]


def test_many_junk_lines_are_counted_not_listed(tmp_path: Path) -> None:
    found = read_list(a_list(tmp_path, "ok.example.org\n" + "no such name\n" * 5_000))

    assert len(found.items) == 1
    assert len(found.skipped) == 21
    assert found.skipped[-1] == "and 4980 more like this"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("# nothing\n\n", id="comments-only"),
        pytest.param("not a host\n", id="junk-only"),
        pytest.param(b"\xff\xfe\x00", id="not-text"),
        pytest.param("x" * 100_000, id="one-endless-line"),
    ],
)
def test_a_list_without_a_target_is_refused(tmp_path: Path, text: str | bytes) -> None:
    with pytest.raises(UsageError, match="There is no target in"):
        read_list(a_list(tmp_path, text))


def test_a_list_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Cannot read the list of targets"):
        read_list(str(tmp_path / "none.txt"))
    with pytest.raises(UsageError, match="Cannot read the list of targets"):
        read_list(str(tmp_path))


def test_standard_input_is_a_list_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with Path(a_list(tmp_path, "a.example.org\r\nb.example.org")).open() as file:
        monkeypatch.setattr("sys.stdin", file)
        found = read_list("-")

    assert [item.name for item in found.items] == ["a.example.org", "b.example.org"]
    assert next(iter(found.items)).sources == ("standard input line 1",)


def test_standard_input_may_be_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(UsageError, match="Cannot read the list of targets -: it is closed"):
        read_list("-")


def test_a_list_can_be_gone_through_again_and_again(tmp_path: Path) -> None:
    text = "".join(f"shop-{number}.example.org\n# and\n" for number in range(2_500))
    path = Path(a_list(tmp_path, text))
    items = read_list(str(path)).items
    path.unlink()

    first, second = list(items), list(items)
    assert first == second
    assert len(items) == len({item.name for item in first}) == 2_500
    assert first[2_499].sources == (f"{path} line 4999",)
    assert first[7] in items
    assert not Targets(items=items).named


def test_a_repetition_is_told_with_its_first_line_however_long_the_list(tmp_path: Path) -> None:
    text = "".join(f"https://shop-{number % 3_000}.example.org\n" for number in range(3_015))
    found = read_list(a_list(tmp_path, text))

    assert len(found.items) == 3_000
    assert len(found.skipped) == 15
    assert found.skipped[14].endswith(
        "line 3015: shop-14.example.org stands on " + f"{tmp_path}/hosts.txt line 15 already."
    )


def test_a_name_of_a_long_list_takes_a_few_bytes(tmp_path: Path) -> None:
    """Not one object each: a million names in one list are megabytes."""
    path = a_list(tmp_path, "".join(f"host-{number}.shop-{number % 977}.example.org\n" for number in range(20_000)))
    read_list(path)
    tracemalloc.start()
    try:
        found = read_list(path)
        kept, most = tracemalloc.get_traced_memory()
        for item in found.items:
            assert item.name
        _, later = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(found.items) == 20_000
    assert kept < 20_000 * 15
    # While it is read, what was seen takes some more.
    assert most <= later < 20_000 * 100


def test_endless_lines_are_told_and_counted(tmp_path: Path) -> None:
    text = f"a.example.org\n{'x' * 200_000}\nb.example.org #{'x' * 200_000}\n{'y' * 70_000}\nc.example.org"
    found = read_list(a_list(tmp_path, text))

    assert [item.sources[0].rpartition(" ")[2] for item in found.items] == ["1", "3", "5"]
    assert [line.partition(" line ")[2] for line in found.skipped] == [
        "2: it has more than 4000 characters.",
        "4: it has more than 4000 characters.",
    ]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("shop.example.org", "shop.example.org"),
        ("https://shop.example.org/", "shop.example.org"),
        ("http://shop.example.org/", "http://shop.example.org/"),
        ("shop.example.org:8443", "https://shop.example.org:8443/"),
        ("shop.example.org/a?b=c", "https://shop.example.org/a?b=c"),
        ("wss://shop.example.org", "https://shop.example.org/"),
        ("mysql://db.example.org:3307/erp", "mysql://db.example.org:3307/"),
    ],
)
def test_a_target_is_called_by_its_hostname_where_that_says_it_all(text: str, name: str) -> None:
    assert name_of(Target.parse(text)) == name


def test_names_of_the_installation_become_targets() -> None:
    found = Discovered(
        names=(
            FoundName(text="a.example.org", sources=("Ingress shop/web",), namespaces=("shop",)),
            FoundName(text="bad_\x00name", sources=("Ingress shop/odd",), namespaces=("shop",)),
            FoundName(text="mysql://db.example.org", sources=("IngressRouteTCP db/tcp",), namespaces=("db",)),
        ),
        left_out=("wildcards, which nobody can ask for: *.example.org",),
        gaps=(Unavailable(wanted="the zones", reason="no token"),),
    )

    targets = from_discovered(found)

    assert [item.name for item in targets.items] == ["a.example.org", "mysql://db.example.org/"]
    assert "wildcards" in targets.skipped[0]
    assert targets.skipped[1] == "the zones: no token"
    assert "Ingress shop/odd" in targets.skipped[2]
    assert "\x00" not in targets.skipped[2]


@pytest.mark.parametrize(
    ("filters", "kept"),
    [
        pytest.param(Filters(), ["a.example.org", "b.example.com"], id="none"),
        pytest.param(Filters(match=("*.ORG",)), ["a.example.org"], id="match"),
        pytest.param(Filters(exclude=("a.*",)), ["b.example.com"], id="exclude"),
        pytest.param(Filters(match=("*",), exclude=("*",)), [], id="exclude-wins"),
        pytest.param(Filters(namespaces=("sh*",)), ["a.example.org"], id="namespace"),
    ],
)
def test_filters(filters: Filters, kept: list[str]) -> None:
    found = Discovered(
        names=(
            FoundName(text="a.example.org", sources=("Ingress shop/web",), namespaces=("shop",)),
            FoundName(text="b.example.com", sources=("DNS record b.example.com",)),
        )
    )

    assert [item.name for item in from_discovered(found).filtered(filters).items] == kept


def test_filters_hold_for_lists(tmp_path: Path) -> None:
    found = read_list(a_list(tmp_path, "a.example.org\nb.example.com\nc.example.org\n"))
    kept = found.filtered(Filters(match=("*.org",), exclude=("a.*",)))

    assert [item.name for item in kept.items] == ["c.example.org"]
    assert len(kept.items) == 1
    assert found.filtered(Filters()) is found
    assert not found.filtered(Filters(namespaces=("shop",))).items
