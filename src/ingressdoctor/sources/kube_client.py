"""What a kubeconfig comes to: where the API server is, and how it is spoken to. Reads and connects to nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

__all__ = ["KubeClient"]


class KubeClient(msgspec.Struct, frozen=True, kw_only=True):
    """One cluster's API server, as one context speaks to it.

    ``pool`` is urllib3's manager of connections; ``credentials`` returns the headers that authenticate a request, and
    may refresh them, which only one thread may do at a time; ``tls`` are the options of a WebSocket of
    websocket-client.
    """

    context: str
    host: str
    pool: Any
    credentials: Callable[[], Mapping[str, str]]
    tls: Mapping[str, Any]
