"""Read from the Hetzner Cloud API of one project, through the vendor's client. Only GET exists here.

Raw answers, not the client's objects: those call the API again when an attribute is touched, and raise on fields that
are missing. Blocking underneath, so every call runs in a thread.
"""

from __future__ import annotations

import queue
from collections.abc import Mapping
from typing import Final, Protocol

from ingressdoctor.errors import SourceError
from ingressdoctor.model.text import Secret
from ingressdoctor.sources.base import Answer
from ingressdoctor.sources.calls import CallLog
from ingressdoctor.sources.credential import Credential, TokenSource
from ingressdoctor.sources.failures import reason_of
from ingressdoctor.sources.loading import Loading
from ingressdoctor.sources.workers import Workers

__all__ = ["HETZNER_ENDPOINT", "LiveHetzner"]

HETZNER_ENDPOINT: Final = "https://api.hetzner.cloud/v1"
_THREADS: Final = 4


class _Caller(Protocol):
    """What hcloud_client.py offers; named here because importing it is put off to the first call."""

    def get(self, path: str, query: Mapping[str, str]) -> Answer: ...

    def close(self) -> None: ...


class LiveHetzner:
    """Implements the ``Hetzner`` protocol.

    Args:
        token: None makes every call fail with a hint; nothing is sent.
        endpoint: Base URL including ``/v1``.
        timeout: Seconds for connecting and for reading.
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
        self._endpoint = endpoint
        self._timeout = timeout
        self._calls = calls
        self._workers = Workers(_THREADS, "hetzner")
        self._loading = Loading("ingressdoctor.sources.hcloud_client")
        self._idle: queue.LifoQueue[_Caller] = queue.LifoQueue()
        self._closed = False

    async def get(self, path: str, query: Mapping[str, str]) -> Answer:
        """GET *path*; API errors come back as their status and JSON error body.

        Raises:
            SourceError: no token, no connection, timeout.
        """
        token = await self._credential.get(self._workers)
        await self._loading.ready()
        with self._calls.call("hetzner", f"GET {path}") as call:
            try:
                # The thread keeps to its own timeouts, except while it resolves a name: that has none.
                answer = await self._workers.run(
                    lambda: self._call(token, path, query), timeout_s=2 * sum(self._timeout)
                )
            except TimeoutError as error:
                raise _unanswered(error) from None
            call.outcome = str(answer.status)
        return answer

    async def aclose(self) -> None:
        """Drop the connections; a call that is still running drops its own when it ends."""
        self._closed = True
        while not self._idle.empty():
            self._idle.get_nowait().close()

    def _call(self, token: Secret, path: str, query: Mapping[str, str]) -> Answer:
        try:
            caller = self._borrow(token)
            try:
                return caller.get(path, query)
            finally:
                self._give_back(caller)
        except SourceError:
            raise
        except Exception as error:  # noqa: BLE001 - hcloud, requests and urllib3 raise here, with no base in common
            raise _unanswered(error) from None

    def _borrow(self, token: Secret) -> _Caller:
        """Return an idle client with its connection, or a new one: requests' sessions are for one thread at a time."""
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            from ingressdoctor.sources.hcloud_client import HetznerCaller

            return HetznerCaller(token, self._endpoint, self._timeout)

    def _give_back(self, caller: _Caller) -> None:
        if self._closed:
            caller.close()
        else:
            self._idle.put(caller)


def _unanswered(error: Exception) -> SourceError:
    return SourceError(
        f"The Hetzner API did not answer: {reason_of(error)}.",
        hint="Check the network, or the endpoint under [hetzner] in the configuration.",
    )
