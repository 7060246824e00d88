"""Read from the Hetzner Cloud API of one project. Only GET exists here.

Not on the vendor's client: for three GETs it takes as long to import (with requests) as everything else that is sent
takes, blocks a thread per call, and retries for half a minute. What the calls are sent with (api_client.py) is loaded
with the first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final, Protocol

from ingressdoctor.errors import SourceError
from ingressdoctor.sources.base import Answer
from ingressdoctor.sources.calls import CallLog
from ingressdoctor.sources.credential import Credential, TokenSource
from ingressdoctor.sources.loading import load
from ingressdoctor.sources.workers import Workers

__all__ = ["HETZNER_ENDPOINT", "LiveHetzner"]

HETZNER_ENDPOINT: Final = "https://api.hetzner.cloud/v1"
_CONNECTIONS: Final = 4


class _Client(Protocol):
    """What api_client.py offers; named here because importing it is put off to the first call."""

    async def get(self, path: str, query: Mapping[str, str]) -> Answer: ...

    async def aclose(self) -> None: ...


class LiveHetzner:
    """Implements the ``Hetzner`` protocol.

    Args:
        token: None makes every call fail with a hint; nothing is sent.
        endpoint: Base URL including ``/v1``.
        timeout: Seconds for connecting, and for the whole call.
        calls: Where calls are logged.
    """

    def __init__(
        self,
        *,
        token: TokenSource,
        calls: CallLog,
        endpoint: str = HETZNER_ENDPOINT,
        timeout: tuple[float, float] = (3.0, 10.0),
    ) -> None:
        missing = SourceError(
            "There is no Hetzner Cloud API token.",
            hint="Set HCLOUD_TOKEN to a token of the project; a read-only one is enough.",
        )
        self._credential = Credential(token, missing=missing)
        self._endpoint = endpoint.rstrip("/")
        self._timeout = timeout
        self._calls = calls
        self._slots = asyncio.Semaphore(_CONNECTIONS)
        self._workers = Workers(1, "hetzner")
        self._client: _Client | None = None

    async def get(self, path: str, query: Mapping[str, str]) -> Answer:
        """GET *path*; API errors come back as their status and JSON error body.

        Raises:
            SourceError: no token, no connection, timeout, or a body over the cap.
        """
        token = await self._credential.get(self._workers)
        if self._client is None:
            # In a thread, so that other sources go on meanwhile.
            await self._workers.run(_load)
        with self._calls.call("hetzner", f"GET {path}") as call:
            from ingressdoctor.sources.api_client import ApiClient

            if self._client is None:
                self._client = ApiClient("Hetzner", token, self._endpoint, self._timeout)
            async with self._slots:
                answer = await self._client.get(path, query)
            call.outcome = str(answer.status)
        return answer

    async def aclose(self) -> None:
        """Drop the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()


def _load() -> None:
    load("ingressdoctor.sources.api_client")
