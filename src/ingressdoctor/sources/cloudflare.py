"""Read from the Cloudflare API v4. Only GET exists here.

Not on the vendor's SDK: for the dozen GETs needed, it takes 0.2 to 1.0 s to import and 105 MB on disk, retries by
itself, and asks for one page more than there is.
"""

from __future__ import annotations

from typing import Final

from ingressdoctor.errors import SourceError
from ingressdoctor.sources.calls import CallLog
from ingressdoctor.sources.credential import TokenSource
from ingressdoctor.sources.vendor_api import Roots, Vendor, VendorApi

__all__ = ["CLOUDFLARE_ENDPOINT", "LiveCloudflare"]

CLOUDFLARE_ENDPOINT: Final = "https://api.cloudflare.com/client/v4"
_CONNECTIONS: Final = 6


class LiveCloudflare(VendorApi):
    """Implements the ``Cloudflare`` protocol; *endpoint* includes ``/client/v4``, *timeout* as for Hetzner."""

    def __init__(
        self,
        *,
        token: TokenSource,
        calls: CallLog,
        endpoint: str = CLOUDFLARE_ENDPOINT,
        timeout: tuple[float, float] = (3.0, 10.0),
        roots: Roots | None = None,
    ) -> None:
        missing = SourceError(
            "There is no Cloudflare API token.",
            hint="Set CLOUDFLARE_API_TOKEN to a token that may read the zone; it needs no right to edit.",
        )
        vendor = Vendor(name="Cloudflare", missing=missing, connections=_CONNECTIONS, waits=True)
        super().__init__(vendor, token=token, endpoint=endpoint, timeout=timeout, calls=calls, roots=roots or Roots())
