"""MaxScale's REST API: at a configured URL, or in a pod by a port-forward through the API server. Only GET exists here.

Not by the API server's proxy: that drops the header ``Authorization``, and MaxScale answers nobody without it. The
collector asks by that way only whether the API is alive. How a call fails is a value, never an exception.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from ingressdoctor.errors import SourceError
from ingressdoctor.evidence.maxscale import ApiPlace, RestReply
from ingressdoctor.model.text import Secret
from ingressdoctor.sources.calls import CallLog
from ingressdoctor.sources.credential import Credential, TokenSource
from ingressdoctor.sources.forward import Forwarder
from ingressdoctor.sources.loading import OnDemand
from ingressdoctor.sources.workers import Workers

__all__ = ["LiveMaxScale", "RestSettings"]

_MISSING: Final = SourceError(
    "There is no password for MaxScale's REST API.",
    hint="Set INGRESSDOCTOR_MAXSCALE_PASSWORD, or password under [maxscale]; it is in the Secret NAME-admin.",
)


class _Client(Protocol):
    """What maxscale_client.py offers; named here because importing it is put off to the first call."""

    async def read(
        self, place: ApiPlace | None, paths: Sequence[str], authorization: Secret | None
    ) -> tuple[RestReply, ...]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RestSettings:
    """Where the API is and how to log in.

    ``url`` is empty when it is to be reached through pods; without ``password`` nothing is sent. ``ca_file`` holds
    roots to trust instead of the system's; ``timeout_s`` is for connecting, and for each answer.
    """

    url: str = ""
    user: str = ""
    password: TokenSource = None
    ca_file: str = ""
    timeout_s: float = 5.0


class LiveMaxScale:
    """Implements the ``MaxScale`` protocol; *forward* opens connections to pods."""

    def __init__(self, settings: RestSettings, *, calls: CallLog, forward: Forwarder | None = None) -> None:
        self.url = settings.url
        self.has_login = settings.password is not None
        self._user = settings.user
        self._password = Credential(settings.password, missing=_MISSING)
        self._calls = calls
        self._workers = Workers(1, "maxscale password")

        def make() -> _Client:
            from ingressdoctor.sources.maxscale_client import MaxScaleClient

            return MaxScaleClient(
                url=settings.url, ca_file=settings.ca_file, forward=forward, timeout_s=settings.timeout_s
            )

        self._client = OnDemand("ingressdoctor.sources.maxscale_client", make)

    async def read(self, place: ApiPlace | None, paths: Sequence[str]) -> tuple[RestReply, ...]:
        """GET *paths* over one connection, to a pod or (None) to the configured URL.

        What is not answered, or not with 200 at the first path, ends it: the answers may be fewer than the paths.

        Raises:
            SourceError: the password cannot be had, or the CA file cannot be used.
        """
        authorization = await self._authorization() if self.has_login else None
        client = await self._client.get()
        where = f"pod {place.namespace}/{place.pod}" if place is not None else "the configured URL"
        with self._calls.call("maxscale", f"GET {len(paths)} paths of {where}") as call:
            replies = await client.read(place, paths, authorization)
            last = replies[-1]
            call.outcome = str(last.trouble or last.status)
        return replies

    async def _authorization(self) -> Secret:
        password = await self._password.get(self._workers)
        pair = f"{self._user}:{password.reveal()}".encode()
        return Secret(f"Basic {base64.b64encode(pair).decode('ascii')}")
