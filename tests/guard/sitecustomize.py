"""Keep child processes of the tests on loopback: Python imports this module by its name when it starts.

An audit hook sees every socket of the process, whatever library opened it.
"""

from __future__ import annotations

import ipaddress
import os
import sys
from typing import Any

_EVENTS = frozenset({"socket.connect", "socket.sendto"})
LEFT_LOOPBACK = 97


def _stay(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in _EVENTS:
        return
    address = arguments[-1]
    if isinstance(address, tuple) and not _is_local(str(address[0])):
        os.write(2, f"left loopback: {event} {address}\n".encode())
        os._exit(LEFT_LOOPBACK)


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host in ("localhost", "")


sys.addaudithook(_stay)
