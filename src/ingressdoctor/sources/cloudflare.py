"""Read from the Cloudflare API v4. Only GET exists here.

Not on the vendor's SDK: for the dozen GETs needed, it takes 0.2 to 1.0 s to import and 105 MB on disk, retries by
itself, and asks for one page more than there is. What they are sent with (cloudflare_client.py says why httpcore) is
loaded with the first call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final, Protocol

from ingressdoctor.errors import SourceError
from ingressdoctor.model.text import Secret
from ingressdoctor.sources.base import Answer
from ingressdoctor.sources.calls import CallLog
from ingressdoctor.sources.credential import Credential, TokenSource
from ingressdoctor.sources.failures import retry_after
from ingressdoctor.sources.loading import Loading
from ingressdoctor.sources.workers import Workers

__all__ = ["CLOUDFLARE_ENDPOINT", "LiveCloudflare"]

CLOUDFLARE_ENDPOINT: Final = "https://api.cloudflare.com/client/v4"
_CONNECTIONS: Final = 6


class _Client(Protocol):
    """What cloudflare_client.py offers; named here because importing it is put off to the first call."""

    async def get(self, path: str, query: Mapping[str, str]) -> Answer: ...

    async def aclose(self) -> None: ...


class LiveCloudflare:
    """Implements the ``Cloudflare`` protocol.

    Args:
        token: None makes every call fail with a hint; nothing is sent.
        endpoint: Base URL including ``/client/v4``.
        timeout: Seconds for connecting, and for the whole call.
        calls: Where calls are logged.
    """

    def __init__(
        self,
        *,
        token: TokenSource,
        calls: CallLog,
        endpoint: str = CLOUDFLARE_ENDPOINT,
        timeout: tuple[float, float] = (3.0, 10.0),
    ) -> None:
        missing = SourceError(
            "There is no Cloudflare API token.",
            hint="Set CLOUDFLARE_API_TOKEN to a token that may read the zone; it needs no right to edit.",
        )
        self._credential = Credential(token, missing=missing)
        self._endpoint = endpoint.rstrip("/")
        self._timeout = timeout
        self._calls = calls
        self._slots = asyncio.Semaphore(_CONNECTIONS)
        self._workers = Workers(1, "cloudflare")
        self._loading = Loading("ingressdoctor.sources.cloudflare_client")
        self._client: _Client | None = None

    async def get(self, path: str, query: Mapping[str, str]) -> Answer:
        """GET *path*; any HTTP status is an answer.

        Raises:
            SourceError: no token, no connection, timeout, or a body over the cap.
        """
        # Side by side: what stands in line first is loaded first, and the probes want the same library.
        token, _ = await asyncio.gather(self._credential.get(self._workers), self._loading.ready())
        with self._calls.call("cloudflare", f"GET {path}") as call:
            async with self._slots:
                answer = await self._once(token, path, query)
                wait = retry_after(answer.headers) if answer.status == 429 else None
                if wait is not None:
                    await asyncio.sleep(wait)
                    answer = await self._once(token, path, query)
            call.outcome = str(answer.status)
        return answer

    async def aclose(self) -> None:
        """Drop the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _once(self, token: Secret, path: str, query: Mapping[str, str]) -> Answer:
        from ingressdoctor.sources.cloudflare_client import CloudflareClient

        if self._client is None:
            self._client = CloudflareClient(token, self._endpoint, self._timeout)
        return await self._client.get(path, query)
