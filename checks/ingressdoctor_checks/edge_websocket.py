"""Does a WebSocket open? Asked only for targets of ws:// and wss://.

An answer of 400 and above is the business of ``edge``; here are the answers that look well and are no WebSocket.
Source: RFC 6455 section 4; Cloudflare's documentation of the zone setting WebSockets.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    Command,
    Finding,
    HttpExchange,
    OriginProbe,
    OutsideProbe,
    Protocol,
    Remedy,
    Symptom,
    Target,
    Unavailable,
    check,
    clean,
    fail,
    look,
    ok,
    skip,
)
from ingressdoctor_checks.outside_view import SEEN, came_through, visit_url

__all__ = ["SWITCHED", "handshake", "websocket_refused"]

SWITCHED: Final = 101


@check(
    id="edge.websocket-refused",
    title="A WebSocket opens",
    step="outside",
    link="visitor → WebSocket",
)
def websocket_refused(target: Target, probe: OutsideProbe, origin: OriginProbe | Unavailable) -> Iterator[Finding]:
    """The handshake asks for an upgrade; anything but 101 leaves the client without a connection."""
    last = probe.last
    if target.protocol is not Protocol.WEBSOCKET:
        yield skip("No WebSocket is asked for; a target of wss:// asks for one.")
        return
    if not came_through(probe) or last.status >= 400:
        yield skip("The request failed before a WebSocket could be opened, as other checks say.")
        return
    url = visit_url(probe, target)
    if last.status == SWITCHED:
        yield ok(f"{url} switches to WebSocket.", subject=target.hostname, seen=_seen(last), where=SEEN)
        return
    if probe.left_host or 300 <= last.status < 400:
        why = "the answer is a redirect, and WebSocket clients follow none"
        text = "Let clients ask for the address that the redirect names, or take the redirect out for this path."
    elif not isinstance(origin, Unavailable) and origin.https.status == SWITCHED:
        why = "the origin opens it, so the edge takes the upgrade away"
        text = "Switch WebSockets on for the zone: dashboard, Network > WebSockets."
    else:
        why = "the application answers as to a plain request"
        text = (
            "Look whether the path leads to the Service that speaks WebSocket (prefix, trailing slash, stripped"
            " prefix), and whether anything in front of the application drops the headers Connection and Upgrade."
        )
    yield fail(
        f"{url} answers {last.status} to a WebSocket handshake and opens no WebSocket: {why}.",
        subject=target.hostname,
        seen=_seen(last) | _by_origin(origin),
        where=SEEN,
        symptom=Symptom.WEBSOCKET_REFUSED,
        remedy=Remedy(
            text=text,
            commands=(handshake(target), look("ingressdoctor", "route", target.url)),
            proof=handshake(target),
        ),
    )


def _by_origin(origin: OriginProbe | Unavailable) -> dict[str, str]:
    if isinstance(origin, Unavailable):
        return {}
    return {"origin": f"{origin.address} answers {origin.https.status or origin.https.reach.value}"}


def _seen(last: HttpExchange) -> dict[str, str]:
    return {
        "status": str(last.status),
        "upgrade": last.header("upgrade") or "(none)",
        "content-type": last.header("content-type") or "(none)",
        "body": clean(last.body[:120].decode("utf-8", "replace").strip(), 120) or "(empty)",
    }


def handshake(target: Target) -> Command:
    """Return the command that repeats the handshake; it waits ten seconds at most, since an open one does not end."""
    return look(
        *("curl", "-sS", "-i", "--http1.1", "--max-time", "10"),
        *("-H", "Connection: Upgrade", "-H", "Upgrade: websocket"),
        *("-H", "Sec-WebSocket-Version: 13", "-H", "Sec-WebSocket-Key: aW5ncmVzc2RvY3Rvci4uLg=="),
        target.url,
    )
