"""Single values: what fits and what does not."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from ingressdoctor.config import places, values
from ingressdoctor.config.keys import KEYS, SECTIONS
from ingressdoctor.config.lines import line_of
from ingressdoctor.config.settings import Settings


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        pytest.param("a:1:b:2", True, id="all-four"),
        pytest.param("::127.0.0.1:9", True, id="matches-everything"),
        pytest.param(":443::8443", True, id="only-the-port"),
        pytest.param("a::b:", True, id="any-port-stays"),
        pytest.param("[::1]:443:[::2]:1", True, id="ipv6-in-brackets"),
        pytest.param("a:1:b", False, id="three-parts"),
        pytest.param("a:1:b:2:3", False, id="five-parts"),
        pytest.param("a:x:b:2", False, id="port-is-a-number"),
        pytest.param("a:1:b:70000", False, id="port-too-large"),
        pytest.param("a b:1:c:2", False, id="space"),
        pytest.param("a;rm:1:c:2", False, id="shell-metacharacter"),
        pytest.param("", False, id="empty"),
    ],
)
def test_connect_to(text: str, fits: bool) -> None:
    if fits:
        assert values.connect_to(text, Path()) == text
        return
    with pytest.raises(values.UnfitError):
        values.connect_to(text, Path())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("1.1.1.1:443", "1.1.1.1:443", id="address"),
        pytest.param("example.org:443", "example.org:443", id="name"),
        pytest.param("[2001:db8::1]:443", "[2001:db8::1]:443", id="ipv6"),
        pytest.param("example.org", None, id="no-port"),
        pytest.param("-x:443", None, id="not-a-host"),
        pytest.param(443, None, id="not-a-text"),
    ],
)
def test_anchor(text: object, expected: str | None) -> None:
    if expected is not None:
        assert values.anchor(text, Path()) == expected
        return
    with pytest.raises(values.UnfitError):
        values.anchor(text, Path())


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param("", "", id="default"),
        pytest.param("history.db", "/etc/history.db", id="relative-path"),
        pytest.param("sqlite:////var/lib/history.db", "/var/lib/history.db", id="sqlite-url"),
        pytest.param("postgresql://doctor@db/doctor", "postgresql://doctor@db/doctor", id="account"),
        pytest.param("postgresql:///doctor?host=/run", "postgresql:///doctor?host=/run", id="socket"),
        pytest.param("postgresql://doctor:s3cret@db/doctor", None, id="password"),
        pytest.param("postgresql://doctor:s3/cr@t@db/doctor", None, id="password-with-signs"),
        pytest.param("postgresql://db/doctor?password=s3cret", None, id="password-as-parameter"),
        pytest.param("mysql://db/doctor", None, id="other-database"),
        pytest.param("sqlite://history.db", None, id="sqlite-with-host"),
        pytest.param(5, None, id="number"),
    ],
)
def test_history_url(url: object, expected: str | None) -> None:
    """A password is refused wherever it stands, and does not come back in the message."""
    if expected is None:
        with pytest.raises(values.UnfitError) as refused:
            places.history_place(url, Path("/etc"))
        assert "s3" not in str(refused.value)
    else:
        assert places.history_place(url, Path("/etc")) == expected


@pytest.mark.parametrize(
    ("raw", "fits"),
    [
        pytest.param(1, True, id="least"),
        pytest.param(3650, True, id="most"),
        pytest.param(0, False, id="none"),
        pytest.param(1.5, False, id="part"),
        pytest.param(True, False, id="flag"),
        pytest.param("90", False, id="text"),
    ],
)
def test_days(raw: object, fits: bool) -> None:
    if fits:
        assert places.days(raw, Path()) == raw
    else:
        with pytest.raises(values.UnfitError):
            places.days(raw, Path())


def test_every_setting_has_a_key_and_every_key_a_setting() -> None:
    """Nothing can be configured that is not in the table, and the table names nothing that is not there."""
    named = {(key.section, key.field) for key in KEYS}
    there = {(name, field.name) for name in SECTIONS for field in msgspec.structs.fields(getattr(Settings(), name))}

    assert named == there


TEXT = """# head
a.b = 1
c = '''
[x]
d = 1
'''
[t]
k = [
  1, # ]
  "]",
]
"q.r" = { z = 1 }
[[u]]
v = "# no comment" # one
w = 2
[[u]]
w = 3
[u.x]
y = 4"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        pytest.param(("a", "b"), 2, id="dotted"),
        pytest.param(("c",), 3, id="multi-line-text"),
        pytest.param(("x",), 1, id="header-inside-a-text-is-none"),
        pytest.param(("t", "k"), 8, id="after-a-text-with-line-breaks"),
        pytest.param(("t", "q.r"), 12, id="quoted-key-with-dot-after-a-list-with-brackets-in-texts"),
        pytest.param(("t", "q.r", "z"), 12, id="inside-an-inline-table"),
        pytest.param(("u", "0", "w"), 15, id="after-a-text-with-a-hash"),
        pytest.param(("u", "1", "w"), 17, id="second-table-of-an-array"),
        pytest.param(("u", "1", "x", "y"), 19, id="table-inside-the-second"),
        pytest.param(("t", "gone"), 7, id="missing-key-is-at-its-section"),
    ],
)
def test_line_of(path: tuple[str, ...], line: int) -> None:
    assert line_of(TEXT, path) == line


def test_line_of_with_carriage_returns() -> None:
    assert line_of("a = 1\r\n\r\n[b]\r\nc = 2\r\n", ("b", "c")) == 4
