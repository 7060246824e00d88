"""Read from one cluster's API server, with the credentials and settings that kubectl would use.

Configuration, authentication and connections are the official client's; its generated API and models are not used:
loading them costs a second, and decoding with them sixty times what typed structs do. Only GET exists here.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from ingressdoctor.errors import SourceError
from ingressdoctor.sources.base import Answer
from ingressdoctor.sources.calls import CallLog
from ingressdoctor.sources.failures import is_unreached, lower_headers, reason_of, retry_after
from ingressdoctor.sources.forward import ForwardedPort, open_forward
from ingressdoctor.sources.kubeconfig import KubeClient, load_client, quiet_library
from ingressdoctor.sources.reading import read_capped
from ingressdoctor.sources.workers import Workers

__all__ = ["LiveKubernetes"]

_CONNECTIONS: Final = 8
_CONNECT_S: Final = 5.0
_LOGIN_S: Final = 30.0
_MAX_BODY: Final = 64 * 1024 * 1024


class LiveKubernetes:
    """Implements the ``Kubernetes`` protocol.

    ``context`` is the context asked for, and the one really used from the first call on.

    Args:
        kubeconfig: One or several paths; None for what kubectl would use.
        context: None for the kubeconfig's current one.
        timeout_s: For one call, from the first byte sent to the last one read.
        calls: Where calls are logged.
        login_timeout_s: For loading the kubeconfig, exec plugins included: those have no timeout of their own.
        max_body: Most bytes of one answer, after decompression.
    """

    def __init__(
        self,
        *,
        kubeconfig: str | None,
        context: str | None,
        timeout_s: float,
        calls: CallLog,
        login_timeout_s: float = _LOGIN_S,
        max_body: int = _MAX_BODY,
    ) -> None:
        self.context = context or ""
        self._kubeconfig = kubeconfig
        self._wanted_context = context
        self._timeout_s = timeout_s
        self._login_timeout_s = login_timeout_s
        self._max_body = max_body
        self._calls = calls
        self._workers = Workers(_CONNECTIONS, "kubernetes")
        self._loading: asyncio.Future[KubeClient] | None = None
        # Credentials may be refreshed while a request is prepared, and the library does that without a lock.
        self._auth = threading.Lock()

    async def get(self, path: str, query: Mapping[str, str]) -> Answer:
        """GET *path*; any HTTP status is an answer.

        Raises:
            SourceError: no kubeconfig, no connection, TLS failure, timeout, or a body over the cap.
        """
        target = path + (f"?{urlencode(dict(query))}" if query else "")
        # Loading the library and logging in is no round trip of this request: it is not in the request's time.
        client = await self._client()
        with self._calls.call("kubernetes", f"GET {target}") as call:
            answer = await self._once(client, target)
            wait = retry_after(answer.headers) if answer.status == 429 else None
            if wait is not None:
                await asyncio.sleep(wait)
                answer = await self._once(client, target)
            call.outcome = str(answer.status)
        return answer

    async def forward(self, namespace: str, pod: str, port: int) -> ForwardedPort:
        """Connect to one port of one pod, as ``kubectl port-forward`` does.

        Raises:
            SourceError: no kubeconfig, no connection, or no grant (the message then begins with 403).
        """
        client = await self._client()
        settings, place = client.api.configuration, (namespace, pod, port)
        with self._calls.call("kubernetes", f"port-forward {namespace}/{pod}:{port}") as call:
            forwarded = await self._workers.run(
                lambda: open_forward(settings, self._headers(client.api), place, self._timeout_s),
                timeout_s=2 * self._timeout_s + _CONNECT_S,
            )
            call.outcome = "connected"
        return forwarded

    async def aclose(self) -> None:
        """Drop the connections; a load that still hangs is left behind."""
        loading, self._loading = self._loading, None
        if loading is None:
            return
        if not loading.done():
            loading.cancel()
        elif loading.exception() is None:
            loading.result().api.close()

    async def _client(self) -> KubeClient:
        if self._loading is None:
            self._loading = self._workers.start(
                lambda: load_client(self._kubeconfig, self._wanted_context, _CONNECTIONS)
            )
        try:
            async with asyncio.timeout(self._login_timeout_s):
                client = await asyncio.shield(self._loading)
        except TimeoutError:
            raise SourceError(
                f"The kubeconfig's credentials were not there after {self._login_timeout_s:g} s.",
                hint="A credential plugin may be waiting for a login: run kubectl get --raw /version.",
            ) from None
        except SourceError as error:
            # Raised anew: many tasks wait for the one load, and a shared exception would collect their tracebacks.
            raise SourceError(error.message, hint=error.hint, transient=error.transient) from None
        self.context = client.context
        return client

    async def _once(self, client: KubeClient, target: str) -> Answer:
        try:
            # The thread keeps to its own timeouts, except while it resolves a name: that has none.
            return await self._workers.run(
                lambda: self._read(client.api, target), timeout_s=2 * self._timeout_s + _CONNECT_S
            )
        except SourceError:
            raise
        except Exception as error:  # noqa: BLE001 - three libraries raise here, with no base in common
            raise SourceError(
                f"The Kubernetes API of context {self.context!r} did not answer: {reason_of(error)}.",
                hint="Check the server and the credentials of the context: kubectl get --raw /version.",
                transient=True,
                unreached=is_unreached(error),
            ) from None

    def _read(self, api: Any, target: str) -> Answer:  # noqa: ANN401 - the library is untyped
        import urllib3

        deadline = time.monotonic() + self._timeout_s
        response = api.rest_client.pool_manager.request(
            "GET",
            api.configuration.host + target,
            headers=self._headers(api),
            timeout=urllib3.Timeout(connect=min(_CONNECT_S, self._timeout_s), read=self._timeout_s),
            retries=False,
            redirect=False,
            preload_content=False,
        )
        try:
            body = read_capped(response, who="The Kubernetes API", most=self._max_body, deadline=deadline)
        except BaseException:
            response.close()
            raise
        response.release_conn()
        return Answer(status=response.status, body=body, headers=lower_headers(response.headers))

    def _headers(self, api: Any) -> dict[str, str]:  # noqa: ANN401 - the library is untyped
        # The API server compresses what is over 128 KiB, ten to one, but only on request; the library does not ask.
        headers = {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": "ingressdoctor"}
        with self._auth, quiet_library():
            for setting in api.configuration.auth_settings().values():
                if setting.get("in") == "header" and setting.get("value"):
                    headers[setting["key"]] = setting["value"]
        return headers
