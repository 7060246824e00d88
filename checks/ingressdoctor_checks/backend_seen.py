"""What was answered on the way to the backend, gathered from the probes and the controller's access log.

Holds no check and judges nothing. Source: traefik pkg/proxy (bodies and codes of its own
errors), Cloudflare's documentation of 5xx errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from ingressdoctor.api import AccessLogLine, ControllerLogs, HttpExchange, OriginProbe, OutsideProbe, Reach, Unavailable

__all__ = ["Seen", "got_through", "newest_line", "seen_of"]

_TRAEFIK_502: Final = b"Bad Gateway"
_TRAEFIK_504: Final = b"Gateway Timeout"
# The page of an ingress-nginx, which hides its version; the word alone is that of any nginx.
_NGINX_PAGE: Final = b"<hr><center>nginx</center>"
_ABORTED: Final = 499
_NEWEST: Final = 50


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """Statuses by where they were seen ("outside", "origin", "access log"), and what tells them apart.

    ``timeouts`` are places where no answer came within the probe's own patience; ``application_502`` a 502 whose body
    is not the controller's; ``dial_timeout`` a 504 that is the controller's own: it could not connect. ``only_edge``
    is set when all that answered was the edge itself (an error, a challenge, a login): nothing is known to have come
    further.
    """

    statuses: Mapping[str, int] = msgspec.field(default_factory=dict)
    timeouts: tuple[str, ...] = ()
    application_502: bool = False
    dial_timeout: bool = False
    only_edge: bool = False
    slowest_s: float = 0.0
    facts: dict[str, str] = msgspec.field(default_factory=dict)

    def with_status(self, wanted: frozenset[int]) -> tuple[str, ...]:
        """Return where one of the *wanted* statuses was seen."""
        return tuple(place for place, status in self.statuses.items() if status in wanted)


def seen_of(
    host: str,
    outside: OutsideProbe | Unavailable,
    origin: OriginProbe | Unavailable,
    logs: ControllerLogs | Unavailable,
    *,
    nginx: bool = False,
) -> Seen:
    """Gather what was seen of requests for *host*; places that could not be looked at are left out.

    *nginx* tells that ingress-nginx is the controller, whose own page a 502 then has. The access log tells of earlier
    requests, so its status counts only where the origin itself was not asked.
    """
    line = _last_line(host, logs)
    if line is None and isinstance(outside, Unavailable) and isinstance(origin, Unavailable):
        return Seen()
    statuses: dict[str, int] = {}
    facts: dict[str, str] = {}
    timeouts: list[str] = []
    durations: list[float] = []
    edge_made_it = not isinstance(outside, Unavailable) and bool(
        outside.edge_error or outside.challenge or outside.access_login
    )
    if not isinstance(outside, Unavailable) and not outside.left_host:
        error = outside.edge_error
        status = error.code if error is not None else outside.last.status
        _note("outside", status, outside.last, (statuses, facts), timeouts)
        durations.append(outside.last.phases.first_byte_s or 0.0)
    answer = None if isinstance(origin, Unavailable) else origin.https
    if answer is not None:
        _note("origin", answer.status, answer, (statuses, facts), timeouts)
        durations.append(answer.phases.first_byte_s or 0.0)
    if line is not None:
        slow = line.status == _ABORTED and line.duration_s >= 10
        if answer is None or not (answer.status or "origin" in timeouts):
            statuses["access log"] = 524 if slow else line.status
            durations.append(line.duration_s)
        facts["access log"] = f"{line.status} (from the pod: {line.origin_status}) after {line.duration_s:.1f} s"
    return Seen(
        statuses=statuses,
        timeouts=tuple(timeouts),
        application_502=answer is not None and answer.status == 502 and not _own_502(answer.body, nginx=nginx),
        dial_timeout=answer is not None and answer.status == 504 and answer.body.strip() == _TRAEFIK_504,
        only_edge=edge_made_it and set(statuses) == {"outside"},
        slowest_s=max(durations, default=0.0),
        facts=facts,
    )


def _own_502(body: bytes, *, nginx: bool) -> bool:
    """Tell whether the body is the controller's."""
    return _NGINX_PAGE in body if nginx else body.strip() == _TRAEFIK_502


def _note(
    place: str,
    status: int,
    exchange: HttpExchange,
    into: tuple[dict[str, int], dict[str, str]],
    timeouts: list[str],
) -> None:
    statuses, facts = into
    if exchange.reach is Reach.READ_TIMEOUT:
        timeouts.append(place)
        facts[place] = f"no answer within {exchange.phases.total_s:.0f} s"
    elif status:
        statuses[place] = status
        facts[place] = f"{status} after {exchange.phases.total_s:.1f} s"


def _last_line(host: str, logs: ControllerLogs | Unavailable) -> AccessLogLine | None:
    """Return the newest request for *host* that was sent on to a pod."""
    if isinstance(logs, Unavailable) or not logs.access:
        return None
    mine = (line for line in reversed(logs.access[-_NEWEST:]) if line.service_url and _same_host(line.host, host))
    return next(mine, None)


def newest_line(host: str, logs: ControllerLogs | Unavailable, status: int) -> AccessLogLine | None:
    """Return the newest request for *host* that a pod was asked and that ended with *status* there and here."""
    if isinstance(logs, Unavailable):
        return None
    return next(
        (
            line
            for line in reversed(logs.access[-_NEWEST:])
            if line.service_url and line.status == line.origin_status == status and _same_host(line.host, host)
        ),
        None,
    )


def _same_host(said: str, host: str) -> bool:
    return said.lower().partition(":")[0] == host


def got_through(origin: OriginProbe | Unavailable) -> bool:
    """Whether the origin has just answered with something that only a pod can have said: a 2xx."""
    return not isinstance(origin, Unavailable) and 200 <= origin.https.status < 300
