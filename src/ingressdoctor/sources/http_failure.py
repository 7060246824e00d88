"""Name the way in which an HTTP exchange broke off: closed, reset, too large, or no HTTP at all.

Judges from httpcore's error and from the first bytes that the peer sent; it touches no connection.
Source: RFC 9112 section 6.3 and 9.6, RFC 9113 section 3.4 (a server's first frame is SETTINGS) and 7 (error codes).
"""

from __future__ import annotations

from typing import Final

import h11
import httpcore

from ingressdoctor.evidence.net import Reach
from ingressdoctor.model.text import clean

__all__ = ["http_failure"]

_SETTINGS: Final = 4
_FRAME_HEAD: Final = 9
_CODES: Final = (
    *("NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED"),
    *("FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM"),
    *("INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED"),
)


def http_failure(error: Exception, *, status: int, said: bytes) -> tuple[Reach, str]:
    """Return how far the exchange came, and the words for it.

    Args:
        error: httpcore's.
        status: The status that was received; 0 for none.
        said: The first bytes that the peer sent above TLS.
    """
    cause = error.__cause__
    if isinstance(cause, h11.RemoteProtocolError) and cause.error_status_hint == 431:
        return Reach.TOO_LARGE, "the response headers are larger than 100 KiB"
    if isinstance(error, httpcore.LocalProtocolError):
        return Reach.PROTOCOL, f"the request cannot be sent: {clean(str(error), 200)}"
    code = _error_code(error)
    because = f": the server ended it with {code}" if code else ""
    if status:
        return Reach.RESET, f"the connection closed in the middle of the body{because}"
    if not said or _speaks_http2(said):
        return Reach.CLOSED, f"the connection closed without an answer{because}"
    line = said.split(b"\n", 1)[0].decode("latin-1").rstrip("\r")
    return Reach.PROTOCOL, f"the answer is not HTTP: {clean(line, 120)}"


def _speaks_http2(said: bytes) -> bool:
    """Tell whether bytes begin with the frame that every HTTP/2 server sends first."""
    return len(said) >= _FRAME_HEAD and said[3] == _SETTINGS and said[5:9] == b"\0\0\0\0"


def _error_code(error: Exception) -> str:
    """Return the name of HTTP/2's error code in a reset of the stream or a goodbye; nothing where there is none."""
    number = getattr(error.args[0], "error_code", None) if error.args else None
    if not isinstance(number, int):
        return ""
    return _CODES[number] if 0 <= number < len(_CODES) else f"error code {int(number)}"
