"""The collector of garbage is as it was when a sweep has ended."""

from __future__ import annotations

import gc

from ingressdoctor.sweeping.garbage import rarely, spared


def test_thresholds_and_what_is_spared_are_as_before() -> None:
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    with rarely():
        assert gc.get_threshold() > before
    with spared():
        assert gc.get_freeze_count() > frozen
    assert gc.get_threshold() == before
