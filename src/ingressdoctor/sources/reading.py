"""Read an HTTP answer up to a size and a time.

urllib3's read timeout starts anew with every byte, and it has no limit on size: an answer that drips, or never ends,
would hold a thread for ever.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final, Protocol

from ingressdoctor.errors import SourceError

__all__ = ["read_capped"]

_CHUNK: Final = 262_144


class _Streaming(Protocol):
    """The part of urllib3's response that is used."""

    def stream(self, amt: int, decode_content: bool) -> Iterator[bytes]: ...


def read_capped(response: _Streaming, *, who: str, most: int, deadline: float) -> bytes:
    """Return the decoded body.

    Args:
        response: urllib3's, not yet read.
        who: Subject of the error messages, such as "The Hetzner API".
        most: Bytes.
        deadline: By ``time.monotonic``.

    Raises:
        SourceError: the body is larger, or took longer.
    """
    body = bytearray()
    for chunk in response.stream(_CHUNK, decode_content=True):
        body += chunk
        if len(body) > most:
            raise SourceError(f"{who} answered with more than {most} bytes.")
        if time.monotonic() > deadline:
            raise SourceError(f"{who} did not finish its answer in time.")
    return bytes(body)
