"""Run the command line: ``python -m ingressdoctor``, ``ingressdoctor`` and ``kubectl ingressdoctor``."""

from __future__ import annotations

import signal

__all__ = ["main"]


def main() -> None:
    """Run the program and leave with its exit code; Ctrl-C while it still loads is answered once it has loaded."""
    pressed: list[int] = []
    signal.signal(signal.SIGINT, lambda number, frame: pressed.append(number))
    from ingressdoctor.cli.app import main as run_app

    signal.signal(signal.SIGINT, signal.default_int_handler)
    run_app(interrupted=bool(pressed))


if __name__ == "__main__":
    main()
