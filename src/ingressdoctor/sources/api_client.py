"""Kept connections to the API of Cloudflare or Hetzner: capped answers, one deadline per call, errors in clear words.

On urllib3, which the cluster is read with anyway, and not on the vendors' clients, requests or httpx: what those add
for a dozen GETs (retries, cookies, redirects, models) is not wanted here, and takes longer to import than all the calls
take. What of it is wanted stands here: the query string and the environment's proxy.

Blocking: call it in a thread; several may call at once. Loaded by cloudflare.py and hetzner.py with the first call.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping
from typing import Final
from urllib.parse import SplitResult, unquote, urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

import urllib3
from urllib3.exceptions import HTTPError

from ingressdoctor.errors import SourceError
from ingressdoctor.model.text import Secret
from ingressdoctor.sources.base import Answer
from ingressdoctor.sources.failures import lower_headers, reason_of
from ingressdoctor.sources.reading import read_capped

__all__ = ["ApiClient"]

_MAX_BODY: Final = 16 * 1024 * 1024


class ApiClient:
    """Keeps connections between calls.

    Args:
        vendor: As messages name it; its section of the configuration is the same in lower case.
        token: Sent as a bearer token.
        endpoint: Base URL.
        timeout: Seconds for connecting, and for a whole call.
        connections: How many are kept.
        trusted: For an endpoint over TLS; None for one without.

    Raises:
        SourceError: the endpoint is not a URL of HTTP.
    """

    def __init__(
        self,
        vendor: str,
        token: Secret,
        *,
        endpoint: str,
        timeout: tuple[float, float],
        connections: int,
        trusted: ssl.SSLContext | None,
    ) -> None:
        self._vendor = vendor
        self._token = token
        self._endpoint = endpoint
        self._timeout = timeout
        try:
            parts = urlsplit(endpoint)
            usable = bool(parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0)
        except ValueError:
            usable = False
        if not usable:
            raise self._unanswered("the endpoint is not a usable URL")
        self._pool = _pool_for(parts, connections, trusted)

    def get(self, path: str, query: Mapping[str, str]) -> Answer:
        """GET *path*; any HTTP status is an answer.

        Raises:
            SourceError: no connection, timeout, or a body over the cap.
        """
        connect_s, total_s = self._timeout
        deadline = time.monotonic() + total_s
        try:
            response = self._pool.request(
                "GET",
                self._endpoint + path + (f"?{urlencode(dict(query))}" if query else ""),
                headers=self._headers(),
                timeout=urllib3.Timeout(connect=min(connect_s, total_s), read=total_s),
                retries=False,
                redirect=False,
                preload_content=False,
            )
            try:
                body = read_capped(response, who=f"The {self._vendor} API", most=_MAX_BODY, deadline=deadline)
            except BaseException:
                response.close()
                raise
            response.release_conn()
        except (HTTPError, OSError, ValueError) as error:
            raise self._unanswered(reason_of(error)) from None
        return Answer(status=response.status, body=body, headers=lower_headers(response.headers))

    def close(self) -> None:
        """Drop the connections; a call that is still running drops its own when it ends."""
        self._pool.clear()

    def _headers(self) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self._token.reveal()}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "User-Agent": "ingressdoctor",
        }

    def _unanswered(self, reason: str) -> SourceError:
        hint = f"Check the network, or the endpoint under [{self._vendor.lower()}] in the configuration."
        return SourceError(f"The {self._vendor} API did not answer: {reason}.", hint=hint)


def _pool_for(endpoint: SplitResult, connections: int, trusted: ssl.SSLContext | None) -> urllib3.PoolManager:
    """Return connections that go where the environment's proxy settings say, as curl would."""
    proxies = getproxies()
    proxy = proxies.get(endpoint.scheme) or proxies.get("all") or ""
    if not proxy or proxy_bypass(endpoint.hostname or ""):
        return urllib3.PoolManager(maxsize=connections, ssl_context=trusted)
    parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    login = f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else None
    return urllib3.ProxyManager(
        f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}",
        proxy_headers=urllib3.make_headers(proxy_basic_auth=login),
        maxsize=connections,
        ssl_context=trusted,
    )
