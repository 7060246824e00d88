"""Say in clear words why a call to an API failed, whatever library raised it.

Every HTTP library wraps the operating system's error in several of its own. The innermost known one decides. Texts of
unknown errors are not passed on: they may quote a URL or a header with a credential in it.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Mapping
from typing import Final

from ingressdoctor.model.text import clean

__all__ = ["is_unreached", "lower_headers", "reason_of", "retry_after"]

_MAX_CHAIN: Final = 24
_DROPPED_HEADERS: Final = frozenset({"set-cookie", "set-cookie2"})
_BY_TYPE: Final = (
    (socket.gaierror, "the name does not resolve"),
    (ConnectionRefusedError, "the connection was refused"),
    (ConnectionResetError, "the connection was reset"),
    (BrokenPipeError, "the connection was closed"),
)
# h11 has one class for both; its texts are fixed.
_BY_TEXT: Final = (
    ("disconnected without sending a response", "the connection closed without an answer"),
    ("without sending complete message body", "the connection closed in the middle of the answer"),
)
_BY_NAME: Final = (
    (("NameResolutionError",), "the name does not resolve"),
    (("ProxyError",), "the proxy refused or failed"),
    (("ConnectTimeout", "ConnectTimeoutError"), "the connection timed out"),
    (("ReadTimeout", "ReadTimeoutError", "WriteTimeout", "PoolTimeout", "TimeoutError"), "no answer in time"),
    (
        ("IncompleteRead", "ChunkedEncodingError", "InvalidChunkLength", "IncompleteReadError"),
        "the connection closed in the middle of the answer",
    ),
    (("RemoteDisconnected",), "the connection closed without an answer"),
    (("DecodeError", "DecodingError", "ContentDecodingError"), "the answer is not encoded as it claims"),
    (
        ("RemoteProtocolError", "ProtocolError", "BadStatusLine", "HTTPException", "HeaderParsingError"),
        "the answer is not HTTP",
    ),
    (
        (
            "InvalidURL",
            "MissingSchema",
            "InvalidSchema",
            "UnsupportedProtocol",
            "LocationParseError",
            "URLSchemeUnknown",
        ),
        "the endpoint is not a usable URL",
    ),
)


def is_unreached(error: BaseException) -> bool:
    """Tell whether the other side was never reached: it refused the connection, or its name does not resolve."""
    return any(isinstance(link, ConnectionRefusedError | socket.gaierror) for link in _causes(error))


def reason_of(error: BaseException) -> str:
    """Return the cause of a failed call as a clause without a full stop."""
    chain = tuple(_causes(error))
    for link in chain:
        known = _from_system(link)
        if known:
            return known
    for said, text in _BY_TEXT:
        if any(said in str(link) for link in chain):
            return text
    names = {base.__name__ for link in chain for base in type(link).__mro__}
    for wanted, text in _BY_NAME:
        if names.intersection(wanted):
            return text
    return type(error).__name__


def _from_system(error: BaseException) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not trusted ({clean(error.verify_message, 200)})"
    if isinstance(error, ssl.SSLEOFError):
        return "the connection closed during the TLS handshake"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed ({clean(error.reason or 'no reason given', 100)})"
    # Exact types: libraries subclass these, and the wrapper's name then says more. A timeout is not here at all,
    # because only the wrapper says whether the connect or the read took too long.
    for kind, text in _BY_TYPE:
        if type(error) is kind:
            return text
    if type(error) is OSError and error.strerror:
        return clean(error.strerror, 100).lower()
    return ""


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Walk an exception and what it wraps, each once, outermost first."""
    queue = [error]
    seen: set[int] = set()
    while queue and len(seen) < _MAX_CHAIN:
        current = queue.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        wrapped = [current.__cause__, current.__context__, getattr(current, "reason", None), *current.args]
        if isinstance(current, BaseExceptionGroup):
            wrapped.extend(current.exceptions)
        queue.extend(item for item in wrapped if isinstance(item, BaseException))


def retry_after(headers: Mapping[str, str], most_s: float = 1.0) -> float | None:
    """Return the seconds a 429 asks to wait, or None when it asks for more than *most_s* or for nothing readable."""
    text = headers.get("retry-after", "").strip()
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        return None
    seconds = float(text)
    return seconds if seconds <= most_s else None


def lower_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers with lower-case names, without cookies: they are credentials and nobody here needs them."""
    return {
        str(name).lower(): str(value) for name, value in headers.items() if str(name).lower() not in _DROPPED_HEADERS
    }
