"""GETs to a vendor's API with a bearer token: what the sources of Cloudflare and Hetzner share.

Fetches the token and loads the client (api_client.py says what it is) with the first call; every call runs in a thread.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Mapping
from typing import Final, Protocol

import msgspec

from ingressdoctor.errors import SourceError
from ingressdoctor.model.text import Secret
from ingressdoctor.sources.base import Answer
from ingressdoctor.sources.calls import CallLog
from ingressdoctor.sources.credential import Credential, TokenSource
from ingressdoctor.sources.failures import retry_after
from ingressdoctor.sources.loading import load
from ingressdoctor.sources.trust import Trust
from ingressdoctor.sources.workers import Workers

__all__ = ["Roots", "Vendor", "VendorApi"]

_HTTP1: Final = ("http/1.1",)


class Roots:
    """The system's roots, read once for several clients, from whichever thread needs them first."""

    def __init__(self) -> None:
        self._trust = Trust("")
        self._lock = threading.Lock()

    def context(self) -> ssl.SSLContext:
        """Return the context that verifies chain and name."""
        with self._lock:
            return self._trust.context(verify=True, hostname=True, alpn=_HTTP1)


class Vendor(msgspec.Struct, frozen=True, kw_only=True):
    """Whose API it is: ``name`` as messages have it, what lacks without a token, and how many calls run at a time.

    ``waits`` tells that a short wait is taken where the API says how long after too many requests.
    """

    name: str
    missing: SourceError
    connections: int
    waits: bool = False


class _Client(Protocol):
    """What api_client.py offers; named here because importing it is put off to the first call."""

    def get(self, path: str, query: Mapping[str, str]) -> Answer: ...

    def close(self) -> None: ...


class VendorApi:
    """Implements the protocols ``Cloudflare`` and ``Hetzner``.

    Args:
        vendor: Whose API.
        token: None makes every call fail with a hint; nothing is sent.
        endpoint: Base URL.
        timeout: Seconds for connecting, and for the whole call.
        calls: Where calls are logged.
        roots: Whom to trust; shared, because reading the system's roots takes 0.03 s.
    """

    def __init__(
        self,
        vendor: Vendor,
        *,
        token: TokenSource,
        endpoint: str,
        timeout: tuple[float, float],
        calls: CallLog,
        roots: Roots,
    ) -> None:
        self._vendor = vendor
        self._credential = Credential(token, missing=vendor.missing)
        self._endpoint = endpoint.rstrip("/")
        self._timeout = timeout
        self._calls = calls
        self._roots = roots
        self._workers = Workers(vendor.connections, vendor.name.lower())
        self._making = asyncio.Lock()
        self._client: _Client | None = None

    async def get(self, path: str, query: Mapping[str, str]) -> Answer:
        """GET *path*; any HTTP status is an answer.

        Raises:
            SourceError: no token, no connection, timeout, or a body over the cap.
        """
        client = self._client or await self._made()
        with self._calls.call(self._vendor.name.lower(), f"GET {path}") as call:
            answer = await self._once(client, path, query)
            wait = retry_after(answer.headers) if self._vendor.waits and answer.status == 429 else None
            if wait is not None:
                await asyncio.sleep(wait)
                answer = await self._once(client, path, query)
            call.outcome = str(answer.status)
        return answer

    async def aclose(self) -> None:
        """Drop the connections."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    async def _made(self) -> _Client:
        async with self._making:
            if self._client is None:
                # Beside fetching the token: whoever asks for a library later has it loaded later.
                loading = self._workers.start(_load)
                token = await self._credential.get(self._workers)
                await loading
                self._client = await self._workers.run(lambda: self._make(token))
            return self._client

    def _make(self, token: Secret) -> _Client:
        from ingressdoctor.sources.api_client import ApiClient

        return ApiClient(
            self._vendor.name,
            token,
            endpoint=self._endpoint,
            timeout=self._timeout,
            connections=self._vendor.connections,
            trusted=self._roots.context() if self._endpoint.lower().startswith("https:") else None,
        )

    async def _once(self, client: _Client, path: str, query: Mapping[str, str]) -> Answer:
        try:
            # The thread keeps to its own timeouts, except while it resolves a name: that has none.
            return await self._workers.run(lambda: client.get(path, query), timeout_s=2 * sum(self._timeout))
        except TimeoutError:
            raise SourceError(
                f"The {self._vendor.name} API did not answer: no answer in time.",
                hint=f"Check the network, or the endpoint under [{self._vendor.name.lower()}] in the configuration.",
            ) from None


def _load() -> None:
    load("ingressdoctor.sources.api_client")
