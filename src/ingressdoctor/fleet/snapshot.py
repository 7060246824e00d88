"""What one process read from the APIs, as bytes: read once, sent once to every worker.

Holds the answers as they came, so that a worker decodes what a lone process would have decoded. It may hold whatever
the cluster's objects hold (never Secrets, which nobody reads), so it goes to the workers and nowhere else.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Final

import msgspec

from ingressdoctor.sources.live import Sources
from ingressdoctor.sources.record import MOST_BYTES, Page, Recorded, Recorder
from ingressdoctor.sweeping.sources import Apis

__all__ = ["Recording", "apis_from", "counted"]

_LEVEL: Final = 1
_EMPTY: Final = b""


class _Pages(msgspec.Struct, frozen=True, kw_only=True):
    kubernetes: tuple[Page, ...] = ()
    hetzner: tuple[Page, ...] = ()
    cloudflare: tuple[Page, ...] = ()
    context: str = ""


class Recording:
    """The three APIs of a session, with everything kept that they answer."""

    def __init__(self, sources: Sources, most: int = MOST_BYTES) -> None:
        """*most* bytes of each API are kept."""
        self._kubernetes = Recorder(sources.kubernetes, sources.kubernetes.context, most)
        self._hetzner = Recorder(sources.hetzner, most=most)
        self._cloudflare = Recorder(sources.cloudflare, most=most)

    @property
    def apis(self) -> Apis:
        """What to read from while recording."""
        return Apis(kubernetes=self._kubernetes, hetzner=self._hetzner, cloudflare=self._cloudflare)

    @property
    def whole(self) -> bool:
        """Whether everything had room."""
        return self._kubernetes.whole and self._hetzner.whole and self._cloudflare.whole

    @property
    def knows_clouds(self) -> bool:
        """Whether Hetzner or Cloudflare have answered anything."""
        return bool(self._hetzner.pages or self._cloudflare.pages)

    def snapshot(self) -> bytes:
        """Return everything that was answered so far."""
        pages = _Pages(
            kubernetes=self._kubernetes.pages,
            hetzner=self._hetzner.pages,
            cloudflare=self._cloudflare.pages,
            context=self._kubernetes.context,
        )
        return zlib.compress(msgspec.msgpack.encode(pages), _LEVEL)


def apis_from(snapshot: bytes, sources: Sources) -> Apis:
    """Return the APIs of a snapshot; what is not in it is asked for live."""
    pages = msgspec.msgpack.decode(zlib.decompress(snapshot), type=_Pages) if snapshot != _EMPTY else _Pages()
    return Apis(
        kubernetes=Recorded(pages.kubernetes, sources.kubernetes, pages.context),
        hetzner=Recorded(pages.hetzner, sources.hetzner),
        cloudflare=Recorded(pages.cloudflare, sources.cloudflare),
    )


def counted(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """Return how many calls were made in between, by source."""
    return {name: count - before.get(name, 0) for name, count in after.items() if count > before.get(name, 0)}
