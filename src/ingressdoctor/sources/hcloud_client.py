"""The vendor's Hetzner Cloud client, tamed: no retries, no .netrc, capped answers, kept as they came.

Slow to import (0.1 s) and blocking: loaded and used in worker threads by hetzner.py only.
"""

from __future__ import annotations

import io
import time
from collections.abc import Mapping
from importlib import metadata
from typing import Any, Final

import requests
from hcloud import APIException, Client
from requests.adapters import HTTPAdapter

from ingressdoctor.errors import SourceError
from ingressdoctor.model.text import Secret
from ingressdoctor.sources.base import Answer
from ingressdoctor.sources.failures import lower_headers
from ingressdoctor.sources.reading import read_capped

__all__ = ["HetznerCaller"]

_MAX_BODY: Final = 16 * 1024 * 1024


class _CappedAdapter(HTTPAdapter):
    """Reads each answer up to a size and a time, and keeps it as it came.

    The client drops status and headers of what it decodes, and reads without a limit.
    """

    def __init__(self, total_s: float) -> None:
        super().__init__()
        self._total_s = total_s
        self.answer: Answer | None = None

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:  # noqa: ANN401
        """Send, read the whole body here, and hand on a response that holds it."""
        self.answer = None
        deadline = time.monotonic() + self._total_s
        response = super().send(request, *args, **kwargs)
        try:
            body = read_capped(response.raw, who="The Hetzner API", most=_MAX_BODY, deadline=deadline)
        except BaseException:
            response.raw.close()
            raise
        response.raw.release_conn()
        self.answer = Answer(status=response.status_code, body=body, headers=lower_headers(response.headers))
        response.raw = io.BytesIO(body)
        return response


class HetznerCaller:
    """One client of the vendor's library; used by one thread at a time, as requests' sessions ask for."""

    def __init__(self, token: Secret, endpoint: str, timeout: tuple[float, float]) -> None:
        self._client = Client(
            token=token.reveal(),
            api_endpoint=endpoint.rstrip("/"),
            application_name="ingressdoctor",
            application_version=_version(),
            timeout=timeout,  # without it a hung API blocks for ever
        )
        base = self._client._client  # noqa: SLF001 - see below
        # Five retries with a backoff of up to 31 s in all would stall a diagnosis; the library has no setting for it.
        base._retry_max_retries = 0  # noqa: SLF001
        session = base._session  # noqa: SLF001
        # An entry for the host in ~/.netrc would replace the token by a password. Having an auth callable, even one
        # that does nothing, stops that; trust_env stays on for HTTPS_PROXY, NO_PROXY and REQUESTS_CA_BUNDLE.
        session.auth = lambda request: request
        self._adapter = _CappedAdapter(sum(timeout))
        session.mount("https://", self._adapter)
        session.mount("http://", self._adapter)
        self._session = session

    def get(self, path: str, query: Mapping[str, str]) -> Answer:
        """GET *path*; whatever HTTP answer came, undecoded."""
        try:
            self._client.request("GET", path, params=dict(query), allow_redirects=False)
        except (APIException, KeyError, TypeError, AttributeError):
            # Raised about an answer that came: it is returned as it is, whatever it holds.
            if self._adapter.answer is None:
                raise
        if self._adapter.answer is None:
            raise SourceError("The Hetzner API did not answer.")
        return self._adapter.answer

    def close(self) -> None:
        """Drop the connection."""
        self._session.close()


def _version() -> str:
    try:
        return metadata.version("ingressdoctor")
    except metadata.PackageNotFoundError:
        return "0"
