"""The service token with which probes pass an Access login. Its secret is revealed only to be sent.

Source: developers.cloudflare.com/cloudflare-one (service tokens): two headers, over https.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Final
from urllib.parse import urlsplit

from msgspec.structs import replace

from ingressdoctor.errors import SourceError
from ingressdoctor.evidence.net import HttpRequest
from ingressdoctor.sources.credential import Credential, TokenSource
from ingressdoctor.sources.workers import Workers

__all__ = ["LiveAccessToken"]

_MISSING: Final = SourceError(
    "There is no service token of Cloudflare Access.",
    hint="Set CF_ACCESS_CLIENT_ID and CF_ACCESS_CLIENT_SECRET, or [cloudflare.access] in the configuration.",
)


class LiveAccessToken:
    """Implements the ``AccessToken`` protocol.

    Args:
        client_id: None means that no token is configured.
        client_secret: Fetched only when a request carries the token.
        hosts: Patterns of the hosts that it may be sent to; empty: any that answers with an Access login.
    """

    def __init__(
        self, *, client_id: TokenSource = None, client_secret: TokenSource = None, hosts: tuple[str, ...] = ()
    ) -> None:
        self._there = client_id is not None and client_secret is not None
        self._id = Credential(client_id, missing=_MISSING)
        self._secret = Credential(client_secret, missing=_MISSING)
        self._hosts = hosts
        self._workers = Workers(1, "access token")

    async def client_id(self) -> str:
        """Return the token's id, empty when none is configured.

        Raises:
            SourceError: it cannot be had.
        """
        return (await self._id.get(self._workers)).reveal() if self._there else ""

    def fits(self, hostname: str) -> bool:
        """Tell whether it may be sent to a host."""
        return not self._hosts or any(fnmatchcase(hostname, pattern) for pattern in self._hosts)

    async def laden(self, request: HttpRequest) -> HttpRequest:
        """Return *request* with the token's headers.

        Raises:
            SourceError: the token cannot be had, or the request would show it to somebody else.
        """
        parts = urlsplit(request.url)
        host = (request.host or parts.hostname or "").lower()
        if parts.scheme != "https" or not request.verify or not self.fits(host):
            raise SourceError(
                f"The service token is not sent to {parts.scheme}://{host}.",
                hint="It goes over verified https only, to the hosts under [cloudflare.access].",
            )
        ident, secret = await self._id.get(self._workers), await self._secret.get(self._workers)
        token = (("CF-Access-Client-Id", ident.reveal()), ("CF-Access-Client-Secret", secret.reveal()))
        return replace(request, headers=(*request.headers, *token), service_token=False)
