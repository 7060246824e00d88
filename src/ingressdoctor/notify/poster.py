"""One POST that somebody must get: retried where that helps, bounded in time, and silent about its address.

The address of a webhook is a secret. So nothing here quotes it, no library's text that may hold it is passed on, and
httpx's log line of each request is kept back. Redirects are not followed: a signature is for one receiver.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

import httpx
import msgspec

from ingressdoctor.errors import SourceError
from ingressdoctor.model.text import Secret, clean
from ingressdoctor.notify.pace import Pace
from ingressdoctor.notify.posts import Post

__all__ = ["client_for", "deliver", "quiet"]

_MAX_ANSWER: Final = 2_000
# Answers are cut short as they come, so they must not be compressed.
_HEADERS: Final[Mapping[str, str]] = MappingProxyType({"User-Agent": "ingressdoctor", "Accept-Encoding": "identity"})
_AGAIN: Final = frozenset((408, 425, 429))


class _Refused(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt that failed: why, whether another may help, and how long the server asked to wait."""

    reason: str
    again: bool = True
    asked: float | None = None


def client_for(ca_file: str = "") -> httpx.AsyncClient:
    """Return a client that trusts the system's roots, or those of *ca_file*, and takes proxies from the environment.

    Raises:
        SourceError: the file holds no roots.
    """
    try:
        verify = ssl.create_default_context(cafile=ca_file) if ca_file else True
    except (OSError, ssl.SSLError):
        raise SourceError(f"{ca_file} holds no certificates", hint="Give a PEM file.") from None
    return httpx.AsyncClient(verify=verify, follow_redirects=False, headers=_HEADERS)


async def deliver(
    client: httpx.AsyncClient, url: Secret, make: Callable[[datetime], Post], *, timeout_s: float, pace: Pace
) -> None:
    """Post what *make* returns for the current time until it is taken.

    Raises:
        SourceError: it was refused, or every attempt failed; the text names neither address nor secret.
    """
    target = _address(url)
    refused = _Refused(reason="no attempt was made")
    for attempt in range(1, pace.attempts + 1):
        answer = await _attempt(client, target, make(datetime.now(UTC)), timeout_s)
        if answer is None:
            return
        refused = answer
        if not refused.again or attempt == pace.attempts:
            break
        await asyncio.sleep(pace.wait_s(attempt, refused.asked))
    tried = f" ({pace.attempts} attempts)" if refused.again and pace.attempts > 1 else ""
    raise SourceError(refused.reason + tried)


def _address(url: Secret) -> httpx.URL:
    try:
        parts = urlsplit(url.reveal())
        if parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0):
            return httpx.URL(url.reveal())
    except (ValueError, httpx.InvalidURL):
        pass
    raise SourceError("what is kept as its address is no http or https URL")


async def _attempt(client: httpx.AsyncClient, url: httpx.URL, post: Post, timeout_s: float) -> _Refused | None:
    """Return None when the server took it: its status line is what counts, whatever becomes of the rest."""
    try:
        async with asyncio.timeout(timeout_s):
            async with client.stream(
                "POST", url, content=post.body, headers=list(post.headers), timeout=timeout_s
            ) as response:
                return None if response.is_success else await _refusal(response, url)
    except (TimeoutError, httpx.TimeoutException):
        return _Refused(reason=f"no answer within {timeout_s:g} s")
    except httpx.ConnectError as error:
        return _Refused(reason=_connecting(error))
    except httpx.TransportError:
        return _Refused(reason="the connection ended without an answer")
    except httpx.HTTPError:
        return _Refused(reason="its answer is no HTTP", again=False)


def _connecting(error: httpx.ConnectError) -> str:
    """Say why no connection was made, in our own words: the library's may name the place."""
    chain: list[BaseException] = [error]
    while (deeper := chain[-1].__cause__ or chain[-1].__context__) is not None and len(chain) < 10:
        chain.append(deeper)
    if any(isinstance(item, ssl.SSLError) for item in chain):
        return "TLS failed: its certificate is not trusted, or it speaks no TLS"
    refused = any(isinstance(item, ConnectionRefusedError) for item in chain)
    return "the connection is refused" if refused else "no connection: its name does not resolve or nothing is there"


async def _refusal(response: httpx.Response, url: httpx.URL) -> _Refused:
    status = response.status_code
    if response.is_redirect or 300 <= status < 400:
        return _Refused(reason=f"it answers {status}; redirects are not followed", again=False)
    again = status in _AGAIN or status >= 500
    asked = _asked(response.headers.get("Retry-After", "")) if again else None
    return _Refused(reason=f"it answers {status}{await _said(response, url)}", again=again, asked=asked)


async def _said(response: httpx.Response, url: httpx.URL) -> str:
    """Return the first line of an answer, unless a piece of the address comes back in it."""
    raw = b""
    with contextlib.suppress(httpx.HTTPError):
        async for piece in response.aiter_raw():
            raw += piece
            if len(raw) >= _MAX_ANSWER:
                break
    lines = raw[:_MAX_ANSWER].decode("utf-8", "replace").strip().splitlines()
    first = clean(lines[0], 80) if lines else ""
    words = (*url.path.split("/"), url.query.decode("ascii", "replace"))
    if not first or first.startswith("<") or any(len(word) > 3 and word in lines[0] for word in words):
        return ""
    return f" ({first})"


def _asked(text: str) -> float | None:
    """Return the seconds of a Retry-After header, which may be a number or a date."""
    if text.isascii() and text.isdigit() and len(text) < 10:
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return (moment.replace(tzinfo=moment.tzinfo or UTC) - datetime.now(UTC)).total_seconds()


class _NoRequestLines(logging.Filter):
    """Keeps back what httpx logs of requests: it holds whole addresses."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let nothing through."""
        return False


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep addresses out of logs for as long as something is sent."""
    logger, keeper = logging.getLogger("httpx"), _NoRequestLines()
    logger.addFilter(keeper)
    try:
        yield
    finally:
        logger.removeFilter(keeper)
