"""Ports for server programs that take a number and no socket."""

from __future__ import annotations

import random
import socket

__all__ = ["free_port"]

HOST = "127.0.0.1"
# Below the range that systems hand out by themselves: nobody who asks for any port can be given it in the meantime.
_RANGE = range(20_000, 32_000)


def free_port() -> int:
    """Return a port of loopback on which nothing listens, and on which nothing will by chance."""
    for _ in range(200):
        port = random.SystemRandom().choice(_RANGE)
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return port
    raise OSError("no port is free")
