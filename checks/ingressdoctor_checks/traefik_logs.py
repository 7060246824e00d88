"""What does Traefik itself say: complaints about the host's objects, and whether requests arrive at all.

Source: Traefik's process log and access log; failed handshakes and entry-point redirects leave no access-log line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    AccessLogLine,
    Clock,
    Controller,
    ControllerLogs,
    Finding,
    OriginProbe,
    OutsideProbe,
    Reach,
    Remedy,
    RouteDecision,
    Target,
    Unavailable,
    check,
    ok,
    shorten,
    skip,
    unknown,
    warn,
)
from ingressdoctor_checks.traefik_common import STEP, is_recent, logs_of, proof_of, split_ref
from ingressdoctor_checks.traefik_signatures import Signature, meaning_of

__all__ = ["log_errors", "no_arrivals"]

_LOG: Final = "log of Traefik"
_SHOWN: Final = 3
_RECENT_S: Final = 120.0
# Edge errors that a broken way to the origin brings. Not 526: then the edge did reach Traefik and refused its
# certificate, which leaves no line in the access log.
_WAY_BROKEN: Final = frozenset([502, 504, 520, 521, 522, 523, 524, 525, 527, 530])
# Of these, the ones that come after the edge had its connection: an answer of the origin, or silence.
_CONNECTED: Final = frozenset([502, 504, 524])


@check(
    id="traefik.log-errors",
    title="Traefik's log complains about nothing that the host needs",
    step=STEP,
    link="Traefik's log",
)
def log_errors(
    logs: ControllerLogs, decision: RouteDecision | Unavailable, controller: Controller, clock: Clock, target: Target
) -> Iterator[Finding]:
    """Known complaints of the last half hour that concern the host's objects, or all routes."""
    found: dict[str, tuple[Signature, str]] = {}
    words = _words(decision, target) if logs.errors else ()
    for line in logs.errors:
        meaning = meaning_of(line) if is_recent(line, clock) else None
        if meaning is not None and (meaning.everywhere or _concerns(line, words)):
            found[meaning.cause] = (meaning, line)
    if not found:
        yield ok(
            f"Nothing in the last {logs.lines_read} log lines complains about this host.",
            where=_LOG,
            seen={"lines at warning level or above": str(len(logs.errors))},
        )
        return
    newest = list(found.values())[-_SHOWN:]
    meaning, line = newest[-1]
    yield warn(
        f"Traefik's log complains: {meaning.cause}.",
        subject=f"Traefik {controller.namespace}/{controller.workload}",
        where=_LOG,
        seen={item.cause: shorten(text, 300) for item, text in newest},
        remedy=Remedy(
            text=f"What it means: {'; '.join(f'{item.cause} ({item.remedy})' for item, _ in newest)}.",
            commands=(logs_of(controller),),
            proof=proof_of(target),
        ),
    )


def _words(decision: RouteDecision | Unavailable, target: Target) -> tuple[re.Pattern[str], ...]:
    """Return patterns of which one is in every line about the host: its name, or its objects' names."""
    names = {target.hostname}
    if not isinstance(decision, Unavailable):
        live = [route for route in decision.candidates if route.matches]
        for ref in (*(route.ref for route in decision.dropped), *(route.ref for route in live)):
            _, namespace, name = split_ref(ref)
            names.update((f"{namespace}-{name}-", f"ingress={name} ", f'"ingress":"{name}"', f"{namespace}/{name}"))
        for route in live:
            if route.tls_secret:
                names.add(f"{route.namespace}/{route.tls_secret}")
            names.update(f"{item.namespace}/{item.name}" for item in route.backends)
    return tuple(
        re.compile(r"(?<![\w.-])" + re.escape(name) + (r"(?![\w.-])" if name[-1].isalnum() else "")) for name in names
    )


def _concerns(line: str, words: tuple[re.Pattern[str], ...]) -> bool:
    return any(word.search(line + " ") for word in words)


@check(
    id="traefik.no-arrivals",
    title="Requests for the host arrive at Traefik",
    step=STEP,
    link="LB → Traefik",
)
def no_arrivals(
    logs: ControllerLogs,
    outside: OutsideProbe | Unavailable,
    origin: OriginProbe | Unavailable,
    controller: Controller,
    clock: Clock,
    target: Target,
) -> Iterator[Finding]:
    """Where the edge fails, the access log tells whether the fault is before Traefik or behind it."""
    recent = [line for line in logs.access if _age(line, clock) is None or (_age(line, clock) or 0.0) <= _RECENT_S]
    if recent:
        last = recent[-1]
        yield ok(
            f"Requests for {target.hostname} arrive at Traefik.",
            where="access log of Traefik",
            seen={
                "last": f"{last.when} {last.method} {last.path}",
                "status": f"{last.status} (from the backend: {last.origin_status or 'none'})",
                "router": last.router or "none",
            },
        )
        return
    if isinstance(outside, Unavailable) or not _way_broken(outside):
        yield skip("The way to Traefik is not in question: something answered, or was refused for its certificate.")
        return
    if _taken(outside, origin):
        yield skip("The origin takes the request when asked directly; a request still waiting stands in no access log.")
        return
    if logs.access_log_on is not True or (logs.hostless_access and not logs.other_access):
        yield unknown(
            "Whether requests arrive at Traefik cannot be told: its access log is off, or does not name hosts.",
            enable_with="Start Traefik with --accesslog=true --accesslog.format=json.",
        )
        return
    last_seen = f"; the last one came at {logs.access[-1].when}" if logs.access else ""
    yield warn(
        f"No request for {target.hostname} reached Traefik in the two minutes before this run{last_seen}: "
        "the fault may well be between the edge and Traefik.",
        subject=f"Traefik {controller.namespace}/{controller.workload}",
        where="access log of Traefik",
        seen={
            "lines for this host": "0 in the last two minutes",
            "lines for other hosts": str(logs.other_access),
            "lines read": str(logs.lines_read),
        },
        remedy=Remedy(
            text="Look at the load balancer, its targets and the nodes before looking at routes.",
            commands=(logs_of(controller),),
            proof=proof_of(target),
        ),
    )


def _age(line: AccessLogLine, clock: Clock) -> float | None:
    return clock.seconds_since(line.when)


def _taken(outside: OutsideProbe, origin: OriginProbe | Unavailable) -> bool:
    """Tell whether the edge had its connection and the origin, asked directly, takes requests as well."""
    if isinstance(origin, Unavailable) or outside.edge_error is None or outside.edge_error.code not in _CONNECTED:
        return False
    return bool(origin.https.status) or origin.https.reach is Reach.READ_TIMEOUT


def _way_broken(outside: OutsideProbe) -> bool:
    if outside.edge_error is not None:
        return outside.edge_error.code in _WAY_BROKEN
    return outside.last.status == 0
