"""The headers by which a client asks to speak WebSocket. It sends nothing.

Source: RFC 6455 section 4.1.
"""

from __future__ import annotations

from typing import Final

from ingressdoctor.model.target import Protocol, Target

__all__ = ["upgrade_headers"]

# Any 16 bytes will do: the key keeps caches from answering, and nothing secret is derived from it.
_KEY: Final = "aW5ncmVzc2RvY3Rvci4uLg=="


def upgrade_headers(target: Target) -> tuple[tuple[str, str], ...]:
    """Return what is sent for a target of ws:// or wss://, nothing for another."""
    if target.protocol is not Protocol.WEBSOCKET:
        return ()
    return (
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", _KEY),
        ("Origin", f"{target.scheme}://{target.hostname}"),
    )
