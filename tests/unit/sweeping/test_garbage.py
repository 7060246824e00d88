"""What a sweep does to the collector of garbage, which all threads of a process share."""

from __future__ import annotations

import json
import subprocess
import sys

from build.program import environment

# A process of its own: whatever shares ours may have told its collector other things.
OVERLAPPING = """
import gc, json
from ingressdoctor.sweeping.garbage import rarely, spared

start = gc.get_threshold()
first, second, never = spared(), spared(), spared()
frozen = []
for step in (first.__enter__, second.__enter__, lambda: first.__exit__(None, None, None), never.__enter__):
    step()
    frozen.append(gc.get_freeze_count() > 0)
second.__exit__(None, None, None)
kept = gc.get_threshold()
rarely()
print(json.dumps([frozen, gc.get_freeze_count(), kept == start, gc.get_threshold() > start]))
"""


def test_uses_that_overlap_or_never_end_leave_nothing_behind() -> None:
    words = [sys.executable, "-c", OVERLAPPING]
    done = subprocess.run(words, capture_output=True, text=True, timeout=100, check=True, env=environment())
    frozen, left, kept, rare = json.loads(done.stdout)

    assert frozen == [True, True, False, True]
    assert left == 0
    assert kept, "a sweep changes nothing that it would have to put back"
    assert rare
