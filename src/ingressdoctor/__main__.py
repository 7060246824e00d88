"""Run the command line: ``python -m ingressdoctor``, ``ingressdoctor`` and ``kubectl ingressdoctor``.

Also how the process ends: what the interpreter does for long-lived programs takes a fifth of a run that lasts less than
a second. Loading frees next to nothing, and taking a thousand modules apart at the end helps nobody.
"""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys

from ingressdoctor.cli.interrupts import NotedInterrupts

__all__ = ["main"]

# Collections while modules load find no garbage, and cost a twentieth of a run; --watch still gets them.
_ALLOCATIONS_PER_COLLECTION = 500_000
# A thread that loads a library gives way to those that send requests and read answers after this long, and not only
# after Python's usual 5 ms: a handshake has ten such moments.
_SWITCH_S = 0.0005


class _Ending:
    """Ends the process once everybody else's exit handlers have run, without the interpreter's own teardown.

    Exit handlers run in reverse order: the one registered before any library is loaded is the last.
    """

    def __init__(self) -> None:
        self.code: int | None = None

    def leave(self) -> None:
        """End here, unless the output cannot be written: the interpreter then says so in its usual way."""
        if self.code is None:
            return
        try:
            for stream in (sys.stdout, sys.stderr):
                if stream is not None and not stream.closed:
                    stream.flush()
        except (OSError, ValueError):
            return
        os._exit(self.code)


def main() -> None:
    """Run the program and leave with its exit code; Ctrl-C is noted from here on."""
    signal.signal(signal.SIGINT, NotedInterrupts())
    gc.set_threshold(_ALLOCATIONS_PER_COLLECTION)
    sys.setswitchinterval(_SWITCH_S)
    ending = _Ending()
    atexit.register(ending.leave)
    from ingressdoctor.cli.app import main as run_app

    ending.code = run_app()
    sys.exit(ending.code)


if __name__ == "__main__":
    main()
