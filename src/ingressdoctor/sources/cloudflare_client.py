"""One httpx client for the Cloudflare API: capped answers, one deadline per call, errors in clear words.

Slow to import (0.1 s): loaded by cloudflare.py with the first call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

import httpx

from ingressdoctor.errors import SourceError
from ingressdoctor.model.text import Secret
from ingressdoctor.sources.base import Answer
from ingressdoctor.sources.failures import lower_headers, reason_of

__all__ = ["CloudflareClient"]

_MAX_BODY: Final = 16 * 1024 * 1024


class CloudflareClient:
    """Keeps connections between calls; *timeout* is seconds for connecting, and for a whole call."""

    def __init__(self, token: Secret, endpoint: str, timeout: tuple[float, float]) -> None:
        self._token = token
        self._endpoint = endpoint
        self._total_s = timeout[1]
        self._client = httpx.AsyncClient(timeout=httpx.Timeout(timeout[1], connect=timeout[0]), follow_redirects=False)

    async def get(self, path: str, query: Mapping[str, str]) -> Answer:
        """GET *path*; any HTTP status is an answer.

        Raises:
            SourceError: no connection, timeout, or a body over the cap.
        """
        try:
            async with asyncio.timeout(self._total_s):
                return await self._read(path, query)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            raise SourceError(
                f"The Cloudflare API did not answer: {reason_of(error)}.",
                hint="Check the network, or the endpoint under [cloudflare] in the configuration.",
            ) from None

    async def aclose(self) -> None:
        """Drop the connections."""
        await self._client.aclose()

    async def _read(self, path: str, query: Mapping[str, str]) -> Answer:
        headers = {
            "Authorization": f"Bearer {self._token.reveal()}",
            "Accept": "application/json",
            "User-Agent": "ingressdoctor",
        }
        request = self._client.build_request("GET", self._endpoint + path, params=dict(query), headers=headers)
        response = await self._client.send(request, stream=True)
        try:
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > _MAX_BODY:
                    raise SourceError(f"The Cloudflare API answered with more than {_MAX_BODY} bytes.")
        finally:
            await response.aclose()
        return Answer(status=response.status_code, body=bytes(body), headers=lower_headers(response.headers))
