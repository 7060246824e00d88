"""Read from the Hetzner Cloud API of one project. Only GET exists here.

Not on the vendor's client: for three GETs it takes as long to import (with requests) as everything else that is sent
takes, and it retries for half a minute.
"""

from __future__ import annotations

from typing import Final

from ingressdoctor.errors import SourceError
from ingressdoctor.sources.calls import CallLog
from ingressdoctor.sources.credential import TokenSource
from ingressdoctor.sources.vendor_api import Roots, Vendor, VendorApi

__all__ = ["HETZNER_ENDPOINT", "LiveHetzner"]

HETZNER_ENDPOINT: Final = "https://api.hetzner.cloud/v1"
_CONNECTIONS: Final = 4


class LiveHetzner(VendorApi):
    """Implements the ``Hetzner`` protocol; *endpoint* includes ``/v1``, *timeout* is for connecting and for all."""

    def __init__(
        self,
        *,
        token: TokenSource,
        calls: CallLog,
        endpoint: str = HETZNER_ENDPOINT,
        timeout: tuple[float, float] = (3.0, 10.0),
        roots: Roots | None = None,
    ) -> None:
        missing = SourceError(
            "There is no Hetzner Cloud API token.",
            hint="Set HCLOUD_TOKEN to a token of the project; a read-only one is enough.",
        )
        vendor = Vendor(name="Hetzner", missing=missing, connections=_CONNECTIONS)
        super().__init__(vendor, token=token, endpoint=endpoint, timeout=timeout, calls=calls, roots=roots or Roots())
