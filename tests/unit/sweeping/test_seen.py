from __future__ import annotations

from ingressdoctor.sweeping.seen import Seen


def test_each_name_is_known_by_its_first_line() -> None:
    seen = Seen()
    names = [f"shop-{number}.example.org" for number in range(5_000)]

    assert [seen.before(name, line) for line, name in enumerate(names, start=1)] == [0] * 5_000
    assert [seen.before(name, 9_999) for name in names] == list(range(1, 5_001))


def test_many_names_take_little_room() -> None:
    seen = Seen()
    for number in range(5_000):
        seen.before(f"shop-{number}.example.org", number + 1)

    assert len(seen._keys) == 8_192
