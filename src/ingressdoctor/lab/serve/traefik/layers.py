"""What a built middleware is: a step before the service, and a step after it. Knows no middleware."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from ingressdoctor.lab.serve.wire import Request, Response, reason


class BuildError(ValueError):
    """A middleware cannot be built."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A request on its way through a router: scheme as forwarded headers say, and the peer's address."""

    request: Request
    scheme: str
    peer_ip: str


Before = Callable[[Visit], Visit | Response]
After = Callable[[Response, Visit], Response]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One built middleware: *before* may answer itself, *after* sees the answer."""

    name: str
    before: Before = lambda visit: visit
    after: After = lambda response, visit: response


def plain(status: int, body: str | None = None) -> Response:
    """A short answer without a Content-Type, as Traefik's own middlewares give."""
    return Response(status=status, body=(reason(status) if body is None else body).encode())
